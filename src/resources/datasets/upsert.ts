import { randomBytes } from 'node:crypto';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import type { SentRecord, SentRecords } from './records.ts';
import { datasetDigest } from './store.ts';

/**
 * Writes the records of a request, of a dataset that is locked: those whose inputs are there are changed, the others
 * added. With them change the dataset's schema, count, digest and time.
 *
 * @returns one row with how many were added; none where there is no such dataset.
 */
export function upsertRecords(
  sql: Sql,
  scope: Scope,
  datasetId: string,
  { sent, now }: { sent: SentRecords; now: bigint },
): Query {
  const { records, updatedBy, schema } = sent;
  const text = (of: (record: SentRecord) => string | null | undefined) =>
    sql`${records.map((record) => of(record) ?? null)}::text[]`;
  return sql`
    with dataset as (
      select workspace, dataset_id from tabularium.evaluation_datasets
      where workspace = ${scope.workspace} and dataset_id = ${datasetId}),
    sent as materialized (
      select * from dataset, unnest(
        ${newIds(records.length)}::text[], ${text((r) => r.inputHash)}, ${text((r) => r.inputs)},
        ${text((r) => r.added.outputs)}, ${text((r) => r.added.expectations)}, ${text((r) => r.added.tags)},
        ${text((r) => r.added.source)}, ${text((r) => r.added.sourceId)}, ${text((r) => r.added.createdBy)},
        ${text((r) => r.added.updatedBy)},
        ${text((r) => (r.changed.outputs === undefined ? null : 'given'))}, ${text((r) => r.changed.outputs)},
        ${text((r) => r.changed.expectations)}, ${text((r) => r.changed.tags)}, ${text((r) => r.changed.updatedBy)}
      ) as s (record_id, input_hash, inputs, outputs, expectations, tags, source, source_id, created_by, updated_by,
        has_outputs, new_outputs, new_expectations, new_tags, changed_by)),
    changed as (
      update tabularium.evaluation_dataset_records r set
        outputs = case when s.has_outputs is null then r.outputs else s.new_outputs::json end,
        expectations = case when s.new_expectations is null then r.expectations
          else ${joined(sql, sql`r.expectations`, sql`s.new_expectations::json`, 'after')} end,
        tags = case when s.new_tags is null then r.tags
          else ${joined(sql, sql`r.tags`, sql`s.new_tags::json`, 'after')} end,
        updated_at = ${now}, updated_by = coalesce(s.changed_by, r.updated_by)
      from sent s
      where r.workspace = s.workspace and r.dataset_id = s.dataset_id and r.input_hash = s.input_hash
      returning r.input_hash),
    added as (
      insert into tabularium.evaluation_dataset_records
        (workspace, dataset_id, input_hash, record_id, inputs, outputs, expectations, tags, source, source_id,
          created_at, updated_at, created_by, updated_by)
      select workspace, dataset_id, input_hash, record_id, inputs::json, outputs::json, expectations::json, tags::json,
        source::json, source_id, ${now}::int8, ${now}::int8, created_by, updated_by
      from sent where input_hash not in (select input_hash from changed)
      returning 1),
    counted as (select count(*) as added from added),
    given as (select ${schema?.whole ?? null}::json as schema, ${schema?.outputFields ?? null}::json as output_fields),
    marked as (
      update tabularium.evaluation_datasets d set
        num_records = case when counted.added > 0 then coalesce(d.num_records, 0) + counted.added else d.num_records end,
        schema = ${joinedSchema(sql)},
        digest = ${datasetDigest(sql, sql`d.name`, now)}, updated_at = ${now}, updated_by = ${updatedBy}
      from dataset, counted, given where d.workspace = dataset.workspace and d.dataset_id = dataset.dataset_id)
    select counted.added from dataset, counted`;
}

/** Ids in their order: records are read by the time at which they were added and, of one request, in its order. */
const newIds = (count: number): string[] =>
  Array.from({ length: count }, () => `dr-${randomBytes(16).toString('hex')}`).sort();

/**
 * Two JSON objects, of which one may be null: the keys of the first in their place, then those of the second. Written as
 * Python does.
 *
 * @param winner whose value counts for a key that both have.
 */
const joined = (sql: Sql, before: Fragment, after: Fragment, winner: 'before' | 'after'): Fragment => sql`(
  select ('{' || coalesce(string_agg(
    to_json(coalesce(b.key, a.key))::text || ': ' ||
      ${winner === 'before' ? sql`coalesce(b.value, a.value)` : sql`coalesce(a.value, b.value)`}::text,
    ', ' order by b.place, a.place), '') || '}')::json
  from json_each(${before}) with ordinality as b (key, value, place)
  full join json_each(${after}) with ordinality as a (key, value, place) on a.key = b.key)`;

/**
 * The schema of the dataset `d`, with the fields of `given`; either may be null. Its outputs are an object of types, or
 * the type of them all: what came first stays.
 */
function joinedSchema(sql: Sql): Fragment {
  const fields = (name: string) =>
    joined(sql, sql`d.schema -> ${name}`, sql`given.schema -> ${name}`, 'before');
  return sql`case
    when d.schema is null then given.schema
    when given.schema is null then d.schema
    else ('{"inputs": ' || ${fields('inputs')} || ', "outputs": ' || case
        when json_typeof(d.schema -> 'outputs') <> 'object' then d.schema -> 'outputs'
        when exists (select from json_each(d.schema -> 'outputs'))
          then ${joined(sql, sql`d.schema -> 'outputs'`, sql`given.output_fields`, 'before')}
        else given.schema -> 'outputs' end
      || ', "expectations": ' || ${fields('expectations')} || ', "version": "1.0"}')::json end`;
}
