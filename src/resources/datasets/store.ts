import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import type { RecordRow } from './records.ts';
import type { RecordPlace, Tag } from './rules.ts';

/** The dataset in alias `d` as clients read it: JSON. Tags, schema and profile are JSON in a text there. */
export const renderDataset = (
  sql: Sql,
  { tags, experimentIds }: { tags: Fragment; experimentIds: Fragment } = {
    tags: sql`tabularium.evaluation_dataset_tags`,
    experimentIds: sql`null`,
  },
): Fragment => sql`json_strip_nulls(json_build_object(
  'dataset_id', d.dataset_id, 'name', d.name,
  'tags', (
    select '{' || coalesce(string_agg(
      to_json(t.key)::text || ': ' || coalesce(to_json(t.value)::text, 'null'), ', ' order by t.key), '') || '}'
    from ${tags} t where t.workspace = d.workspace and t.dataset_id = d.dataset_id),
  'schema', d.schema::text,
  'profile', case when d.num_records = 0 then 'null' else '{"num_records": ' || d.num_records || '}' end,
  'digest', d.digest, 'created_time', d.created_at, 'last_update_time', d.updated_at,
  'created_by', d.created_by, 'last_updated_by', d.updated_by, 'experiment_ids', ${experimentIds}))`;

/** What tells one state of a dataset from another: made of its name and the time of its last change. */
export const datasetDigest = (sql: Sql, name: Fragment, time: bigint): Fragment =>
  sql`left(encode(sha256(convert_to(${name} || ':' || ${time}::int8, 'UTF8')), 'hex'), 8)`;

export interface NewDataset {
  readonly datasetId: string;
  readonly name: string;
  readonly user: string | null;
  readonly tags: readonly Tag[];
  readonly experimentIds: readonly string[];
  readonly now: bigint;
}

const tagRows = (sql: Sql, tags: readonly Tag[]): Fragment =>
  sql`unnest(${tags.map((t) => t.key)}::text[], ${tags.map((t) => t.value)}::text[]) as t (key, value)`;

/** Returns its wire form. Unique violation where an experiment is there twice. */
export async function insertDataset(sql: Sql, scope: Scope, dataset: NewDataset): Promise<string> {
  const { datasetId, name, user, tags, experimentIds, now } = dataset;
  const given = experimentIds.length > 0 ? sql`to_json(${experimentIds}::text[])` : sql`null`;
  const [row] = await sql`
    with created as (
      insert into tabularium.evaluation_datasets
        (workspace, dataset_id, name, digest, created_at, updated_at, created_by, updated_by)
      values (${scope.workspace}, ${datasetId}, ${name}, ${datasetDigest(sql, sql`${name}::text`, now)}, ${now}, ${now},
        ${user}, ${user})
      returning *),
    tagged as (
      insert into tabularium.evaluation_dataset_tags (workspace, dataset_id, key, value)
      select workspace, dataset_id, key, value from created, ${tagRows(sql, tags)} returning *),
    associated as (
      insert into tabularium.evaluation_dataset_experiments (workspace, dataset_id, experiment_id, created_at)
      select workspace, dataset_id, experiment_id, ${now}::int8 from created, unnest(${experimentIds}::text[]) as e (experiment_id))
    select ${renderDataset(sql, { tags: sql`tagged`, experimentIds: given })} as wire from created d`;
  return row?.wire;
}

/** JSON. */
export async function readDataset(sql: Sql, scope: Scope, datasetId: string): Promise<string | undefined> {
  const [row] = await sql`select ${renderDataset(sql)} as wire from tabularium.evaluation_datasets d
    where workspace = ${scope.workspace} and dataset_id = ${datasetId}`;
  return row?.wire;
}

/** With its records, tags and experiments. */
export async function deleteDataset(
  sql: Sql,
  scope: Scope,
  datasetId: string,
  record: (from: Fragment) => Fragment,
): Promise<void> {
  await sql`
    with deleted as (
      delete from tabularium.evaluation_datasets
      where workspace = ${scope.workspace} and dataset_id = ${datasetId} returning 1),
    recorded as (${record(sql`deleted`)})
    select from deleted`;
}

/** @returns whether there is such a dataset. Each key may be there once only. */
export async function upsertTags(
  sql: Sql,
  scope: Scope,
  datasetId: string,
  tags: readonly Tag[],
): Promise<boolean> {
  const rows = await sql`
    with dataset as (
      select workspace, dataset_id from tabularium.evaluation_datasets
      where workspace = ${scope.workspace} and dataset_id = ${datasetId}),
    tagged as (
      insert into tabularium.evaluation_dataset_tags (workspace, dataset_id, key, value)
      select workspace, dataset_id, key, value from dataset, ${tagRows(sql, tags)} order by key
      on conflict (workspace, dataset_id, key) do update set value = excluded.value)
    select from dataset`;
  return rows.length > 0;
}

