import { createHash } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestAddress, rootDigest } from '../../contract/manifest.ts';
import { localStore } from '../../objects/local.ts';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';
import { sweepPins } from './sweep.ts';

let app: TestApp;
let api: ReturnType<typeof wire>;
beforeAll(async () => {
  app = await makeApp();
  api = wire(app);
});
afterAll(() => app.close());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const artifact = (path: string) => `/api/2.0/mlflow-artifacts/artifacts/${path}`;
const inStore = (uri: string) => join(app.artifacts, uri.replace('mlflow-artifacts:/', ''));

interface Run {
  readonly id: string;
  /** Of the folder `model` in its artifacts. */
  readonly uri: string;
  /** The same in the store. */
  readonly path: string;
}

async function makeRun(): Promise<Run> {
  const { body } = await api.post('runs/create', { experiment_id: '0' });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  return { id, uri: `${uri}/model`, path: `${uri.replace('mlflow-artifacts:/', '')}/model` };
}

/** A run with these files below its folder `model`, which came through the proxy. */
async function runWith(files: Record<string, string>): Promise<Run> {
  const run = await makeRun();
  for (const [name, text] of Object.entries(files)) await upload(`${run.path}/${name}`, text);
  return run;
}

const upload = async (path: string, body: string): Promise<number> =>
  (await app.request(artifact(path), { method: 'PUT', body })).status;

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(app.artifacts, path)), { recursive: true });
  await writeFile(join(app.artifacts, path), text);
}

let models = 0;
async function modelName(): Promise<string> {
  const name = `model-${++models}`;
  await api.post('registered-models/create', { name });
  return name;
}

async function register(source: string, runId?: string, name?: string) {
  const body = { name: name ?? (await modelName()), source, run_id: runId };
  const answer = await api.post('model-versions/create', body);
  return { answer, ...answer.body.model_version };
}

const get = async (name: string, version = '1') =>
  (await api.get('model-versions/get', { name, version })).body.model_version;

const download = (name: string, version = '1') =>
  api.get('model-versions/get-download-uri', { name, version });
const downloadUri = async (name: string, version = '1'): Promise<string> =>
  (await download(name, version)).body.artifact_uri;

async function read(name: string, path: string, version = '1'): Promise<string> {
  const query = new URLSearchParams({ name, version, path });
  return (await app.request(`/model-versions/get-artifact?${query}`)).text();
}

async function digest(name: string, version = '1') {
  const answer = await app.request(`/api/registry/v1/models/${name}/versions/${version}/digest`);
  // biome-ignore lint/suspicious/noExplicitAny: an answer's shape is what the test is about
  return { status: answer.status, body: (await answer.json()) as any };
}

/** Hashing goes on after the answer. */
async function digestInTheEnd(name: string, version = '1') {
  for (;;) {
    const answer = await digest(name, version);
    if (answer.status !== 409) return answer;
    await sleep(20);
  }
}

const entries = (files: Record<string, string>) =>
  Object.entries(files).map(([path, text]) => ({
    path,
    size: Buffer.byteLength(text),
    sha256: sha256(text),
  }));

const pins = async () => (await app.sql`select * from tabularium.pins order by due_at, id`).slice();

const pinned = /^mlflow-artifacts:\/\.tabularium\/pinned\/[0-9a-f]{32}\/1$/;

