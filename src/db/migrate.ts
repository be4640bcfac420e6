import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import type { Sql, Transaction } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';

const folder = new URL('../../migrations/', import.meta.url);

/** The oldest migration on which this program works; to be raised with the code that needs a newer one. */
export const oldestSchema = 7;

/** A numbered file of `migrations/`. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  /** A program whose newest migration is this one, or a later one, works on a database that has this migration. */
  readonly worksFrom: number;
}

/** The migrations that this program brings, in their order. */
export async function readMigrations(): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}-.+\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (name) => {
      const number = Number(name.slice(0, 4));
      const text = await readFile(new URL(name, folder), 'utf8');
      const worksFrom = Number(/^-- works with programs from: (\d{4})$/m.exec(text)?.[1] ?? number);
      return { number, name, text, worksFrom };
    }),
  );
}

/** Hears why a migration takes its time; a pino logger will do. */
interface MigrationLog {
  warn(message: string): void;
}

/**
 * Brings the schema `tabularium` to the newest migration, one transaction each, forward only. Servers that run may go
 * on meanwhile.
 *
 * Inserting the number is the lock: of two servers that start at once, one waits for the other's commit and then
 * goes on behind it.
 *
 * @returns the names of the migrations that were applied; and of those that are missing, since the role may not change
 *   the schema, but without which this program works.
 * @throws StartError when the database is too new for this program, or too old and the role may not change it.
 */
export async function migrate(
  sql: Sql,
  log: MigrationLog,
  migrations?: readonly Migration[],
): Promise<{ applied: string[]; missing: string[] }> {
  let pending = [...(migrations ?? (await readMigrations()))];
  const applied: string[] = [];
  try {
    const there = await readBookkeeping(sql);
    refuseNewer(there, pending.at(-1)?.number ?? 0);
    pending = pending.filter(({ number }) => !there.has(number));
    if (pending.length > 0) await createBookkeeping(sql, log);
    for (let next = pending[0]; next; pending.shift(), next = pending[0])
      if (await apply(sql, log, next)) applied.push(next.name);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    if (pending.some(({ number }) => number <= oldestSchema))
      throw new StartError(
        `The role of the database URI may not change the schema tabularium, and this program needs it at migration ${oldestSchema} or later: run \`tabularium migrate\` with the role that owns it.`,
        { cause: error },
      );
  }
  return { applied, missing: pending.map(({ name }) => name) };
}

const isForbidden = (error: unknown): boolean => (error as { code?: unknown }).code === '42501';

/** The migrations that the database has had: the number of each, with that of the oldest program that works after it. */
async function readBookkeeping(sql: Sql): Promise<Map<number, number>> {
  const [table] = await sql`select to_regclass('tabularium.migrations') is not null as there`;
  if (!table?.there) return new Map();
  // By way of jsonb, since the first programs made the table without that column.
  const rows = await sql`select number, coalesce((to_jsonb(m) ->> 'works_from')::int, number) as works_from
    from tabularium.migrations m`;
  return new Map(rows.map((row) => [row.number, row.works_from]));
}

function refuseNewer(there: ReadonlyMap<number, number>, newest: number): void {
  if (Math.max(0, ...there.values()) <= newest) return;
  throw new StartError(
    `The database is at migration ${Math.max(...there.keys())}, this program knows only ${newest}: start a newer tabularium, or restore the database from before its upgrade.`,
  );
}

async function createBookkeeping(sql: Sql, log: MigrationLog): Promise<void> {
  const [there] = await sql`select to_regnamespace('tabularium') is not null as schema,
    to_regclass('tabularium.migrations') is not null as table,
    exists (select from pg_attribute where attrelid = to_regclass('tabularium.migrations')
      and attname = 'works_from') as column`;
  // Not "if not exists" alone: it asks for the right to create, also where a database administrator has done it.
  if (!there?.schema) await sql`create schema if not exists tabularium`.catch(ifMadeMeanwhile);
  if (!there?.table)
    await sql`create table if not exists tabularium.migrations (number integer primary key, name text not null,
      applied_at timestamptz not null default now(), works_from integer)`.catch(ifMadeMeanwhile);
  else if (!there.column)
    await changeSchema(sql, log, 'The table of migrations', async (tx) => {
      await tx`alter table tabularium.migrations add column if not exists works_from integer`;
    });
}

/** "If not exists" of two sessions at once can still collide on the catalogue's own unique indexes. */
function ifMadeMeanwhile(error: { code?: string }): void {
  if (!madeMeanwhile.has(error.code)) throw error;
}

/** A row of the catalogue, a schema, a table, and the type that comes with the table. */
const madeMeanwhile: ReadonlySet<string | undefined> = new Set(['23505', '42P06', '42P07', '42710']);

function apply(sql: Sql, log: MigrationLog, { number, name, text, worksFrom }: Migration): Promise<boolean> {
  return changeSchema(sql, log, `The migration ${name}`, async (tx) => {
    const inserted = await tx`insert into tabularium.migrations (number, name, works_from)
      values (${number}, ${name}, ${worksFrom}) on conflict (number) do nothing`;
    if (inserted.count === 0) return false;
    if (/\bconcurrently\b/i.test(text)) await runBeside(sql, text);
    else await tx.unsafe(text);
    return true;
  });
}

/**
 * Postgres builds an index "concurrently", beside writers, in no transaction: while the one with the number is open,
 * each statement is sent on another connection. They must not mind being sent again after a failure.
 */
async function runBeside(pool: Sql, text: string): Promise<void> {
  const sql = postgres({ ...pool.options, max: 1 } as object);
  try {
    for (const statement of text.split(/;\s*$/m)) await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

/**
 * Runs a transaction that changes the schema. Whoever comes behind a statement that waits for a lock waits as well, so
 * after two seconds it gives way and tries again; also since an index that is built concurrently waits for all that
 * began before.
 */
async function changeSchema<T>(
  sql: Sql,
  log: MigrationLog,
  what: string,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return (await sql.begin(async (tx) => {
        await tx`set local lock_timeout = '2s'`;
        return work(tx);
      })) as T;
    } catch (error) {
      if (!['55P03', '40P01'].includes((error as { code: string }).code)) throw error;
      log.warn(`${what} waits for another session, which holds a lock; it is tried again.`);
      await sleep(1_000);
    }
  }
}

/**
 * Creates the trigram indexes that substring searches use, where the extension pg_trgm and they may be created.
 *
 * @returns false where it may not: searches then work without the indexes.
 */
export async function createTrigramIndexes(sql: Sql): Promise<boolean> {
  const text = await readFile(new URL('trigrams.sql', folder), 'utf8');
  const names = [...text.matchAll(/^create index if not exists (\w+)/gm)].map((match) => match[1] as string);
  const [row] = await sql`select count(*)::int as there from pg_indexes
    where schemaname = 'tabularium' and indexname in ${sql(names)}`;
  if (row?.there === names.length) return true;
  return sql
    .begin(async (tx) => {
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
    })
    .catch((error) => {
      if (isForbidden(error)) return false;
      throw error;
    }) as Promise<boolean>;
}
