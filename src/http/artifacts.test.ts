import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MlflowError, notFound } from '../contract/error.ts';
import { localStore } from '../objects/local.ts';
import { type ArtifactRoutes, mountArtifacts } from './artifacts.ts';

let folder: string;
let uris: Record<string, string>;
let app: Hono;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'artifacts-'));
  uris = {
    r1: 'mlflow-artifacts:/0/r1/artifacts',
    inRoot: join(folder, 'mlruns/0/inRoot/artifacts'),
    outside: `file://${folder}/elsewhere`,
    s3: 's3://bucket/0',
    'fraud/1': 'mlflow-artifacts:/0/models/m-1/artifacts',
    'm-1': 'mlflow-artifacts:/0/models/m-1/artifacts',
  };
  app = appWith({});
});

afterEach(() => rm(folder, { recursive: true }));

function appWith(change: Partial<ArtifactRoutes> & { served?: false }): Hono {
  const made = new Hono();
  made.onError((error, c) => {
    if (!(error instanceof MlflowError)) throw error;
    return c.json(error.toJSON(), error.status);
  });
  const known = async (id: string): Promise<string> => {
    const uri = uris[id];
    if (uri === undefined) throw notFound(`${id} not found`);
    return uri;
  };
  const mlruns = join(folder, 'mlruns');
  mountArtifacts(made, {
    places: {
      served: change.served === false ? undefined : localStore(join(folder, 'served')),
      folders: [{ folder: mlruns, objects: localStore(mlruns) }],
      buckets: [],
    },
    artifactsOnly: false,
    staticPrefix: '',
    locate: {
      runArtifactUri: known,
      modelVersionUri: (name, version) => known(`${name}/${version}`),
      loggedModelUri: known,
    },
    ...change,
  });
  return made;
}

const proxy = '/api/2.0/mlflow-artifacts/artifacts';
const put = (path: string, body: string, headers = {}) => app.request(path, { method: 'PUT', body, headers });
const message = async (response: Response) => ((await response.json()) as { message: string }).message;

async function refused(response: Response, code = 'INVALID_PARAMETER_VALUE'): Promise<string> {
  const body = (await response.json()) as { error_code: string; message: string };
  expect([response.status, body.error_code]).toEqual([code === 'RESOURCE_DOES_NOT_EXIST' ? 404 : 400, code]);
  return body.message;
}

describe.each(['/api', '/ajax-api'])('the proxy at %s', (api) => {
  const at = `${api}/2.0/mlflow-artifacts/artifacts`;

  test('upload, download, list, delete', async () => {
    const uploaded = await put(`${at}/0/r1/artifacts/model/MLmodel`, 'flavors:');
    expect([uploaded.status, await uploaded.text()]).toEqual([200, '']);

    const file = await app.request(`${at}/0/r1/artifacts/model/MLmodel`);
    expect(file.status).toBe(200);
    expect(await file.text()).toBe('flavors:');
    expect(Object.fromEntries(file.headers)).toEqual({
      'accept-ranges': 'bytes',
      'content-security-policy': "sandbox; default-src 'none'",
      etag: expect.stringMatching(/^"[^"]+"$/),
      'last-modified': expect.stringMatching(/ GMT$/),
      'content-type': 'text/plain',
      'content-length': '8',
      'content-disposition': 'attachment; filename=MLmodel',
      'x-content-type-options': 'nosniff',
    });

    const listed = await app.request(`${at}?path=0/r1/artifacts/model`);
    expect(await listed.json()).toEqual({ files: [{ path: 'MLmodel', is_dir: false, file_size: 8 }] });

    const deleted = await app.request(`${at}/0/r1/artifacts/model`, { method: 'DELETE' });
    expect([deleted.status, await deleted.json()]).toEqual([200, {}]);
    expect(await (await app.request(`${at}?path=0/r1/artifacts`)).json()).toEqual({});
  });

  test('what clients fall back on', async () => {
    await put(`${at}/0/r1/a`, 'x');
    const listed = await app.request(`${at}?path=0/r1/nope`);
    expect([listed.status, await listed.text()]).toEqual([200, '{}']);
    expect(await (await app.request(`${at}?path=0/r1/a`)).text()).toBe('{}');

    expect(await refused(await app.request(`${at}/0/r1/b`), 'RESOURCE_DOES_NOT_EXIST')).toBe(
      "No such artifact: '0/r1/b'",
    );
    expect(await refused(await app.request(`${at}/0/r1`), 'RESOURCE_DOES_NOT_EXIST')).toBe(
      "Artifact path refers to a directory, not a file: '0/r1'",
    );
    const deleted = await app.request(`${at}/0/r1/nope`, { method: 'DELETE' });
    expect([deleted.status, await deleted.json()]).toEqual([200, {}]);
  });
});

