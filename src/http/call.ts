import { auditInsert } from '../audit/record.ts';
import type { AuditEntry, Call, CallSettings, SharedChange } from '../contract/operation.ts';
import { everything } from '../contract/scope.ts';
import type { Fragment, Query, Sql } from '../contract/sql.ts';

/** The ways to the database, handed in by `app.ts`. */
export interface Database {
  ask<T>(question: (sql: Sql) => Promise<T>): Promise<T>;
  /** The same for what Postgres answers at once. */
  find<T>(question: (sql: Sql) => Promise<T>): Promise<T>;
  readonly together: Call['writeTogether'];
  pipeline(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]>;
  /** Surrounds each use of the database by a request, to count or to trace it; undefined where nobody looks. */
  readonly watch: WatchDatabase | undefined;
}

/** Throws and answers what `use` does. */
export type WatchDatabase = <T>(verb: 'read' | 'write' | 'transaction', use: () => Promise<T>) => Promise<T>;

/** What a call gets of the server: the same for all requests. */
export interface CallContext {
  readonly db: Database;
  readonly settings: CallSettings;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** What one request may do, and which audit rows it asked for. */
export class RunningCall implements Call {
  readonly scope = everything;
  readonly actor = 'anonymous';
  readonly action: string;
  readonly requestId: string;
  readonly now: bigint;
  readonly settings: CallSettings;
  readonly recorded = new Set<AuditEntry>();
  readonly #db: Database;

  constructor({ db, settings, clock }: CallContext, action: string, requestId: string) {
    this.action = action;
    this.requestId = requestId;
    this.now = BigInt(clock());
    this.settings = settings;
    this.#db = db;
  }

  read<T>(question: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#watched('read', () => this.#db.ask(question));
  }

  find<T>(question: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#watched('read', () => this.#db.find(question));
  }

  write<T>(change: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#watched('write', () => this.#db.ask(change));
  }

  writeTogether<Item, T>(
    shared: SharedChange<Item>,
    item: Item,
    alone: () => Promise<T>,
  ): Promise<T | undefined> {
    return this.#db.together(shared, item, alone);
  }

  transaction(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]> {
    return this.#watched('transaction', () => this.#db.pipeline(changes));
  }

  record(entry: AuditEntry, from: Fragment): Fragment {
    this.recorded.add(entry);
    return auditInsert(this, entry, from);
  }

  #watched<T>(verb: Parameters<WatchDatabase>[0], use: () => Promise<T>): Promise<T> {
    const { watch } = this.#db;
    return watch ? watch(verb, use) : use();
  }
}
