import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const experiments: string[] = [];

/** Six runs in two experiments; `acc` is 0.1, NaN, missing, 0.4, 0.4, and that of the last, deleted, 0.9. */
beforeAll(async () => {
  for (const name of ['a', 'b'])
    experiments.push((await api.post('experiments/create', { name })).body.experiment_id);
  for (const [i, acc] of [0.1, 'NaN', undefined, 0.4, 0.4, 0.9].entries()) {
    const { body } = await api.post('runs/create', {
      experiment_id: experiments[i % 2],
      run_name: `r${i}`,
      start_time: i,
    });
    const run_id = body.run.info.run_id;
    const metrics = acc === undefined ? [] : [{ key: 'acc', value: acc, timestamp: 1 }];
    await api.post('runs/log-batch', { run_id, metrics, params: [{ key: 'p', value: `${i % 3}` }] });
    if (i === 5) await api.post('runs/delete', { run_id });
  }
});

/** Names of the runs, page by page. */
async function search(body: object): Promise<string[]> {
  const names: string[] = [];
  let page_token: string | undefined;
  do {
    const answer = (await api.post('runs/search', { experiment_ids: experiments, ...body, page_token })).body;
    names.push(...(answer.runs ?? []).map((run: { info: { run_name: string } }) => run.info.run_name));
    page_token = answer.next_page_token;
  } while (page_token);
  return names;
}

test.each([1, 2, 1000])('pages of %i keep the order', async (max_results) => {
  expect(await search({ max_results })).toEqual(['r4', 'r3', 'r2', 'r1', 'r0']);
  expect(await search({ max_results, order_by: ['metrics.acc'] })).toEqual(['r0', 'r4', 'r3', 'r1', 'r2']);
  expect(await search({ max_results, order_by: ['metrics.acc DESC'] })).toEqual([
    'r4',
    'r3',
    'r0',
    'r1',
    'r2',
  ]);
  expect(await search({ max_results, order_by: ['params.p', 'start_time'] })).toEqual([
    'r0',
    'r3',
    'r1',
    'r4',
    'r2',
  ]);
});

const orders = [
  ['metrics.acc'],
  ['metrics.acc DESC'],
  ['metrics.acc DESC', 'params.p'],
  ['params.p DESC', 'metrics.acc'],
  ['params.absent', 'metrics.never'],
  ['attributes.end_time', 'metrics.acc DESC'],
  ['tags.`mlflow.runName` DESC'],
  ['attributes.status', 'metrics.acc'],
  ['metrics.acc', 'attributes.run_name DESC'],
];

test.each(orders)('pages of one, two and three go on where the last ended: %s, %s', async (...order_by) => {
  for (const filter of ['', 'metrics.acc != 0.4', 'metrics.acc <= 0.4']) {
    const whole = await search({ order_by, filter });
    for (const max_results of [1, 2, 3])
      expect(await search({ order_by, filter, max_results })).toEqual(whole);
  }
});

test('a token of another order, or with values that none has, is refused', async () => {
  const order_by = ['metrics.acc'];
  const body = { experiment_ids: experiments, max_results: 1, order_by };
  const { next_page_token } = (await api.post('runs/search', body)).body;
  const token = JSON.parse(Buffer.from(next_page_token, 'base64').toString());
  for (const after of [
    7,
    ['0', '1'],
    ['3', ...token.after.slice(1)],
    ['0', '1e999', ...token.after.slice(2)],
  ]) {
    const page_token = Buffer.from(JSON.stringify({ ...token, after })).toString('base64');
    expect(await api.post('runs/search', { ...body, page_token })).toMatchObject({
      status: 400,
      body: { message: 'Invalid page token, it belongs to another search' },
    });
  }
});

test.each([
  ['metrics.acc > 0.1', ['r4', 'r3']],
  ['metrics.acc != 0.4', ['r1', 'r0']],
  ["params.p = '1' AND metrics.acc = 0.4", ['r4']],
  ["run_name LIKE 'r%' AND start_time < 2", ['r1', 'r0']],
  ['tags.absent IS NULL AND start_time = 3', ['r3']],
  ['metrics.never > 0', []],
])('%s', async (filter, names) => {
  expect(await search({ filter })).toEqual(names);
});

test('parameters of any length are found by their value', async () => {
  const { experiment_id } = (await api.post('experiments/create', { name: 'lengths' })).body;
  // About 256 bytes, of which the index of the short ones has the whole, and 256 characters of the long ones' beginning.
  const values = ['', 'x', '😀'].flatMap((sign) =>
    [1, 63, 64, 65, 255, 256, 257, 300].map((length) => sign.repeat(length)),
  );
  const distinct = [...new Set(values)];
  for (const [i, value] of distinct.entries()) {
    const { body } = await api.post('runs/create', { experiment_id, run_name: `${i}` });
    await api.post('runs/log-parameter', { run_id: body.run.info.run_id, key: 'p', value });
  }
  for (const [i, value] of distinct.entries())
    expect(await search({ experiment_ids: [experiment_id], filter: `params.p = '${value}'` })).toEqual([
      `${i}`,
    ]);
});

test('a filter on the metric of the order', async () => {
  expect(await search({ filter: 'metrics.acc >= 0.1', order_by: ['metrics.acc'] })).toEqual([
    'r0',
    'r4',
    'r3',
  ]);
  expect(await search({ filter: 'metrics.acc != 0.4', order_by: ['metrics.acc'] })).toEqual(['r0', 'r1']);
});

test('views and experiments', async () => {
  expect(await search({ run_view_type: 'DELETED_ONLY' })).toEqual(['r5']);
  expect(await search({ run_view_type: 'ALL', order_by: ['metrics.acc DESC'], max_results: 2 })).toEqual([
    'r5',
    'r4',
    'r3',
    'r0',
    'r1',
    'r2',
  ]);
  expect(await search({ experiment_ids: [experiments[0]] })).toEqual(['r4', 'r2', 'r0']);
  expect(await search({ experiment_ids: [] })).toEqual([]);
  expect(await search({ experiment_ids: ['9'.repeat(30)] })).toEqual([]);
});

test.each([
  [{ max_results: 0 }, "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer"],
  [{ page_token: 'xx' }, 'Invalid page token, could not base64-decode'],
  [{ experiment_ids: ['abc'] }, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."],
])('refuses %j', async (body, message) => {
  const answer = await api.post('runs/search', { experiment_ids: experiments, ...body });
  expect(answer).toMatchObject({ status: 400, body: { message } });
});
