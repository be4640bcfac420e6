import type { Kind, MlflowSchema } from './kind.ts';

/** Experiments, runs and logged models, and what hangs on them. A NULL that ours does not know is what MLflow reads it as. */

const workspace = (db: MlflowSchema) => (db.has('experiments', 'workspace') ? 'e.workspace' : "'default'");

export const experiment: Kind = {
  name: 'experiment',
  fields: {
    workspace: 'text',
    id: 'bigint',
    name: 'text',
    artifact_location: 'text',
    lifecycle_stage: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
  },
  key: ['id'],
  mlflow: (db) => `
    select ${workspace(db)} as workspace, e.experiment_id as id, e.name,
      coalesce(e.artifact_location, '') as artifact_location, coalesce(e.lifecycle_stage, 'active') as lifecycle_stage,
      coalesce(e.creation_time, 0) as created_at, coalesce(e.last_update_time, e.creation_time, 0) as updated_at
    from experiments e`,
  ours: 'select workspace, id, name, artifact_location, lifecycle_stage, created_at, updated_at from tabularium.experiments',
  order: 'id',
  write: [
    // The experiment Default, which each server makes at its first start, becomes that of the source.
    `insert into tabularium.experiments (workspace, id, name, artifact_location, lifecycle_stage, created_at, updated_at)
    select workspace, id, name, artifact_location, lifecycle_stage, created_at, updated_at from s order by line
    on conflict (id) do update set workspace = excluded.workspace, name = excluded.name,
      artifact_location = excluded.artifact_location, lifecycle_stage = excluded.lifecycle_stage,
      created_at = excluded.created_at, updated_at = excluded.updated_at
    where experiments.id = 0`,
    `select setval('tabularium.experiments_id_seq', top)
    from (select max(id) as top from tabularium.experiments) t, tabularium.experiments_id_seq q
    where top > 0 and top >= q.last_value`,
  ],
  taken: `
    select 'the experiment ' || e.id || ' "' || e.name || '"' as what
    from s join tabularium.experiments e on e.id = s.id or (e.workspace = s.workspace and e.name = s.name)
    where e.id <> 0 or s.id <> 0 or exists (select from tabularium.runs where experiment_id = 0)
      or exists (select from tabularium.logged_models where experiment_id = 0)`,
};

const experimentTag: Kind = {
  name: 'experiment_tag',
  fields: { experiment_id: 'bigint', key: 'text', value: 'text' },
  key: ['experiment_id', 'key'],
  mlflow: () => `select experiment_id, key, coalesce(value, '') as value from experiment_tags`,
  ours: 'select experiment_id, key, value from tabularium.experiment_tags',
  order: 'experiment_id, key',
  write: [
    `insert into tabularium.experiment_tags (experiment_id, key, value)
    select e.id, s.key, s.value from s join tabularium.experiments e on e.id = s.experiment_id order by e.id, s.key
    on conflict (experiment_id, key) do update set value = excluded.value where experiment_tags.experiment_id = 0`,
  ],
};

const run: Kind = {
  name: 'run',
  fields: {
    run_id: 'text',
    experiment_id: 'bigint',
    name: 'text',
    user_id: 'text',
    status: 'text',
    lifecycle_stage: 'text',
    start_time: 'bigint',
    end_time: 'bigint',
    deleted_time: 'bigint',
    artifact_uri: 'text',
  },
  key: ['run_id'],
  mlflow: () => `
    select r.run_uuid as run_id, r.experiment_id,
      coalesce(nullif(r.name, ''),
        (select t.value from tags t where t.run_uuid = r.run_uuid and t.key = 'mlflow.runName'), '') as name,
      coalesce(r.user_id, '') as user_id, coalesce(r.status, 'SCHEDULED') as status,
      coalesce(r.lifecycle_stage, 'active') as lifecycle_stage, coalesce(r.start_time, 0) as start_time,
      r.end_time, r.deleted_time, coalesce(r.artifact_uri, '') as artifact_uri
    from runs r`,
  ours: `select id, run_id, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time, deleted_time,
    artifact_uri from tabularium.runs`,
  order: 'id',
  write: [
    `insert into tabularium.runs (run_id, experiment_id, name, user_id, status, lifecycle_stage, start_time, end_time,
      deleted_time, artifact_uri)
    select s.run_id, e.id, s.name, s.user_id, s.status, s.lifecycle_stage, s.start_time, s.end_time, s.deleted_time,
      s.artifact_uri
    from s join tabularium.experiments e on e.id = s.experiment_id order by s.line`,
  ],
  taken: `select 'the run ' || run_id as what from s join tabularium.runs r using (run_id)`,
};

