import { existsSync } from 'node:fs';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { StartError } from '../contract/start-error.ts';
import type { FieldType, Kind } from './kind.ts';
import {
  type Column,
  checkRevision,
  checkTables,
  counting,
  keyOfPlace,
  pageOf,
  placeOf,
  readSchema,
} from './mlflow-schema.ts';
import { remarksOn } from './remarks.ts';
import type { Source } from './source.ts';

/** Lines that are handed on at a time. */
const atOnce = 500;

/** Opens an MLflow database on SQLite. All that is read is of one moment: a transaction that stays open until the end. */
export async function openMlflowSqlite(path: string): Promise<Source> {
  const database = await open(path);
  const ask = (statement: string) => database.prepare(statement).all();
  try {
    const columns = ask(`
      select m.name as "table", c.name as "column", true as readable from sqlite_master m, pragma_table_info(m.name) c
      where m.type = 'table' and m.name not glob 'sqlite_*' order by m.name`);
    const schema = readSchema(columns as unknown as Column[], 'rowid');
    checkTables(path, schema);
    checkRevision(path, ask('select version_num from alembic_version')[0]?.version_num as string | undefined);

    const count = (rows: string) => Number(ask(counting(rows))[0]?.records);
    return {
      name: path,
      close: async () => database.close(),
      count: async (kind) => {
        const rows = kind.mlflow(schema);
        return rows === undefined ? 0 : count(rows);
      },
      async *read(kind, from) {
        const rows = kind.mlflow(schema);
        if (rows === undefined) return;
        const after = keyOfPlace(from);
        const statement = database.prepare(pageOf(kind, rows, after, (at) => `?${at}`));
        statement.setReadBigInts(true);
        const values = after?.map((text, i) => keyValue(text, kind.fields[kind.key[i] as string])) ?? [];
        let lines: string[] = [];
        for (const row of statement.iterate(...values)) {
          lines.push(lineOf(kind, row));
          if (lines.length < atOnce) continue;
          yield { lines, place: placeOf(kind, lines.at(-1) as string) };
          lines = [];
        }
        if (lines.length > 0) yield { lines, place: placeOf(kind, lines.at(-1) as string) };
      },
      remarks: () => remarksOn(schema, count),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

async function open(path: string): Promise<DatabaseSync> {
  if (!existsSync(path)) throw new StartError(`There is no file ${path}: check --from.`);
  const { DatabaseSync } = await import('node:sqlite');
  try {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 });
    database.exec('begin');
    // The transaction takes its snapshot when it first reads.
    database.prepare('select count(*) from sqlite_master').get();
    return database;
  } catch (cause) {
    throw new StartError(
      `The file ${path} cannot be read as a SQLite database (${(cause as Error).message}): check --from.`,
      { cause },
    );
  }
}

/** The key's text as SQLite compares it. */
function keyValue(text: string, type: FieldType | undefined): SQLInputValue {
  if (type === 'text') return text;
  return type === 'float8' ? Number(text) : BigInt(text);
}

/** A number as it is written; the types of TypeScript 5.9 do not know the function yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

function lineOf(kind: Kind, row: Record<string, unknown>): string {
  const record: Record<string, unknown> = { kind: kind.name };
  for (const field of Object.keys(kind.fields)) {
    const value = row[field];
    record[field] = typeof value === 'bigint' ? rawJSON(String(value)) : value;
  }
  return JSON.stringify(record);
}