describe('registration', () => {
  test('answers READY, and the version is served from its copy', async () => {
    const files = { MLmodel: 'flavors', 'data/model.pkl': 'first' };
    const run = await runWith(files);
    const version = await register(run.uri, run.id);
    expect(version).toMatchObject({ status: 'READY', source: run.uri, run_id: run.id });
    expect(version.last_updated_timestamp).toBe(version.creation_timestamp);
    expect(await get(version.name)).toEqual(JSON.parse(JSON.stringify(version.answer.body.model_version)));
    const { body } = await api.get('registered-models/get', { name: version.name });
    expect(body.registered_model.latest_versions[0].status).toBe('READY');

    const uri = await downloadUri(version.name);
    expect(uri).toMatch(pinned);
    expect((await readdir(inStore(uri))).sort()).toEqual(['MLmodel', 'data']);
    expect(await read(version.name, 'data/model.pkl')).toBe('first');
    expect(await digest(version.name)).toMatchObject({
      status: 200,
      body: {
        name: version.name,
        version: '1',
        digest: `sha256:${rootDigest(entries(files))}`,
        address: `sha256:${manifestAddress(entries(files))}`,
        files: entries(files),
      },
    });
  });

  test('reads nothing that came through the proxy, and all else', async () => {
    const known = await runWith({ MLmodel: 'uploaded' });
    const { name } = await register(known.uri, known.id);
    // Its digest is there with the answer, since nothing was to be hashed.
    expect((await digest(name)).status).toBe(200);

    const run = await makeRun();
    await write(`${run.path}/MLmodel`, 'written');
    const other = await register(run.uri, run.id);
    expect(other.status).toBe('READY');
    expect((await digestInTheEnd(other.name)).body.files).toEqual(entries({ MLmodel: 'written' }));
  });

  test('takes the hash of an upload only for the bytes that were uploaded', async () => {
    const run = await runWith({ MLmodel: 'uploaded' });
    await writeFile(join(app.artifacts, run.path, 'MLmodel'), 'replaced');
    const { name } = await register(run.uri, run.id);
    expect((await digestInTheEnd(name)).body.files).toEqual(entries({ MLmodel: 'replaced' }));
  });

  test('keeps the same files once', async () => {
    const files = { MLmodel: 'twice', 'a/b': 'c' };
    const one = await runWith(files);
    const other = await runWith(files);
    const first = await register(one.uri, one.id);
    const again = await register(one.uri, one.id, first.name);
    const second = await register(other.uri, other.id);
    const uri = await downloadUri(first.name);
    expect(await downloadUri(first.name, again.version)).toBe(uri);
    expect(await downloadUri(second.name)).toBe(uri);

    const third = await makeRun();
    for (const [name, text] of Object.entries(files)) await write(`${third.path}/${name}`, text);
    const last = await register(third.uri, third.id);
    await digestInTheEnd(last.name);
    while ((await downloadUri(last.name)) !== uri) await sleep(20);
    expect(await read(last.name, 'a/b')).toBe('c');
  });

  test('of the same new files by many at once leaves one copy', async () => {
    const runs = await atOnce(6, () => makeRun());
    for (const run of runs) await write(`${run.path}/MLmodel`, 'by many');
    const versions = await Promise.all(runs.map((run) => register(run.uri, run.id)));
    expect(versions.map(({ status }) => status)).toEqual(runs.map(() => 'READY'));
    for (const { name } of versions) await digestInTheEnd(name);
    for (;;) {
      const uris = await Promise.all(versions.map(({ name }) => downloadUri(name)));
      if (new Set(uris).size === 1) break;
      await sleep(20);
    }
  });

  test('of a single file, a runs:/ source and a logged model', async () => {
    const run = await runWith({ 'model.pkl': 'alone' });
    const file = await register(`${run.uri}/model.pkl`, run.id);
    expect(await downloadUri(file.name)).toMatch(/\/1\/model\.pkl$/);
    expect((await digest(file.name)).body.files).toEqual(entries({ 'model.pkl': 'alone' }));

    const byRun = await register(`runs:/${run.id}/model`, run.id);
    expect(await get(byRun.name)).toMatchObject({ status: 'READY', source: `runs:/${run.id}/model` });
    expect(await read(byRun.name, 'model.pkl')).toBe('alone');

    const { body } = await api.post('logged-models', { experiment_id: '0', name: 'm' });
    const { model_id: id, artifact_uri: uri } = body.model.info;
    await upload(`${uri.replace('mlflow-artifacts:/', '')}/MLmodel`, 'logged');
    const name = await modelName();
    await api.post('model-versions/create', { name, source: `models:/${id}`, model_id: id });
    expect(await downloadUri(name)).toMatch(pinned);
    expect(await read(name, 'MLmodel')).toBe('logged');
  });

  test('leaves a pointer what it is: nothing there, out of reach, a prompt', async () => {
    const before = (await pins()).length;
    const run = await makeRun();
    for (const source of [run.uri, 's3://elsewhere/model', 'dbfs:/model']) {
      const { name, status } = await register(source, run.id);
      expect([status, await downloadUri(name)]).toEqual(['READY', source]);
      expect(await digest(name)).toMatchObject({
        status: 404,
        body: { error_code: 'RESOURCE_DOES_NOT_EXIST' },
      });
    }
    const name = await modelName();
    const tags = [{ key: 'mlflow.prompt.is_prompt', value: 'true' }];
    await api.post('model-versions/create', { name, source: 'dummy-source', tags });
    expect((await get(name)).status).toBe('READY');
    expect(await pins()).toHaveLength(before);
    expect((await digest(name, '7')).status).toBe(404);
    expect((await digest(name, 'x')).status).toBe(400);
  });

  test('counts registered_model_meta as no file', async () => {
    const run = await runWith({ MLmodel: 'm', registered_model_meta: 'x' });
    const { name } = await register(run.uri, run.id);
    const folder = inStore(await downloadUri(name));
    expect(await readdir(folder)).toEqual(['MLmodel']);
    await writeFile(join(folder, 'registered_model_meta'), 'by a client that shares the disk');
    expect((await digest(name)).body.files).toEqual(entries({ MLmodel: 'm' }));
    expect(await read(name, 'registered_model_meta')).toBe('by a client that shares the disk');
  });

  test('answers PENDING_REGISTRATION where the copy takes its time, and goes on', async () => {
    const run = await runWith({ MLmodel: 'slow' });
    const holder = await app.sql.reserve();
    // What a copy asks for before it begins.
    await holder`begin`;
    await holder`lock table tabularium.upload_hashes`;
    const version = await register(run.uri, run.id);
    expect(version.status).toBe('PENDING_REGISTRATION');
    expect(await downloadUri(version.name)).toBe(run.uri);
    const copy = await register(`models:/${version.name}/1`);
    expect(copy.status).toBe('PENDING_REGISTRATION');
    await holder`commit`;
    holder.release();
    for (const { name } of [version, copy]) {
      while ((await get(name)).status !== 'READY') await sleep(20);
      expect(await downloadUri(name)).toMatch(pinned);
    }
    expect(await downloadUri(copy.name)).toBe(await downloadUri(version.name));
  });
});

