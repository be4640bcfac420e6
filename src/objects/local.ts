import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type BigIntStats, constants, type StatsBase } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { invalidParameter, MlflowError, notFound } from '../contract/error.ts';
import { behindEnd, brokeOff, byCodePoint, changed, namesIn, noSuch, telling } from './every-store.ts';
import { isInside } from './inside.ts';
import type {
  ByteRange,
  Copied,
  Identity,
  ObjectStore,
  Stored,
  StoredEntry,
  StoredObject,
  WalkedFile,
} from './object-store.ts';
import { OpenFile } from './open-file.ts';
import { passed } from './passed.ts';

/** MLflow hides and reserves names with this start, so what lies here is hidden from it too. */
const reserved = '.artifact.uploading.';
const uploads = `${reserved}tabularium`;

/** What is read, and what is written, at once; bytes. */
const readSize = 512 * 1024;
const batchSize = 512 * 1024;

/** Files under the absolute path `root`, which is created by the first `put`. */
export function localStore(root: string): ObjectStore {
  return {
    put: (path, body, length) => told.one(path, put(root, path, body, length)),
    get: (path, range) => told.one(path, get(root, path, range)),
    stat: (path) => told.one(path, find(root, path)),
    list: (path) => told.one(path, list(root, path)),
    walk: (path) => told.each(path, walk(root, path)),
    copy: (from, to, etag, hashing) => told.one(to, copy(root, from, to, etag, hashing)),
    delete: (path) => told.one(path, remove(root, path)),
    sweep: (age) => told.one('', sweep(root, age)),
  };
}

/** What nobody wrote to for so long was broken off. */
async function sweep(root: string, age: number): Promise<void> {
  const folder = join(root, uploads);
  for (const name of await readdir(folder).catch(ifAbsent([]))) {
    const file = join(folder, name);
    const info = await stat(file).catch(ifAbsent(undefined));
    if (info && Date.now() - info.mtimeMs > age) await rm(file, { force: true });
  }
}

/** The bytes go to a file of their own in the same file system, are synced, and take their name at the very end. */
async function put(
  root: string,
  path: string,
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
): Promise<Stored> {
  const hash = createHash('sha256');
  const written = await inOneStep(root, path, async (upload) => {
    const file = await OpenFile.open(upload, 'wx');
    try {
      await writeAll(file, body, hash);
      await file.sync();
      const written = identityOf(file.stat());
      if (length !== undefined && written.size !== length) throw brokeOff(written.size, length);
      return written;
    } finally {
      file.close();
    }
  });
  return { ...written, sha256: hash.digest('hex') };
}

/** Writes while it hashes what comes next. */
async function writeAll(file: OpenFile, body: AsyncIterable<Uint8Array>, hash: Hash): Promise<void> {
  let writing: Promise<unknown> | undefined;
  let batch: Uint8Array[] = [];
  let size = 0;
  const flush = async () => {
    await writing;
    writing = file.append(batch, size);
    // It is awaited later; until then a failure is nobody's.
    writing.catch(() => {});
    batch = [];
    size = 0;
  };
  for await (const chunk of body) {
    hash.update(chunk);
    batch.push(chunk);
    size += chunk.byteLength;
    passed(chunk.byteLength);
    if (size >= batchSize) await flush();
  }
  await flush();
  await writing;
}

async function copy(
  root: string,
  from: string,
  to: string,
  etag: string | undefined,
  hashing = false,
): Promise<Copied> {
  const source = await realFile(root, from);
  if (source === undefined) throw noSuch(from);
  const refuseOthers = async () => {
    if (etag !== undefined && (await identify(root, from))?.etag !== etag) throw changed(from);
  };
  let sha256: string | undefined;
  const copied = await inOneStep(root, to, async (upload) => {
    await refuseOthers();
    sha256 = await copyBytes(source, upload, hashing);
    // It was these bytes before, and it is now: so it was while it was read.
    await refuseOthers();
    const file = await OpenFile.open(upload, 'r+');
    try {
      await file.sync();
      return identityOf(file.stat());
    } finally {
      file.close();
    }
  });
  return { ...copied, sha256 };
}

