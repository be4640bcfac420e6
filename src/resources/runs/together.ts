import type { Fragment, Sql } from '../../contract/sql.ts';
import { part } from '../../db/part.ts';
import type { Point } from '../metrics/rules.ts';
import { ifLater, isNan, list, number, unlessThere } from '../metrics/store.ts';
import type { Entry } from './rules.ts';

/**
 * What clients log one by one, to many runs in one statement (`Call.writeTogether`). It does what asks for no second
 * look: into active runs that have no document and whose row nobody holds. All else is done alone, by `store.ts`.
 */

interface ToRun {
  readonly workspace: string;
  readonly runId: string;
}
export type EntryToRun = ToRun & Entry;
export type PointToRun = ToRun & { readonly point: Point };

// Each list is a sub-select, of which the planner cannot see how long it is: it would plan anew for each that is shorter
// than it expects of lists.
const texts = (values: readonly string[]): Fragment => part`(select ${values}::text[])`;
const integers = (values: readonly bigint[]): Fragment => part`(select ${list(values)}::int8[])`;
const doubles = (values: readonly number[]): Fragment => part`(select ${list(values)}::float8[])`;

/** The CTEs `sent` (place, workspace, run_id, and `columns`) and `ready`, the same with `run` and what is known of it. */
const readyRuns = (items: readonly ToRun[], columns: Fragment, lists: Fragment): Fragment => part`
  sent as (
    select * from unnest(
      ${texts(items.map((one) => one.workspace))}, ${texts(items.map((one) => one.runId))}, ${lists}) with ordinality as s (workspace, run_id, ${columns}, place)),
  ready as (
    select s.*, r.id as run, r.experiment_id, r.start_time
    from sent s join tabularium.runs r on r.run_id = s.run_id
    join tabularium.experiments e on e.id = r.experiment_id and e.workspace = s.workspace
    where r.lifecycle_stage = 'active' and r.wire is null for key share of r skip locked)`;

const readyEntries = (items: readonly EntryToRun[]): Fragment =>
  readyRuns(
    items,
    part`key, value`,
    part`${texts(items.map((one) => one.key))}, ${texts(items.map((one) => one.value))}`,
  );

const placesOf = (rows: readonly { readonly place: number }[]): number[] =>
  rows.map(({ place }) => place - 1);

/** Of two that set one tag, the later counts. */
export async function setTags(sql: Sql, items: readonly EntryToRun[]): Promise<number[]> {
  return placesOf(
    await sql<{ place: number }[]>`
    with ${readyEntries(items)},
    tagged as (
      insert into tabularium.tags (run, experiment_id, key, value)
      select distinct on (run, key collate "C") run, experiment_id, key, value from ready
      order by run, key collate "C", place desc
      on conflict (run, key) do update set value = excluded.value)
    select place::int from ready`,
  );
}

/** Those that stand there already are not done, whatever their value. */
export async function addParams(sql: Sql, items: readonly EntryToRun[]): Promise<number[]> {
  return placesOf(
    await sql<{ place: number }[]>`
    with ${readyEntries(items)},
    added as (
      insert into tabularium.params (run, experiment_id, key, value)
      select distinct on (run, key) run, experiment_id, key, value from ready order by run, key, place
      on conflict (run, key) do nothing returning run, key, value)
    select place::int from ready join added using (run, key, value)`,
  );
}

/** Points that belong to no logged model and no data set; those of a key without a number are not done. */
export async function addPoints(sql: Sql, items: readonly PointToRun[]): Promise<number[]> {
  const points = items.map(({ point }) => point);
  const lists = part`
    ${texts(points.map((one) => one.key))}, ${doubles(points.map((one) => (one.isNan ? Number.NaN : one.value)))},
    ${integers(points.map((one) => one.timestamp))}, ${integers(points.map((one) => one.step))}`;
  return placesOf(
    await sql<{ place: number }[]>`
    with ${readyRuns(items, part`key, value, timestamp, step`, lists)},
    known as (select s.*, k.id as key_id from ready s join tabularium.metric_keys k on k.key = s.key),
    logged as (
      insert into tabularium.metrics (run, key_id, timestamp, step, value, is_nan)
      select run, key_id, timestamp, step, ${number}, ${isNan} from known s
      order by run, key collate "C", timestamp, step, 5, 6 ${unlessThere}),
    latest as (
      insert into tabularium.latest_metrics as latest
        (run, key_id, experiment_id, start_time, value, is_nan, step, timestamp)
      select distinct on (run, key_id) run, key_id, experiment_id, start_time, ${number}, ${isNan}, step, timestamp
      from known s order by run, key_id, step desc, timestamp desc, 5 desc ${ifLater})
    select place::int from known`,
  );
}
