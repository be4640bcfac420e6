import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StartError } from '../contract/start-error.ts';
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts';
import { makeApp, type TestApp } from '../testing/make-app.ts';
import { exportAll } from './export.ts';
import { openFile } from './file.ts';
import { importAll } from './import.ts';
import { kinds } from './kinds.ts';
import type { Source } from './source.ts';

/** An export is imported, into databases of their own. Imports from MLflow are tested in compat-tests/transfer. */

const silent = { show() {}, end() {} };

let app: TestApp;
let folder: string;
let file: string;
const databases: FreshDatabase[] = [];

async function target(): Promise<FreshDatabase> {
  const database = await freshDatabase();
  databases.push(database);
  return database;
}

async function post(
  path: string,
  body: object,
  version = '2.0',
): Promise<Record<string, Record<string, string>>> {
  const response = await app.request(`/api/${version}/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect({ path, status: response.status }).toEqual({ path, status: 200 });
  return (await response.json()) as Record<string, Record<string, string>>;
}

beforeAll(async () => {
  app = await makeApp();
  folder = await mkdtemp(join(tmpdir(), 'tabularium-transfer-'));
  const { run } = await post('runs/create', { experiment_id: '0', start_time: 5 });
  const { run_id } = (run as unknown as { info: { run_id: string } }).info;
  await post('experiments/set-experiment-tag', { experiment_id: '0', key: 'k', value: 'v' });
  const { model } = await post('logged-models', {
    experiment_id: '0',
    name: 'm',
    params: [{ key: 'p', value: '1' }],
    tags: [{ key: 't', value: '2' }],
  });
  const { model_id } = (model as unknown as { info: { model_id: string } }).info;
  await post('runs/log-batch', {
    run_id,
    metrics: [
      { key: 'm', value: 0.1, timestamp: '9007199254740993', step: -2 },
      { key: 'm', value: 'NaN', timestamp: 2, step: 2 },
      { key: 'of the model', value: 'Infinity', timestamp: 3, step: 0, model_id },
    ],
    params: [{ key: 'p', value: 'line\nline "\\' }],
    tags: [{ key: 't', value: 'ü' }],
  });
  await post('runs/log-inputs', {
    run_id,
    datasets: [
      {
        dataset: { name: 'd', digest: '1', source_type: 's', source: 'x' },
        tags: [{ key: 'a', value: 'b' }],
      },
    ],
    models: [{ model_id }],
  });
  await post('runs/outputs', { run_id, models: [{ model_id, step: 3 }] });
  const { dataset } = await post(
    'datasets/create',
    { name: 'golden', experiment_ids: ['0', 'gone'], tags: '{"t": "v", "mlflow.user": "ann"}' },
    '3.0',
  );
  await post('datasets/create', { name: 'without records' }, '3.0');
  await post(
    `datasets/${dataset?.dataset_id}/records`,
    {
      records: `[{"inputs": {"b": 1.0, "a": "\\u00e9"}, "outputs": [12345678901234567890], "expectations": {"e": null}},
        {"inputs": {}, "outputs": null, "tags": {"mlflow.user": "bob"},
          "source": {"source_type": "HUMAN", "source_data": {"source_id": "1"}}}]`,
    },
    '3.0',
  );
  for (const name of ['first', 'second']) {
    await post('registered-models/create', { name, tags: [{ key: 't', value: name }] });
    for (let version = 1; version <= 3; version++)
      await post('model-versions/create', {
        name,
        source: 's3://x/y',
        tags: [{ key: 'v', value: `${version}` }],
      });
    await post('registered-models/alias', { name, alias: 'best', version: '2' });
  }
  await app.request('/api/2.0/mlflow/model-versions/delete', {
    method: 'DELETE',
    body: JSON.stringify({ name: 'second', version: '3' }),
  });
  file = join(folder, 'all.jsonl');
  await exportAll(app.sql, file);
});

afterAll(async () => {
  for (const database of databases) await database.drop();
  await app.close();
  await rm(folder, { recursive: true, force: true });
});

async function exportOf({ sql }: FreshDatabase): Promise<string> {
  const path = join(folder, 'again.jsonl');
  await exportAll(sql, path);
  return readFile(path, 'utf8');
}

const importFile = async (database: FreshDatabase, path = file) => {
  const source = await openFile(path);
  return importAll(database.sql, source, silent).finally(() => source.close());
};

test('an import has all that was exported, with the documents as the server renders them', async () => {
  const database = await target();
  const counts = await importFile(database);
  expect(counts.map(({ kind }) => kind)).toEqual(kinds);
  for (const { kind, source, here } of counts) {
    expect({ kind: kind.name, here }).toEqual({ kind: kind.name, here: source });
    // Every kind is in the export, so that none is copied by nobody's test.
    expect({ kind: kind.name, some: source > 0 }).toEqual({ kind: kind.name, some: true });
  }
  expect(await exportOf(database)).toBe(await readFile(file, 'utf8'));
  const documents = (sql: FreshDatabase['sql']) =>
    sql`select name, wire from tabularium.registered_models
      union all select name || version, wire from tabularium.model_versions order by 1`.then((rows) => [
      ...rows,
    ]);
  expect(await documents(database.sql)).toEqual(await documents(app.sql));
});

test('an import that fails at any batch goes on where it was', async () => {
  const database = await target();
  for (let reads = 1; ; reads++) {
    const source = await openFile(file);
    let left = reads;
    const failing: Source = {
      ...source,
      async *read(kind, place) {
        for await (const chunk of source.read(kind, place)) {
          if (left-- === 0) throw new Error('the source went away');
          yield chunk;
        }
      },
    };
    const ended = await importAll(database.sql, failing, silent).then(
      () => true,
      (error: Error) => error.message,
    );
    await source.close();
    if (ended === true) break;
    expect(ended).toBe('the source went away');
  }
  expect(await exportOf(database)).toBe(await readFile(file, 'utf8'));
});

test('what is here already is refused before anything is written', async () => {
  const database = await target();
  await database.sql`insert into tabularium.registered_models (workspace, name, created_at, updated_at)
    values ('default', 'second', 1, 1)`;
  await expect(importFile(database)).rejects.toThrow('has the registered model "second" already');
  expect(await database.sql`select from tabularium.runs`).toHaveLength(0);
  expect(await database.sql`select from tabularium.imports`).toHaveLength(0);
});

test('the experiment Default of a new server is merged, and one in use is refused', async () => {
  const database = await target();
  await database.sql`insert into tabularium.experiments (workspace, id, name, artifact_location, created_at, updated_at)
    values ('default', 0, 'Default', 'mlflow-artifacts:/0', 1, 1)`;
  const [experiments] = await importFile(database);
  expect(experiments).toMatchObject({ source: 1, here: 1 });
  const copy = join(folder, 'copy.jsonl');
  await writeFile(copy, await readFile(file));
  await expect(importFile(database, copy)).rejects.toThrow('has the experiment 0 "Default" already');
});

test('beside an import that is not finished, none from elsewhere begins', async () => {
  const database = await target();
  await database.sql`insert into tabularium.imports (source, before) values ('elsewhere', '{}')`;
  await expect(importFile(database)).rejects.toThrow('An import from elsewhere is not finished here');
});

test('a record that cannot be written is shown, and the import goes on when it is changed', async () => {
  const database = await target();
  const text = await readFile(file, 'utf8');
  const broken = join(folder, 'broken.jsonl');
  await writeFile(broken, text.replace('"name":"second"', `"name":"${'x'.repeat(300)}"`));
  const error = await importFile(database, broken).catch((error) => error);
  expect(error).toBeInstanceOf(StartError);
  expect(error.message).toMatch(/cannot be copied \(value too long .*\{"kind":"registered_model",/);
  await writeFile(broken, text);
  await importFile(database, broken);
  expect(await exportOf(database)).toBe(text);
});

test('a file that was cut off is told by its counts', async () => {
  const database = await target();
  const cut = join(folder, 'cut.jsonl');
  const text = await readFile(file, 'utf8');
  await writeFile(cut, text.slice(0, text.indexOf('{"kind":"latest_metric"')));
  const counts = await importFile(database, cut);
  expect(counts.filter(({ source, here }) => source !== here).map(({ kind }) => kind.name)).toEqual([
    'latest_metric',
    'metric',
    'logged_model_metric',
  ]);
});