/** Parameters and tags of runs. */
const entryOfRun = (name: string, table: string): Kind => ({
  name,
  fields: { run_id: 'text', key: 'text', value: 'text' },
  key: ['run_id', 'key'],
  mlflow: () => `select run_uuid as run_id, key, coalesce(value, '') as value from ${table}`,
  ours: `select t.run, r.run_id, t.key, t.value from tabularium.${table} t join tabularium.runs r on r.id = t.run`,
  order: 'run, key',
  write: [
    `insert into tabularium.${table} (run, experiment_id, key, value)
    select r.id, r.experiment_id, s.key, s.value from s join tabularium.runs r using (run_id) order by r.id, s.key`,
  ],
});

const latestMetric: Kind = {
  name: 'latest_metric',
  fields: {
    run_id: 'text',
    key: 'text',
    value: 'float8',
    is_nan: 'boolean',
    step: 'bigint',
    timestamp: 'bigint',
  },
  key: ['run_id', 'key'],
  mlflow: () => 'select run_uuid as run_id, key, value, is_nan, step, timestamp from latest_metrics',
  ours: `select m.run, r.run_id, k.key, m.value, m.is_nan, m.step, m.timestamp from tabularium.latest_metrics m
    join tabularium.runs r on r.id = m.run join tabularium.metric_keys k on k.id = m.key_id`,
  order: 'run, key',
  write: [
    numberOfKeys(),
    `insert into tabularium.latest_metrics
      (run, key_id, experiment_id, start_time, value, is_nan, step, timestamp)
    select r.id, k.id, r.experiment_id, r.start_time, s.value, s.is_nan, s.step, s.timestamp
    from s join tabularium.runs r using (run_id) join tabularium.metric_keys k using (key) order by r.id, k.id`,
  ],
};

/** Gives the names of metrics that are new their numbers. */
function numberOfKeys(): string {
  return `insert into tabularium.metric_keys (key)
    select distinct key from s where not exists (select from tabularium.metric_keys k where k.key = s.key) order by key
    on conflict do nothing`;
}

const point = {
  run_id: 'text',
  key: 'text',
  timestamp: 'bigint',
  step: 'bigint',
  value: 'float8',
  is_nan: 'boolean',
} as const;

const metric: Kind = {
  name: 'metric',
  fields: point,
  key: Object.keys(point),
  mlflow: () => 'select run_uuid as run_id, key, timestamp, step, value, is_nan from metrics',
  ours: `select m.run, r.run_id, k.key, m.timestamp, m.step, m.value, m.is_nan from tabularium.metrics m
    join tabularium.runs r on r.id = m.run join tabularium.metric_keys k on k.id = m.key_id where m.model_id is null`,
  order: 'run, key, timestamp, step, value, is_nan',
  write: [
    numberOfKeys(),
    `insert into tabularium.metrics (run, key_id, timestamp, step, value, is_nan)
    select r.id, k.id, s.timestamp, s.step, s.value, s.is_nan
    from s join tabularium.runs r using (run_id) join tabularium.metric_keys k using (key)
    order by r.id, k.id, s.timestamp, s.step, s.value`,
  ],
};

/** The points of logged models, which MLflow keeps in a table of their own, besides those of the run: there a NaN is 0. */
const modelMetric: Kind = {
  name: 'logged_model_metric',
  fields: { ...point, model_id: 'text', dataset_name: 'text', dataset_digest: 'text' },
  key: ['model_id', 'key', 'timestamp', 'step', 'run_id'],
  mlflow: (db) =>
    db.has('logged_model_metrics')
      ? `
    select l.run_id, l.metric_name as key, l.metric_timestamp_ms as timestamp, l.metric_step as step,
      coalesce(l.metric_value, 0) as value,
      coalesce(l.metric_value, 0) = 0 and exists (
        select 1 from metrics m where m.run_uuid = l.run_id and m.key = l.metric_name
          and m.timestamp = l.metric_timestamp_ms and m.step = l.metric_step and m.is_nan) as is_nan,
      l.model_id, l.dataset_name, l.dataset_digest
    from logged_model_metrics l`
      : undefined,
  ours: `select m.run, r.run_id, k.key, m.timestamp, m.step, m.value, m.is_nan, m.model_id, m.dataset_name,
      m.dataset_digest
    from tabularium.metrics m join tabularium.runs r on r.id = m.run join tabularium.metric_keys k on k.id = m.key_id
    where m.model_id is not null`,
  order: 'run, key, timestamp, step, value, is_nan, model_id',
  write: [
    numberOfKeys(),
    `insert into tabularium.metrics
      (run, key_id, timestamp, step, value, is_nan, model_id, dataset_name, dataset_digest)
    select r.id, k.id, s.timestamp, s.step, s.value, s.is_nan, s.model_id, s.dataset_name, s.dataset_digest
    from s join tabularium.runs r using (run_id) join tabularium.metric_keys k using (key)
    order by r.id, k.id, s.timestamp, s.step, s.value, s.model_id`,
  ],
};

