import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { artifactPlaces } from '../../artifact-places.ts';
import { everything } from '../../contract/scope.ts';
import { freshBucket, s3Options, type TestBucket } from '../../testing/bucket.ts';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { type Answer, wire } from '../../testing/wire.ts';
import { collectGarbage } from '../garbage/collect.ts';

const MiB = 1024 * 1024;
const artifacts = '/api/2.0/mlflow-artifacts';

let bucket: TestBucket;
let app: TestApp;
let api: ReturnType<typeof wire>;
/** In an experiment of the default root, and in one whose location is on S3. */
let proxied: { run: string; model: string };
let direct: { run: string; model: string };

beforeAll(async () => {
  bucket = await freshBucket({ prefix: '' });
  app = await makeApp({
    artifactsDestination: `s3://${bucket.bucket}/served`,
    allowedSourceRoots: [`s3://${bucket.bucket}/team`],
    s3: s3Options(),
  });
  api = wire(app);
  proxied = await fill('proxied', undefined);
  direct = await fill('direct', `s3://${bucket.bucket}/team/a`);
});

afterAll(() => app.close());

async function fill(name: string, location: string | undefined) {
  const created = await api.post('experiments/create', { name, artifact_location: location });
  const experiment = created.body.experiment_id;
  const run = await api.post('runs/create', { experiment_id: experiment });
  const model = await api.post('logged-models', { experiment_id: experiment, name: 'm' });
  return { run: run.body.run.info.run_id, model: model.body.model.info.model_id };
}

