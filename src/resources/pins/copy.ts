import { basename } from 'node:path';
import { MlflowError } from '../../contract/error.ts';
import type { ManifestEntry } from '../../contract/manifest.ts';
import type { ObjectStore, WalkedFile } from '../../objects/object-store.ts';
import { eachOf, filesAt, hashFile } from './files.ts';
import { folderOfAttempt, sameFiles } from './rules.ts';
import type { ClaimedPin } from './store.ts';

/** Files that are copied or hashed at a time, of one version. */
const atOnce = 8;

/** What there is in a folder, or what file a path names. */
export interface Listing {
  readonly files: readonly WalkedFile[];
  /** The name of the file where the path is that of one; its own path then is ''. */
  readonly single: string | undefined;
}

export async function listFiles(objects: ObjectStore, source: string): Promise<Listing> {
  const files = await filesAt(objects, source);
  return { files, single: files[0]?.path === '' ? basename(source) : undefined };
}

/** The entries of the manifest, if the hash of each file is known. */
export function entriesOf(
  { files, single }: Listing,
  hashes: ReadonlyMap<string, string>,
): ManifestEntry[] | undefined {
  const entries: ManifestEntry[] = [];
  for (const { path, size } of files) {
    const sha256 = hashes.get(path);
    if (sha256 === undefined) return undefined;
    entries.push({ path: single ?? path, size, sha256 });
  }
  return entries;
}

/**
 * Copies the files to a folder of this attempt's own, each only as long as it is known by the same etag, and looks at the
 * end whether they are still all: what is copied was there at one moment.
 *
 * @param known the hashes of files, by their paths; those of others are added that the copy has read.
 * @returns where the copy lies.
 * @throws RESOURCE_CONFLICT where somebody writes to the source meanwhile.
 */
export async function copyFiles(
  objects: ObjectStore,
  pin: ClaimedPin,
  { files, single }: Listing,
  known: Map<string, string>,
  signal: AbortSignal,
): Promise<string> {
  const folder = folderOfAttempt(pin.id, pin.attempt);
  await eachOf(files, atOnce, async ({ path, etag }) => {
    signal.throwIfAborted();
    const [from, to] = [below(pin.source, path), below(folder, single ?? path)];
    const { sha256 } = await objects.copy(from, to, etag, !known.has(path));
    if (sha256 !== undefined) known.set(path, sha256);
  });
  if (!sameFiles(files, await filesAt(objects, pin.source))) throw changing();
  return single === undefined ? folder : `${folder}/${single}`;
}

export const changing = (): MlflowError =>
  new MlflowError('RESOURCE_CONFLICT', 'Its files were changed while they were copied');

/** Reads all files of a version. @param known the hashes of what needs no reading. */
export async function hashCopy(
  objects: ObjectStore,
  location: string,
  known: ReadonlyMap<string, string> = new Map(),
  signal?: AbortSignal,
): Promise<ManifestEntry[]> {
  const { files, single } = await listFiles(objects, location);
  const entries: ManifestEntry[] = [];
  await eachOf([...files.entries()], atOnce, async ([place, { path, size }]) => {
    signal?.throwIfAborted();
    const sha256 = known.get(path);
    const hashed =
      sha256 === undefined ? await hashFile(objects, below(location, path), signal) : { size, sha256 };
    entries[place] = { path: single ?? path, ...hashed };
  });
  return entries;
}

const below = (folder: string, path: string): string => (path === '' ? folder : `${folder}/${path}`);