const dataset: Kind = {
  name: 'dataset',
  fields: {
    experiment_id: 'bigint',
    name: 'text',
    digest: 'text',
    source_type: 'text',
    source: 'text',
    schema: 'text',
    profile: 'text',
  },
  key: ['experiment_id', 'name', 'digest'],
  mlflow: () => `
    select experiment_id, name, digest, dataset_source_type as source_type, dataset_source as source,
      dataset_schema as schema, dataset_profile as profile
    from datasets`,
  ours: 'select id, experiment_id, name, digest, source_type, source, schema, profile from tabularium.datasets',
  order: 'id',
  write: [
    `insert into tabularium.datasets (experiment_id, name, digest, source_type, source, schema, profile)
    select e.id, s.name, s.digest, s.source_type, s.source, s.schema, s.profile
    from s join tabularium.experiments e on e.id = s.experiment_id order by s.line`,
  ],
};

/** The order in which a run logged its inputs or outputs, as far as MLflow's table tells it. */
const place = ({ rowOrder }: MlflowSchema, owner: 'source' | 'destination') => `
  (select count(*) from inputs j where j.${owner}_type = i.${owner}_type and j.${owner}_id = i.${owner}_id
    and j.${rowOrder} < i.${rowOrder}) as place`;

const datasetInput: Kind = {
  name: 'dataset_input',
  fields: { run_id: 'text', experiment_id: 'bigint', name: 'text', digest: 'text', place: 'integer' },
  key: ['run_id', 'experiment_id', 'name', 'digest'],
  mlflow: (db) => `
    select i.destination_id as run_id, d.experiment_id, d.name, d.digest, ${place(db, 'destination')}
    from inputs i join datasets d on d.dataset_uuid = i.source_id
    where i.source_type = 'DATASET' and i.destination_type = 'RUN'`,
  ours: `select i.run, i.dataset_id, r.run_id, d.experiment_id, d.name, d.digest, i.place
    from tabularium.dataset_inputs i join tabularium.runs r on r.id = i.run
    join tabularium.datasets d on d.id = i.dataset_id`,
  order: 'run, dataset_id',
  write: [
    `insert into tabularium.dataset_inputs (run, dataset_id, place)
    select r.id, d.id, s.place from s join tabularium.runs r using (run_id)
    join tabularium.datasets d on d.experiment_id = s.experiment_id and d.name = s.name and d.digest = s.digest order by r.id, d.id`,
  ],
};

const datasetInputTag: Kind = {
  name: 'dataset_input_tag',
  fields: {
    run_id: 'text',
    experiment_id: 'bigint',
    name: 'text',
    digest: 'text',
    key: 'text',
    value: 'text',
  },
  key: ['run_id', 'experiment_id', 'name', 'digest', 'key'],
  mlflow: () => `
    select i.destination_id as run_id, d.experiment_id, d.name, d.digest, t.name as key, t.value
    from input_tags t join inputs i on i.input_uuid = t.input_uuid join datasets d on d.dataset_uuid = i.source_id
    where i.source_type = 'DATASET' and i.destination_type = 'RUN'`,
  ours: `select t.run, t.dataset_id, r.run_id, d.experiment_id, d.name, d.digest, t.key, t.value
    from tabularium.dataset_input_tags t join tabularium.runs r on r.id = t.run
    join tabularium.datasets d on d.id = t.dataset_id`,
  order: 'run, dataset_id, key',
  write: [
    `insert into tabularium.dataset_input_tags (run, dataset_id, key, value)
    select i.run, i.dataset_id, s.key, s.value from s join tabularium.runs r using (run_id)
    join tabularium.datasets d on d.experiment_id = s.experiment_id and d.name = s.name and d.digest = s.digest
    join tabularium.dataset_inputs i on i.run = r.id and i.dataset_id = d.id order by i.run, i.dataset_id, s.key`,
  ],
};

