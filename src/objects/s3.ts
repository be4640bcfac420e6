import type { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { MlflowError } from '../contract/error.ts';
import { byCodePoint, changed, noSuch } from './every-store.ts';
import type {
  ByteRange,
  Identity,
  ObjectStore,
  Stored,
  StoredEntry,
  StoredObject,
  WalkedFile,
} from './object-store.ts';
import { passed } from './passed.ts';
import { copyInParts } from './s3-copy.ts';
import { explained, told } from './s3-errors.ts';
import { common, fileKeyOf, folderOf, keyArgs, keyOf, type S3Place, uploadArgs } from './s3-place.ts';
import { s3Presign } from './s3-presign.ts';
import { type Got, type QuickRequests, quickRequests } from './s3-quick.ts';
import { type UploadTarget, upload, usualLimits } from './s3-upload.ts';

export function s3Store(place: S3Place): ObjectStore {
  const quick = quickRequests(place);
  return {
    put: (path, body, length) => told.one(path, put(place, quick, path, body, length)),
    get: (path, range, version) => told.one(path, get(place, quick, path, range, version)),
    stat: (path, version) => told.one(path, identify(place, path, version)),
    list: (path) => told.one(path, list(place, path)),
    walk: (path) => told.each(path, walk(place, path)),
    copy: (from, to, known) => told.one(from, copy(place, from, to, known)),
    delete: (path) => told.one(path, remove(place, path)),
    sweep: (age) => told.one('', sweep(place, age)),
    presign: s3Presign(place),
  };
}

async function put(
  place: S3Place,
  quick: QuickRequests,
  path: string,
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
): Promise<Stored> {
  const target: UploadTarget = {
    ...targetOf(place, path),
    putShort: (bytes, sha256) => quick.put(path, bytes, sha256),
  };
  const { size, sha256, etag, version } = await upload(target, body, length, place.limits);
  return { ...identityOf({ size, etag, version, modified: new Date() }), sha256 };
}

const targetOf = (place: S3Place, path: string): UploadTarget => ({
  client: place.client,
  bucket: place.bucket,
  key: fileKeyOf(place, path),
  args: { ...common(place), ...uploadArgs(place, path) },
  partArgs: { ...common(place), ...keyArgs(place) },
});

async function get(
  place: S3Place,
  quick: QuickRequests,
  path: string,
  range: ByteRange | undefined,
  version: string | undefined,
): Promise<StoredObject> {
  const bytes = range && `bytes=${range.start}-${range.end}`;
  const answer = (await quick.get(path, bytes, version)) ?? (await getByClient(place, path, bytes, version));
  const size = range ? Number(answer.range?.split('/')[1]) : answer.size;
  return { ...identityOf({ ...answer, size }), body: contentOf(answer.body, path) };
}

async function getByClient(
  place: S3Place,
  ...[path, range, version]: Parameters<QuickRequests['get']>
): Promise<Got> {
  const answer = await place.client.send(
    new GetObjectCommand({
      ...common(place),
      ...keyArgs(place),
      Key: keyOf(place, path),
      VersionId: version,
      Range: range,
    }),
  );
  return {
    size: answer.ContentLength,
    range: answer.ContentRange,
    etag: answer.ETag,
    version: answer.VersionId,
    modified: answer.LastModified,
    body: answer.Body as Readable,
  };
}

async function identify(place: S3Place, path: string, version?: string): Promise<Identity | undefined> {
  const key = keyOf(place, path);
  if (key === place.prefix) return undefined;
  const request = { ...common(place), ...keyArgs(place), Key: key, VersionId: version };
  const answer = await place.client.send(new HeadObjectCommand(request)).catch((error: Error) => {
    if (error.name === 'NotFound' || error.name === 'NoSuchKey') return undefined;
    throw error;
  });
  return (
    answer &&
    identityOf({
      size: answer.ContentLength,
      etag: answer.ETag,
      version: answer.VersionId,
      modified: answer.LastModified,
    })
  );
}

interface Said {
  readonly size: number | undefined;
  readonly etag: string | undefined;
  readonly version: string | undefined;
  readonly modified: Date | undefined;
}

/** What S3 says of an object. Where a bucket has never kept versions, it says none, or `null`. */
const identityOf = ({ size = 0, etag, version, modified }: Said): Identity => ({
  size,
  etag: bare(etag),
  modified: modified?.getTime() ?? 0,
  ...(version !== undefined && version !== 'null' && { version }),
});

const bare = (etag: string | undefined): string => (etag ?? '').replace(/^"|"$/g, '');

/**
 * What comes of an object, as much at once as has come; a failure on the way is told in the same words as one before
 * it.
 */
function contentOf(body: Readable, path: string): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = (await nextOf(body)) as Uint8Array | null;
          if (chunk === null) return controller.close();
          passed(chunk.byteLength);
          controller.enqueue(chunk);
        } catch (error) {
          controller.error(explained(path, error));
        }
      },
      cancel: () => {
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

/** All that a stream holds; null at its end. */
async function nextOf(stream: Readable): Promise<unknown> {
  for (;;) {
    const chunk: unknown = stream.read();
    if (chunk !== null) return chunk;
    if (stream.errored) throw stream.errored;
    if (stream.readableEnded) return null;
    if (stream.destroyed) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of events) stream.off(event, done);
        resolve();
      };
      const events = ['readable', 'end', 'error', 'close'];
      for (const event of events) stream.on(event, done);
    });
  }
}

