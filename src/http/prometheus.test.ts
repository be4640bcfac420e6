import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { makeApp, type TestApp } from '../testing/make-app.ts';
import { createPrometheus } from './prometheus.ts';

function measured(staticPrefix = '') {
  const { measure, answer, watch } = createPrometheus({
    staticPrefix,
    version: '1.2.3',
    connections: { statements: 8, transactions: 4 },
    waiting: {
      counted: async () => 3,
      failing: async () => {
        throw new Error('the database is away');
      },
    },
  });
  const app = new Hono();
  app.use(measure);
  app.get('/metrics', answer);
  app.get(`${staticPrefix}/health`, (c) => c.text('OK'));
  app.get('/found', (c) => c.text('found'));
  app.get('/broken', () => {
    throw new Error('broken');
  });
  app.onError((_, c) => c.text('broken', 500));
  return { app, watch };
}

test('names and labels are those of mlflow server', async () => {
  const { app } = measured('/pre');
  const begin = performance.now();
  for (const path of ['/found', '/found', '/absent', '/broken', '/pre/health']) await app.request(path);
  const seconds = (performance.now() - begin) / 1000;
  const response = await app.request('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n');
  expect(await samples(app, 'mlflow_')).toEqual([
    'mlflow_http_request_duration_seconds_count{method="GET",status="200",mlflow_version="3.17.2"} 2',
    'mlflow_http_request_duration_seconds_count{method="GET",status="404",mlflow_version="3.17.2"} 1',
    'mlflow_http_request_duration_seconds_count{method="GET",status="500",mlflow_version="3.17.2"} 1',
    'mlflow_http_request_total{method="GET",status="200"} 2',
    'mlflow_http_request_total{method="GET",status="404"} 1',
    'mlflow_http_request_total{method="GET",status="500"} 1',
    'mlflow_http_request_exceptions_total{method="GET",status="500"} 1',
    'mlflow_exporter_info{version="1.2.3"} 1',
  ]);
  expect(lines.filter((line) => line.includes('_bucket') && line.includes('status="404"'))).toHaveLength(15);
  const sum = Number(/_sum\{.*"200".*\} (.+)/.exec(lines.join('\n'))?.[1]);
  expect(sum).toBeGreaterThan(0);
  expect(sum, 'in seconds').toBeLessThan(seconds);
});

/** The samples of `/metrics` whose names begin so, without buckets and sums. */
async function samples(app: Pick<Hono, 'request'> | TestApp, name: string): Promise<string[]> {
  const lines = (await (await app.request('/metrics')).text()).split('\n');
  return lines.filter((line) => line.startsWith(name) && !/_sum|_bucket/.test(line));
}

test('requests are counted by operation and code, and what nobody serves by one name', async () => {
  const app = await makeApp({ exposePrometheus: true });
  const proxy = '/api/2.0/mlflow-artifacts/artifacts';
  const ask = async (method: string, path: string) => (await app.request(path, { method })).status;
  expect(await ask('GET', '/api/2.0/mlflow/registered-models/get?name=a')).toBe(404);
  expect(await ask('GET', '/ajax-api/2.0/mlflow/registered-models/get?name=b')).toBe(404);
  expect(await ask('GET', '/api/2.0/mlflow/registered-models/search')).toBe(200);
  expect(await ask('PUT', `${proxy}/a.txt`)).toBe(200);
  expect(await ask('GET', `${proxy}/a.txt`)).toBe(200);
  expect(await ask('HEAD', `${proxy}/a.txt`)).toBe(200);
  expect(await ask('GET', proxy)).toBe(200);
  expect(await ask('DELETE', `${proxy}/a.txt`)).toBe(200);
  expect(await ask('GET', '/get-artifact')).toBe(400);
  for (const path of ['/x', '/y']) expect(await ask('GET', path)).toBe(404);
  expect(await ask('PUT', '/api/2.0/mlflow/registered-models/alias')).toBe(405);
  for (const path of ['/health', '/ready', '/metrics']) expect(await ask('GET', path)).toBe(200);
  expect((await samples(app, 'tabularium_http_requests_total')).toSorted()).toEqual([
    'tabularium_http_requests_total{operation="deleteArtifact",code="200"} 1',
    'tabularium_http_requests_total{operation="downloadArtifact",code="200"} 2',
    'tabularium_http_requests_total{operation="get-artifact",code="400"} 1',
    'tabularium_http_requests_total{operation="getRegisteredModel",code="404"} 2',
    'tabularium_http_requests_total{operation="listArtifactsMlflowArtifacts",code="200"} 1',
    'tabularium_http_requests_total{operation="none",code="404"} 2',
    'tabularium_http_requests_total{operation="none",code="405"} 1',
    'tabularium_http_requests_total{operation="searchRegisteredModels",code="200"} 1',
    'tabularium_http_requests_total{operation="uploadArtifact",code="200"} 1',
  ]);
  expect(await samples(app, 'tabularium_http_request_duration_seconds')).toContain(
    'tabularium_http_request_duration_seconds_count{operation="getRegisteredModel"} 2',
  );
  expect(await samples(app, 'tabularium_database')).toEqual([
    'tabularium_database_uses_in_flight{pool="statements"} 0',
    'tabularium_database_uses_in_flight{pool="transactions"} 0',
    `tabularium_database_connections_max{pool="statements"} ${app.sql.options.max + 2}`,
    'tabularium_database_connections_max{pool="transactions"} 8',
  ]);
  expect(await samples(app, 'process_cpu_seconds_total')).toHaveLength(1);
  await app.close();
});