/**
 * Copies a file to a new one, which shares its blocks until one of the two is written to, where the file system knows
 * that. Else with `hashing` it reads the bytes, and answers their hash, so that nobody reads them again.
 */
async function copyBytes(source: string, target: string, hashing: boolean): Promise<string | undefined> {
  const sharing = hashing ? constants.COPYFILE_FICLONE_FORCE : constants.COPYFILE_FICLONE;
  try {
    await copyFile(source, target, sharing | constants.COPYFILE_EXCL);
    return undefined;
  } catch (error) {
    if (!hashing || !cannotShare.has(codeOf(error))) throw error;
  }
  const hash = createHash('sha256');
  const from = await OpenFile.open(source, 'r');
  const to = await OpenFile.open(target, 'wx').catch((error) => {
    from.close();
    throw error;
  });
  try {
    await writeAll(to, contentOf(from, { start: 0, end: Number(from.stat().size) - 1 }), hash);
  } finally {
    to.close();
  }
  return hash.digest('hex');
}

/** What a file system says that knows no shared blocks, or not between these two files. */
const cannotShare: ReadonlySet<string | undefined> = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'ENOTTY',
  'EINVAL',
  'EXDEV',
]);

/** Makes a file by `write`, under a name that nobody sees, and gives it its name when it is whole. */
async function inOneStep(
  root: string,
  path: string,
  write: (upload: string) => Promise<Identity>,
): Promise<Identity> {
  const target = within(root, path);
  if (target === root) throw invalidParameter('Invalid path');
  const there = await lstat(target).catch(ifAbsent(undefined));
  await realPathInside(root, there?.isSymbolicLink() ? target : dirname(target));
  const upload = join(root, uploads, randomUUID());
  try {
    const written = await write(upload).catch(async (error) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      await mkdir(join(root, uploads), { recursive: true });
      return write(upload);
    });
    await moveInto(upload, target);
    return written;
  } catch (error) {
    await rm(upload, { force: true });
    throw error;
  }
}

/** Renames; makes the folder where it is not there, and anew if somebody deletes it in between. */
async function moveInto(upload: string, target: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(upload, target);
      // Without it a power cut could take the name back.
      return await syncFolder(dirname(target));
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === 10) throw error;
      await mkdir(dirname(target), { recursive: true });
    }
  }
}

/** By their folder the syncs under way, and those that wait for them. */
const syncing = new Map<string, Promise<void>>();
const due = new Map<string, Promise<void>>();

/** Syncs the names in a folder. Files that come at once share a sync: one that has not begun covers what is there by then. */
function syncFolder(folder: string): Promise<void> {
  const shared = due.get(folder);
  if (shared) return shared;
  const next = (async () => {
    await syncing.get(folder)?.catch(() => {});
    due.delete(folder);
    const sync = syncNames(folder);
    syncing.set(folder, sync);
    await sync.finally(() => syncing.get(folder) === sync && syncing.delete(folder));
  })();
  due.set(folder, next);
  return next;
}

async function syncNames(folder: string): Promise<void> {
  const file = await OpenFile.open(folder, 'r');
  await file.sync().finally(() => file.close());
}

/** To open a pipe, or a device, could wait for ever. */
const openAtOnce = constants.O_RDONLY | constants.O_NONBLOCK;

