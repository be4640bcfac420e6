import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { postgresUri } from './database.ts';
import { repository, tabularium } from './process.ts';

/** What the command answers before it serves anything: with a text, or with one sentence; exit code 2 is for the command line, as in MLflow. */

let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'tabularium-refused-'));
});

afterAll(() => rm(data, { recursive: true, force: true }));

test('--version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  expect(await tabularium('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('--help lists the commands, and server --help the flags', async () => {
  const help = await tabularium('--help');
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const command of ['server', 'migrate', 'db']) expect(help.stdout).toContain(`\n  ${command}`);
  const flags = await tabularium('server', '--help');
  expect(flags).toMatchObject({ code: 0, stderr: '' });
  for (const flag of [
    '--backend-store-uri',
    '--data-dir',
    '--artifacts-only',
    '--workers',
    '--static-prefix',
  ])
    expect(flags.stdout).toContain(flag);
});

test.each([
  [['--no-such-flag'], '--no-such-flag'],
  [['--backend-store-uri', 'sqlite:///mlflow.db'], 'SQLite'],
  [['--backend-store-uri', 'mysql+pymysql://me:secret@db/mlflow'], 'mysql'],
  [['--backend-store-uri', 'file:///srv/mlruns'], 'file'],
  [['--backend-store-uri', './mlruns'], 'file'],
  [['--registry-store-uri', 'postgresql://me:secret@elsewhere/registry'], '--registry-store-uri'],
  [['--default-artifact-root', 'gs://bucket/mlflow'], 'gs'],
  [['--default-artifact-root', 'hdfs://cluster/mlflow'], 'hdfs'],
  [['--artifacts-destination', 'wasbs://box@account.blob.core.windows.net/x'], 'wasbs'],
  [['--port', 'eighty'], '--port'],
  [['--port', '70000'], '--port'],
  [['--workers', '0'], '--workers'],
  [['--static-prefix', 'mlflow'], '--static-prefix'],
  [['--app-name', 'basic-auth'], '--app-name'],
  [['--enable-workspaces'], '--enable-workspaces'],
])('%j is refused in one sentence', async (flags, named) => {
  const { code, stdout, stderr } = await tabularium('server', '--data-dir', join(data, 'none'), ...flags);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^tabularium: .+\n$/);
  expect(stderr).toContain(named);
  expect(stderr).not.toContain('secret');
  // Nothing was made before it was refused.
  expect(await readdir(data)).toEqual([]);
});

test('a port that is in use is named', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const database = await postgresUri(inject('postgres'));
  const { code, stderr } = await tabularium(
    ...['server', '--backend-store-uri', database.uri, '--port', String(port)],
    ...['--artifacts-destination', data],
  );
  other.close();
  await database.drop();
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^tabularium: Port ${port} .*in use.*\\n$`, 'm'));
});

test('a database that does not answer is named without its password', async () => {
  const { code, stderr } = await tabularium(
    ...['server', '--port', '0', '--backend-store-uri', 'postgresql://me:secret@127.0.0.1:1/none'],
    ...['--artifacts-destination', data],
  );
  expect(code).toBe(1);
  expect(stderr).toContain('127.0.0.1:1');
  expect(stderr).toMatch(/^tabularium: .+\n$/m);
  expect(stderr).not.toContain('secret');
});
