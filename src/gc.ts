import type { Logger } from 'pino';
import { placesOfCommand } from './artifact-places.ts';
import type { Database } from './config.ts';
import { MlflowError } from './contract/error.ts';
import { everything } from './contract/scope.ts';
import { StartError } from './contract/start-error.ts';
import { findEmbedded } from './db/embedded.ts';
import { connect } from './db/pool.ts';
import type { S3Options } from './objects/s3-client.ts';
import { collectGarbage, type GarbageRequest } from './resources/garbage/collect.ts';
import { type OpenDatabase, openDatabase, prepareFully } from './server.ts';

export interface GarbageConfig {
  readonly database: Database;
  /** A local folder, absolute, or `s3://bucket/prefix`. */
  readonly artifactsDestination: string;
  readonly s3: S3Options;
  readonly defaultArtifactRoot: string;
  readonly request: GarbageRequest;
}

/** How long a registration may be under way that has seen a run which is deleted meanwhile, in milliseconds. */
const patience = 5_000;

/** `tabularium gc`; throws a StartError of one sentence for what cannot be done as asked. */
export async function runGc(config: GarbageConfig, log: Logger): Promise<void> {
  const opened = await openBesideServers(config.database, log);
  const sql = connect({ ...opened.options, max: 2 });
  try {
    await prepareFully(sql, opened.place, log);
    const places = placesOfCommand(config);
    const say = (line: string) => process.stdout.write(`${line}\n`);
    await collectGarbage({ sql, scope: everything, places, clock: Date.now, patience, say }, config.request);
  } catch (error) {
    throw error instanceof MlflowError ? new StartError(error.message, { cause: error }) : error;
  } finally {
    await sql.end({ timeout: 5 });
    await opened.stop();
  }
}

/** Our own Postgres serves one server; beside it this uses the one that the server has started. */
export async function openBesideServers(database: Database, log: Logger): Promise<OpenDatabase> {
  if (database.kind === 'external') return openDatabase(database, log);
  const options = await findEmbedded(database.dataDir);
  if (options === 'none')
    throw new StartError(
      `There is no database in ${database.dataDir}: name the server's with --data-dir or --backend-store-uri.`,
    );
  if (!options) return openDatabase(database, log);
  return { options: { ...options, ssl: false }, place: database.dataDir, stop: async () => {} };
}
