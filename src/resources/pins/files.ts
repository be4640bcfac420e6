import { createHash } from 'node:crypto';
import { isPartOfVersion } from '../../contract/manifest.ts';
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

/** SHA-256 (hex) of what is stored at a path, read once. */
export async function hashOf(objects: ObjectStore, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const { body } = await objects.get(path);
  for await (const chunk of body) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash.digest('hex');
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
