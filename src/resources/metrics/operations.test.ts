import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

let run: string;
beforeAll(async () => {
  run = (await api.post('runs/create', { experiment_id: '0' })).body.run.info.run_id;
});

const log = (key: string, value: number | string, more: object = {}) =>
  api.post('runs/log-metric', { run_id: run, key, value, timestamp: 1, ...more });
const history = (metric_key: string, more: Record<string, string> = {}) =>
  api.get('metrics/get-history', { run_id: run, metric_key, ...more });

test('the greatest by step, time and value is the latest; a point logged twice is one', async () => {
  await log('m', 3, { step: 1 });
  await log('m', 9, { step: -3, timestamp: 8 });
  await log('m', 4, { step: 1 });
  await log('m', 4, { step: 1 });
  const { data } = (await api.get('runs/get', { run_id: run })).body.run;
  expect(data.metrics).toContainEqual({ key: 'm', value: 4, timestamp: 1, step: 1 });
  expect((await history('m')).body.metrics.map((p: { value: number }) => p.value)).toEqual([3, 4, 9]);
});

test('NaN and infinities', async () => {
  await log('nan', 'NaN');
  await log('inf', 'Infinity');
  await log('ninf', '-Infinity');
  const value = async (key: string) => (await history(key)).body.metrics[0].value;
  expect([await value('nan'), await value('inf'), await value('ninf')]).toEqual([
    'NaN',
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
  ]);
});

test('history in pages', async () => {
  for (const step of [1, 2, 3]) await log('paged', step, { step });
  const first = (await history('paged', { max_results: '2' })).body;
  expect(first.metrics).toHaveLength(2);
  const second = (await history('paged', { max_results: '2', page_token: first.next_page_token })).body;
  expect(second).toEqual({ metrics: [{ key: 'paged', value: 3, timestamp: 1, step: 3 }] });
  expect((await history('paged', { max_results: '0' })).status).toBe(400);
  expect((await history('paged', { page_token: 'abc' })).body.message).toBe(
    'Invalid page token, could not base64-decode',
  );
});

test('a logged model has one value of a metric at one time and step of a run', async () => {
  const created = await api.post('logged-models', { experiment_id: '0', name: 'm' });
  const { model_id } = created.body.model.info;
  const onModel = async (value: number | string) => (await log('of-model', value, { model_id })).body;
  expect(await onModel(1)).toEqual({});
  expect(await onModel(1)).toEqual({});
  expect(await onModel(2)).toMatchObject({
    error_code: 'RESOURCE_ALREADY_EXISTS',
    message: 'duplicate key value violates unique constraint "logged_model_metrics_pk"',
  });
  expect((await history('of-model')).body.metrics).toHaveLength(1);
  expect((await log('of-model', 2)).body).toEqual({});
  const same = await Promise.all(Array.from({ length: 16 }, () => log('raced', 1, { model_id })));
  expect(same.map(({ status }) => status)).toEqual(Array(16).fill(200));
});

test.each([
  ['k;', {}, 'INVALID_PARAMETER_VALUE'],
  ['k'.repeat(251), {}, 'INVALID_PARAMETER_VALUE'],
  ['k', { timestamp: -1 }, 'INVALID_PARAMETER_VALUE'],
  ['k', { model_id: 'm-nowhere' }, 'INVALID_PARAMETER_VALUE'],
  ['k', { dataset_name: 'd' }, 'INVALID_PARAMETER_VALUE'],
  ['k', { run_id: 'nowhere' }, 'RESOURCE_DOES_NOT_EXIST'],
])('refuses %s %j', async (key, more, code) => {
  expect((await log(key, 1, more)).body.error_code).toBe(code);
  expect((await history(key)).body).toEqual({});
});
