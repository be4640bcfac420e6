import type { Call } from '../../contract/operation.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { nothing, part } from '../../db/part.ts';
import type { Point } from '../metrics/rules.ts';
import {
  insertKeys,
  insertPoints,
  knownKeys,
  pointKey,
  pointsToSend,
  type SentPoints,
} from '../metrics/store.ts';
import { forgetDocument, queueEnded, runOf, takeDocument } from './documents.ts';
import { renderInfo, renderRun } from './render.ts';
import {
  type Entry,
  modelMetricKey,
  modelMetricTaken,
  type ParamConflict,
  requireActiveRun,
  runNameTag,
  sortByKey,
  unknownModel,
} from './rules.ts';
import { addParams, addPoints, setTags } from './together.ts';

export interface RunOrigin {
  readonly artifactUri: string;
  readonly experimentId: string;
  readonly lifecycleStage: string;
}

export async function findRunOrigin(sql: Sql, scope: Scope, runId: string): Promise<RunOrigin | undefined> {
  const [row] = await sql<RunOrigin[]>`
    select r.artifact_uri as "artifactUri", r.experiment_id::text as "experimentId",
      r.lifecycle_stage as "lifecycleStage"
    from tabularium.runs r join tabularium.experiments e on e.id = r.experiment_id
    where e.workspace = ${scope.workspace} and r.run_id = ${runId}`;
  return row;
}

/** JSON. A document leaves out the models that the run read. */
export async function readRun(sql: Sql, scope: Scope, runId: string): Promise<string | undefined> {
  const [row] = await sql`select case
      when r.wire is not null and not exists (select from tabularium.model_inputs where run = r.id) then r.wire
      else ${renderRun(sql, { modelInputs: true })} end as wire
    from tabularium.runs r join tabularium.experiments e on e.id = r.experiment_id
    where e.workspace = ${scope.workspace} and r.run_id = ${runId}`;
  return row?.wire;
}

export interface NewRun {
  readonly runId: string;
  readonly experimentId: bigint;
  readonly name: string;
  readonly userId: string;
  readonly startTime: bigint;
  readonly artifactUri: string;
  readonly tags: readonly Entry[];
}

/** Unique violation where a tag stands there twice. */
export async function insertRun(sql: Sql, run: NewRun): Promise<void> {
  await sql`
    with created as (
      insert into tabularium.runs (run_id, experiment_id, name, user_id, status, start_time, artifact_uri)
      values (${run.runId}, ${run.experimentId}, ${run.name}, ${run.userId}, 'RUNNING', ${run.startTime},
        ${run.artifactUri})
      returning id, experiment_id)
    insert into tabularium.tags (run, experiment_id, key, value)
    select id, experiment_id, key, value from created, unnest(
      ${run.tags.map((tag) => tag.key)}::text[], ${run.tags.map((tag) => tag.value)}::text[]) as t (key, value)`;
}

export interface RunChange {
  readonly status: string | undefined;
  readonly endTime: bigint | undefined;
  /** Empty: as it was. */
  readonly name: string;
}

/** @returns the run's stage, and its new info as JSON where it is active. */
export async function updateRun(
  sql: Sql,
  scope: Scope,
  runId: string,
  { status = null, endTime = null, name }: { [K in keyof RunChange]: RunChange[K] | null },
): Promise<{ lifecycleStage: string; info: string | null } | undefined> {
  const [row] = await sql<{ lifecycleStage: string; info: string | null }[]>`
    with ${runOf(scope, runId)},
    changed as (
      update tabularium.runs r set status = coalesce(${status}, r.status),
        end_time = coalesce(${endTime}::int8, r.end_time), name = coalesce(nullif(${name}, ''), r.name), wire = null
      from run where r.id = run.id and r.lifecycle_stage = 'active' returning r.*),
    named as (
      insert into tabularium.tags (run, experiment_id, key, value)
      select id, experiment_id, ${runNameTag}, name from changed where ${name} <> ''
      on conflict (run, key) do update set value = excluded.value),
    ${queueEnded(part`changed`)}
    select run.lifecycle_stage as "lifecycleStage", (select ${renderInfo(sql)} from changed r) as info from run`;
  return row;
}

/** Whatever the stage was, as in MLflow. @returns whether there is such a run. */
export async function moveRun(
  sql: Sql,
  scope: Scope,
  runId: string,
  { to, now }: { to: 'active' | 'deleted'; now: bigint },
  record: (from: Fragment) => Fragment,
): Promise<boolean> {
  const rows = await sql`
    with ${runOf(scope, runId)},
    changed as (
      update tabularium.runs r
      set lifecycle_stage = ${to}, deleted_time = ${to === 'deleted' ? now : null}, wire = null
      from run where r.id = run.id returning r.id, r.status),
    ${queueEnded(part`changed`)},
    recorded as (${record(sql`changed`)})
    select from changed`;
  return rows.length > 0;
}

