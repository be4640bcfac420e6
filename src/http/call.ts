import { auditInsert } from '../audit/record.ts';
import type { Call, Settings } from '../contract/operation.ts';
import { everything } from '../contract/scope.ts';
import type { Query, Sql } from '../contract/sql.ts';

/** The ways to the database, handed in by `app.ts`. */
export interface Database {
  ask<T>(question: (sql: Sql) => Promise<T>): Promise<T>;
  pipeline(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]>;
  readonly watch: WatchDatabase;
}

/** Surrounds each use of the database by a request, to count or to trace it; throws and answers what `use` does. */
export type WatchDatabase = <T>(verb: 'read' | 'write' | 'transaction', use: () => Promise<T>) => Promise<T>;

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
    read: (question) => db.watch('read', () => db.ask(question)),
    write: (change) => db.watch('write', () => db.ask(change)),
    transaction: (changes) => db.watch('transaction', () => db.pipeline(changes)),
    record(sql, entry, from) {
      recordings++;
      return auditInsert(sql, author, entry, from);
    },
    get recordings() {
      return recordings;
    },
  };
}
