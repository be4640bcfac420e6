-- Logged models: what log_model made, before and beside the registry. Their metrics are the points in
-- tabularium.metrics that carry the model's id.
--
-- The experiment's number is copied to parameters and tags, so that a filter inside an experiment is one index scan.

create table tabularium.logged_models (
  workspace text collate "C" not null,
  model_id text collate "C" not null,
  experiment_id bigint not null references tabularium.experiments on delete cascade,
  name text collate "C" not null,
  artifact_location text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  -- The number of the wire's LoggedModelStatus: unspecified, pending, ready, upload failed.
  status integer not null default 1 check (status between 0 and 3),
  lifecycle_stage text collate "C" not null default 'active' check (lifecycle_stage in ('active', 'deleted')),
  -- Empty where the client gave none, also in filters, as in MLflow.
  model_type text collate "C" not null,
  source_run_id text collate "C" not null,
  primary key (workspace, model_id)
);
-- The order of every list that asks for no other.
create index logged_models_created on tabularium.logged_models (experiment_id, created_at desc, model_id)
  where lifecycle_stage = 'active';
-- Registering a model of a run looks for it by name.
create index logged_models_name on tabularium.logged_models (experiment_id, name, created_at desc, model_id)
  where lifecycle_stage = 'active';
create index logged_models_source_run on tabularium.logged_models (experiment_id, source_run_id)
  where source_run_id <> '';

-- The names of the two keys are those that clients of MLflow read in its refusals.
create table tabularium.logged_model_params (
  workspace text collate "C" not null,
  model_id text collate "C" not null,
  experiment_id bigint not null,
  key text collate "C" not null,
  value text collate "C" not null,
  constraint logged_model_params_pk primary key (workspace, model_id, key),
  foreign key (workspace, model_id) references tabularium.logged_models on delete cascade
);
-- A btree refuses entries over 2,704 bytes: equality asks for the prefix and then for the whole value.
create index logged_model_params_value
  on tabularium.logged_model_params (experiment_id, key, left(value, 256), model_id);

create table tabularium.logged_model_tags (
  workspace text collate "C" not null,
  model_id text collate "C" not null,
  experiment_id bigint not null,
  key text collate "C" not null,
  value text collate "C" not null,
  constraint logged_model_tags_pk primary key (workspace, model_id, key),
  foreign key (workspace, model_id) references tabularium.logged_models on delete cascade
);
create index logged_model_tags_value
  on tabularium.logged_model_tags (experiment_id, key, left(value, 256), model_id);
