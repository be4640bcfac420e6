import { pathToFileURL } from 'node:url';
import { parseUri } from '../../contract/uri.ts';
import { type ArtifactBucket, type ArtifactPlaces, placeOf, servedRoute } from '../../objects/locate.ts';
import type { ObjectStore, WalkedFile } from '../../objects/object-store.ts';
import { isReserved } from '../../objects/reserved.ts';
import { safePath } from '../../objects/safe-path.ts';

/** In every store, below a name that no client writes to; a copy is `<its id>/<the attempt that made it>` below. Nothing is ever written there twice. */
const pinnedFolder = '.tabularium/pinned';

export const folderOfPin = (id: string): string => `${pinnedFolder}/${id}`;

export const folderOfAttempt = (id: string, attempt: number): string => `${folderOfPin(id)}/${attempt}`;

/** What a path in a store says, if it lies in a copy: whose, and which file of it. */
export function readPinnedPath(path: string): { pin: string; file: string } | undefined {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const [, pin, file] = /^\.tabularium\/pinned\/([0-9a-f]{32})\/\d+\/(.+)$/s.exec(names.join('/')) ?? [];
  return pin === undefined || file === undefined ? undefined : { pin, file };
}

/** The copy that a location names. */
export const pinIn = (location: string): string | undefined =>
  /\/\.tabularium\/pinned\/([0-9a-f]{32})\//.exec(location)?.[1];

/** A location that this server reads, and so can copy. */
export interface Readable {
  readonly objects: ObjectStore;
  /** Path in the store, decoded. */
  readonly path: string;
  /** The URI of the store's root as the location spells it, with its slash: a path behind it is another location. */
  readonly base: string;
  /** The store, however it is spelled. */
  readonly root: string;
}

/**
 * What a version's location means; undefined where this server may not read it, may not write beside it, or where it is
 * no place for a version: the whole of a store, or one of the server's own.
 */
export function readableOf(location: string, places: ArtifactPlaces): Readable | undefined {
  try {
    const { objects, path: raw } = placeOf(location, '', places);
    // In a `file:` URI it is decoded already; a URI of the proxy is decoded as often as its route does.
    const { scheme } = parseUri(location);
    const isServed = scheme === 'mlflow-artifacts' || scheme === 'http' || scheme === 'https';
    const path = (isServed ? safePath(raw) : raw).replace(/\/+$/, '');
    if (path === '' || path.split('/').some(isReserved) || isReadOnly(objects, places)) return undefined;
    return { objects, path, ...rootOf(location, objects, places) };
  } catch {
    return undefined;
  }
}

const isReadOnly = (objects: ObjectStore, { folders, buckets }: ArtifactPlaces): boolean =>
  [...folders, ...buckets].some((one) => one.objects === objects && one.readOnly);

function rootOf(
  location: string,
  objects: ObjectStore,
  places: ArtifactPlaces,
): { base: string; root: string } {
  const { scheme, authority } = parseUri(location);
  const root = nameOfStore(objects, places);
  const bucket = places.buckets.find((one) => one.objects === objects);
  if (scheme === 's3' && bucket) return { base: `${uriOfBucket(bucket)}/`, root };
  const folder = places.folders.find((one) => one.objects === objects)?.folder ?? '';
  if (scheme === 'mlflow-artifacts') return { base: `${scheme}:${authority && `//${authority}`}/`, root };
  if (scheme === 'http' || scheme === 'https')
    return { base: location.slice(0, location.indexOf(servedRoute) + servedRoute.length), root };
  return { base: `${scheme === 'file' ? pathToFileURL(folder).href : folder}/`, root };
}

const uriOfBucket = ({ bucket, prefix }: ArtifactBucket): string => `s3://${bucket}${prefix && `/${prefix}`}`;

/** What stands for a store in the database: the same in every server that is started alike. */
export const nameOfStore = (objects: ObjectStore, places: ArtifactPlaces): string =>
  objects === places.served
    ? 'mlflow-artifacts:'
    : (places.folders.find((one) => one.objects === objects)?.folder ??
      uriOfBucket(places.buckets.find((one) => one.objects === objects) as ArtifactBucket));

/** Whether two walks of a folder met the same bytes under the same names. */
export const sameFiles = (one: readonly WalkedFile[], other: readonly WalkedFile[]): boolean =>
  one.length === other.length &&
  one.every((file, i) => file.path === other[i]?.path && file.etag === other[i]?.etag);