test('ranges, and what has not changed', async () => {
  await put(`${proxy}/a.txt`, '0123456789');
  const get = (headers: Record<string, string>, method = 'GET') =>
    app.request(`${proxy}/a.txt`, { method, headers });
  const part = await get({ Range: 'bytes=2-4' });
  expect([part.status, await part.text()]).toEqual([206, '234']);
  expect(part.headers.get('content-range')).toBe('bytes 2-4/10');
  expect(part.headers.get('content-length')).toBe('3');
  expect(part.headers.get('content-disposition')).toBe('attachment; filename=a.txt');
  const etag = part.headers.get('etag') ?? '';
  expect(await (await get({ Range: 'bytes=-1', 'If-Range': etag })).text()).toBe('9');
  expect(await (await get({ Range: 'bytes=-1', 'If-Range': '"x"' })).text()).toBe('0123456789');
  const behind = await get({ Range: 'bytes=10-' });
  expect([behind.status, behind.headers.get('content-range')]).toEqual([416, 'bytes */10']);

  for (const method of ['GET', 'HEAD']) {
    const same = await get({ 'If-None-Match': etag }, method);
    expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
  }
  expect((await get({ 'If-Match': '"x"' })).status).toBe(412);
  await put(`${proxy}/a.txt`, '0123456789');
  expect((await get({ 'If-None-Match': etag })).status).toBe(200);
  const absent = await app.request(`${proxy}/nope`, { headers: { 'If-None-Match': '*' } });
  expect(await refused(absent, 'RESOURCE_DOES_NOT_EXIST')).toBe("No such artifact: 'nope'");
});

test.each([
  '.tabularium/pinned/x/a',
  './.Tabularium/a',
  'd/.tabularium',
  '%2etabularium/a',
  '.tabu%E2%80%8Blarium/a',
])("what is the server's own (%s) is read, but not written or deleted", async (path) => {
  const words = "Invalid path: names that begin with '.tabularium' are the server's own";
  for (const method of ['PUT', 'DELETE'])
    expect(
      await refused(
        await app.request(`${proxy}/${path}`, { method, body: method === 'PUT' ? 'x' : undefined }),
      ),
    ).toBe(words);
  const upload = `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r1&path=${path}`;
  expect(await refused(await app.request(upload, { method: 'POST', body: 'x' }))).toBe(words);

  await localStore(join(folder, 'served')).put('.tabularium/pinned/a', new Blob(['pinned']).stream());
  expect(await (await app.request(`${proxy}/.tabularium/pinned/a`)).text()).toBe('pinned');
  expect(await (await app.request(proxy)).json()).toEqual({});
  expect(await (await app.request(`${proxy}?path=.tabularium/pinned`)).json()).toEqual({
    files: [{ path: 'a', is_dir: false, file_size: 6 }],
  });
});

test('a run whose own location is the place of the server is not written to', async () => {
  uris.r2 = 'mlflow-artifacts:/.tabularium/pinned/x';
  const upload = '/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r2&path=a';
  expect(await refused(await app.request(upload, { method: 'POST', body: 'x' }))).toContain("server's own");
});

test('HEAD answers the headers alone', async () => {
  await put(`${proxy}/a.txt`, 'four');
  const head = await app.request(`${proxy}/a.txt`, { method: 'HEAD' });
  expect([head.status, await head.text(), head.headers.get('content-length')]).toEqual([200, '', '4']);
});

