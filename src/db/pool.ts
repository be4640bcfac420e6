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

/** The object identifiers of Postgres' json and jsonb. */
const json = 114;
const jsonb = 3802;

const jsonAsText = {
  to: json,
  from: [json, jsonb],
  serialize: (text: string) => text,
  parse: (text: string) => text,
};
