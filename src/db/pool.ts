import postgres, { type Options } from 'postgres';
import type { Sql } from '../contract/sql.ts';

export type DatabaseOptions = Options<Record<string, never>>;

/**
 * Opens the pool. Columns of type int8 arrive as bigint; json and jsonb arrive as text, because what Postgres has
 * rendered goes to the client unparsed.
 */
export function connect(options: DatabaseOptions): Sql {
  return postgres({
    max: 8,
    idle_timeout: 300,
    connect_timeout: 10,
    // Seconds until a connect that failed is tried again; by itself it grows to 20, which a request would wait for.
    backoff: () => 0.2,
    onnotice: () => {},
    ...options,
    types: { bigint: postgres.BigInt, json: jsonAsText },
  });
}

/**
 * Whether a statement that is prepared on a connection is still there at its next transaction. It is not behind a
 * pooler that gives each transaction any connection of its own (PgBouncer in transaction mode), unless the pooler keeps
 * account of the statements (PgBouncer from 1.21 on): then connect with `prepare: false`.
 *
 * Postgres names the number of its process to who connects, a pooler names one that it has made up; and one that keeps
 * account of the statements has given ours another name.
 *
 * @throws the error of a connect that fails.
 */
export async function keepsPreparedStatements(options: DatabaseOptions): Promise<boolean> {
  const sql = connect({ ...options, max: 1, fetch_types: false });
  try {
    const rows = await sql`select name, pg_backend_pid() as pid from pg_prepared_statements`;
    const direct = rows.some(({ pid }) => pid === rows.state.pid);
    return direct || !rows.some(({ name }) => name === rows.statement.name);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The object identifiers of Postgres' json and jsonb. */
const json = 114;
const jsonb = 3802;

const jsonAsText = {
  to: json,
  from: [json, jsonb],
  serialize: (text: string) => text,
  parse: (text: string) => text,
};
