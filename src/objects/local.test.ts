import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { localStore } from './local.ts';
import type { ObjectStore } from './object-store.ts';

let folder: string;
let root: string;
let store: ObjectStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'artifacts-'));
  root = join(folder, 'root');
  store = localStore(root);
});

afterEach(() => rm(folder, { recursive: true }));

async function* bytes(...chunks: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}

const content = async (path: string) => text((await store.get(path)).body);
const invalid = (message: string | RegExp = /./) =>
  expect.objectContaining({ code: 'INVALID_PARAMETER_VALUE', message: expect.stringMatching(message) });
const absent = (message: string) => expect.objectContaining({ code: 'RESOURCE_DOES_NOT_EXIST', message });

describe('put and get', () => {
  test('what was put comes back, in a folder that was not there', async () => {
    await store.put('0/run/artifacts/a b/ü.txt', bytes('one ', 'two'), 7);
    const { size, body } = await store.get('0/run/artifacts/a b/ü.txt');
    expect(size).toBe(7);
    expect(await text(body)).toBe('one two');
    expect(await readFile(join(root, '0/run/artifacts/a b/ü.txt'), 'utf8')).toBe('one two');
  });

  test('an empty file', async () => {
    await store.put('empty', bytes(), 0);
    expect((await store.stat('empty'))?.size).toBe(0);
    expect(await content('empty')).toBe('');
  });

  test('a second put replaces, while a reader of the first reads on', async () => {
    await store.put('a', bytes('first'));
    const reader = await store.get('a');
    await store.put('a', bytes('second, longer'));
    expect(reader.size).toBe(5);
    expect(await text(reader.body)).toBe('first');
    expect(await content('a')).toBe('second, longer');
  });

  test('16 at once on one path: one of them wins whole', async () => {
    const bodies = Array.from({ length: 16 }, (_, i) => `${i}`.padEnd(100_000, `-${i}`));
    await Promise.all(
      bodies.map((body) => store.put('d/a', bytes(body.slice(0, 50_000), body.slice(50_000)))),
    );
    expect(bodies).toContain(await content('d/a'));
    expect(await store.list('d')).toEqual([{ name: 'a', size: 100_000 }]);
  });

  test('puts into a folder that is deleted over and over', async () => {
    const work = Array.from({ length: 100 }, (_, i) =>
      i % 2 ? store.delete('d') : store.put(`d/e/${i}`, bytes('x')),
    );
    const outcomes = await Promise.allSettled(work);
    expect(outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))).toEqual(
      [],
    );
  });

  test.each([
    ['breaks off', () => store.put('d/a', bytes('half', new Error('gone')))],
    ['is shorter than said', () => store.put('d/a', bytes('half'), 8)],
    ['is longer than said', () => store.put('d/a', bytes('half'), 2)],
  ])('of a body that %s nothing is left', async (_, put) => {
    await expect(put()).rejects.toThrow(/gone|broke off/);
    expect(await store.list('')).toEqual([]);
    expect((await readdir(root, { recursive: true })).sort()).toEqual(['.artifact.uploading.tabularium']);
  });

  test('of a broken second upload the first stays', async () => {
    await store.put('a', bytes('first'));
    await expect(store.put('a', bytes('sec', new Error('gone')))).rejects.toThrow('gone');
    expect(await content('a')).toBe('first');
  });

  test('while an upload runs, nothing shows', async () => {
    const seen: unknown[] = [];
    async function* slowly() {
      yield Buffer.from('x');
      seen.push(await store.list(''), await store.list('d'));
      yield Buffer.from('y');
    }
    await store.put('d/a', slowly());
    expect(seen).toEqual([[], []]);
    expect(await content('d/a')).toBe('xy');
  });

  test('absent files and folders', async () => {
    await expect(store.get('a')).rejects.toEqual(absent("No such artifact: 'a'"));
    await store.put('d/a', bytes('x'));
    await expect(store.get('d/b')).rejects.toEqual(absent("No such artifact: 'd/b'"));
    await expect(store.get('d/a/b')).rejects.toEqual(absent("No such artifact: 'd/a/b'"));
    await expect(store.get('d')).rejects.toEqual(
      absent("Artifact path refers to a directory, not a file: 'd'"),
    );
  });

  test('a file where a folder is needed, and the reverse', async () => {
    await store.put('d/a', bytes('x'));
    await expect(store.put('d/a/b', bytes('x'))).rejects.toEqual(invalid('needs a folder where a file is'));
    await expect(store.put('d', bytes('x'))).rejects.toEqual(invalid('needs a folder where a file is'));
    expect(await content('d/a')).toBe('x');
  });

  test('names that are too long', async () => {
    const long = 'n'.repeat(300);
    const deep = 'n/'.repeat(4000);
    for (const path of [long, `d/${long}`, deep]) {
      await expect(store.put(`${path}/a`, bytes('x'))).rejects.toEqual(invalid('too long'));
      await expect(store.get(path)).rejects.toEqual(invalid('too long'));
      await expect(store.list(path)).rejects.toEqual(invalid('too long'));
      await expect(store.delete(`${path}/a`)).rejects.toEqual(invalid('too long'));
    }
  });

  test('a full disk is said in one sentence', async () => {
    // No disk can be filled here, so the error comes with the body: it takes the same way out of the write.
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    await expect(store.put('a', bytes('x', full))).rejects.toEqual(
      expect.objectContaining({
        code: 'INVALID_STATE',
        message: 'The disk that holds the artifacts is full',
      }),
    );
  });
});

