import type { Sql } from '../contract/sql.ts';

export type Ask = <T>(question: (sql: Sql) => Promise<T>) => Promise<T>;

/** What Postgres says when it ends a session: on an operator's word, and after a crash of another one. */
const farewells: ReadonlySet<unknown> = new Set(['57P01', '57P02']);

/**
 * Makes the function that puts statements to the pool. postgres.js (3.4.9) keeps the farewell of a connection that broke
 * under a statement, and gives it to the first statement of the next connection in its place: that one was not sent, so it
 * is put again, once for each connection that may have such a farewell.
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
