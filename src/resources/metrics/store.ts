import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { nothing, part } from '../../db/part.ts';
import { batchOf, type Point } from './rules.ts';

/** A point as JSON, of a row of metrics or latest_metrics; the double is written in full. */
export const renderPoint = (sql: Sql, row: Fragment, key: Fragment): Fragment => sql`json_build_object(
  'key', ${key}, 'value', case when ${row}.is_nan then 'NaN' else ${row}.value end,
  'timestamp', ${row}.timestamp, 'step', ${row}.step)`;

/**
 * Points as the statement takes them that logs them: lists in Postgres' own words. What they were read from need not be
 * kept while the database works; of a thousand points it would be much to carry over each collection of memory.
 */
export interface SentPoints {
  /** Each once, sorted. */
  readonly keys: readonly string[];
  /** The logged models that any belongs to, each once. */
  readonly models: readonly string[];
  readonly all: Lists;
  /** Of each key the point that counts. */
  readonly latest: Lists;
}

interface Lists {
  /** Where there is one point, that. */
  readonly only: { readonly value: number; readonly timestamp: bigint; readonly step: bigint } | undefined;
  /** Of each point, where its key stands among the keys, from 1 on. */
  readonly places: string;
  readonly values: string;
  /** One for all where they are of one time, as most batches are: a list less to write and to read. */
  readonly timestamps: string | bigint;
  readonly steps: string;
  /** Undefined where no point belongs to a logged model, as most do not: three lists less. */
  readonly belongings: Belongings | undefined;
}

interface Belongings {
  readonly models: readonly (string | null)[];
  readonly datasetNames: readonly (string | null)[];
  readonly datasetDigests: readonly (string | null)[];
}

/** Undefined where there are none. */
export function pointsToSend(points: readonly Point[]): SentPoints | undefined {
  if (points.length === 0) return undefined;
  const batch = batchOf(points);
  return {
    keys: batch.keys,
    models: [...new Set(points.flatMap(({ modelId }) => modelId ?? []))],
    all: listsOf(batch.points, batch.places, belongingsOf(batch.points)),
    latest: listsOf(
      batch.latest,
      batch.keys.map((_, i) => i + 1),
      undefined,
    ),
  };
}

function listsOf(
  points: readonly Point[],
  places: readonly number[],
  belongings: Belongings | undefined,
): Lists {
  const values = points.map((p) => (p.isNan ? Number.NaN : p.value));
  const timestamps = points.map((p) => p.timestamp);
  const steps = points.map((p) => p.step);
  const [value, timestamp, step] = [values[0] as number, timestamps[0] as bigint, steps[0] as bigint];
  return {
    only: points.length === 1 ? { value, timestamp, step } : undefined,
    places: list(places),
    values: list(values),
    timestamps: timestamps.every((one) => one === timestamp) ? timestamp : list(timestamps),
    steps: list(steps),
    belongings,
  };
}

function belongingsOf(points: readonly Point[]): Belongings | undefined {
  if (points.every(({ modelId, datasetName }) => modelId === null && datasetName === null)) return undefined;
  return {
    models: points.map((p) => p.modelId),
    datasetNames: points.map((p) => p.datasetName),
    datasetDigests: points.map((p) => p.datasetDigest),
  };
}

/** A list as Postgres writes it. By itself postgres.js takes a list of bigint for one bigint. */
export const list = (numbers: readonly (number | bigint)[]): string => `{${numbers.join()}}`;

/** The CTEs `known` (the numbers of the points' keys) and `unknown_keys` (those that have none yet). */
export const knownKeys = ({ keys }: SentPoints): Fragment => part`
  known as materialized (
    select s.key, k.id, s.place
    from ${keys.length === 1 ? part`(values (${keys[0] as string}::text, 1))` : part`unnest(${keys}::text[]) with ordinality`} as s (key, place)
    left join tabularium.metric_keys k on k.key = s.key),
  unknown_keys as (select key from known where id is null)`;

/** By which index a point stands once in a run. */
export const pointKey = 'metrics_point';

/**
 * The CTEs that insert points into the run in `ready`, and put the latest of each metric forward.
 *
 * @param repeated whether points may stand there already: they stay as they are. To look for each costs as much as to
 *   write it; without it the statement fails on the key `metrics_point`.
 */
