import { afterAll, describe, expect, test } from 'vitest';
import { defaultWorkspace as workspace } from '../../contract/scope.ts';
import { createPipeline } from '../../db/transaction.ts';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';
import type { Point } from '../metrics/rules.ts';
import { renderWaiting } from './documents.ts';
import { addParams, addPoints, setTags } from './together.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());
const { sql } = app;

const create = async (): Promise<string> =>
  (await api.post('runs/create', { experiment_id: '0', start_time: 1 })).body.run.info.run_id;
const dataOf = async (run_id: string) => {
  const { metrics = [], params = [], tags = [] } = (await api.get('runs/get', { run_id })).body.run.data;
  const valuesOf = (list: { key: string; value: unknown }[]) =>
    Object.fromEntries(
      list.filter(({ key }) => key !== 'mlflow.runName').map(({ key, value }) => [key, value]),
    );
  return { metrics: valuesOf(metrics), params: valuesOf(params), tags: valuesOf(tags) };
};
const point = (more: Partial<Point> = {}): Point => ({
  key: 'm',
  value: 1,
  isNan: false,
  timestamp: 1n,
  step: 0n,
  modelId: null,
  datasetName: null,
  datasetDigest: null,
  ...more,
});

const [active, other, deleted, ended, held] = await Promise.all([
  create(),
  create(),
  create(),
  create(),
  create(),
]);
await api.post('runs/log-metric', { run_id: active, key: 'm', value: 0, timestamp: 0 });
await api.post('runs/delete', { run_id: deleted });
await api.post('runs/update', { run_id: ended, status: 'FINISHED' });
while (await renderWaiting(createPipeline(sql, 1), 0));

/** What asks for a second look; and how the row of one of them is held, meanwhile. */
const notToday = [
  { workspace, runId: deleted },
  { workspace, runId: ended },
  { workspace, runId: held },
  { workspace, runId: 'nobody' },
  { workspace: 'elsewhere', runId: active },
];
const whileHeld = <T>(use: () => Promise<T>): Promise<T> =>
  sql.begin(async (tag) => {
    await tag`select from tabularium.runs where run_id = ${held} for update`;
    return use();
  }) as Promise<T>;

describe('one statement for many runs', () => {
  test('tags', async () => {
    const tag = { key: 't', value: 'no' };
    const items = [
      { workspace, runId: other, key: 't', value: 'o' },
      { workspace, runId: active, key: 't', value: 'first' },
      ...notToday.map((run) => ({ ...run, ...tag })),
      { workspace, runId: active, key: 't', value: 'last' },
      { workspace, runId: active, key: 'quoted', value: 'a "b" \\ {c}' },
    ];
    const done = await whileHeld(() => setTags(sql, items));
    expect(done.toSorted()).toEqual([0, 1, 7, 8]);
    expect((await dataOf(active)).tags).toEqual({ t: 'last', quoted: 'a "b" \\ {c}' });
    expect((await dataOf(other)).tags).toEqual({ t: 'o' });
    for (const run of [deleted, ended, held]) expect((await dataOf(run)).tags).toEqual({});
  });

  test('parameters: one that stands there is not done, whatever its value', async () => {
    await api.post('runs/log-parameter', { run_id: active, key: 'there', value: 'a' });
    const items = [
      { workspace, runId: active, key: 'there', value: 'a' },
      { workspace, runId: active, key: 'there', value: 'b' },
      { workspace, runId: active, key: 'p', value: '1' },
      { workspace, runId: active, key: 'p', value: '2' },
      { workspace, runId: active, key: 'p', value: '1' },
      { workspace, runId: other, key: 'p', value: '2' },
      ...notToday.map((run) => ({ ...run, key: 'p', value: 'no' })),
    ];
    const done = await whileHeld(() => addParams(sql, items));
    expect(done.toSorted()).toEqual([2, 4, 5]);
    expect((await dataOf(active)).params).toEqual({ there: 'a', p: '1' });
    expect((await dataOf(other)).params).toEqual({ p: '2' });
    for (const run of [deleted, ended, held]) expect((await dataOf(run)).params).toEqual({});
  });

  test('points: each once, the latest counts, and a key without a number is not done', async () => {
    const items = [
      { workspace, runId: active, point: point({ step: 2n, value: 7 }) },
      { workspace, runId: active, point: point({ step: 1n, value: 9, timestamp: 9n }) },
      { workspace, runId: active, point: point({ step: 1n, value: 9, timestamp: 9n }) },
      { workspace, runId: active, point: point({ key: 'unknown' }) },
      { workspace, runId: other, point: point({ value: 0, isNan: true }) },
      ...notToday.map((run) => ({ ...run, point: point() })),
    ];
    const done = await whileHeld(() => addPoints(sql, items));
    expect(done.toSorted()).toEqual([0, 1, 2, 4]);
    expect((await dataOf(active)).metrics).toEqual({ m: 7 });
    expect((await dataOf(other)).metrics).toEqual({ m: 'NaN' });
    for (const run of [deleted, ended, held]) expect((await dataOf(run)).metrics).toEqual({});
    const { body } = await api.get('metrics/get-history', { run_id: active, metric_key: 'm' });
    expect(body.metrics.map((m: { value: number; step: number }) => [m.step, m.value])).toEqual([
      [0, 0],
      [2, 7],
      [1, 9],
    ]);
  });
});

