import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { forgetDocument, runOf } from './documents.ts';
import { type DatasetInput, modelHistoryTag, tagLimit } from './rules.ts';

/** The run's stage where there is such a run; what is written is written to active runs only. */
type Stage = string | undefined;

const active = (sql: Sql, scope: Scope, runId: string): Fragment =>
  sql`${runOf(scope, runId)}, ready as (select * from run where lifecycle_stage = 'active'), ${forgetDocument}`;

/** How many rows of the table the run in `ready` has: what is logged now comes after them. */
const placesTaken = (sql: Sql, table: Fragment): Fragment =>
  sql`(select count(*) from ${table} where run = ready.id)`;

/** A data set or model that the run has already stays as it is. Unique violation where an input has a tag twice. */
export async function insertInputs(
  sql: Sql,
  scope: Scope,
  runId: string,
  { datasets, models }: { datasets: readonly DatasetInput[]; models: readonly string[] },
): Promise<Stage> {
  const tags = datasets.flatMap((dataset, position) => dataset.tags.map((tag) => ({ ...tag, position })));
  const column = (of: (dataset: DatasetInput) => string | undefined) =>
    datasets.map((dataset) => of(dataset) ?? null);
  const [row] = await sql`
    with ${active(sql, scope, runId)},
    sent as (
      select * from unnest(
        ${column((d) => d.name)}::text[], ${column((d) => d.digest)}::text[], ${column((d) => d.sourceType)}::text[],
        ${column((d) => d.source)}::text[], ${column((d) => d.schema)}::text[], ${column((d) => d.profile)}::text[],
        ${datasets.map((d) => d.place)}::integer[]
      ) with ordinality as s (name, digest, source_type, source, schema, profile, place, position)),
    known as (
      insert into tabularium.datasets (experiment_id, name, digest, source_type, source, schema, profile)
      select ready.experiment_id, name, digest, source_type, source, schema, profile
      from ready, sent order by position
      -- Changes nothing, and so returns those that were there.
      on conflict (experiment_id, name, digest) do update set name = excluded.name returning id, name, digest),
    added as (
      insert into tabularium.dataset_inputs (run, dataset_id, place)
      select ready.id, known.id, ${placesTaken(sql, sql`tabularium.dataset_inputs`)} + sent.place
      from ready, known join sent using (name, digest) order by known.id
      on conflict do nothing returning run, dataset_id),
    tagged as (
      insert into tabularium.dataset_input_tags (run, dataset_id, key, value)
      select added.run, added.dataset_id, t.key, t.value
      from added join known on known.id = added.dataset_id join sent using (name, digest)
      join unnest(
        ${tags.map((t) => String(t.position + 1))}::int8[], ${tags.map((t) => t.key)}::text[],
        ${tags.map((t) => t.value)}::text[]) as t (position, key, value) on t.position = sent.position),
    read as (
      insert into tabularium.model_inputs (run, model_id, place)
      select ready.id, m.model_id, ${placesTaken(sql, sql`tabularium.model_inputs`)} + m.place
      from ready, unnest(${models}::text[]) with ordinality as m (model_id, place) order by m.model_id, m.place
      on conflict do nothing)
    select lifecycle_stage as stage from run`;
  return row?.stage;
}

export interface ModelOutput {
  readonly modelId: string;
  readonly step: bigint;
}

/** Unique violation where the run has such an output already. */
export async function insertOutputs(
  sql: Sql,
  scope: Scope,
  runId: string,
  outputs: readonly ModelOutput[],
): Promise<Stage> {
  const [row] = await sql`
    with ${active(sql, scope, runId)},
    made as (
      insert into tabularium.model_outputs (run, model_id, step, place)
      select ready.id, m.model_id, m.step, ${placesTaken(sql, sql`tabularium.model_outputs`)} + m.place
      from ready, unnest(${outputs.map((o) => o.modelId)}::text[], ${outputs.map((o) => String(o.step))}::int8[])
        with ordinality as m (model_id, step, place)
      order by m.model_id)
    select lifecycle_stage as stage from run`;
  return row?.stage;
}

/**
 * Appends a model to the tag that lists them.
 *
 * @param summary JSON.
 * @returns the run's stage, and whether the tag took it: it does not where it holds no list, or would grow too long.
 */
export async function appendModelHistory(
  sql: Sql,
  scope: Scope,
  runId: string,
  summary: string,
): Promise<{ stage: string; appended: boolean } | undefined> {
  const [row] = await sql<{ stage: string; appended: boolean }[]>`
    with ${active(sql, scope, runId)},
    appended as (
      insert into tabularium.tags as t (run, experiment_id, key, value)
      select id, experiment_id, ${modelHistoryTag}, ${`[${summary}]`} from ready
      on conflict (run, key) do update
        set value = regexp_replace(t.value, '\\]$', case when t.value = '[]' then '' else ', ' end) || ${`${summary}]`}
        where t.value ~ '^\\[.*\\]$' and length(t.value) + ${summary.length + 2} <= ${tagLimit}
      returning 1)
    select lifecycle_stage as stage, exists (select from appended) as appended from run`;
  return row;
}
