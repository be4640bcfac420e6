import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { brokeOff, whole } from './every-store.ts';
import { passed } from './passed.ts';

/** Where an upload goes, and what each of its requests says besides. */
export interface UploadTarget {
  readonly client: S3Client;
  readonly bucket: string;
  readonly key: string;
  /** For the object as a whole. */
  readonly args: object;
  /** For each request of one that goes in parts. */
  readonly partArgs: object;
  /** Sends what is short, with its hash, in a shorter way; undefined where that did not succeed. */
  readonly putShort?: (bytes: Uint8Array, sha256: string) => Promise<Outcome | undefined>;
}

/** Bytes. */
export interface UploadLimits {
  /** A body of a known length up to this goes as one request. S3 takes 5 GiB. */
  readonly single: number;
  /** What a longer one is cut into; each piece streams. S3 takes 10,000 of them. */
  readonly streamed: number;
  /** What a body of an unknown length is cut into; each piece is held in memory. S3 takes no smaller one. */
  readonly held: number;
  /** What the copy of a longer object is cut into: so short that S3 copies it before the connection counts as dead. */
  readonly copied: number;
}

const MiB = 1024 * 1024;
export const usualLimits: UploadLimits = {
  single: 5 * 1024 * MiB,
  streamed: 1024 * MiB,
  held: 5 * MiB,
  copied: 1024 * MiB,
};

export interface Uploaded {
  readonly size: number;
  readonly sha256: string;
  /** As S3 says it, in quotes. */
  readonly etag: string | undefined;
  readonly version: string | undefined;
}

/**
 * Sends a body as it comes. What breaks off, or has another length than was said, never becomes an object: the last
 * bytes are sent when the body has ended.
 */
export async function upload(
  target: UploadTarget,
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
  limits: UploadLimits = usualLimits,
): Promise<Uploaded> {
  const hash = createHash('sha256');
  let size = 0;
  const chunks = passing(body, length, (chunk) => {
    hash.update(chunk);
    size += chunk.byteLength;
  });
  if (length !== undefined && length <= short) {
    const bytes = await whole(chunks);
    const sha256 = hash.digest('hex');
    const outcome = (await target.putShort?.(bytes, sha256)) ?? (await putObject(target, bytes, length));
    return { size, sha256, ...outcome };
  }
  const outcome = await (length === undefined
    ? uploadHeld(target, new Source(chunks), limits.held)
    : length <= limits.single
      ? putObject(target, chunks, length)
      : uploadStreamed(target, new Source(chunks), length, limits.streamed));
  return { size, sha256: hash.digest('hex'), ...outcome };
}

/** Bytes. So short a body costs less to hold than to stream. */
const short = 256 * 1024;

export type Outcome = Pick<Uploaded, 'etag' | 'version'>;

async function putObject(
  { client, bucket, key, args }: UploadTarget,
  body: AsyncIterable<Uint8Array> | Uint8Array,
  length: number,
): Promise<Outcome> {
  const { ETag, VersionId } = await sending(body, (Body, options) =>
    client.send(
      new PutObjectCommand({ ...args, Bucket: bucket, Key: key, Body, ContentLength: length }),
      options,
    ),
  );
  return { etag: ETag, version: VersionId };
}

const uploadStreamed = (target: UploadTarget, source: Source, length: number, size: number) =>
  sendInParts(target, async (send) => {
    for (let start = 0; start < length; start += size) {
      const part = Math.min(size, length - start);
      await send(source.take(part), part);
    }
  });

async function uploadHeld(target: UploadTarget, source: Source, size: number): Promise<Outcome> {
  const first = await source.collect(size);
  if (first.byteLength < size) return putObject(target, first, first.byteLength);
  return sendInParts(target, async (send) => {
    for (let part = first; part.byteLength > 0; part = await source.collect(size))
      await send(part, part.byteLength);
  });
}

type SendPart = (body: AsyncIterable<Uint8Array> | Uint8Array, length: number) => Promise<void>;

const sendInParts = (target: UploadTarget, sendAll: (send: SendPart) => Promise<void>): Promise<Outcome> =>
  inParts(target, async (at) => {
    const parts: CompletedPart[] = [];
    await sendAll(async (body, length) => {
      const PartNumber = parts.length + 1;
      const { ETag } = await sending(body, (Body, options) =>
        target.client.send(
          new UploadPartCommand({ ...at, PartNumber, Body, ContentLength: length }),
          options,
        ),
      );
      parts.push({ PartNumber, ETag });
    });
    return parts;
  });

/** What the requests for the parts of one object say. */
export interface PartsOf {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

/**
 * Makes an object of the parts that `make` sends, in their order. What was sent of one that fails is given up; where
 * even that fails, the sweep does it.
 */
export async function inParts(
  { client, bucket, key, args, partArgs }: UploadTarget,
  make: (at: PartsOf) => Promise<CompletedPart[]>,
): Promise<Outcome> {
  const named = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...args, ...named }));
  const at = { ...partArgs, ...named, UploadId };
  try {
    const { ETag, VersionId } = await client.send(
      new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts: await make(at) } }),
    );
    return { etag: ETag, version: VersionId };
  } catch (error) {
    await client.send(new AbortMultipartUploadCommand(at)).catch(() => {});
    throw error;
  }
}

/** The SDK does not see that a body fails, and would wait for the rest of it: the request is given up here. */
async function sending<T>(
  body: AsyncIterable<Uint8Array> | Uint8Array,
  send: (body: Readable | Uint8Array, options: { abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const giveUp = new AbortController();
  if (body instanceof Uint8Array) return send(body, { abortSignal: giveUp.signal });
  let failure: unknown;
  const stream = Readable.from(body, { objectMode: false });
  stream.on('error', (error) => {
    failure = error;
    giveUp.abort();
  });
  try {
    return await send(stream, { abortSignal: giveUp.signal });
  } catch (error) {
    throw failure ?? error;
  } finally {
    stream.destroy();
  }
}

/** The body as it passes; its last bytes are held back until it is known to be as long as was said. */
async function* passing(
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
  see: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    see(chunk);
    passed(chunk.byteLength);
    size += chunk.byteLength;
    if (length !== undefined && size > length) throw brokeOff(size, length);
    if (held) yield held;
    held = chunk;
  }
  if (length !== undefined && size < length) throw brokeOff(size, length);
  if (held) yield held;
}

/** A body that is taken in pieces. */
class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array | undefined;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** As many of the bytes that follow, or fewer at the end. */
  async *take(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const chunk = this.#rest ?? (await this.#chunks.next()).value;
      if (chunk === undefined) return;
      const piece = chunk.subarray(0, left);
      this.#rest = chunk.byteLength > left ? chunk.subarray(left) : undefined;
      left -= piece.byteLength;
      yield piece;
    }
  }

  collect(size: number): Promise<Uint8Array> {
    return whole(this.take(size));
  }
}
