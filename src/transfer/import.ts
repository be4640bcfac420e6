import type { Sql, Transaction } from '../contract/sql.ts';
import { StartError } from '../contract/start-error.ts';
import { renderVersionsOf } from '../resources/model-versions/store.ts';
import { renderModelsOf } from '../resources/registered-models/store.ts';
import { queueUnrendered } from '../resources/runs/documents.ts';
import { type Kind, recordsOf } from './kind.ts';
import { kinds } from './kinds.ts';
import { experiment } from './kinds-of-tracking.ts';
import { counting } from './mlflow-schema.ts';
import type { Progress } from './progress.ts';
import type { Chunk, Source } from './source.ts';

/** How many records there are of a kind: in the source, and of it here. */
export interface Counts {
  readonly kind: Kind;
  readonly source: number;
  readonly here: number;
}

/** The last kind that was copied, and the place in the source behind its last record; null before the first. */
interface Place {
  readonly kind: string | null;
  readonly place: string | null;
}

/** How far an import is, as its row in tabularium.imports says. */
interface State extends Place {
  /** How many records of each kind were here before. */
  readonly before: Readonly<Record<string, number>>;
  readonly finished: boolean;
}

/** At most this many records, and about this many characters, are written in one transaction. */
const batch = { records: 5_000, characters: 4_000_000 };

/** Counts what is in the source. */
export async function countSource(source: Source): Promise<Map<Kind, number>> {
  const counts = new Map<Kind, number>();
  for (const kind of kinds) counts.set(kind, await source.count(kind));
  return counts;
}

/**
 * Copies all that is not copied yet, and compares what is there with the source.
 *
 * Each batch is one transaction, which also moves the place from which the next one goes on: an import that is ended
 * at any moment can be run again. One that has come to its end copies nothing more.
 *
 * @throws StartError, before anything is written, where something of the source is here already.
 */
export async function importAll(sql: Sql, source: Source, progress: Progress): Promise<Counts[]> {
  const counts = await countSource(source);
  const all = [...counts.values()].reduce((sum, some) => sum + some, 0);
  const state = (await readState(sql, source)) ?? (await begin(sql, source));
  const show = (kind: Kind, copied: number) => progress.show(kind.name, copied, all);
  if (!state.finished) await copy(sql, source, state, counts, show).finally(() => progress.end());
  const compared: Counts[] = [];
  for (const [kind, there] of counts)
    compared.push({
      kind,
      source: there,
      here: (await countHere(sql, kind)) - (state.before[kind.name] ?? 0),
    });
  return compared;
}

const countHere = async (sql: Sql, kind: Kind): Promise<number> =>
  Number((await sql.unsafe(counting(kind.ours)))[0]?.records);

async function readState(sql: Sql, { name }: Source): Promise<State | undefined> {
  const [row] = await sql`select kind, place, before, finished_at is not null as finished
    from tabularium.imports where source = ${name}`;
  if (row)
    return { kind: row.kind, place: row.place, before: JSON.parse(row.before), finished: row.finished };
  const [other] = await sql`select source from tabularium.imports where finished_at is null`;
  if (other)
    throw new StartError(
      `An import from ${other.source} is not finished here: run it again with that --from, or import into an empty database.`,
    );
  return undefined;
}

/** Makes sure that nothing of the source is here, and begins. */
async function begin(sql: Sql, source: Source): Promise<State> {
  let hasDefault = false;
  for (const kind of kinds) {
    if (kind.taken === undefined) continue;
    for await (const { lines } of batches(source.read(kind, null))) {
      if (kind === experiment) hasDefault ||= lines.some((line) => JSON.parse(line).id === 0);
      const [taken] = await sql.unsafe(`${recordsOf(kind)} ${kind.taken} limit 1`, [listOf(lines)]);
      if (taken)
        throw new StartError(
          `This database has ${taken.what} already, as ${source.name} does: import into an empty database, or delete here first what both have.`,
        );
    }
  }
  const before: Record<string, number> = {};
  for (const kind of kinds) before[kind.name] = await countHere(sql, kind);
  // The experiment Default that is here becomes that of the source.
  if (hasDefault) {
    const [row] = await sql`select count(*)::int as experiments from tabularium.experiments where id = 0`;
    before[experiment.name] = (before[experiment.name] ?? 0) - row?.experiments;
  }
  const { count } = await sql`insert into tabularium.imports (source, before)
    values (${source.name}, ${JSON.stringify(before)}::json) on conflict do nothing`;
  if (count === 0) throw runsTwice(source);
  return { kind: null, place: null, before, finished: false };
}

