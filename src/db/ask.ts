import type { Sql } from '../contract/sql.ts';

export type Ask = <T>(question: (sql: Sql) => Promise<T>) => Promise<T>;

/** What Postgres says when it ends a session, on an operator's word or after a crash, and when it lets none begin. */
const farewells: ReadonlySet<unknown> = new Set(['57P01', '57P02', '57P03', '53300']);

/**
 * Makes the function that puts statements to the pool. Where a connection broke under a statement, postgres.js (3.4.9)
 * keeps what Postgres said then, and gives it to the first statement of the next connection in its place: that one was
 * not sent, so it is put again, once for each connection that may keep such a farewell.
 */
export function createAsk(pool: Sql): Ask {
  return async (question) => {
    for (let farewell = 1; ; farewell++) {
      try {
        return await question(pool);
      } catch (error) {
        const { code } = error as { code?: unknown };
        if (!farewells.has(code) || farewell > pool.options.max) throw error;
      }
    }
  };
}
