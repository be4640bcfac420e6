import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { part } from '../../db/part.ts';
import { promptTag, type Tag } from './rules.ts';

/** The model's row, locked until the transaction ends: every writer of a model or its versions takes it first. */
export const lockModel = (sql: Sql, scope: Scope, name: string): Query =>
  sql`select from tabularium.registered_models where workspace = ${scope.workspace} and name = ${name} for no key update`;

/** The same for many models, which are rows `k` with workspace and name. */
export const lockModelsOf = (sql: Sql, rows: Fragment): Query => sql`
  select from tabularium.registered_models where (workspace, name) in (select workspace, name from ${rows})
  order by workspace, name for no key update`;

/** The rows of both names, in one order: of two renames that swap them neither waits for the other for ever. */
export const lockBoth = (sql: Sql, scope: Scope, names: readonly [string, string]): Query => sql`
  select from tabularium.registered_models where workspace = ${scope.workspace} and name = any(${names}::text[])
  order by name for no key update`;

/**
 * The CTE `locked`, the model's row, locked, of a statement that changes the model alone. It is empty where the statement
 * had to wait for another writer: of what that one has done it would see no row but this.
 */
export const lockUnchanged = (scope: Scope, name: string): Fragment => {
  const key = part`workspace = ${scope.workspace} and name = ${name}`;
  return part`
  held as (
    select workspace, name, last_version, ctid from tabularium.registered_models where ${key} for no key update),
  locked as (
    select * from held where exists (select from tabularium.registered_models m where ${key} and m.ctid = held.ctid))`;
};

/**
 * The wire document of the model `m`: a row of registered_models, or what one is about to become. Lists are JSON, null
 * where they are empty.
 */
const documentOf = (parts: {
  updatedAt: Fragment;
  latestVersions: Fragment;
  tags: Fragment;
  aliases: Fragment;
}): Fragment => part`json_strip_nulls(json_build_object(
    'name', m.name,
    'creation_timestamp', m.created_at,
    'last_updated_timestamp', ${parts.updatedAt},
    'description', nullif(m.description, ''),
    'latest_versions', ${parts.latestVersions},
    'tags', ${parts.tags},
    'aliases', ${parts.aliases}))`;

/** What else changes in the row that is rendered. */
interface ModelChange {
  /** Null where it stays as it is. */
  readonly updatedAt?: Fragment;
}

/** The newest version of each stage `s` of the model `m`, as a JSON list. `newest` is a query for its wire and version. */
const latestVersions = (newest: Fragment): Fragment => part`(
  select json_agg(v.wire order by v.version)
  from unnest(array['None', 'Staging', 'Production', 'Archived']) as s (stage)
  cross join lateral (${newest} order by version desc limit 1) v)`;

/** A query for the versions of the stage `s` of the model `m`, for a list of the newest. */
const ofStage = part`
  select wire, version from tabularium.model_versions v
  where v.workspace = m.workspace and v.name = m.name and v.stage = s.stage`;

const newestVersions = latestVersions(ofStage);
const tagsOf = part`(
  select json_agg(json_build_object('key', key, 'value', value) order by key)
  from tabularium.registered_model_tags t where t.workspace = m.workspace and t.name = m.name)`;
const aliasesOf = part`(
  select json_agg(json_build_object('alias', alias, 'version', version::text) order by alias)
  from tabularium.registered_model_aliases a where a.workspace = m.workspace and a.name = m.name)`;
const lastUpdated = part`coalesce(c.updated_at, m.updated_at)`;
const rendered = documentOf({
  updatedAt: lastUpdated,
  latestVersions: newestVersions,
  tags: tagsOf,
  aliases: aliasesOf,
});

/** Renders the wire documents of the models that the condition names, `m` being their rows. */
const render = (sql: Sql, which: Fragment, change: ModelChange = {}): Query => sql`
  update tabularium.registered_models m
  set updated_at = ${lastUpdated}, wire = ${rendered}
  from (select ${change.updatedAt ?? part`null`}::bigint as updated_at) c
  where ${which}
  returning m.wire`;

/**
 * Renders the model's wire document again and returns it as `wire`; no row where there is no such model. Stands behind
 * every statement that changed the model, its versions, tags or aliases. One update does both this and `change`.
 */
export const renderModel = (sql: Sql, scope: Scope, name: string, change?: ModelChange): Query =>
  render(sql, part`m.workspace = ${scope.workspace} and m.name = ${name}`, change);

/** The same for many models, which are rows with workspace and name. */
export const renderModelsOf = (sql: Sql, rows: Fragment): Query =>
  render(sql, part`(m.workspace, m.name) in (select workspace, name from ${rows})`);

const newestWithChanged = latestVersions(part`
  select * from (
    (${ofStage} and v.version <> c.version order by version desc limit 1)
    union all select c.wire, c.version where c.stage = s.stage) candidates`);
const ownTags = part`m.wire -> 'tags'`;
const ownAliases = part`m.wire -> 'aliases'`;

/**
 * Renders the model as part of a statement that has locked it and made or moved the version in the CTE `changed`: what the
 * statement itself does, it does not see in the tables. Tags and aliases, which stay, are those in the document.
 */