describe('clients that log at once', () => {
  test('each is answered for its own', async () => {
    const runs = await atOnce(5, create);
    const gone = await create();
    await api.post('runs/delete', { run_id: gone });
    const answers = await atOnce(200, async (i) => {
      const run_id = i % 20 === 19 ? gone : i % 20 === 18 ? 'nobody' : (runs[i % 5] as string);
      const tag = await api.post('runs/set-tag', { run_id, key: `t${i}`, value: `${i}` });
      const param = await api.post('runs/log-parameter', { run_id, key: `p${i}`, value: `${i}` });
      const metric = await api.post('runs/log-metric', {
        run_id,
        key: `m${i % 7}`,
        value: i,
        timestamp: 1,
        step: i,
      });
      return [tag.status, param.status, metric.status];
    });
    answers.forEach((statuses, i) => {
      const status = i % 20 === 19 ? 400 : i % 20 === 18 ? 404 : 200;
      expect(statuses, `${i}`).toEqual([status, status, status]);
    });
    for (const [at, run] of runs.entries()) {
      const mine = answers.flatMap((_, i) => (i % 5 === at && i % 20 < 18 ? [i] : []));
      const { metrics, params, tags } = await dataOf(run);
      expect(tags).toEqual(Object.fromEntries(mine.map((i) => [`t${i}`, `${i}`])));
      expect(params).toEqual(Object.fromEntries(mine.map((i) => [`p${i}`, `${i}`])));
      expect(metrics).toEqual(Object.fromEntries(mine.map((i) => [`m${i % 7}`, i])));
    }
  });

  test('of many values of one parameter one stands, and only those who sent it hear of success', async () => {
    const run_id = await create();
    const answers = await atOnce(60, (i) =>
      api.post('runs/log-parameter', { run_id, key: 'p', value: `${i % 3}` }),
    );
    const { params } = await dataOf(run_id);
    answers.forEach(({ status }, i) => {
      expect(status).toBe(`${i % 3}` === params.p ? 200 : 400);
    });
  });

  test('who ends, deletes or renders the run meanwhile loses nothing that was answered', async () => {
    const runs = await atOnce(4, create);
    const transaction = createPipeline(sql, 1);
    let over = false;
    const meanwhile = (async () => {
      while (!over) {
        for (const run_id of runs) await api.post('runs/update', { run_id, status: 'FINISHED' });
        await renderWaiting(transaction, 0);
      }
    })();
    await atOnce(8, async (client) => {
      for (let i = 0; i < 25; i++) {
        const run_id = runs[(client + i) % 4] as string;
        const key = `${client}-${i}`;
        const answers = await Promise.all([
          api.post('runs/set-tag', { run_id, key, value: 'v' }),
          api.post('runs/log-parameter', { run_id, key, value: 'v' }),
          api.post('runs/log-metric', { run_id, key, value: 1, timestamp: 1 }),
        ]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      }
    });
    over = true;
    await meanwhile;
    while (await renderWaiting(transaction, 0));
    const search = await api.post('runs/search', { experiment_ids: ['0'], max_results: 1000 });
    for (const [at, run] of runs.entries()) {
      const { data } = search.body.runs.find((one: { info: { run_id: string } }) => one.info.run_id === run);
      const expected = Array.from({ length: 200 }, (_, n) => [Math.floor(n / 25), n % 25] as const)
        .filter(([client, i]) => (client + i) % 4 === at)
        .map(([client, i]) => `${client}-${i}`)
        .toSorted();
      const keysOf = (list: { key: string }[]) => list.map(({ key }) => key).toSorted();
      expect(keysOf(data.params)).toEqual(expected);
      expect(keysOf(data.metrics)).toEqual(expected);
      expect(keysOf(data.tags).filter((key) => key !== 'mlflow.runName')).toEqual(expected);
    }
  });
});
