import type { ManifestEntry } from '../../contract/manifest.ts';
import { manifestAddress, manifestText, parseManifest } from '../../contract/manifest.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { nothing, part } from '../../db/part.ts';
import { folderOfPin } from './rules.ts';

/** A copy that is to be made. */
export interface NewPin {
  readonly id: string;
  readonly base: string;
  readonly root: string;
  /** Path in the store. */
  readonly source: string;
}

/** A copy that somebody works on: nobody else does while the attempt is this one. */
export interface ClaimedPin extends NewPin {
  readonly attempt: number;
  /** Null while it is being copied. */
  readonly location: string | null;
}

/** Seconds for which who works on a copy has it for himself; he asks for more while he works. */
const lease = 20;

const leased = part`now() + ${lease} * interval '1 second'`;

/** Whether the database knows pins: one from before their migration does not. */
export async function knowsPins(sql: Sql): Promise<boolean> {
  const [row] = await sql`select to_regclass('tabularium.pins') is not null as there`;
  return row?.there === true;
}

/** Notes a copy that is to be made for the row `from`, claimed by who notes it, as its first attempt. */
export const insertPin = ({ id, base, root, source }: NewPin, from: Fragment): Fragment => part`
  insert into tabularium.pins (id, base, root, source, attempt, due_at)
  select ${id}, ${base}, ${root}, ${source}, 1, ${leased} from ${from}`;

/** Takes up a copy that nobody works on, or whose worker has not been heard of. */
export async function claimPin(sql: Sql): Promise<ClaimedPin | undefined> {
  const [pin] = await sql<ClaimedPin[]>`
    update tabularium.pins set attempt = attempt + 1, due_at = ${leased}
    where id = (
      select id from tabularium.pins where due_at <= now() order by due_at limit 1 for update skip locked)
    returning id, base, root, source, attempt, location`;
  return pin;
}

/** The rows of the copy, as long as the attempt is the one that has it. */
const held = ({ id, attempt }: ClaimedPin): Fragment =>
  part`id = ${id} and attempt = ${attempt} and due_at is not null`;

/** Asks for more time. @returns false where another has taken the copy up, or it is not wanted any more. */
export async function extendLease(sql: Sql, pin: ClaimedPin): Promise<boolean> {
  const { count } = await sql`update tabularium.pins set due_at = ${leased} where ${held(pin)}`;
  return count > 0;
}

/** Whether any version still waits for the copy, or has it. */
export async function isWanted(sql: Sql, { id }: ClaimedPin): Promise<boolean> {
  const [row] = await sql`select exists (select from tabularium.model_versions where pin = ${id}) as wanted`;
  return row?.wanted === true;
}

/** The manifest's row, for what is to refer to it. */
const keepManifest = (sql: Sql, address: string, entries: readonly ManifestEntry[]): Query => sql`
  insert into tabularium.manifests (address, manifest, files, bytes)
  values (${address}, ${manifestText(entries)}, ${entries.length}, ${entries.reduce((sum, { size }) => sum + size, 0)})
  on conflict do nothing`;

/** Notes that the copy is whole; its files as well, where they are known already. A row, unless another has taken it up. */
export const notePinned = (
  sql: Sql,
  pin: ClaimedPin,
  location: string,
  entries: readonly ManifestEntry[] | undefined,
): Query => {
  const address = entries ? manifestAddress(entries) : null;
  return sql`
    ${entries ? sql`with kept as (${keepManifest(sql, address as string, entries)})` : nothing}
    update tabularium.pins set state = 'pinned', location = ${location}, reason = null, address = ${address},
      due_at = ${entries ? part`null` : part`due_at`}
    where ${held(pin)} and state = 'copying' returning id`;
};

/** The statements that note which files the copy has, now that they are hashed. */
export const noteHashed = (sql: Sql, pin: ClaimedPin, entries: readonly ManifestEntry[]): Query[] => {
  const address = manifestAddress(entries);
  return [
    keepManifest(sql, address, entries),
    sql`update tabularium.pins set address = ${address}, due_at = null, reason = null where ${held(pin)} returning id`,
  ];
};

/**
 * The statements that have versions use another copy of these files in place of this one; the last has a row if there is
 * one. One after the other, each takes the copy that others have taken: so one is left in the end, however many come at
 * once. A file alone is not shared, since its copy has a name.
 */
export const noteSame = (sql: Sql, { id, root }: NewPin, address: string): Query[] => [
  sql`select pg_advisory_xact_lock(hashtext('tabularium.pins'), hashtext(${root + address}))`,
  sql`update tabularium.pins p set state = 'pinned', location = q.location, address = q.address, same_as = q.id,
      due_at = null, reason = null
    from (
      select q.id, q.location, q.address from tabularium.pins q
      where q.root = ${root} and q.address = ${address} and q.state = 'pinned' and q.same_as is null and q.id <> ${id}
        and q.location ~ '/[0-9]+$'
      order by exists (select from tabularium.pins o where o.same_as = q.id) desc, q.id limit 1) q
    where p.id = ${id} and p.same_as is null and not exists (select from tabularium.pins o where o.same_as = ${id})
    returning p.id`,
];