/** The CTEs that move the runs of the experiments in `changed` as their experiment moves. */
export const moveRunsOfChanged = (
  sql: Sql,
  { to, now }: { to: 'active' | 'deleted'; now: bigint },
): Fragment => sql`
  moved as (
    update tabularium.runs r
    set lifecycle_stage = ${to}, deleted_time = ${to === 'deleted' ? now : null}, wire = null
    from changed where r.experiment_id = changed.id returning r.id, r.status),
  ${queueEnded(part`moved`)}`;

/** @returns the run's stage, and whether the tag was there. */
export async function deleteTag(
  sql: Sql,
  scope: Scope,
  runId: string,
  key: string,
): Promise<{ lifecycleStage: string; deleted: boolean } | undefined> {
  const [row] = await sql<{ lifecycleStage: string; deleted: boolean }[]>`
    with ${runOf(scope, runId)},
    deleted as (
      delete from tabularium.tags t using run
      where t.run = run.id and t.key = ${key} and run.lifecycle_stage = 'active' returning 1),
    ${forgetDocument}
    select run.lifecycle_stage as "lifecycleStage", exists (select from deleted) as deleted from run`;
  return row;
}

/** What is logged at once, whole or not at all. */
export interface RunData {
  readonly params?: readonly Entry[];
  /** Sorted by key, each key once, and no empty name of the run. */
  readonly tags?: readonly Entry[];
  readonly points?: SentPoints | undefined;
}

interface Logged {
  readonly stage: string;
  /** Whether the run has a document, which must go first; then nothing was logged. */
  readonly rendered: boolean;
  readonly conflicts: ParamConflict[];
  readonly unknownModel: string | null;
  readonly unknownKeys: string[];
}

/**
 * Logs parameters, tags and points of an active run in one statement, which does all or nothing.
 *
 * A new metric's name is given its number first, once in the life of the database. A parameter never changes: of two
 * writers that add one at once, the statement of the later fails on the key; it runs again, and sees the other's value.
 *
 * @returns the parameters that stand there with another value: then nothing was logged.
 * @throws RESOURCE_DOES_NOT_EXIST for an unknown run, INVALID_PARAMETER_VALUE for a deleted one and for a point of an
 *   unknown logged model, RESOURCE_ALREADY_EXISTS where the model has another value of the metric at that time and step.
 */
export async function logToRun(call: Call, runId: string, data: RunData): Promise<readonly ParamConflict[]> {
  // A single point may well be sent twice, by a client that heard no answer; of a batch few are.
  let repeated = data.points?.all.only !== undefined;
  for (let attempt = 1; ; attempt++) {
    const logged = await call
      .write((sql) => logOnce(sql, call.scope, runId, data, { repeated }))
      .catch((error) => {
        const { code, constraint_name: constraint } = error as { code?: unknown; constraint_name?: unknown };
        if (code !== '23505' || attempt === 10) throw error;
        if (constraint === modelMetricKey) throw modelMetricTaken();
        repeated ||= constraint === pointKey;
        return 'raced' as const;
      });
    if (logged === 'raced') continue;
    requireActiveRun(runId, logged?.stage);
    if (logged.unknownModel !== null) throw unknownModel(logged.unknownModel);
    if (logged.conflicts.length > 0) return logged.conflicts;
    if (logged.rendered) await call.write((sql) => takeDocument(sql, call.scope, runId));
    else if (logged.unknownKeys.length === 0) return [];
    if (logged.unknownKeys.length > 0) await call.write((sql) => insertKeys(sql, logged.unknownKeys));
  }
}

/** Logs a point into an active run, as `logToRun` does. */
export async function logPoint(call: Call, runId: string, point: Point): Promise<void> {
  const alone = async () => {
    await logToRun(call, runId, { points: pointsToSend([point]) });
  };
  if (point.modelId !== null || point.datasetName !== null) return alone();
  return call.writeTogether(addPoints, { workspace: call.scope.workspace, runId, point }, alone);
}

/**
 * Logs a parameter of an active run, as `logToRun` does; most clients log them one by one, and this is half the work.
 *
 * @returns the other value that stands there: then nothing was logged.
 */
export const logParam = (call: Call, runId: string, param: Entry): Promise<ParamConflict | undefined> =>
  call.writeTogether(addParams, { workspace: call.scope.workspace, runId, ...param }, async () => {
    for (;;) {
      const row = await call.write((sql) => insertParam(sql, call.scope, runId, param));
      requireActiveRun(runId, row?.stage);
      if (row.added || row.old === param.value) return undefined;
      if (row.old !== null) return { key: param.key, old: row.old, new: param.value };
      // Else another writer has added it since the statement began; the next one sees it.
      if (row.rendered) await call.write((sql) => takeDocument(sql, call.scope, runId));
    }
  });

/** Sets a tag of an active run that is not its name, as `logToRun` does, for the same reason. */
export const setTag = (call: Call, runId: string, tag: Entry): Promise<void> =>
  call.writeTogether(setTags, { workspace: call.scope.workspace, runId, ...tag }, async () => {
    for (;;) {
      const row = await call.write((sql) => upsertTag(sql, call.scope, runId, tag));
      requireActiveRun(runId, row?.stage);
      if (!row.rendered) return;
      await call.write((sql) => takeDocument(sql, call.scope, runId));
    }
  });

