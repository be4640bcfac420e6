import { createHash, createPublicKey, type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { dsse } from '@sigstore/core';
import {
  digestOfDigests,
  isBelowAny,
  isPartOfVersion,
  type ManifestEntry,
  predicateType,
  signatureFile,
  statementType,
} from '../contract/manifest.ts';
import { StartError } from '../contract/start-error.ts';
import { readBundle, type SignedPayload, type Signer } from './bundle.ts';
import { readCertificates, trustedSigner } from './certificates.ts';

/** Whose signatures are believed. */
export type Trust =
  | { readonly kind: 'key'; readonly key: KeyObject }
  | { readonly kind: 'certificates'; readonly certificates: readonly X509Certificate[] };

/** The same as the text of a PEM file. */
export interface TrustedPem {
  readonly kind: Trust['kind'];
  readonly pem: string;
}

/** What the signer has said of the model. */
export interface Statement {
  /** Who signed it, for people. */
  readonly signer: string;
  /** Hex. */
  readonly rootDigest: string;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
  /** What the signer left out, with all that lies below. */
  readonly ignored: readonly string[];
}

/** How the files differ from the signed ones: paths, in order. */
export interface Differences {
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/** The hash that goes with each curve that Model Signing knows (Sigstore's table of algorithms). */
const hashOfCurve: Readonly<Record<string, string>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};

const payloadType = 'application/vnd.in-toto+json';

/** @throws StartError where the text is not what its kind says. */
export const readTrust = ({ kind, pem }: TrustedPem): Trust =>
  kind === 'key' ? { kind, key: readPublicKey(pem) } : { kind, certificates: readCertificates(pem) };

/** @throws StartError where the PEM text holds no public key of a kind that Model Signing uses. */
function readPublicKey(pem: string): KeyObject {
  // Node would make a public key of a private one as well, and nobody should have that lie beside models.
  if (!/-----BEGIN (EC )?PUBLIC KEY-----/.test(pem))
    throw new StartError('The file of the public key holds none (PEM, -----BEGIN PUBLIC KEY-----).');
  try {
    const key = createPublicKey(pem);
    hashFor(key);
    return key;
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError('The public key cannot be read.', { cause });
  }
}

/**
 * Checks the signature, and answers what it says.
 *
 * @param text what `model.sig` holds.
 * @throws StartError where it is not the signature of somebody trusted over a statement of Model Signing v1.0.
 */
export function verifyStatement(text: string, trust: Trust): Statement {
  const signed = readBundle(text);
  const { key, signer } = signerOf(signed.signer, trust);
  verifySignature(signed, key);
  return { ...readStatement(signed), signer };
}

function signerOf(signer: Signer, trust: Trust): { key: KeyObject; signer: string } {
  if (trust.kind === 'certificates') {
    if (signer.kind === 'key')
      throw new StartError('The signature was made with a bare key: give that key, not certificates.');
    const { key, subject } = trustedSigner(signer.chain, trust.certificates);
    return { key, signer: `the holder of the certificate ${subject}` };
  }
  if (signer.kind === 'certificates')
    throw new StartError('The signature was made with a certificate: give the certificates, not a key.');
  if (signer.hint !== '' && signer.hint !== fingerprint(trust.key))
    throw new StartError('The signature was made with another key.');
  return { key: trust.key, signer: `the key ${fingerprint(trust.key)}` };
}

/** SHA-256 (hex) of the PEM text, by which Model Signing names a key. */
const fingerprint = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'pem' }))
    .digest('hex');

function hashFor(key: KeyObject): string {
  const hash = hashOfCurve[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!hash)
    throw new StartError(
      'The key is not one of the kinds that Model Signing uses: ECDSA on P-256, P-384 or P-521.',
    );
  return hash;
}

function verifySignature({ payloadType, payload, signature }: SignedPayload, key: KeyObject): void {
  if (!verify(hashFor(key), dsse.preAuthEncoding(payloadType, payload), key, signature))
    throw new StartError('The signature is not that of the key: it, or the statement in it, was changed.');
}

function readStatement(signed: SignedPayload): Omit<Statement, 'signer'> {
  if (signed.payloadType !== payloadType)
    throw new StartError(`What is signed is of the type '${signed.payloadType}', not '${payloadType}'.`);
  const statement = parseJson(signed.payload.toString('utf8'));
  if (statement?._type !== statementType || statement.predicateType !== predicateType)
    throw new StartError(
      `What is signed is a statement of the type '${statement?.predicateType}', not '${predicateType}'.`,
    );
  const { serialization, resources } = statement.predicate ?? {};
  if (serialization?.method !== 'files' || serialization.hash_type !== 'sha256')
    throw new StartError(
      `The signer hashed ${serialization?.method} by ${serialization?.hash_type}; only files by sha256 can be checked here.`,
    );
  const files = filesOf(resources);
  const [subject, ...others] = Array.isArray(statement.subject) ? statement.subject : [];
  const rootDigest = subject?.digest?.sha256;
  if (others.length > 0 || rootDigest !== digestOfDigests(files))
    throw new StartError(
      'The signed statement contradicts itself: its root digest is not that of its files.',
    );
  return { rootDigest, files, ignored: pathsOf(serialization.ignore_paths ?? []) };
}

function parseJson(text: string) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StartError('What is signed is no JSON.', { cause });
  }
}

function filesOf(resources: unknown): Statement['files'] {
  if (!Array.isArray(resources)) throw malformed();
  const files = resources.map((file) => {
    const { name, algorithm, digest } = file ?? {};
    if (typeof name !== 'string' || algorithm !== 'sha256' || !/^[0-9a-f]{64}$/.test(digest))
      throw malformed();
    return { path: name, sha256: digest };
  });
  if (new Set(files.map(({ path }) => path)).size < files.length) throw malformed();
  return files;
}

function pathsOf(list: unknown): string[] {
  if (!Array.isArray(list) || list.some((path) => typeof path !== 'string')) throw malformed();
  return list;
}

const malformed = () =>
  new StartError('The signed statement is not one of Model Signing v1.0: its lists are not.');

/**
 * Compares what is there with what was signed. Neither the signature itself is looked at, nor what the signer left
 * out, nor the client's own note, which is no part of a version.
 */
export function differences({ files, ignored }: Statement, entries: readonly ManifestEntry[]): Differences {
  const counts = (path: string) =>
    isPartOfVersion(path) && path !== signatureFile && !isBelowAny(ignored, path);
  const signed = new Map(
    files.filter(({ path }) => isPartOfVersion(path)).map((file) => [file.path, file.sha256]),
  );
  const present = new Map(entries.filter(({ path }) => counts(path)).map((one) => [one.path, one.sha256]));
  return {
    changed: [...signed.keys()].filter((path) => present.has(path) && present.get(path) !== signed.get(path)),
    missing: [...signed.keys()].filter((path) => !present.has(path)),
    extra: [...present.keys()].filter((path) => !signed.has(path)),
  };
}

/** Files that lie there and that the signature says nothing of, as the signer wanted. */
export const notCovered = ({ ignored }: Statement, entries: readonly ManifestEntry[]): string[] =>
  entries.map(({ path }) => path).filter((path) => path !== signatureFile && isBelowAny(ignored, path));