test('encoded names, and the listing of the root', async () => {
  await put(`${proxy}/a%20b/%E6%97%A5%2Bx%3F.txt`, 'x');
  expect(await (await app.request(`${proxy}?path=a%20b`)).json()).toEqual({
    files: [{ path: '日+x?.txt', is_dir: false, file_size: 1 }],
  });
  expect(await (await app.request(`${proxy}/a%20b/%E6%97%A5%2Bx%3F.txt`)).text()).toBe('x');
  for (const query of ['', '?path=', '?path=.'])
    expect(await (await app.request(proxy + query)).json()).toEqual({
      files: [{ path: 'a b', is_dir: true }],
    });
});

test('a name with a line separator, at which a dot of a pattern stops', async () => {
  await put(`${proxy}/a%E2%80%A8b.txt`, 'x');
  expect(await (await app.request(`${proxy}/a%E2%80%A8b.txt`)).text()).toBe('x');
});

test('uploads that name no file', async () => {
  const detail = "Artifact path must include a filename (cannot end with '/').";
  for (const path of ['/', '/d/']) {
    const response = await put(proxy + path, 'x');
    expect([response.status, await response.json()]).toEqual([400, { detail }]);
  }
  await put(`${proxy}/a`, 'x');
  expect(await refused(await put(`${proxy}/a/b`, 'x'))).toContain('needs a folder where a file is');
  expect(await refused(await put(`${proxy}/d//e/f`, 'x'))).toBe("Invalid artifact path: 'd//e'.");
  expect(await refused(await put(`${proxy}/${'n'.repeat(300)}`, 'x'))).toBe(
    'Invalid path: a name in it is too long',
  );
  expect(await readdir(join(folder, 'served'))).toEqual(['.artifact.uploading.tabularium', 'a']);
});

test('an upload shorter or longer than its Content-Length leaves nothing', async () => {
  for (const length of ['3', '9'])
    expect(await refused(await put(`${proxy}/a`, 'five.', { 'Content-Length': length }))).toContain(
      `5 of ${length} bytes`,
    );
  expect(await (await app.request(proxy)).json()).toEqual({});
});

test('an upload that breaks off is an error of the client and leaves nothing', async () => {
  let pulls = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (pulls++ === 0) controller.enqueue(Buffer.from('half'));
      else controller.error(new Error('aborted'));
    },
  });
  const response = await app.request(`${proxy}/a`, { method: 'PUT', body, duplex: 'half' } as RequestInit);
  expect(await refused(response)).toBe('The upload broke off before its end');
  expect(await (await app.request(proxy)).json()).toEqual({});
});

test('never all is deleted', async () => {
  await put(`${proxy}/a`, 'x');
  expect(await refused(await app.request(`${proxy}/`, { method: 'DELETE' }))).toBe('Invalid path');
  expect((await app.request(proxy, { method: 'DELETE' })).status).toBe(404);
  expect(await readdir(join(folder, 'served'))).toContain('a');
});

describe('traversal', () => {
  const hostile = [
    '..%2fx',
    '%252e%252e/x',
    'a/%252e%252e/x',
    '%2fetc/passwd',
    '%252fetc/passwd',
    '..;/x',
    '..%3b/x',
    '..%5cx',
    'a%255cb',
    'a%00b',
    'a%2500b',
    'a%0ab',
    'a%0db',
    'C:/x',
    'file:///etc/passwd',
    'a%23b',
    '/etc/passwd',
  ];
  const queries = [
    `${proxy}?path=`,
    '/get-artifact?run_id=r1&path=',
    '/get-artifact?run_id=inRoot&path=',
    '/model-versions/get-artifact?name=fraud&version=1&path=',
    '/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=',
  ];

  test.each(hostile)('%s', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? 'x' : undefined;
      expect(await refused(await app.request(`${proxy}/${path}`, { method, body }))).toBe('Invalid path');
    }
    for (const query of queries) {
      expect(await refused(await app.request(query + path))).toBe('Invalid path');
      expect(await refused(await app.request(`${query}../x`))).toBe('Invalid path');
      expect(await refused(await app.request(`${query}%2e%2e/x`))).toBe('Invalid path');
    }
    const upload = `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=r1&path=${path}`;
    expect(await refused(await app.request(upload, { method: 'POST', body: 'x' }))).toBe('Invalid path');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a link out of the root', async () => {
    await mkdir(join(folder, 'served'));
    await writeFile(join(folder, 'key'), 'secret');
    await symlink(join(folder, 'key'), join(folder, 'served/key'));
    const words = 'Invalid path: resolved path is outside the artifact directory';
    expect(await refused(await app.request(`${proxy}/key`))).toBe(words);
    expect(await refused(await put(`${proxy}/key`, 'x'))).toBe(words);
  });
});