/** Gives a copy up. */
export async function noteFailed(sql: Sql, pin: ClaimedPin, reason: string): Promise<void> {
  await sql`update tabularium.pins set state = 'failed', reason = ${reason}, due_at = null
    where ${held(pin)} and state = 'copying'`;
}

/** Has it tried again after some seconds. */
export async function putBack(sql: Sql, pin: ClaimedPin, seconds: number, reason: string): Promise<void> {
  await sql`update tabularium.pins set due_at = now() + ${seconds} * interval '1 second', reason = ${reason}
    where ${held(pin)}`;
}

/** Copies that came to an end while versions still wait for it. */
export async function findUnsettled(sql: Sql): Promise<string[]> {
  const rows = await sql`select distinct v.pin as id from tabularium.model_versions v
    join tabularium.pins p on p.id = v.pin
    where v.status = 'PENDING_REGISTRATION' and v.pin is not null and p.state <> 'copying' limit 100`;
  return rows.map(({ id }) => id);
}

export interface ModelKey {
  readonly workspace: string;
  readonly name: string;
}

/** `v` is a version that has not been told yet how its copy `p` came to an end, or that another takes its place. */
export const isUntold = part`(
  p.state <> 'copying'
  and (v.status = 'PENDING_REGISTRATION' or v.storage_location is distinct from p.base || p.location))`;

/** The models (`ModelKey`) of which a version waits for the end of this copy, or for another in its place. */
export const findWaitingModels = (sql: Sql, pin: string): Query =>
  sql`select distinct v.workspace, v.name
    from tabularium.model_versions v join tabularium.pins p on p.id = v.pin
    where v.pin = ${pin} and ${isUntold}`;

/** Models as rows `k (workspace, name)`. */
export const keysOf = (models: readonly ModelKey[]): Fragment => part`unnest(
  ${models.map(({ workspace }) => workspace)}::text[], ${models.map(({ name }) => name)}::text[]) as k (workspace, name)`;

/** The same, once their copy has come to an end; none before. */
export const endedFor = (pin: string, models: readonly ModelKey[]): Fragment => part`(
  select k.workspace, k.name from ${keysOf(models)}
  where exists (select from tabularium.pins where id = ${pin} and state <> 'copying')) ended`;

/** Whether a version has this copy at this very location. */
export async function isCopyOf(sql: Sql, pin: string, location: string): Promise<boolean> {
  const [row] = await sql`select exists (
    select from tabularium.model_versions where pin = ${pin} and storage_location = ${location}) as known`;
  return row?.known === true;
}

/** The files of a copy; undefined until they are hashed, and where there is no such copy. */
export async function findManifest(sql: Sql, pin: string): Promise<ManifestEntry[] | undefined> {
  const [row] = await sql`select manifest from tabularium.pins join tabularium.manifests using (address)
    where id = ${pin}`;
  return row && parseManifest(row.manifest);
}

/** `p` is a copy that no version needs, nor any other copy. */
const unused = part`(
  due_at is null
  and not exists (select from tabularium.model_versions v where v.pin = p.id)
  and not exists (select from tabularium.pins o where o.same_as = p.id))`;

/** Notes since when copies are unused, as far as anybody has seen. */
export async function markUnused(sql: Sql): Promise<void> {
  await sql`update tabularium.pins p set unused_since = case when unused_since is null then now() end
    where (unused_since is null) = ${unused}`;
}

