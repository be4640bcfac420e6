import type { Kind, MlflowSchema } from './kind.ts';

/**
 * Evaluation datasets with their records. What is JSON in a table is a text in a record, so that numbers and the order
 * of keys stay as they were written.
 */

const workspace = (db: MlflowSchema) =>
  db.has('evaluation_datasets', 'workspace') ? 'd.workspace' : "'default'";

/** Rows of a schema that has evaluation datasets. */
const since = (rows: (db: MlflowSchema) => string) => (db: MlflowSchema) =>
  db.has('evaluation_datasets') ? rows(db) : undefined;

/** MLflow writes None to a column of JSON as null. */
const json = (column: string) => `nullif(cast(${column} as text), 'null')`;

export const evaluationDataset: Kind = {
  name: 'evaluation_dataset',
  fields: {
    workspace: 'text',
    dataset_id: 'text',
    name: 'text',
    schema: 'text',
    num_records: 'bigint',
    digest: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
    created_by: 'text',
    updated_by: 'text',
  },
  key: ['dataset_id'],
  // The profile has nothing but the number of records.
  mlflow: since(
    (db) => `
    select ${workspace(db)} as workspace, d.dataset_id, d.name, d.schema,
      case when d.profile is not null then
        (select count(*) from evaluation_dataset_records r where r.dataset_id = d.dataset_id) end as num_records,
      coalesce(d.digest, '') as digest, coalesce(d.created_time, 0) as created_at,
      coalesce(d.last_update_time, d.created_time, 0) as updated_at, d.created_by, d.last_updated_by as updated_by
    from evaluation_datasets d`,
  ),
  ours: `select workspace, dataset_id, name, schema::text, num_records, digest, created_at, updated_at, created_by,
    updated_by from tabularium.evaluation_datasets`,
  order: 'workspace, dataset_id',
  write: [
    `insert into tabularium.evaluation_datasets (workspace, dataset_id, name, schema, num_records, digest, created_at,
      updated_at, created_by, updated_by)
    select workspace, dataset_id, name, schema::json, num_records, digest, created_at, updated_at, created_by, updated_by
    from s order by workspace, dataset_id`,
  ],
  taken: `select 'the evaluation dataset ' || dataset_id as what from s
    join tabularium.evaluation_datasets d using (workspace, dataset_id)`,
};

const tag: Kind = {
  name: 'evaluation_dataset_tag',
  fields: { workspace: 'text', dataset_id: 'text', key: 'text', value: 'text' },
  key: ['dataset_id', 'key'],
  mlflow: since(
    (db) => `
    select ${workspace(db)} as workspace, t.dataset_id, t.key, t.value
    from evaluation_dataset_tags t join evaluation_datasets d on d.dataset_id = t.dataset_id`,
  ),
  ours: 'select workspace, dataset_id, key, value from tabularium.evaluation_dataset_tags',
  order: 'workspace, dataset_id, key',
  write: [
    `insert into tabularium.evaluation_dataset_tags (workspace, dataset_id, key, value)
    select workspace, dataset_id, s.key, s.value
    from s join tabularium.evaluation_datasets d using (workspace, dataset_id) order by workspace, dataset_id, s.key`,
  ],
};

/** The experiments of datasets, also those that are not there any more. */
const experiment: Kind = {
  name: 'evaluation_dataset_experiment',
  fields: { workspace: 'text', dataset_id: 'text', experiment_id: 'text', created_at: 'bigint' },
  key: ['dataset_id', 'experiment_id'],
  mlflow: since(
    (db) => `
    select ${workspace(db)} as workspace, a.source_id as dataset_id, a.destination_id as experiment_id,
      coalesce(a.created_time, 0) as created_at
    from entity_associations a join evaluation_datasets d on d.dataset_id = a.source_id
    where a.source_type = 'evaluation_dataset' and a.destination_type = 'experiment'`,
  ),
  ours: 'select workspace, dataset_id, experiment_id, created_at from tabularium.evaluation_dataset_experiments',
  order: 'workspace, dataset_id, experiment_id',
  write: [
    `insert into tabularium.evaluation_dataset_experiments (workspace, dataset_id, experiment_id, created_at)
    select workspace, dataset_id, s.experiment_id, s.created_at
    from s join tabularium.evaluation_datasets d using (workspace, dataset_id)
    order by workspace, dataset_id, s.experiment_id`,
  ],
};

/** MLflow wraps outputs, which may be any JSON, in an object: {"mlflow_wrapped": 5}. */
const outputs = (db: MlflowSchema) =>
  db.has('evaluation_dataset_records', 'outputs')
    ? `case when cast(r.outputs as text) like '{"mlflow_wrapped": %'
        then substr(cast(r.outputs as text), 20, length(cast(r.outputs as text)) - 20) end`
    : 'null';

const record: Kind = {
  name: 'evaluation_dataset_record',
  fields: {
    workspace: 'text',
    dataset_id: 'text',
    input_hash: 'text',
    record_id: 'text',
    inputs: 'text',
    outputs: 'text',
    expectations: 'text',
    tags: 'text',
    source: 'text',
    source_id: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
    created_by: 'text',
    updated_by: 'text',
  },
  key: ['dataset_id', 'input_hash'],
  mlflow: since(
    (db) => `
    select ${workspace(db)} as workspace, r.dataset_id, r.input_hash, r.dataset_record_id as record_id,
      cast(r.inputs as text) as inputs, ${outputs(db)} as outputs, ${json('r.expectations')} as expectations,
      coalesce(${json('r.tags')}, '{}') as tags, ${json('r.source')} as source, r.source_id,
      coalesce(r.created_time, 0) as created_at, coalesce(r.last_update_time, r.created_time, 0) as updated_at,
      r.created_by, r.last_updated_by as updated_by
    from evaluation_dataset_records r join evaluation_datasets d on d.dataset_id = r.dataset_id`,
  ),
  ours: `select workspace, dataset_id, input_hash, record_id, inputs::text, outputs::text, expectations::text,
    tags::text, source::text, source_id, created_at, updated_at, created_by, updated_by
    from tabularium.evaluation_dataset_records`,
  order: 'workspace, dataset_id, input_hash',
  write: [
    // As every writer of records does.
    `select from tabularium.evaluation_datasets d
    where (workspace, dataset_id) in (select workspace, dataset_id from s)
    order by workspace, dataset_id for no key update`,
    `insert into tabularium.evaluation_dataset_records (workspace, dataset_id, input_hash, record_id, inputs, outputs,
      expectations, tags, source, source_id, created_at, updated_at, created_by, updated_by)
    select workspace, dataset_id, s.input_hash, s.record_id, s.inputs::json, s.outputs::json, s.expectations::json,
      s.tags::json, s.source::json, s.source_id, s.created_at, s.updated_at, s.created_by, s.updated_by
    from s join tabularium.evaluation_datasets d using (workspace, dataset_id)
    order by workspace, dataset_id, s.input_hash`,
  ],
};

export const belongings: readonly Kind[] = [tag, experiment, record];
