import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidParameter } from '../contract/error.ts';
import { parseUri } from '../contract/uri.ts';
import { isInside } from './inside.ts';
import type { ObjectStore, StoredEntry } from './object-store.ts';
import { isReserved } from './reserved.ts';
import type { BucketRoot } from './s3-lazy.ts';
import { safePath } from './safe-path.ts';

/** The only places whose bytes this server reads and writes. */
export interface ArtifactPlaces {
  /** What `mlflow-artifacts:` stands for; undefined with `--no-serve-artifacts`. */
  readonly served: ObjectStore | undefined;
  /** Folders of the server that artifact URIs may name. */
  readonly folders: readonly ArtifactFolder[];
  /** The same on S3. */
  readonly buckets: readonly ArtifactBucket[];
}

export interface ArtifactFolder {
  /** Absolute. */
  readonly folder: string;
  /** Where versions may point to it, and nothing is written to it. */
  readonly readOnly?: true;
  readonly objects: ObjectStore;
}

export interface ArtifactBucket extends BucketRoot {
  readonly readOnly?: true;
  readonly objects: ObjectStore;
}

/** Where an artifact URI leads: a path in a store. */
export interface Place {
  readonly objects: ObjectStore;
  readonly path: string;
}

/** One file or folder as the wire shows it; folders and empty files have no size. */
export interface FileInfo {
  path: string;
  is_dir: boolean;
  file_size?: number;
}

/** The route of the proxy, as an artifact URI may name it. */
export const servedRoute = '/api/2.0/mlflow-artifacts/artifacts/';

/**
 * The place of `path` under the artifact URI of a run, a logged model or a version. `path` comes from `safePath`.
 * As in MLflow the host of `mlflow-artifacts:` and of http URIs is not looked at: they mean this server.
 */
export function placeOf(uri: string, path: string, places: ArtifactPlaces): Place {
  const root = servedPlace(uri, places) ?? folderPlace(uri, places) ?? bucketPlace(uri, places);
  if (!root)
    throw invalidParameter(
      `This server cannot reach the artifacts at '${uri}': it reads and writes artifacts only under the roots ` +
        'that it was started with.',
    );
  return { objects: root.objects, path: root.path === '' ? path : `${root.path}/${path}` };
}

/** Whether this server reads and writes what lies at an artifact URI. */
export function canReach(uri: string, places: ArtifactPlaces): boolean {
  try {
    safePath(placeOf(uri, '', places).path);
    return true;
  } catch {
    return false;
  }
}

function servedPlace(uri: string, { served }: ArtifactPlaces): Place | undefined {
  const { scheme, path } = parseUri(uri);
  if (!served || isAbsolute(uri)) return undefined;
  if (scheme === 'mlflow-artifacts') return { objects: served, path: path.replace(/^\/+/, '') };
  if (scheme !== 'http' && scheme !== 'https') return undefined;
  const at = path.indexOf(servedRoute);
  return at < 0
    ? undefined
    : { objects: served, path: path.slice(at + servedRoute.length).replace(/^\/+/, '') };
}

/** Of roots that lie in each other the inner one is meant: it knows which of its names are the server's own. */
const innermost = <T>(roots: readonly T[], depth: (root: T) => number): T | undefined =>
  roots.toSorted((a, b) => depth(b) - depth(a))[0];

function folderPlace(uri: string, { folders }: ArtifactPlaces): Place | undefined {
  const local = localPath(uri);
  if (local === undefined) return undefined;
  const around = folders.filter(({ folder }) => isInside(folder, local));
  const found = innermost(around, ({ folder }) => folder.length);
  return found && { objects: found.objects, path: relative(found.folder, local).split(sep).join('/') };
}

function bucketPlace(uri: string, { buckets }: ArtifactPlaces): Place | undefined {
  const named = bucketOf(uri);
  if (!named) return undefined;
  const key = `${named.prefix}/`;
  const around = buckets.filter(
    ({ bucket, prefix }) => bucket === named.bucket && (prefix === '' || key.startsWith(`${prefix}/`)),
  );
  const found = innermost(around, ({ prefix }) => prefix.length);
  return (
    found && {
      objects: found.objects,
      path: named.prefix.slice(found.prefix.length).replace(/^\//, ''),
    }
  );
}

/** The bucket and prefix that an `s3:` URI means; undefined for every other URI, and for one that leads upwards. */
export function bucketOf(uri: string): BucketRoot | undefined {
  const { scheme, authority, path } = parseUri(uri);
  if (scheme !== 's3' || authority === '' || isAbsolute(uri)) return undefined;
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return names.includes('..') ? undefined : { bucket: authority, prefix: names.join('/') };
}

/** The absolute path that a `file:` URI or a plain path means; undefined for every other URI. */
export function localPath(uri: string): string | undefined {
  const { scheme, path } = parseUri(uri);
  if (isAbsolute(uri)) return resolve(uri);
  if (scheme === '' && path !== '') return resolve(uri);
  if (scheme !== 'file') return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

/**
 * One level of what lies under an artifact URI, in the folder `path` (as the client sent it) or at the top. Shown
 * paths begin with that folder. The two list RPCs answer it beside the URI.
 */
export async function listUnder(
  uri: string,
  path: string | undefined,
  places: ArtifactPlaces,
): Promise<FileInfo[]> {
  const folder = safePath(path ?? '');
  const place = placeOf(uri, folder, places);
  return fileInfos(await place.objects.list(place.path), folder);
}

/** What the wire shows of a listing; names of the server's own are not among it. */
export function fileInfos(entries: readonly StoredEntry[], folder: string): FileInfo[] {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  const shown = entries.filter(({ name }) => !isReserved(name));
  return shown.map(({ name, size }) => ({
    path: prefix + name,
    is_dir: size === undefined,
    // MLflow leaves the size of an empty file out.
    ...(size && { file_size: size }),
  }));
}
