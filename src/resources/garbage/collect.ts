import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidParameter, MlflowError } from '../../contract/error.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { type ArtifactPlaces, canReach, type Place, placeOf } from '../../objects/locate.ts';
import { experimentNotFound, parseExperimentId } from '../experiments/rules.ts';
import { modelNotFound } from '../logged-models/rules.ts';
import { findUnused, giveUp } from '../pins/store.ts';
import { runNotFound } from '../runs/rules.ts';
import { Holders, placeOrNone, type VersionPointer } from './holders.ts';
import { type Item, label, notDeleted, ownFolder, tooYoung } from './rules.ts';
import * as store from './store.ts';

/** What `tabularium gc` is asked for. Where any ids are named, only these and what lies in them goes. */
export interface GarbageRequest {
  /** Milliseconds since the deletion. */
  readonly olderThan: bigint;
  readonly runIds: readonly string[] | undefined;
  readonly experimentIds: readonly string[] | undefined;
  readonly modelIds: readonly string[] | undefined;
  /** Says what would go, and changes nothing. */
  readonly dryRun: boolean;
}

export interface Collector {
  readonly sql: Sql;
  readonly scope: Scope;
  readonly places: ArtifactPlaces;
  readonly clock: () => number;
  /** How long a registration may take that has read a run before it was deleted, in milliseconds. */
  readonly patience: number;
  /** Takes each line for the person who reads. */
  readonly say: (line: string) => void;
}

/**
 * Deletes what has been deleted, for good: the rows first, each with a note of where its artifacts lie, then the
 * artifacts, then the notes. Whatever this is killed in the middle of, no client ever sees a run that has lost some of
 * its artifacts, or restores one; what is left is named by its note alone, and the next call goes on with it. The other
 * way round a half emptied run could still be restored.
 *
 * Servers may run meanwhile. A statement deletes a run only while it is still deleted and no version names it; before
 * artifacts go, versions are looked at once more, after the patience that lets registrations under way come to an end.
 *
 * @throws MlflowError, before anything is deleted, where what is named is not there, not deleted, too young, or needed
 *   by a registered version. What is not named but needed is kept, and said.
 */
export async function collectGarbage(collector: Collector, request: GarbageRequest): Promise<void> {
  const { sql, scope, say } = collector;
  const { items, experiments } = await select(collector, request);
  const holders = await findHolders(collector, [
    ...items,
    ...experiments.flatMap(({ contents }) => contents),
  ]);
  if (request.runIds ?? request.modelIds ?? request.experimentIds) refuseHeld(holders, items, experiments);

  const author = { scope, actor: 'tabularium gc', action: 'gc', requestId: randomUUID() };
  const done = request.dryRun ? 'would be permanently deleted.' : 'has been permanently deleted.';
  const going: Item[] = [];
  const remove = async (item: Item): Promise<void> => {
    const holder = holders.of(item);
    if (holder) return say(`${label(item)} is kept: ${needs(holder)}.`);
    const change = item.kind === 'run' ? store.deleteRun : store.deleteModel;
    if (!request.dryRun && !(await change(sql, author, item))) return;
    going.push(item);
    say(`${label(item)} ${done}`);
  };
  for (const item of items) await remove(item);
  for (const { id, contents } of experiments) {
    for (const item of contents) await remove(item);
    const held = contents.find((item) => holders.of(item));
    if (held) say(`Experiment with ID ${id} is kept: ${label(held)}, which is in it, is kept.`);
    else if (request.dryRun || (await store.deleteExperiment(sql, author, id)))
      say(`Experiment with ID ${id} ${done}`);
  }
  await giveUpCopies(collector, request.dryRun);
  await sweep(collector, request.dryRun ? going : undefined);
}

/** Notes the copies that no version needs any more, whatever else is asked for: nobody can have them back. */
async function giveUpCopies({ sql, say }: Collector, dryRun: boolean): Promise<void> {
  let done = 0;
  for (let ids = await findUnused(sql, 0); ids.length > 0; ids = await findUnused(sql, 0, ids.at(-1))) {
    for (const id of ids) if (dryRun || (await giveUp(sql, id))) done++;
  }
  if (done === 0) return;
  const copies = done === 1 ? '1 copy' : `${done} copies`;
  const fate = dryRun ? 'would be' : done === 1 ? 'has been' : 'have been';
  say(`${copies} of files that no registered version needs ${fate} permanently deleted.`);
}

interface DeletedExperiment {
  readonly id: string;
  readonly contents: readonly Item[];
}

