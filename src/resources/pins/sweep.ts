import type { Sql } from '../../contract/sql.ts';
import { type ArtifactPlaces, placeOf } from '../../objects/locate.ts';
import { folderOfPin } from './rules.ts';
import { knowsPins } from './store.ts';

/** Seconds that a copy stays which nobody points to: somebody may be reading it, or about to point to it again. */
export const grace = 3_600;

/** Days for which the hash of an upload is kept; what is registered later is read. */
const uploadDays = 7;

/** Copies that are given up in one go. */
const batch = 100;

/** `p` is a copy that no version needs, nor any other copy. */
const unused = (sql: Sql) => sql`
  not exists (select from tabularium.model_versions v where v.pin = p.id)
  and not exists (select from tabularium.pins o where o.same_as = p.id)`;

/** Copies that nobody points to, by their ids: for so many seconds, as far as sweeps have seen. */
export async function findUnused(sql: Sql, seconds: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id from tabularium.pins p
    where due_at is null and ${unused(sql)} and (${seconds} = 0 or unused_since <= now() - ${seconds} * interval '1 second')
    order by id limit ${batch}`;
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
        delete from tabularium.pins p where id = ${id} and ${unused(sql)} returning id, base),
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

const isReferenced = '23503';

/**
 * Removes copies that nobody points to any more, and what is known of files and uploads that nobody will ask for.
 *
 * @returns whether there may be more.
 */
export async function sweepPins(sql: Sql, places: ArtifactPlaces, seconds = grace): Promise<boolean> {
  if (!(await knowsPins(sql))) return false;
  await sql`update tabularium.pins p set unused_since = case when unused_since is null then now() end
    where (unused_since is null) = (due_at is null and ${unused(sql)})`;
  const ids = await findUnused(sql, seconds);
  for (const id of ids) await giveUp(sql, id);
  await removeNoted(sql, places);
  await sql`delete from tabularium.manifests m
    where not exists (select from tabularium.pins p where p.address = m.address)`.catch((error) => {
    if (error.code !== isReferenced) throw error;
  });
  await sql`delete from tabularium.upload_hashes where noted_at < now() - ${uploadDays} * interval '1 day'`;
  return ids.length === batch;
}

/** Removes the bytes of copies that are given up. A place that the store refuses stays noted, and keeps no other. */
async function removeNoted(sql: Sql, places: ArtifactPlaces): Promise<void> {
  const notes = await sql<{ id: bigint; location: string }[]>`
    select id, location from tabularium.garbage where kind = 'pin' order by id limit ${batch}`;
  let failure: unknown;
  for (const { id, location } of notes) {
    try {
      const { objects, path } = placeOf(location, '', places);
      await objects.delete(path);
      await sql`delete from tabularium.garbage where id = ${id}`;
    } catch (error) {
      failure = error;
    }
  }
  if (failure) throw failure;
}
