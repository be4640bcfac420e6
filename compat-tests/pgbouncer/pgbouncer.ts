import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { startServer } from '../clients/run.ts';
import { codeOf, scratch, start } from '../processes.ts';
import { freePort } from '../start/process.ts';

/** A Postgres and a PgBouncer in front of it, which gives each transaction any of ten connections. */
export interface Pooled {
  /** Makes a database; resolves to what a user writes for `--backend-store-uri` to reach it through PgBouncer. */
  create(database: string): Promise<string>;
}

/** Where Debian has it, which the path of an ordinary user leaves out. */
const path = [process.env.PATH, '/usr/sbin'].join(delimiter);

/** The version of the PgBouncer that is installed. Throws one sentence where none is. */
export async function findPgbouncer(): Promise<string> {
  const { stdout } = await promisify(execFile)('pgbouncer', ['--version'], {
    env: { ...process.env, PATH: path },
  }).catch((cause) => {
    throw new Error('PgBouncer is not installed: install it (on Debian: apt install pgbouncer).', { cause });
  });
  return stdout.split('\n', 1)[0] ?? '';
}

/** Starts both. The Postgres is the one that a server without a database of its own brings with it. */
export async function startPooled(): Promise<Pooled> {
  const dataDir = join(scratch, 'postgres-behind');
  await startServer('--data-dir', dataDir);
  const cluster = join(dataDir, 'postgres');
  const [, , , portText, socket] = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n');
  const password = await readFile(join(cluster, 'tabularium-password'), 'utf8');
  const user = 'tabularium';

  const home = join(scratch, 'pgbouncer');
  await mkdir(home);
  const port = await freePort();
  await writeFile(join(home, 'users'), `"${user}" "${password}"\n`);
  await writeFile(
    join(home, 'pgbouncer.ini'),
    `[databases]
* = host=${socket} port=${portText}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(home, 'users')}
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
`,
  );
  // It refuses to run as root, as Postgres does, and must enter the folder of its socket.
  const { uid, gid } = await stat(cluster);
  const pgbouncer = start('pgbouncer', [join(home, 'pgbouncer.ini')], {
    env: { PATH: path },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(process.getuid?.() === 0 && { uid, gid }),
  });
  let log = '';
  pgbouncer.stderr?.on('data', (data) => {
    log = (log + data).slice(-20_000);
  });
  const ended = codeOf(pgbouncer).then(() => {
    throw new Error(`PgBouncer ended:\n${log}`);
  });
  // Later the tests that cannot reach it tell.
  ended.catch(() => {});

  const admin = postgres({
    host: socket,
    port: Number(portText),
    user,
    password,
    database: 'postgres',
    max: 1,
  });
  const pooled = postgres({ host: '127.0.0.1', port, user, password, database: 'postgres', max: 1 });
  const answers = async () => {
    while (!(await pooled`select 1`.catch(() => undefined))) await sleep(50);
  };
  await Promise.race([answers(), ended]);
  await pooled.end();
  return {
    async create(database) {
      await admin`create database ${admin(database)} template template0`;
      return `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
    },
  };
}
