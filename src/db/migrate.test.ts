import pino from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Sql } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';
import { createTrigramIndexes, type Migration, migrate, oldestSchema, readMigrations } from './migrate.ts';
import { connect } from './pool.ts';

/** Databases that nobody has migrated yet, unlike those of `freshDatabase()`. */
const server = inject('postgres');
const names = [
  ...['migrate_empty', 'migrate_race', 'migrate_trigrams', 'migrate_extension'],
  ...['migrate_newer', 'migrate_poor', 'migrate_mlflow'],
  ...['migrate_before', 'migrate_after', 'migrate_lock', 'migrate_index', 'migrate_none', 'migrate_column'],
];
let admin: Sql;
const log = pino({ level: 'silent' });
const open = (name: string, more: object = {}) => connect({ ...server, database: name, max: 4, ...more });

async function dropAll(): Promise<void> {
  for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`;
  await admin`drop role if exists migrate_poor`;
  await admin`drop role if exists migrate_user`;
}

beforeAll(async () => {
  admin = connect({ ...server, database: 'postgres', max: 1 });
  await dropAll();
  for (const name of names) await admin`create database ${admin(name)}`;
});
afterAll(async () => {
  await dropAll();
  await admin.end();
});

async function within<T>(name: string, use: (sql: Sql) => Promise<T>, more: object = {}): Promise<T> {
  const sql = open(name, more);
  return use(sql).finally(() => sql.end());
}

test('an empty database gets every migration, once', async () => {
  await within('migrate_empty', async (sql) => {
    const { applied, missing } = await migrate(sql, log);
    expect(applied[0]).toBe('0001-registry.sql');
    expect(missing).toEqual([]);
    expect(await migrate(sql, log)).toEqual({ applied: [], missing: [] });
    expect(await createTrigramIndexes(sql)).toBe(true);
    expect(await createTrigramIndexes(sql)).toBe(true);
  });
});

test('two servers that start at once apply each migration once between them', async () => {
  const migrateOnce = () => within('migrate_race', (sql) => migrate(sql, log));
  const all = (await Promise.all([migrateOnce(), migrateOnce()])).flatMap(({ applied }) => applied);
  expect(all.toSorted()).toEqual([...new Set(all)].toSorted());
  expect(all).toContain('0001-registry.sql');
});

test.each(['migrate_trigrams', 'migrate_extension'])(
  'servers that start at once all find the indexes (%s)',
  async (name) => {
    await within(name, (sql) => migrate(sql, log));
    if (name === 'migrate_extension') await within(name, (sql) => sql`create extension pg_trgm`);
    const servers = Array.from({ length: 8 }, () => within(name, createTrigramIndexes));
    expect(await Promise.all(servers)).toEqual(servers.map(() => true));
  },
);

test('a database of a newer program is refused in one sentence', async () => {
  await within('migrate_newer', async (sql) => {
    await migrate(sql, log);
    await sql`insert into tabularium.migrations (number, name) values (9000, 'of the future')`;
    await expect(migrate(sql, log)).rejects.toThrow(StartError);
    await expect(migrate(sql, log)).rejects.toThrow(
      /^The database is at migration 9000, this program knows only \d+: /,
    );
  });
});

/** A migration that nobody has written yet. */
const future = (text: string, worksFrom = 1): Migration => ({
  number: 9000,
  name: '9000-future.sql',
  text,
  worksFrom,
});

test('a database that a newer program has changed is served where its migrations allow it', async () => {
  await within('migrate_after', async (sql) => {
    const known = await readMigrations();
    const newest = known.at(-1)?.number as number;
    const addition = future('create table tabularium.added (id integer)', newest);
    expect((await migrate(sql, log, [...known, addition])).applied).toContain('9000-future.sql');
    expect(await migrate(sql, log)).toEqual({ applied: [], missing: [] });
    await expect(migrate(sql, log, known.slice(0, -1))).rejects.toThrow(
      `The database is at migration 9000, this program knows only ${known.at(-2)?.number}: `,
    );
  });
});

test('a migration says in its file which programs go on after it, else only those that know it', async () => {
  for (const { number, text, worksFrom } of await readMigrations()) {
    if (!text.includes('works with programs from')) expect(worksFrom).toBe(number);
    else expect(worksFrom).toBeLessThan(number);
  }
});

test('the bookkeeping of the first programs gets its new column, and takes what they write', async () => {
  await within('migrate_column', async (sql) => {
    await sql`create schema tabularium`;
    await sql`create table tabularium.migrations (
      number integer primary key, name text not null, applied_at timestamptz not null default now())`;
    await migrate(sql, log);
    await sql`insert into tabularium.migrations (number, name) values (9000, 'by a first program')`;
    await expect(migrate(sql, log)).rejects.toThrow('The database is at migration 9000');
  });
});

/** A role that may use the tables, and change none of them. */
const asUser = <T>(name: string, use: (sql: Sql) => Promise<T>): Promise<T> =>
  within(name, use, { user: 'migrate_user', password: 'user' });

test('a role that may not change the schema goes on without what the program does not need', async () => {
  await admin`create role migrate_user login password 'user'`;
  await within('migrate_before', async (sql) => {
    await migrate(sql, log);
    await sql`grant usage on schema tabularium to migrate_user`;
    await sql`grant select, insert, update, delete on all tables in schema tabularium to migrate_user`;
  });
  const known = [...(await readMigrations()), future('alter table tabularium.runs add column added integer')];
  await asUser('migrate_before', async (sql) => {
    expect(await migrate(sql, log, known)).toEqual({ applied: [], missing: ['9000-future.sql'] });
    expect(await createTrigramIndexes(sql)).toBe(false);
  });
  await within('migrate_before', (sql) => migrate(sql, log, known));
  await asUser('migrate_before', async (sql) => {
    expect(await migrate(sql, log, known)).toEqual({ applied: [], missing: [] });
  });
});

test('a role that may not make what the program needs is told so in one sentence', async () => {
  const refused = asUser('migrate_none', (sql) => migrate(sql, log));
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow(
    new RegExp(
      `may not change the schema .* at migration ${oldestSchema} or later: run \`tabularium migrate\``,
    ),
  );
});

