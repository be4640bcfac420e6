import postgres, { type Options } from 'postgres';
import type { Sql } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';
import type { createConnector } from './socket.ts';

/** `socket`, which the types of postgres.js leave out, opens its connections. */
export type DatabaseOptions = Options<Record<string, never>> & {
  socket?: ReturnType<typeof createConnector>;
};

/**
 * Opens the pool. Columns of type int8 arrive as bigint; json and jsonb arrive as text, because what Postgres has
 * rendered goes to the client unparsed. Lists are taken as arrays of text, integer, int8 and float8; none arrive.
 */
export function connect(options: DatabaseOptions): Sql {
  return postgres({
    // By itself postgres.js (3.4.9) asks for all array types on each new connection, and where that fails, which any
    // pooler or restart can cause, nobody catches it and the process ends.
    fetch_types: false,
    max: 8,
    idle_timeout: 300,
    connect_timeout: 10,
    // Seconds until a connect that failed is tried again; by itself it grows to 20, which a request would wait for.
    backoff: () => 0.2,
    onnotice: () => {},
    ...options,
    connection: { ...options.connection, application_name: ownName(options.connection?.application_name) },
    types: { bigint: postgres.BigInt, json: jsonAsText, ...arrays },
  });
}

/** By this beginning the database knows that a program keeps the documents of runs itself (migration 0006). */
const ownName = (given = `${process.pid}`): string =>
  given.startsWith('tabularium/') ? given : `tabularium/${given}`;

/** A client of a single connection to the database of the pool. */
export const connectSingle = (pool: Sql, changes: { onclose?: () => void; max_lifetime?: null } = {}): Sql =>
  postgres({ ...pool.options, ...changes, max: 1 } as object) as Sql;

/** What a statement is told whose connection broke under it. */
export const connectionBroke = (): Error =>
  Object.assign(new Error('The connection broke.'), { code: 'CONNECTION_CLOSED' });

/**
 * Whether a statement that is prepared on a connection is still there at its next transaction; where it is not, connect
 * with `prepare: false`. It is not behind a pooler that gives each transaction any connection of its own (PgBouncer in
 * transaction mode), unless the pooler keeps account of the statements (PgBouncer from 1.21 on).
 *
 * Postgres names the number of its process to who connects, a pooler names one that it has made up; and one that keeps
 * account of the statements has given ours another name.
 *
 * @throws the error of a connect that fails; StartError behind a pooler that allows no transactions.
 */
export async function keepsPreparedStatements(options: DatabaseOptions): Promise<boolean> {
  const sql = connect({ ...options, max: 1 });
  try {
    const rows = await sql`select name, pg_backend_pid() as pid from pg_prepared_statements`;
    if (rows.some(({ pid }) => pid === rows.state.pid)) return true;
    await sql.unsafe('begin').catch((cause: Error) => {
      throw new StartError(
        `The pooler in front of the database ends a transaction (${cause.message}): PgBouncer needs pool_mode = transaction, or session.`,
        { cause },
      );
    });
    await sql.unsafe('commit');
    return !rows.some(({ name }) => name === rows.statement.name);
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

const arrayOf = (type: number) => ({
  to: type,
  from: [],
  serialize: arrayLiteral,
  parse: (text: string) => text,
});

/** The object identifiers of the array types. */
const arrays = {
  texts: arrayOf(1009),
  integers: arrayOf(1007),
  bigints: arrayOf(1016),
  floats: arrayOf(1022),
};

/** A list as Postgres writes it; what is none is taken for such a text. */
function arrayLiteral(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return `{${list.map((one) => (typeof one === 'string' ? quoted(one) : String(one))).join()}}`;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
