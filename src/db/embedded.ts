import { chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { StartError } from '../contract/start-error.ts';
import { type Account, accountFor } from './embedded-account.ts';
import { bundledPostgres, readyBinaries } from './embedded-binaries.ts';
import { clusterMajor, makeCluster, password, removeLeftovers, superuser } from './embedded-cluster.ts';
import { explain } from './embedded-explain.ts';
import { createKeeper, type Keeper } from './embedded-keeper.ts';
import { findPostmaster, type Postmaster, startPostmaster, stopPostmaster } from './embedded-postmaster.ts';

/** What the start has to say to the person who reads the log; a pino logger will do. */
export interface StartLog {
  info(message: string): void;
  warn(message: string): void;
}

/** Where the database answers, as postgres.js takes it; `host` is the folder of the unix socket (an address on Windows). */
export interface EmbeddedOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Embedded {
  readonly options: EmbeddedOptions;
  /** Postgres ended while it was in use and could not be started again; never settles otherwise. */
  readonly lost: Promise<StartError>;
  /** Ends Postgres by its fast shutdown and waits until it is gone. Call it once, after the drain. */
  stop(): Promise<void>;
}

/**
 * Starts the Postgres that comes with Tabularium on `dataDir`, or takes over one that a killed server left there.
 *
 * In `dataDir` lie `postgres` (the cluster, with its password inside), `postgres.log`, and, where the installed
 * binaries could not be used in place, a copy of them. Postgres is in a session of its own: it gets no ctrl-C, and
 * it outlives this process if that is killed. Throws `StartError` for all that a person can put right.
 */
export async function startEmbedded(request: { dataDir: string; log: StartLog }): Promise<Embedded> {
  const dataDir = resolve(request.dataDir);
  try {
    return await start(dataDir, request.log);
  } catch (error) {
    throw explain(error, dataDir);
  }
}

async function start(dataDir: string, log: StartLog): Promise<Embedded> {
  await mkdir(dataDir, { recursive: true });
  const cluster = join(dataDir, 'postgres');
  const bundle = await bundledPostgres();
  const written = await clusterMajor(cluster);
  if (written !== undefined && written !== bundle.major) {
    throw new StartError(
      `The database in ${cluster} was written by Postgres ${written}, and this Tabularium brings Postgres ` +
        `${bundle.major}: start a Tabularium with Postgres ${written} there and move the data with pg_dump, ` +
        'or choose another folder with --data-dir.',
    );
  }

  // Asked before anything is started: a database that Tabularium did not make is left alone.
  if (written !== undefined) await password(cluster);
  const account = await accountFor(cluster);
  let left = written === undefined ? undefined : await findPostmaster(cluster);
  let postmaster = left;
  let folders: Folders | undefined;
  if (!postmaster) {
    folders = { dataDir, cluster, binaries: await readyBinaries(bundle, dataDir, account, log) };
    ({ postmaster, left } = await launch(folders, account, log, written === undefined));
  }

  const options = await optionsOf(postmaster, cluster);
  const keeper = createKeeper(
    postmaster,
    async ({ host: runtime, port }) => {
      const binaries = await readyBinaries(bundle, dataDir, account, log);
      return await startPostmaster({ dataDir, cluster, binaries, runtime, port, account, log });
    },
    { dataDir, cluster, log },
  );
  const { promise: lost, resolve: lose } = Promise.withResolvers<StartError>();
  const lock = await takeLock(options, dataDir, keeper, log, lose);
  if (left) {
    log.warn(
      `A server on ${dataDir} was killed and left its Postgres running (process ${left.pid}); this one took it over.`,
    );
  }
  await removeLeftovers(dataDir);
  return {
    options,
    lost,
    async stop() {
      await lock.release();
      await stopPostmaster(keeper.postmaster, cluster, bundle.folder);
      await lock.end();
    },
  };
}

const optionsOf = async ({ host, port }: Postmaster, cluster: string): Promise<EmbeddedOptions> => ({
  host,
  port,
  user: superuser,
  password: await password(cluster),
  database: 'postgres',
});

/**
 * The database that a server has started on `dataDir`, for a command that works beside it; undefined where none runs,
 * 'none' where there is no database at all.
 */
export async function findEmbedded(dataDir: string): Promise<EmbeddedOptions | 'none' | undefined> {
  const cluster = join(resolve(dataDir), 'postgres');
  if ((await clusterMajor(cluster)) === undefined) return 'none';
  const postmaster = await findPostmaster(cluster);
  return postmaster && optionsOf(postmaster, cluster);
}

interface Folders {
  readonly dataDir: string;
  readonly cluster: string;
  readonly binaries: string;
}

/** Makes the cluster if it is not there, and starts Postgres; `left` is set if another start was faster. */
async function launch(
  folders: Folders,
  account: Account | undefined,
  log: StartLog,
  first: boolean,
): Promise<{ postmaster: Postmaster; left: Postmaster | undefined }> {
  const { cluster } = folders;
  let runtime: string | undefined;
  try {
    if (first) {
      log.info(`Making a new Postgres database in ${cluster}.`);
      await makeCluster({ ...folders, account });
    }
    runtime = await privateFolder(account);
    const postmaster = await startPostmaster({ ...folders, account, runtime, log });
    return { postmaster, left: undefined };
  } catch (error) {
    if (runtime) await rm(runtime, { recursive: true, force: true });
    const other = await findPostmaster(cluster);
    if (!other) throw error;
    return { postmaster: other, left: other };
  }
}

/** A folder that only Postgres' user may enter, for its socket, whose whole path must fit into 103 bytes. */
async function privateFolder(account: Account | undefined): Promise<string> {
  const base = process.platform === 'win32' ? tmpdir() : '/tmp';
  const folder = await mkdtemp(join(base, 'tabularium-'));
  if (account) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Any number that is the same in every version of Tabularium. */
const lockKey = 7_461_627;

/**
 * One server per data folder: it holds an advisory lock in a session of its own. The lock goes when its holder dies,
 * however it dies, which no file with a process id in it does; and nobody can take it twice.
 */
async function takeLock(
  options: EmbeddedOptions,
  dataDir: string,
  keeper: Keeper,
  log: StartLog,
  lose: (why: StartError) => void,
) {
  let released = false;
  let retaking: Promise<void> | undefined;
  const sql = postgres({
    ...options,
    // As in `connect`: a failure of it would end the process.
    fetch_types: false,
    max: 1,
    max_lifetime: null,
    backoff: () => 0.2,
    connection: { application_name: `tabularium ${process.pid}` },
    onclose: () => {
      if (released || !held || retaking) return;
      retaking = retake().then(() => {
        retaking = undefined;
      }, lose);
    },
  });
  const tryLock = async (): Promise<boolean> => {
    const [row] = await sql<[{ locked: boolean }]>`select pg_try_advisory_lock(${lockKey}) as locked`;
    return row.locked;
  };
  // Postgres restarts its sessions when one of them crashes, or has ended itself; the lock must be ours again.
  const retake = async (): Promise<void> => {
    const { pid } = keeper.postmaster;
    log.warn(`Postgres (process ${pid}) closed the session that keeps other servers off ${dataDir}.`);
    while (!released) {
      await keeper.revive();
      if (await tryLock().catch(() => false)) return;
      await sleep(200);
    }
  };

  let held = false;
  try {
    // A holder that was killed this instant has a session that needs some milliseconds to notice.
    for (let tries = 0; !held && tries < 20; tries++) {
      if (tries > 0) await sleep(50);
      held = await tryLock();
    }
    if (!held) {
      const [holder] = await sql<{ name: string }[]>`
        select application_name as name from pg_locks join pg_stat_activity using (pid)
        where locktype = 'advisory' and classid = 0 and objid = ${lockKey} and granted`;
      throw new StartError(
        `Another server already runs on ${dataDir} (${holder?.name.replace('tabularium', 'process') ?? 'just ended'}): ` +
          'stop it, or give this one another folder with --data-dir.',
      );
    }
  } catch (error) {
    await sql.end({ timeout: 1 });
    if (error instanceof StartError) throw error;
    const { pid } = keeper.postmaster;
    throw new StartError(
      `Postgres (process ${pid}) runs on ${dataDir} but cannot be reached (${(error as Error).message}): ` +
        `stop it with \`kill -INT ${pid}\` and start again.`,
      { cause: error },
    );
  }
  return {
    release: async () => {
      released = true;
      await retaking;
    },
    end: () => sql.end({ timeout: 1 }),
  };
}
