import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fragment, Sql } from '../contract/sql.ts';
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts';
import { compileLongText, compileNumber, compileText } from './compile.ts';
import type { Comparison, Value } from './parse.ts';

let database: FreshDatabase;
let sql: Sql;

beforeAll(async () => {
  database = await freshDatabase();
  sql = database.sql;
  await sql`create table samples (id int primary key, word text collate "C", whole bigint, real float8)`;
  await sql`insert into samples values
    (1, 'apple', 1, 0.5), (2, 'Äpfel', 2, 'NaN'), (3, 'a%c', 9223372036854775807, 'Infinity'), (4, null, null, null),
    (5, ${'x'.repeat(300)}, -3, -1)`;
  await sql`create index samples_word on samples (left(word, 256))`;
});
afterAll(() => database.drop());

const comparing = (comparator: string, value: Value): Comparison => ({
  type: 'attribute',
  key: 'k',
  comparator,
  value,
});

async function idsWhere(condition: Fragment): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`select id from samples where ${condition} order by id`;
  return rows.map(({ id }) => id);
}

describe('text', () => {
  test.each<[string, Value, number[]]>([
    ['=', 'apple', [1]],
    ['=', "a' or '1'='1", []],
    ['!=', 'apple', [2, 3, 5]],
    ['LIKE', 'A%', []],
    ['LIKE', 'a%', [1, 3]],
    ['LIKE', 'a\\%c', [3]],
    ['ILIKE', 'APP%', [1]],
    ['ILIKE', 'äPFEL', [2]],
    ['RLIKE', '^a.*[ce]$', [1, 3]],
    ['<', 'apple', [3]],
    ['<=', 'apple', [1, 3]],
    ['>', 'b', [2, 5]],
    ['>=', 'apple', [1, 2, 5]],
    ['IN', ['apple', 'a%c', 'none'], [1, 3]],
    ['IN', [], []],
    ['NOT IN', ['apple'], [2, 3, 5]],
    ['=', 'x'.repeat(300), [5]],
    ['=', 'x'.repeat(299), []],
  ])('%s %j', async (comparator, value, ids) => {
    const one = comparing(comparator, value);
    expect(await idsWhere(compileText(sql, sql`word`, one))).toEqual(ids);
    expect(await idsWhere(compileLongText(sql, sql`word`, one))).toEqual(ids);
  });

  test('LIKE finds what begins with the text, up to the last character there is', async () => {
    const words = ['a', 'ab', 'b', 'ä', 'äx', 'z', '\ud7ffx', '\ue000x', '😀x', '\u{10ffff}x', 'a_b', 'a%b'];
    await sql`create table beginnings (word text collate "C")`;
    await sql`insert into beginnings select unnest(${words}::text[])`;
    for (const beginning of [...words, 'ä', '\ud7ff', '😀', '\u{10ffff}']) {
      const escaped = beginning.replace(/[%_]/g, '\\$&');
      const condition = compileText(sql, sql`word`, comparing('LIKE', `${escaped}%`));
      const rows = await sql<{ word: string }[]>`select word from beginnings where ${condition}`;
      expect(rows.map(({ word }) => word).sort()).toEqual(
        words.filter((word) => word.startsWith(beginning)).sort(),
      );
    }
  });

  test('a pattern that ends in an escape is refused before Postgres does', () => {
    const refused = 'LIKE pattern must not end with escape character';
    expect(() => compileText(sql, sql`word`, comparing('LIKE', 'a\\'))).toThrow(refused);
    expect(() => compileText(sql, sql`word`, comparing('ILIKE', 'a\\\\\\'))).toThrow(refused);
    expect(() => compileText(sql, sql`word`, comparing('LIKE', 'a\\\\'))).not.toThrow();
  });

  test('equality of long text uses the index on its beginning', async () => {
    const one = comparing('=', 'x'.repeat(300));
    const plan = await sql.begin(async (tx) => {
      await tx`set local enable_seqscan = off`;
      return tx`explain select from samples where ${compileLongText(tx as unknown as Sql, tx`word`, one)}`;
    });
    expect(JSON.stringify(plan)).toContain('samples_word');
  });
});

describe('numbers', () => {
  const huge = 99999999999999999999999n;
  test.each<[string, Value, number[]]>([
    ['=', 1n, [1]],
    ['!=', 1n, [2, 3, 5]],
    ['<', 2n, [1, 5]],
    ['<=', 2n, [1, 2, 5]],
    ['>', 1.5, [2, 3]],
    ['>=', 9223372036854775807n, [3]],
    ['<', huge, [1, 2, 3, 5]],
    ['=', huge, []],
    ['>', -huge, [1, 2, 3, 5]],
    ['<', Infinity, [1, 2, 3, 5]],
    ['IN', [1n, 2n, huge], [1, 2]],
    ['NOT IN', [1n, huge], [2, 3, 5]],
  ])('bigint %s %s', async (comparator, value, ids) => {
    expect(await idsWhere(compileNumber(sql, sql`whole`, comparing(comparator, value), 'int8'))).toEqual(ids);
  });

  test.each<[string, Value, number[]]>([
    ['>', 0, [1, 2, 3]],
    ['=', 0.5, [1]],
    ['<=', 0.5, [1, 5]],
    ['=', Infinity, [3]],
    ['!=', Number.NaN, [1, 3, 5]],
  ])('double %s %s', async (comparator, value, ids) => {
    expect(await idsWhere(compileNumber(sql, sql`real`, comparing(comparator, value), 'float8'))).toEqual(
      ids,
    );
  });
});
