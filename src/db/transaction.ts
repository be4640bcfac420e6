import type { Query, Sql } from '../contract/sql.ts';
import { connectionBroke, connectSingle } from './pool.ts';

/** One connection that runs one transaction at a time. */
interface Lane {
  sql: Sql;
  /** The statements of the transaction under way. */
  queries: readonly Query[];
  /** Ends that transaction. */
  refuse(error: Error): void;
}

export type Pipeline = (changes: (sql: Sql) => readonly Query[]) => Promise<Record<string, unknown>[][]>;

/**
 * Makes the function that sends `begin`, the statements and `commit` on one connection without waiting between
 * them: one round trip. It has `lanes` connections besides those of the pool, to the same database.
 *
 * When a statement fails, those behind it are refused by Postgres and its `commit` rolls back, so the first error
 * is the one that is thrown and nothing has happened.
 */
export function createPipeline(pool: Sql, lanes = 8): Pipeline {
  const free = Array.from({ length: lanes }, () => openLane(pool));
  const waiting: ((lane: Lane) => void)[] = [];
  return async (changes) => {
    const lane = free.pop() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
    try {
      return await run(lane, changes);
    } finally {
      lane.queries = [];
      lane.refuse = () => {};
      const next = waiting.shift();
      if (next) next(lane);
      else free.push(lane);
    }
  };
}

/**
 * A client of a single connection, not `pool.reserve()`: where the connection breaks, postgres.js (3.4.9) leaves the
 * statements of a reserved one waiting for ever, writes to its closed socket, and after a connect that failed gives
 * a later connection to nobody.
 */
function openLane(pool: Sql): Lane {
  const lane: Lane = { sql: connectSingle(pool, { onclose }), queries: [], refuse: () => {} };
  return lane;

  function onclose(): void {
    // It would connect again and send without their `begin` those that it has not sent yet, which have no state.
    for (const query of lane.queries) if ((query as { state?: unknown }).state === null) query.cancel();
    lane.refuse(connectionBroke());
    // It would also tell what ended this connection to the first statement of the next.
    lane.sql = connectSingle(pool, { onclose });
  }
}

async function run(lane: Lane, changes: (sql: Sql) => readonly Query[]) {
  const { sql } = lane;
  const queries: readonly Query[] = [sql`begin`, ...changes(sql), sql`commit`];
  lane.queries = queries;
  const broken = new Promise<never>((_, reject) => {
    lane.refuse = reject;
  });
  const results = await Promise.race([Promise.allSettled(queries), broken]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return results
    .slice(1, -1)
    .map((result) => (result as PromiseFulfilledResult<Record<string, unknown>[]>).value);
}
