import { randomUUID } from 'node:crypto';
import { MlflowError } from '../../contract/error.ts';
import { type ManifestEntry, manifestAddress } from '../../contract/manifest.ts';
import type { Query, Sql } from '../../contract/sql.ts';
import type { Ask } from '../../db/ask.ts';
import type { Pipeline } from '../../db/transaction.ts';
import { whileLeased } from '../../jobs/lease.ts';
import { type ArtifactPlaces, placeOf } from '../../objects/locate.ts';
import type { ObjectStore } from '../../objects/object-store.ts';
import { settleVersions } from '../model-versions/store.ts';
import { lockModelsOf, renderModelsOf } from '../registered-models/store.ts';
import { copyFiles, entriesOf, hashCopy, listFiles } from './copy.ts';
import { holdsFiles } from './files.ts';
import { folderOfAttempt, pinIn, readableOf } from './rules.ts';
import * as store from './store.ts';
import type { Uploads } from './uploads.ts';

/** Copies that are made at a time, by one process. */
const atOnce = 4;

/** Milliseconds between two times that a lease is prolonged. */
const prolongEvery = 5_000;

/**
 * After so many attempts a copy is given up. The seconds before the next grow to a minute, so that it is told within the
 * five minutes that MLflow's client waits.
 */
const attempts = 9;

/** Hears why an attempt failed; a pino logger will do. */
interface PinLog {
  warn(detail: object, message: string): void;
}

export interface PinnerDependencies {
  readonly ask: Ask;
  readonly transaction: Pipeline;
  readonly places: ArtifactPlaces;
  readonly uploads: Pick<Uploads, 'hashesOf'>;
  readonly log: PinLog;
}

/**
 * Makes the copies of what versions point to. Whoever registers has his own made at once; what is left (a process was
 * killed, a store was down) is taken up by any process that looks.
 */
export class Pinner {
  readonly #its: PinnerDependencies;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #known = false;
  readonly #stopping = new AbortController();

  constructor(dependencies: PinnerDependencies) {
    this.#its = dependencies;
  }

