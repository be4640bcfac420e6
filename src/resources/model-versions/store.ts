import { memberOf, partsOf } from '../../contract/json-text.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import type { Stage } from '../../contract/stage.ts';
import { nothing, part } from '../../db/part.ts';
import { insertPin, isUntold, keysOf, type ModelKey, type NewPin } from '../pins/store.ts';
import type { Tag } from '../registered-models/rules.ts';
import { findModel, lockUnchanged, newTags, renderWith } from '../registered-models/store.ts';

/** What the document of a version `v` says, if nothing else. */
const columns = {
  stage: part`v.stage`,
  updatedAt: part`v.updated_at`,
  status: part`v.status`,
  message: part`v.status_message`,
};

/**
 * The wire document of the version `v`: a row of model_versions, or what one is about to become. It is without aliases,
 * because MLflow leaves them out wherever versions are listed.
 */
const documentOf = (
  tags: Fragment,
  {
    stage = columns.stage,
    updatedAt = columns.updatedAt,
    status = columns.status,
    message = columns.message,
  } = {},
): Fragment => part`json_strip_nulls(json_build_object(
    'name', v.name,
    'version', v.version::text,
    'creation_timestamp', v.created_at,
    'last_updated_timestamp', ${updatedAt},
    'current_stage', ${stage},
    'description', v.description,
    'user_id', v.user_id,
    'source', v.source,
    'run_id', v.run_id,
    'run_link', v.run_link,
    'status', ${status},
    'status_message', nullif(${message}, ''),
    'tags', ${tags}))`;

/** The tags of the version `v` as a JSON list, null where it has none. */
const tagsOf = part`(
  select json_agg(json_build_object('key', key, 'value', value) order by key)
  from tabularium.model_version_tags t
  where t.workspace = v.workspace and t.name = v.name and t.version = v.version)`;

/** Renders the wire documents of the versions that the condition names, `v` being their rows. */
const render = (sql: Sql, which: Fragment): Query => sql`
  update tabularium.model_versions v set wire = ${documentOf(tagsOf)}
  where ${which}
  returning v.version, v.wire, v.aliases`;

/** Renders the wire document of one version of a model again, or of all. */
export const renderVersions = (sql: Sql, scope: Scope, name: string, version?: number): Query =>
  render(
    sql,
    part`v.workspace = ${scope.workspace} and v.name = ${name} ${version === undefined ? nothing : part`and v.version = ${version}`}`,
  );

/** The same for versions of many models, which are rows with workspace, name and version. */
export const renderVersionsOf = (sql: Sql, rows: Fragment): Query =>
  render(sql, part`(v.workspace, v.name, v.version) in (select workspace, name, version from ${rows})`);

/** A version's document and its aliases, both JSON text. */
export interface VersionRow {
  readonly version: number;
  readonly wire: string;
  readonly aliases: string | null;
}

export async function findVersion(
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
): Promise<VersionRow | undefined> {
  const [row] = await sql<VersionRow[]>`select version, wire, aliases from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${version}`;
  return row;
}

export async function findVersionByAlias(
  sql: Sql,
  scope: Scope,
  name: string,
  alias: string,
): Promise<VersionRow | undefined> {
  const [row] = await sql<VersionRow[]>`select version, v.wire, v.aliases
    from tabularium.registered_model_aliases p
    join tabularium.model_versions v using (workspace, name, version)
    where p.workspace = ${scope.workspace} and p.name = ${name} and p.alias = ${alias}`;
  return row;
}

/** What a version's document says of itself; in a string of it, these quotes would be escaped. */
const numberIn = /"version"\s*:\s*"(\d+)"/;
const stageIn = /"current_stage"\s*:\s*"(\w+)"/;

/**
 * The newest version of each stage, oldest first; undefined where there is no such model. Read from the model's
 * document, which has all of it but for joining the aliases: one row by key.
 */
export async function findLatestVersions(
  sql: Sql,
  scope: Scope,
  name: string,
): Promise<(VersionRow & { stage: Stage })[] | undefined> {
  const document = await findModel(sql, scope, name);
  if (!document) return undefined;
  const members = partsOf(document);
  const aliases: { alias: string; version: string }[] = JSON.parse(memberOf(members, 'aliases') ?? '[]');
  return partsOf(memberOf(members, 'latest_versions') ?? '[]').map((wire) => {
    const version = numberIn.exec(wire)?.[1] as string;
    const own = aliases.filter((alias) => alias.version === version).map(({ alias }) => alias);
    return {
      version: Number(version),
      stage: stageIn.exec(wire)?.[1] as Stage,
      wire,
      aliases: own.length > 0 ? JSON.stringify(own) : null,
    };
  });
}

