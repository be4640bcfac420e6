import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { freshBucket, type TestBucket } from '../testing/bucket.ts';
import { s3Store } from './s3.ts';

let bucket: TestBucket;
beforeAll(async () => {
  bucket = await freshBucket();
});

async function* bytes(...chunks: (string | Buffer | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk as string);
  }
}

const MiB = 1024 * 1024;
/** As small as S3 takes them. */
const small = { single: 6 * MiB, streamed: 5 * MiB, held: 5 * MiB, copied: 5 * MiB };
const content = async (path: string, from = bucket) => text((await from.store.get(path)).body);
const names = async (path: string, from = bucket) => (await from.store.list(path)).map(({ name }) => name);
const walked = async (path: string) =>
  (await Array.fromAsync(bucket.store.walk(path))).map((file) => file.path);
const invalid = (message: string | RegExp = /./) =>
  expect.objectContaining({ code: 'INVALID_PARAMETER_VALUE', message: expect.stringMatching(message) });
const absent = (message: string) => expect.objectContaining({ code: 'RESOURCE_DOES_NOT_EXIST', message });
const leftovers = async ({ client, bucket: Bucket }: TestBucket) =>
  (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];

describe('put and get', () => {
  test.each([
    ['with its length', 7],
    ['without', undefined],
  ])('what was put %s comes back', async (_, length) => {
    const stored = await bucket.store.put('put/a b/ü.txt', bytes('one ', 'two'), length);
    const { sha256, ...identity } = stored;
    expect(sha256).toBe(createHash('sha256').update('one two').digest('hex'));
    expect(identity.size).toBe(7);
    expect(await content('put/a b/ü.txt')).toBe('one two');
    const { body, ...got } = await bucket.store.get('put/a b/ü.txt');
    await body.cancel();
    const known = await bucket.store.stat('put/a b/ü.txt');
    expect(got).toEqual(known);
    expect([known?.size, known?.etag]).toEqual([7, identity.etag]);
  });

  test('names that URLs and XML have their own ideas of', async () => {
    for (const name of ['q?x=1&y=\'"<>.txt', 'a+b %41.txt', '日本/語', '\u{1f600}', 'tilde~(1)!*.bin']) {
      await bucket.store.put(`odd/${name}`, bytes(name));
      expect(await content(`odd/${name}`)).toBe(name);
      await bucket.store.copy(`odd/${name}`, `copied/${name}`);
      expect(await content(`copied/${name}`)).toBe(name);
    }
    expect(await walked('copied')).toEqual(await walked('odd'));
    expect(await walked('odd')).toHaveLength(5);
  });

  test('what is short, and what is read, takes the short way, which S3 accepts', async () => {
    const place = await freshBucket(
      { typeOf: () => 'x/y' },
      { uploadArgs: { CacheControl: 'no-cache' } },
      true,
    );
    const send = vi.spyOn(place.client, 'send');
    const name = "a b/ü+(1)!*'~.txt";
    const { version, etag } = await place.store.put(name, bytes('one'), 3);
    await place.store.put(name, bytes(), 0);
    const got = await place.store.get(name, { start: 1, end: 9 }, version);
    expect([await text(got.body), got.size, got.etag, got.version]).toEqual(['ne', 3, etag, version]);
    expect(await content(name, place)).toBe('');
    expect(send).not.toHaveBeenCalled();
    const { CacheControl, ContentType, LastModified } = await place.client.send(
      new HeadObjectCommand({ Bucket: place.bucket, Key: `some/prefix/${name}`, VersionId: version }),
    );
    expect([CacheControl, ContentType, LastModified?.getTime()]).toEqual(['no-cache', 'x/y', got.modified]);
  });

  test('what only the client of AWS knows how to say takes the long way', async () => {
    const place = await freshBucket({}, { uploadArgs: { Metadata: { made: 'here' } } });
    const send = vi.spyOn(place.client, 'send');
    await place.store.put('a', bytes('one'), 3);
    expect(send).toHaveBeenCalledOnce();
    const { Metadata } = await place.client.send(
      new HeadObjectCommand({ Bucket: place.bucket, Key: 'some/prefix/a' }),
    );
    expect(Metadata).toEqual({ made: 'here' });
  });

  test('an empty file', async () => {
    for (const length of [0, undefined]) {
      const { size, sha256 } = await bucket.store.put('empty', bytes(), length);
      expect([size, sha256]).toEqual([0, createHash('sha256').digest('hex')]);
      expect(await content('empty')).toBe('');
    }
  });

  test.each([
    ['as one request', 6 * MiB, true, undefined],
    ['in streamed parts', 12 * MiB + 3, true, '-3'],
    ['in held parts', 12 * MiB + 3, false, '-3'],
    ['in whole held parts', 10 * MiB, false, '-2'],
  ])('a longer body goes %s', async (_, size, said, parts) => {
    const place = await freshBucket({ limits: small });
    const data = Buffer.alloc(size, 'x');
    data.write('end', size - 3);
    const chunks = bytes(data.subarray(0, 7_000_001), data.subarray(7_000_001));
    const stored = await place.store.put('large', chunks, said ? size : undefined);
    expect(stored.sha256).toBe(createHash('sha256').update(data).digest('hex'));
    expect(stored.etag.slice(32)).toBe(parts ?? '');
    expect((await place.store.stat('large'))?.etag).toBe(stored.etag);
    expect((await content('large', place)) === data.toString()).toBe(true);
    expect(await leftovers(place)).toEqual([]);
  });

  test.each([
    ['breaks off', 20, 28, 'gone'],
    ['breaks off without a length', 20, undefined, 'gone'],
    ['is shorter than said', 20, 21, 'broke off: 20 of 21'],
    ['is longer than said', 20, 19, 'broke off: 20 of 19'],
    ['in parts breaks off', 7 * MiB, 13 * MiB, 'gone'],
    ['in held parts breaks off', 7 * MiB, undefined, 'gone'],
    ['in parts is shorter than said', 7 * MiB, 13 * MiB, 'broke off'],
    ['in parts is longer than said', 13 * MiB, 12 * MiB, 'broke off'],
  ])('of a body that %s nothing is left', async (_, size, length, why) => {
    const place = await freshBucket({ limits: small });
    await place.store.put('a', bytes('before'));
    const half = Buffer.alloc(size / 2, 'x');
    const chunks = why === 'gone' ? [half, half, new Error(why)] : [half, half];
    for (const path of ['a', 'b'])
      await expect(place.store.put(path, bytes(...chunks), length)).rejects.toThrow(why);
    expect(await content('a', place)).toBe('before');
    expect(await names('', place)).toEqual(['a']);
    // Of a part that was on its way S3 may keep something after all.
    await vi.waitFor(async () => {
      await place.store.sweep(-60_000);
      expect(await leftovers(place)).toEqual([]);
    });
  });

  test('absent files and folders', async () => {
    await bucket.store.put('folder/a', bytes('x'));
    for (const path of ['nope', 'folder', 'folder/a/b']) {
      await expect(bucket.store.get(path)).rejects.toEqual(absent(`No such artifact: '${path}'`));
      expect(await bucket.store.stat(path)).toBeUndefined();
    }
    expect(await bucket.store.stat('')).toBeUndefined();
  });

  test('a body that nobody wants any more is let go', async () => {
    await bucket.store.put('large', bytes(Buffer.alloc(4 * MiB)));
    const { body } = await bucket.store.get('large');
    const reader = body.getReader();
    await reader.read();
    await reader.cancel();
    expect(await content('large')).toHaveLength(4 * MiB);
  });

  test('the media type is what the name suggests', async () => {
    const typed = await freshBucket({ typeOf: (name) => `x/${name}` });
    await typed.store.put('a.txt', bytes('x'));
    const { ContentType } = await typed.client.send(
      new HeadObjectCommand({ Bucket: typed.bucket, Key: 'some/prefix/a.txt' }),
    );
    expect(ContentType).toBe('x/a.txt');
  });

  test('what is wanted of each upload is said of each', async () => {
    const uploadArgs = { Metadata: { team: 'fraud' }, CacheControl: 'no-store' };
    const place = await freshBucket({ limits: small }, { uploadArgs });
    await place.store.put('a', bytes('x'), 1);
    await place.store.put('b', bytes(Buffer.alloc(11 * MiB)), 11 * MiB);
    await place.store.copy('a', 'c');
    for (const name of ['a', 'b', 'c']) {
      const head = await place.client.send(
        new HeadObjectCommand({ Bucket: place.bucket, Key: `some/prefix/${name}` }),
      );
      expect([head.Metadata, head.CacheControl]).toEqual([{ team: 'fraud' }, 'no-store']);
    }
  });
});

