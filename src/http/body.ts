import type { Context } from 'hono';
import { invalidParameter, MlflowError } from '../contract/error.ts';

const mebibyte = 1024 * 1024;

/**
 * The text of a request, at most `limit` bytes of it. A longer one is refused (INVALID_PARAMETER_VALUE) without
 * keeping more than `limit` bytes; MLflow has no limit and reads whatever comes into memory. Bytes that are no
 * UTF-8 read as an empty text: MLflow drops a body that it cannot parse and then misses what it should have held.
 * A byte order mark is left out.
 */
export async function readBody(c: Context, limit: number): Promise<string> {
  try {
    return decode(await readBytes(c, limit));
  } catch (cause) {
    if (cause instanceof MlflowError) throw cause;
    // Only its log reads this. The code of the error is that of a socket, which must not pass for the database's.
    throw invalidParameter('The body of the request broke off before its end.', { cause });
  }
}

async function readBytes(c: Context, limit: number): Promise<ArrayBuffer | Uint8Array> {
  const declared = c.req.header('content-length');
  if (declared !== undefined) {
    if (Number(declared) > limit) throw tooLong(limit);
    // Node's parser ends the body at the length declared.
    return await c.req.arrayBuffer();
  }
  const { body } = c.req.raw;
  if (!body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop by an error cancels the stream.
  for await (const chunk of body) {
    length += chunk.byteLength;
    if (length > limit) throw tooLong(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
