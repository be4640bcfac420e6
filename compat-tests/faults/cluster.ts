import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Sql } from 'postgres';
import { freePort, postgresOf, startServer, stopServer } from '../start/process.ts';

/** A Postgres of the test's own, which may be killed, and which a server knows as an outside one. */
export interface Cluster {
  /** Of its files. */
  readonly folder: string;
  readonly port: number;
  /** What Postgres printed, for the report of a failure. */
  log(): string;
  /** As a user writes it for `--backend-store-uri`; `port` is that of a proxy where it differs. */
  uri(database: string, port?: number): string;
  connect(database: string, connections?: number): Sql;
  createDatabase(name: string): Promise<void>;
  /** Starts it and waits until it takes connections, however long its recovery takes. */
  start(): Promise<void>;
  /** Ends it: `immediate` is the end without a checkpoint, `kill` that without even a signal handler. */
  stop(how: 'fast' | 'immediate' | 'kill'): Promise<void>;
  /** Processes of sessions. */
  backends(): Promise<number[]>;
}

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;
const user = 'tabularium';

/**
 * Makes it in `folder` from what the server's own start leaves there: that has found out which binaries run on this
 * machine, and as which user.
 */
export async function makeCluster(folder: string): Promise<Cluster> {
  const server = await startServer('--port', '0', '--data-dir', folder);
  const binary = await readlink(`/proc/${await postgresOf(folder)}/exe`);
  await stopServer(server);
  const files = join(folder, 'postgres');
  const { uid, gid } = await stat(files);
  const password = await readFile(join(files, 'tabularium-password'), 'utf8');
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    log_line_prefix: '%m [%p] ',
  };
  const root = process.getuid?.() === 0;
  // Postgres is started in its folder, which it may not be able to enter by its path when it is not root any more.
  const args = [
    '-D',
    root ? '/proc/self/cwd' : files,
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ];
  const connect = (database: string, max = 2) =>
    postgres({ host: '127.0.0.1', port, user, password, database, max, onnotice: () => {} });
  let child: ChildProcess | undefined;
  let log = '';

  const start = async (): Promise<boolean> => {
    const begun = spawn(binary, args, {
      cwd: files,
      env: { LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(root && { uid, gid }),
    });
    child = begun;
    for (const stream of [begun.stdout, begun.stderr]) {
      stream?.on('data', (data) => {
        log = (log + data).slice(-200_000);
      });
    }
    while (begun.exitCode === null && begun.signalCode === null) {
      const lines = (await readFile(join(files, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
      if (Number(lines[0]) === begun.pid && lines[7]?.trim() === 'ready') return true;
      await sleep(20);
    }
    return false;
  };

  return {
    folder: files,
    port,
    log: () => log,
    uri: (database, at = port) =>
      `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${at}/${database}`,
    connect,
    async createDatabase(name) {
      const admin = connect('postgres');
      await admin`create database ${admin(name)}`;
      await admin.end();
    },
    async start() {
      // Sessions of one that was killed may still be there for a moment, beside which it does not start.
      for (let tries = 0; !(await start()); tries++) {
        if (tries === 50) throw new Error(`Postgres does not start:\n${log.slice(-2000)}`);
        await sleep(200);
      }
    },
    async stop(how) {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signals[how]);
      await ended;
    },
    backends: async () => (child?.pid ? sessionsOf(child.pid) : []),
  };
}

/** The sessions among the children of a postmaster: their titles read `postgres: user database address state`. */
export async function sessionsOf(postmaster: number): Promise<number[]> {
  const children = await childrenOf(postmaster);
  const titles = await Promise.all(
    children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return children.filter((_, i) => titles[i]?.startsWith(`postgres: ${user} `));
}

/** The processes that `pid` has started and that are still there. */
export async function childrenOf(pid: number): Promise<number[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(
    numbers.map((one) => readFile(`/proc/${one}/stat`, 'utf8').catch(() => '')),
  );
  // The name of the program, in brackets, may hold anything; behind it come the state and the parent.
  return numbers.filter((_, i) => Number(stats[i]?.slice(stats[i].lastIndexOf(')')).split(' ')[2]) === pid);
}
