/** A type of Postgres. */
export type FieldType = 'text' | 'integer' | 'bigint' | 'float8' | 'boolean';

/** The tables of an MLflow database; its schema grew from release to release. */
export interface MlflowSchema {
  has(table: string, column?: string): boolean;
  /** All tables whose rows may be read, also those that we know nothing of. */
  readonly readable: readonly string[];
  /** The column that tells in which order the rows of a table were inserted, as far as the database knows it. */
  readonly rowOrder: 'ctid' | 'rowid';
}

/** One kind of record: where it stands in MLflow's tables, how in a file, and where in ours. */
export interface Kind {
  /** As lines of a file say it. */
  readonly name: string;
  /** The fields of a record, in the order of a line. */
  readonly fields: Readonly<Record<string, FieldType>>;
  /** The fields that order MLflow's rows; no two rows have the same. The first of them has an index. */
  readonly key: readonly string[];
  /** MLflow's rows, columns named as the fields; undefined where its schema has none yet. Postgres and SQLite take it. */
  readonly mlflow: (db: MlflowSchema) => string | undefined;
  /** Our rows, columns named as the fields. */
  readonly ours: string;
  /** The order of our rows in a file: written in this order they are there again in the same. */
  readonly order: string;
  /**
   * Statements that write a batch, whose records are the rows of `s`, with their place in it as `line`. What belongs to
   * something that is not there is left out, which the counts show at the end.
   */
  readonly write: readonly string[];
  /** Selects `what`, in words, of the records of `s` that are there already. */
  readonly taken?: string;
  /** What has to be rendered again behind a batch, whose records have workspace, name, and for versions, version. */
  readonly renders?: 'models' | 'versions';
}

/** The head of a statement: `s`, the records of a batch, which is the list `$1` of JSON. */
export function recordsOf({ fields }: Kind): string {
  const typed = Object.entries(fields).map(([name, type]) => `${name} ${type}`);
  return `with s as (
    select * from rows from (json_to_recordset($1::json) as (${typed.join(', ')}))
      with ordinality as s (${Object.keys(fields).join(', ')}, line))`;
}

/** Selects the lines of a kind from rows that have its fields as columns. */
export const linesOf = ({ name, fields }: Kind, rows: string): string =>
  `select row_to_json(l)::text as line from (select '${name}' as kind, ${Object.keys(fields).join(', ')} from (${rows}) r) l`;
