import type { Kind, MlflowSchema } from './kind.ts';

/** Registered models, prompts among them, with their versions. */

const workspace = (db: MlflowSchema, alias: string) =>
  db.has('registered_models', 'workspace') ? `${alias}.workspace` : "'default'";

/** The same model in another of MLflow's tables, or the same version. */
const same = (db: MlflowSchema, one: string, other: string, columns: readonly string[]) =>
  [...(db.has('registered_models', 'workspace') ? ['workspace'] : []), ...columns]
    .map((column) => `${one}.${column} = ${other}.${column}`)
    .join(' and ');

/** MLflow keeps a deleted version under its number, so that the number is not used again. */
const present = "coalesce(v.current_stage, 'None') <> 'Deleted_Internal'";

export const registeredModel: Kind = {
  name: 'registered_model',
  fields: {
    workspace: 'text',
    name: 'text',
    description: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
    last_version: 'integer',
  },
  key: ['workspace', 'name'],
  mlflow: (db) => `
    select ${workspace(db, 'm')} as workspace, m.name, m.description, coalesce(m.creation_time, 0) as created_at,
      coalesce(m.last_updated_time, m.creation_time, 0) as updated_at,
      coalesce((select max(v.version) from model_versions v where ${same(db, 'v', 'm', ['name'])}), 0) as last_version
    from registered_models m`,
  ours: `select workspace, name, description, created_at, updated_at, last_version from tabularium.registered_models`,
  order: 'workspace, name',
  write: [
    `insert into tabularium.registered_models (workspace, name, description, created_at, updated_at, last_version)
    select workspace, name, description, created_at, updated_at, last_version from s order by workspace, name`,
  ],
  taken: `select 'the registered model "' || name || '"' as what from s
    join tabularium.registered_models m using (workspace, name)`,
  renders: 'models',
};

const modelTag: Kind = {
  name: 'registered_model_tag',
  fields: { workspace: 'text', name: 'text', key: 'text', value: 'text' },
  key: ['workspace', 'name', 'key'],
  mlflow: (db) => `
    select ${workspace(db, 't')} as workspace, t.name, t.key, coalesce(t.value, '') as value
    from registered_model_tags t`,
  ours: 'select workspace, name, key, value from tabularium.registered_model_tags',
  order: 'workspace, name, key',
  write: [
    `insert into tabularium.registered_model_tags (workspace, name, key, value)
    select workspace, name, s.key, s.value from s join tabularium.registered_models m using (workspace, name)
    order by workspace, name, s.key`,
  ],
  renders: 'models',
};

const modelVersion: Kind = {
  name: 'model_version',
  fields: {
    workspace: 'text',
    name: 'text',
    version: 'integer',
    description: 'text',
    user_id: 'text',
    stage: 'text',
    source: 'text',
    storage_location: 'text',
    run_id: 'text',
    run_link: 'text',
    status: 'text',
    status_message: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
  },
  key: ['workspace', 'name', 'version'],
  mlflow: (db) => `
    select ${workspace(db, 'v')} as workspace, v.name, v.version, v.description, v.user_id,
      coalesce(v.current_stage, 'None') as stage, coalesce(v.source, '') as source,
      coalesce(v.storage_location, v.source, '') as storage_location, coalesce(v.run_id, '') as run_id, v.run_link,
      coalesce(v.status, 'READY') as status, v.status_message, coalesce(v.creation_time, 0) as created_at,
      coalesce(v.last_updated_time, v.creation_time, 0) as updated_at
    from model_versions v where ${present}`,
  ours: `select workspace, name, version, description, user_id, stage, source, storage_location, run_id, run_link, status,
    status_message, created_at, updated_at from tabularium.model_versions`,
  order: 'workspace, name, version',
  write: [
    `insert into tabularium.model_versions (workspace, name, version, description, user_id, stage, source,
      storage_location, run_id, run_link, status, status_message, created_at, updated_at)
    select workspace, name, s.version, s.description, s.user_id, s.stage, s.source, s.storage_location, s.run_id,
      s.run_link, s.status, s.status_message, s.created_at, s.updated_at
    from s join tabularium.registered_models m using (workspace, name) order by workspace, name, s.version`,
  ],
  renders: 'versions',
};

const versionTag: Kind = {
  name: 'model_version_tag',
  fields: { workspace: 'text', name: 'text', version: 'integer', key: 'text', value: 'text' },
  key: ['workspace', 'name', 'version', 'key'],
  mlflow: (db) => `
    select ${workspace(db, 't')} as workspace, t.name, t.version, t.key, coalesce(t.value, '') as value
    from model_version_tags t join model_versions v on ${same(db, 'v', 't', ['name', 'version'])} where ${present}`,
  ours: 'select workspace, name, version, key, value from tabularium.model_version_tags',
  order: 'workspace, name, version, key',
  write: [
    `insert into tabularium.model_version_tags (workspace, name, version, key, value)
    select workspace, name, version, s.key, s.value
    from s join tabularium.model_versions v using (workspace, name, version) order by workspace, name, version, s.key`,
  ],
  renders: 'versions',
};

const alias: Kind = {
  name: 'registered_model_alias',
  fields: { workspace: 'text', name: 'text', alias: 'text', version: 'integer' },
  key: ['workspace', 'name', 'alias'],
  mlflow: (db) => `
    select ${workspace(db, 'a')} as workspace, a.name, a.alias, a.version
    from registered_model_aliases a join model_versions v on ${same(db, 'v', 'a', ['name', 'version'])}
    where ${present}`,
  ours: 'select workspace, name, alias, version from tabularium.registered_model_aliases',
  order: 'workspace, name, alias',
  write: [
    `insert into tabularium.registered_model_aliases (workspace, name, alias, version)
    select workspace, name, s.alias, version from s join tabularium.model_versions v using (workspace, name, version)
    order by workspace, name, s.alias`,
  ],
  renders: 'models',
};

export const belongings: readonly Kind[] = [modelTag, modelVersion, versionTag, alias];