describe('ranges', () => {
  test.each([
    [{ start: 0, end: 0 }, '0'],
    [{ start: 3, end: 5 }, '345'],
    [{ start: 8, end: 100 }, '89'],
  ])('%j', async (range, part) => {
    await bucket.store.put('digits', bytes('0123456789'));
    const { size, body } = await bucket.store.get('digits', range);
    expect([size, await text(body)]).toEqual([10, part]);
  });

  test('behind the end', async () => {
    await bucket.store.put('digits', bytes('0123456789'));
    await expect(bucket.store.get('digits', { start: 10, end: 20 })).rejects.toEqual(
      invalid('behind the end'),
    );
  });
});

test.each(['..', '../x', 'a/../../x', 'a\0b', 'a\\b'])('%j is refused by the store itself', async (path) => {
  const { store } = bucket;
  const works = [
    () => store.get(path),
    () => store.put(path, bytes('x')),
    () => store.stat(path),
    () => store.list(path),
    () => store.delete(path),
    () => store.copy(path, 'a'),
    () => walked(path),
  ];
  for (const work of works) await expect(work()).rejects.toEqual(invalid('Invalid path'));
});

test('nothing beside the prefix is seen or touched', async () => {
  const place = await freshBucket({ prefix: 'mine' });
  const put = (Key: string) =>
    place.client.send(new PutObjectCommand({ Bucket: place.bucket, Key, Body: 'x' }));
  for (const key of ['mine2/a', 'other', 'mine/d/a', 'mine/d2']) await put(key);
  expect(await names('', place)).toEqual(['d', 'd2']);
  expect((await Array.fromAsync(place.store.walk(''))).map(({ path }) => path)).toEqual(['d/a', 'd2']);
  await place.store.delete('d');
  expect(await names('', place)).toEqual(['d2']);
  await expect(place.store.delete('')).rejects.toEqual(invalid('Invalid path'));
  const whole = s3Store({ ...place, prefix: '' });
  expect((await whole.list('')).map(({ name }) => name)).toEqual(['mine', 'mine2', 'other']);
});

