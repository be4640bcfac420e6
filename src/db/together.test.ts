import { afterAll, beforeEach, expect, test } from 'vitest';
import type { SharedChange } from '../contract/operation.ts';
import { freshDatabase } from '../testing/fresh-database.ts';
import { atOnce } from '../testing/wire.ts';
import { createTogether } from './together.ts';

const database = await freshDatabase();
const { sql } = database;
await sql`create table noted (n int primary key, together boolean not null)`;
beforeEach(() => sql`truncate noted`);
afterAll(() => database.drop());

let statements = 0;
beforeEach(() => {
  statements = 0;
});
const together = createTogether((change) => {
  statements++;
  return change(sql);
});

/** Notes even numbers only. */
const note: SharedChange<number> = async (tag, numbers) => {
  const even = numbers.filter((n) => n % 2 === 0);
  await tag`insert into noted select n, true from unnest(${even as never}::int[]) n`;
  return even.map((n) => numbers.indexOf(n));
};
const noteAlone = async (n: number) => {
  statements++;
  await sql`insert into noted values (${n}, false)`;
  return n;
};
const noted = async () =>
  (await sql`select n, together from noted order by n`).map(({ n, together }) => [n, together]);

test('what comes at once leaves in few statements, and what those have not done is done alone', async () => {
  const answers = await atOnce(250, (n) => together(note, n, () => noteAlone(n)));
  expect(answers).toEqual(answers.map((_, n) => (n % 2 === 0 ? undefined : n)));
  expect(await noted()).toEqual(answers.map((_, n) => [n, n % 2 === 0]));
  expect(statements).toBe(3 + 125);
});

test('what comes while two are under way leaves with the next', async () => {
  const answers = await atOnce(3, async (n) => {
    for (let i = 0; i < 30; i++) await together(note, 60 * i + 2 * n, () => noteAlone(60 * i + 2 * n));
  });
  expect(answers).toHaveLength(3);
  expect(await noted()).toHaveLength(90);
  expect(statements).toBeLessThan(90);
});

test('what comes alone is done alone', async () => {
  expect(await together(note, 2, () => noteAlone(2))).toBe(2);
  expect(await noted()).toEqual([[2, false]]);
});

test('where one is refused, all are done alone, and it alone fails', async () => {
  await sql`insert into noted values (4, true)`;
  const answers = await Promise.allSettled([2, 4, 6].map((n) => together(note, n, () => noteAlone(n))));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(answers[1]).toMatchObject({ reason: { code: '23505' } });
  expect(await noted()).toEqual([
    [2, false],
    [4, true],
    [6, false],
  ]);
  // And the next ones go on.
  expect(await together(note, 8, () => noteAlone(8))).toBe(8);
});
