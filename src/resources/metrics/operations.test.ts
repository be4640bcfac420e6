import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

test('a batch that is sent again, with more in it, adds what is new', async () => {
  const points = [1, 2, 3].map((step) => ({ key: 'again', value: step, timestamp: 5, step }));
  const batch = (metrics: object[]) => api.post('runs/log-batch', { run_id: run, metrics });
  expect((await batch(points.slice(0, 2))).body).toEqual({});
  expect((await batch([...points, ...points])).body).toEqual({});
  expect((await history('again')).body.metrics).toEqual(points);
  const { data } = (await api.get('runs/get', { run_id: run })).body.run;
  expect(data.metrics).toContainEqual(points[2]);
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

describe('several runs at once', () => {
  let [a, b] = ['', ''];
  beforeAll(async () => {
    [a = '', b = ''] = await Promise.all(
      [0, 1].map(async () => (await api.post('runs/create', { experiment_id: '0' })).body.run.info.run_id),
    );
    const points = (length: number) =>
      Array.from({ length }, (_, step) => ({ key: 'many', value: step / 2, timestamp: 1000 - step, step }));
    await api.post('runs/log-batch', { run_id: a, metrics: points(1000) });
    await api.post('runs/log-batch', { run_id: b, metrics: points(7) });
  });

  const sample = async (max_results: number, more: string = '') => {
    const runs = `run_ids=${a}&run_ids=nowhere&run_ids=${b}`;
    const query = `${runs}&metric_key=many&max_results=${max_results}${more}`;
    const { body } = await api.get(`metrics/get-history-bulk-interval?${query}&`);
    const points: { run_id: string; step: number }[] = body.metrics ?? [];
    return [a, b].map((run) => points.filter(({ run_id }) => run_id === run).map(({ step }) => step));
  };

  /** What `ntile` gives: the first of each part, and the last point of all in place of the last of these. */
  function partsOf(length: number, limit: number): number[] {
    const parts = Math.min(length, limit);
    const [size, longer] = [Math.floor(length / parts), length % parts];
    const starts = Array.from({ length: parts }, (_, part) => part * size + Math.min(part, longer));
    return [...starts.slice(0, -1), length - 1];
  }

  test.each([1, 2, 3, 6, 7, 8, 320, 333, 499, 500, 501, 999, 1000, 1001, 2500])(
    'at most %i points of each',
    async (limit) => {
      expect(await sample(limit)).toEqual([partsOf(1000, limit), partsOf(7, limit)]);
    },
  );

  test('in a range of steps, beyond 32 bits, too', async () => {
    expect(await sample(3, '&start_step=2&end_step=5')).toEqual([
      [2, 4, 5],
      [2, 4, 5],
    ]);
    expect(await sample(3, '&start_step=4294967296&end_step=4294967297')).toEqual([[], []]);
  });

  test('the point that two models have is one', async () => {
    for (const name of ['m', 'n']) {
      const { model_id } = (await api.post('logged-models', { experiment_id: '0', name })).body.model.info;
      await api.post('runs/log-metric', {
        run_id: b,
        key: 'many',
        value: 0,
        timestamp: 1000,
        step: 0,
        model_id,
      });
    }
    expect((await sample(9))[1]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('all points, by run and time, up to a limit', async () => {
    const get = async (query: string) => {
      const response = await app.request(`/ajax-api/2.0/mlflow/metrics/get-history-bulk?${query}`);
      return (await response.json()) as { metrics: { run_id: string; step: number }[] };
    };
    const { metrics } = await get(`run_id=${b}&run_id=${a}&run_id=${a}&metric_key=many`);
    const inOrder = [a, b].sort().flatMap((run) => (run === a ? Array(1000).fill(a) : Array(7).fill(b)));
    expect(metrics.map(({ run_id }) => run_id)).toEqual(inOrder);
    const first = await get(`run_id=${b}&metric_key=many&max_results=2`);
    expect(first.metrics.map(({ step }) => step)).toEqual([6, 5]);
    expect(await get(`run_id=${b}&metric_key=none`)).toEqual({ metrics: [] });
  });
});
