import { auditInsert } from '../audit/record.ts';
import type { Call, Settings } from '../contract/operation.ts';
import { everything } from '../contract/scope.ts';
import type { Query, Sql } from '../contract/sql.ts';

/** The ways to the database, handed in by `app.ts`. */
export interface Database {
  readonly sql: Sql;
  pipeline(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]>;
}

/** What one request may do, and how many audit rows it asked for. */
export interface RunningCall extends Call {
  readonly recordings: number;
}

export function makeCall(
  db: Database,
  settings: Settings,
  clock: () => number,
  action: string,
  requestId: string,
): RunningCall {
  let recordings = 0;
  const author = { scope: everything, actor: 'anonymous', action, requestId };
  return {
    requestId,
    scope: everything,
    actor: author.actor,
    now: BigInt(clock()),
    settings,
    read: (question) => question(db.sql),
    write: (change) => change(db.sql),
    transaction: db.pipeline,
    record(sql, entry, from) {
      recordings++;
      return auditInsert(sql, author, entry, from);
    },
    get recordings() {
      return recordings;
    },
  };
}
