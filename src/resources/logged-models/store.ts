import { dumpText } from '../../contract/python.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { type Entry, statuses } from './rules.ts';

interface Children {
  readonly tags: Fragment;
  readonly params: Fragment;
}

const stored = (sql: Sql): Children => ({
  tags: sql`tabularium.logged_model_tags`,
  params: sql`tabularium.logged_model_params`,
});

/**
 * The wire's LoggedModel of the row `m`, as JSON. Every point that was logged for the model is one of its metrics, as
 * in MLflow, where a NaN reads as 0 here.
 */
export const rendered = (
  sql: Sql,
  { tags, params }: Children = stored(sql),
): Fragment => sql`json_build_object(
  'info', json_strip_nulls(json_build_object(
    'model_id', m.model_id,
    'experiment_id', m.experiment_id::text,
    'name', m.name,
    'creation_timestamp_ms', m.created_at,
    'last_updated_timestamp_ms', m.updated_at,
    'artifact_uri', m.artifact_location,
    'status', (${statuses}::text[])[m.status + 1],
    'model_type', m.model_type,
    'source_run_id', m.source_run_id,
    'tags', (
      select json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key)
      from ${tags} t where t.workspace = m.workspace and t.model_id = m.model_id))),
  'data', json_strip_nulls(json_build_object(
    'params', (
      select json_agg(json_build_object('key', p.key, 'value', p.value) order by p.key)
      from ${params} p where p.workspace = m.workspace and p.model_id = m.model_id),
    'metrics', (
      select json_agg(
        json_build_object('key', k.key, 'value', p.value, 'timestamp', p.timestamp, 'step', p.step,
          'dataset_name', p.dataset_name, 'dataset_digest', p.dataset_digest, 'model_id', p.model_id, 'run_id', r.run_id)
        order by k.key, p.timestamp, p.step, r.run_id, p.value)
      from tabularium.metrics p
      join tabularium.metric_keys k on k.id = p.key_id
      join tabularium.runs r on r.id = p.run
      where p.model_id = m.model_id))))`;

export interface NewModel {
  readonly modelId: string;
  readonly experimentId: bigint;
  readonly name: string;
  readonly artifactLocation: string;
  readonly modelType: string;
  readonly sourceRunId: string;
  readonly tags: readonly Entry[];
  readonly params: readonly Entry[];
  readonly now: bigint;
}

const entries = (sql: Sql, list: readonly Entry[]): Fragment =>
  sql`unnest(${list.map((e) => e.key)}::text[], ${list.map((e) => e.value)}::text[]) as t (key, value)`;

/** Inserts the model with its tags and parameters; returns its wire form. Unique violation where a key is there twice. */
export async function insertModel(sql: Sql, scope: Scope, model: NewModel): Promise<string> {
  const [row] = await sql`
    with created as (
      insert into tabularium.logged_models
        (workspace, model_id, experiment_id, name, artifact_location, created_at, updated_at, model_type, source_run_id)
      values (${scope.workspace}, ${model.modelId}, ${model.experimentId}, ${model.name}, ${model.artifactLocation},
        ${model.now}, ${model.now}, ${model.modelType}, ${model.sourceRunId})
      returning *),
    created_tags as (
      insert into tabularium.logged_model_tags (workspace, model_id, experiment_id, key, value)
      select workspace, model_id, experiment_id, key, value from created, ${entries(sql, model.tags)}
      returning *),
    created_params as (
      insert into tabularium.logged_model_params (workspace, model_id, experiment_id, key, value)
      select workspace, model_id, experiment_id, key, value from created, ${entries(sql, model.params)}
      returning *)
    select ${rendered(sql, { tags: sql`created_tags`, params: sql`created_params` })} as wire from created m`;
  return row?.wire;
}

export async function findModel(
  sql: Sql,
  scope: Scope,
  modelId: string,
  deletedToo: boolean,
): Promise<string | undefined> {
  const [row] = await sql`select ${rendered(sql)} as wire from tabularium.logged_models m
    where workspace = ${scope.workspace} and model_id = ${modelId} and (lifecycle_stage = 'active' or ${deletedToo})`;
  return row?.wire;
}