/** What is asked for; an item that lies in an experiment that goes stands there only. */
async function select(
  { sql, scope, clock }: Collector,
  { olderThan, runIds, experimentIds, modelIds }: GarbageRequest,
): Promise<{ items: Item[]; experiments: DeletedExperiment[] }> {
  const before = BigInt(clock()) - olderThan;
  const named = runIds ?? experimentIds ?? modelIds;
  const of = (ids: readonly string[] | undefined): store.Selection => ({ before, ids: ids ?? (named && []) });
  const runs = await store.findRuns(sql, scope, of(runIds));
  const models = await store.findModels(sql, scope, of(modelIds));
  const numbers = experimentIds?.map((id) => String(parseExperimentId(id)));
  const due = await store.findExperiments(sql, scope, of(numbers));

  for (const id of runIds ?? []) requireThere(runs, ({ id: there }) => there === id, runNotFound(id));
  for (const id of modelIds ?? []) requireThere(models, ({ id: there }) => there === id, modelNotFound(id));
  for (const id of numbers ?? []) requireThere(due, (there) => there === id, experimentNotFound(BigInt(id)));
  for (const { what, deleted, old } of [...runs, ...models]) {
    if (!deleted) throw notDeleted(what);
    if (!old && olderThan > 0n) throw tooYoung(label(what));
  }
  const active = due.filter(({ deleted }) => !deleted).map(({ what }) => `'${what}'`);
  if (active.length > 0)
    throw invalidParameter(
      `Experiments [${active.join(', ')}] are not in the deleted lifecycle stage. Only experiments in the deleted ` +
        'lifecycle stage can be hard-deleted.',
    );
  for (const { what, old } of due) if (!old && olderThan > 0n) throw tooYoung(`Experiment with ID ${what}`);

  const experiments: DeletedExperiment[] = [];
  for (const { what } of due) experiments.push({ id: what, contents: await store.findContents(sql, what) });
  const inside = new Set(experiments.flatMap(({ contents }) => contents.map(({ id }) => id)));
  const items = [...runs, ...models].map(({ what }) => what).filter(({ id }) => !inside.has(id));
  return { items, experiments };
}

function requireThere<T>(
  candidates: readonly store.Candidate<T>[],
  is: (what: T) => boolean,
  error: MlflowError,
): void {
  if (!candidates.some(({ what }) => is(what))) throw error;
}

async function findHolders({ sql, places }: Collector, items: readonly Item[]): Promise<Holders> {
  const holders = new Holders(items, places);
  if (items.length > 0) await store.eachVersion(sql, (version) => holders.show(version));
  return holders;
}

const needs = ({ name, version }: VersionPointer): string =>
  `version ${version} of the registered model ${name} points to it`;

function refuseHeld(
  holders: Holders,
  items: readonly Item[],
  experiments: readonly DeletedExperiment[],
): void {
  for (const item of [...items, ...experiments.flatMap(({ contents }) => contents)]) {
    const holder = holders.of(item);
    if (holder)
      throw invalidParameter(`${label(item)} cannot be deleted: ${needs(holder)}. Nothing was deleted.`);
  }
}

/**
 * Removes the artifacts whose rows are gone: those of this call, and what earlier calls left.
 *
 * @param planned in a dry run, what would come to it; nothing is removed then.
 */
async function sweep(collector: Collector, planned?: readonly Item[]): Promise<void> {
  const { sql, places, patience, say } = collector;
  const { notes, youngest } = await store.readNotes(sql);
  if (!planned && youngest < patience) await sleep(patience - youngest);
  const holders = await findHolders(collector, notes);
  const left = (planned ?? []).filter((item) => !placeOfItem(item, places)).map(({ location }) => location);
  for (const note of notes) {
    const holder = holders.of(note);
    const place = placeOfItem(note, places);
    if (holder) say(`The artifacts of ${label(note)} are kept at ${note.location}: ${needs(holder)}.`);
    else if (!place) left.push(note.location);
    else if (planned)
      say(`The artifacts at ${note.location}, whose rows are gone already, would be deleted.`);
    else await removeArtifacts(collector, note, place);
  }
  if (left.length > 0) say(unreached(left));
}

function placeOfItem(item: Item, places: ArtifactPlaces): Place | undefined {
  if (item.kind === 'pin')
    return canReach(item.location, places) ? placeOf(item.location, '', places) : undefined;
  const folder = ownFolder(item);
  return folder === undefined ? undefined : placeOrNone(folder, places);
}

/** One that the disk refuses stays noted, and keeps none of the others. */
async function removeArtifacts({ sql, say }: Collector, note: store.Note, place: Place): Promise<void> {
  try {
    await place.objects.delete(place.path);
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    return say(`The artifacts at ${note.location} could not be deleted: ${error.message}.`);
  }
  await store.deleteNote(sql, note);
}

const shown = 5;

function unreached(locations: readonly string[]): string {
  const more = locations.length > shown ? ` and ${locations.length - shown} more` : '';
  return (
    `Artifacts are left at ${locations.slice(0, shown).join(', ')}${more}, which this command cannot reach or others may ` +
    'share: it deletes only below --artifacts-destination and --default-artifact-root, which must be those of the server.'
  );
}
