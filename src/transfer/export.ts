import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Sql } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';
import { connectSingle } from '../db/pool.ts';
import { beginSnapshot, linesOfCursor } from './cursor.ts';
import type { Head } from './file.ts';
import { linesOf } from './kind.ts';
import { kinds } from './kinds.ts';
import { counting } from './mlflow-schema.ts';

/**
 * Writes all records of our database, as they are at one moment, to a file: zipped where its name ends in .gz; `-` is
 * standard output.
 *
 * @returns how many records were written.
 * @throws StartError where the file cannot be written.
 */
export async function exportAll(pool: Sql, to: string): Promise<number> {
  const sql = connectSingle(pool, { max_lifetime: null });
  // A file of its last name is whole.
  const partial = `${to}.partial`;
  try {
    await beginSnapshot(sql);
    const records = await countAll(sql);
    const text = textOf(sql, records);
    if (to === '-') await pipeline(text, process.stdout, { end: false });
    else if (to.endsWith('.gz')) await pipeline(text, createGzip(), createWriteStream(partial));
    else await pipeline(text, createWriteStream(partial));
    if (to !== '-') await rename(partial, to);
    return Object.values(records).reduce((all, some) => all + some, 0);
  } catch (error) {
    if (to !== '-') await rm(partial, { force: true });
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new StartError(`The file ${to} cannot be written (${(error as Error).message}): check --to.`, {
      cause: error,
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function countAll(sql: Sql): Promise<Head['records']> {
  const records: Record<string, number> = {};
  for (const { name, ours } of kinds) records[name] = Number((await sql.unsafe(counting(ours)))[0]?.records);
  return records;
}

async function* textOf(sql: Sql, records: Head['records']): AsyncGenerator<string> {
  const head: Head = { format: 'tabularium', version: 1, records };
  yield `${JSON.stringify(head)}\n`;
  for (const kind of kinds)
    for await (const lines of linesOfCursor(sql, linesOf(kind, `${kind.ours} order by ${kind.order}`)))
      yield `${lines.join('\n')}\n`;
}
