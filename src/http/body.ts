import type { Context } from 'hono';
import { invalidParameter } from '../contract/error.ts';

const mebibyte = 1024 * 1024;

/**
 * The text of a request, at most `limit` bytes of it. A longer one is refused (INVALID_PARAMETER_VALUE) without
 * keeping more than `limit` bytes; MLflow has no limit and reads whatever comes into memory. Bytes that are no
 * UTF-8 read as an empty text: MLflow drops a body that it cannot parse and then misses what it should have held.
 * A byte order mark is left out.
 */
export async function readBody(c: Context, limit: number): Promise<string> {
  const declared = c.req.header('content-length');
  if (declared !== undefined) {
    if (Number(declared) > limit) throw tooLong(limit);
    // Node's parser ends the body at the length declared.
    return decode(await c.req.arrayBuffer());
  }
  const { body } = c.req.raw;
  if (!body) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by an error cancels the stream.
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > limit) throw tooLong(limit);
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks));
}

function tooLong(limit: number) {
  return invalidParameter(`The body of a request must not exceed ${limit / mebibyte} MiB.`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: ArrayBuffer | Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return '';
  }
}
