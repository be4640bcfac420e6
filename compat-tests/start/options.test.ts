import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from './database.ts';
import { call, type Server, startServer, stopAll, stopServer, tabularium } from './process.ts';

/** Flags that change what is served, each on an outside Postgres with a new database. */

const time = 60_000;

let database: EmptyDatabase;
let artifacts: string;

beforeEach(async () => {
  database = await postgresUri(inject('postgres'));
  artifacts = await mkdtemp(join(tmpdir(), 'tabularium-artifacts-'));
});

afterEach(async () => {
  await stopAll();
  await database.drop();
  await rm(artifacts, { recursive: true, force: true });
}, time);

const start = (...flags: string[]): Promise<Server> =>
  startServer(
    ...['--port', '0', '--backend-store-uri', database.uri, '--artifacts-destination', artifacts],
    ...flags,
  );

const put = (url: string, path: string, body: string) =>
  fetch(`${url}/api/2.0/mlflow-artifacts/artifacts/${path}`, { method: 'PUT', body });

const createVersion = async (url: string, name: string) => {
  await call(url, 'registered-models/create', { name });
  return call(url, 'model-versions/create', { name, source: 's3://models/1' });
};

test(
  'an outside Postgres keeps everything, and its password is not shown',
  async () => {
    const server = await start();
    expect((await createVersion(server.url, 'kept')).body.model_version.version).toBe('1');
    const { stdout, stderr, code } = await stopServer(server);
    expect(code).toBe(0);
    const password = new URL(database.uri.replace('@/', '@host/')).password;
    expect(password.length).toBeGreaterThan(8);
    expect(stdout + stderr).not.toContain(password);
    const again = await start();
    expect((await createVersion(again.url, 'kept')).body.model_version.version).toBe('2');
  },
  time,
);

test.each([
  ['migrate', (uri: string) => ['migrate', uri]],
  ['db upgrade', (uri: string) => ['db', 'upgrade', uri]],
])(
  '%s brings a database up to date, and finds it so the next time',
  async (_name, args) => {
    const first = await tabularium(...args(database.uri));
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toContain('up to date');
    expect(first.stderr).toContain('0001-');
    const [row] = await database.sql`select count(*)::int as models from tabularium.registered_models`;
    expect(row?.models).toBe(0);
    const second = await tabularium(...args(database.uri));
    expect(second).toMatchObject({ code: 0 });
    expect(second.stderr).not.toContain('0001-');
  },
  time,
);

test(
  "MLflow's own tables in the database are pointed out and left alone",
  async () => {
    const { sql } = database;
    await sql`create table alembic_version (version_num varchar(32) primary key)`;
    await sql`insert into alembic_version values ('abc123')`;
    await sql`create table registered_models (name varchar(256) primary key)`;
    await sql`insert into registered_models values ('of MLflow')`;
    const server = await start();
    const warned = server.output.stderr.split('\n').filter((line) => line.includes("MLflow's own tables"));
    expect(warned).toHaveLength(1);
    expect((await createVersion(server.url, 'ours')).status).toBe(200);
    const { body } = await call(server.url, 'registered-models/search');
    expect(body.registered_models.map((model: { name: string }) => model.name)).toEqual(['ours']);
    await stopServer(server);

    expect([...(await sql`select * from public.alembic_version`)]).toEqual([{ version_num: 'abc123' }]);
    expect([...(await sql`select * from public.registered_models`)]).toEqual([{ name: 'of MLflow' }]);
    const [row] = await sql`select count(*)::int as tables from pg_tables where schemaname = 'public'`;
    expect(row?.tables).toBe(2);
    // Once ours is no longer empty, everybody knows.
    const again = await start();
    expect(again.output.stderr).not.toContain("MLflow's own tables");
  },
  time,
);

test(
  '--static-prefix begins every path',
  async () => {
    const server = await start('--static-prefix', '/p');
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/p$/);
    expect((await createVersion(server.url, 'below')).status).toBe(200);
    expect((await put(server.url, '0/x.txt', 'x')).status).toBe(200);
    const bare = server.url.replace(/\/p$/, '');
    expect((await call(bare, 'registered-models/get?name=below')).status).toBe(404);
  },
  time,
);

test(
  '--artifacts-only serves artifacts and opens no database',
  async () => {
    const server = await startServer(
      ...['--port', '0', '--artifacts-only', '--artifacts-destination', artifacts],
    );
    expect(server.output.stdout).toContain('no database');
    expect((await put(server.url, 'a/b.txt', 'bytes')).status).toBe(200);
    expect(await readFile(join(artifacts, 'a', 'b.txt'), 'utf8')).toBe('bytes');
    const refused = await call(server.url, 'registered-models/search');
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('--artifacts-only');
  },
  time,
);

test(
  '--no-serve-artifacts leaves artifacts to the clients',
  async () => {
    const server = await start('--no-serve-artifacts');
    expect((await createVersion(server.url, 'pointer')).status).toBe(200);
    const refused = await put(server.url, 'a.txt', 'bytes');
    expect(refused.status).toBe(503);
    expect(await refused.text()).toContain('--serve-artifacts');
    const { body } = await call(server.url, 'experiments/create', { name: 'local' });
    const got = await call(server.url, `experiments/get?experiment_id=${body.experiment_id}`);
    expect(got.body.experiment.artifact_location).toMatch(new RegExp(`mlruns/${body.experiment_id}$`));
  },
  time,
);

test(
  '--expose-prometheus answers /metrics, which is not there without it',
  async () => {
    const server = await start('--expose-prometheus', artifacts);
    await call(server.url, 'registered-models/search');
    const metrics = await fetch(`${server.url}/metrics`);
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toMatch(/^mlflow_\w+(\{.*\})? \d/m);
    await stopServer(server);
    const without = await start();
    expect((await fetch(`${without.url}/metrics`)).status).toBe(404);
  },
  time,
);

test(
  'the certificate of --uvicorn-opts makes it https',
  async () => {
    // Signed by itself for localhost until 2126, with its key: it was made for this test and protects nothing.
    const file = join(import.meta.dirname, 'localhost.pem');
    const server = await start('--uvicorn-opts', `--ssl-certfile ${file} --ssl-keyfile '${file}'`);
    expect(server.url).toMatch(/^https:/);
    const asked = get(`${server.url}/health`, { ca: await readFile(file) });
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    expect(response.statusCode).toBe(200);
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  },
  time,
);
