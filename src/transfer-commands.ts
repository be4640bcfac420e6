import type { Logger } from 'pino';
import type { Command } from './config.ts';
import type { ImportSource } from './config-import.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import { inDatabase, onStop, openDatabase } from './server.ts';
import { exportAll } from './transfer/export.ts';
import { openFile } from './transfer/file.ts';
import { openMlflowPostgres } from './transfer/from-postgres.ts';
import { openMlflowSqlite } from './transfer/from-sqlite.ts';
import { type Counts, countSource, importAll } from './transfer/import.ts';
import { createProgress } from './transfer/progress.ts';
import type { Source } from './transfer/source.ts';

/** The exit code of a work that a signal ended: it is not done. */
const interrupted = 130;

type CommandOf<K extends Command['kind']> = Extract<Command, { kind: K }>;

/** `tabularium import`: copies and compares, or, with --dry-run, counts. */
export async function runImport(command: CommandOf<'import'>, log: Logger): Promise<void> {
  const source = await openSource(command.from);
  try {
    if (command.dryRun) {
      const counts = await countSource(source);
      print([...counts].map(([{ name }, records]) => [name, records]));
      await printRemarks(source);
      say(`Nothing was written: this is what ${source.name} holds.`);
    } else {
      await withDatabase(command, log, async (sql, place) => {
        const counts = await importAll(sql, source, createProgress(process.stdout));
        print([
          ['', 'source', 'here'],
          ...counts.map(({ kind, source: there, here }): Row => [kind.name, there, here]),
        ]);
        await printRemarks(source);
        refuseDifferences(source, counts);
        say(`All that is copied of ${source.name} is in ${place}.`);
      });
    }
  } catch (error) {
    throw stopped(error, 'The import', ': run it again, and it goes on where it was.');
  } finally {
    await source.close();
  }
}

/** `tabularium export`: writes the file. */
export async function runExport(command: CommandOf<'export'>, log: Logger): Promise<void> {
  await withDatabase(command, log, async (sql) => {
    const records = await exportAll(sql, command.to);
    if (command.to !== '-') say(`${records} records are in ${command.to}.`);
  }).catch((error) => {
    throw stopped(error, 'The export', '.');
  });
}

function openSource(from: ImportSource): Promise<Source> {
  if (from.kind === 'external') return openMlflowPostgres(from.display, from.options);
  return from.kind === 'sqlite' ? openMlflowSqlite(from.path) : openFile(from.path);
}

/** Opens our database, brought up to date; a signal closes it and ends the process. */
async function withDatabase(
  { database }: CommandOf<'import' | 'export'>,
  log: Logger,
  work: (sql: Sql, place: string) => Promise<void>,
): Promise<void> {
  const opening = openDatabase(database, log);
  // What is under way is rolled back.
  onStop(async () => (await opening.catch(() => undefined))?.stop(), interrupted);
  const opened = await opening;
  await inDatabase(opened, log, (sql) => work(sql, opened.place));
}

const say = (line: string) => process.stdout.write(`${line}\n`);

type Row = [name: string, ...cells: (string | number)[]];

function print(rows: readonly Row[]): void {
  for (const [name, ...cells] of rows)
    say(`  ${name.padEnd(32)}${cells.map((cell) => String(cell).padStart(12)).join('')}`);
}

async function printRemarks(source: Source): Promise<void> {
  for (const remark of await source.remarks()) say(remark);
}

function refuseDifferences(source: Source, counts: readonly Counts[]): void {
  const names = counts.filter((one) => one.source !== one.here).map(({ kind }) => kind.name);
  if (names.length > 0)
    throw new StartError(
      `The counts of ${names.join(', ')} differ: ${source.name} or this database has changed since the import began, or the source holds rows that belong to nothing.`,
    );
}

/** What ended the work, in one sentence. */
function stopped(error: unknown, what: string, next: string): unknown {
  if (error instanceof StartError || (error as { code?: unknown }).code === undefined) return error;
  return new StartError(`${what} stopped (${(error as Error).message})${next}`, { cause: error });
}
