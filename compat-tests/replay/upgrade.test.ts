import { randomBytes } from 'node:crypto';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { migrate, oldestSchema, readMigrations } from '../../src/db/migrate.ts';
import { connect } from '../../src/db/pool.ts';
import { type FreshDatabase, freshDatabase } from '../../src/testing/fresh-database.ts';
import { everLater, makeApp, type TestApp } from '../../src/testing/make-app.ts';
import { allowedFor, expectedAnswer } from './expected.ts';
import { play } from './player.ts';
import { steps } from './steps.ts';

/** While an upgrade is under way, this program answers as ever on the schema from before it and from after it. */

const log = pino({ level: 'silent' });
const role = `replay_${randomBytes(6).toString('hex')}`;

let database: FreshDatabase;
let app: TestApp | undefined;
afterEach(async () => {
  await app?.close();
  await database.drop();
});

async function answersAsEver(besides: (step: string) => boolean = () => false): Promise<void> {
  const answers = await play(steps, (request) => (app as TestApp).request(request), 'http://127.0.0.1:5000');
  const names = steps.map(({ name }) => name).filter((name) => !besides(name));
  const of = (answer: (name: string) => unknown) =>
    Object.fromEntries(names.map((name) => [name, answer(name)]));
  expect(of((name) => answers.get(name))).toEqual(of(expectedAnswer));
}

test('on the oldest schema, with a role that may not change it', async () => {
  database = await freshDatabase('template0');
  const { sql, options } = database;
  const known = await readMigrations();
  const newer = known.filter(({ number }) => number > oldestSchema).map(({ name }) => name);
  const { applied } = await migrate(
    sql,
    log,
    known.filter(({ number }) => number <= oldestSchema),
  );
  expect(applied).toHaveLength(known.length - newer.length);
  await sql`create role ${sql(role)} login password 'replay'`;
  await sql`grant usage on schema tabularium to ${sql(role)}`;
  await sql`grant select, insert, update, delete on all tables in schema tabularium to ${sql(role)}`;
  await sql`grant usage on all sequences in schema tabularium to ${sql(role)}`;
  const own = connect({ ...options, user: role, password: 'replay' });
  const drop = async () => {
    await own.end({ timeout: 1 });
    await sql`drop owned by ${sql(role)}`;
    await sql`drop role ${sql(role)}`;
  };
  expect(await migrate(own, log)).toEqual({ applied: [], missing: newer });
  app = await makeApp({}, { sql: own, drop }, everLater());
  // Nothing can be copied there: versions stay pointers.
  await answersAsEver((step) => allowedFor(step).some(({ copies }) => copies));
}, 60_000);

test('on the schema of a newer program, which has added to every table', async () => {
  database = await freshDatabase();
  const { sql } = database;
  const known = await readMigrations();
  const newest = known.at(-1)?.number as number;
  const tables =
    await sql`select relname as name from pg_class where relkind in ('r', 'p') and not relispartition
    and relnamespace = 'tabularium'::regnamespace and relname <> 'migrations'`;
  expect(tables.length).toBeGreaterThan(20);
  const additions = tables.map(
    ({ name }) => `alter table tabularium.${name} add column added text not null default 'added';\n`,
  );
  const next = { number: 9999, name: '9999-next.sql', text: additions.join(''), worksFrom: newest };
  expect((await migrate(sql, log, [...known, next])).applied).toEqual(['9999-next.sql']);
  expect(await migrate(sql, log)).toEqual({ applied: [], missing: [] });
  app = await makeApp({}, { sql, drop: async () => {} }, everLater());
  await answersAsEver();
}, 60_000);
