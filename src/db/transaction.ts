import type { Query, Sql } from '../contract/sql.ts';

/**
 * Sends `begin`, the statements and `commit` on one connection without waiting between them: one round trip.
 *
 * When a statement fails, those behind it are refused by Postgres and its `commit` rolls back, so the first error
 * is the one that is thrown and nothing has happened.
 */
export async function pipeline(
  sql: Sql,
  changes: (sql: Sql) => readonly Query[],
): Promise<Record<string, unknown>[][]> {
  const connection = await sql.reserve();
  try {
    const tag = connection as unknown as Sql;
    const results = await Promise.allSettled([tag`begin`, ...changes(tag), tag`commit`]);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results
      .slice(1, -1)
      .map((result) => (result as PromiseFulfilledResult<Record<string, unknown>[]>).value);
  } finally {
    connection.release();
  }
}
