import { readdir, readFile } from 'node:fs/promises';
import type { Sql } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';

const folder = new URL('../../migrations/', import.meta.url);

interface Migration {
  readonly number: number;
  readonly name: string;
}

async function listMigrations(): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}-.+\.sql$/.test(file)).sort();
  return files.map((name) => ({ number: Number(name.slice(0, 4)), name }));
}

/**
 * Brings the schema `tabularium` to the newest migration, one transaction each, forward only.
 *
 * Inserting the number is the lock: of two servers that start at once, one waits for the other's commit and then
 * goes on behind it.
 *
 * @returns the names of the migrations that were applied.
 * @throws StartError when the database is newer than this program.
 */
export async function migrate(sql: Sql): Promise<string[]> {
  const migrations = await listMigrations();
  await createBookkeeping(sql);
  const newest = migrations.at(-1)?.number ?? 0;
  const [row] = await sql`select coalesce(max(number), 0) as number from tabularium.migrations`;
  if (row && row.number > newest)
    throw new StartError(
      `The database is at migration ${row.number}, this program knows only ${newest}: start a newer tabularium, or restore the database from before its upgrade.`,
    );
  const applied: string[] = [];
  for (const migration of migrations) if (await apply(sql, migration)) applied.push(migration.name);
  return applied;
}

async function createBookkeeping(sql: Sql): Promise<void> {
  const [there] = await sql`select to_regnamespace('tabularium') is not null as schema,
    to_regclass('tabularium.migrations') is not null as table`;
  // Not "if not exists" alone: it asks for the right to create, also where a database administrator has done it.
  if (!there?.schema) await sql`create schema if not exists tabularium`.catch(ifMadeMeanwhile);
  if (!there?.table)
    await sql`create table if not exists tabularium.migrations (
      number integer primary key, name text not null, applied_at timestamptz not null default now())`.catch(
      ifMadeMeanwhile,
    );
}

/** "If not exists" of two sessions at once can still collide on the catalogue's own unique indexes. */
function ifMadeMeanwhile(error: { code?: string }): void {
  if (!madeMeanwhile.has(error.code)) throw error;
}

/** A row of the catalogue, a schema, a table, and the type that comes with the table. */
const madeMeanwhile: ReadonlySet<string | undefined> = new Set(['23505', '42P06', '42P07', '42710']);

async function apply(sql: Sql, { number, name }: Migration): Promise<boolean> {
  return sql.begin(async (tx) => {
    const inserted = await tx`insert into tabularium.migrations (number, name) values (${number}, ${name})
      on conflict (number) do nothing`;
    if (inserted.count === 0) return false;
    await tx.unsafe(await readFile(new URL(name, folder), 'utf8'));
    return true;
  }) as Promise<boolean>;
}

/**
 * Creates the trigram indexes that substring searches use, where the extension pg_trgm may be created.
 *
 * @returns false where it may not: searches then work without the indexes.
 */
export async function createTrigramIndexes(sql: Sql): Promise<boolean> {
  const text = await readFile(new URL('trigrams.sql', folder), 'utf8');
  const names = [...text.matchAll(/^create index if not exists (\w+)/gm)].map((match) => match[1] as string);
  const [row] = await sql`select count(*)::int as there from pg_indexes
    where schemaname = 'tabularium' and indexname in ${sql(names)}`;
  if (row?.there === names.length) return true;
  return sql.begin(async (tx) => {
    // One server at a time: also with "if not exists", the later of two that create the same at once fails.
    await tx`select pg_advisory_xact_lock(hashtext('tabularium.trigrams'))`;
    const created = await tx
      .savepoint((attempt) => attempt`create extension if not exists pg_trgm`)
      .then(
        () => true,
        () => false,
      );
    if (!created) return false;
    // The extension may lie in any schema; its operator class is found by the search path.
    await tx`select set_config('search_path', (select n.nspname from pg_extension e
      join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'), true)`;
    await tx.unsafe(text);
    return true;
  }) as Promise<boolean>;
}
