import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';

let lax: TestApp;
let strict: TestApp;

beforeAll(async () => {
  lax = await makeApp();
  strict = await makeApp({ strictSources: true, allowedSourceRoots: ['/srv/models', 's3://shared/models'] });
});

afterAll(async () => {
  await lax.close();
  await strict.close();
});

const inside = ['s3://shared/models/a', 'mlflow-artifacts:/0/x', 'file:///srv/models/a', '/srv/models'];
const outside = [
  's3://shared/models-too/a',
  's3://shared',
  's3://other/models',
  's3://shared/models/../secret',
  'gs://bucket/a',
  'dbfs:/a',
  '/etc',
  'file:///srv/models/../secret',
];

test('without --strict-sources a location may be anywhere', async () => {
  for (const [i, location] of [...inside, ...outside].entries()) {
    const body = { name: `e${i}`, artifact_location: location };
    expect((await wire(lax).post('experiments/create', body)).status).toBe(200);
  }
});

test('with it only below a root of the server', async () => {
  const api = wire(strict);
  for (const [i, location] of inside.entries()) {
    const body = { name: `e${i}`, artifact_location: location };
    expect((await api.post('experiments/create', body)).status).toBe(200);
  }
  for (const location of outside) {
    const { status, body } = await api.post('experiments/create', {
      name: 'no',
      artifact_location: location,
    });
    expect([status, body.message]).toEqual([
      400,
      expect.stringMatching(/^Invalid artifact location: .* below its own artifact roots\.$/),
    ]);
  }
  expect((await api.get('experiments/get-by-name', { experiment_name: 'no' })).status).toBe(404);
});

test('the same for sources of versions', async () => {
  for (const [app, allowed] of [
    [lax, true],
    [strict, false],
  ] as const) {
    const api = wire(app);
    await api.post('registered-models/create', { name: 'm' });
    const register = (body: object) => api.post('model-versions/create', { name: 'm', ...body });
    expect((await register({ source: 's3://shared/models/a' })).status).toBe(200);
    for (const source of ['s3://other/models', 'gs://bucket/a', 's3://shared/a']) {
      const { status, body } = await register({ source });
      expect([status, allowed || body.message]).toEqual(
        allowed
          ? [200, true]
          : [
              400,
              `Invalid model version source: '${source}'. This server registers only what lies below its own artifact roots.`,
            ],
      );
    }
    // What the run, the model and the other version point to is looked at, not the words of the source.
    const { run_id: runId } = (await api.post('runs/create', { experiment_id: '0' })).body.run.info;
    expect((await register({ source: `runs:/${runId}/model`, run_id: runId })).status).toBe(200);
    expect((await register({ source: 'models:/m/1' })).status).toBe(200);
    const tags = [{ key: 'mlflow.prompt.is_prompt', value: 'true' }];
    await api.post('registered-models/create', { name: 'prompt', tags });
    const prompt = { name: 'prompt', source: 'dummy-source', tags };
    expect((await api.post('model-versions/create', prompt)).status).toBe(200);
  }
});

test('a run that points elsewhere since before is refused as a source', async () => {
  const api = wire(strict);
  const { body } = await api.post('runs/create', { experiment_id: '0' });
  const runId = body.run.info.run_id;
  await strict.sql`update tabularium.runs set artifact_uri = 's3://other/x' where run_id = ${runId}`;
  const answer = await api.post('model-versions/create', {
    name: 'm',
    source: `runs:/${runId}/m`,
    run_id: runId,
  });
  expect([answer.status, answer.body.message]).toEqual([400, expect.stringContaining('own artifact roots')]);
});