/** What a download needs of a version. */
export interface VersionLocation {
  readonly version: number;
  readonly storage_location: string;
  readonly status: VersionStatus;
  readonly status_message: string | null;
}

/** What another version needs of it. */
export interface VersionOrigin extends VersionLocation {
  readonly run_id: string;
  /** The copy that it uses, or waits for; null for a pointer. */
  readonly pin: string | null;
}

type VersionStatus = 'PENDING_REGISTRATION' | 'FAILED_REGISTRATION' | 'READY';

export async function findVersionLocation(
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
): Promise<VersionLocation | undefined> {
  const [row] = await sql<
    VersionLocation[]
  >`select version, storage_location, status, status_message from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${version}`;
  return row;
}

export async function findVersionOrigin(
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
): Promise<VersionOrigin | undefined> {
  // By way of JSON, since a database from before there were copies has no such column.
  const [row] = await sql<
    VersionOrigin[]
  >`select version, run_id, storage_location, status, status_message, to_json(v) ->> 'pin' as pin
    from tabularium.model_versions v
    where workspace = ${scope.workspace} and name = ${name} and version = ${version}`;
  return row;
}

export interface NewVersion {
  /** The copy that it waits for or, where it is ready, has. */
  readonly keeping: Keeping | undefined;
  readonly description: string;
  readonly source: string;
  readonly storageLocation: string;
  readonly runId: string;
  readonly runLink: string;
  readonly tags: readonly Tag[];
  readonly now: bigint;
}

/** How the files of a new version are kept: by a copy that is to be made, or by one that another version has. */
export type Keeping = { readonly make: NewPin } | { readonly share: string; readonly status: VersionStatus };

/** The highest number given so far, as a scalar. */
export const lastVersion = (scope: Scope, name: string): Fragment => part`
  (select last_version from tabularium.registered_models where workspace = ${scope.workspace} and name = ${name})`;

/**
 * Locks the model, inserts the version behind the highest number given so far, and renders the model. Answers a
 * `VersionRow`; none, and then nothing is done, where there is no such model or it had to wait for another writer of it
 * (`lockUnchanged`). Behind `lockModel` in a transaction it does not wait.
 */
export const insertVersion = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: NewVersion,
  record: (created: Fragment) => Fragment,
): Query => {
  const { keeping } = version;
  const tags = newTags(version.tags);
  // What a database from before there were pins does not have is named only where there is one.
  const pin = keeping && ('make' in keeping ? keeping.make.id : keeping.share);
  const status = keeping && ('make' in keeping ? 'PENDING_REGISTRATION' : keeping.status);
  return sql`
  with ${lockUnchanged(scope, name)},
  ${keeping && 'make' in keeping ? part`pinned as (${insertPin(keeping.make, part`locked`)}),` : nothing}
  created as (
    insert into tabularium.model_versions
      (workspace, name, version, description, source, storage_location, run_id, run_link, status, created_at, updated_at,
        wire ${pin === undefined ? nothing : part`, pin`})
    select workspace, name, version, description, source, ${version.storageLocation}, run_id, run_link, status, created_at,
      updated_at, ${documentOf(tags.list)} ${pin === undefined ? nothing : part`, ${pin}`}
    from (
      select workspace, name, last_version + 1 as version, ${version.description}::text as description,
        null::text as user_id, 'None' as stage, ${version.source}::text as source, ${version.runId}::text as run_id,
        ${version.runLink}::text as run_link, ${status ?? 'READY'}::text as status, null::text as status_message,
        ${version.now}::bigint as created_at, ${version.now}::bigint as updated_at
      from locked) v
    returning workspace, name, version, stage, wire),
  rendered as (${renderWith(part`created`, version.now)}),
  tagged as (
    insert into tabularium.model_version_tags (workspace, name, version, key, value)
    select c.workspace, c.name, c.version, t.key, t.value
    from created c, ${tags.rows}),
  recorded as (${record(part`created`)})
  select version, wire, null as aliases from created`;
};

/**
 * Tells the versions of these models, which are locked, how the copy came to an end that they wait for, and renders them;
 * or has them use another in its place. They keep the time of their last change: nobody has changed them.
 */