async function send(path: string, method = 'GET', body?: object | string): Promise<Answer> {
  const response = await app.request(path, {
    method,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

const refused = (message: string) =>
  expect.objectContaining({
    error_code: 'INVALID_PARAMETER_VALUE',
    message: expect.stringContaining(message),
  });

test('server-info says what clients may do', async () => {
  for (const at of ['api', 'ajax-api'])
    expect((await send(`/${at}/3.0/mlflow/server-info`)).body).toMatchObject({
      multipart_uploads_enabled: true,
      multipart_downloads_enabled: true,
      presigned_upload_run_id_supported: true,
      presigned_upload_model_id_supported: true,
    });
});

describe('what is served', () => {
  test('goes up, is listed, comes down by ranges, and is deleted', async () => {
    const at = `${artifacts}/artifacts/1/r/d/a.txt`;
    expect((await send(at, 'PUT', '0123456789')).status).toBe(200);
    expect((await send(`${artifacts}/artifacts?path=1/r/d`)).body).toEqual({
      files: [{ path: 'a.txt', is_dir: false, file_size: 10 }],
    });
    const part = await app.request(at, { headers: { Range: 'bytes=2-4' } });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      206,
      '234',
      'bytes 2-4/10',
    ]);
    const etag = part.headers.get('etag') ?? '';
    expect((await app.request(at, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    expect((await send(`${artifacts}/artifacts/1/r/d`)).status).toBe(404);
    expect((await send(`${artifacts}/artifacts/1/r`, 'DELETE')).body).toEqual({});
    expect((await send(at)).status).toBe(404);
  });

  test('is downloaded by a URL', async () => {
    await send(`${artifacts}/artifacts/1/r/b.html`, 'PUT', '<script>');
    const { body } = await send(`${artifacts}/presigned/1/r/b.html`);
    expect(body).toEqual({ url: expect.stringContaining('/served/1/r/b.html?'), headers: {}, file_size: 8 });
    const file = await fetch(body.url);
    expect([await file.text(), file.headers.get('content-disposition')]).toEqual([
      '<script>',
      'attachment; filename="b.html"',
    ]);
    expect((await send(`${artifacts}/presigned/1/r/nope`)).status).toBe(404);
    expect((await send(`${artifacts}/presigned/..%2fx`)).body).toEqual(refused('Invalid path'));
  });

  test('is uploaded in parts by URLs', async () => {
    const request = { path: '/home/me/big.bin', num_parts: 2 };
    const { body } = await send(`${artifacts}/mpu/create/1/r/p`, 'POST', request);
    expect(body.credentials.map(({ part_number }: { part_number: number }) => part_number)).toEqual([1, 2]);
    const contents = [Buffer.alloc(5 * MiB, 'x'), Buffer.from('end')];
    const parts: object[] = [];
    for (const [i, { url, part_number }] of body.credentials.entries()) {
      const answer = await fetch(url, { method: 'PUT', body: contents[i] });
      parts.push({ part_number, etag: answer.headers.get('etag'), url });
    }
    expect((await send(`${artifacts}/artifacts?path=1/r/p`)).body).toEqual({});
    const done = { path: '/home/me/big.bin', upload_id: body.upload_id, parts };
    expect((await send(`${artifacts}/mpu/complete/1/r/p`, 'POST', done)).body).toEqual({});
    expect((await send(`${artifacts}/artifacts?path=1/r/p`)).body.files).toEqual([
      { path: 'big.bin', is_dir: false, file_size: 5 * MiB + 3 },
    ]);
    const second = await send(`${artifacts}/mpu/create/1/r/p`, 'POST', request);
    const given = { path: 'big.bin', upload_id: second.body.upload_id };
    expect((await send(`${artifacts}/mpu/abort/1/r/p`, 'POST', given)).body).toEqual({});
    expect((await send(`${artifacts}/mpu/abort/1/r/p`, 'POST', given)).status).toBe(404);
  });

  test.each([
    ['mpu/create/1/r', { path: 'a', num_parts: 10_001 }, 'at most 10000 parts'],
    ['mpu/create/1/r', { path: '..', num_parts: 1 }, 'Invalid path'],
    ['mpu/create/1/r', { path: 'd/', num_parts: 1 }, 'Invalid path'],
    ['mpu/create/1/r', { path: 'a%2fb', num_parts: 1 }, 'Invalid path'],
    ['mpu/create/..%2fx', { path: 'a', num_parts: 1 }, 'Invalid path'],
    ['mpu/create/.tabularium/pinned', { path: 'a', num_parts: 1 }, "server's own"],
    ['mpu/create/1', { path: 'x/.Tabularium', num_parts: 1 }, "server's own"],
    [
      'mpu/complete/.tabularium/x',
      { path: 'a', upload_id: 'u', parts: [{ part_number: 1, etag: 'e' }] },
      "server's own",
    ],
    ['mpu/complete/1/r', { path: 'a', upload_id: 'u', parts: [] }, 'one part at least'],
    ['mpu/complete/1/r', { path: 'a', parts: [{ part_number: 1, etag: 'e' }] }, "'upload_id'"],
    ['mpu/abort/1/r', { path: 'a' }, "'upload_id'"],
  ])('%s with %j is refused', async (path, body, message) => {
    const answer = await send(`${artifacts}/${path}`, 'POST', body);
    expect([answer.status, answer.body]).toEqual([400, refused(message)]);
  });

  test('is read under what the server keeps for itself, and not listed', async () => {
    await app.request(`${artifacts}/artifacts/shown`, { method: 'PUT', body: 'x' });
    await bucket.store.put('served/.tabularium/pinned/d/a', new Blob(['pinned']).stream());
    expect((await send(`${artifacts}/artifacts/.tabularium/pinned/d/a`)).body).toBe('pinned');
    expect((await send(`${artifacts}/presigned/.tabularium/pinned/d/a`)).body.file_size).toBe(6);
    const { body } = await send(`${artifacts}/artifacts`);
    expect(body.files.map(({ path }: { path: string }) => path)).not.toContain('.tabularium');
    for (const method of ['PUT', 'DELETE'])
      expect((await send(`${artifacts}/artifacts/.tabularium/pinned/d/a`, method, 'x')).body).toEqual(
        refused("server's own"),
      );
  });
});

describe('an experiment with a location of its own', () => {
  test('is written, listed and read below a root of this server', async () => {
    const upload = `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${direct.run}&path=d/f.html`;
    expect((await send(upload, 'POST', '<script>')).status).toBe(200);
    expect(await bucket.store.stat(`team/a/${direct.run}/artifacts/d/f.html`)).toMatchObject({ size: 8 });
    const listed = await api.get('artifacts/list', { run_id: direct.run, path: 'd' });
    expect(listed.body).toEqual({
      root_uri: `s3://${bucket.bucket}/team/a/${direct.run}/artifacts`,
      files: [{ path: 'd/f.html', is_dir: false, file_size: 8 }],
    });
    const file = await app.request(`/get-artifact?run_id=${direct.run}&path=d/f.html`);
    expect(await file.text()).toBe('<script>');
    expect(file.headers.get('content-security-policy')).toContain('sandbox');
  });

  test.each([`s3://elsewhere/x`, 's3://elsewhere-too', 'gs://bucket/x'])(
    'is a pointer at %s: nothing is read, written or signed with the credentials of this server',
    async (location) => {
      const { run, model } = await fill(location, location);
      const upload = `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=a`;
      const asked = [
        await send(upload, 'POST', 'x'),
        await send(`/get-artifact?run_id=${run}&path=a`),
        await api.get('artifacts/list', { run_id: run }),
        await api.post('artifacts/presigned-upload-url', { run_id: run, path: 'a' }),
        await api.post('artifacts/presigned-upload-url', { model_id: model, path: 'a' }),
        await api.post('artifacts/presigned-download-url', { run_id: run, path: 'a' }),
      ];
      for (const { status, body } of asked) expect([status, body]).toEqual([400, refused('cannot reach')]);
    },
  );
});

describe('presigned URLs of runs and logged models', () => {
  const ask = (what: 'upload' | 'download', body: object) =>
    api.post(`artifacts/presigned-${what}-url`, body);

  test('carry bytes both ways', async () => {
    for (const owner of [{ run_id: direct.run }, { model_id: direct.model }]) {
      const { body } = await ask('upload', { ...owner, path: 'd/a.json', expiration: 60 });
      expect(body.headers).toEqual({ 'Content-Type': 'application/json' });
      expect(
        (await fetch(body.presigned_url, { method: 'PUT', body: '{}', headers: body.headers })).status,
      ).toBe(200);
    }
    const { body } = await ask('download', { run_id: direct.run, path: 'd/a.json' });
    expect(body).toEqual({ presigned_url: expect.stringContaining('X-Amz-Expires=300'), file_size: 2 });
    expect(await (await fetch(body.presigned_url)).text()).toBe('{}');
  });

  test.each([
    ['upload', { path: 'a' }, 'Exactly one of run_id and model_id must be provided.'],
    ['upload', { path: '../x' }, 'Exactly one of'],
    ['download', { path: 'a' }, "Missing value for required parameter 'run_id'"],
  ] as const)('%s of %j is refused', async (what, body, message) => {
    expect((await ask(what, body)).body).toEqual(refused(message));
  });

  test.each([
    ['upload', { path: '../x' }, 'Invalid path'],
    ['upload', { path: 'a/' }, 'Invalid artifact path'],
    ['upload', { path: '.' }, 'Invalid artifact path'],
    ['upload', { path: '.tabularium/a' }, "server's own"],
    ['upload', { path: 'a', expiration: 0 }, 'between 1 and 604800 seconds (got 0)'],
    ['upload', { path: 'a', expiration: 604_801 }, '(got 604801)'],
    ['download', { path: '../x' }, 'Invalid path'],
    ['download', { path: 'a', expiration: 0 }, 'between 1 and 604800 seconds (got 0)'],
  ] as const)('%s of %j of a run is refused', async (what, body, message) => {
    expect((await ask(what, { run_id: direct.run, ...body })).body).toEqual(refused(message));
  });

  test('are not made for what lies behind this server', async () => {
    const words = (what: string) => refused(`Presigned ${what} is not supported for`);
    expect((await ask('upload', { run_id: proxied.run, path: 'a' })).body).toEqual(words('upload'));
    expect((await ask('upload', { model_id: proxied.model, path: 'a' })).body).toEqual(words('upload'));
    expect((await ask('download', { run_id: proxied.run, path: 'a' })).body).toEqual(words('download'));
  });

  test('of what is absent', async () => {
    for (const [what, body] of [
      ['upload', { run_id: 'nope', path: 'a' }],
      ['upload', { model_id: 'nope', path: 'a' }],
      ['download', { run_id: 'nope', path: 'a' }],
      ['download', { run_id: direct.run, path: 'nope' }],
    ] as const)
      expect((await ask(what, body)).status).toBe(404);
  });
});

test('gc deletes what deleted runs left on S3, and nothing beside it', async () => {
  const { run } = await fill('to be deleted', undefined);
  const { run: other } = await fill('to be kept', undefined);
  for (const id of [run, other])
    await send(`/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${id}&path=a`, 'POST', 'x');
  await api.post('runs/delete', { run_id: run });
  const config = {
    serveArtifacts: true,
    artifactsDestination: `s3://${bucket.bucket}/served`,
    defaultArtifactRoot: 'mlflow-artifacts:',
    allowedSourceRoots: [],
    s3: s3Options(),
  };
  const request = {
    olderThan: 0n,
    runIds: undefined,
    experimentIds: undefined,
    modelIds: undefined,
    dryRun: false,
  };
  const places = artifactPlaces(config);
  const lines: string[] = [];
  const clock = () => Date.now() + 1000;
  const say = (line: string) => lines.push(line);
  await collectGarbage({ sql: app.sql, scope: everything, places, clock, patience: 0, say }, request);
  expect(lines).toEqual([expect.stringContaining(run)]);
  const left = (await Array.fromAsync(bucket.store.walk('served'))).map(({ path }) => path);
  expect(left.some((path) => path.includes(run))).toBe(false);
  expect(left.some((path) => path.includes(other))).toBe(true);
});
