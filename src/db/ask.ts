import type { Sql } from '../contract/sql.ts';
import { connectionBroke, connectSingle } from './pool.ts';

export type Ask = <T>(question: (sql: Sql) => Promise<T>) => Promise<T>;

/** One connection, which questions share: postgres.js sends them one behind the other without waiting. */
interface Line {
  readonly sql: Sql;
  /** How to refuse the questions under way. */
  readonly asked: Set<(error: Error) => void>;
}

/**
 * Makes the function that puts questions to the database, on as many connections as the pool may have.
 *
 * Each is a client of a single connection, which is given up when the connection breaks. A client of postgres.js (3.4.9)
 * keeps the statement it broke under, and takes for its answer what Postgres says to the next connection: where Postgres
 * lets none begin, the client tries again and again without telling anybody; where it does, the next statement is refused
 * with the error of the last.
 */
export function createAsk(pool: Sql): Ask {
  const lines = Array.from({ length: pool.options.max }, (_, at) => openLine(at));

  function openLine(at: number): Line {
    const onclose = () => {
      const { sql, asked } = line;
      lines[at] = openLine(at);
      for (const refuse of asked) refuse(connectionBroke());
      // What it has not sent yet, it would send on another connection.
      sql.end({ timeout: 0 }).catch(() => {});
    };
    // At the end of its lifetime a busy connection would refuse the questions behind it.
    const sql = connectSingle(pool, { max_lifetime: null, onclose });
    const line: Line = { sql, asked: new Set() };
    return line;
  }

  return async (question) => {
    const { sql, asked } = lines.reduce((least, line) => (line.asked.size < least.asked.size ? line : least));
    let refuse: (error: Error) => void = () => {};
    const broken = new Promise<never>((_, reject) => {
      refuse = reject;
    });
    asked.add(refuse);
    try {
      return await Promise.race([question(sql), broken]);
    } finally {
      asked.delete(refuse);
    }
  };
}
