import postgres from 'postgres';
import type { Query, Sql } from '../contract/sql.ts';

/** One connection that runs one transaction at a time. */
interface Lane {
  readonly sql: Sql;
  /** What the transaction under way still waits for. */
  readonly open: Set<Query>;
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
  const open = new Set<Query>();
  const onclose = () => {
    // It would connect again and send them without their `begin`.
    for (const query of open) query.cancel();
  };
  const options = { ...pool.options, max: 1, onclose } as object;
  return { sql: postgres(options) as Sql, open };
}

async function run({ sql, open }: Lane, changes: (sql: Sql) => readonly Query[]) {
  const queries: readonly Query[] = [sql`begin`, ...changes(sql), sql`commit`];
  for (const query of queries) open.add(query);
  const results = await Promise.allSettled(queries.map((query) => query.finally(() => open.delete(query))));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return results
    .slice(1, -1)
    .map((result) => (result as PromiseFulfilledResult<Record<string, unknown>[]>).value);
}
