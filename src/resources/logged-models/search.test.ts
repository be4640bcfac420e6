import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

let experiment: string;
let other: string;
const runs: string[] = [];
const ids: Record<string, string> = {};

beforeAll(async () => {
  experiment = (await api.post('experiments/create', { name: 'one' })).body.experiment_id;
  other = (await api.post('experiments/create', { name: 'other' })).body.experiment_id;
  for (let i = 0; i < 2; i++)
    runs.push((await api.post('runs/create', { experiment_id: experiment })).body.run.info.run_id);
  await create('one', {
    model_type: 'x',
    tags: [
      { key: 'a', value: 'A%' },
      { key: 'k k', value: 'v' },
    ],
    params: [
      { key: 'lr', value: '0.1' },
      { key: 'long', value: 'x'.repeat(300) },
    ],
  });
  await create('two', { source_run_id: runs[0], params: [{ key: 'lr', value: '0.2' }] });
  await create('Three');
  await create('four');
  await create('elsewhere', { experiment_id: other });
  await create('gone');
  await api.delete(`logged-models/${ids.gone}`, {});
  await point('one', 'acc', 0.5, { timestamp: 10, step: 1 });
  await point('one', 'acc', 0.6, { timestamp: 11, step: 1 });
  await point('one', 'acc', 0.9, { timestamp: 5, step: 9, run_id: runs[1] });
  await point('one', 'nan', 'NaN');
  await point('two', 'acc', 0.8, { timestamp: 10, dataset_name: 'd', dataset_digest: 'g' });
  await point('Three', 'acc', 0.3, { timestamp: 10, dataset_name: 'd', dataset_digest: 'h' });
  await point('Three', 'acc', 0.2, { timestamp: 20 });
});

async function create(name: string, more: object = {}) {
  const { body } = await api.post('logged-models', { experiment_id: experiment, name, ...more });
  ids[name] = body.model.info.model_id;
  // Models of one millisecond are listed by their random ids.
  await app.sql`update tabularium.logged_models set created_at = ${Object.keys(ids).length}
    where model_id = ${body.model.info.model_id}`;
}

async function point(model: string, key: string, value: unknown, more: object = {}) {
  const { status } = await api.post('runs/log-metric', {
    ...{ run_id: runs[0], key, value, timestamp: 1, step: 0, model_id: ids[model] },
    ...more,
  });
  expect(status).toBe(200);
}

const search = async (more: object = {}) =>
  (await api.post('logged-models/search', { experiment_ids: [experiment], ...more })).body;
const names = async (more: object = {}) => {
  const { models = [], error_code, message } = await search(more);
  return error_code
    ? `${error_code}: ${message}`
    : models.map((m: { info: { name: string } }) => m.info.name);
};

test('lists the newest first, of the experiments asked for, without deleted ones', async () => {
  expect(await names()).toEqual(['four', 'Three', 'two', 'one']);
  expect(await names({ experiment_ids: [other, experiment, other] })).toEqual([
    ...['elsewhere', 'four', 'Three', 'two', 'one'],
  ]);
  expect(await search({ experiment_ids: [] })).toEqual({});
  expect(await search({ experiment_ids: ['9'.repeat(30)] })).toEqual({});
});

test('shows every point of a model, a NaN as 0', async () => {
  const { models } = await search({ filter: "name = 'one'" });
  const shared = { model_id: ids.one, run_id: runs[0] };
  expect(models[0].data.metrics).toEqual([
    { key: 'acc', value: 0.9, timestamp: 5, step: 9, model_id: ids.one, run_id: runs[1] },
    { key: 'acc', value: 0.5, timestamp: 10, step: 1, ...shared },
    { key: 'acc', value: 0.6, timestamp: 11, step: 1, ...shared },
    { key: 'nan', value: 0, timestamp: 1, step: 0, ...shared },
  ]);
  const two = await search({ filter: "name = 'two'" });
  expect(two.models[0].data.metrics).toMatchObject([{ dataset_name: 'd', dataset_digest: 'g' }]);
});

