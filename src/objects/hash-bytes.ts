import { createHash } from 'node:crypto';

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
