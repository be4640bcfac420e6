import { appendToUri } from '../../contract/artifact-uri.ts';
import { defaultWorkspace, type Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { moveRunsOfChanged } from '../runs/store.ts';
import { customViewPrefix, defaultExperimentId, isStorable, type Tag } from './rules.ts';

export interface ExperimentState {
  readonly id: bigint;
  readonly name: string;
  readonly artifactLocation: string;
  readonly lifecycleStage: string;
}

/** The experiment in alias `e` as clients read it: JSON. */
export const renderExperiment = (sql: Sql): Fragment => sql`json_strip_nulls(json_build_object(
  'experiment_id', e.id::text, 'name', e.name, 'artifact_location', e.artifact_location,
  'lifecycle_stage', e.lifecycle_stage, 'last_update_time', e.updated_at, 'creation_time', e.created_at,
  'tags', (select json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key)
    from tabularium.experiment_tags t where t.experiment_id = e.id),
  'workspace', e.workspace))`;

/** For an id that the column cannot hold one that no experiment has. */
const storable = (id: bigint): bigint => (isStorable(id) ? id : -1n);

export async function findExperiment(
  sql: Sql,
  scope: Scope,
  id: bigint,
): Promise<ExperimentState | undefined> {
  const [row] = await sql<ExperimentState[]>`
    select id, name, artifact_location as "artifactLocation", lifecycle_stage as "lifecycleStage"
    from tabularium.experiments where workspace = ${scope.workspace} and id = ${storable(id)}`;
  return row;
}

/** JSON. */
export async function readExperiment(sql: Sql, scope: Scope, id: bigint): Promise<string | undefined> {
  const [row] = await sql`select ${renderExperiment(sql)} as wire from tabularium.experiments e
    where workspace = ${scope.workspace} and id = ${storable(id)}`;
  return row?.wire;
}

/** JSON; active or deleted. */
export async function readExperimentByName(
  sql: Sql,
  scope: Scope,
  name: string,
): Promise<string | undefined> {
  const [row] = await sql`select ${renderExperiment(sql)} as wire from tabularium.experiments e
    where workspace = ${scope.workspace} and name = ${name}`;
  return row?.wire;
}

export interface NewExperiment {
  readonly name: string;
  /** Where there is none, the id under `artifactRoot`. */
  readonly artifactLocation: string | undefined;
  readonly artifactRoot: string;
  readonly tags: readonly Tag[];
  readonly now: bigint;
}

/** Unique violation where the name is taken, also by a deleted experiment, or a tag stands there twice. */
export async function insertExperiment(sql: Sql, scope: Scope, experiment: NewExperiment): Promise<bigint> {
  const { name, artifactLocation = null, tags, now } = experiment;
  const [before = '', after = ''] = appendToUri(experiment.artifactRoot, '\n').split('\n');
  const [row] = await sql<{ id: bigint }[]>`
    with numbered as (select nextval('tabularium.experiments_id_seq') as id),
    created as (
      insert into tabularium.experiments (id, workspace, name, artifact_location, created_at, updated_at)
      select id, ${scope.workspace}, ${name},
        coalesce(${artifactLocation}, ${before}::text || id || ${after}::text), ${now}, ${now}
      from numbered returning id),
    tagged as (
      insert into tabularium.experiment_tags (experiment_id, key, value)
      select id, key, value from created, unnest(
        ${tags.map((tag) => tag.key)}::text[], ${tags.map((tag) => tag.value)}::text[]) as t (key, value))
    select id from created`;
  return (row as { id: bigint }).id;
}

/**
 * Creates the experiment `Default`, number 0, where it is missing. Any number of servers may do so at once.
 *
 * @param defaultArtifactRoot where artifacts of new experiments go.
 */
export async function ensureDefaultExperiment(
  sql: Sql,
  { defaultArtifactRoot }: { readonly defaultArtifactRoot: string },
): Promise<void> {
  const now = BigInt(Date.now());
  await sql`
    insert into tabularium.experiments (id, workspace, name, artifact_location, created_at, updated_at)
    values (${defaultExperimentId}, ${defaultWorkspace}, 'Default',
      ${appendToUri(defaultArtifactRoot, String(defaultExperimentId))}, ${now}, ${now})
    on conflict do nothing`;
}

/**
 * Unique violation where the name is taken, whose holder is locked first: of two renames that swap names neither waits
 * for the other for ever.
 *
 * @returns whether there is such an active experiment.
 */
export async function renameExperiment(
  sql: Sql,
  scope: Scope,
  id: bigint,
  { name, now }: { name: string; now: bigint },
): Promise<boolean> {
  const { count } = await sql`
    with locked as materialized (
      select id from tabularium.experiments
      where workspace = ${scope.workspace} and (id = ${storable(id)} or name = ${name}) order by id for no key update)
    update tabularium.experiments e set name = ${name}, updated_at = ${now}
    from locked where locked.id = ${storable(id)} and e.id = locked.id and e.lifecycle_stage = 'active'`;
  return count > 0;
}

/**
 * Moves an experiment and all its runs from one stage to the other.
 *
 * @returns whether there was such an experiment in the other stage.
 */
export async function moveExperiment(
  sql: Sql,
  scope: Scope,
  id: bigint,
  { to, now }: { to: 'active' | 'deleted'; now: bigint },
  record: (from: Fragment) => Fragment,
): Promise<boolean> {
  const rows = await sql`
    with changed as (
      update tabularium.experiments set lifecycle_stage = ${to}, updated_at = ${now}
      where workspace = ${scope.workspace} and id = ${storable(id)} and lifecycle_stage <> ${to} returning id),
    ${moveRunsOfChanged(sql, { to, now })},
    recorded as (${record(sql`changed`)})
    select from changed`;
  return rows.length > 0;
}

/** @returns whether there is such an active experiment. */
export async function upsertExperimentTag(sql: Sql, scope: Scope, id: bigint, tag: Tag): Promise<boolean> {
  const { count } = await sql`
    insert into tabularium.experiment_tags (experiment_id, key, value)
    select id, ${tag.key}, ${tag.value} from tabularium.experiments
    where workspace = ${scope.workspace} and id = ${storable(id)} and lifecycle_stage = 'active'
    on conflict (experiment_id, key) do update set value = excluded.value`;
  return count > 0;
}

/** @returns whether there was such a tag on an active experiment. */
export async function deleteExperimentTag(sql: Sql, scope: Scope, id: bigint, key: string): Promise<boolean> {
  const { count } = await sql`
    delete from tabularium.experiment_tags t using tabularium.experiments e
    where e.workspace = ${scope.workspace} and e.id = ${storable(id)} and e.lifecycle_stage = 'active'
      and t.experiment_id = e.id and t.key = ${key}`;
  return count > 0;
}

/** How many views the experiment has besides the one of this key. */
export async function countOtherCustomViews(
  sql: Sql,
  scope: Scope,
  id: bigint,
  key: string,
): Promise<number> {
  const [row] = await sql`select count(*)::int as views from tabularium.experiment_tags t
    join tabularium.experiments e on e.id = t.experiment_id
    where e.workspace = ${scope.workspace} and e.id = ${storable(id)}
      and starts_with(t.key, ${customViewPrefix}) and t.key <> ${key}`;
  return row?.views;
}