export function insertPoints({ all, latest }: SentPoints, { repeated }: { repeated: boolean }): Fragment {
  const { belongings } = all;
  return part`
  logged as (
    insert into tabularium.metrics
      (run, key_id, timestamp, step, value, is_nan ${belongings ? part`, model_id, dataset_name, dataset_digest` : nothing})
    select ready.id, (select array_agg(id order by place) from known)[s.place], s.timestamp, s.step, ${number}, ${isNan}
      ${belongings ? part`, s.model_id, s.dataset_name, s.dataset_digest` : nothing}
    from ready, ${rowsOf(all)}
    ${repeated ? unlessThere : nothing}),
  latest as (
    insert into tabularium.latest_metrics as latest
      (run, key_id, experiment_id, start_time, value, is_nan, step, timestamp)
    select ready.id, known.id, experiment_id, start_time, ${number}, ${isNan}, s.step, s.timestamp
    from ready, ${rowsOf(latest)} join known on known.place = s.place
    order by known.id ${ifLater})`;
}

/** Ends an insert of points: one that stands there stays as it is. */
export const unlessThere = part`
  on conflict (run, key_id, timestamp, step, value, is_nan, model_id) do nothing`;

/** Ends an insert into `latest_metrics as latest`: of two points of a metric the later counts. */
export const ifLater = part`
  on conflict (run, key_id) do update set value = excluded.value, is_nan = excluded.is_nan, step = excluded.step,
    timestamp = excluded.timestamp
  where (excluded.step, excluded.timestamp, excluded.value) > (latest.step, latest.timestamp, latest.value)`;

export const isNan = part`s.value = 'NaN'`;
export const number = part`case when s.value = 'NaN' then 0 else s.value end`;

/**
 * Rows `s` (place, value, timestamp, step). A single one is stated as such: of a list the planner expects more, and plans
 * anew for each that is shorter.
 */
function rowsOf({ only, places, values, timestamps, steps, belongings }: Lists): Fragment {
  if (only && !belongings)
    return part`(values (1, ${only.value}::float8, ${only.timestamp}::int8, ${only.step}::int8))
      as s (place, value, timestamp, step)`;
  const isOfOneTime = typeof timestamps === 'bigint';
  const time = isOfOneTime ? part`${timestamps}::int8 as timestamp` : part`timestamp`;
  const owners = belongings ? part`, model_id, dataset_name, dataset_digest` : nothing;
  const lists = belongings
    ? part`, ${belongings.models}::text[], ${belongings.datasetNames}::text[], ${belongings.datasetDigests}::text[]`
    : nothing;
  return part`(
    select place, value, ${time}, step ${owners}
    from unnest(${places}::int[], ${values}::float8[], ${steps}::int8[] ${isOfOneTime ? nothing : part`, ${timestamps}::int8[]`} ${lists})
      as u (place, value, step ${isOfOneTime ? nothing : part`, timestamp`} ${owners})) as s`;
}

/** Gives the keys their numbers. Of two that do so at once the later waits, and finds them. */
export async function insertKeys(sql: Sql, keys: readonly string[]): Promise<void> {
  await sql`insert into tabularium.metric_keys (key) select key from unnest(${keys}::text[]) as k (key) order by key
    on conflict do nothing`;
}

/**
 * A point as JSON text, without what is the same for all points of a run: `beginning` stands before it and, where runs
 * are told apart, `ending`, a column of the run, behind it. As `json_build_object` it would cost three times as much.
 */
const pointText = (sql: Sql, value: Fragment): Fragment =>
  sql`${value} || ',"timestamp":' || timestamp || ',"step":' || step`;
const beginning = (key: string): string => `{"key":${JSON.stringify(key)},"value":`;
const valueText = (sql: Sql): Fragment => sql`case when is_nan then '"NaN"' else value::text end`;
const ending = (sql: Sql): Fragment => sql`',"run_id":' || to_json(r.run_id)::text || '}' as ending`;

/** The points of one metric of the run in `run`, each once: a point may stand there for several models. */
const pointsOfRun = (sql: Sql, key: string): Fragment => sql`
  select distinct m.timestamp, m.step, m.value, m.is_nan from tabularium.metrics m
  where m.run = run.id and m.key_id = (select id from tabularium.metric_keys where key = ${key})`;

/**
 * The points of one metric of a run, each once, by (timestamp, step, value).
 *
 * @param page where to start and how many to read at most; all where it is undefined.
 * @returns the points as JSON in UTF-8, between commas, undefined where there are none; and whether more follow.
 */