describe('files of runs, versions and logged models', () => {
  beforeEach(async () => {
    await put(`${proxy}/0/r1/artifacts/plots/a.html`, '<script>');
    await put(`${proxy}/0/models/m-1/artifacts/MLmodel`, 'flavors:');
  });

  const version = '/model-versions/get-artifact';
  const model = '/ajax-api/2.0/mlflow/logged-models';

  test.each([
    ['/get-artifact?run_id=r1&path=plots/a.html', '<script>'],
    ['/get-artifact?run_uuid=r1&path=plots/a.html', '<script>'],
    [`${version}?name=fraud&version=1&path=MLmodel`, 'flavors:'],
    [`${model}/m-1/artifacts/files?artifact_file_path=MLmodel`, 'flavors:'],
  ])('%s', async (url, content) => {
    const response = await app.request(url);
    expect([response.status, await response.text()]).toEqual([200, content]);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; /);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-cache');
  });

  test.each([
    ['/get-artifact?run_id=r1&path=nope', "No such artifact: '0/r1/artifacts/nope'"],
    [
      '/get-artifact?run_id=r1&path=plots',
      "Artifact path refers to a directory, not a file: '0/r1/artifacts/plots'",
    ],
    ['/get-artifact?run_id=r1&path=', "Artifact path refers to a directory, not a file: '0/r1/artifacts/'"],
    ['/get-artifact?run_id=r9&path=a', 'r9 not found'],
    ['/get-artifact?path=a', 'Run with id=None not found'],
    [`${version}?name=fraud&version=2&path=a`, 'fraud/2 not found'],
    [`${version}?name=fraud&version=1&path=nope`, "No such artifact: '0/models/m-1/artifacts/nope'"],
    [`${model}/m-2/artifacts/files?artifact_file_path=a`, 'm-2 not found'],
  ])('%s is 404', async (url, words) => {
    expect(await refused(await app.request(url), 'RESOURCE_DOES_NOT_EXIST')).toBe(words);
  });

  test.each([
    [`${version}?version=1&path=a`, "Missing value for required parameter 'name'."],
    [`${version}?name=fraud&path=a`, "Missing value for required parameter 'version'."],
  ])('%s is 400', async (url, words) => {
    expect(await refused(await app.request(url))).toBe(words);
  });

  test('a query without a path', async () => {
    for (const url of ['/get-artifact?run_id=r1', `${version}?name=fraud&version=1`]) {
      const response = await app.request(url);
      expect(response.status).toBe(400);
      expect(await response.text()).toContain('<h1>Bad Request</h1>');
    }
    const response = await app.request(`${model}/m-1/artifacts/files`);
    expect(await refused(response, 'BAD_REQUEST')).toBe(
      'Request must include the "artifact_file_path" query parameter.',
    );
  });

  test('a run in the default artifact root is served from there, any other place is refused', async () => {
    await mkdir(join(folder, 'mlruns/0/inRoot/artifacts'), { recursive: true });
    await mkdir(join(folder, 'elsewhere'));
    await writeFile(join(folder, 'mlruns/0/inRoot/artifacts/a'), 'in root');
    await writeFile(join(folder, 'elsewhere/a'), 'elsewhere');
    expect(await (await app.request('/get-artifact?run_id=inRoot&path=a')).text()).toBe('in root');
    for (const run of ['outside', 's3'])
      expect(await refused(await app.request(`/get-artifact?run_id=${run}&path=a`))).toContain(
        `cannot reach the artifacts at '${uris[run]}'`,
      );
  });
});

