import cluster from 'node:cluster';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import { artifactPlaces } from './artifact-places.ts';
import type { Config, Database } from './config.ts';
import type { ExternalDatabase } from './config-database.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import { createAsk } from './db/ask.ts';
import { startEmbedded } from './db/embedded.ts';
import { createTrigramIndexes, migrate } from './db/migrate.ts';
import { connect, type DatabaseOptions, keepsPreparedStatements } from './db/pool.ts';
import { createConnector } from './db/socket.ts';
import { createPipeline, type Pipeline } from './db/transaction.ts';
import { closeUnconfirmed } from './handoff.ts';
import { gatherMetricsOfWorkers } from './http/prometheus.ts';
import { repeat } from './jobs/repeat.ts';
import type { ArtifactPlaces } from './objects/locate.ts';
import { ensureDefaultExperiment } from './resources/experiments/store.ts';
import { Pinner } from './resources/pins/pinner.ts';
import { sweepPins } from './resources/pins/sweep.ts';
import { Uploads } from './resources/pins/uploads.ts';
import { renderWaiting } from './resources/runs/documents.ts';
import { createUiInstaller } from './server-ui.ts';
import { startTelemetry } from './telemetry.ts';

/** Bytes of a request before its body: a filter travels in the URL, of which MLflow's web server takes as much. */
const longestHead = 65_536;

/** Between two looks of a job for work, in milliseconds. */
const jobPause = 1_000;

/** Between two looks for copies of versions that nobody needs any more, in milliseconds. */
const unusedPause = 10 * 60 * 1000;

/** How long the end waits for a copy that is being made, in milliseconds. */
const stopTime = 5_000;

/** Between two looks for what crashes left of uploads, and how old that must be to be no upload any more; milliseconds. */
const sweepPause = 60 * 60 * 1000;
const leftoverAge = 24 * 60 * 60 * 1000;

/** How long requests that are under way may take after the signal to stop, in milliseconds. */
const drainTime = 30_000;

export interface OpenDatabase {
  readonly options: DatabaseOptions;
  /** Where the data lies, for a person; without a password. */
  readonly place: string;
  stop(): Promise<void>;
}

/** Starts our own Postgres, or says how to reach the one that is there. */
export async function openDatabase(database: Database, log: Logger): Promise<OpenDatabase> {
  if (database.kind === 'external')
    return {
      options: await throughPooler(database, log),
      place: database.display,
      stop: async () => {},
    };
  const embedded = await startEmbedded({ dataDir: database.dataDir, log });
  embedded.lost.then((why) => {
    process.stderr.write(`tabularium: ${why.message}\n`);
    process.exit(1);
  });
  // "ssl" is said outright, because postgres.js takes the PG… variables for what is not said.
  return {
    options: { ...embedded.options, ssl: false },
    place: database.dataDir,
    stop: () => embedded.stop(),
  };
}

/** The options of an outside Postgres, as what stands in front of it allows them. */
async function throughPooler({ options, display }: ExternalDatabase, log: Logger): Promise<DatabaseOptions> {
  const kept = await keepsPreparedStatements(options).catch((error: Error) => {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `The database ${display} cannot be reached (${error.message}): check --backend-store-uri.`,
    );
  });
  if (kept) return options;
  log.info(
    'The database is reached through a pooler that keeps no prepared statements (such as PgBouncer before 1.21): statements are sent unprepared.',
  );
  return { ...options, prepare: false };
}

/** The oldest Postgres that is served, as `server_version_num` counts. */
const oldestPostgres = 150_000;

/**
 * Brings the database to the newest migration.
 *
 * @returns the migrations that the role may not make, but without which this program works.
 */
async function prepare(sql: Sql, place: string, log: Logger): Promise<string[]> {
  const [server] = await sql`select current_setting('server_version_num')::int as version,
    to_regclass('alembic_version') is not null as mlflow, to_regclass('tabularium.migrations') is null as empty`;
  if (server?.version < oldestPostgres)
    throw new StartError(
      `The database ${place} is older than Postgres 15: upgrade it, or leave --backend-store-uri out.`,
    );
  if (server?.mlflow && server.empty)
    log.warn(
      "This database holds MLflow's own tables: they are left alone, and Tabularium starts empty beside them.",
    );
  const { applied, missing } = await migrate(sql, log);
  for (const name of applied) log.info({ migration: name }, 'migrated');
  if (!(await createTrigramIndexes(sql)))
    log.warn('The extension pg_trgm may not be created in this database: LIKE searches work, but slower.');
  return missing;
}

/** Does the work of a command in a database that has been opened, brought up to date without a migration missing; closes it. */
export async function inDatabase<T>(
  opened: OpenDatabase,
  log: Logger,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = connect({ ...opened.options, max: 2 });
  try {
    const [missing] = await prepare(sql, opened.place, log);
    if (missing)
      throw new StartError(
        `The role of the database URI may not make the migration ${missing}: use the role that owns the schema tabularium.`,
      );
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
    await opened.stop();
  }
}

