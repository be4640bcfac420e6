import { invalidParameter } from '../contract/error.ts';
import type { Fragment, Sql } from '../contract/sql.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';

/** One column of an order; none of them may hold null. */
export interface KeysetColumn {
  readonly column: Fragment;
  readonly type: 'text' | 'int8';
  readonly ascending: boolean;
}

export const orderBy = (sql: Sql, keys: readonly KeysetColumn[]): Fragment =>
  keys
    .map(({ column, ascending }) => (ascending ? sql`${column}` : sql`${column} desc`))
    .reduce((list, one) => sql`${list}, ${one}`);

/**
 * The rows behind the one with these sort values. Each column's range is stated before the choice within it, so that
 * an index on the columns starts at the right place instead of counting the rows before it.
 */
function behind(sql: Sql, keys: readonly KeysetColumn[], values: readonly string[]): Fragment {
  const [first, ...rest] = keys;
  if (!first) return sql`false`;
  const value = first.type === 'int8' ? sql`${values[0] as string}::int8` : sql`${values[0] as string}`;
  const strictly = first.ascending ? sql`${first.column} > ${value}` : sql`${first.column} < ${value}`;
  if (rest.length === 0) return strictly;
  const range = first.ascending ? sql`${first.column} >= ${value}` : sql`${first.column} <= ${value}`;
  return sql`${range} and (${strictly} or (${behind(sql, rest, values.slice(1))}))`;
}

/** Where a page starts, as its token says: the condition on the rows. Throws for a token of another search. */
export function startOfPage(
  sql: Sql,
  token: string | undefined,
  query: string,
  keys: readonly KeysetColumn[],
): Fragment {
  const after = decodePageToken(token, query);
  if (after === undefined || after === null) return sql`true`;
  if (!isKey(after, keys)) throw invalidParameter('Invalid page token, it belongs to another search');
  return behind(sql, keys, after);
}

const isKey = (after: unknown, keys: readonly KeysetColumn[]): after is string[] =>
  Array.isArray(after) &&
  after.length === keys.length &&
  after.every(
    (value, i) => typeof value === 'string' && (keys[i]?.type === 'text' || /^-?\d{1,18}$/.test(value)),
  );

/**
 * Cuts a page of at most `size` from rows that were asked for with `limit size + 1`, and makes the token of the next
 * page where there is one. `keyOf` gives a row's sort values in the order of the columns.
 */
export function cutPage<Row>(
  rows: readonly Row[],
  size: number,
  query: string,
  keyOf: (row: Row) => readonly (string | number | bigint)[],
): { page: readonly Row[]; token: string | undefined } {
  const page = rows.slice(0, Math.max(size, 0));
  if (rows.length <= size) return { page, token: undefined };
  const last = page.at(-1);
  // A page of none starts where it ends, as in MLflow.
  return {
    page,
    token: encodePageToken({ query, after: last === undefined ? null : keyOf(last).map(String) }),
  };
}