const modelInput: Kind = {
  name: 'model_input',
  fields: { run_id: 'text', model_id: 'text', place: 'integer' },
  key: ['run_id', 'model_id'],
  mlflow: (db) => `
    select i.source_id as run_id, i.destination_id as model_id, ${place(db, 'source')} from inputs i
    where i.source_type = 'RUN_INPUT' and i.destination_type = 'MODEL_INPUT'`,
  ours: `select i.run, r.run_id, i.model_id, i.place
    from tabularium.model_inputs i join tabularium.runs r on r.id = i.run`,
  order: 'run, model_id',
  write: [
    `insert into tabularium.model_inputs (run, model_id, place)
    select r.id, s.model_id, s.place from s join tabularium.runs r using (run_id) order by r.id, s.model_id`,
  ],
};

const modelOutput: Kind = {
  name: 'model_output',
  fields: { run_id: 'text', model_id: 'text', step: 'bigint', place: 'integer' },
  key: ['run_id', 'model_id'],
  mlflow: (db) =>
    db.has('inputs', 'step')
      ? `
    select i.source_id as run_id, i.destination_id as model_id, i.step, ${place(db, 'source')} from inputs i
    where i.source_type = 'RUN_OUTPUT' and i.destination_type = 'MODEL_OUTPUT'`
      : undefined,
  ours: `select o.run, r.run_id, o.model_id, o.step, o.place
    from tabularium.model_outputs o join tabularium.runs r on r.id = o.run`,
  order: 'run, model_id',
  write: [
    `insert into tabularium.model_outputs (run, model_id, step, place)
    select r.id, s.model_id, s.step, s.place from s join tabularium.runs r using (run_id) order by r.id, s.model_id`,
  ],
};

const loggedModel: Kind = {
  name: 'logged_model',
  fields: {
    workspace: 'text',
    model_id: 'text',
    experiment_id: 'bigint',
    name: 'text',
    artifact_location: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
    status: 'integer',
    lifecycle_stage: 'text',
    model_type: 'text',
    source_run_id: 'text',
  },
  key: ['model_id'],
  mlflow: (db) =>
    db.has('logged_models')
      ? `
    select ${workspace(db)} as workspace, m.model_id, m.experiment_id, m.name, m.artifact_location,
      m.creation_timestamp_ms as created_at, m.last_updated_timestamp_ms as updated_at, m.status,
      coalesce(m.lifecycle_stage, 'active') as lifecycle_stage, coalesce(m.model_type, '') as model_type,
      coalesce(m.source_run_id, '') as source_run_id
    from logged_models m join experiments e on e.experiment_id = m.experiment_id`
      : undefined,
  ours: `select workspace, model_id, experiment_id, name, artifact_location, created_at, updated_at, status,
    lifecycle_stage, model_type, source_run_id from tabularium.logged_models`,
  order: 'workspace, model_id',
  write: [
    `insert into tabularium.logged_models (workspace, model_id, experiment_id, name, artifact_location, created_at,
      updated_at, status, lifecycle_stage, model_type, source_run_id)
    select s.workspace, s.model_id, e.id, s.name, s.artifact_location, s.created_at, s.updated_at, s.status,
      s.lifecycle_stage, s.model_type, s.source_run_id
    from s join tabularium.experiments e on e.id = s.experiment_id order by s.workspace, s.model_id`,
  ],
  taken: `select 'the logged model ' || model_id as what from s
    join tabularium.logged_models m using (workspace, model_id)`,
};

/** Parameters and tags of logged models. */
const entryOfModel = (name: string, table: string, prefix: string): Kind => ({
  name,
  fields: { workspace: 'text', model_id: 'text', key: 'text', value: 'text' },
  key: ['model_id', 'key'],
  mlflow: (db) =>
    db.has(table)
      ? `
    select ${workspace(db)} as workspace, t.model_id, t.${prefix}_key as key, t.${prefix}_value as value
    from ${table} t join experiments e on e.experiment_id = t.experiment_id`
      : undefined,
  ours: `select workspace, model_id, key, value from tabularium.${table}`,
  order: 'workspace, model_id, key',
  write: [
    `insert into tabularium.${table} (workspace, model_id, experiment_id, key, value)
    select m.workspace, m.model_id, m.experiment_id, s.key, s.value from s
    join tabularium.logged_models m using (workspace, model_id) order by m.workspace, m.model_id, s.key`,
  ],
});

/** What others hang on. */
export const roots: readonly Kind[] = [experiment, run, loggedModel];

export const belongings: readonly Kind[] = [
  experimentTag,
  entryOfModel('logged_model_param', 'logged_model_params', 'param'),
  entryOfModel('logged_model_tag', 'logged_model_tags', 'tag'),
  dataset,
  datasetInput,
  datasetInputTag,
  modelInput,
  modelOutput,
  entryOfRun('param', 'params'),
  entryOfRun('tag', 'tags'),
  latestMetric,
  metric,
  modelMetric,
];