async function get(root: string, path: string, range?: ByteRange): Promise<StoredObject> {
  const file = await openInside(root, within(root, path));
  if (!file) throw noSuch(path);
  try {
    // Of what is open: another upload to its name does not change it any more.
    const info = file.stat();
    if (!isFile(info, path)) throw noSuch(path);
    const identity = identityOf(info);
    if (range && range.start >= identity.size) throw behindEnd(path);
    return { ...identity, body: contentOf(file, range ?? { start: 0, end: identity.size - 1 }) };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Undefined for what is not there. Of what lies outside of the root nothing else is said than that it does. */
async function openInside(root: string, path: string): Promise<OpenFile | undefined> {
  let file: OpenFile | undefined;
  try {
    file = await OpenFile.open(path, openAtOnce);
    const real = file.realPath();
    if (real === undefined) await realPathInside(root, path);
    else await requireInside(root, real);
    return file;
  } catch (error) {
    if (file) file.close();
    else await realPathInside(root, path);
    // A socket.
    if (codeOf(error) === 'ENXIO') return undefined;
    return ifAbsent(undefined)(error);
  }
}

/** The real path of a file; undefined for what is none. */
async function realFile(root: string, path: string): Promise<string | undefined> {
  const real = await realPathInside(root, within(root, path));
  const info = await stat(real).catch(ifAbsent(undefined));
  return info && isFile(info, path) ? real : undefined;
}

/** @throws RESOURCE_DOES_NOT_EXIST for a folder, in the words of MLflow. */
function isFile(info: StatsBase<number> | StatsBase<bigint>, path: string): boolean {
  if (info.isDirectory()) throw notFound(`Artifact path refers to a directory, not a file: '${path}'`);
  return info.isFile();
}

async function find(root: string, path: string): Promise<Identity | undefined> {
  return (await isAbsent(root, path)) ? undefined : identify(root, path);
}

async function identify(root: string, path: string): Promise<Identity | undefined> {
  const real = await realPathInside(root, within(root, path));
  const info = await stat(real, { bigint: true }).catch(ifAbsent(undefined));
  return info?.isFile() ? identityOf(info) : undefined;
}

/** Whether there is nothing, which one call tells: to make sure that what is there lies inside takes one for each name. */
async function isAbsent(root: string, path: string): Promise<boolean> {
  return (await lstat(within(root, path)).catch(ifAbsent(undefined))) === undefined;
}

/** An upload makes a new inode, a write in place a new time, to the nanosecond. */
const identityOf = ({ ino, size, mtimeNs, mtimeMs }: BigIntStats): Identity => ({
  size: Number(size),
  etag: [ino, size, mtimeNs].map((number) => number.toString(16)).join('-'),
  modified: Number(mtimeMs),
});

/** The file is closed at the end, at a failure, and when nobody wants the rest. */
function contentOf(file: OpenFile, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await file.read(Math.min(readSize, end + 1 - position), position);
          position += chunk.byteLength;
          passed(chunk.byteLength);
          if (chunk.byteLength > 0) controller.enqueue(chunk);
          if (chunk.byteLength > 0 && position <= end) return;
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        file.close();
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}

async function list(root: string, path: string): Promise<StoredEntry[]> {
  return (await entriesIn(root, await realPathInside(root, within(root, path)))).sort(byCodePoint);
}

/** What is shown of a folder, by its real path; in no order. */
async function entriesIn(root: string, folder: string): Promise<StoredEntry[]> {
  const names = await readdir(folder).catch(ifAbsent([]));
  const entries = await Promise.all(names.map((name) => entryOf(root, folder, name)));
  return entries.filter((entry) => entry !== undefined);
}

/** Undefined for what is not shown: uploads under way, links that lead nowhere or out of the root, devices. */
async function entryOf(root: string, folder: string, name: string): Promise<StoredEntry | undefined> {
  if (name.startsWith(reserved)) return undefined;
  let path = join(folder, name);
  let info = await lstat(path).catch(ifAbsent(undefined));
  if (info?.isSymbolicLink()) {
    const real = await realPathInside(root, path).catch(() => undefined);
    if (real === undefined) return undefined;
    path = real;
    info = await stat(path).catch(ifAbsent(undefined));
  }
  if (info?.isDirectory()) return { name, size: undefined };
  return info?.isFile() ? { name, size: info.size } : undefined;
}

/** With its slash a folder takes the place that the paths in it have among its neighbours. */
const walkedName = ({ name, size }: StoredEntry) => (size === undefined ? `${name}/` : name);

async function* walk(root: string, path: string): AsyncGenerator<WalkedFile> {
  if (!(await isAbsent(root, path))) yield* walkFolder(root, path, []);
}

/** @param above the real paths of the folders that are being walked: a link back to one of them ends there. */
async function* walkFolder(root: string, path: string, above: readonly string[]): AsyncGenerator<WalkedFile> {
  const real = await realPathInside(root, within(root, path));
  if (above.includes(real)) return;
  const entries = (await entriesIn(root, real)).map((entry) => ({ ...entry, name: walkedName(entry) }));
  for (const { name, size } of entries.sort(byCodePoint)) {
    const below = path === '' ? name : `${path}/${name}`;
    if (size === undefined) {
      for await (const file of walkFolder(root, below.slice(0, -1), [...above, real]))
        yield { ...file, path: name + file.path };
    } else {
      const identity = await identify(root, below);
      if (identity) yield { path: name, size: identity.size, etag: identity.etag };
    }
  }
}

async function remove(root: string, path: string): Promise<void> {
  const target = within(root, path);
  if (target === root) throw invalidParameter('Invalid path');
  // Only the folder is looked at: a link is removed itself, never what it leads to.
  await realPathInside(root, dirname(target));
  await rm(target, { recursive: true, force: true, maxRetries: 3 }).catch(ifAbsent(undefined));
}

/** The absolute path, by text alone. */
function within(root: string, path: string): string {
  const names = namesIn(path);
  const taken = names.find((name) => name.startsWith(reserved));
  if (taken !== undefined)
    throw invalidParameter(
      `Invalid artifact file name: '${taken}'. Artifact names starting with '${reserved}' are reserved.`,
    );
  return join(root, ...names);
}

/**
 * Where a path leads once links are followed; what is not there yet is taken as it is. Throws if that is outside
 * of the root. A link that is made between this check and the use is not seen: that takes a writer on the server's
 * own disk.
 */
async function realPathInside(root: string, path: string): Promise<string> {
  let existing = path;
  while (existing !== root) {
    const real = await realpath(existing).catch(ifAbsent(undefined));
    if (real !== undefined) {
      await requireInside(root, real);
      return join(real, relative(existing, path));
    }
    const link = await lstat(existing).catch(ifAbsent(undefined));
    if (link?.isSymbolicLink()) throw outside();
    existing = dirname(existing);
  }
  return path;
}

async function requireInside(root: string, real: string): Promise<void> {
  // A real path that begins with the root as it is written proves that no link is in that: it is asked for else.
  if (!isInside(root, real) && !isInside(await realpath(root), real)) throw outside();
}

const outside = () => invalidParameter('Invalid path: resolved path is outside the artifact directory');

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

/** For `catch`: a value in place of the error that a file is not there. */
function ifAbsent<T>(value: T): (error: unknown) => T {
  return (error) => {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return value;
    throw error;
  };
}

/** Says in one sentence why the file system refused. */
function explained(path: string, cause: unknown): unknown {
  switch (codeOf(cause)) {
    case 'ENAMETOOLONG':
      return invalidParameter('Invalid path: a name in it is too long', { cause });
    case 'ELOOP':
      return outside();
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOTEMPTY':
      return invalidParameter(
        `Invalid artifact path: '${path}' needs a folder where a file is, or the reverse`,
        {
          cause,
        },
      );
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new MlflowError('INVALID_STATE', 'The disk that holds the artifacts is full', { cause });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MlflowError('INVALID_STATE', 'The server may not read or write its folder of artifacts', {
        cause,
      });
    default:
      return cause;
  }
}

const told = telling(explained);
