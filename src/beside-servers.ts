import type { Logger } from 'pino';
import type { Config, Database } from './config.ts';
import { MlflowError } from './contract/error.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import { findEmbedded } from './db/embedded.ts';
import { inDatabase, type OpenDatabase, openDatabase } from './server.ts';

/** Where a server that was started with the same options keeps what it has. */
export type StorageConfig = Pick<Config, 'database' | 'artifactsDestination' | 's3'> & {
  readonly defaultArtifactRoot: string;
};

/** Does the work of a command on the database of servers that may run; what they would refuse is a StartError. */
export async function besideServers<T>(
  database: Database,
  log: Logger,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  return inDatabase(await open(database, log), log, work).catch((error) => {
    throw error instanceof MlflowError ? new StartError(error.message, { cause: error }) : error;
  });
}

/** Our own Postgres serves one server; beside it this uses the one that the server has started. */
async function open(database: Database, log: Logger): Promise<OpenDatabase> {
  if (database.kind === 'external') return openDatabase(database, log);
  const options = await findEmbedded(database.dataDir);
  if (options === 'none')
    throw new StartError(
      `There is no database in ${database.dataDir}: name the server's with --data-dir or --backend-store-uri.`,
    );
  if (!options) return openDatabase(database, log);
  return { options: { ...options, ssl: false }, place: database.dataDir, stop: async () => {} };
}
