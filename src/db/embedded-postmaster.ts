import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Account, runAs } from './embedded-account.ts';
import { couldNot } from './embedded-explain.ts';

/** A running Postgres, as the file `postmaster.pid` in its cluster describes it. */
export interface Postmaster {
  readonly pid: number;
  /** The folder of its unix socket; on Windows the address. */
  readonly host: string;
  readonly port: number;
  /** `starting`, `ready`, `stopping`; empty while the file is being written. */
  readonly status: string;
}

const windows = process.platform === 'win32';

/** The lines are: pid, cluster, start time, port, socket folder, address, shared memory, status. */
export function parsePostmaster(text: string): Postmaster {
  const lines = text.split('\n').map((line) => line.trim());
  return {
    pid: Number(lines[0]),
    port: Number(lines[3]),
    host: lines[4] || lines[5] || '',
    status: lines[7] ?? '',
  };
}

async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : parsePostmaster(text);
}

/**
 * The Postgres that runs on this cluster, once it is ready; undefined if there is none or once it has stopped.
 *
 * A process id that has gone to another process since, as happens at once in a container that starts anew, would
 * stop Postgres from starting, so its file is removed.
 */
export async function findPostmaster(cluster: string): Promise<Postmaster | undefined> {
  for (;;) {
    const found = await readPostmaster(cluster);
    if (!found) return undefined;
    if (!(await runsOn(found.pid, cluster))) {
      if (!windows && exists(found.pid)) await rm(join(cluster, 'postmaster.pid'), { force: true });
      return undefined;
    }
    if (found.status === 'ready') return found;
    await sleep(20);
  }
}

/** Whether this process has the cluster as its current folder, as every process of Postgres does. */
export async function runsOn(pid: number, cluster: string): Promise<boolean> {
  if (process.platform !== 'linux') return exists(pid);
  try {
    const [current, own] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(cluster)]);
    return current.ino === own.ino && current.dev === own.dev;
  } catch {
    return false;
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Starts Postgres in a session of its own and waits until it takes connections, however long a recovery takes. */
export async function startPostmaster(request: {
  dataDir: string;
  cluster: string;
  binaries: string;
  /** The folder of its unix socket. */
  runtime: string;
  /** Its port on Windows; any that is free if undefined. */
  port?: number;
  account: Account | undefined;
  log: { info(message: string): void };
}): Promise<Postmaster> {
  const { dataDir, cluster, binaries, runtime, port, account, log } = request;
  const logFile = join(dataDir, 'postgres.log');
  const output = await openLog(logFile);
  try {
    const { size } = await output.stat();
    const { path, spawn: how } = runAs(account, cluster);
    const settings = {
      ...(windows
        ? { listen_addresses: '127.0.0.1', port: port ?? (await freePort()) }
        : {
            listen_addresses: '',
            port: 5432,
            unix_socket_directories: runtime,
            unix_socket_permissions: '0700',
          }),
      // Failed statements are told to the server that sent them; the file keeps what concerns Postgres itself.
      log_min_messages: 'log',
      log_checkpoints: 'off',
      // Each process of the server opens up to 16; this is enough for 24 of them.
      max_connections: 400,
    };
    const child = spawn(
      join(binaries, 'bin', 'postgres'),
      ['-D', path, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
      { ...how, detached: true, stdio: ['ignore', output.fd, output.fd] },
    );
    let ended: string | undefined;
    const end = once(child, 'exit').then(
      ([code, signal]) => {
        ended = `it ended with ${signal ?? code}`;
      },
      (error: Error) => {
        ended = error.message;
      },
    );
    child.unref();

    for (let waits = 0; ended === undefined; waits++) {
      const found = await readPostmaster(cluster);
      // The file of one that was killed may hold the same process id, as in a container that starts anew.
      const isOwn = found?.pid === child.pid && (windows || found?.host === runtime);
      if (isOwn && found?.status === 'ready') return found;
      if (waits === 250) log.info(`Postgres is still starting: ${logFile} tells what it does.`);
      await Promise.race([sleep(20), end]);
    }
    const written = (await readFile(logFile)).subarray(size).toString();
    throw couldNot(`start on ${dataDir}`, written || ended, dataDir, logFile);
  } finally {
    await output.close();
  }
}

/** The log goes on over restarts; one that has grown past 10 MB begins again. */
async function openLog(path: string) {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  return await open(path, size > 10_000_000 ? 'w' : 'a', 0o600);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

/** Fast shutdown: open transactions are rolled back, a checkpoint is written. */
export async function stopPostmaster(
  postmaster: Postmaster,
  cluster: string,
  binaries: string,
): Promise<void> {
  const { pid, host } = postmaster;
  if (windows) {
    await promisify(execFile)(join(binaries, 'bin', 'pg_ctl'), [
      'stop',
      '-D',
      cluster,
      '-m',
      'fast',
      '-t',
      '3600',
    ]);
    return;
  }
  if (await runsOn(pid, cluster)) process.kill(pid, 'SIGINT');
  while (await runsOn(pid, cluster)) await sleep(20);
  // Only its socket was there, and Postgres has removed that.
  await rmdir(host).catch(() => undefined);
}
