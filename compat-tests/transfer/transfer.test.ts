import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from '../start/database.ts';
import { call, type Ended, repository, run, startServer, stopServer, tabularium } from '../start/process.ts';

/**
 * `tabularium import` and `export` from outside: real MLflow databases are copied, and MLflow's client then reads the
 * same from our server as from them.
 */

const pythons: Record<string, string> = JSON.parse(process.env.PYTHONS ?? '{}');

let folder: string;
const databases: EmptyDatabase[] = [];

async function emptyDatabase(): Promise<EmptyDatabase> {
  const database = await postgresUri(inject('postgres'));
  databases.push(database);
  return database;
}

async function python(client: string, script: string, uri: string): Promise<string> {
  const { stdout } = await promisify(execFile)(
    pythons[client] ?? `python of ${client}`,
    [join(import.meta.dirname, script), uri],
    // The store writes artifacts to the working directory.
    { cwd: folder, maxBuffer: 2 ** 27 },
  );
  return stdout;
}

const importInto = (target: EmptyDatabase, from: string, ...flags: string[]): Promise<Ended> =>
  tabularium('import', '--from', from, '--backend-store-uri', target.uri, ...flags);

/** What the client reads from a server of ours on the database. */
async function answersOfServer(client: string, { uri }: EmptyDatabase): Promise<unknown> {
  const server = await startServer(
    ...['--port', '0', '--backend-store-uri', uri, '--artifacts-destination', folder],
  );
  const answers = await python(client, 'answers.py', server.url);
  await stopServer(server);
  return JSON.parse(answers);
}

/** The records of an export, without its head. */
async function linesOf(database: EmptyDatabase, name: string): Promise<string[]> {
  const file = join(folder, name);
  const { code, stderr } = await tabularium('export', '--to', file, '--backend-store-uri', database.uri);
  expect({ code, stderr: stderr.replace(/^\{.*\n/gm, '') }).toEqual({ code: 0, stderr: '' });
  const bytes = await readFile(file);
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trimEnd().split('\n').slice(1);
}

/** The table that an import prints: of each kind the numbers behind it. */
const tableOf = (stdout: string): Record<string, number[]> =>
  Object.fromEntries(
    [...stdout.matchAll(/^ {2}(\w+) +([\d ]+)$/gm)].map(([, kind, numbers]) => [
      kind,
      (numbers ?? '').trim().split(/ +/).map(Number),
    ]),
  );

/** The databases that MLflow made and filled; that of `postgres` is `filled`. */
let filled: EmptyDatabase;
const sources = {
  sqlite: { client: 'mlflow-3.17.2', uri: '', answers: undefined as unknown },
  postgres: { client: 'mlflow-3.17.2', uri: '', answers: undefined as unknown },
  old: { client: 'mlflow-2.22', uri: '', answers: undefined as unknown },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabularium-transfer-'));
  sources.sqlite.uri = `sqlite:///${join(folder, 'new.db')}`;
  sources.old.uri = `sqlite:///${join(folder, 'old.db')}`;
  filled = await emptyDatabase();
  sources.postgres.uri = filled.uri.replace(/^postgresql:/, 'postgresql+psycopg2:');
  await Promise.all(
    Object.values(sources).map(async (source) => {
      source.answers = JSON.parse(await python(source.client, 'seed.py', source.uri));
    }),
  );
});

afterAll(async () => {
  for (const database of databases) await database.drop();
  await rm(folder, { recursive: true, force: true });
});

test('a dry run counts, and needs no database of ours', async () => {
  const { code, stdout, stderr } = await tabularium('import', '--dry-run', '--from', sources.sqlite.uri);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(tableOf(stdout)).toMatchObject({ experiment: [5], run: [16], registered_model: [11] });
  expect(stdout).toContain('Not copied, because it is not served yet: traces (1).');
});

describe.each(Object.keys(sources) as (keyof typeof sources)[])('%s', (name) => {
  test('the client reads the same from both', async () => {
    const { client, uri, answers } = sources[name];
    const target = await emptyDatabase();
    const { code, stdout } = await importInto(target, uri);
    expect(code).toBe(0);
    for (const [kind, [there, here]] of Object.entries(tableOf(stdout)))
      expect({ kind, here }).toEqual({ kind, here: there });
    expect(await answersOfServer(client, target)).toEqual(answers);
  });
});

test('an import that is done copies nothing more, and an export of it is imported to the same export', async () => {
  const { uri } = sources.sqlite;
  const target = await emptyDatabase();
  await importInto(target, uri);
  const lines = await linesOf(target, 'once.jsonl');
  expect(await importInto(target, uri)).toMatchObject({ code: 0 });
  expect(await linesOf(target, 'twice.jsonl.gz')).toEqual(lines);
  const copy = await emptyDatabase();
  expect(await importInto(copy, join(folder, 'twice.jsonl.gz'))).toMatchObject({ code: 0 });
  expect(await linesOf(copy, 'copy.jsonl')).toEqual(lines);
});

test('numbers of versions go on behind those of deleted ones', async () => {
  const target = await emptyDatabase();
  await importInto(target, sources.sqlite.uri);
  const server = await startServer(
    ...['--port', '0', '--backend-store-uri', target.uri, '--artifacts-destination', folder],
  );
  // Of its four versions the second and the last are deleted.
  const { body } = await call(server.url, 'model-versions/create', { name: 'model 04', source: 's3://x/y' });
  expect(body.model_version.version).toBe('5');
  const { body: created } = await call(server.url, 'experiments/create', { name: 'behind the imported' });
  expect(created.experiment_id).toBe('5');
  await stopServer(server);
});