/** Copies from where the import is to the end. */
async function copy(
  sql: Sql,
  source: Source,
  state: State,
  counts: ReadonlyMap<Kind, number>,
  show: (kind: Kind, copied: number) => void,
): Promise<void> {
  const first = state.kind === null ? 0 : kinds.findIndex(({ name }) => name === state.kind);
  let copied = kinds.slice(0, first).reduce((sum, kind) => sum + (counts.get(kind) ?? 0), 0);
  let at: Place = state;
  for (const kind of kinds.slice(first)) {
    for await (const chunk of oneAhead(batches(source.read(kind, kind.name === at.kind ? at.place : null)))) {
      const from = at;
      at = { kind: kind.name, place: chunk.place };
      await sql
        .begin((tx) => writeBatch(tx, source, kind, chunk.lines, { from, to: at }))
        .catch((error) => throwWithRecord(sql, source, kind, chunk.lines, error));
      copied += chunk.lines.length;
      show(kind, copied);
    }
  }
  // Only now: what hangs on a run came behind it.
  await queueUnrendered(sql);
  // What was written at once is neither counted for plans yet, nor known to be visible to all.
  const tables = await sql`select format('tabularium.%I', relname) as name from pg_class
    where relnamespace = 'tabularium'::regnamespace and relkind = 'r'`;
  await sql.unsafe(`vacuum (analyze) ${tables.map(({ name }) => name).join(', ')}`);
  await sql`update tabularium.imports set finished_at = now() where source = ${source.name}`;
}

/** Moves the import's place, which of two imports at once lets the first go on, and writes the batch. */
async function writeBatch(
  tx: Transaction,
  source: Source,
  kind: Kind,
  lines: readonly string[],
  { from, to }: { from: Place; to: Place },
): Promise<void> {
  const { count } = await tx`update tabularium.imports set kind = ${to.kind}, place = ${to.place}
    where source = ${source.name} and kind is not distinct from ${from.kind}
      and place is not distinct from ${from.place}`;
  if (count === 0) throw runsTwice(source);
  await writeRecords(tx, kind, lines);
}

async function writeRecords(tx: Transaction, kind: Kind, lines: readonly string[]): Promise<void> {
  const list = listOf(lines);
  const run = (statement: string) => tx.unsafe(`${recordsOf(kind)} ${statement}`, [list]);
  // As every writer of a model does, before the change and behind it.
  if (kind.renders)
    await run(`select from tabularium.registered_models m where (workspace, name) in (select workspace, name from s)
      order by workspace, name for no key update`);
  for (const statement of kind.write) await run(statement);
  const sql = tx as unknown as Sql;
  if (kind.renders === 'versions')
    await renderVersionsOf(
      sql,
      sql`json_to_recordset(${list}::json) as r (workspace text, name text, version integer)`,
    );
  if (kind.renders)
    await renderModelsOf(sql, sql`json_to_recordset(${list}::json) as r (workspace text, name text)`);
}

/**
 * Looks for the record that a failed batch could not be written for, by writing them one by one.
 *
 * @throws StartError that shows it; where it is none, the error.
 */
async function throwWithRecord(
  sql: Sql,
  source: Source,
  kind: Kind,
  lines: readonly string[],
  error: unknown,
): Promise<never> {
  // Classes of SQLSTATE: values that Postgres cannot hold, and constraints.
  if (!/^2[23]/.test((error as { code?: string }).code ?? '')) throw error;
  return (await sql.begin(async (tx): Promise<never> => {
    for (const line of lines)
      await tx
        .savepoint((attempt) => writeRecords(attempt, kind, [line]))
        .catch((cause: Error) => {
          const shown = line.length > longestShown ? `${line.slice(0, longestShown)}…` : line;
          throw new StartError(
            `A record of ${source.name} cannot be copied (${cause.message}), ${shown}: change it there and run the import again, which goes on where it was.`,
            { cause },
          );
        });
    // One by one they can be written; nothing of this attempt is to stay.
    throw error;
  })) as never;
}

/** Characters of a record that a person is shown. */
const longestShown = 300;

const runsTwice = (source: Source): StartError =>
  new StartError(`Another import from ${source.name} runs here already: this one stops.`);

/** The records of some lines as one JSON text. */
const listOf = (lines: readonly string[]): string => `[${lines.join(',')}]`;

/** Gathers chunks to batches. */
async function* batches(chunks: AsyncIterable<Chunk>): AsyncGenerator<Chunk> {
  let lines: string[] = [];
  let characters = 0;
  let place = '';
  for await (const chunk of chunks) {
    lines.push(...chunk.lines);
    characters += chunk.lines.reduce((sum, line) => sum + line.length, 0);
    place = chunk.place;
    if (lines.length < batch.records && characters < batch.characters) continue;
    yield { lines, place };
    lines = [];
    characters = 0;
  }
  if (lines.length > 0) yield { lines, place };
}

/** Reads the next batch while one is being written. */
async function* oneAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  for (let coming = items.next(); ; ) {
    const { done, value } = await coming;
    if (done) return;
    coming = items.next();
    // Where the writing fails, nobody hears of this one.
    coming.catch(() => {});
    yield value;
  }
}
