import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from '../src/contract/sql.ts';
import { accountFor, runAs } from '../src/db/embedded-account.ts';
import { bundledPostgres, readyBinaries } from '../src/db/embedded-binaries.ts';
import { makeCluster, password, superuser } from '../src/db/embedded-cluster.ts';
import { connect } from '../src/db/pool.ts';
import { parentOf, type Started, start } from './processes.ts';
import { freePort } from './servers.ts';

/** The Postgres that all servers use, each with a database of its own. */
export interface Cluster {
  readonly version: string;
  /** Of the postmaster; undefined where it runs on another machine. */
  readonly pid: number | undefined;
  /** Makes an empty database and resolves to its URL. */
  createDatabase(name: string): Promise<string>;
  /** Drops it whoever uses it. */
  dropDatabase(url: string): Promise<void>;
  /** Drops what is left, and ends Postgres if the bench started it. */
  stop(): Promise<void>;
}

/** Starts a Postgres with durable settings in `folder`, which must be on a disk, or uses the one at `url`. */
export async function openCluster(folder: string, url: string | undefined): Promise<Cluster> {
  const own = url === undefined ? await startPostgres(folder) : undefined;
  const root = new URL(url ?? own?.url ?? '');
  const sql = openDatabase(root.href);
  const databases = new Set<string>();
  const [row] = await sql<{ version: string; pid: number }[]>`
    select current_setting('server_version') as version, pg_backend_pid() as pid`;
  const { version, pid } = row as { version: string; pid: number };
  const dropDatabase = async (database: string) => {
    await sql`drop database ${sql(new URL(database).pathname.slice(1))} with (force)`;
    databases.delete(database);
  };
  return {
    version,
    pid: parentOf(pid),
    async createDatabase(name) {
      const database = new URL(root);
      database.pathname = `/${name}_${randomUUID().slice(0, 8)}`;
      await sql`create database ${sql(database.pathname.slice(1))}`;
      databases.add(database.href);
      return database.href;
    },
    dropDatabase,
    async stop() {
      for (const database of databases) await dropDatabase(database);
      await sql.end({ timeout: 5 });
      await own?.started.stop();
    },
  };
}

export function openDatabase(url: string): Sql {
  const { hostname, port, username, password, pathname } = new URL(url);
  return connect({
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)) || 'postgres',
    max: 1,
  });
}

async function startPostgres(folder: string): Promise<{ url: string; started: Started }> {
  const cluster = join(folder, 'postgres');
  const account = await accountFor(cluster);
  const binaries = await readyBinaries(await bundledPostgres(), folder, account, { info: () => {} });
  await makeCluster({ dataDir: folder, cluster, binaries, account });
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    // All else is Postgres' default: fsync and synchronous_commit are on.
    shared_buffers: '512MB',
    max_connections: 300,
  };
  const { path, spawn } = runAs(account, cluster);
  const started = start(
    join(binaries, 'bin', 'postgres'),
    ['-D', path, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])],
    { ...spawn, log: join(folder, 'postgres.log') },
  );
  const url = `postgresql://${superuser}:${await password(cluster)}@127.0.0.1:${port}/postgres`;
  await untilReady(url, started);
  return { url, started };
}

async function untilReady(url: string, started: Started): Promise<void> {
  let ended = false;
  started.ended.then(() => {
    ended = true;
  });
  const sql = openDatabase(url);
  try {
    while (!(await sql`select 1`.catch(() => undefined))) {
      if (ended) throw new Error(`Postgres did not start:\n${started.tail()}`);
      await sleep(50);
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}
