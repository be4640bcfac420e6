import { createHash, randomBytes } from 'node:crypto';
import { appendFile, chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';

let app: TestApp;
let api: ReturnType<typeof wire>;
beforeAll(async () => {
  app = await makeApp();
  api = wire(app);
});
afterAll(() => app.close());

const sha256 = (text: string | Uint8Array) => createHash('sha256').update(text).digest('hex');
let count = 0;

/** A run with files in its folder `model`, that came through the proxy. */
async function runWith(files: Record<string, string>): Promise<{ id: string; uri: string; path: string }> {
  const { body } = await api.post('runs/create', { experiment_id: '0' });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  const path = `${uri.replace('mlflow-artifacts:/', '')}/model`;
  for (const [name, text] of Object.entries(files)) await upload(`${path}/${name}`, text);
  return { id, uri: `${uri}/model`, path };
}

async function upload(path: string, text: string): Promise<number> {
  const { status } = await app.request(artifact(path), { method: 'PUT', body: text });
  return status;
}

const artifact = (path: string) => `/api/2.0/mlflow-artifacts/artifacts/${path}`;

async function modelName(): Promise<string> {
  const name = `model-${++count}`;
  await api.post('registered-models/create', { name });
  return name;
}

async function register(source: string, runId?: string, name?: string) {
  const model = name ?? (await modelName());
  const { status, body } = await api.post('model-versions/create', { name: model, source, run_id: runId });
  return { status, name: model, ...body.model_version, message: body.message };
}

const downloadUri = async (name: string, version = '1'): Promise<string> =>
  (await api.get('model-versions/get-download-uri', { name, version })).body.artifact_uri;

async function read(name: string, file: string, version = '1'): Promise<string> {
  const query = new URLSearchParams({ name, version, path: file });
  return (await app.request(`/model-versions/get-artifact?${query}`)).text();
}

const inStore = (uri: string) => join(app.artifacts, uri.replace('mlflow-artifacts:/', ''));

describe('a registered version', () => {
  test('is ready, and names its copy', async () => {
    const run = await runWith({ MLmodel: 'flavors', 'data/model.pkl': 'first' });
    const { name, status, current_stage, status_message, ...version } = await register(run.uri, run.id);
    expect(version).toMatchObject({ source: run.uri });
    expect((await api.get('model-versions/get', { name, version: '1' })).body.model_version).toMatchObject({
      status: 'READY',
      source: run.uri,
    });
    const uri = await downloadUri(name);
    expect(uri).toMatch(/^mlflow-artifacts:\/\.tabularium\/pinned\/[0-9a-f]{32}\/1$/);
    expect((await readdir(inStore(uri))).sort()).toEqual(['MLmodel', 'data']);
    expect(await read(name, 'data/model.pkl')).toBe('first');
  });
});
