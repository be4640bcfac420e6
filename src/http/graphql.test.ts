import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeApp, type TestApp } from '../testing/make-app.ts';
import { type Answer, wire } from '../testing/wire.ts';

let app: TestApp;
let experimentId: string;
beforeAll(async () => {
  app = await makeApp({ staticPrefix: '/ml', graphqlLimits: { rootFields: 2, aliases: 10 } });
  const api = wire({ request: (path, init) => app.request(`/ml${path}`, init) });
  ({ experiment_id: experimentId } = (await api.post('experiments/create', { name: 'charts' })).body);
  await api.post('registered-models/create', { name: 'm' });
  for (const name of ['a', 'b', 'c']) {
    const { body } = await api.post('runs/create', { experiment_id: experimentId, run_name: name });
    const source = `s3://bucket/${name}`;
    await api.post('model-versions/create', { name: 'm', source, run_id: body.run.info.run_id });
  }
});
afterAll(() => app.close());

async function ask(query: string, variables?: object): Promise<Answer> {
  const response = await app.request('/ml/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, body: await response.json() };
}

const page = `query ($input: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $input) {
  nextPageToken runs { info { runName } modelVersions { source } experiment { name } } } }`;

test('each run of a page has its own versions and its experiment', async () => {
  const { body } = await ask(page, { input: { experimentIds: [experimentId] } });
  expect(body.errors).toBeNull();
  const { runs, nextPageToken } = body.data.mlflowSearchRuns;
  expect(nextPageToken).toBe('');
  expect(runs.map(({ info }: { info: { runName: string } }) => info.runName).toSorted()).toEqual([
    'a',
    'b',
    'c',
  ]);
  for (const run of runs)
    expect(run).toMatchObject({
      modelVersions: [{ source: `s3://bucket/${run.info.runName}` }],
      experiment: { name: 'charts' },
    });
});

test('the token of a page leads to the next', async () => {
  const input = { experimentIds: [experimentId], maxResults: 2 };
  const first = (await ask(page, { input })).body.data.mlflowSearchRuns;
  const second = (await ask(page, { input: { ...input, pageToken: first.nextPageToken } })).body;
  expect(second.data.mlflowSearchRuns.runs).toHaveLength(1);
});

test.each([
  ['ALL', 3],
  ['DELETED_ONLY', 0],
])('runs by the view %s, which MLflow cannot read here', async (runViewType, number) => {
  const { body } = await ask(page, { input: { experimentIds: [experimentId], runViewType } });
  expect(body.data.mlflowSearchRuns.runs).toHaveLength(number);
});

test('the limits are those of the configuration', async () => {
  expect((await ask('{ a: __typename b: __typename }')).body.errors).toBeNull();
  expect((await ask('{ a: __typename b: __typename c: __typename }')).body).toEqual({
    data: null,
    errors: [expect.stringMatching(/^GraphQL queries should have at most 2 root fields, got 3 root fields/)],
  });
});

test('what would take long to read is refused', async () => {
  const deep = await ask(`${'{a'.repeat(9_000)}${'}'.repeat(9_000)}`);
  expect(deep.status === 400 || deep.body.data === null).toBe(true);
  const long = await ask(`{ ${'a '.repeat(50_000)} }`);
  expect([long.status, long.body.message]).toEqual([400, expect.stringContaining('Parsing aborted')]);
});

test('with --artifacts-only there is none', async () => {
  const closed = await makeApp({ artifactsOnly: true });
  const response = await closed.request('/graphql', { method: 'POST', body: '{}' });
  expect(response.status).toBe(503);
  await closed.close();
});

test('a database that is away is told as everywhere, not as an error of the query', async () => {
  const away = await makeApp();
  await away.close();
  const response = await away.request('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      query: '{ mlflowGetExperiment(input: {experimentId: "0"}) { experiment { name } } }',
    }),
  });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
});