async function list(place: S3Place, path: string): Promise<StoredEntry[]> {
  const folder = folderOf(place, path);
  const entries: StoredEntry[] = [];
  const request = { ...common(place), Prefix: folder, Delimiter: '/' };
  for await (const page of paginateListObjectsV2({ client: place.client }, request)) {
    for (const { Prefix = '' } of page.CommonPrefixes ?? [])
      entries.push({ name: Prefix.slice(folder.length, -1), size: undefined });
    for (const { Key = '', Size = 0 } of page.Contents ?? [])
      entries.push({ name: Key.slice(folder.length), size: Size });
  }
  // Folders come apart from files. A name that is empty is of a marker of the folder itself, or of two slashes, which no path here has.
  return entries.filter(({ name }) => name !== '').sort(byCodePoint);
}

/** S3 lists in the order of UTF-8, which is that of code points. A key that ends with a slash only marks a folder. */
async function* walk(place: S3Place, path: string): AsyncGenerator<WalkedFile> {
  const folder = folderOf(place, path);
  const request = { ...common(place), Prefix: folder };
  for await (const page of paginateListObjectsV2({ client: place.client }, request))
    for (const { Key = '', Size = 0, ETag } of page.Contents ?? [])
      if (!Key.endsWith('/')) yield { path: Key.slice(folder.length), size: Size, etag: bare(ETag) };
}

async function copy(place: S3Place, from: string, to: string, known?: string): Promise<Identity> {
  const { copied } = place.limits ?? usualLimits;
  const source = await identify(place, from);
  if (!source) throw noSuch(from);
  if (known !== undefined && source.etag !== known) throw changed(from);
  const request = {
    ...common(place),
    ExpectedSourceBucketOwner: place.options.expectedBucketOwner,
    ...place.options.uploadArgs,
    ...Object.fromEntries(
      Object.entries(keyArgs(place)).map(([name, value]) => [`CopySource${name}`, value]),
    ),
    Key: fileKeyOf(place, to),
    CopySource: copySource(place, from),
    CopySourceIfMatch: `"${source.etag}"`,
  };
  const { etag, version } =
    source.size > copied
      ? await copyInParts(targetOf(place, to), request, source.size, copied)
      : await place.client
          .send(new CopyObjectCommand(request))
          .then(({ CopyObjectResult, VersionId }) => ({ etag: CopyObjectResult?.ETag, version: VersionId }));
  return identityOf({ size: source.size, etag, version, modified: new Date() });
}

/** The header travels as text of a URL. */
const copySource = (place: S3Place, path: string): string =>
  [place.bucket, ...keyOf(place, path).split('/')].map(encodeURIComponent).join('/');

async function remove(place: S3Place, path: string): Promise<void> {
  const Key = fileKeyOf(place, path);
  await place.client.send(new DeleteObjectCommand({ ...common(place), Key }));
  const request = { ...common(place), Prefix: `${Key}/` };
  for await (const page of paginateListObjectsV2({ client: place.client }, request)) {
    const Objects = (page.Contents ?? []).map((object) => ({ Key: object.Key }));
    if (Objects.length === 0) continue;
    const { Errors = [] } = await place.client.send(
      new DeleteObjectsCommand({ ...common(place), Delete: { Objects, Quiet: true } }),
    );
    const [first] = Errors;
    if (first)
      throw new MlflowError(
        first.Code === 'AccessDenied' ? 'PERMISSION_DENIED' : 'INVALID_STATE',
        `S3 did not delete ${Errors.length} of the files: ${first.Message ?? first.Code}`,
      );
  }
}

async function sweep(place: S3Place, age: number): Promise<void> {
  const before = Date.now() - age;
  const folder = folderOf(place, '');
  for (let more = true, KeyMarker: string | undefined, UploadIdMarker: string | undefined; more; ) {
    const page = await place.client.send(
      new ListMultipartUploadsCommand({ ...common(place), Prefix: folder, KeyMarker, UploadIdMarker }),
    );
    for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? [])
      if (Initiated && Initiated.getTime() < before)
        await s3Presign(place).abortMultipart(Key.slice(folder.length), UploadId);
    more = page.IsTruncated === true;
    KeyMarker = page.NextKeyMarker;
    UploadIdMarker = page.NextUploadIdMarker;
  }
}
