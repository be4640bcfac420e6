import { createHash } from 'node:crypto';
import { MlflowError } from '../../contract/error.ts';
import { isPartOfVersion, type ManifestEntry } from '../../contract/manifest.ts';
import type { Ask } from '../../db/ask.ts';
import type { ArtifactPlaces } from '../../objects/locate.ts';
import type { ObjectStore, StoredObject } from '../../objects/object-store.ts';
import { nameOfStore, readPinnedPath } from './rules.ts';
import { findManifest, knowsPins } from './store.ts';
import type { Uploads } from './uploads.ts';

/** Hears of bytes that are not those that were registered; a pino logger will do. */
interface GuardLog {
  error(detail: object, message: string): void;
}

export interface GuardDependencies {
  readonly find: Ask;
  readonly uploads: Uploads;
  readonly log: GuardLog;
}

/** Copies whose files are remembered, of those that were read last. */
const remembered = 64;

/**
 * The same places for what clients read and write: hashes of what they upload are kept, and what they read of a copy is
 * compared with what was registered.
 */
export function guardedPlaces(places: ArtifactPlaces, dependencies: GuardDependencies): ArtifactPlaces {
  const manifests = rememberManifests(dependencies.find);
  // The same store may be reached by several URIs, and stays one.
  const guarded = new Map<ObjectStore, ObjectStore>();
  const guard = (objects: ObjectStore): ObjectStore => {
    const name = nameOfStore(objects, places);
    const made = guarded.get(objects) ?? guardStore(objects, name, manifests, dependencies);
    guarded.set(objects, made);
    return made;
  };
  return {
    served: places.served && guard(places.served),
    folders: places.folders.map((one) => ({ ...one, objects: guard(one.objects) })),
    buckets: places.buckets.map((one) => ({ ...one, objects: guard(one.objects) })),
  };
}

type FindManifest = (pin: string) => Promise<ReadonlyMap<string, ManifestEntry> | undefined>;

/** Finds the files of a copy by their paths; those of the copies that were asked for last are at hand. */
function rememberManifests(find: Ask): FindManifest {
  const known = new Map<string, ReadonlyMap<string, ManifestEntry>>();
  return async (pin) => {
    const at = known.get(pin);
    if (at) return at;
    const entries = await find(async (sql) => ((await knowsPins(sql)) ? findManifest(sql, pin) : undefined));
    if (!entries) return undefined;
    const files = new Map(entries.map((entry) => [entry.path, entry]));
    const [oldest] = known.keys();
    if (known.size >= remembered && oldest !== undefined) known.delete(oldest);
    known.set(pin, files);
    return files;
  };
}

function guardStore(
  objects: ObjectStore,
  root: string,
  manifests: FindManifest,
  { uploads, log }: GuardDependencies,
): ObjectStore {
  return {
    ...objects,
    async put(path, body, length) {
      const stored = await objects.put(path, body, length);
      uploads.note({ root, path, etag: stored.etag, sha256: stored.sha256 });
      return stored;
    },
    async get(path, range, version) {
      // Ranges only of copies, which nobody else can write.
      const pinned = range ? undefined : readPinnedPath(path);
      const files = pinned && (await manifests(pinned.pin));
      const object = await objects.get(path, range, version);
      if (!files || !isPartOfVersion(pinned.file)) return object;
      const expected = files.get(pinned.file);
      const differs = (found: object) =>
        log.error(
          { root, path, expected, found },
          'the bytes of a registered version are not those that were registered',
        );
      if (object.size !== expected?.size) {
        await object.body.cancel();
        differs({ size: object.size });
        throw tampered(path);
      }
      return verified(object, expected, path, differs);
    },
  };
}

const tampered = (path: string): MlflowError =>
  new MlflowError('INVALID_STATE', `The bytes at '${path}' are not those that were registered`);

/** The object, whose last chunk comes only if all bytes are those that are expected. */
function verified(
  object: StoredObject,
  { sha256, size }: ManifestEntry,
  path: string,
  differs: (found: object) => void,
): StoredObject {
  const hash = createHash('sha256');
  let rest = size;
  const check = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      hash.update(chunk);
      rest -= chunk.byteLength;
      if (rest > 0) return controller.enqueue(chunk);
      const found = hash.digest('hex');
      if (rest === 0 && found === sha256) return controller.enqueue(chunk);
      differs({ sha256: found });
      throw tampered(path);
    },
    flush() {
      if (rest > 0) throw tampered(path);
    },
  });
  return { ...object, body: object.body.pipeThrough(check) };
}
