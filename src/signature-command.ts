import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Logger } from 'pino';
import { placesOfCommand } from './artifact-places.ts';
import { besideServers, type StorageConfig } from './beside-servers.ts';
import { MlflowError } from './contract/error.ts';
import { isPartOfVersion, type ManifestEntry, parseManifest, signatureFile } from './contract/manifest.ts';
import { everything } from './contract/scope.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import { hashBytes } from './objects/hash-bytes.ts';
import { placeOf } from './objects/locate.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { modelVersionUri } from './resources/artifacts/locations.ts';
import { hashCopy } from './resources/pins/copy.ts';
import { findKeeping, knowsPins } from './resources/pins/store.ts';
import { differences, notCovered, readTrust, type TrustedPem, verifyStatement } from './signing/verify.ts';

/** What `tabularium verify-signature` verifies: a folder, absolute, or a registered version. */
export type Signed =
  | { readonly kind: 'folder'; readonly folder: string }
  | ({ readonly kind: 'version'; readonly name: string; readonly version: string } & StorageConfig);

/** The files of a model and, as it was found beside them, what `model.sig` holds. */
interface Model {
  /** For people. */
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  readonly signature: string;
}

/** A signature names each file in some 150 bytes; the largest models have thousands. */
const largestSignature = 64 * 1024 * 1024;

/** So many paths are printed of each kind of difference. */
const mostPaths = 20;

/** Says whether the model is what its signature says, and throws a StartError of plain sentences where it is not. */
export async function runVerifySignature(signed: Signed, pem: TrustedPem, log: Logger): Promise<void> {
  const trust = readTrust(pem);
  const model = await findModel(signed, log);
  const statement = verifyStatement(model.signature, trust);
  const { changed, missing, extra } = differences(statement, model.entries);
  if (changed.length + missing.length + extra.length > 0)
    throw new StartError(
      [
        `${model.name} is not what ${statement.signer} has signed.`,
        ...lines('changed', changed),
        ...lines('missing', missing),
        ...lines('not signed', extra),
      ].join('\n'),
    );
  const say = (line: string) => process.stdout.write(`${line}\n`);
  say(`${model.name} is what ${statement.signer} has signed: ${filesOf(statement.files.length)}.`);
  say(`Root digest: sha256:${statement.rootDigest}`);
  const left = notCovered(statement, model.entries);
  if (left.length > 0) say(`The signature leaves out ${filesOf(left.length)}:`);
  for (const line of lines('left out', left)) say(line);
}

const filesOf = (count: number): string => (count === 1 ? '1 file' : `${count} files`);

function lines(what: string, paths: readonly string[]): string[] {
  const shown = paths.slice(0, mostPaths).map((path) => `  ${what}: ${printable(path)}`);
  return paths.length > mostPaths ? [...shown, `  ${what}: ${paths.length - mostPaths} more`] : shown;
}

/** A name may hold what a terminal would obey. */
const printable = (path: string): string =>
  path.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${sign.codePointAt(0)?.toString(16)}}`);

function findModel(signed: Signed, log: Logger): Promise<Model> {
  return signed.kind === 'folder' ? modelInFolder(signed.folder) : registeredModel(signed, log);
}

/** A folder of this machine. Links are refused, as `model_signing` does: what they lead to is no part of the folder. */
async function modelInFolder(folder: string): Promise<Model> {
  const signature = await readSignature(join(folder, signatureFile)).catch((cause) => {
    throw cause instanceof StartError ? cause : noSignature(folder, cause);
  });
  const entries: ManifestEntry[] = [];
  for (const found of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (found.isDirectory()) continue;
    const file = join(found.parentPath, found.name);
    const path = relative(folder, file).split(sep).join('/');
    if (!found.isFile())
      throw new StartError(`${printable(file)} is a link or device, which a signed model may not hold.`);
    if (isPartOfVersion(path)) entries.push({ path, ...(await hashBytes(createReadStream(file))) });
  }
  return { name: folder, entries, signature };
}

async function readSignature(file: string): Promise<string> {
  checkSize((await stat(file)).size);
  return readFile(file, 'utf8');
}

function checkSize(size: number): void {
  if (size > largestSignature) throw new StartError(`${signatureFile} is too large to be a signature.`);
}

const noSignature = (where: string, cause: unknown) =>
  new StartError(`There is no ${signatureFile} that can be read in ${where}.`, { cause });

/**
 * A version by what was registered, which `tabularium verify` compares with the bytes. Of a pointer, or where hashing is
 * not done yet, the files are read. Servers may run beside this.
 */
const registeredModel = (signed: Extract<Signed, { kind: 'version' }>, log: Logger): Promise<Model> =>
  besideServers(signed.database, log, (sql) => findVersion(sql, signed));

async function findVersion(sql: Sql, signed: Extract<Signed, { kind: 'version' }>): Promise<Model> {
  const { name, version } = signed;
  const places = placesOfCommand(signed);
  const { objects, path } = placeOf(await modelVersionUri(sql, everything, name, version), '', places);
  const shown = `models:/${name}/${version}`;
  const bytes = await readStored(objects, `${path}/${signatureFile}`).catch((cause) => {
    throw cause instanceof MlflowError && cause.code === 'RESOURCE_DOES_NOT_EXIST'
      ? noSignature(shown, cause)
      : cause;
  });
  const signature = bytes.toString('utf8');
  const kept = (await knowsPins(sql)) ? await findKeeping(sql, everything, name, Number(version)) : undefined;
  if (!kept?.manifest) return { name: shown, entries: await hashCopy(objects, path), signature };
  const entries = parseManifest(kept.manifest);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (entries.find((entry) => entry.path === signatureFile)?.sha256 !== sha256)
    throw new StartError(`The ${signatureFile} of ${shown} is not the one that was registered.`);
  return { name: shown, entries, signature };
}

async function readStored(objects: ObjectStore, path: string): Promise<Buffer> {
  const { size, body } = await objects.get(path);
  try {
    checkSize(size);
  } catch (error) {
    await body.cancel();
    throw error;
  }
  return buffer(body);
}
