import type { AuditEntry, Call, Settings } from '../contract/operation.ts';
import { defaultWorkspace, type Scope } from '../contract/scope.ts';
import type { Fragment, Query, Sql } from '../contract/sql.ts';

/** The ways to the database, handed in by `app.ts`. */
export interface Database {
  readonly sql: Sql;
  pipeline(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]>;
  auditInsert(
    sql: Sql,
    author: { scope: Scope; actor: string; action: string; requestId: string },
    entry: AuditEntry,
    from: Fragment,
  ): Fragment;
}

const everything: Scope = { workspace: defaultWorkspace, visible: 'all' };

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
      return db.auditInsert(sql, author, entry, from);
    },
    get recordings() {
      return recordings;
    },
  };
}
