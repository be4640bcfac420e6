import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { part } from '../../db/part.ts';
import type { Pipeline } from '../../db/transaction.ts';
import { renderRun } from './render.ts';

/**
 * The documents of runs: what a search answers of a run that has ended, kept in `runs.wire`.
 *
 * Whoever changes what a run has logged holds the lock of `runOf` on its row, and takes the document away in the same
 * statement or before it. Whoever renders takes a lock that waits for all of these, and renders in a statement behind
 * it, which sees what they wrote. So a document is never older than its rows. Both lock the run before they touch
 * `runs_to_render`.
 */

/**
 * The CTE `run`: the run of this id, in the workspace, for a statement that changes what it has logged: locked against
 * its rendering, and `rendered` where its document must go.
 */
export const runOf = (scope: Scope, runId: string): Fragment => part`
  run as (
    select r.id, r.experiment_id, r.start_time, r.lifecycle_stage, e.workspace, r.wire is not null as rendered
    from tabularium.runs r join tabularium.experiments e on e.id = r.experiment_id
    where e.workspace = ${scope.workspace} and r.run_id = ${runId} for key share of r)`;

/** Statuses in which a run has ended. */
const ended = part`('FINISHED', 'FAILED', 'KILLED')`;

/** The CTE that has the runs of `changed` (id, status) rendered, which have lost their documents, once they have ended. */
export const queueEnded = (changed: Fragment): Fragment => part`
  queued as (
    insert into tabularium.runs_to_render (run) select id from ${changed} where status in ${ended}
    on conflict do nothing)`;

/** Has all runs rendered that have ended and wait for nobody to say so: rows that came by another way than the API. */
export const queueUnrendered = (sql: Sql): Query => sql`
  insert into tabularium.runs_to_render (run, since)
  select id, '-infinity' from tabularium.runs where wire is null and status in ${ended} on conflict do nothing`;

/** The CTEs that take the document of the run in `run` away, and have it rendered again. */
export const forgetDocument = part`
  forgotten as (
    update tabularium.runs r set wire = null from run where r.id = run.id and run.rendered returning r.id, r.status),
  ${queueEnded(part`forgotten`)}`;

export async function takeDocument(sql: Sql, scope: Scope, runId: string): Promise<void> {
  await sql`with ${runOf(scope, runId)}, ${forgetDocument} select from run`;
}

/** How many runs wait for their document. */
export async function countWaiting(sql: Sql): Promise<number> {
  const [row] = await sql`select count(*)::int as runs from tabularium.runs_to_render`;
  return row?.runs;
}

/** How many documents are written in one transaction. */
const batch = 100;

/**
 * Seconds that a run waits for its document: who has just logged to it will do so again, and would take the document
 * away each time.
 */
const rest = 30;

/**
 * Renders runs that have waited long enough for it. Of two servers that render the same ones, the later finds nothing
 * left to do.
 *
 * @returns whether more of them may wait.
 */
export async function renderWaiting(transaction: Pipeline, seconds = rest): Promise<boolean> {
  const [waiting = []] = await transaction((sql) => [
    sql`select run from tabularium.runs_to_render where since <= now() - ${seconds} * interval '1 second'
      order by run limit ${batch}`,
  ]);
  if (waiting.length === 0) return false;
  const ids = waiting.map(({ run }) => String(run));
  await transaction((sql) => [
    sql`select from tabularium.runs where id = any(${ids}::int8[]) order by id for update`,
    sql`
      with taken as (delete from tabularium.runs_to_render where run = any(${ids}::int8[]) returning run)
      update tabularium.runs r set wire = ${renderRun(sql, { modelInputs: false })}
      from taken where r.id = taken.run and r.status in ${ended}`,
  ]);
  return waiting.length === batch;
}
