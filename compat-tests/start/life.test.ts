import { once } from 'node:events';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  beginServer,
  call,
  freePort,
  interrupt,
  isRunning,
  npmStart,
  postgresOf,
  type Server,
  startServer,
  stopAll,
  stopServer,
  tabularium,
  until,
} from './process.ts';

/** From the first start to the last, on the Postgres that the server brings. */

const time = 180_000;

let scratch: string;
let data: string;

beforeEach(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'tabularium start ')));
  await chmod(scratch, 0o755);
  data = join(scratch, 'data');
});

afterEach(async () => {
  await stopAll();
  const pid = await postgresOf(data);
  if (pid) process.kill(pid, 'SIGINT');
  while (pid && isRunning(pid)) await new Promise((done) => setTimeout(done, 50));
  await rm(scratch, { recursive: true, force: true });
}, time);

const report = (what: string, server: Server) =>
  console.log(`${what}: ${server.secondsToFirstAnswer.toFixed(1)} s to the first answer`);

test(
  'npm start says where the data lies, where it answers and how to try it; SIGTERM and ctrl-C end all of it',
  async () => {
    const port = await freePort();
    const server = await npmStart('--port', String(port), '--data-dir', data);
    report('npm start, first', server);
    expect(server.url).toBe(`http://127.0.0.1:${port}`);
    expect(server.output.stdout).toContain(data);
    expect(server.output.stdout).toMatch(
      new RegExp(
        `import mlflow\\n *mlflow\\.set_tracking_uri\\("${server.url}"\\)\\n *mlflow\\.MlflowClient\\(\\)\\.`,
      ),
    );
    expect((await call(server.url, 'registered-models/create', { name: 'kept' })).status).toBe(200);
    const postgres = await postgresOf(data);
    expect(postgres).toBeGreaterThan(1);

    await stopServer(server);
    expect(await postgresOf(data)).toBeUndefined();
    expect(isRunning(Number(postgres))).toBe(false);

    const again = await npmStart('--port', String(port), '--data-dir', data);
    report('npm start, later', again);
    expect((await call(again.url, 'registered-models/get?name=kept')).status).toBe(200);
    await interrupt(again);
    expect(await postgresOf(data)).toBeUndefined();
  },
  time,
);

test(
  'a request that is under way is answered before the end',
  async () => {
    const server = await startServer('--port', '0', '--data-dir', data);
    const upload = request(`${server.url}/api/2.0/mlflow-artifacts/artifacts/0/half/file.txt`, {
      method: 'PUT',
    });
    const answered = once(upload, 'response');
    upload.write('one ');
    // The server has the head of the request once it has answered another that was sent behind it.
    await fetch(`${server.url}/health`);
    server.child.kill('SIGTERM');
    await until(() => server.output.stderr.includes('"stopping"'), server);
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
    upload.end('two');
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
    expect((await server.ended).code).toBe(0);
    expect(await postgresOf(data)).toBeUndefined();

    const again = await startServer('--port', '0', '--data-dir', data);
    const path = '/api/2.0/mlflow-artifacts/artifacts/0/half/file.txt';
    expect(await (await fetch(again.url + path)).text()).toBe('one two');
    await stopServer(again);
  },
  time,
);

test(
  'a second server on the data is refused; after kill -9 of the first, one goes on with it',
  async () => {
    const server = await startServer('--port', '0', '--data-dir', data);
    expect((await call(server.url, 'registered-models/create', { name: 'kept' })).status).toBe(200);
    const postgres = await postgresOf(data);

    const refused = await tabularium('server', '--port', '0', '--data-dir', data);
    expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^tabularium: Another server already runs on .* \(process \d+\): .*\.\n$/);
    expect((await call(server.url, 'registered-models/get?name=kept')).status).toBe(200);

    const holder = Number(/process (\d+)/.exec(refused.stderr)?.[1]);
    process.kill(holder, 'SIGKILL');
    expect((await server.ended).code).toBe(137);
    expect(await postgresOf(data)).toBe(postgres);

    const next = await startServer('--port', '0', '--data-dir', data);
    report('after kill -9', next);
    expect(next.output.stderr).toContain(`left its Postgres running (process ${postgres})`);
    expect((await call(next.url, 'registered-models/get?name=kept')).status).toBe(200);
    expect((await stopServer(next)).code).toBe(0);
    expect(await postgresOf(data)).toBeUndefined();
  },
  time,
);

test(
  'kill -9 of the Postgres beneath a killed server loses nothing',
  async () => {
    const server = await startServer('--port', '0', '--data-dir', data);
    expect((await call(server.url, 'registered-models/create', { name: 'kept' })).status).toBe(200);
    process.kill(Number(await postgresOf(data)), 'SIGKILL');
    await stopServer(server);
    const next = await startServer('--port', '0', '--data-dir', data);
    expect((await call(next.url, 'registered-models/get?name=kept')).status).toBe(200);
    await stopServer(next);
  },
  time,
);

test(
  'a signal in the middle of the first start leaves no Postgres behind, and the next start works',
  async () => {
    const port = String(await freePort());
    const begun = beginServer('--port', port, '--data-dir', data);
    await until(() => begun.output.stderr.includes('Making a new Postgres'), begun);
    await stopServer(begun);
    expect(await postgresOf(data)).toBeUndefined();
    const server = await startServer('--port', port, '--data-dir', data);
    expect((await stopServer(server)).code).toBe(0);
  },
  time,
);

test(
  'migrate makes the database; two workers serve it and end together',
  async () => {
    const migrated = await tabularium('migrate', '--data-dir', data);
    expect(migrated.code).toBe(0);
    expect(migrated.stdout).toContain('up to date');
    expect(await postgresOf(data)).toBeUndefined();

    const port = String(await freePort());
    const server = await startServer('--port', port, '--data-dir', data, '--workers', '2');
    const names = Array.from({ length: 20 }, (_, i) => `model-${i}`);
    const created = await Promise.all(
      names.map((name) => call(server.url, 'registered-models/create', { name })),
    );
    expect(created.map(({ status }) => status)).toEqual(names.map(() => 200));
    const got = await Promise.all(
      names.map((name) => call(server.url, `registered-models/get?name=${name}`)),
    );
    expect(got.map(({ body }) => body.registered_model?.name)).toEqual(names);
    expect((await stopServer(server)).code).toBe(0);
    expect(await postgresOf(data)).toBeUndefined();
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  },
  time,
);
