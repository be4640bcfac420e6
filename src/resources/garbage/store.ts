import { type Author, auditInsert } from '../../audit/record.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import type { VersionPointer } from './holders.ts';
import type { Item } from './rules.ts';

/** What was asked for: of which age, and which ids; all that is deleted where none are named. */
export interface Selection {
  /** Deleted at this time (milliseconds) or before. */
  readonly before: bigint;
  readonly ids: readonly string[] | undefined;
}

/** An item, or an experiment, with what decides whether it may go. */
export interface Candidate<T> {
  readonly what: T;
  readonly deleted: boolean;
  readonly old: boolean;
}

const chosen = (sql: Sql, column: Fragment, { ids }: Selection, isDue: Fragment): Fragment =>
  ids ? sql`${column} = any(${ids}::text[])` : isDue;

/** Deleted runs that are old enough; of ids that are named, all that there are. */
export async function findRuns(sql: Sql, scope: Scope, selection: Selection): Promise<Candidate<Item>[]> {
  const old = sql`coalesce(r.deleted_time <= ${selection.before}, false)`;
  const rows = await sql`
    select r.run_id as id, r.artifact_uri as location, r.run_id, r.lifecycle_stage = 'deleted' as deleted, ${old} as old
    from tabularium.runs r join tabularium.experiments e on e.id = r.experiment_id
    where e.workspace = ${scope.workspace}
      and ${chosen(sql, sql`r.run_id`, selection, sql`(r.lifecycle_stage = 'deleted' and ${old})`)}
    order by r.id`;
  return rows.map((row) => candidate('run', row));
}

/** The same of logged models. */
export async function findModels(sql: Sql, scope: Scope, selection: Selection): Promise<Candidate<Item>[]> {
  const old = sql`m.updated_at <= ${selection.before}`;
  const rows = await sql`
    select m.model_id as id, m.artifact_location as location, m.source_run_id as run_id,
      m.lifecycle_stage = 'deleted' as deleted, ${old} as old
    from tabularium.logged_models m
    where m.workspace = ${scope.workspace}
      and ${chosen(sql, sql`m.model_id`, selection, sql`(m.lifecycle_stage = 'deleted' and ${old})`)}
    order by m.model_id`;
  return rows.map((row) => candidate('logged-model', row));
}

function candidate(kind: Item['kind'], row: Record<string, unknown>): Candidate<Item> {
  const {
    id,
    location,
    run_id: runId,
    deleted,
    old,
  } = row as Record<string, string> & {
    deleted: boolean;
    old: boolean;
  };
  return { what: { kind, id, location, runId } as Item, deleted, old };
}

/** The same of experiments, by their number as text. */
export async function findExperiments(
  sql: Sql,
  scope: Scope,
  selection: Selection,
): Promise<Candidate<string>[]> {
  const old = sql`e.updated_at <= ${selection.before}`;
  return sql<Candidate<string>[]>`
    select e.id::text as what, e.lifecycle_stage = 'deleted' as deleted, ${old} as old
    from tabularium.experiments e
    where e.workspace = ${scope.workspace}
      and ${chosen(sql, sql`e.id::text`, selection, sql`(e.lifecycle_stage = 'deleted' and ${old})`)}
    order by e.id`;
}

/** All runs and logged models of an experiment, whatever their stage: they go with it. */
export async function findContents(sql: Sql, experiment: string): Promise<Item[]> {
  return sql<Item[]>`
    select 'run' as kind, run_id as id, artifact_uri as location, run_id as "runId"
    from tabularium.runs where experiment_id = ${experiment}::int8
    union all
    select 'logged-model', model_id, artifact_location, source_run_id
    from tabularium.logged_models where experiment_id = ${experiment}::int8`;
}