test.each(['..', '../x', 'a/../../x', 'a\0b', 'a\\b'])('%j is refused by the store itself', async (path) => {
  await mkdir(root);
  await expect(store.get(path)).rejects.toEqual(invalid('Invalid path'));
  await expect(store.put(path, bytes('x'))).rejects.toEqual(invalid('Invalid path'));
  await expect(store.list(path)).rejects.toEqual(invalid('Invalid path'));
  await expect(store.delete(path)).rejects.toEqual(invalid('Invalid path'));
});

test('the names of uploads are reserved', async () => {
  const name = '.artifact.uploading.x';
  const message = `Invalid artifact file name: '${name}'. Artifact names starting with '.artifact.uploading.' are reserved.`;
  await expect(store.put(`d/${name}`, bytes('x'))).rejects.toThrow(message);
  await expect(store.get(`${name}/a`)).rejects.toThrow(message);
});

describe('what a file is known by', () => {
  test('put says the hash of the bytes, and what stat and get say afterwards', async () => {
    const before = Date.now();
    const stored = await store.put('d/a', bytes('one ', 'two'));
    const { sha256, ...identity } = stored;
    expect(sha256).toBe(createHash('sha256').update('one two').digest('hex'));
    expect(identity.size).toBe(7);
    expect(identity.modified).toBeGreaterThanOrEqual(before - 1000);
    expect(await store.stat('d/a')).toEqual(identity);
    const { body, ...got } = await store.get('d/a');
    await body.cancel();
    expect(got).toEqual(identity);
  });

  test('another upload of the same bytes, and a write in place, have another etag', async () => {
    const etags = [(await store.put('a', bytes('same'))).etag, (await store.put('a', bytes('same'))).etag];
    await writeFile(join(root, 'a'), 'SAME');
    etags.push((await store.stat('a'))?.etag ?? '');
    expect(new Set(etags).size).toBe(3);
  });

  test('what is no file has none', async () => {
    await store.put('d/a', bytes('x'));
    for (const path of ['', 'd', 'nope', 'd/a/b']) expect(await store.stat(path)).toBeUndefined();
  });
});

describe('ranges', () => {
  test.each([
    [{ start: 0, end: 0 }, '0'],
    [{ start: 3, end: 5 }, '345'],
    [{ start: 8, end: 100 }, '89'],
    [{ start: 0, end: 9 }, '0123456789'],
  ])('%j', async (range, content) => {
    await store.put('a', bytes('0123456789'));
    const { size, body } = await store.get('a', range);
    expect([size, await text(body)]).toEqual([10, content]);
  });

  test('behind the end', async () => {
    await store.put('a', bytes('0123'));
    await store.put('empty', bytes());
    await expect(store.get('a', { start: 4, end: 9 })).rejects.toEqual(invalid('behind the end'));
    await expect(store.get('empty', { start: 0, end: 0 })).rejects.toEqual(invalid('behind the end'));
  });
});