test.each(['sqlite', 'postgres'] as const)(
  'records of evaluation datasets from %s are known by their inputs',
  async (name) => {
    const target = await emptyDatabase();
    await importInto(target, sources[name].uri);
    const server = await startServer(
      ...['--port', '0', '--backend-store-uri', target.uri, '--artifacts-destination', folder],
    );
    const [golden] =
      await target.sql`select dataset_id from tabularium.evaluation_datasets where name = 'golden'`;
    // The first two are of the seed, with their keys in another order; MLflow knows 3 and 3.0 apart.
    const records = `[{"inputs": {"deep": {"a": {}, "b": [true, null]}, "x": 1.0, "n": 3, "question": "Ключ 3"}},
      {"inputs": {}, "expectations": {"late": 1}},
      {"inputs": {"deep": {"a": {}, "b": [true, null]}, "x": 1.0, "n": 3.0, "question": "Ключ 3"}}]`;
    const response = await fetch(`${server.url}/api/3.0/mlflow/datasets/${golden?.dataset_id}/records`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
    });
    expect(await response.json()).toEqual({ inserted_count: 1, updated_count: 2 });
    await stopServer(server);
  },
);

test('tables that are not known are named where they have rows', async () => {
  await filled.sql.unsafe(`create table "new Things" as select 1 as x; create table "newer" (x int);
    create schema other; create table other.things as select 1 as x`);
  const { stdout } = await tabularium('import', '--dry-run', '--from', sources.postgres.uri);
  expect(stdout).toContain('Not copied, because it is not served yet: traces (1), the table new Things (1).');
});

test.each(['sqlite', 'postgres'] as const)(
  'killed again and again, an import from %s comes to the same end',
  async (name) => {
    const whole = await emptyDatabase();
    const begin = performance.now();
    await importInto(whole, sources[name].uri);
    const took = performance.now() - begin;

    const target = await emptyDatabase();
    // Not by the launcher, which a signal that nobody hears would leave without its child.
    const program = [join(repository, 'src/main.ts'), 'import', '--from', sources[name].uri];
    let killed = 0;
    for (let at = took * 0.3; ; at += (took / 5) * Math.random()) {
      const one = run(process.execPath, [...program, '--backend-store-uri', target.uri]);
      const timer = sleep(at).then(() => one.child.kill('SIGKILL'));
      const { code, stderr } = await one.ended;
      await timer;
      if (code === 0) break;
      expect({ code, stderr: stderr.replace(/^\{.*\n/gm, '') }).toEqual({ code: null, stderr: '' });
      killed++;
    }
    expect(killed).toBeGreaterThan(0);
    expect(await linesOf(target, `killed-${name}.jsonl`)).toEqual(
      await linesOf(whole, `whole-${name}.jsonl`),
    );
  },
);

describe('refused in one sentence', () => {
  async function refused(target: EmptyDatabase, from: string): Promise<string> {
    const { code, stderr, stdout } = await importInto(target, from);
    expect({ code: code === 0, stdout }).toEqual({ code: false, stdout: '' });
    const sentences = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).not.toContain('secret');
    return sentences[0] ?? '';
  }

  test('what is here already, before anything is written', async () => {
    const target = await emptyDatabase();
    const server = await startServer(
      ...['--port', '0', '--backend-store-uri', target.uri, '--artifacts-destination', folder],
    );
    await call(server.url, 'registered-models/create', { name: 'model 03' });
    await stopServer(server);
    const lines = await linesOf(target, 'before.jsonl');
    expect(await refused(target, sources.sqlite.uri)).toContain(
      'has the registered model "model 03" already',
    );
    expect(await linesOf(target, 'after.jsonl')).toEqual(lines);
  });

  test('sources that are none', async () => {
    const target = await emptyDatabase();
    const other = await emptyDatabase();
    expect(await refused(target, other.uri)).toContain('no MLflow tables');
    expect(await refused(target, 'postgresql://me:secret@127.0.0.1:1/x')).toContain('127.0.0.1:1');
    expect(await refused(target, 'mysql://me:secret@h/x')).toContain('mysql');
    expect(await refused(target, 'http://127.0.0.1:5000')).toContain('--backend-store-uri');
    expect(await refused(target, `sqlite:///${join(folder, 'nowhere.db')}`)).toContain('no file');
    await writeFile(join(folder, 'text.jsonl'), 'text\n');
    expect(await refused(target, join(folder, 'text.jsonl'))).toContain('no export');
    expect(await refused(target, `sqlite:///${join(folder, 'text.jsonl')}`)).toContain('SQLite');
  });

  test('schemas that are not known', async () => {
    const target = await emptyDatabase();
    const source = await emptyDatabase();
    await source.sql.unsafe(`create table experiments (x int); create table runs (x int);
      create table registered_models (x int); create table alembic_version (version_num text);
      insert into alembic_version values ('f5a4f2784254')`);
    expect(await refused(target, source.uri)).toContain('mlflow db upgrade');
    await source.sql`update alembic_version set version_num = 'ffffffffffff'`;
    expect(await refused(target, source.uri)).toContain('ffffffffffff');
  });
});

test('a signal ends an import between two batches', async () => {
  const target = await emptyDatabase();
  const one = run(process.execPath, [
    ...[join(repository, 'bin/tabularium.js'), 'import', '--from', sources.sqlite.uri],
    ...['--backend-store-uri', target.uri],
  ]);
  await once(one.child.stderr as NodeJS.EventEmitter, 'data');
  one.child.kill('SIGINT');
  expect((await one.ended).code).not.toBe(null);
  expect(await importInto(target, sources.sqlite.uri)).toMatchObject({ code: 0 });
});
