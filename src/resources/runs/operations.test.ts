import { afterAll, describe, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const create = async (more: object = {}): Promise<string> =>
  (await api.post('runs/create', { experiment_id: '0', ...more })).body.run.info.run_id;
const read = async (run_id: string) => (await api.get('runs/get', { run_id })).body.run;
const batch = (run_id: string, body: object) => api.post('runs/log-batch', { run_id, ...body });

describe('runs', () => {
  test('a new run has a name, its tag and a place for its artifacts', async () => {
    const { body } = await api.post('runs/create', { experiment_id: '0', start_time: 5, user_id: 'me' });
    const { info, data } = body.run;
    expect(info).toMatchObject({
      status: 'RUNNING',
      start_time: 5,
      user_id: 'me',
      lifecycle_stage: 'active',
    });
    expect(info.run_id).toMatch(/^[0-9a-f]{32}$/);
    expect(info.run_uuid).toBe(info.run_id);
    expect(info.artifact_uri).toBe(`mlflow-artifacts:/0/${info.run_id}/artifacts`);
    expect(data.tags).toEqual([{ key: 'mlflow.runName', value: info.run_name }]);
    expect(await read(info.run_id)).toEqual({ info, data, inputs: {}, outputs: {} });
  });

  test('name and name tag follow each other', async () => {
    const run = await create({ run_name: 'one' });
    await api.post('runs/set-tag', { run_id: run, key: 'mlflow.runName', value: 'two' });
    expect((await read(run)).info.run_name).toBe('two');
    await api.post('runs/update', { run_id: run, run_name: 'three', status: 'FINISHED', end_time: 9 });
    const { info, data } = await read(run);
    expect(info).toMatchObject({ run_name: 'three', status: 'FINISHED', end_time: 9 });
    expect(data.tags).toEqual([{ key: 'mlflow.runName', value: 'three' }]);
  });

  test('a deleted run takes nothing until it is restored', async () => {
    const run = await create();
    await api.post('runs/delete', { run_id: run });
    const message = `The run ${run} must be in the 'active' state. Current state is deleted.`;
    const metric = { key: 'm', value: 1, timestamp: 1 };
    for (const [path, body] of [
      ['runs/update', { status: 'FAILED' }],
      ['runs/set-tag', { key: 'a', value: 'b' }],
      ['runs/delete-tag', { key: 'a' }],
      ['runs/log-parameter', { key: 'a', value: 'b' }],
      ['runs/log-metric', metric],
      ['runs/log-batch', { metrics: [metric] }],
      ['runs/log-inputs', {}],
      ['runs/outputs', { models: [{ model_id: 'm-1' }] }],
    ] as const)
      expect(await api.post(path, { run_id: run, ...body }), path).toMatchObject({
        status: 400,
        body: { message },
      });
    expect((await read(run)).data.metrics).toBeUndefined();
    await api.post('runs/restore', { run_id: run });
    expect((await api.post('runs/set-tag', { run_id: run, key: 'a', value: 'b' })).status).toBe(200);
    const audit = await app.sql`select 1 from tabularium.audit where kind = 'run' and name = ${run}`;
    expect(audit).toHaveLength(2);
  });

  test('a parameter never changes', async () => {
    const run = await create();
    const log = (value: string) => api.post('runs/log-parameter', { run_id: run, key: 'p', value });
    expect((await log('1')).status).toBe(200);
    expect((await log('1')).status).toBe(200);
    expect((await log('2')).body.message).toBe(
      `Changing param values is not allowed. Param with key='p' was already logged with value='1' for run ID='${run}'. ` +
        "Attempted logging new value '2'.",
    );
  });

  test('a batch is logged whole or not at all', async () => {
    const run = await create();
    await batch(run, { params: [{ key: 'a', value: '1' }] });
    const refused = await batch(run, {
      params: [
        { key: 'a', value: "2'" },
        { key: 'b', value: 'x' },
      ],
      metrics: [{ key: 'never', value: 1, timestamp: 1 }],
      tags: [{ key: 'never', value: '1' }],
    });
    expect(refused.body.message).toBe(
      "Changing param values is not allowed. Params were already logged='[{'key': 'a', 'old_value': '1', " +
        `'new_value': "2'"}]' for run ID='${run}'.`,
    );
    const { data } = await read(run);
    expect(data.params).toEqual([{ key: 'a', value: '1' }]);
    expect(data.metrics).toBeUndefined();
    expect(data.tags.map((tag: { key: string }) => tag.key)).toEqual(['mlflow.runName']);
  });

  test.each([
    [
      {
        params: [
          { key: 'a', value: '1' },
          { key: 'a', value: '1' },
        ],
      },
      "Duplicate parameter keys have been submitted: ['a']. Please ensure the request contains only one param value per param key.",
    ],
    [
      { tags: Array.from({ length: 101 }, (_, i) => ({ key: `${i}`, value: '' })) },
      'A batch logging request can contain at most 100 tags. Got 101 tags. Please split up tags across multiple requests and try again.',
    ],
    [
      { metrics: [{ key: 'a', value: 1, timestamp: -1 }] },
      "Invalid value -1 for parameter 'metrics[0].timestamp' supplied: metric 'a' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) ",
    ],
    [
      { tags: [{ key: 'k'.repeat(251), value: '' }] },
      "'tags[0].key' exceeds the maximum length of 250 characters",
    ],
  ])('refuses a batch', async (body, message) => {
    expect(await batch(await create(), body)).toMatchObject({ status: 400, body: { message } });
  });

  test('data sets, models read and models made', async () => {
    const run = await create();
    const dataset = { name: 'ds', digest: '1', source_type: 'local', source: '{}' };
    const tags = [{ key: 'mlflow.data.context', value: 'train' }];
    for (let twice = 0; twice < 2; twice++)
      await api.post('runs/log-inputs', {
        run_id: run,
        datasets: [{ dataset, tags }],
        models: [{ model_id: 'm-1' }],
      });
    await api.post('runs/outputs', { run_id: run, models: [{ model_id: 'm-2', step: 3 }] });
    const { inputs, outputs } = await read(run);
    expect(inputs).toEqual({ dataset_inputs: [{ tags, dataset }], model_inputs: [{ model_id: 'm-1' }] });
    expect(outputs).toEqual({ model_outputs: [{ model_id: 'm-2', step: 3 }] });
  });

  test('data sets and models keep the order in which they were logged', async () => {
    const run = await create();
    const datasets = (...names: string[]) =>
      names.map((name) => ({ dataset: { name, digest: '1', source_type: 'local', source: 's' } }));
    const models = (...ids: string[]) => ids.map((model_id, step) => ({ model_id, step }));
    const inputs = async (names: string[], ids: string[]) =>
      api.post('runs/log-inputs', { run_id: run, datasets: datasets(...names), models: models(...ids) });
    await inputs(['z', 'a', 'z'], ['m-z', 'm-a']);
    await inputs(['c', 'a', 'b'], ['m-c', 'm-b']);
    await api.post('runs/outputs', { run_id: run, models: models('m-z', 'm-a') });
    await api.post('runs/outputs', { run_id: run, models: models('m-b') });
    const logged = await read(run);
    const ids = (list: { model_id: string }[]) => list.map(({ model_id }) => model_id);
    expect(
      logged.inputs.dataset_inputs.map(({ dataset }: { dataset: { name: string } }) => dataset.name),
    ).toEqual(['z', 'a', 'c', 'b']);
    expect(ids(logged.inputs.model_inputs)).toEqual(['m-z', 'm-a', 'm-c', 'm-b']);
    expect(ids(logged.outputs.model_outputs)).toEqual(['m-z', 'm-a', 'm-b']);
  });

  test('older clients list their models in a tag', async () => {
    const run = await create();
    const model = {
      artifact_path: 'm',
      flavors: { sklearn: { a: 1, config: {} } },
      utc_time_created: '2020',
      run_id: run,
    };
    for (const model_uuid of ['u1', 'u2'])
      expect(
        (
          await api.post('runs/log-model', {
            run_id: run,
            model_json: JSON.stringify({ ...model, model_uuid }),
          })
        ).status,
      ).toBe(200);
    const tag = (await read(run)).data.tags.find(
      ({ key }: { key: string }) => key === 'mlflow.log-model.history',
    );
    expect(JSON.parse(tag.value)).toEqual(
      ['u1', 'u2'].map((model_uuid) => ({ ...model, model_uuid, flavors: { sklearn: { a: 1 } } })),
    );
  });
});

describe('32 writers at once', () => {
  test('one parameter, two values: one stands, nobody fails otherwise', async () => {
    const run = await create();
    const answers = await atOnce(32, (i) =>
      api.post('runs/log-parameter', { run_id: run, key: 'p', value: `${i % 2}` }),
    );
    const [{ value }] = (await read(run)).data.params;
    answers.forEach(({ status }, i) => {
      expect(status).toBe(`${i % 2}` === value ? 200 : 400);
    });
  });

  test('the same new metrics and tags in any order', async () => {
    const run = await create();
    const keys = Array.from({ length: 20 }, (_, i) => `raced-${i}`);
    const answers = await atOnce(32, (i) => {
      const mine = i % 2 ? keys : keys.toReversed();
      return batch(run, {
        metrics: mine.map((key) => ({ key, value: i, timestamp: 1, step: i })),
        tags: mine.map((key) => ({ key, value: `${i}` })),
        params: mine.map((key) => ({ key, value: 'same' })),
      });
    });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const { data } = await read(run);
    expect(data.metrics.map((metric: { step: number }) => metric.step)).toEqual(keys.map(() => 31));
    expect(data.params).toHaveLength(20);
    const [points] = await app.sql`select count(*)::int as n from tabularium.metrics m
      join tabularium.runs r on r.id = m.run where r.run_id = ${run}`;
    expect(points?.n).toBe(32 * 20);
  });
});