/** A hundred ids of copies that have been marked as unused for so many seconds; with 0, of all that are unused. */
export async function findUnused(sql: Sql, seconds: number, after = ''): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from tabularium.pins p
    where id > ${after} and ${unused}
      and (${seconds} = 0 or unused_since <= now() - ${seconds} * interval '1 second')
    order by id limit 100`;
  return rows.map(({ id }) => id);
}

/**
 * Takes a copy out of the database, if still nobody points to it, with a note of where its bytes lie. A version that is
 * about to point to it holds the copy's row by its foreign key: one of the two waits, and is refused.
 */
export async function giveUp(sql: Sql, id: string): Promise<boolean> {
  try {
    const { count } = await sql`
      with gone as (
        delete from tabularium.pins p where id = ${id} and ${unused} returning id, base),
      noted as (
        insert into tabularium.garbage (kind, name, location, run_id)
        select 'pin', id, base || ${folderOfPin('')} || id, '' from gone)
      select from gone`;
    return count > 0;
  } catch (error) {
    if ((error as { code?: string }).code === isReferenced) return false;
    throw error;
  }
}

/** Of Postgres: something still refers to what was to be deleted. */
export const isReferenced = '23503';

/** How a version is kept. */
export interface Keeping {
  readonly status: string;
  readonly status_message: string | null;
  /** Null for a pointer. */
  readonly pin: string | null;
  readonly address: string | null;
  readonly manifest: string | null;
}

export async function findKeeping(
  sql: Sql,
  scope: Scope,
  name: string,
  version: number,
): Promise<Keeping | undefined> {
  const [row] = await sql<Keeping[]>`
    select v.status, v.status_message, v.pin, p.address, m.manifest
    from tabularium.model_versions v
    left join tabularium.pins p on p.id = v.pin
    left join tabularium.manifests m on m.address = p.address
    where v.workspace = ${scope.workspace} and v.name = ${name} and v.version = ${version}`;
  return row;
}

/** How many copies are to be made or hashed. */
export async function countDue(sql: Sql): Promise<number> {
  if (!(await knowsPins(sql))) return 0;
  const [row] = await sql`select count(*)::int as pins from tabularium.pins where due_at is not null`;
  return row?.pins;
}

/** The SHA-256 of a file as it came through this server, and by what the store knew it then. */
export interface UploadHash {
  readonly root: string;
  readonly path: string;
  readonly etag: string;
  readonly sha256: string;
}

/** @param uploads at most one of each path. */
export async function keepUploadHashes(sql: Sql, uploads: readonly UploadHash[]): Promise<void> {
  const of = (field: keyof UploadHash) => uploads.map((upload) => upload[field]);
  await sql`insert into tabularium.upload_hashes (root, path, etag, sha256)
    select * from unnest(${of('root')}::text[], ${of('path')}::text[], ${of('etag')}::text[], ${of('sha256')}::text[])
    order by 1, 2
    on conflict (root, path) do update set etag = excluded.etag, sha256 = excluded.sha256, noted_at = excluded.noted_at`;
}

/** What is known of the file at a path and of those below. */
export async function findUploadHashes(sql: Sql, root: string, path: string): Promise<UploadHash[]> {
  // Behind the slash comes the zero in ASCII.
  return sql<UploadHash[]>`select root, path, etag, sha256 from tabularium.upload_hashes
    where root = ${root} and (path = ${path} or (path > ${`${path}/`} and path < ${`${path}0`}))`;
}

/** A version as `tabularium verify` goes through them. */
export interface KeptVersion {
  readonly workspace: string;
  readonly name: string;
  readonly version: number;
  readonly status: string;
  readonly storage_location: string;
  /** Null for a pointer. */
  readonly pin: string | null;
  readonly base: string | null;
  /** Path of the copy in its store; null while it is made. */
  readonly location: string | null;
  /** Null until it is hashed. */
  readonly address: string | null;
  /** Bytes, of what is hashed. */
  readonly bytes: bigint | null;
}

/** A hundred versions behind the last, in the order of their models' names; of one model, or one of its versions. */
export async function findVersions(
  sql: Sql,
  scope: Scope,
  { name, version }: { name?: string; version?: number },
  last: { name: string; version: number } = { name: '', version: 0 },
): Promise<KeptVersion[]> {
  return sql<KeptVersion[]>`
    select v.workspace, v.name, v.version, v.status, v.storage_location, v.pin, p.base, p.location, p.address, m.bytes
    from tabularium.model_versions v
    left join tabularium.pins p on p.id = v.pin
    left join tabularium.manifests m on m.address = p.address
    where v.workspace = ${scope.workspace} and (v.name, v.version) > (${last.name}, ${last.version}::int)
      ${name === undefined ? sql`` : sql`and v.name = ${name}`}
      ${version === undefined ? sql`` : sql`and v.version = ${version}`}
      and not exists (select from tabularium.model_version_tags t
        where t.workspace = v.workspace and t.name = v.name and t.version = v.version
          and t.key = 'mlflow.prompt.is_prompt')
    order by v.name, v.version limit 100`;
}

/** The bytes of all copies that versions have, each once. */
export async function countBytes(
  sql: Sql,
  scope: Scope,
  { name, version }: { name?: string; version?: number },
): Promise<number> {
  const [row] = await sql`
    select coalesce(sum(bytes), 0)::float8 as bytes
    from (
      select distinct p.id, m.bytes from tabularium.model_versions v
      join tabularium.pins p on p.id = v.pin
      join tabularium.manifests m on m.address = p.address
      where v.workspace = ${scope.workspace} ${name === undefined ? sql`` : sql`and v.name = ${name}`}
        ${version === undefined ? sql`` : sql`and v.version = ${version}`}) copies`;
  return row?.bytes;
}

/** Notes a copy that is to be made, claimed by who notes it, for a version that is a pointer. */
export async function pinPointer(sql: Sql, version: KeptVersion, pin: NewPin): Promise<boolean> {
  const { count } = await sql`
    with pointer as (
      select workspace, name, version from tabularium.model_versions
      where workspace = ${version.workspace} and name = ${version.name} and version = ${version.version} and pin is null
      for no key update),
    pinned as (${insertPin(pin, sql`pointer`)})
    update tabularium.model_versions v set pin = ${pin.id} from pointer p
    where (v.workspace, v.name, v.version) = (p.workspace, p.name, p.version)`;
  return count > 0;
}