describe('list and walk', () => {
  test('in code point order, across pages, without the markers of folders', async () => {
    const place = await freshBucket();
    const all = ['.hidden', 'B', 'a-c', 'a/b', 'a/c/d', 'a0', '\uff5e', '\u{1f600}'];
    for (const name of all) await place.store.put(`d/${name}`, bytes(name));
    await place.client.send(
      new PutObjectCommand({ Bucket: place.bucket, Key: 'some/prefix/d/a/', Body: '' }),
    );
    expect(await names('d', place)).toEqual(['.hidden', 'B', 'a', 'a-c', 'a0', '\uff5e', '\u{1f600}']);
    expect(await names('./d//a', place)).toEqual(['b', 'c']);
    expect(await names('d/B', place)).toEqual([]);
    expect(await names('nope', place)).toEqual([]);
    const files = await Array.fromAsync(place.store.walk('d'));
    expect(files.map(({ path }) => path)).toEqual(all);
    const { size, etag } = (await place.store.stat('d/a/b')) ?? {};
    expect(files[3]).toEqual({ path: 'a/b', size, etag });
  });

  test('more than a page is listed, walked and deleted', async () => {
    const place = await freshBucket();
    const work = Array.from({ length: 1005 }, (_, i) => `many/${String(i).padStart(4, '0')}`).values();
    const put = async () => {
      for (const path of work) await place.store.put(path, bytes('x'), 1);
    };
    await Promise.all(Array.from({ length: 16 }, put));
    expect(await names('many', place)).toHaveLength(1005);
    expect(await Array.fromAsync(place.store.walk('many'))).toHaveLength(1005);
    await place.store.delete('many');
    expect(await names('', place)).toEqual([]);
  });
});

test('delete takes a file, a folder with all in it, and what is not there', async () => {
  const place = await freshBucket();
  for (const path of ['a', 'd/e/f', 'd/g', 'dd', 'h']) await place.store.put(path, bytes('x'));
  for (const path of ['a', 'd', 'nope', 'h/below']) await place.store.delete(path);
  expect(await names('', place)).toEqual(['dd', 'h']);
});

