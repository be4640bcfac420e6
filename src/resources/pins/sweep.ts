import type { Sql } from '../../contract/sql.ts';
import { type ArtifactPlaces, placeOf } from '../../objects/locate.ts';
import { findUnused, giveUp, isReferenced, knowsPins, markUnused } from './store.ts';

/** Seconds that a copy stays which nobody points to: somebody may be reading it, or about to point to it again. */
export const grace = 3_600;

/** Days for which the hash of an upload is kept; what is registered later is read. */
const uploadDays = 7;

/**
 * Removes copies that nobody points to any more, and what is known of files and uploads that nobody will ask for.
 *
 * @returns whether there may be more.
 */
export async function sweepPins(sql: Sql, places: ArtifactPlaces, seconds = grace): Promise<boolean> {
  if (!(await knowsPins(sql))) return false;
  await markUnused(sql);
  const ids = await findUnused(sql, seconds);
  for (const id of ids) await giveUp(sql, id);
  await removeNoted(sql, places);
  await sql`delete from tabularium.manifests m
    where not exists (select from tabularium.pins p where p.address = m.address)`.catch((error) => {
    // A copy that has just been hashed needs one of them: next time.
    if (error.code !== isReferenced) throw error;
  });
  await sql`delete from tabularium.upload_hashes where noted_at < now() - ${uploadDays} * interval '1 day'`;
  return ids.length > 0;
}

/** Removes the bytes of copies that are given up. A place that the store refuses stays noted, and keeps no other. */
async function removeNoted(sql: Sql, places: ArtifactPlaces): Promise<void> {
  const notes = await sql<{ id: bigint; location: string }[]>`
    select id, location from tabularium.garbage where kind = 'pin' order by id limit 100`;
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
