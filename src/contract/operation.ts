import type { Rpcs } from '../generated/rpcs.ts';
import type { Scope } from './scope.ts';
import type { Fragment, Query, Sql } from './sql.ts';
import type { HostPolicy } from './uri.ts';

/** JSON that Postgres has rendered already, as text or in UTF-8; it goes to the client as it is, past the codec. */
export class Rendered {
  readonly json: string | Uint8Array<ArrayBuffer>;
  constructor(json: string | Uint8Array<ArrayBuffer>) {
    this.json = json;
  }
}

/** One line of the audit log. It must hold no secret. */
export interface AuditEntry {
  /**
   * What was changed, e.g. `registered-model` and `fraud-detector`, or `model-version` and `fraud-detector/3`; made of
   * the rows that were changed where only the database knows the number.
   */
  readonly kind: string;
  readonly name: string | ((from: Fragment) => Fragment);
  /** What changed, small: new stage, tag key, alias. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** What an operation may know of the configuration. */
export interface Settings extends HostPolicy {
  /** Where the artifacts of a new experiment go, without a trailing slash: `mlflow-artifacts:`, `file:///…`, `s3://…`. */
  readonly defaultArtifactRoot: string;
  /** MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX. */
  readonly sourceRegex: RegExp | undefined;
  /** How long a URL to download by holds where the request does not say it, in seconds. */
  readonly presignedSeconds: number;
}

/** Settings, with what is known once the artifact places are there. */
export interface CallSettings extends Settings {
  /** With `--strict-sources`, whether this server itself reads what lies there; undefined where anything may be named. */
  readonly mayPointTo: ((uri: string) => boolean) | undefined;
}

/**
 * A change that is made for several requests at once, in one statement that waits for no lock which is held for long. To
 * do an item twice must be to do it once.
 *
 * @returns the places of the items that are done, from 0 on.
 */
export type SharedChange<Item> = (sql: Sql, items: readonly Item[]) => Promise<readonly number[]>;

/** One request on its way through an operation: who asks, when, and the only ways to the database. */
export interface Call {
  readonly requestId: string;
  readonly scope: Scope;
  readonly actor: string;
  /** Milliseconds since the epoch, read once per request. */
  readonly now: bigint;
  readonly settings: CallSettings;

  /** A question. The tag that is handed in takes a connection per query. */
  read<T>(question: (sql: Sql) => Promise<T>): Promise<T>;

  /**
   * A question that Postgres answers at once, such as one for a row by its key: it waits for others of its kind only,
   * never behind a search.
   */
  find<T>(question: (sql: Sql) => Promise<T>): Promise<T>;

  /** A change that is one statement; a recorded one splices `record` into it. */
  write<T>(change: (sql: Sql) => Promise<T>): Promise<T>;

  /**
   * A change that many clients make at once, which leaves in one statement with those of its kind (decision 14).
   *
   * @param shared the same function each time; an item says all that it needs, also whose it is.
   * @param alone makes the change where it came alone, or was not done by the statement, and answers or throws for it.
   * @returns what `alone` answers; undefined where the statement did it.
   */
  writeTogether<Item, T>(
    shared: SharedChange<Item>,
    item: Item,
    alone: () => Promise<T>,
  ): Promise<T | undefined>;

  /**
   * A change of several statements: `begin`, the statements and `commit` leave in one round trip, in order.
   * Used where a row must be locked before the statement that decides takes its snapshot. Statements cannot see
   * each other's results in TypeScript; they must change nothing where the row they need is not there.
   */
  transaction(changes: (sql: Sql) => readonly Query[]): Promise<Record<string, unknown>[][]>;

  /**
   * The `insert` of the audit row, for a CTE of the changing statement or as its own statement:
   * `with changed as (update … returning 1), recorded as (${call.record(entry, part`changed`)}) select …`.
   * One row is written if `from` has any row. An operation has one entry, in whichever statement writes it in the end.
   */
  record(entry: AuditEntry, from: Fragment): Fragment;
}

export type Rpc = keyof Rpcs;

/** One RPC. Throws `MlflowError` for everything a client can cause. */
export type Operation<R extends Rpc> = (
  request: Rpcs[R]['request'],
  call: Call,
) => Promise<Rpcs[R]['response'] | Rendered>;

/** Operations by RPC, with whether a success leaves exactly one audit row. */
export type OperationTable<R extends Rpc> = {
  readonly [K in R]: { readonly run: Operation<K>; readonly recorded: boolean };
};