export const settleVersions = (sql: Sql, pin: string, models: readonly ModelKey[]): Query => {
  // One that was a pointer, and is to be copied later, stays what it was.
  const failed = part`p.state = 'failed' and v.status = 'PENDING_REGISTRATION'`;
  const status = part`case when ${failed} then 'FAILED_REGISTRATION' else 'READY' end`;
  const message = part`case when ${failed} then p.reason end`;
  return sql`
  update tabularium.model_versions v
  set status = ${status}, status_message = ${message}, wire = ${documentOf(tagsOf, { status, message })},
    storage_location = case p.state when 'pinned' then p.base || p.location else v.storage_location end,
    pin = case p.state when 'pinned' then coalesce(p.same_as, p.id) end
  from tabularium.pins p
  where v.pin = p.id and p.id = ${pin} and (v.workspace, v.name) in (select workspace, name from ${keysOf(models)})
    and ${isUntold}`;
};

export const touchVersions = (sql: Sql, scope: Scope, name: string, now: bigint): Query => sql`
  update tabularium.model_versions set updated_at = ${now} where workspace = ${scope.workspace} and name = ${name}`;

export const updateVersion = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  change: { description: string | null; now: bigint },
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    update tabularium.model_versions set description = ${change.description}, updated_at = ${change.now}
    where workspace = ${scope.workspace} and name = ${name} and version = ${version} returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

interface Move {
  readonly stage: Stage;
  readonly now: bigint;
}

/**
 * Locks the model, moves the version alone, and renders the model. Answers a `VersionRow`; none, and then nothing is done,
 * where there is no such version or it had to wait for another writer of the model, as with `insertVersion`.
 */
export const moveVersion = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  { stage, now }: Move,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with ${lockUnchanged(scope, name)},
  moved as (
    update tabularium.model_versions v set ${moved(part`${stage}::text`, now)}
    from locked m where v.workspace = m.workspace and v.name = m.name and v.version = ${version}
    returning v.workspace, v.name, v.version, v.stage, v.wire, v.aliases),
  rendered as (${renderWith(part`moved`, now)}),
  recorded as (${record(part`moved`)})
  select version, wire, aliases from moved`;

/**
 * Moves the version, and every other version that is in its new stage to Archived. Answers its `VersionRow`; none where
 * there is no such version. The model must be locked by a statement before this one, or two of these leave two versions in
 * the stage, and rendered by one behind it.
 */
export const moveAndArchive = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  { stage, now }: Move,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with moved as (
    update tabularium.model_versions v
    set ${moved(part`case when v.version = ${version} then ${stage} else 'Archived' end`, now)}
    where v.workspace = ${scope.workspace} and v.name = ${name} and (v.version = ${version} or v.stage = ${stage})
      and exists (
        select from tabularium.model_versions
        where workspace = ${scope.workspace} and name = ${name} and version = ${version})
    returning v.version, v.wire, v.aliases),
  recorded as (${record(part`moved`)})
  select version, wire, aliases from moved where version = ${version}`;

const ownTags = part`v.wire -> 'tags'`;

/** What changes in a version `v` that moves. Its tags, which stay, are those in its document. */
const moved = (stage: Fragment, now: bigint): Fragment => {
  const updatedAt = part`${now}::bigint`;
  return part`stage = ${stage}, updated_at = ${updatedAt},
    wire = ${documentOf(ownTags, { stage, updatedAt })}`;
};

/** When the version was last changed, as a scalar; null where there is no such version. */
export const versionUpdatedAt = (scope: Scope, name: string, version: number): Fragment => part`
  (select updated_at from tabularium.model_versions
  where workspace = ${scope.workspace} and name = ${name} and version = ${version})`;

export const deleteVersion = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  now: bigint,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with deleted as (
    delete from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${version} returning 1),
  touched as (
    update tabularium.registered_models set updated_at = ${now}
    where workspace = ${scope.workspace} and name = ${name} and exists (select from deleted)),
  recorded as (${record(part`deleted`)})
  select from deleted`;

export const upsertVersionTag = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  tag: Tag,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with changed as (
    insert into tabularium.model_version_tags (workspace, name, version, key, value)
    select workspace, name, version, ${tag.key}, ${tag.value} from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${version}
    on conflict (workspace, name, version, key) do update set value = excluded.value returning 1),
  recorded as (${record(part`changed`)})
  select from changed`;

/** Deleting a tag that is not there is a success, as in MLflow; what is recorded is the request. */
export const deleteVersionTag = (
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
  key: string,
  record: (from: Fragment) => Fragment,
): Query => sql`
  with there as (
    select workspace, name, version from tabularium.model_versions
    where workspace = ${scope.workspace} and name = ${name} and version = ${version}),
  deleted as (
    delete from tabularium.model_version_tags t using there v
    where t.workspace = v.workspace and t.name = v.name and t.version = v.version and t.key = ${key}),
  recorded as (${record(part`there`)})
  select from there`;