export async function runMigrate(database: Database, log: Logger): Promise<void> {
  const opened = await openDatabase(database, log);
  await inDatabase(opened, log, async () => {
    process.stdout.write(`The database ${opened.place} is up to date.\n`);
  });
}

/** What a start has opened so far, each with its way to close it. */
type Closers = (() => Promise<unknown>)[];

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** Runs a start so that a signal, at any moment of it or after it, and a failure close what it has opened. */
async function startWith(log: Logger, start: (closers: Closers) => Promise<void>): Promise<void> {
  const closers: Closers = [];
  let stopping = false;
  onStop(async (signal) => {
    stopping = true;
    log.info({ signal }, 'stopping');
    await closeAll(closers);
  });
  try {
    await start(closers);
  } catch (error) {
    // A start fails when its database is closed under it; the signal ends the process.
    if (stopping) return;
    await closeAll(closers);
    throw error;
  }
}

/** Opens the database and brings it to the newest migration; nothing with `--artifacts-only`. */
async function openPrepared(
  config: Config,
  log: Logger,
  closers: Closers,
): Promise<OpenDatabase | undefined> {
  if (config.artifactsOnly) return undefined;
  const opening = openDatabase(config.database, log);
  closers.push(async () => (await opening.catch(() => undefined))?.stop());
  const database = await opening;
  const sql = connect({ ...database.options, max: 2 });
  try {
    const missing = await prepare(sql, database.place, log);
    if (missing.length > 0)
      log.warn(
        { missing },
        'The role of the database URI may not change the schema; this program works without the missing migrations until `tabularium migrate` is run with the role that owns it.',
      );
    await ensureDefaultExperiment(sql, config.settings);
  } finally {
    await sql.end({ timeout: 5 });
  }
  return database;
}

/** One process: database, migrations, server; until a signal. */
export const runServer = (config: Config, log: Logger): Promise<void> =>
  startWith(log, async (closers) => {
    const database = await openPrepared(config, log, closers);
    const ui = createUiInstaller(config.ui);
    const server = await serve(config, log, database?.options ?? {}, ui.progress, closers);
    announce(config, (server.address() as AddressInfo).port, database?.place);
    closers.push(ui.stop);
    ui.start();
  });

/** Connects, builds the app and listens. */
async function serve(
  config: Config,
  log: Logger,
  options: DatabaseOptions,
  uiProgress: () => string,
  closers: Closers,
): Promise<ServerType> {
  if (config.telemetry) closers.push(await startTelemetry(log));
  const sql = connect({ ...options, socket: createConnector() });
  closers.push(() => sql.end({ timeout: 5 }));
  const { defaultArtifactRoot } = config.settings;
  const places = artifactPlaces({ ...config, defaultArtifactRoot });
  if (!config.artifactsOnly) {
    const transaction = createPipeline(sql, 1);
    closers.push(repeat('documents of runs', jobPause, log, () => renderWaiting(transaction)));
    closers.push(...keepPins(places, sql, transaction, log));
  }
  closers.push(repeat('leftovers of uploads', sweepPause, log, () => sweepUploads(places)));
  const server = await listen(config, sql, log, uiProgress);
  closers.push(() => drain(server));
  return server;
}

/** `--workers N`: this process keeps the database and N others that serve; one that dies is replaced. */
export const runPrimary = (config: Config, log: Logger): Promise<void> =>
  startWith(log, async (closers) => {
    const database = await openPrepared(config, log, closers);
    if (config.exposePrometheus) gatherMetricsOfWorkers();
    let stopping = false;
    closers.push(async () => {
      stopping = true;
      const all = workers();
      for (const worker of all) worker.process.kill('SIGTERM');
      await Promise.all(all.map((worker) => (worker.isDead() ? undefined : once(worker, 'exit'))));
    });
    const workers = () => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    const ui = createUiInstaller(config.ui, (uiProgress) => {
      for (const worker of workers()) if (worker.isConnected()) worker.send({ uiProgress });
    });
    const start = () => {
      const worker = cluster.fork();
      closeUnconfirmed(worker);
      worker.send({ options: serializable(database?.options ?? {}) });
      worker.send({ uiProgress: ui.progress() });
    };
    let failures = 0;
    const port = await new Promise<number>((resolve) => {
      let served = false;
      cluster.on('listening', (_worker, address) => {
        served = true;
        failures = 0;
        resolve(address.port);
      });
      cluster.on('exit', async (worker, code, signal) => {
        if (stopping) return;
        log.error({ pid: worker.process.pid, code, signal }, 'a worker ended');
        failures++;
        if (served && failures <= config.workers * 3) return start();
        process.stderr.write('tabularium: the workers end as soon as they start; the lines above say why.\n');
        await closeAll(closers);
        process.exit(1);
      });
      for (let i = 0; i < config.workers; i++) start();
    });
    announce(config, port, database?.place);
    closers.push(ui.stop);
    ui.start();
  });