test('uses of the database count while they last, those that fail, too', async () => {
  const { watch, app } = measured();
  const { promise, reject } = Promise.withResolvers<void>();
  const uses = [
    watch('read', () => promise),
    watch('write', () => promise),
    watch('transaction', () => promise),
    watch('read', () => new Promise<void>((done) => promise.catch(done))),
  ];
  const inFlight = 'tabularium_database_uses_in_flight';
  expect(await samples(app, inFlight)).toEqual([
    `${inFlight}{pool="statements"} 3`,
    `${inFlight}{pool="transactions"} 1`,
  ]);
  reject(new Error('the database is away'));
  const ended = await Promise.allSettled(uses);
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled']);
  expect(await samples(app, inFlight)).toEqual([
    `${inFlight}{pool="statements"} 0`,
    `${inFlight}{pool="transactions"} 0`,
  ]);
});

// Two workers answer one request each and then ask for the metrics, which must hold both.
const script = `
import cluster from 'node:cluster';
import { Hono } from 'hono';
import { createPrometheus, gatherMetricsOfWorkers } from './prometheus.ts';

if (cluster.isPrimary) {
  gatherMetricsOfWorkers();
  const workers = [cluster.fork(), cluster.fork()];
  let ready = 0;
  let answered = 0;
  cluster.on('message', (_, message) => {
    if (message === 'ready' && ++ready === 2) for (const worker of workers) worker.send('ask');
    if (message.answer) {
      console.log(message.answer.match(/^(?:mlflow_(?:http_request_total|exporter_info)|tabularium_(?:http_requests_total|database_con|jobs)).*$/gm).join('\\n'));
      if (++answered === 2) process.exit();
    }
  });
} else {
  const { measure, answer } = createPrometheus({ staticPrefix: '', version: '1.2.3', connections: { statements: 8, transactions: 4 }, waiting: { counted: async () => 3 } });
  const app = new Hono();
  app.get('/metrics', answer);
  app.use(measure);
  await app.request('/absent');
  process.on('message', async (message) => {
    if (message === 'ask') process.send({ answer: await (await app.request('/metrics')).text() });
  });
  process.send('ready');
}
`;

test('workers answer for one another', async () => {
  const here = (module: string) => JSON.stringify(import.meta.resolve(module)).replaceAll('"', "'");
  const file = join(mkdtempSync(join(tmpdir(), 'tabularium-')), 'main.mjs');
  writeFileSync(
    file,
    script.replace("'hono'", here('hono')).replace("'./prometheus.ts'", here('./prometheus.ts')),
  );
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
  const each = [
    'mlflow_http_request_total{method="GET",status="404"} 2',
    'mlflow_exporter_info{version="1.2.3"} 1',
    'tabularium_http_requests_total{operation="none",code="404"} 2',
    'tabularium_database_connections_max{pool="statements"} 16',
    'tabularium_database_connections_max{pool="transactions"} 8',
    'tabularium_jobs_waiting{job="counted"} 3',
  ];
  expect(stdout.trim().split('\n')).toEqual([...each, ...each]);
});

test('work that waits is told, but not while the database cannot be asked', async () => {
  const { app } = measured();
  expect(await samples(app, 'tabularium_jobs_waiting')).toEqual(['tabularium_jobs_waiting{job="counted"} 3']);
});