/** Where the model's artifacts lie and what made it; undefined where there is no such model, or it is deleted. */
export async function findLoggedModelOrigin(
  sql: Sql,
  scope: Scope,
  modelId: string,
): Promise<{ artifactLocation: string; sourceRunId: string | undefined; experimentId: string } | undefined> {
  const [row] =
    await sql`select artifact_location, source_run_id, experiment_id::text from tabularium.logged_models
    where workspace = ${scope.workspace} and model_id = ${modelId} and lifecycle_stage = 'active'`;
  return (
    row && {
      artifactLocation: row.artifact_location,
      sourceRunId: row.source_run_id || undefined,
      experimentId: row.experiment_id,
    }
  );
}

/** Sets the status, of deleted models too; returns the wire form, undefined where there is no such model. */
export async function updateStatus(
  sql: Sql,
  scope: Scope,
  modelId: string,
  change: { status: number; now: bigint },
): Promise<string | undefined> {
  const [row] = await sql`
    with changed as (
      update tabularium.logged_models set status = ${change.status}, updated_at = ${change.now}
      where workspace = ${scope.workspace} and model_id = ${modelId} returning *)
    select ${rendered(sql)} as wire from changed m`;
  return row?.wire;
}

/** Hides the model, also once more; one row where there is such a model. */
export const deleteModel = (
  sql: Sql,
  scope: Scope,
  modelId: string,
  now: bigint,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    update tabularium.logged_models set lifecycle_stage = 'deleted', updated_at = ${now}
    where workspace = ${scope.workspace} and model_id = ${modelId} returning 1),
  recorded as (${record(sql`changed`)})
  select from changed`;

/** The model's key and experiment, for the rows of its tags and parameters. */
const model = (sql: Sql, scope: Scope, modelId: string): Fragment => sql`
  select workspace, model_id, experiment_id from tabularium.logged_models
  where workspace = ${scope.workspace} and model_id = ${modelId}`;

/** One row where there is such a model. Each key may be there once only. */
export const upsertTags = (sql: Sql, scope: Scope, modelId: string, tags: readonly Entry[]): Query => sql`
  with model as (${model(sql, scope, modelId)}),
  changed as (
    insert into tabularium.logged_model_tags (workspace, model_id, experiment_id, key, value)
    select workspace, model_id, experiment_id, key, value from model, ${entries(sql, tags)} order by key
    on conflict (workspace, model_id, key) do update set value = excluded.value)
  select from model`;

/** One row where there is such a model, telling whether it had the tag. */
export async function deleteTag(
  sql: Sql,
  scope: Scope,
  modelId: string,
  key: string,
): Promise<{ deleted: boolean } | undefined> {
  const [row] = await sql<{ deleted: boolean }[]>`
    with deleted as (
      delete from tabularium.logged_model_tags
      where workspace = ${scope.workspace} and model_id = ${modelId} and key = ${key} returning 1)
    select exists (select from deleted) as deleted from (${model(sql, scope, modelId)}) m`;
  return row;
}

/** One row where there is such a model. Unique violation where it has one of the keys, or a key is there twice. */
export const insertParams = (sql: Sql, scope: Scope, modelId: string, params: readonly Entry[]): Query => sql`
  with model as (${model(sql, scope, modelId)}),
  changed as (
    insert into tabularium.logged_model_params (workspace, model_id, experiment_id, key, value)
    select workspace, model_id, experiment_id, key, value from model, ${entries(sql, params)} order by key)
  select from model`;

const versionsTag = 'mlflow.modelVersions';

/**
 * Appends `{"name": …, "version": …}` to the model's tag `mlflow.modelVersions`, a list of all registered versions
 * made from it. An upsert waits for the writer before it and appends to what that one left, so none is lost. Text is
 * appended to text: what a client put there stays as it wrote it, and what is no list is replaced.
 *
 * @param version a number, or an expression for it; where that is null nothing changes.
 */
export const appendModelVersion = (
  sql: Sql,
  scope: Scope,
  modelId: string,
  { name, version }: { name: string; version: Fragment | number },
): Query => sql`
  insert into tabularium.logged_model_tags as t (workspace, model_id, experiment_id, key, value)
  select workspace, model_id, experiment_id, ${versionsTag},
    ${`[{"name": ${dumpText(name)}, "version": `} || version || '}]'
  from (${model(sql, scope, modelId)}) m, (select (${version})::integer as version) v
  where version is not null
  on conflict (workspace, model_id, key) do update set value = case
    when t.value ~ '^\\s*\\[.*\\S.*\\]\\s*$' then regexp_replace(t.value, '\\]\\s*$', ', ') || substr(excluded.value, 2)
    else excluded.value end`;