test('a pipe and a socket are no files, and are not waited for', async () => {
  await store.put('d/a', bytes('x'));
  await promisify(execFile)('mkfifo', [join(root, 'd/pipe')]);
  const server = createServer().listen(join(root, 'd/socket'));
  await once(server, 'listening');
  for (const path of ['d/pipe', 'd/socket']) {
    await expect(store.get(path)).rejects.toEqual(absent(`No such artifact: '${path}'`));
    await expect(store.copy(path, 'b')).rejects.toEqual(absent(`No such artifact: '${path}'`));
    expect(await store.stat(path)).toBeUndefined();
  }
  expect(await store.list('d')).toEqual([{ name: 'a', size: 1 }]);
  server.close();
});

describe('copy', () => {
  // A file system of which it is known that its files share no blocks.
  test('hashes the bytes as they pass, where they do', async () => {
    const memory = await mkdtemp('/dev/shm/artifacts-');
    try {
      const inMemory = localStore(memory);
      for (const text of ['', 'x'.repeat(3_000_000)]) {
        const { etag } = await inMemory.put('a', bytes(text));
        const { sha256 } = await inMemory.copy('a', 'b', etag, true);
        expect(sha256).toBe(createHash('sha256').update(text).digest('hex'));
        expect(await readFile(join(memory, 'b'), 'utf8')).toBe(text);
        expect((await inMemory.copy('a', 'b', etag)).sha256).toBeUndefined();
      }
      expect(await readdir(join(memory, '.artifact.uploading.tabularium'))).toEqual([]);
    } finally {
      await rm(memory, { recursive: true });
    }
  });

  test('is a file of its own', async () => {
    await store.put('a', bytes('first'));
    const copied = await store.copy('a', '.tabularium/pinned/x/a');
    expect(await store.stat('.tabularium/pinned/x/a')).toEqual(copied);
    await writeFile(join(root, 'a'), 'later');
    expect(await content('.tabularium/pinned/x/a')).toBe('first');
    await writeFile(join(root, '.tabularium/pinned/x/a'), 'third');
    expect(await content('a')).toBe('later');
  });

  test('replaces what was there', async () => {
    for (const name of ['a', 'b']) await store.put(name, bytes(name));
    await store.copy('a', 'b');
    expect(await content('b')).toBe('a');
  });

  test('of what is no file is refused, and leaves nothing', async () => {
    await store.put('d/a', bytes('x'));
    await expect(store.copy('nope', 'b')).rejects.toEqual(absent("No such artifact: 'nope'"));
    await expect(store.copy('d', 'b')).rejects.toEqual(
      absent("Artifact path refers to a directory, not a file: 'd'"),
    );
    expect(await store.list('')).toEqual([{ name: 'd', size: undefined }]);
  });
});

describe('walk', () => {
  const walked = async (path: string) => (await Array.fromAsync(store.walk(path))).map((file) => file.path);

  test('all files below, in the order of whole paths, with their identity', async () => {
    const names = ['a-c', 'a/b', 'a/c/d', 'a0', 'B', '\uff5e', '\u{1f600}', '.hidden'];
    for (const name of names) await store.put(`d/${name}`, bytes(name));
    const inOrder = ['.hidden', 'B', 'a-c', 'a/b', 'a/c/d', 'a0', '\uff5e', '\u{1f600}'];
    expect(await walked('d')).toEqual(inOrder);
    expect(await walked('./d//')).toEqual(inOrder);
    expect(await walked('')).toEqual(inOrder.map((name) => `d/${name}`));
    const files = await Array.fromAsync(store.walk('d/a'));
    const identity = await store.stat('d/a/b');
    expect(files[0]).toEqual({ path: 'b', size: 3, etag: identity?.etag });
  });

  test('an absent folder and a file are empty', async () => {
    await store.put('a', bytes('x'));
    expect(await walked('nope')).toEqual([]);
    expect(await walked('a')).toEqual([]);
    await expect(walked('../x')).rejects.toEqual(invalid('Invalid path'));
  });

  test('a link to a folder above ends', async () => {
    await store.put('d/e/a', bytes('x'));
    await symlink(join(root, 'd'), join(root, 'd/e/up'));
    await symlink(join(folder, 'root/d/e'), join(root, 'd/twin'));
    expect(await walked('')).toEqual(['d/e/a', 'd/twin/a']);
  });
});

