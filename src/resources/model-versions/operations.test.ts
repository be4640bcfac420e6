import { afterAll, describe, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const model = (name: string) => api.post('registered-models/create', { name });
const version = (name: string, more: object = {}) =>
  api.post('model-versions/create', { name, source: 's3://b/m', ...more });
const get = async (name: string, number: number | string) =>
  (await api.get('model-versions/get', { name, version: String(number) })).body.model_version;

async function run(): Promise<string> {
  const { body } = await api.post('runs/create', { experiment_id: '0' });
  return body.run.info.run_id;
}

describe('numbers', () => {
  test('32 versions created at once are 1 to 32', async () => {
    await model('numbers');
    const answers = await atOnce(32, () => version('numbers'));
    const numbers = answers.map(({ body }) => Number(body.model_version.version)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
  });

  test('are not used twice after the newest version is deleted', async () => {
    await model('deleted');
    await version('deleted');
    await version('deleted');
    await api.delete('model-versions/delete', { name: 'deleted', version: '2' });
    expect((await version('deleted')).body.model_version.version).toBe('3');
  });
});

describe('stages', () => {
  test('32 transitions to Production at once, with archiving, leave one version there', async () => {
    await model('race');
    for (let i = 0; i < 32; i++) await version('race');
    const answers = await atOnce(32, (i) =>
      api.post('model-versions/transition-stage', {
        name: 'race',
        version: String(i + 1),
        stage: 'Production',
        archive_existing_versions: true,
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(32).fill(200));
    const rows =
      await app.sql`select stage, count(*)::int as count from tabularium.model_versions where name = 'race' group by stage`;
    expect(Object.fromEntries(rows.map(({ stage, count }) => [stage, count]))).toEqual({
      Production: 1,
      Archived: 31,
    });
    const stale = await app.sql`select version from tabularium.model_versions
      where name = 'race' and wire ->> 'current_stage' <> stage`;
    expect(stale).toEqual([]);
  });

  test.each([
    ['waiting', true, ['Archived', 'Production', 'None']],
    ['waiting alone', false, ['Production', 'Production', 'None']],
  ])('a transition that waited for another sees what that has done: %s', async (name, archive, stages) => {
    await model(name);
    for (let i = 0; i < 3; i++) await version(name);
    const move = (number: string) =>
      api.post('model-versions/transition-stage', {
        name,
        version: number,
        stage: 'Production',
        archive_existing_versions: archive,
      });
    const waiting = async () =>
      app.sql`select from pg_stat_activity where wait_event_type = 'Lock' and query like '%registered_models%'
        and datname = current_database()`;
    const moved = await app.sql.begin(async (tx) => {
      await tx`update tabularium.registered_models set description = 'x' where name = ${name}`;
      await tx`update tabularium.model_versions set stage = 'Production' where name = ${name} and version = 1`;
      const answer = move('2');
      while ((await waiting()).length === 0);
      return { answer };
    });
    expect((await moved.answer).body.model_version.current_stage).toBe('Production');
    const rows =
      await app.sql`select stage from tabularium.model_versions where name = ${name} order by version`;
    expect(rows.map(({ stage }) => stage)).toEqual(stages);
    const { body } = await api.get('registered-models/get', { name });
    const newest = body.registered_model.latest_versions as { version: string; current_stage: string }[];
    expect(newest.map((one) => [one.version, one.current_stage])).toEqual([
      ...(archive ? [['1', 'Archived']] : []),
      ['2', 'Production'],
      ['3', 'None'],
    ]);
    const audited = await app.sql`select from tabularium.audit
      where action = 'transitionModelVersionStage' and name = ${`${name}/2`}`;
    expect(audited).toHaveLength(1);
  });

  test('Development is stored as None', async () => {
    await model('development');
    await version('development');
    const { body } = await api.post('model-versions/transition-stage', {
      name: 'development',
      version: '1',
      stage: 'development',
    });
    expect(body.model_version.current_stage).toBe('None');
  });

  test('a missing version archives nothing', async () => {
    await model('untouched');
    await version('untouched');
    await api.post('model-versions/transition-stage', {
      name: 'untouched',
      version: '1',
      stage: 'Production',
    });
    const { status } = await api.post('model-versions/transition-stage', {
      name: 'untouched',
      version: '9',
      stage: 'Production',
      archive_existing_versions: true,
    });
    expect(status).toBe(404);
    expect((await get('untouched', 1)).current_stage).toBe('Production');
  });
});

describe('sources', () => {
  test('a run is named by its id and given back verbatim', async () => {
    await model('of-run');
    const runId = await run();
    const source = `runs:/${runId}/model`;
    expect((await version('of-run', { source, run_id: runId })).body.model_version).toMatchObject({
      source,
      run_id: runId,
    });
    expect((await version('of-run', { source, run_id: await run() })).status).toBe(400);
    expect((await version('of-run', { source })).status).toBe(400);
  });

  test('another version is stored by its number, with its run and its place', async () => {
    await model('origin');
    const runId = await run();
    await version('origin', { source: 's3://bucket/bytes', run_id: runId });
    await api.post('registered-models/alias', { name: 'origin', alias: 'champion', version: '1' });
    await api.post('model-versions/transition-stage', { name: 'origin', version: '1', stage: 'Staging' });
    await model('copy');
    for (const source of [
      'models:/origin/1',
      'models:/origin@champion',
      'models:/origin/Staging',
      'models:/origin/latest',
    ]) {
      const { body } = await version('copy', { source });
      expect(body.model_version).toMatchObject({ source: 'models:/origin/1', run_id: runId });
      const uri = await api.get('model-versions/get-download-uri', {
        name: 'copy',
        version: body.model_version.version,
      });
      expect(uri.body).toEqual({ artifact_uri: 's3://bucket/bytes' });
    }
    expect((await version('copy', { source: 'models:/origin/1', run_id: 'another' })).status).toBe(400);
  });

  test('a logged model gives its place and run, and is told of the version', async () => {
    const runId = await run();
    const created = await api.post('logged-models', { experiment_id: '0', name: 'm', source_run_id: runId });
    const { model_id, artifact_uri } = created.body.model.info;
    await model('logged');
    const source = `models:/${model_id}`;
    expect((await version('logged', { source })).status).toBe(400);
    const { body } = await version('logged', { source, model_id });
    expect(body.model_version).toMatchObject({ source, run_id: runId });
    const uri = await api.get('model-versions/get-download-uri', { name: 'logged', version: '1' });
    expect(uri.body.artifact_uri).toBe(artifact_uri);
    await version('logged', { source, model_id });
    const { tags } = (await api.get(`logged-models/${model_id}`)).body.model.info;
    const tag = tags.find(({ key }: { key: string }) => key === 'mlflow.modelVersions');
    expect(JSON.parse(tag.value)).toEqual([
      { name: 'logged', version: 1 },
      { name: 'logged', version: 2 },
    ]);
  });

  test.each([
    '/etc/passwd',
    'file:///etc/passwd',
    '../x',
    's3://b/../x',
    's3://b/%2e%2e/x',
    's3://b/%252e%252e/x',
    's3://b/..;/x',
    's3://b/..\\x',
    's3://b/x\0',
    'mlflow-artifacts:/../x',
    'mlflow-artifacts:/0/other/artifacts',
    'http://host/x',
    'mlflow-artifacts://host/x',
    'models://host/m/1',
    'models:/',
    'runs://host/x',
    's3://b',
    'file://host/x',
  ])('%s is refused', async (source) => {
    await model('refusing');
    const { status, body } = await version('refusing', { source });
    expect([status, body.error_code]).toEqual([400, 'INVALID_PARAMETER_VALUE']);
  });
});

test('the environment decides which sources and which foreign hosts are taken', async () => {
  const strict = await makeApp({
    settings: {
      defaultArtifactRoot: 'mlflow-artifacts:',
      allowedHostAddressedSchemes: ['ftp'],
      trustedArtifactUris: ['https://store.example/root'],
      presignedSeconds: 300,
      sourceRegex: /^(ftp|https):/,
    },
  });
  const { post } = wire(strict);
  await post('registered-models/create', { name: 'm' });
  const statusOf = async (source: string) =>
    (await post('model-versions/create', { name: 'm', source })).status;
  expect(await statusOf('ftp://anywhere/x')).toBe(200);
  expect(await statusOf('https://store.example/other')).toBe(200);
  expect(await statusOf('https://elsewhere.example/x')).toBe(400);
  expect(await statusOf('s3://bucket/x')).toBe(400);
  await strict.close();
});

test('an alias is shown with its version where one version is asked for, and goes with it', async () => {
  await model('aliased');
  await version('aliased');
  await version('aliased');
  await api.post('registered-models/alias', { name: 'aliased', alias: 'b', version: '1' });
  await api.post('registered-models/alias', { name: 'aliased', alias: 'a', version: '1' });
  expect((await get('aliased', 1)).aliases).toEqual(['a', 'b']);
  await api.post('registered-models/alias', { name: 'aliased', alias: 'b', version: '2' });
  expect(
    (await api.get('registered-models/alias', { name: 'aliased', alias: 'b' })).body.model_version,
  ).toMatchObject({ version: '2', aliases: ['b'] });
  await api.delete('model-versions/delete', { name: 'aliased', version: '2' });
  expect((await api.get('registered-models/alias', { name: 'aliased', alias: 'b' })).body.message).toBe(
    'Registered model alias b not found.',
  );
  const { body } = await api.get('registered-models/get', { name: 'aliased' });
  expect(body.registered_model.aliases).toEqual([{ alias: 'a', version: '1' }]);
});

test('versions are searched by name, run, source, number and tag, and paged', async () => {
  await model('searched');
  const runId = await run();
  for (let i = 0; i < 5; i++)
    await version('searched', {
      source: `s3://b/searched/${i}`,
      run_id: i === 3 ? runId : '',
      tags: [{ key: 'n', value: String(i) }],
    });
  const numbers = async (filter: string) =>
    ((await api.get('model-versions/search', { filter })).body.model_versions ?? [])
      .map((v: { version: string }) => v.version)
      .sort();
  expect(await numbers("name = 'searched' AND version_number > 3")).toEqual(['4', '5']);
  expect(await numbers(`run_id = '${runId}'`)).toEqual(['4']);
  expect(await numbers("source_path = 's3://b/searched/2'")).toEqual(['3']);
  expect(await numbers("name = 'searched' AND tags.n != '0'")).toEqual(['2', '3', '4', '5']);
  const seen: string[] = [];
  let token = '';
  do {
    const { body } = await api.get('model-versions/search', {
      filter: "name = 'searched'",
      max_results: '2',
      page_token: token,
    });
    seen.push(...body.model_versions.map((v: { version: string }) => v.version));
    token = body.next_page_token ?? '';
  } while (token);
  expect(seen.toSorted()).toEqual(['1', '2', '3', '4', '5']);
});