export const renderWith = (changed: Fragment, now: bigint): Fragment => {
  const updatedAt = part`${now}::bigint`;
  return part`
  update tabularium.registered_models m
  set updated_at = ${updatedAt}, last_version = greatest(m.last_version, c.version),
    wire = ${documentOf({ updatedAt, latestVersions: newestWithChanged, tags: ownTags, aliases: ownAliases })}
  from ${changed} c where m.workspace = c.workspace and m.name = c.name`;
};

export async function findModel(sql: Sql, scope: Scope, name: string): Promise<string | undefined> {
  const [row] = await sql`select wire from tabularium.registered_models
    where workspace = ${scope.workspace} and name = ${name}`;
  return row?.wire;
}

/** Whether the model is there, and whether it is a prompt. */
export async function findModelKind(
  sql: Sql,
  scope: Scope,
  name: string,
): Promise<'model' | 'prompt' | undefined> {
  const [row] = await sql`select exists (
      select from tabularium.registered_model_tags t where t.workspace = m.workspace and t.name = m.name
        and t.key = ${promptTag} and lower(t.value) = 'true') as prompt
    from tabularium.registered_models m where workspace = ${scope.workspace} and name = ${name}`;
  return row && (row.prompt ? 'prompt' : 'model');
}

export interface NewModel {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly Tag[];
  readonly now: bigint;
}

/** Tags that are about to be written: as rows `t (key, value)`, and as the JSON list of a document, null for none. */
export function newTags(tags: readonly Tag[]): { rows: Fragment; list: Fragment } {
  const keys = tags.map(({ key }) => key);
  const values = tags.map(({ value }) => value);
  const rows = part`unnest(${keys}::text[], ${values}::text[]) as t (key, value)`;
  const list = part`(
    select json_agg(json_build_object('key', key, 'value', value) order by key collate "C") from ${rows})`;
  return { rows, list };
}

/** Inserts the model, rendered, and its tags; answers its `wire`. Unique violation where the name is taken. */
export async function insertModel(
  sql: Sql,
  scope: Scope,
  model: NewModel,
  record: (from: Fragment) => Fragment,
): Promise<string> {
  const tags = newTags(model.tags);
  const none = part`null::json`;
  const [row] = await sql`
  with created as (
    insert into tabularium.registered_models (workspace, name, description, created_at, updated_at, wire)
    select workspace, name, description, created_at, created_at,
      ${documentOf({
        updatedAt: part`m.created_at`,
        latestVersions: none,
        tags: tags.list,
        aliases: none,
      })}
    from (
      select ${scope.workspace}::text as workspace, ${model.name}::text as name,
        ${model.description}::text as description, ${model.now}::bigint as created_at) m
    returning wire),
  tagged as (
    insert into tabularium.registered_model_tags (workspace, name, key, value)
    select ${scope.workspace}, ${model.name}, key, value from ${tags.rows}),
  recorded as (${record(part`created`)})
  select wire from created`;
  return row?.wire;
}

export const updateDescription = (
  sql: Sql,
  scope: Scope,
  name: string,
  change: { description: string; now: bigint },
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    update tabularium.registered_models set description = ${change.description}, updated_at = ${change.now}
    where workspace = ${scope.workspace} and name = ${name} returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

/** Gives the model another name; versions, tags and aliases follow by their foreign keys. */
export const renameModel = (
  sql: Sql,
  scope: Scope,
  name: string,
  change: { newName: string; now: bigint },
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    update tabularium.registered_models set name = ${change.newName}, updated_at = ${change.now}
    where workspace = ${scope.workspace} and name = ${name} returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

export const deleteModel = (
  sql: Sql,
  scope: Scope,
  name: string,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    delete from tabularium.registered_models where workspace = ${scope.workspace} and name = ${name} returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

export const upsertModelTag = (
  sql: Sql,
  scope: Scope,
  name: string,
  tag: Tag,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    insert into tabularium.registered_model_tags (workspace, name, key, value)
    select workspace, name, ${tag.key}, ${tag.value} from tabularium.registered_models
    where workspace = ${scope.workspace} and name = ${name}
    on conflict (workspace, name, key) do update set value = excluded.value returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

/** Deleting a tag that is not there is a success, as in MLflow; what is recorded is the request. */
export const deleteModelTag = (
  sql: Sql,
  scope: Scope,
  name: string,
  key: string,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with model as (
    select workspace, name from tabularium.registered_models where workspace = ${scope.workspace} and name = ${name}),
  deleted as (
    delete from tabularium.registered_model_tags t using model m
    where t.workspace = m.workspace and t.name = m.name and t.key = ${key}),
  recorded as (${record(part`model`)})
  select from model`;

/** Points the alias at the version; no row where there is no such version. */
export const upsertAlias = (
  sql: Sql,
  scope: Scope,
  name: string,
  change: { alias: string; version: number },
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    insert into tabularium.registered_model_aliases (workspace, name, alias, version)
    select workspace, name, ${change.alias}, version from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${change.version}
    on conflict (workspace, name, alias) do update set version = excluded.version returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

export const deleteAlias = (
  sql: Sql,
  scope: Scope,
  name: string,
  alias: string,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with model as (
    select workspace, name from tabularium.registered_models where workspace = ${scope.workspace} and name = ${name}),
  deleted as (
    delete from tabularium.registered_model_aliases a using model m
    where a.workspace = m.workspace and a.name = m.name and a.alias = ${alias}),
  recorded as (${record(part`model`)})
  select from model`;
