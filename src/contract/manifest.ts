/**
 * The manifest of a version: which files it has, and the SHA-256 of each. Two digests are made of it, which must not
 * be confused:
 *
 * - its **address** stands for all that is kept, names, sizes and signature file included: two folders with one
 *   address are interchangeable, so that bytes are kept once under it.
 * - its **root digest** is the one that OpenSSF Model Signing signs. It covers only the digests of the signed files in
 *   their order, not their names (those stand beside it, signed too), so it tells models apart but is no address.
 */
import { createHash } from 'node:crypto';

/** One file: its path relative to the version's folder, its size in bytes, its SHA-256 as 64 lower-case hex digits. */
export interface ManifestEntry {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** The file that holds the version's signature, beside the files that it signs. */
export const signatureFile = 'model.sig';

/** What OpenSSF's signing leaves out, by default: only at the top, and with all that lies below. */
const notSigned: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore', signatureFile];

/**
 * Whether the file is part of a version at all. MLflow's client writes `registered_model_meta` into the folder that it
 * loads a version from, which is the version's own one where the artifacts are on a disk that both share.
 */
export const isPartOfVersion = (path: string): boolean => path !== 'registered_model_meta';

/** Whether OpenSSF's signing covers the file, where the signer did not say otherwise. */
export const isSigned = (path: string): boolean => !isBelowAny(notSigned, path);

/** Whether the path is one of these, or lies below one of them. */
export const isBelowAny = (folders: readonly string[], path: string): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

/**
 * OpenSSF's order, which is that of pathlib: name by name, each by code point, so that `a/b` comes before `a-b`. (As
 * whole text `-` would come before `/`.)
 */
export const inOrder = <T extends { readonly path: string }>(entries: readonly T[]): T[] =>
  entries
    .map((entry) => ({ entry, key: Buffer.from(entry.path.replaceAll('/', '\0')) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ entry }) => entry);

/** The manifest as text: one for one content, since order, fields and spacing are given. */
export const manifestText = (entries: readonly ManifestEntry[]): string =>
  JSON.stringify(inOrder(entries).map(({ path, size, sha256 }) => ({ path, size, sha256 })));

/** What `manifestText` gave. */
export const parseManifest = (text: string): ManifestEntry[] => JSON.parse(text);

/** SHA-256 (hex) of the text: the same for two versions exactly where all of their files are the same. */
export const manifestAddress = (entries: readonly ManifestEntry[]): string =>
  createHash('sha256').update(manifestText(entries)).digest('hex');

/** OpenSSF's root digest (hex): SHA-256 over the raw digests of these files, one after the other. */
export function digestOfDigests(entries: readonly { readonly sha256: string }[]): string {
  const hash = createHash('sha256');
  for (const { sha256 } of entries) hash.update(sha256, 'hex');
  return hash.digest('hex');
}

/** The root digest (hex) under which `model_signing` signs these files. */
export const rootDigest = (entries: readonly ManifestEntry[]): string =>
  digestOfDigests(inOrder(entries.filter(({ path }) => isSigned(path))));

export const statementType = 'https://in-toto.io/Statement/v1';
export const predicateType = 'https://model_signing/signature/v1.0';

/**
 * The statement that `model_signing` would sign for these files: what lies in the envelope of a `model.sig`.
 *
 * @param name how the statement calls the model, which nothing is checked against.
 */
export const statementOf = (name: string, entries: readonly ManifestEntry[]) => ({
  _type: statementType,
  subject: [{ name, digest: { sha256: rootDigest(entries) } }],
  predicateType,
  predicate: {
    serialization: {
      method: 'files',
      hash_type: 'sha256',
      allow_symlinks: false,
      ignore_paths: notSigned,
    },
    resources: inOrder(entries.filter(({ path }) => isSigned(path))).map(({ path, sha256 }) => ({
      name: path,
      algorithm: 'sha256',
      digest: sha256,
    })),
  },
});