// Every line was asked of a real server.
test.each([
  ["name = 'one'", ['one']],
  ["name ilike 'T%'", ['Three', 'two']],
  ["name not in ('one')", ['four', 'Three', 'two']],
  ["model_type != 'x'", ['four', 'Three', 'two']],
  ["status = '1'", ['four', 'Three', 'two', 'one']],
  ["status != '1'", []],
  ["status_message != 'x'", []],
  ["lifecycle_stage = 'deleted'", []],
  ['creation_time > 1.5 and creation_timestamp_ms <= 3', ['Three', 'two']],
  ['creation_time > 9223372036854775808', []],
  ["params.lr = '0.1'", ['one']],
  ["params.lr != '0.1'", ['two']],
  [`params.long = '${'x'.repeat(300)}'`, ['one']],
  [`params.long = '${'x'.repeat(299)}'`, []],
  ["params.lr = '0.1' and tags.a = 'A%'", ['one']],
  ["tags.`k k` = 'v'", ['one']],
  ["tags.nope != 'x'", []],
  ['metrics.acc > 0.5', ['two', 'one']],
  ['metrics.acc > 0.5 and metrics.acc < 0.6', ['Three', 'two', 'one'].slice(2)],
  ['metrics.nan = 0', ['one']],
])('filter %s', async (filter, expected) => {
  expect(await names({ filter })).toEqual(expected);
});

test.each([
  [[{ field_name: 'name' }], ['Three', 'four', 'one', 'two']],
  [[{ field_name: 'name', ascending: false }], ['two', 'one', 'four', 'Three']],
  [[{ field_name: 'creation_time' }], ['one', 'two', 'Three', 'four']],
  [[{ field_name: 'status_message' }], ['four', 'Three', 'two', 'one']],
  [[{ field_name: 'metrics.acc' }], ['Three', 'one', 'two', 'four']],
  [[{ field_name: 'metrics.acc', ascending: false }], ['two', 'one', 'Three', 'four']],
  [[{ field_name: 'metrics.acc', dataset_name: 'd' }], ['Three', 'two', 'four', 'one']],
  [[{ field_name: 'metrics.acc', dataset_digest: 'h' }], ['Three', 'four', 'two', 'one']],
  [
    [{ field_name: 'metrics.none' }, { field_name: 'model_type' }],
    ['four', 'Three', 'two', 'one'],
  ],
  [[{ field_name: 'nope' }], 'INVALID_PARAMETER_VALUE: Invalid order by field name: nope'],
  [
    [{ field_name: 'tags.a' }],
    'INVALID_PARAMETER_VALUE: Invalid order by field name: tags.a. Only metrics are supported.',
  ],
])('order %j', async (order_by, expected) => {
  expect(await names({ order_by })).toEqual(expected);
});

test('an order by no field has a class of its own', async () => {
  expect(await search({ order_by: [{ field_name: 'nope' }] })).toMatchObject({
    sqlstate: 'KAM04',
    error_class: 'ATTRIBUTE_NOT_FOUND',
  });
});

test.each([
  [[{ dataset_name: 'd', dataset_digest: 'g' }], undefined, ['two']],
  [
    [
      { dataset_name: 'd', dataset_digest: 'g' },
      { dataset_name: 'd', dataset_digest: 'h' },
    ],
    undefined,
    ['Three', 'two'],
  ],
  [[{ dataset_name: 'd', dataset_digest: 'h' }], 'metrics.acc < 0.25', []],
  [[{ dataset_name: 'd' }], undefined, []],
  [
    [{ dataset_digest: 'h' }],
    undefined,
    'INVALID_PARAMETER_VALUE: `dataset_name` in the `datasets` clause must be specified.',
  ],
])('datasets %j, filter %s', async (datasets, filter, expected) => {
  expect(await names({ datasets, filter })).toEqual(expected);
});

test('pages go on where the last one ended, and belong to one search', async () => {
  const order_by = [{ field_name: 'name' }];
  const first = await search({ max_results: 3, order_by });
  const page_token = first.next_page_token;
  expect(await names({ max_results: 3, order_by, page_token })).toEqual(['two']);
  expect(await search({ max_results: 3, order_by, page_token })).not.toHaveProperty('next_page_token');
  expect(await names({ max_results: 3, page_token })).toBe(
    'INVALID_PARAMETER_VALUE: Order by in the page token does not match the requested order by. Expected: None. ' +
      "Found: [{'field_name': 'name', 'ascending': True, 'dataset_name': None, 'dataset_digest': None}]",
  );
  expect(await names({ order_by, page_token, experiment_ids: [other] })).toBe(
    'INVALID_PARAMETER_VALUE: Experiment IDs in the page token do not match the requested experiment IDs. ' +
      `Expected: ['${other}']. Found: ['${experiment}']`,
  );
  expect(await names({ max_results: -2 })).toBe('INVALID_PARAMETER_VALUE: LIMIT must not be negative');
});
