import { invalidParameter } from '../contract/error.ts';
import type { Fragment, Sql } from '../contract/sql.ts';
import type { Comparison } from './parse.ts';

/** Values beyond this length are indexed by their beginning only: a btree refuses rows over about 2,700 bytes. */
const indexedLength = 256;

/** All of the conditions; true where there are none. */
export const allOf = (sql: Sql, conditions: readonly Fragment[]): Fragment =>
  conditions.reduce((list, one) => sql`${list} and ${one}`, sql`true`);

/**
 * A comparison over a text column. Where the column is `collate "C"`, ILIKE needs the default collation: "C" folds ASCII only.
 * As in MLflow, backslash escapes in patterns, and a row without a value fits no comparison.
 */
export function compileText(sql: Sql, column: Fragment, { comparator, value }: Comparison): Fragment {
  if (Array.isArray(value)) {
    const list = value.map(String);
    return comparator === 'NOT IN'
      ? sql`${column} <> all(${list}::text[])`
      : sql`${column} = any(${list}::text[])`;
  }
  const text = String(value);
  switch (comparator) {
    case '=':
      return sql`${column} = ${text}`;
    case '!=':
      return sql`${column} <> ${text}`;
    case '<':
      return sql`${column} < ${text}`;
    case '<=':
      return sql`${column} <= ${text}`;
    case '>':
      return sql`${column} > ${text}`;
    case '>=':
      return sql`${column} >= ${text}`;
    case 'LIKE':
      return compileLike(sql, column, pattern(text));
    case 'ILIKE':
      return sql`${column} collate "default" ilike ${pattern(text)}`;
    case 'RLIKE':
      return sql`${column} ~ ${text}`;
    default:
      throw unexpected(comparator);
  }
}

/**
 * LIKE. A known beginning is stated as a range beside it: Postgres finds that range by itself only while it plans anew
 * for each pattern, which it stops doing. Without one only trigrams help, which are indexed on the default collation.
 * The rows are the same in all three.
 */
function compileLike(sql: Sql, column: Fragment, text: string): Fragment {
  const beginning = /^[^%_\\]*/.exec(text)?.[0] ?? '';
  if (beginning === '') return sql`${column} collate "default" like ${text}`;
  const end = successor(beginning);
  if (end === undefined) return sql`${column} like ${text}`;
  return sql`(${column} collate "C" >= ${beginning} and ${column} collate "C" < ${end} and ${column} like ${text})`;
}

/** The least text behind all that begin with this one, in byte order; undefined where there is none. */
function successor(text: string): string | undefined {
  const characters = [...text];
  const last = (characters.pop() ?? '').codePointAt(0) ?? 0;
  if (last >= 0x10ffff) return undefined;
  // Between the two lie the halves of surrogate pairs, which are no characters.
  return characters.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
}

/** The same over a column that is indexed on `left(column, 256)`: values of tags and parameters. */
export function compileLongText(sql: Sql, column: Fragment, comparison: Comparison): Fragment {
  const whole = compileText(sql, column, comparison);
  if (comparison.comparator !== '=') return whole;
  // The cut is the index expression; 256 stands in the text, since a parameter there would hide it from the planner.
  const cut = [...String(comparison.value)].slice(0, indexedLength).join('');
  return sql`left(${column}, 256) = ${cut} and ${whole}`;
}

type NumberType = 'int8' | 'float8';

/**
 * A comparison over a number column. Integers that do not fit an int8 column are compared as numeric. To Postgres NaN is
 * greater than all numbers: where MLflow says otherwise, as of runs' metrics, the store leaves it out.
 */
export function compileNumber(
  sql: Sql,
  column: Fragment,
  { comparator, value }: Comparison,
  type: NumberType,
): Fragment {
  if (Array.isArray(value)) {
    const list = value.filter(fitsInt8).map(String);
    return comparator === 'NOT IN'
      ? sql`${column} <> all(${list}::int8[])`
      : sql`${column} = any(${list}::int8[])`;
  }
  const operand = compileOperand(sql, value, type);
  switch (comparator) {
    case '=':
      return sql`${column} = ${operand}`;
    case '!=':
      return sql`${column} <> ${operand}`;
    case '<':
      return sql`${column} < ${operand}`;
    case '<=':
      return sql`${column} <= ${operand}`;
    case '>':
      return sql`${column} > ${operand}`;
    case '>=':
      return sql`${column} >= ${operand}`;
    default:
      throw unexpected(comparator);
  }
}

const fitsInt8 = (value: unknown): value is bigint =>
  typeof value === 'bigint' && BigInt.asIntN(64, value) === value;

function compileOperand(sql: Sql, value: Comparison['value'], type: NumberType): Fragment {
  if (type === 'float8') return sql`${Number(value)}::float8`;
  if (fitsInt8(value)) return sql`${value}::int8`;
  if (typeof value === 'number' && !Number.isFinite(value)) return sql`${String(value)}::float8`;
  return sql`${String(value)}::numeric`;
}

/** Postgres refuses such a pattern only when a row gets that far; we always do. */
function pattern(text: string): string {
  if (/(?<!\\)(?:\\\\)*\\$/.test(text))
    throw invalidParameter('LIKE pattern must not end with escape character');
  return text;
}

/** The grammar let a comparator through that its column cannot have. */
const unexpected = (comparator: string) => new TypeError(`no SQL for comparator ${comparator}`);