describe('list', () => {
  test('one level, in code point order, as MLflow sorts', async () => {
    for (const name of ['b', 'B', 'a-c', 'a/c', '\uff5e', '\u{1f600}', '.hidden'])
      await store.put(`d/${name}`, bytes('xy'));
    expect((await store.list('d')).map(({ name }) => name)).toEqual([
      '.hidden',
      'B',
      'a',
      'a-c',
      'b',
      '\uff5e',
      '\u{1f600}',
    ]);
    expect((await store.list('./d//')).find(({ name }) => name === 'a')).toEqual({
      name: 'a',
      size: undefined,
    });
    expect(await store.list('d/a/')).toEqual([{ name: 'c', size: 2 }]);
    expect(await store.list('')).toEqual([{ name: 'd', size: undefined }]);
  });

  test('an absent folder, a file and an absent root are empty', async () => {
    expect(await store.list('')).toEqual([]);
    await store.put('a', bytes('x'));
    expect(await store.list('nope')).toEqual([]);
    expect(await store.list('a')).toEqual([]);
    expect(await store.list('a/b')).toEqual([]);
  });
});

describe('delete', () => {
  test('a file, a folder with all in it, and what is not there', async () => {
    for (const path of ['a', 'd/e/f', 'd/g', 'h']) await store.put(path, bytes('x'));
    for (const path of ['a', 'd', 'nope', 'h/below']) await store.delete(path);
    expect(await store.list('')).toEqual([{ name: 'h', size: 1 }]);
  });

  test.each(['', '.', './', '/'])('never all (%j)', async (path) => {
    await store.put('a', bytes('x'));
    await expect(store.delete(path)).rejects.toEqual(invalid('Invalid path'));
    expect(await store.list('')).toHaveLength(1);
  });
});

describe('links', () => {
  const outside = invalid('^Invalid path: resolved path is outside the artifact directory$');
  let secret: string;

  beforeEach(async () => {
    secret = join(folder, 'secret');
    await mkdir(secret);
    await writeFile(join(secret, 'key'), 'secret');
    await store.put('in/a', bytes('inside'));
    await symlink(secret, join(root, 'out'));
    await symlink(join(secret, 'key'), join(root, 'file'));
    await symlink(join(folder, 'nowhere'), join(root, 'dangling'));
    await symlink(join(root, 'in'), join(root, 'twin'));
    await symlink('loop', join(root, 'loop'));
  });

  test('that lead out are not read', async () => {
    for (const path of ['out/key', 'out/nope', 'file', 'dangling', 'dangling/x', 'out', 'loop'])
      await expect(store.get(path)).rejects.toEqual(outside);
    await expect(store.list('out')).rejects.toEqual(outside);
  });

  test('that lead out are not written through', async () => {
    for (const path of ['out/new', 'out/new/deep', 'file', 'dangling', 'dangling/x'])
      await expect(store.put(path, bytes('x'))).rejects.toEqual(outside);
    expect(await readdir(secret)).toEqual(['key']);
    expect(await readdir(folder)).not.toContain('nowhere');
  });

  test('that lead out are removed themselves, never what they lead to', async () => {
    await expect(store.delete('out/key')).rejects.toEqual(outside);
    await store.delete('out');
    await store.delete('file');
    expect(await readFile(join(secret, 'key'), 'utf8')).toBe('secret');
    expect(await readdir(root)).not.toContain('out');
  });

  test('within the root are followed, and only they are listed', async () => {
    expect(await content('twin/a')).toBe('inside');
    expect(await store.list('')).toEqual([
      { name: 'in', size: undefined },
      { name: 'twin', size: undefined },
    ]);
  });

  test('as the root itself are fine', async () => {
    await symlink(root, join(folder, 'linked'));
    const linked = localStore(join(folder, 'linked'));
    await linked.put('in/b', bytes('x'));
    expect(await text((await linked.get('in/a')).body)).toBe('inside');
    expect(await store.list('in')).toHaveLength(2);
  });
});

test('what a crash left of uploads is removed when it is a day old', async () => {
  const uploads = join(root, '.artifact.uploading.tabularium');
  await mkdir(uploads, { recursive: true });
  for (const name of ['old', 'fresh']) await writeFile(join(uploads, name), 'x');
  const yesterday = Date.now() / 1000 - 25 * 3600;
  await utimes(join(uploads, 'old'), yesterday, yesterday);
  await store.sweep(24 * 3600 * 1000);
  expect(await readdir(uploads)).toEqual(['fresh']);
  await localStore(join(folder, 'nowhere')).sweep(0);
});