describe('what was registered', () => {
  test('stays, whatever a client does to its source', async () => {
    const files = { MLmodel: 'flavors', 'data/model.pkl': 'first' };
    const run = await runWith(files);
    const { name } = await register(run.uri, run.id);
    const ways: readonly (() => Promise<unknown>)[] = [
      () => upload(`${run.path}/data/model.pkl`, 'second'),
      () => upload(`${run.path}/data/another`, 'second'),
      () =>
        app.request(`/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run.id}&path=model/MLmodel`, {
          method: 'POST',
          body: 'second',
        }),
      () => appendFile(join(app.artifacts, run.path, 'data/model.pkl'), 'in place'),
      () => writeFile(join(app.artifacts, run.path, 'MLmodel'), 'in place'),
      () => rename(join(app.artifacts, run.path, 'data'), join(app.artifacts, run.path, 'moved')),
      () => app.request(artifact(`${run.path}/MLmodel`), { method: 'DELETE' }),
      () => app.request(artifact(run.path), { method: 'DELETE' }),
      () => api.post('runs/delete', { run_id: run.id }),
      () => rm(join(app.artifacts, '0', run.id), { recursive: true }),
    ];
    for (const way of ways) {
      await way();
      for (const [path, text] of Object.entries(files)) {
        expect(await read(name, path)).toBe(text);
        const { pathname } = new URL(
          `http://h/${(await downloadUri(name)).replace('mlflow-artifacts:/', '')}/${path}`,
        );
        expect(await (await app.request(artifact(pathname.slice(1)))).text()).toBe(text);
      }
      expect((await digest(name)).body.files).toEqual(entries(files));
    }
  });

  test('has the digest of what is served, while a writer races with the registration', async () => {
    const run = await makeRun();
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        await upload(`${run.path}/a`, `a${i}`.repeat(100));
        await write(`${run.path}/b`, `b${i}`.repeat(100));
      }
    })();
    const versions = await atOnce(12, () => register(run.uri, run.id));
    writing = false;
    await writer;
    for (const { name, status } of versions) {
      expect(['READY', 'PENDING_REGISTRATION']).toContain(status);
      if (status !== 'READY') continue;
      const { body } = await digestInTheEnd(name);
      if (body.files === undefined) continue;
      for (const { path, sha256: expected } of body.files)
        expect(sha256(await read(name, path))).toBe(expected);
    }
  });

  test('is shared by a copy of the version, also by its download URI, and goes with the last of them', async () => {
    const run = await runWith({ MLmodel: 'shared' });
    const first = await register(run.uri, run.id);
    const uri = await downloadUri(first.name);
    const copy = await register(`models:/${first.name}/1`);
    const byUri = await register(uri, run.id);
    for (const { name, status } of [copy, byUri]) {
      expect([status, await downloadUri(name)]).toEqual(['READY', uri]);
      expect((await digest(name)).body.files).toEqual(entries({ MLmodel: 'shared' }));
    }
    const places = { served: localStore(app.artifacts), folders: [], buckets: [] };
    const remains = async () => {
      await sweepPins(app.sql, places, 0);
      return readFile(join(inStore(uri), 'MLmodel'), 'utf8').catch(() => 'gone');
    };
    await api.delete('model-versions/delete', { name: first.name, version: '1' });
    expect(await remains()).toBe('shared');
    await api.delete('registered-models/delete', { name: copy.name });
    expect(await remains()).toBe('shared');
    await api.delete('model-versions/delete', { name: byUri.name, version: '1' });
    // Nothing goes while somebody may still be reading it.
    await sweepPins(app.sql, places);
    expect(await readFile(join(inStore(uri), 'MLmodel'), 'utf8')).toBe('shared');
    expect(await remains()).toBe('gone');
    expect(await readdir(dirname(dirname(inStore(uri))))).not.toContain(uri.split('/').at(-2));
    const address = manifestAddress(entries({ MLmodel: 'shared' }));
    expect(await app.sql`select from tabularium.manifests where address = ${address}`).toHaveLength(0);
    expect((await register(run.uri, run.id)).status).toBe('READY');
  });

  test('is refused as a source by its path where no version has it', async () => {
    const run = await makeRun();
    const { answer } = await register(`mlflow-artifacts:/.tabularium/pinned/${'0'.repeat(32)}/1`, run.id);
    expect(answer.status).toBe(400);
  });

  test('is noticed where its bytes were changed: the stream ends before the last chunk', async () => {
    const run = await runWith({ MLmodel: 'original', large: 'x'.repeat(1_000_000) });
    const { name } = await register(run.uri, run.id);
    const uri = await downloadUri(name);
    await writeFile(join(inStore(uri), 'large'), `${'x'.repeat(999_999)}y`);
    await writeFile(join(inStore(uri), 'MLmodel'), 'short');
    await writeFile(join(inStore(uri), 'added'), 'more');
    const file = (path: string) => app.request(artifact(`${uri.replace('mlflow-artifacts:/', '')}/${path}`));
    const response = await file('large');
    expect(response.status).toBe(200);
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of response.body as ReadableStream<Uint8Array>) bytes += chunk.byteLength;
    })();
    await expect(reading).rejects.toThrow('are not those that were registered');
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(1_000_000);
    for (const path of ['MLmodel', 'added', './/MLmodel']) {
      const refused = await file(path);
      expect(refused.status).toBe(400);
      expect(((await refused.json()) as { message: string }).message).toContain(
        'are not those that were registered',
      );
    }
  });
});