/** Functions do not pass between processes; the workers make theirs from their own command line. */
const serializable = (options: DatabaseOptions): DatabaseOptions => JSON.parse(JSON.stringify(options));

/** One of the workers: the primary tells it the database. What JSON cannot carry comes from its own command line. */
export async function runWorker(config: Config, log: Logger): Promise<void> {
  let progress = '';
  process.on('message', ({ uiProgress }: { uiProgress?: string }) => {
    if (uiProgress !== undefined) progress = uiProgress;
  });
  const [message] = (await once(process, 'message')) as [{ options: DatabaseOptions }];
  const own = config.database.kind === 'external' ? config.database.options : {};
  await startWith(log, async (closers) => {
    await serve(config, log, { ...message.options, ...own }, () => progress, closers);
  });
}

/** Makes the copies of registered versions that are due, and removes those that nobody needs. @returns what ends it. */
function keepPins(places: ArtifactPlaces, sql: Sql, transaction: Pipeline, log: Logger): Closers {
  const { ask } = createAsk(sql, 1);
  const pinner = new Pinner({ ask, transaction, places, uploads: new Uploads(ask), log });
  const endCopies = repeat('copies of versions', jobPause, log, () => pinner.takeUp());
  return [
    async () => {
      pinner.stop();
      // A large file is copied in one go: whoever comes next begins it anew.
      await Promise.race([endCopies(), sleep(stopTime, undefined, { ref: false })]);
    },
    repeat('unused copies', unusedPause, log, () => ask((tag) => sweepPins(tag, places))),
  ];
}

async function sweepUploads({ folders, buckets }: ArtifactPlaces): Promise<boolean> {
  for (const { objects, readOnly } of [...folders, ...buckets])
    if (!readOnly) await objects.sweep(leftoverAge);
  return false;
}

async function listen(config: Config, sql: Sql, log: Logger, uiProgress: () => string): Promise<ServerType> {
  const app = buildApp({ sql, config, clock: Date.now, log, uiProgress });
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(config.tls && { createServer: createTlsServer }),
    serverOptions: { ...config.tls, maxHeaderSize: longestHead },
  } as Parameters<typeof createAdaptorServer>[0]) as ServerType;
  if ('keepAliveTimeout' in server) {
    server.keepAliveTimeout = config.keepAliveSeconds * 1000;
    // An upload may take as long as it takes.
    server.requestTimeout = 0;
  }
  server.listen(config.port, config.host);
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new StartError(
        `Port ${config.port} on ${config.host} is in use: stop what listens there, or choose another with --port.`,
      );
    throw new StartError(
      `Cannot listen on ${config.host}:${config.port} (${error.message}): choose others with --host and --port.`,
    );
  });
  return server;
}

function announce(config: Config, port: number, place: string | undefined): void {
  const host = config.host === '0.0.0.0' || config.host === '::' ? '127.0.0.1' : config.host;
  const url = `${config.tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${config.staticPrefix}`;
  process.stdout.write(`
  Tabularium answers on ${url}
  ${place === undefined ? 'Only artifacts are served; there is no database.' : `Data:      ${place}`}
  ${config.serveArtifacts ? `Artifacts: ${config.artifactsDestination}` : 'Artifacts: not served'}

  Try it from Python (pip install mlflow):

    import mlflow
    mlflow.set_tracking_uri("${url}")
    mlflow.MlflowClient().create_registered_model("my-first-model")

`);
}

/** Finishes the requests that are under way; what takes longer than the drain time is cut off. */
export async function drain(server: ServerType): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A client that keeps its connection busy would hold the server up.
  server.prependListener('request', (_, response: ServerResponse) =>
    response.setHeader('connection', 'close'),
  );
  if ('closeIdleConnections' in server) {
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), drainTime).unref();
  }
  await closed;
}

/** A ctrl-C reaches the process twice, from the terminal and from the launcher; one that comes later means it. */
const impatient = 1_000;

/**
 * Runs `stop` on the first signal, or when the launcher dies (it holds the other end of our channel), and ends the
 * process with this code. A second signal ends it at once.
 */
export function onStop(stop: (signal: string) => Promise<void>, exitCode = 0): void {
  let since: number | undefined;
  const begin = (signal: string) => {
    if (since !== undefined) {
      if (Date.now() - since > impatient) process.exit(1);
      return;
    }
    since = Date.now();
    stop(signal).then(
      () => process.exit(exitCode),
      (error: Error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, begin);
  process.once('disconnect', () => begin('disconnect'));
  // The launcher's channel alone must not keep a process that is done alive; a worker listens through its own.
  if (cluster.isPrimary) process.channel?.unref();
}
