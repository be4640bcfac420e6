import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeApp, type TestApp } from '../testing/make-app.ts';

const script = 'console.log("here")';
const main = 'static/js/main.0123abcd.js';

let folder: string;
let app: TestApp;
let prefixed: TestApp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabularium-ui-'));
  const build = join(folder, 'mlflow-3.17.2/build');
  const files = {
    'index.html': '<title>MLflow</title>',
    'favicon.ico': 'icon',
    [main]: script,
    [`${main}.br`]: brotliCompressSync(script),
    [`${main}.gz`]: gzipSync(script),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(build, name)), { recursive: true });
    await writeFile(join(build, name), bytes);
  }
  await writeFile(join(folder, 'secret'), 'outside');
  const ui = { folder, wheel: undefined, index: undefined };
  app = await makeApp({ ui });
  prefixed = await makeApp({ ui, staticPrefix: '/ml' });
});
afterAll(async () => {
  await app.close();
  await prefixed.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });
const headersOf = (response: Response, ...names: string[]) => names.map((name) => response.headers.get(name));

describe('the page', () => {
  test('is asked for anew each time, and may run no scripts but those of the server', async () => {
    const page = await get('/');
    expect(await page.text()).toBe('<title>MLflow</title>');
    expect(headersOf(page, 'content-type', 'cache-control')).toEqual([
      'text/html; charset=utf-8',
      'no-cache',
    ]);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self' 'unsafe-eval';");
    expect(headersOf(page, 'x-frame-options', 'x-content-type-options')).toEqual(['SAMEORIGIN', 'nosniff']);
    const etag = page.headers.get('etag') ?? '';
    const again = await get('/', { 'if-none-match': `"other", W/${etag}` });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
  });

  test('is there below the prefix, and nowhere else', async () => {
    for (const [path, status] of [
      ['/ml/', 200],
      ['/ml/static-files/favicon.ico', 200],
      ['/', 404],
      ['/static-files/favicon.ico', 404],
    ] as const)
      expect([path, (await prefixed.request(path)).status]).toEqual([path, status]);
    const redirect = await prefixed.request('/ml');
    expect([redirect.status, redirect.headers.get('location')]).toEqual([308, '/ml/']);
  });

  test('another verb is refused', async () => {
    expect((await app.request('/', { method: 'POST' })).status).toBe(405);
    const head = await app.request('/', { method: 'HEAD' });
    expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '21']);
  });
});

describe('the files', () => {
  test('with a hash in their name are kept for ever, others are asked for anew', async () => {
    const file = await get(`/static-files/${main}`);
    expect(await file.text()).toBe(script);
    expect(headersOf(file, 'content-type', 'content-encoding', 'cache-control')).toEqual([
      'text/javascript; charset=utf-8',
      null,
      'public, max-age=31536000, immutable',
    ]);
    expect((await get('/static-files/favicon.ico')).headers.get('cache-control')).toBe('no-cache');
  });

  test.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['br ; q=0.0', null],
    ['brotli, xgzip', null],
    ['identity', null],
  ])('are compressed as %s says: %s', async (accepted, expected) => {
    const file = await get(`/static-files/${main}`, { 'accept-encoding': accepted });
    expect(file.headers.get('content-encoding')).toBe(expected);
    expect(file.headers.get('vary')).toBe('Accept-Encoding, Origin');
    const plain = await get(`/static-files/${main}`);
    expect(file.headers.get('etag') === plain.headers.get('etag')).toBe(expected === null);
  });

  test.each([
    ...['', 'static', 'static/js/', 'none.js', `${main}.br`, '../../secret', '%2e%2e/%2e%2e/secret'],
    ...['..%2f..%2fsecret', '..%5c..%5csecret', '%2e%2e%2f%2e%2e%2fsecret%00', '/etc/passwd', '%'],
  ])('do not hold /static-files/%s', async (name) => {
    expect([404, 308]).toContain((await get(`/static-files/${name}`)).status);
  });
});

test('until the build is there, a page says what is done about it, and then turns into it', async () => {
  const later = join(folder, 'later');
  const waiting = await makeApp({ ui: { folder: later, wheel: undefined, index: undefined } });
  const page = await waiting.request('/');
  expect([page.status, ...headersOf(page, 'cache-control', 'retry-after')]).toEqual([503, 'no-store', '1']);
  const text = await page.text();
  expect(text).toContain('<meta http-equiv="refresh" content="1">');
  expect(text).toContain('The web UI is not installed');
  expect((await waiting.request('/static-files/favicon.ico')).status).toBe(404);
  await mkdir(later);
  await rename(join(folder, 'mlflow-3.17.2'), join(later, 'mlflow-3.17.2'));
  expect(await (await waiting.request('/')).text()).toBe('<title>MLflow</title>');
  await rename(join(later, 'mlflow-3.17.2'), join(folder, 'mlflow-3.17.2'));
  await waiting.close();
});
