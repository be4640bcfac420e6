/**
 * `npm run replay:record -- --mlflow PATH|URL`: plays the script against a real MLflow and writes `recorded.json`.
 * With a path, starts that `mlflow` on a fresh database of the Postgres that TABULARIUM_TEST_PG names (a URL of a user
 * who may create databases) and on an empty folder, and stops it afterwards. A URL must be a server that is as fresh.
 * `--check` writes nothing: it prints what differs from `recorded.json` and exits 1 if anything does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import postgres from 'postgres';
import type { Answer } from './normalise.ts';
import { play } from './player.ts';
import { steps } from './steps.ts';

const RECORDED = new URL('./recorded.json', import.meta.url);

const { values } = parseArgs({ options: { mlflow: { type: 'string' }, check: { type: 'boolean' } } });
if (!values.mlflow) throw new Error('--mlflow PATH|URL is missing');
const answers = /^https?:/.test(values.mlflow)
  ? await play(steps, fetch, values.mlflow)
  : await withServer(values.mlflow, (url) => play(steps, fetch, url));
if (values.check) process.exitCode = await compare(answers);
else await writeFile(RECORDED, `${JSON.stringify(Object.fromEntries(answers), null, 2)}\n`);
console.log(`${answers.size} requests`);

async function compare(answers: ReadonlyMap<string, Answer>): Promise<number> {
  const recorded: Record<string, Answer> = JSON.parse(await readFile(RECORDED, 'utf8'));
  let different = 0;
  for (const name of new Set([...Object.keys(recorded), ...answers.keys()])) {
    if (isDeepStrictEqual(answers.get(name), recorded[name])) continue;
    different++;
    console.log(
      `${name}\n  recorded ${JSON.stringify(recorded[name])}\n  now      ${JSON.stringify(answers.get(name))}`,
    );
  }
  console.log(`${different} differ`);
  return different > 0 ? 1 : 0;
}

async function withServer<T>(mlflow: string, use: (url: string) => Promise<T>): Promise<T> {
  const admin = process.env.TABULARIUM_TEST_PG;
  if (!admin)
    throw new Error('TABULARIUM_TEST_PG is not set: a postgres:// URL of a user who may create databases');
  const sql = postgres(admin, { max: 1, onnotice: () => {} });
  const database = `replay_record_${process.pid}`;
  const folder = await mkdtemp(join(tmpdir(), 'replay-record-'));
  await sql.unsafe(`create database ${database}`);
  let server: ChildProcess | undefined;
  try {
    const port = await freePort();
    const store = new URL(admin);
    store.protocol = 'postgresql+psycopg2:';
    store.pathname = `/${database}`;
    const uris = ['--backend-store-uri', `${store}`, '--artifacts-destination', join(folder, 'artifacts')];
    const options = ['--host', '127.0.0.1', '--port', `${port}`, '--workers', '1'];
    // A group of its own: what answers is a grandchild.
    server = spawn(mlflow, ['server', ...uris, ...options], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: 'true', MLFLOW_LOGGING_LEVEL: 'ERROR' },
    });
    const url = `http://127.0.0.1:${port}`;
    await untilHealthy(url, server);
    return await use(url);
  } finally {
    await stop(server);
    await sql.unsafe(`drop database ${database} with (force)`);
    await sql.end();
    await rm(folder, { recursive: true });
  }
}

async function untilHealthy(url: string, server: ChildProcess): Promise<void> {
  // The first start makes the schema, which takes MLflow most of a minute on a slow disk.
  for (let tries = 0; tries < 600 && server.exitCode === null; tries++) {
    const response = await fetch(`${url}/health`).catch(() => undefined);
    if (response?.ok) return;
    await sleep(200);
  }
  throw new Error(`mlflow does not answer at ${url}`);
}

async function stop(server: ChildProcess | undefined): Promise<void> {
  if (server?.pid === undefined || server.exitCode !== null) return;
  const exited = new Promise((resolve) => server.once('exit', resolve));
  process.kill(-server.pid, 'SIGTERM');
  await exited;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
