import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Sql } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';
import { createTrigramIndexes, migrate } from './migrate.ts';
import { connect } from './pool.ts';

/** Databases that nobody has migrated yet, unlike those of `freshDatabase()`. */
const server = inject('postgres');
const names = [
  ...['migrate_empty', 'migrate_race', 'migrate_trigrams', 'migrate_extension'],
  ...['migrate_newer', 'migrate_poor', 'migrate_mlflow'],
];
let admin: Sql;
const open = (name: string, more: object = {}) => connect({ ...server, database: name, max: 4, ...more });

async function dropAll(): Promise<void> {
  for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`;
  await admin`drop role if exists migrate_poor`;
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
    const applied = await migrate(sql);
    expect(applied[0]).toBe('0001-registry.sql');
    expect(await migrate(sql)).toEqual([]);
    expect(await createTrigramIndexes(sql)).toBe(true);
    expect(await createTrigramIndexes(sql)).toBe(true);
  });
});

test('two servers that start at once apply each migration once between them', async () => {
  const applied = await Promise.all([within('migrate_race', migrate), within('migrate_race', migrate)]);
  const all = applied.flat();
  expect(all.toSorted()).toEqual([...new Set(all)].toSorted());
  expect(all).toContain('0001-registry.sql');
});

test.each(['migrate_trigrams', 'migrate_extension'])(
  'servers that start at once all find the indexes (%s)',
  async (name) => {
    await within(name, migrate);
    if (name === 'migrate_extension') await within(name, (sql) => sql`create extension pg_trgm`);
    const servers = Array.from({ length: 8 }, () => within(name, createTrigramIndexes));
    expect(await Promise.all(servers)).toEqual(servers.map(() => true));
  },
);

test('a database of a newer program is refused in one sentence', async () => {
  await within('migrate_newer', async (sql) => {
    await migrate(sql);
    await sql`insert into tabularium.migrations (number, name) values (9000, 'of the future')`;
    await expect(migrate(sql)).rejects.toThrow(StartError);
    await expect(migrate(sql)).rejects.toThrow(
      /^The database is at migration 9000, this program knows only \d+: /,
    );
  });
});

test('without the right to create pg_trgm everything else is there', async () => {
  await admin`create role migrate_poor login password 'poor'`;
  // pg_trgm is a trusted extension: who may create schemas may create it, so the schema is made beforehand.
  await within('migrate_poor', (sql) => sql`create schema tabularium authorization migrate_poor`);
  await within(
    'migrate_poor',
    async (sql) => {
      await migrate(sql);
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
    await migrate(sql);
    expect([...(await sql`select name from public.registered_models`)]).toEqual([{ name: 'theirs' }]);
  });
});