describe('copy', () => {
  test('is an object of its own', async () => {
    const place = await freshBucket();
    await place.store.put('a', bytes('first'));
    const copied = await place.store.copy('a', '.tabularium/pinned/a');
    expect(copied.etag).toBe((await place.store.stat('.tabularium/pinned/a'))?.etag);
    await place.store.put('a', bytes('later'));
    expect(await content('.tabularium/pinned/a', place)).toBe('first');
  });

  test('of what is not there', async () => {
    await expect(bucket.store.copy('nope', 'b')).rejects.toEqual(absent("No such artifact: 'nope'"));
  });

  test('of one that is too long for a request goes in parts', async () => {
    const place = await freshBucket({ limits: small });
    const data = Buffer.alloc(11 * MiB + 1, 'x');
    await place.store.put('a', bytes(data));
    const copied = await place.store.copy('a', 'b');
    expect([copied.size, copied.etag.slice(32)]).toEqual([data.byteLength, '-3']);
    expect((await content('b', place)) === data.toString()).toBe(true);
  });
});

test('a versioned bucket says by what the bytes can be had for ever', async () => {
  const place = await freshBucket({}, {}, true);
  const { version } = await place.store.put('a', bytes('first'));
  await place.store.put('a', bytes('second'));
  await place.store.delete('a');
  expect(await text((await place.store.get('a', undefined, version)).body)).toBe('first');
  expect((await place.store.stat('a', version))?.version).toBe(version);
  expect((await bucket.store.put('a', bytes('x'))).version).toBeUndefined();
});

test('what a crash left of uploads is given up when it is old enough', async () => {
  const place = await freshBucket();
  const begin = (Key: string) =>
    place.client.send(new CreateMultipartUploadCommand({ Bucket: place.bucket, Key }));
  await begin('some/prefix/a');
  await begin('elsewhere/a');
  // moto dates all uploads alike, years ago.
  await place.store.sweep(100 * 365 * 24 * 3600 * 1000);
  expect(await leftovers(place)).toHaveLength(2);
  await place.store.sweep(-60_000);
  expect((await leftovers(place)).map(({ Key }) => Key)).toEqual(['elsewhere/a']);
});

describe('presigned', () => {
  test('a download, saved under its name', async () => {
    await bucket.store.put('d/a "ü".html', bytes('<script>'));
    const { url, size } = (await bucket.store.presign?.download('d/a "ü".html', 60)) ?? {};
    const answer = await fetch(url ?? '');
    expect([size, await answer.text()]).toEqual([8, '<script>']);
    expect(answer.headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''a%20%22%C3%BC%22.html",
    );
    await expect(bucket.store.presign?.download('nope', 60)).rejects.toEqual(
      absent("No such artifact: 'nope'"),
    );
  });

  test('an upload, with the headers that it must have', async () => {
    const place = await freshBucket(
      { typeOf: () => 'text/plain' },
      { uploadArgs: { ServerSideEncryption: 'AES256', ACL: 'private' } },
    );
    const { url, headers } = (await place.store.presign?.upload('d/a.txt', 60)) ?? {};
    expect(headers).toEqual({
      'Content-Type': 'text/plain',
      'x-amz-server-side-encryption': 'AES256',
      'x-amz-acl': 'private',
    });
    expect(new URL(url ?? '').searchParams.get('X-Amz-SignedHeaders')).toBe(
      'host;x-amz-acl;x-amz-server-side-encryption',
    );
    expect((await fetch(url ?? '', { method: 'PUT', body: 'bytes', headers })).status).toBe(200);
    expect(await content('d/a.txt', place)).toBe('bytes');
  });

  test('an upload in parts', async () => {
    const place = await freshBucket();
    const { presign } = place.store;
    if (!presign) throw new Error('S3 presigns');
    const { uploadId, urls } = await presign.createMultipart('d/a', 2);
    const part = Buffer.alloc(5 * MiB, 'x');
    const etags = await Promise.all(
      urls.map(async (url, i) => {
        const answer = await fetch(url, { method: 'PUT', body: i === 0 ? part : 'end' });
        return answer.headers.get('etag') ?? '';
      }),
    );
    expect(await names('', place)).toEqual([]);
    await presign.completeMultipart(
      'd/a',
      uploadId,
      etags.map((etag, i) => ({ number: i + 1, etag })),
    );
    expect((await place.store.stat('d/a'))?.size).toBe(5 * MiB + 3);

    const second = await presign.createMultipart('d/b', 1);
    await presign.abortMultipart('d/b', second.uploadId);
    expect(await leftovers(place)).toEqual([]);
    await expect(presign.abortMultipart('d/b', second.uploadId)).rejects.toMatchObject({
      code: 'RESOURCE_DOES_NOT_EXIST',
    });
    await expect(presign.createMultipart('d/c', 10_001)).rejects.toEqual(invalid('at most 10000 parts'));
  });
});
