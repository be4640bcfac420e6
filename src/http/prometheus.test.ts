import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createPrometheus } from './prometheus.ts';

function measured(staticPrefix = ''): Hono {
  const { measure, answer } = createPrometheus({ staticPrefix, version: '1.2.3' });
  const app = new Hono();
  app.use(measure);
  app.get('/metrics', answer);
  app.get(`${staticPrefix}/health`, (c) => c.text('OK'));
  app.get('/found', (c) => c.text('found'));
  app.get('/broken', () => {
    throw new Error('broken');
  });
  app.onError((_, c) => c.text('broken', 500));
  return app;
}

test('names and labels are those of mlflow server', async () => {
  const app = measured('/pre');
  const begin = performance.now();
  for (const path of ['/found', '/found', '/absent', '/broken', '/pre/health']) await app.request(path);
  const seconds = (performance.now() - begin) / 1000;
  const response = await app.request('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n');
  const samples = lines.filter((line) => line.startsWith('mlflow_') && !/_sum|_bucket/.test(line));
  expect(samples).toEqual([
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
      console.log(message.answer.match(/^mlflow_(?:http_request_total|exporter_info).*$/gm).join('\\n'));
      if (++answered === 2) process.exit();
    }
  });
} else {
  const { measure, answer } = createPrometheus({ staticPrefix: '', version: '1.2.3' });
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
  ];
  expect(stdout.trim().split('\n')).toEqual([...each, ...each]);
});
