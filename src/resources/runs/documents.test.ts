import { afterAll, expect, test } from 'vitest';
import { connect } from '../../db/pool.ts';
import { createPipeline } from '../../db/transaction.ts';
import { makeApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';
import { renderWaiting } from './documents.ts';
import { renderRun } from './render.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());
const { sql } = app;
const transaction = createPipeline(sql, 2);

async function makeRun(status?: string): Promise<string> {
  const { body } = await api.post('runs/create', { experiment_id: '0', start_time: 1 });
  const run_id = body.run.info.run_id;
  if (status) await api.post('runs/update', { run_id, status, end_time: 2 });
  return run_id;
}

async function renderAll(): Promise<void> {
  while (await renderWaiting(transaction, 0));
}

/** The documents that differ from what would be rendered now, and how many there are. */
async function staleDocuments(): Promise<{ stale: string[]; documents: number }> {
  const rows = await sql`select run_id, wire, ${renderRun(sql, { modelInputs: false })} as rendered
    from tabularium.runs r where wire is not null`;
  return {
    stale: rows.filter((row) => row.wire !== row.rendered).map((row) => row.run_id),
    documents: rows.length,
  };
}

const hasDocument = async (run_id: string): Promise<boolean> => {
  const [row] = await sql`select wire is not null as there from tabularium.runs where run_id = ${run_id}`;
  return row?.there;
};

test('a run has a document once it has ended', async () => {
  const [running, finished] = [await makeRun(), await makeRun('FINISHED')];
  await renderAll();
  expect([await hasDocument(running), await hasDocument(finished)]).toEqual([false, true]);
  await api.post('runs/update', { run_id: finished, status: 'RUNNING' });
  await renderAll();
  expect(await hasDocument(finished)).toBe(false);
});

const dataset = { name: 'd', digest: '1', source_type: 'local', source: '/d' };

test.each<[string, object]>([
  ['runs/log-metric', { key: 'm', value: 1, timestamp: 1 }],
  ['runs/log-parameter', { key: 'p', value: 'v' }],
  ['runs/set-tag', { key: 't', value: 'v' }],
  ['runs/delete-tag', { key: 'there' }],
  ['runs/log-batch', { metrics: [{ key: 'm', value: 2, timestamp: 2 }], params: [], tags: [] }],
  ['runs/log-inputs', { datasets: [{ dataset, tags: [] }] }],
  ['runs/outputs', { models: [{ model_id: 'm-1', step: 1 }] }],
  [
    'runs/log-model',
    { model_json: '{"run_id":"r","artifact_path":"a","utc_time_created":"t","flavors":{}}' },
  ],
  ['runs/update', { run_name: 'another' }],
  ['runs/delete', {}],
  ['runs/restore', {}],
])('%s takes the document away, and it is written again', async (path, fields) => {
  const run_id = await makeRun();
  await api.post('runs/set-tag', { run_id, key: 'there', value: 'v' });
  await api.post('runs/update', { run_id, status: 'FINISHED' });
  await renderAll();
  expect(await hasDocument(run_id)).toBe(true);
  expect(await api.post(path, { run_id, ...fields })).toMatchObject({ status: 200 });
  expect(await hasDocument(run_id)).toBe(false);
  const search = () =>
    api.post('runs/search', { experiment_ids: ['0'], filter: `run_id = '${run_id}'`, run_view_type: 'ALL' });
  const fromRows = await search();
  await renderAll();
  expect(await hasDocument(run_id)).toBe(true);
  expect(await search()).toEqual(fromRows);
  expect((await staleDocuments()).stale).toEqual([]);
});

test('a run that was changed a moment ago waits for its document', async () => {
  const run_id = await makeRun('FINISHED');
  while (await renderWaiting(transaction));
  expect(await hasDocument(run_id)).toBe(false);
  await sql`update tabularium.runs_to_render set since = since - interval '30 seconds'`;
  while (await renderWaiting(transaction));
  expect(await hasDocument(run_id)).toBe(true);
});

test('runs that go with their experiment, and come back', async () => {
  const { experiment_id } = (await api.post('experiments/create', { name: 'e' })).body;
  const { run_id } = (await api.post('runs/create', { experiment_id })).body.run.info;
  await api.post('runs/update', { run_id, status: 'FAILED' });
  for (const path of ['experiments/delete', 'experiments/restore']) {
    await renderAll();
    expect(await hasDocument(run_id)).toBe(true);
    await api.post(path, { experiment_id });
    expect(await hasDocument(run_id)).toBe(false);
  }
});

test('the models that a run read are told to those who get it', async () => {
  const run_id = await makeRun('FINISHED');
  await api.post('runs/log-inputs', { run_id, models: [{ model_id: 'm-1' }] });
  await renderAll();
  const { body } = await api.get('runs/get', { run_id });
  expect(body.run.inputs).toEqual({ model_inputs: [{ model_id: 'm-1' }] });
});

test('writers and renderers at once leave no document that is older than its rows', async () => {
  const runs = await Promise.all(Array.from({ length: 4 }, () => makeRun('FINISHED')));
  let writing = true;
  const renderer = async () => {
    while (writing) await renderWaiting(transaction, 0);
  };
  const renderers = [renderer(), renderer()];
  const writer = async (n: number) => {
    for (let i = 0; i < 12; i++) {
      const run_id = runs[(n + i) % runs.length];
      const metrics = [{ key: `m${n}`, value: i, timestamp: i, step: i }];
      const answers = [
        await api.post('runs/log-batch', { run_id, metrics, tags: [{ key: `t${n}`, value: `${i}` }] }),
        await api.post('runs/log-parameter', { run_id, key: `p${n}-${i}`, value: 'v' }),
        await api.post('runs/update', { run_id, status: i % 5 === 0 ? 'RUNNING' : 'FINISHED' }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    }
  };
  await Promise.all(Array.from({ length: 12 }, (_, n) => writer(n)));
  writing = false;
  await Promise.all(renderers);
  expect((await staleDocuments()).stale).toEqual([]);
  for (const run_id of runs) await api.post('runs/update', { run_id, status: 'KILLED' });
  await renderAll();
  expect(await staleDocuments()).toMatchObject({ stale: [] });
  expect(await Promise.all(runs.map(hasDocument))).toEqual([true, true, true, true]);
});

test('a program from before the documents takes them away, too', async () => {
  const old = connect({ ...sql.options, max: 1 } as object);
  const run_id = await makeRun('FINISHED');
  const [row] = await sql`select id from tabularium.runs where run_id = ${run_id}`;
  await old`select set_config('application_name', 'postgres.js', false)`;
  const changes = [
    () =>
      old`insert into tabularium.tags (run, experiment_id, key, value) values (${row?.id}, 0, 'old', '1')`,
    () => old`update tabularium.tags set value = '2' where run = ${row?.id} and key = 'old'`,
    () => old`delete from tabularium.tags where run = ${row?.id} and key = 'old'`,
  ];
  for (const change of changes) {
    await renderAll();
    expect(await hasDocument(run_id)).toBe(true);
    await change();
    expect(await hasDocument(run_id)).toBe(false);
  }
  await renderAll();
  expect((await staleDocuments()).stale).toEqual([]);
  await old.end();
});
