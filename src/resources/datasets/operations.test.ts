import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { loads } from '../../contract/python-json.ts';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce } from '../../testing/wire.ts';

const app = await makeApp();
afterAll(() => app.close());

async function send(method: string, path: string, body?: object) {
  const response = await app.request(`/api/3.0/mlflow/datasets/${path}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}

let id: string;
beforeEach(async () => {
  id = (await send('POST', 'create', { name: 'golden' })).body.dataset.dataset_id;
});

const upsert = (records: unknown, dataset = id) =>
  send('POST', `${dataset}/records`, { records: JSON.stringify(records) });
const read = async (): Promise<Record<string, unknown>[]> =>
  JSON.parse((await send('GET', `${id}/records`)).body.records);
const dataset = async () => (await send('GET', id)).body.dataset;
const schema = async () => JSON.parse((await dataset()).schema);
const profile = async () => JSON.parse((await dataset()).profile);

describe('records', () => {
  test('are known by their inputs, in any order of keys', async () => {
    expect((await upsert([{ inputs: { a: 1, b: 'é' } }])).body).toEqual({
      inserted_count: 1,
      updated_count: 0,
    });
    expect((await upsert([{ inputs: { b: 'é', a: 1 } }])).body).toEqual({
      inserted_count: 0,
      updated_count: 1,
    });
    const rows =
      await app.sql`select input_hash from tabularium.evaluation_dataset_records where dataset_id = ${id}`;
    // SHA-256 of {"a": 1, "b": "\u00e9"}, by which records of another server are known as well.
    expect(rows.map(({ input_hash }) => input_hash)).toEqual([
      'fb0782fb7a8a00c6a46d1f2aadc5c94b9df08eba809089335da3acdf393c7c13',
    ]);
  });

  test('come as they were sent, the first first', async () => {
    await upsert(Array.from({ length: 50 }, (_, n) => ({ inputs: { n } })));
    expect((await read()).map(({ inputs }) => (inputs as { n: number }).n)).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  test('keep what is not changed', async () => {
    const inputs = { a: 1 };
    await upsert([{ inputs, outputs: 'x', expectations: { b: 1, a: 1 }, tags: { t: '1' } }]);
    await upsert([{ inputs, expectations: { c: [2], b: 3 } }]);
    expect(await read()).toMatchObject([
      { inputs, outputs: 'x', expectations: { b: 3, a: 1, c: [2] }, tags: { t: '1' } },
    ]);
    const { records } = (await send('GET', `${id}/records`)).body;
    expect(records).toContain('"expectations": {"b": 3, "a": 1, "c": [2]}');
    await upsert([{ inputs, outputs: null, tags: { u: '2' } }]);
    expect(await read()).toMatchObject([{ tags: { t: '1', u: '2' } }]);
    expect((await read())[0]).not.toHaveProperty('outputs');
  });

  test('with the same inputs twice in a request are one', async () => {
    const twice = [
      { inputs: {}, expectations: { a: 1 }, tags: { 'mlflow.user': 'ann' } },
      { outputs: [1], expectations: { b: 1 }, tags: { 'mlflow.user': 'bob' } },
    ];
    expect((await upsert(twice)).body).toEqual({ inserted_count: 1, updated_count: 1 });
    const one = { outputs: [1], expectations: { a: 1, b: 1 }, created_by: 'ann', last_updated_by: 'bob' };
    expect(await read()).toMatchObject([one]);
    expect((await upsert(twice)).body).toEqual({ inserted_count: 0, updated_count: 2 });
    expect(await read()).toMatchObject([one]);
    expect(await dataset()).toMatchObject({ last_updated_by: 'bob' });
  });

  test('are all there or none', async () => {
    await upsert([{ inputs: { a: 1 } }]);
    const { status } = await upsert([{ inputs: { b: 1 }, tags: { 'mlflow.user': 'u'.repeat(256) } }, {}]);
    expect(status).toBe(400);
    expect(await read()).toHaveLength(1);
    expect(await profile()).toEqual({ num_records: 1 });
  });

  test('give the dataset a schema, the first type of each field', async () => {
    await upsert([{ inputs: { a: 1, z: null }, outputs: { x: true } }]);
    await upsert([
      { inputs: { a: 'x', b: 1.5 }, outputs: 'text', expectations: { e: [] } },
      { outputs: { y: {} } },
    ]);
    expect(await schema()).toEqual({
      inputs: { a: 'integer', z: 'null', b: 'float' },
      outputs: { x: 'boolean', y: 'object' },
      expectations: { e: 'array' },
      version: '1.0',
    });
  });

  test('whose outputs are no objects have one type of outputs', async () => {
    await upsert([{ inputs: { a: 1 } }]);
    expect((await schema()).outputs).toEqual({});
    await upsert([{ inputs: { a: 2 }, outputs: 'text' }]);
    await upsert([{ inputs: { a: 3 }, outputs: { x: 1 } }]);
    expect((await schema()).outputs).toBe('string');
  });

  test('that are deleted are counted out', async () => {
    await upsert([{ inputs: { a: 1 } }, { inputs: { a: 2 } }]);
    const ids = (await read()).map(({ dataset_record_id }) => dataset_record_id);
    const remove = (dataset_record_ids: unknown[]) => send('DELETE', `${id}/records`, { dataset_record_ids });
    expect((await remove([ids[0], ids[0], 'dr-none'])).body).toEqual({ deleted_count: 1 });
    expect(await profile()).toEqual({ num_records: 1 });
    expect((await remove(ids)).body).toEqual({ deleted_count: 1 });
    expect(await profile()).toBeNull();
    expect((await remove(ids)).body).toEqual({ deleted_count: 0 });
  });

  test('come in pages', async () => {
    for (const n of [1, 2, 3]) await upsert([{ inputs: { n } }, { inputs: { n: -n } }]);
    const found: unknown[] = [];
    let token = '';
    do {
      const { body } = await send(
        'GET',
        `${id}/records?max_results=4&page_token=${encodeURIComponent(token)}`,
      );
      found.push(...JSON.parse(body.records).map(({ inputs }: { inputs: { n: number } }) => inputs.n));
      token = body.next_page_token ?? '';
    } while (token);
    expect(found).toEqual([1, -1, 2, -2, 3, -3]);
  });

  test('keep what JavaScript would lose', async () => {
    const inputs = '{"2": 12345678901234567890, "1": 1.0, "e": 1e+22, "half": "\\ud800"}';
    await send('POST', `${id}/records`, { records: `[{"inputs": ${inputs}}]` });
    expect((await send('GET', `${id}/records`)).body.records).toContain(`"inputs": ${inputs}`);
  });
});

describe('at once', () => {
  test('writers of the same record lose nothing of each other', async () => {
    const answers = await atOnce(24, (n) =>
      upsert([
        { inputs: { shared: true }, expectations: { [`e${n}`]: n }, tags: { [`t${n}`]: 'x' } },
        { inputs: { own: n, [`field${n}`]: n } },
      ]),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(24).fill(200));
    expect(answers.filter(({ body }) => body.inserted_count === 2)).toHaveLength(1);
    const shared = (await read()).find(({ inputs }) => 'shared' in (inputs as object));
    expect(Object.keys(shared?.expectations as object)).toHaveLength(24);
    expect(Object.keys(shared?.tags as object)).toHaveLength(24);
    expect(await profile()).toEqual({ num_records: 25 });
    expect(Object.keys((await schema()).inputs)).toHaveLength(26);
  });

  test('writers and deleters leave a count that is right', async () => {
    await upsert(Array.from({ length: 20 }, (_, n) => ({ inputs: { n } })));
    const ids = (await read()).map(({ dataset_record_id }) => dataset_record_id);
    const answers = await atOnce(20, (n) =>
      n % 2 === 0
        ? send('DELETE', `${id}/records`, { dataset_record_ids: [ids[n], ids[n + 1]] })
        : upsert([{ inputs: { n: 100 + n } }, { inputs: { n } }]),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await profile()).toEqual({ num_records: (await read()).length });
  });

  test('a dataset that is deleted takes no records', async () => {
    const answers = await atOnce(12, (n) => (n === 6 ? send('DELETE', id) : upsert([{ inputs: { n } }])));
    expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true);
    expect(await read()).toEqual([]);
    const rows = await app.sql`select from tabularium.evaluation_dataset_records where dataset_id = ${id}`;
    expect(rows).toHaveLength(0);
  });
});

test('every change leaves its digest', async () => {
  const before = await dataset();
  await new Promise((resolve) => setTimeout(resolve, 2));
  await upsert([{ inputs: {} }]);
  expect((await dataset()).digest).not.toBe(before.digest);
  expect(before.digest).toMatch(/^[0-9a-f]{8}$/);
});

test('what is in a dataset goes with it', async () => {
  await send('PATCH', `${id}/tags`, { tags: '{"k": "v"}' });
  await send('POST', `${id}/add-experiments`, { experiment_ids: ['0'] });
  await upsert([{ inputs: {} }]);
  await send('DELETE', id);
  for (const table of ['tags', 'experiments', 'records'])
    expect(
      await app.sql`select from tabularium.${app.sql(`evaluation_dataset_${table}`)} where dataset_id = ${id}`,
    ).toHaveLength(0);
});

test('an upload that nests too deep is refused', async () => {
  const records = `[{"inputs": {"a": ${'['.repeat(200)}${']'.repeat(200)}}}]`;
  expect(() => loads(records, 100)).toThrow(RangeError);
  const { status, body } = await send('POST', `${id}/records`, { records });
  expect([status, body.message]).toEqual([400, "Parameter 'records' must not nest deeper than 100 levels."]);
});
