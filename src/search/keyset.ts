import { invalidParameter } from '../contract/error.ts';
import type { Fragment, Sql } from '../contract/sql.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';

/** One column of an order; none of them may hold null. */
export interface KeysetColumn {
  readonly column: Fragment;
  readonly type: 'text' | 'int8';
  readonly ascending: boolean;
}

/** The sort values of a row, to stand behind its document. */
export const sortValues = (sql: Sql, keys: readonly KeysetColumn[]): Fragment =>
  keys.map(({ column }) => column).reduce((list, one) => sql`${list}, ${one}`);

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
 * Cuts a page of at most `size` documents from rows that were asked for with `limit size + 1`, and makes the token of
 * the next page where there is one. Rows are `raw()`: the bytes of the document, then those of its sort values.
 */
export function cutPage(
  rows: readonly (readonly Uint8Array[])[],
  size: number,
  query: string,
): { documents: readonly Uint8Array[]; token: string | undefined } {
  const page = rows.slice(0, Math.max(size, 0));
  const documents = page.map(([wire]) => wire as Uint8Array);
  if (rows.length <= size) return { documents, token: undefined };
  // A page of none starts where it ends, as in MLflow.
  const after = page.at(-1)?.slice(1).map(String) ?? null;
  return { documents, token: encodePageToken({ query, after }) };
}