describe('upload-artifact', () => {
  const at = '/ajax-api/2.0/mlflow/upload-artifact';
  const post = (query: string, body: string | Uint8Array<ArrayBuffer>) =>
    app.request(at + query, { method: 'POST', body });
  const limit = 10 * 1024 * 1024;

  test('stores under the run', async () => {
    const response = await post('?run_uuid=r1&path=d/a.txt', 'x');
    expect([response.status, await response.text()]).toEqual([200, '']);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await (await app.request(`${proxy}/0/r1/artifacts/d/a.txt`)).text()).toBe('x');
  });

  test('takes 10 MiB and not a byte more', async () => {
    expect((await post('?run_uuid=r1&path=a', new Uint8Array(limit))).status).toBe(200);
    expect(await refused(await post('?run_uuid=r1&path=b', new Uint8Array(limit + 1)))).toBe(
      'Artifact size is too large. Max size is 10MB.',
    );
    expect(await readdir(join(folder, 'served/0/r1/artifacts'))).toEqual(['a']);
  });

  test.each([
    ['?path=a', 'x', 'Request must specify run_uuid.'],
    ['?run_id=r1&path=a', 'x', 'Request must specify run_uuid.'],
    ['?run_uuid=r1', 'x', 'Request must specify path.'],
    ['?run_uuid=r1&path=a', '', 'Request must specify data.'],
    ['?run_uuid=r1&path=d/', 'x', "Artifact path must include a filename (cannot end with '/')."],
    ['?run_uuid=r1&path=./a', 'x', "Invalid artifact path: '0/r1/artifacts/.'."],
  ])('%s with %j', async (query, body, words) => {
    expect(await refused(await post(query, body))).toBe(words);
  });

  test('of an unknown run', async () => {
    expect(await refused(await post('?run_uuid=r9&path=a', 'x'), 'RESOURCE_DOES_NOT_EXIST')).toBe(
      'r9 not found',
    );
  });
});

describe('modes', () => {
  test('--static-prefix', async () => {
    app = appWith({ staticPrefix: '/ml' });
    await put(`/ml${proxy}/0/r1/artifacts/a`, 'x');
    expect(await (await app.request('/ml/get-artifact?run_id=r1&path=a')).text()).toBe('x');
    expect((await app.request('/get-artifact?run_id=r1&path=a')).status).toBe(404);
  });

  test('--no-serve-artifacts', async () => {
    app = appWith({ served: false });
    for (const method of ['GET', 'PUT']) {
      const response = await app.request(`${proxy}/a`, { method });
      expect(response.status).toBe(503);
      expect(await response.json()).toEqual({
        detail: 'Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts` to enable.',
      });
    }
    const listed = await app.request(`${proxy}?path=a`);
    expect([listed.status, await listed.text()]).toEqual([
      503,
      `Endpoint: ${proxy} disabled due to the mlflow server running with \`--no-serve-artifacts\`. To enable ` +
        'artifacts server functionality, run `mlflow server` with `--serve-artifacts`',
    ]);
    const deleted = await app.request(`${proxy}/a`, { method: 'DELETE' });
    expect([deleted.status, await deleted.text()]).toEqual([
      503,
      expect.stringContaining('/<path:artifact_path> disabled'),
    ]);
    expect(await message(await app.request('/get-artifact?run_id=r1&path=a'))).toContain(
      'cannot reach the artifacts',
    );
  });

  test('--artifacts-only', async () => {
    app = appWith({ artifactsOnly: true });
    expect((await put(`${proxy}/a`, 'x')).status).toBe(200);
    const response = await app.request('/get-artifact?run_id=r1&path=a');
    expect([response.status, await response.text()]).toEqual([
      503,
      'Endpoint: /get-artifact disabled due to the mlflow server running in `--artifacts-only` mode. To enable ' +
        'tracking server functionality, run `mlflow server` without `--artifacts-only`',
    ]);
    const file = '/ajax-api/2.0/mlflow/logged-models/m-1/artifacts/files?artifact_file_path=a';
    expect(await (await app.request(file)).text()).toContain(
      '/logged-models/<model_id>/artifacts/files disabled',
    );
    expect((await app.request('/model-versions/get-artifact?path=a')).status).toBe(503);
    expect((await app.request('/ajax-api/2.0/mlflow/upload-artifact', { method: 'POST' })).status).toBe(503);
  });
});