export async function deleteTag(sql: Sql, scope: Scope, datasetId: string, key: string): Promise<void> {
  await sql`delete from tabularium.evaluation_dataset_tags
    where workspace = ${scope.workspace} and dataset_id = ${datasetId} and key = ${key}`;
}

/** By the time at which the dataset was added to them. */
export async function readExperimentIds(sql: Sql, scope: Scope, datasetId: string): Promise<string[]> {
  const rows = await sql`select experiment_id from tabularium.evaluation_dataset_experiments
    where workspace = ${scope.workspace} and dataset_id = ${datasetId} order by created_at, experiment_id`;
  return rows.map(({ experiment_id }) => experiment_id);
}

/**
 * Adds the dataset to experiments, all of them or, where one does not exist, none.
 *
 * @returns its wire form, and the first experiment that does not exist; undefined where there is no such dataset.
 */
export async function addToExperiments(
  sql: Sql,
  scope: Scope,
  datasetId: string,
  { experimentIds, now }: { experimentIds: readonly string[]; now: bigint },
): Promise<{ wire: string; missing: string | null } | undefined> {
  const [row] = await sql<{ wire: string; missing: string | null }[]>`
    with sent as (
      select experiment_id, place from unnest(${experimentIds}::text[]) with ordinality as s (experiment_id, place)),
    missing as (
      select s.experiment_id from sent s
      where not exists (
        select from tabularium.experiments e where e.workspace = ${scope.workspace}
          and e.id = case when s.experiment_id ~ '^(0|[1-9][0-9]{0,17})$' then s.experiment_id::int8 end)
      order by place limit 1),
    changed as (
      update tabularium.evaluation_datasets set updated_at = ${now}
      where workspace = ${scope.workspace} and dataset_id = ${datasetId} and not exists (select from missing)
      returning *),
    added as (
      insert into tabularium.evaluation_dataset_experiments (workspace, dataset_id, experiment_id, created_at)
      select distinct workspace, dataset_id, experiment_id, ${now}::int8 from changed, sent
      on conflict do nothing)
    select ${renderDataset(sql)} as wire, (select experiment_id from missing) as missing
    from (
      select * from changed union all
      select * from tabularium.evaluation_datasets
      where workspace = ${scope.workspace} and dataset_id = ${datasetId} and exists (select from missing)) d`;
  return row;
}

/**
 * Takes the dataset out of those of the experiments that it is in.
 *
 * @returns its wire form; undefined where there is no such dataset.
 */
export async function removeFromExperiments(
  sql: Sql,
  scope: Scope,
  datasetId: string,
  { experimentIds, now }: { experimentIds: readonly string[]; now: bigint },
): Promise<string | undefined> {
  const [row] = await sql`
    with removed as (
      delete from tabularium.evaluation_dataset_experiments
      where workspace = ${scope.workspace} and dataset_id = ${datasetId}
        and experiment_id = any(${experimentIds}::text[])
      returning 1),
    changed as (
      update tabularium.evaluation_datasets
      set updated_at = case when exists (select from removed) then ${now} else updated_at end
      where workspace = ${scope.workspace} and dataset_id = ${datasetId} returning *)
    select ${renderDataset(sql)} as wire from changed d`;
  return row?.wire;
}

/** Keeps other writers of records and their dataset waiting. No row where there is no such dataset. */
export const lockDataset = (sql: Sql, scope: Scope, datasetId: string): Query => sql`
  select from tabularium.evaluation_datasets
  where workspace = ${scope.workspace} and dataset_id = ${datasetId} for no key update`;

/** Of a locked dataset. One row with how many of the records there were. */
export const deleteRecords = (
  sql: Sql,
  scope: Scope,
  datasetId: string,
  recordIds: readonly string[],
  record: (from: Fragment) => Fragment,
): Query => sql`
  with deleted as (
    delete from tabularium.evaluation_dataset_records
    where workspace = ${scope.workspace} and dataset_id = ${datasetId} and record_id = any(${recordIds}::text[])
    returning 1),
  changed as (
    update tabularium.evaluation_datasets set num_records = num_records - (select count(*) from deleted)
    where workspace = ${scope.workspace} and dataset_id = ${datasetId}),
  recorded as (${record(sql`(select 1 from deleted limit 1) one`)})
  select count(*) as deleted from deleted`;

/** By the time at which they were added; none where there is no such dataset. */
export const readRecords = (
  sql: Sql,
  scope: Scope,
  datasetId: string,
  { after, limit }: { after: RecordPlace | undefined; limit: number },
): Promise<RecordRow[]> => sql<RecordRow[]>`
  select record_id as "recordId", inputs, outputs, expectations, tags, source, source_id as "sourceId",
    created_at as "createdAt", updated_at as "updatedAt", created_by as "createdBy", updated_by as "updatedBy"
  from tabularium.evaluation_dataset_records
  where workspace = ${scope.workspace} and dataset_id = ${datasetId}
    ${after ? sql`and (created_at, record_id) > (${after.createdAt}, ${after.recordId})` : sql``}
  order by created_at, record_id limit ${limit}`;
