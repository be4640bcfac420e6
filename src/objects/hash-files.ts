import { createHash } from 'node:crypto';
import { isPartOfVersion, type ManifestEntry } from '../contract/manifest.ts';
import type { ObjectStore } from './object-store.ts';

/** Reads all files below a folder of a store, one after the other, for their hashes. */
export async function hashFiles(objects: ObjectStore, folder: string): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  for await (const { path } of objects.walk(folder)) {
    if (!isPartOfVersion(path)) continue;
    const { body } = await objects.get(folder === '' ? path : `${folder}/${path}`);
    entries.push({ path, ...(await hashBytes(body)) });
  }
  return entries;
}

/** Size (bytes) and SHA-256 (hex) of what comes. */
export async function hashBytes(body: AsyncIterable<Uint8Array>): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}
