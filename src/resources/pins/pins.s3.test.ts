import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshBucket, s3Options, type TestBucket } from '../../testing/bucket.ts';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';
import { sweepPins } from './sweep.ts';

/** Versions whose files lie on S3: behind the proxy, and where clients write by themselves. */

let bucket: TestBucket;
let app: TestApp;
let api: ReturnType<typeof wire>;
let root: string;
beforeAll(async () => {
  bucket = await freshBucket({ prefix: 'direct' });
  root = `s3://${bucket.bucket}/direct`;
  app = await makeApp({
    artifactsDestination: `s3://${bucket.bucket}/served`,
    s3: s3Options(),
    settings: {
      defaultArtifactRoot: root,
      allowedHostAddressedSchemes: [],
      trustedArtifactUris: [],
      sourceRegex: undefined,
      presignedSeconds: 300,
    },
  });
  api = wire(app);
});
afterAll(() => app.close());

const sha256 = (of: string) => createHash('sha256').update(of).digest('hex');
const store = (Key: string, Body: string) =>
  bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key, Body }));

/** A run whose artifacts are where clients write by themselves, or behind the proxy. */
async function makeRun(location?: string): Promise<{ id: string; uri: string; path: string }> {
  const { body: made } = await api.post('experiments/create', {
    name: crypto.randomUUID(),
    artifact_location: location,
  });
  const { body } = await api.post('runs/create', { experiment_id: made.experiment_id });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  return { id, uri: `${uri}/model`, path: `${uri.replace(/^(s3:\/\/[^/]+|mlflow-artifacts:)\//, '')}/model` };
}

async function register(name: string, source: string, runId: string) {
  await api.post('registered-models/create', { name });
  await api.post('model-versions/create', { name, source, run_id: runId });
  for (;;) {
    const { body } = await api.get('model-versions/get', { name, version: '1' });
    if (body.model_version.status !== 'PENDING_REGISTRATION') return body.model_version;
  }
}

const downloadUri = async (name: string): Promise<string> =>
  (await api.get('model-versions/get-download-uri', { name, version: '1' })).body.artifact_uri;

async function read(name: string, path: string): Promise<string> {
  const query = new URLSearchParams({ name, version: '1', path });
  return (await app.request(`/model-versions/get-artifact?${query}`)).text();
}

async function files(name: string): Promise<{ path: string; sha256: string }[]> {
  for (;;) {
    const answer = await app.request(`/api/registry/v1/models/${name}/versions/1/digest`);
    if (answer.status === 200) return ((await answer.json()) as { files: never[] }).files;
    if (answer.status !== 409) throw new Error(await answer.text());
  }
}

test('what clients write to S3 themselves is copied within S3, and stays', async () => {
  const run = await makeRun();
  await store(`${run.path}/MLmodel`, 'flavors');
  await store(`${run.path}/data/model.pkl`, 'first');
  expect(await register('direct', run.uri, run.id)).toMatchObject({ status: 'READY', source: run.uri });
  const uri = await downloadUri('direct');
  expect(uri.slice(0, root.length + 20)).toBe(`${root}/.tabularium/pinned/`);
  expect(await files('direct')).toMatchObject([
    { path: 'MLmodel', sha256: sha256('flavors') },
    { path: 'data/model.pkl', sha256: sha256('first') },
  ]);
  await store(`${run.path}/data/model.pkl`, 'second');
  await store(`${run.path}/data/more`, 'second');
  await bucket.store.delete(`${run.path.slice('direct/'.length)}/MLmodel`);
  expect(await read('direct', 'data/model.pkl')).toBe('first');
  const copied = `${uri.slice(root.length + 1)}/MLmodel`;
  expect(await text((await bucket.store.get(copied)).body)).toBe('flavors');

  await api.delete('registered-models/delete', { name: 'direct' });
  const places = { served: undefined, folders: [], buckets: [{ ...bucket, objects: bucket.store }] };
  await sweepPins(app.sql, places, 0);
  expect(await bucket.store.stat(copied)).toBeUndefined();
});

test('what comes through the proxy is not read again, unless it was replaced by another way', async () => {
  for (const [name, replaced] of [
    ['proxied', undefined],
    ['replaced', 'by another way'],
  ] as const) {
    const run = await makeRun(`mlflow-artifacts:/${name}`);
    const address = `/api/2.0/mlflow-artifacts/artifacts/${run.path}/MLmodel`;
    expect((await app.request(address, { method: 'PUT', body: 'uploaded' })).status).toBe(200);
    if (replaced !== undefined) await store(`served/${run.path}/MLmodel`, replaced);
    expect((await register(name, run.uri, run.id)).status).toBe('READY');
    expect(await files(name)).toMatchObject([{ path: 'MLmodel', sha256: sha256(replaced ?? 'uploaded') }]);
    expect(await downloadUri(name)).toMatch(/^mlflow-artifacts:\/\.tabularium\/pinned\//);
    expect((await app.request(address, { method: 'PUT', body: 'later' })).status).toBe(200);
    expect(await read(name, 'MLmodel')).toBe(replaced ?? 'uploaded');
  }
});

test('other bytes than those that are meant are not copied', async () => {
  await store('direct/meant', 'meant');
  const meant = await bucket.store.stat('meant');
  await bucket.store.copy('meant', 'copied', meant?.etag);
  await store('direct/meant', 'other');
  await expect(bucket.store.copy('meant', 'copied', meant?.etag)).rejects.toMatchObject({
    code: 'RESOURCE_CONFLICT',
  });
  expect(await text((await bucket.store.get('copied')).body)).toBe('meant');
});