export async function readHistory(
  sql: Sql,
  scope: Scope,
  runId: string,
  key: string,
  { offset, limit }: { offset: bigint; limit: bigint | undefined },
): Promise<{ points: Uint8Array | undefined; more: boolean }> {
  const page = sql`
    select p.* from run cross join lateral (${pointsOfRun(sql, key)}) p
    order by timestamp, step, value, is_nan offset ${offset}`;
  const fitting = limit === undefined ? sql`` : sql`filter (where place <= ${limit})`;
  const [row] = await sql`
    with run as materialized (
      select r.id from tabularium.runs r
      join tabularium.experiments e on e.id = r.experiment_id and e.workspace = ${scope.workspace}
      where r.run_id = ${runId})
    select ${beginning(key)}::text || string_agg(${pointText(sql, valueText(sql))}, ${`},${beginning(key)}`}::text) ${fitting}
      || '}', ${limit === undefined ? sql`false` : sql`count(*) > ${limit}`}
    from (
      ${limit === undefined ? page : sql`select *, row_number() over () as place from (${page} limit ${limit + 1n}) q`}) p`.raw();
  return { points: row?.[0] ?? undefined, more: row?.[1]?.toString() === 't' };
}

export interface Sampling {
  readonly runIds: readonly string[];
  readonly key: string;
  /** First and last step; all steps where it is undefined. */
  readonly steps: { readonly first: bigint; readonly last: bigint } | undefined;
  /** How many points a run may have, at least 1. */
  readonly limit: number;
}

/**
 * The points of one metric of several runs, at most `limit` of each, evenly taken from all in the order of their steps:
 * the first of each of `limit` equal parts, and in place of the last of these the last point of all. Runs come as they
 * were named, also twice; of those that do not exist nothing does.
 *
 * Arrays from which the points are picked cost less than to number all points and to look at each number.
 *
 * @returns the points as JSON in UTF-8, between commas; undefined where there are none.
 */
export async function samplePoints(
  sql: Sql,
  scope: Scope,
  { runIds, key, steps, limit }: Sampling,
): Promise<Uint8Array | undefined> {
  const inRange = steps ? sql`and m.step between ${steps.first} and ${steps.last}` : sql``;
  const [row] = await sql`
    with named as materialized (
      select w.place, r.id, ${ending(sql)} from unnest(${runIds}::text[]) with ordinality as w (run_id, place)
      join tabularium.runs r on r.run_id = w.run_id
      join tabularium.experiments e on e.id = r.experiment_id and e.workspace = ${scope.workspace}),
    run as materialized (select *, ending || ',' || ${beginning(key)}::text as between from named)
    select string_agg(sample.wire, ',' order by run.place)
    from run
    cross join lateral (
      select count(*) as total, least(count(*), ${limit}) as parts, array_agg(step) as steps,
        array_agg(timestamp) as timestamps, array_agg(case when is_nan then 'NaN' else value end) as values
      from (${pointsOfRun(sql, key)} ${inRange} order by step, timestamp, value, is_nan) p) history
    cross join lateral (
      select ${beginning(key)}::text || string_agg(
        ${pointText(sql, sql`case when value = 'NaN' then '"NaN"' else value::text end`)}, between) || ending as wire
      from (
        select values[place] as value, timestamps[place] as timestamp, steps[place] as step
        from (
          select case when part = parts - 1 then total
            else part * (total / parts) + least(part, total % parts) + 1 end as place
          from generate_series(0, parts - 1) as part) places) p) sample`.raw();
  return row?.[0] ?? undefined;
}

/**
 * All points of one metric of several runs, by (run, timestamp, step, value), at most `limit` together.
 *
 * @returns the points as JSON, between commas; undefined where there are none.
 */
export async function readHistories(
  sql: Sql,
  scope: Scope,
  { runIds, key, limit }: { runIds: readonly string[]; key: string; limit: bigint },
): Promise<string | undefined> {
  const [row] = await sql`
    with run as materialized (
      select r.id, r.run_id, ${ending(sql)} from tabularium.runs r
      join tabularium.experiments e on e.id = r.experiment_id and e.workspace = ${scope.workspace}
      where r.run_id = any(${runIds}::text[]))
    select string_agg(${beginning(key)}::text || point || ending, ',') as wire
    from (
      select ${pointText(sql, valueText(sql))} as point, ending
      from run
      cross join lateral (${pointsOfRun(sql, key)} order by timestamp, step, value, is_nan limit ${limit}) p
      order by run.run_id, timestamp, step, value, is_nan limit ${limit}) p`;
  return row?.wire ?? undefined;
}
