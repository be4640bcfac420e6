import { MlflowError } from '../contract/error.ts';
import type { Sql } from '../contract/sql.ts';
import { oldestSchema } from './migrate.ts';
import { connectSingle } from './pool.ts';

/** How long the database may take to answer, in milliseconds: less than a prober waits. */
const patience = 2_000;

/** How long an answer stands, in milliseconds: whoever asks more often asks the database no more often. */
const standing = 1_000;

/** Resolves where the database answers and has the migrations that this program needs; throws (503) where not. */
export type Readiness = () => Promise<void>;

/**
 * Asks on a connection of its own, to the same database as the pool: a server whose pool is busy is slow but ready,
 * and a load balancer that took it out would give its requests to servers that are as busy.
 */
export function createReadiness(pool: Sql): Readiness {
  let client = connectSingle(pool);
  let answer: Promise<void> | undefined;
  return () => {
    answer ??= ask().finally(() => {
      setTimeout(() => {
        answer = undefined;
      }, standing).unref();
    });
    return answer;
  };

  async function ask(): Promise<void> {
    const question = askForMigration(client);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable('The database does not answer in time.')), patience);
    });
    try {
      const newest = await Promise.race([question, late]);
      if (newest < oldestSchema)
        throw unavailable(
          `The database is at migration ${newest}, this program needs ${oldestSchema} or later.`,
        );
    } catch (error) {
      // Behind a network that swallows packets, an old connection would wait long after it is well again.
      question.catch(() => {});
      client.end({ timeout: 0 }).catch(() => {});
      client = connectSingle(pool);
      if (error instanceof MlflowError) throw error;
      throw unavailable('The database does not answer.', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}

async function askForMigration(sql: Sql): Promise<number> {
  const [row] = await sql`select coalesce(max(number), 0) as number from tabularium.migrations`;
  return row?.number;
}

const unavailable = (message: string, options?: ErrorOptions) =>
  new MlflowError('TEMPORARILY_UNAVAILABLE', message, options);