/** Shows every registered version, of all workspaces: they may share artifacts. */
export async function eachVersion(sql: Sql, show: (version: VersionPointer) => void): Promise<void> {
  const rows = sql<VersionPointer[]>`
    select name, version, run_id as "runId", source, storage_location as "storageLocation"
    from tabularium.model_versions order by workspace, name, version`;
  for await (const some of rows.cursor(1_000)) some.forEach(show);
}

/**
 * Deletes a run if it is deleted, or its experiment is, and no version names it, and notes where its artifacts lie.
 *
 * @returns whether it did.
 */
export async function deleteRun(sql: Sql, author: Author, { id, location }: Item): Promise<boolean> {
  const entry = { kind: 'run', name: id, detail: { location } };
  const { count } = await sql`
    with gone as (
      delete from tabularium.runs r using tabularium.experiments e
      where e.id = r.experiment_id and e.workspace = ${author.scope.workspace} and r.run_id = ${id}
        and 'deleted' in (r.lifecycle_stage, e.lifecycle_stage)
        and not exists (
          select from tabularium.model_versions v where v.workspace = e.workspace and v.run_id = r.run_id)
      returning r.id, r.run_id, r.artifact_uri),
    points as (delete from tabularium.metrics m using gone where m.run = gone.id),
    noted as (
      insert into tabularium.garbage (kind, name, location, run_id)
      select 'run', run_id, artifact_uri, run_id from gone),
    recorded as (${auditInsert(author, entry, sql`gone`)})
    select from gone`;
  return count > 0;
}

/** The same of a logged model. The points of its metrics stay: they are its run's history. */
export async function deleteModel(sql: Sql, author: Author, { id, location }: Item): Promise<boolean> {
  const entry = { kind: 'logged-model', name: id, detail: { location } };
  const { count } = await sql`
    with gone as (
      delete from tabularium.logged_models m using tabularium.experiments e
      where e.id = m.experiment_id and m.workspace = ${author.scope.workspace} and m.model_id = ${id}
        and 'deleted' in (m.lifecycle_stage, e.lifecycle_stage)
        and not exists (
          select from tabularium.model_versions v
          where v.workspace = m.workspace and left(v.source, 256) = 'models:/' || m.model_id)
      returning m.model_id, m.artifact_location, m.source_run_id),
    noted as (
      insert into tabularium.garbage (kind, name, location, run_id)
      select 'logged-model', model_id, artifact_location, source_run_id from gone),
    recorded as (${auditInsert(author, entry, sql`gone`)})
    select from gone`;
  return count > 0;
}

/** Deletes a deleted experiment that has neither runs nor logged models any more. @returns whether it did. */
export async function deleteExperiment(sql: Sql, author: Author, id: string): Promise<boolean> {
  const { count } = await sql`
    with gone as (
      delete from tabularium.experiments e
      where e.workspace = ${author.scope.workspace} and e.id = ${id}::int8 and e.lifecycle_stage = 'deleted'
        and not exists (select from tabularium.runs r where r.experiment_id = e.id)
        and not exists (select from tabularium.logged_models m where m.experiment_id = e.id)
      returning 1),
    recorded as (${auditInsert(author, { kind: 'experiment', name: id }, sql`gone`)})
    select from gone`;
  return count > 0;
}

export interface Note extends Item {
  readonly number: bigint;
}

/** The notes of artifacts whose rows are gone, and the age of the youngest in milliseconds. */
export async function readNotes(sql: Sql): Promise<{ notes: Note[]; youngest: number }> {
  const rows = await sql<(Note & { age: number })[]>`
    select id as number, kind, name as id, location, run_id as "runId",
      extract(epoch from clock_timestamp() - noted_at)::float8 * 1000 as age
    from tabularium.garbage order by id`;
  return {
    notes: rows.map(({ age: _, ...note }) => note),
    youngest: Math.min(...rows.map(({ age }) => age)),
  };
}

export async function deleteNote(sql: Sql, { number }: Note): Promise<void> {
  await sql`delete from tabularium.garbage where id = ${number}`;
}
