import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseDatabaseUri } from '../src/config-database.ts';
import type { Sql } from '../src/contract/sql.ts';
import { accountFor, runAs } from '../src/db/embedded-account.ts';
import { bundledPostgres, readyBinaries } from '../src/db/embedded-binaries.ts';
import { makeCluster, password, superuser } from '../src/db/embedded-cluster.ts';
import { connect } from '../src/db/pool.ts';
import { commandOf, parentOf, type Started, start } from './processes.ts';
import { freePort } from './servers.ts';

/** The Postgres that all servers use, each with a database of its own. */
export interface Cluster {
  readonly version: string;
  /** Of the postmaster; undefined where it runs on another machine. */
  readonly pid: number | undefined;
  /** Makes an empty database and resolves to its URL. */
  createDatabase(name: string): Promise<string>;
  /** Drops the database, whoever uses it. */
  dropDatabase(url: string): Promise<void>;
  /** Leaves nothing behind in a Postgres that goes on. */
  close(): Promise<void>;
}

/** Starts a Postgres in `folder`, which must be on a disk, or uses the running one at `url`. */
export async function openCluster(folder: string, url?: string): Promise<Cluster> {
  const root = url ?? (await startPostgres(folder));
  const sql = openDatabase(root);
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
    pid: commandOf(pid) === 'postgres' ? parentOf(pid) : undefined,
    async createDatabase(name) {
      const database = new URL(root);
      database.pathname = `/${name}_${randomUUID().slice(0, 8)}`;
      await sql`create database ${sql(database.pathname.slice(1))}`;
      databases.add(database.href);
      return database.href;
    },
    dropDatabase,
    async close() {
      if (url !== undefined) for (const database of databases) await dropDatabase(database);
      await sql.end({ timeout: 1 });
    },
  };
}

/** One connection. */
export const openDatabase = (url: string): Sql => connect({ ...parseDatabaseUri(url, {}).options, max: 1 });

/** Resolves to the URL of its superuser. */
async function startPostgres(folder: string): Promise<string> {
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
  return url;
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