async function upsertTag(
  sql: Sql,
  scope: Scope,
  runId: string,
  { key, value }: Entry,
): Promise<{ stage: string; rendered: boolean } | undefined> {
  const [row] = await sql<{ stage: string; rendered: boolean }[]>`
    with ${runOf(scope, runId)},
    tagged as (
      insert into tabularium.tags (run, experiment_id, key, value)
      select id, experiment_id, ${key}, ${value} from run where lifecycle_stage = 'active' and not rendered
      on conflict (run, key) do update set value = excluded.value)
    select lifecycle_stage as stage, rendered from run`;
  return row;
}

interface LoggedParam {
  readonly stage: string;
  readonly rendered: boolean;
  readonly added: boolean;
  readonly old: string | null;
}

async function insertParam(
  sql: Sql,
  scope: Scope,
  runId: string,
  { key, value }: Entry,
): Promise<LoggedParam | undefined> {
  const [row] = await sql<LoggedParam[]>`
    with ${runOf(scope, runId)},
    added as (
      insert into tabularium.params (run, experiment_id, key, value)
      select id, experiment_id, ${key}, ${value} from run where lifecycle_stage = 'active' and not rendered
      on conflict (run, key) do nothing returning 1)
    select lifecycle_stage as stage, rendered, exists (select from added) as added,
      (select value from tabularium.params where run = run.id and key = ${key}) as old
    from run`;
  return row;
}

async function logOnce(
  sql: Sql,
  scope: Scope,
  runId: string,
  { params = [], tags = [], points }: RunData,
  { repeated }: { repeated: boolean },
): Promise<Logged | undefined> {
  const models = points?.models ?? [];
  const name = tags.find(({ key }) => key === runNameTag)?.value;
  // CTEs that are not needed are left out: most requests log one thing.
  const [row] = await sql`
    with ${runOf(scope, runId)}
    ${params.length > 0 ? part`, ${sentParams(params)}` : nothing}
    ${points ? part`, ${knownKeys(points)}` : nothing}
    ${models.length > 0 ? part`, ${unknownModels(models)}` : nothing},
    ready as (
      select run.* from run where lifecycle_stage = 'active' and not rendered
      ${params.length > 0 ? part`and not exists (select from conflicts)` : nothing}
      ${points ? part`and not exists (select from unknown_keys)` : nothing}
      ${models.length > 0 ? part`and not exists (select from unknown_models)` : nothing})
    ${params.length > 0 ? part`, ${insertParams}` : nothing}
    ${points ? part`, ${insertPoints(points, { repeated })}` : nothing}
    ${tags.length > 0 ? part`, ${upsertTags(tags)}` : nothing}
    ${name ? part`, named as (update tabularium.runs r set name = ${name} from ready where r.id = ready.id)` : nothing}
    select run.lifecycle_stage as stage, rendered,
      ${params.length > 0 ? part`(select json_agg(conflicts) from conflicts)` : part`null`} as conflicts,
      ${points ? part`(select json_agg(key) from unknown_keys)` : part`null`} as unknown_keys,
      ${models.length > 0 ? part`(select min(model_id) from unknown_models)` : part`null`} as unknown_model
    from run`;
  return (
    row && {
      stage: row.stage,
      rendered: row.rendered,
      conflicts: row.conflicts ? JSON.parse(row.conflicts) : [],
      unknownModel: row.unknown_model,
      unknownKeys: row.unknown_keys ? JSON.parse(row.unknown_keys) : [],
    }
  );
}

/**
 * Rows (key, value, position). A single entry, as of set-tag, is stated as one: of a list the planner expects more, and
 * plans anew for each that is shorter.
 */
const entries = (list: readonly Entry[]): Fragment => {
  const [only, ...more] = list;
  return only && more.length === 0
    ? part`(values (${only.key}::text, ${only.value}::text, 1))`
    : part`unnest(${list.map((one) => one.key)}::text[], ${list.map((one) => one.value)}::text[]) with ordinality`;
};

const sentParams = (params: readonly Entry[]): Fragment => part`
  sent_params as (select * from ${entries(sortByKey(params))} as s (key, value, position)),
  conflicts as (
    select s.key, p.value as old, s.value as new from run
    join sent_params s on true join tabularium.params p on p.run = run.id and p.key = s.key
    where p.value <> s.value order by s.position)`;

const insertParams = part`
  added as (
    insert into tabularium.params (run, experiment_id, key, value)
    select ready.id, experiment_id, s.key, s.value from ready, sent_params s
    where not exists (select from tabularium.params p where p.run = ready.id and p.key = s.key) order by s.key)`;

const upsertTags = (tags: readonly Entry[]): Fragment => part`
  tagged as (
    insert into tabularium.tags (run, experiment_id, key, value)
    select ready.id, experiment_id, t.key, t.value from ready, ${entries(tags)} as t (key, value, position)
    on conflict (run, key) do update set value = excluded.value)`;

const unknownModels = (models: readonly string[]): Fragment => part`
  unknown_models as (
    select m.model_id from run, unnest(${models}::text[]) as m (model_id)
    where not exists (
      select from tabularium.logged_models l where l.workspace = run.workspace and l.model_id = m.model_id))`;
