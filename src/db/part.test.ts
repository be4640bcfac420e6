import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts';
import { nothing, part } from './part.ts';
import { connectSingle } from './pool.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

test('a part stands in the statements of any connection, as often as it is named, and in other parts', async () => {
  const one = part`${1}::int`;
  const three = part`${one} + ${part`${2}::int`}`;
  const other = connectSingle(database.sql);
  for (const sql of [database.sql, other, database.sql])
    expect(await sql`select ${one} as one, ${three} as three, ${'x'}::text as x ${nothing}`).toEqual([
      { one: 1, three: 3, x: 'x' },
    ]);
  await other.end();
});

test('a list in a part is a list', async () => {
  const listed = part`unnest(${['a', 'b"']}::text[]) as t (name)`;
  expect(await database.sql`select name from ${listed}`).toEqual([{ name: 'a' }, { name: 'b"' }]);
});
