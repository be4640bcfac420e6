import type { Sql } from '../contract/sql.ts';
import { connectionBroke, connectSingle } from './pool.ts';

export type Ask = <T>(question: (sql: Sql) => Promise<T>) => Promise<T>;

export interface Asks {
  /** For questions that may take their time. */
  readonly ask: Ask;
  /** For questions that Postgres answers at once, as a row by its key: nothing slow may stand before them. */
  readonly find: Ask;
}

/** One connection, which questions share: postgres.js sends them one behind the other without waiting. */
interface Line {
  readonly sql: Sql;
  /** How to refuse the questions under way. */
  readonly asked: Set<(error: Error) => void>;
  /** Its connection is over: another follows. */
  giveUp(): void;
}

/** Connections for `find`, besides those of the pool. */
export const findLines = 2;

/**
 * Makes the functions that put questions to the database, on as many connections as the pool may have and two more.
 * They are opened when they are needed.
 *
 * Each is a client of a single connection, which is given up when the connection breaks. A client of postgres.js (3.4.9)
 * keeps the statement it broke under, and takes for its answer what Postgres says to the next connection: where Postgres
 * lets none begin, the client tries again and again without telling anybody; where it does, the next statement is refused
 * with the error of the last.
 */
export function createAsk(pool: Sql, connections = pool.options.max): Asks {
  const open = (count: number) => {
    const lines: Line[] = [];
    for (let at = 0; at < count; at++) lines[at] = openLine(pool, (next) => (lines[at] = next));
    return lines;
  };
  const lines = open(connections);
  const quick = open(findLines);

  // What is asked in one turn of the event loop leaves in one write, and Postgres wakes once for all of it.
  let turn: Line | undefined;
  const lineOfTurn = (): Line => {
    if (turn && quick.includes(turn)) return turn;
    turn = leastBusy(quick);
    setImmediate(() => {
      turn = undefined;
    });
    return turn;
  };

  return {
    ask: (question) => put(leastBusy(lines), question),
    find: (question) => put(lineOfTurn(), question),
  };
}

const leastBusy = (lines: readonly Line[]): Line =>
  lines.reduce((least, line) => (line.asked.size < least.asked.size ? line : least));

/** @param replace takes the line that follows this one when its connection has broken. */
function openLine(pool: Sql, replace: (next: Line) => void): Line {
  let isOver = false;
  const giveUp = () => {
    if (isOver) return;
    isOver = true;
    replace(openLine(pool, replace));
    for (const refuse of line.asked) refuse(connectionBroke());
    // What it has not sent yet, it would send on another connection.
    line.sql.end({ timeout: 0 }).catch(() => {});
  };
  // At the end of its lifetime a busy connection would refuse the questions behind it.
  const sql = connectSingle(pool, { max_lifetime: null, onclose: giveUp });
  const line: Line = { sql, asked: new Set(), giveUp };
  return line;
}

const put = <T>({ sql, asked, giveUp }: Line, question: (sql: Sql) => Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    const answered = question(sql);
    asked.add(reject);
    answered.then(
      (answer) => {
        asked.delete(reject);
        resolve(answer);
      },
      (error) => {
        asked.delete(reject);
        // It closes after that: what is asked in between would be refused with it.
        if (error.severity === 'FATAL') giveUp();
        reject(error);
      },
    );
  });
