import { isPartOfVersion } from '../../contract/manifest.ts';
import { hashBytes } from '../../objects/hash-bytes.ts';
import type { ObjectStore, WalkedFile } from '../../objects/object-store.ts';

/** All files of a version below a path, or the file itself that is there. */
export async function filesAt(objects: ObjectStore, path: string): Promise<WalkedFile[]> {
  const files: WalkedFile[] = [];
  for await (const file of objects.walk(path)) if (isPartOfVersion(file.path)) files.push(file);
  if (files.length > 0) return files;
  const file = await objects.stat(path);
  return file ? [{ path: '', size: file.size, etag: file.etag }] : [];
}

/** Whether there is any file of a version below a path, or at it. */
export async function holdsFiles(objects: ObjectStore, path: string): Promise<boolean> {
  for await (const file of objects.walk(path)) if (isPartOfVersion(file.path)) return true;
  return (await objects.stat(path)) !== undefined;
}

/** Size (bytes) and SHA-256 (hex) of what is stored at a path, read once. */
export async function hashFile(
  objects: ObjectStore,
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ size: number; sha256: string }> {
  const { body } = await objects.get(path);
  return hashBytes(signal ? until(signal, body) : body);
}

async function* until(signal: AbortSignal, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    signal.throwIfAborted();
    yield chunk;
  }
}

/** Does one thing for each of many, a few at a time; the first failure ends it when those under way are done. */
export async function eachOf<T>(
  all: readonly T[],
  atOnce: number,
  one: (each: T) => Promise<void>,
): Promise<void> {
  const rest = all.values();
  let failed = false;
  const take = async (): Promise<void> => {
    for (const each of rest) {
      if (failed) return;
      await one(each).catch((error) => {
        failed = true;
        throw error;
      });
    }
  };
  const takers = await Promise.allSettled(Array.from({ length: atOnce }, take));
  const first = takers.find((taker) => taker.status === 'rejected');
  if (first) throw first.reason;
}