  /** The copy that a version at this location needs; undefined where it stays a pointer. */
  async plan(location: string): Promise<store.NewPin | undefined> {
    const readable = readableOf(location, this.#its.places);
    if (!readable || !(await this.#isPossible())) return undefined;
    const { objects, path, base, root } = readable;
    // Where the store does not say, the copy is noted: it is tried until the store does.
    const there = await holdsFiles(objects, path).catch(isUnreachable);
    return there ? { id: randomUUID().replaceAll('-', ''), base, root, source: path } : undefined;
  }

  async isKept(location: string): Promise<boolean> {
    const pin = pinIn(location);
    if (pin === undefined || !(await this.#isPossible())) return false;
    return this.#its.ask((sql) => store.isCopyOf(sql, pin, location));
  }

  /** Makes a copy that was noted as claimed for a version of this model, and tells it. Never throws. */
  async make(pin: store.NewPin, model: store.ModelKey): Promise<void> {
    await this.#work({ ...pin, attempt: 1, location: null }, model);
  }

  /** Takes up what is due, and tells the versions of copies that came to an end. @returns whether more may be due. */
  async takeUp(): Promise<boolean> {
    if (!(await this.#isPossible())) return false;
    for (const id of await this.#its.ask(store.findUnsettled)) await this.settle(id);
    const pin = await this.#its.ask(store.claimPin);
    if (pin) await this.#work(pin);
    return pin !== undefined;
  }

  /** Tells the versions that wait for it how a copy came to an end; some may wait on, if it has not. */
  async settle(id: string): Promise<void> {
    const waiting = await this.#its.ask<unknown[]>((sql) => store.findWaitingModels(sql, id));
    if (waiting.length === 0) return;
    await this.#its.transaction((sql) => telling(sql, id, waiting as store.ModelKey[]));
  }

  /** Ends what is under way between two files; another process goes on with it. */
  stop(): void {
    this.#stopping.abort();
  }

  async #isPossible(): Promise<boolean> {
    this.#known ||= await this.#its.ask(store.knowsPins);
    return this.#known;
  }

  /** @param model that of the version for which the copy was noted; undefined where it was taken up. */
  async #work(pin: store.ClaimedPin, model?: store.ModelKey): Promise<void> {
    const { ask, log } = this.#its;
    await whileLeased(
      prolongEvery,
      () => ask((sql) => store.extendLease(sql, pin)),
      async (lost) => {
        const signal = AbortSignal.any([lost, this.#stopping.signal]);
        if (this.#running >= atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        this.#running++;
        try {
          await this.#attempt(pin, model, signal);
        } finally {
          this.#running--;
          this.#waiting.shift()?.();
        }
      },
    ).catch((err) =>
      log.warn({ err, pin: pin.id }, 'a registered version could not be copied; it is tried again'),
    );
  }

  async #attempt(
    pin: store.ClaimedPin,
    model: store.ModelKey | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { ask, places, log } = this.#its;
    try {
      const { objects } = placeOf(pin.base, '', places);
      if (pin.location === null) {
        if (await this.#copy(objects, pin, model, signal)) return;
      } else await this.#hash(objects, pin, pin.location, new Map(), signal);
    } catch (error) {
      if (this.#stopping.signal.aborted)
        return ask((sql) => store.putBack(sql, pin, 0, 'The server was stopped.'));
      if (signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      const givenUp = pin.attempt >= attempts && pin.location === null;
      const { id, attempt } = pin;
      log.warn(
        { err: error, pin: id, attempt, givenUp },
        'a registered version could not be copied or hashed',
      );
      if (!givenUp) return ask((sql) => store.putBack(sql, pin, Math.min(2 ** attempt, 60), reason));
      await ask((sql) => store.noteFailed(sql, pin, reason));
    }
    await this.settle(pin.id);
  }

  /**
   * Copies, which makes the versions ready, and then hashes what neither its upload nor the copy has.
   *
   * @returns whether every version has been told.
   */
  async #copy(
    objects: ObjectStore,
    pin: store.ClaimedPin,
    model: store.ModelKey | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { ask, uploads } = this.#its;
    const listing = await listFiles(objects, pin.source);
    if (!model && !(await ask((sql) => store.isWanted(sql, pin)))) {
      await ask((sql) => store.noteFailed(sql, pin, 'No version needs it any more.'));
      return false;
    }
    if (listing.files.length === 0) {
      await ask((sql) => store.noteFailed(sql, pin, 'Its files were deleted before they were copied.'));
      return false;
    }
    const known = await uploads.hashesOf(pin, listing.files);
    const uploaded = entriesOf(listing, known);
    if (uploaded && listing.single === undefined) {
      const same = await this.#useSame(pin, uploaded, model);
      if (same.noted) return same.told;
    }
    const location = await copyFiles(objects, pin, listing, known, signal);
    const entries = entriesOf(listing, known);
    const { noted, told } = await this.#note(pin, model, (sql) => [
      store.notePinned(sql, pin, location, entries),
    ]);
    if (!noted) return false;
    if (!told) await this.settle(pin.id);
    await this.#removeEarlier(objects, pin);
    if (!entries) await this.#hash(objects, { ...pin, location }, location, known, signal);
    else if (!uploaded) await this.#merge(pin, location, entries);
    return uploaded !== undefined;
  }

  /**
   * Has a copy come to an end by these statements, and tells the version of `model` in the same transaction.
   *
   * @returns whether the last of them has a row, and whether every version has been told.
   */
  async #note(
    pin: store.ClaimedPin,
    model: store.ModelKey | undefined,
    statements: (sql: Sql) => readonly Query[],
  ): Promise<{ noted: boolean; told: boolean }> {
    let last = 0;
    const results = await this.#its.transaction((sql) => {
      const notes = statements(sql);
      last = notes.length - 1;
      if (!model) return notes;
      return [...notes, ...telling(sql, pin.id, [model]), store.findWaitingModels(sql, pin.id)];
    });
    return { noted: results[last]?.length === 1, told: model !== undefined && results.at(-1)?.length === 0 };
  }

  async #hash(
    objects: ObjectStore,
    pin: store.ClaimedPin,
    location: string,
    known: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const entries = await hashCopy(objects, location, known, signal);
    await this.#its.transaction((sql) => store.noteHashed(sql, pin, entries));
    await this.#merge(pin, location, entries);
  }

  /** Leaves one of two copies of the same files. A file alone stays, since its copy has a name. */
  async #merge(pin: store.ClaimedPin, location: string, entries: readonly ManifestEntry[]): Promise<void> {
    if (/\/\d+$/.test(location)) await this.#useSame(pin, entries);
  }

  /** Has versions use another copy of the same files, if there is one, and tells that of `model`. */
  async #useSame(
    pin: store.ClaimedPin,
    entries: readonly ManifestEntry[],
    model?: store.ModelKey,
  ): Promise<{ noted: boolean; told: boolean }> {
    const address = manifestAddress(entries);
    return this.#note(pin, model, (sql) => store.noteSame(sql, pin, address));
  }

  /** What attempts have left that were broken off. */
  async #removeEarlier(objects: ObjectStore, { id, attempt }: store.ClaimedPin): Promise<void> {
    for (let earlier = 1; earlier < attempt; earlier++) await objects.delete(folderOfAttempt(id, earlier));
  }
}

/** The statements that tell the versions of these models how the copy came to an end; they change nothing before. */
function telling(sql: Sql, pin: string, models: readonly store.ModelKey[]): Query[] {
  const ended = store.endedFor(pin, models);
  return [lockModelsOf(sql, ended), settleVersions(sql, pin, models), renderModelsOf(sql, ended)];
}

/** Whether a store could not be asked; what it refuses, or this server may not read, stays a pointer. */
const isUnreachable = (error: unknown): boolean =>
  !(error instanceof MlflowError) || error.code === 'TEMPORARILY_UNAVAILABLE';
