-- works with programs from: 0003
--
-- Evaluation datasets and their records: what a model is evaluated on, apart from runs. (tabularium.datasets holds what
-- runs used.)
--
-- Every writer of records holds the lock on the row of their dataset, which counts them and gathers their schema.

create table tabularium.evaluation_datasets (
  workspace text collate "C" not null,
  dataset_id text collate "C" not null,
  name varchar(255) collate "C" not null,
  -- The type of each field that a record has had: inputs, outputs, expectations. Null until there was a record.
  schema json,
  -- Null until there was a record.
  num_records bigint,
  digest text collate "C" not null,
  created_at bigint not null,
  updated_at bigint not null,
  created_by varchar(255) collate "C",
  updated_by varchar(255) collate "C",
  primary key (workspace, dataset_id)
) with (fillfactor = 80);
-- The order of every list that asks for no other.
create index evaluation_datasets_created on tabularium.evaluation_datasets (workspace, created_at desc, dataset_id desc);
create index evaluation_datasets_updated on tabularium.evaluation_datasets (workspace, updated_at desc, dataset_id desc);
create index evaluation_datasets_name on tabularium.evaluation_datasets (workspace, name, dataset_id desc);

create table tabularium.evaluation_dataset_tags (
  workspace text collate "C" not null,
  dataset_id text collate "C" not null,
  key varchar(255) collate "C" not null,
  value varchar(5000) collate "C",
  primary key (workspace, dataset_id, key),
  foreign key (workspace, dataset_id) references tabularium.evaluation_datasets on delete cascade
);
-- A btree refuses entries over 2,704 bytes: equality asks for the prefix and then for the whole value.
create index evaluation_dataset_tags_value
  on tabularium.evaluation_dataset_tags (workspace, key, left(value, 256), dataset_id);

-- An experiment's id is any text here: MLflow asks for one that exists only where a dataset is added to it later.
create table tabularium.evaluation_dataset_experiments (
  workspace text collate "C" not null,
  dataset_id text collate "C" not null,
  experiment_id varchar(36) collate "C" not null,
  created_at bigint not null,
  -- The name is the one that clients of MLflow read in its refusal.
  constraint entity_associations_pk primary key (workspace, dataset_id, experiment_id),
  foreign key (workspace, dataset_id) references tabularium.evaluation_datasets on delete cascade
);
create index evaluation_dataset_experiments_experiment
  on tabularium.evaluation_dataset_experiments (workspace, experiment_id, dataset_id);

-- Its inputs are what a record is known by. What a record holds is text that goes to the client as it is: json, not
-- jsonb, which has another order of keys and other numbers.
create table tabularium.evaluation_dataset_records (
  workspace text collate "C" not null,
  dataset_id text collate "C" not null,
  -- SHA-256 of the inputs as MLflow writes them with sorted keys, in hexadecimal digits.
  input_hash text collate "C" not null,
  record_id text collate "C" not null,
  inputs json not null,
  outputs json,
  expectations json,
  tags json not null,
  source json,
  source_id varchar(36) collate "C",
  created_at bigint not null,
  updated_at bigint not null,
  created_by varchar(255) collate "C",
  updated_by varchar(255) collate "C",
  primary key (workspace, dataset_id, input_hash),
  foreign key (workspace, dataset_id) references tabularium.evaluation_datasets on delete cascade
);
-- The order in which they are read.
create unique index evaluation_dataset_records_created
  on tabularium.evaluation_dataset_records (workspace, dataset_id, created_at, record_id);
-- A record is deleted by its id.
create unique index evaluation_dataset_records_id
  on tabularium.evaluation_dataset_records (workspace, dataset_id, record_id);