test('a migration that waits for a long transaction does not hold up who comes behind it', async () => {
  await within('migrate_lock', async (sql) => {
    await migrate(sql, log);
    const waited = Promise.withResolvers<string>();
    const known = [
      ...(await readMigrations()),
      future('alter table tabularium.runs add column added integer'),
    ];
    let migrating: Promise<unknown> | undefined;
    await within('migrate_lock', (other) =>
      other.begin(async (tx) => {
        await tx`select from tabularium.runs`;
        migrating = migrate(sql, { warn: waited.resolve }, known);
        expect(await waited.promise).toMatch('9000-future.sql waits');
        await within('migrate_lock', (reader) => reader`select from tabularium.runs`);
      }),
    );
    expect(await migrating).toMatchObject({ applied: ['9000-future.sql'] });
  });
});

test('an index is built beside writers, once, also where two servers start and a build has failed before', async () => {
  const text = `drop index concurrently if exists tabularium.later;
create index concurrently later on tabularium.runs (name);\n`;
  const build = async () => {
    const known = [...(await readMigrations()), future(text)];
    return within('migrate_index', async (sql) => (await migrate(sql, log, known)).applied, { max: 1 });
  };
  await within('migrate_index', async (sql) => {
    await migrate(sql, log);
    // What a build that was broken off leaves behind.
    await sql`create index later on tabularium.runs (name)`;
    await sql`update pg_index set indisvalid = false where indexrelid = 'tabularium.later'::regclass`;
    const applied = await Promise.all([build(), build(), build()]);
    expect(applied.flat()).toEqual(['9000-future.sql']);
    const [index] =
      await sql`select indisvalid from pg_index where indexrelid = 'tabularium.later'::regclass`;
    expect(index?.indisvalid).toBe(true);
  });
});

test('without the right to create pg_trgm everything else is there', async () => {
  await admin`create role migrate_poor login password 'poor'`;
  // pg_trgm is a trusted extension: who may create schemas may create it, so the schema is made beforehand.
  await within('migrate_poor', (sql) => sql`create schema tabularium authorization migrate_poor`);
  await within(
    'migrate_poor',
    async (sql) => {
      await migrate(sql, log);
      expect(await createTrigramIndexes(sql)).toBe(false);
      const [row] = await sql`select count(*)::int as models from tabularium.registered_models`;
      expect(row?.models).toBe(0);
    },
    { user: 'migrate_poor', password: 'poor' },
  );
});

test('the tables of an MLflow in the same database are left alone', async () => {
  await within('migrate_mlflow', async (sql) => {
    await sql`create table public.registered_models (name text primary key)`;
    await sql`insert into public.registered_models values ('theirs')`;
    await migrate(sql, log);
    expect([...(await sql`select name from public.registered_models`)]).toEqual([{ name: 'theirs' }]);
  });
});
