-- The registry: registered models, their versions, tags and aliases; the audit log; the outbox.
--
-- Every top-level key starts with the workspace. Names and keys compare byte by byte (collation "C"), as they do
-- on the wire; lengths are MLflow's column lengths. ILIKE asks for the default collation, because "C" folds ASCII only.
--
-- `wire` is the answer to "get" as the client reads it. Every writer of a model holds the lock on its row in
-- registered_models and renders again before it commits, so that a reader selects one row by key and a page of
-- models is not rendered from three tables (see docs/decisions/0002-wire-documents.md). Pages keep room for the new
-- document: an update that changes no indexed column, as of a tag or an alias, stays on its page and touches no index.

create table tabularium.registered_models (
  workspace text collate "C" not null,
  name varchar(256) collate "C" not null,
  description varchar(5000),
  created_at bigint not null,
  updated_at bigint not null,
  -- The highest version number ever given: numbers are not used twice, also after a delete.
  last_version integer not null default 0,
  wire json,
  primary key (workspace, name)
) with (fillfactor = 80);
create index registered_models_updated on tabularium.registered_models (workspace, updated_at, name);

create table tabularium.registered_model_tags (
  workspace text collate "C" not null,
  name varchar(256) collate "C" not null,
  key text collate "C" not null,
  value varchar(5000) collate "C" not null,
  primary key (workspace, name, key),
  foreign key (workspace, name) references tabularium.registered_models on update cascade on delete cascade
);
-- A btree refuses entries over 2,704 bytes: equality asks for the prefix and then for the whole value.
create index registered_model_tags_value on tabularium.registered_model_tags (workspace, key, left(value, 256), name);

create table tabularium.model_versions (
  workspace text collate "C" not null,
  name varchar(256) collate "C" not null,
  version integer not null check (version > 0),
  description varchar(5000),
  user_id text,
  stage text collate "C" not null default 'None' check (stage in ('None', 'Staging', 'Production', 'Archived')),
  source varchar(500) collate "C" not null,
  -- Where the bytes lie, fixed at creation: what get-download-uri answers.
  storage_location varchar(500) collate "C" not null,
  run_id varchar(32) collate "C" not null default '',
  run_link varchar(500),
  status text collate "C" not null default 'READY' check (status in ('PENDING_REGISTRATION', 'FAILED_REGISTRATION', 'READY')),
  status_message text,
  created_at bigint not null,
  updated_at bigint not null,
  wire json,
  primary key (workspace, name, version),
  foreign key (workspace, name) references tabularium.registered_models on update cascade on delete cascade
) with (fillfactor = 80);
create index model_versions_stage on tabularium.model_versions (workspace, name, stage, version);
create index model_versions_run on tabularium.model_versions (workspace, run_id);
create index model_versions_updated on tabularium.model_versions (workspace, updated_at desc, name, version desc);
create index model_versions_created on tabularium.model_versions (workspace, created_at, name, version desc);
create index model_versions_source on tabularium.model_versions (workspace, left(source, 256));

create table tabularium.model_version_tags (
  workspace text collate "C" not null,
  name varchar(256) collate "C" not null,
  version integer not null,
  key text collate "C" not null,
  value text collate "C" not null,
  primary key (workspace, name, version, key),
  foreign key (workspace, name, version) references tabularium.model_versions on update cascade on delete cascade
);
create index model_version_tags_value on tabularium.model_version_tags (workspace, key, left(value, 256), name, version);

create table tabularium.registered_model_aliases (
  workspace text collate "C" not null,
  name varchar(256) collate "C" not null,
  alias varchar(255) collate "C" not null,
  version integer not null,
  primary key (workspace, name, alias),
  foreign key (workspace, name, version) references tabularium.model_versions on update cascade on delete cascade
);
create index registered_model_aliases_version on tabularium.registered_model_aliases (workspace, name, version);

-- One row for each change of the registry, written by the transaction that makes the change.
create table tabularium.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  workspace text collate "C" not null,
  actor text not null,
  action text collate "C" not null,
  kind text collate "C" not null,
  name text collate "C" not null,
  request_id text collate "C" not null,
  detail jsonb
);
create index audit_name on tabularium.audit (workspace, kind, name, id);

-- Events that leave the server (webhooks), claimed with `for update skip locked`.
create table tabularium.outbox (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  workspace text collate "C" not null,
  event text collate "C" not null,
  payload jsonb not null
);
