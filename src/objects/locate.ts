import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidParameter } from '../contract/error.ts';
import { parseUri } from '../contract/uri.ts';
import { isInside } from './inside.ts';
import type { ObjectStore } from './object-store.ts';
import { safePath } from './safe-path.ts';

/** The only places whose bytes this server reads and writes. */
export interface ArtifactPlaces {
  /** What `mlflow-artifacts:` stands for; undefined with `--no-serve-artifacts`. */
  readonly served: ObjectStore | undefined;
  /** Folders of the server that artifact URIs may name: the default artifact root, if it is one. */
  readonly folders: readonly ArtifactFolder[];
}

export interface ArtifactFolder {
  /** Absolute. */
  readonly folder: string;
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

const servedRoute = '/api/2.0/mlflow-artifacts/artifacts/';

/**
 * The place of `path` under the artifact URI of a run, a logged model or a version. `path` comes from `safePath`.
 * As in MLflow the host of `mlflow-artifacts:` and of http URIs is not looked at: they mean this server.
 */
export function placeOf(uri: string, path: string, places: ArtifactPlaces): Place {
  const root = servedPlace(uri, places) ?? folderPlace(uri, places);
  if (!root)
    throw invalidParameter(
      `This server cannot reach the artifacts at '${uri}': it reads and writes artifacts only under the roots ` +
        'that it was started with.',
    );
  return { objects: root.objects, path: root.path === '' ? path : `${root.path}/${path}` };
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

function folderPlace(uri: string, { folders }: ArtifactPlaces): Place | undefined {
  const local = localPath(uri);
  const found = local === undefined ? undefined : folders.find(({ folder }) => isInside(folder, local));
  if (!found || local === undefined) return undefined;
  return { objects: found.objects, path: relative(found.folder, local).split(sep).join('/') };
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

export function fileInfos(entries: Awaited<ReturnType<ObjectStore['list']>>, folder: string): FileInfo[] {
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  return entries.map(({ name, size }) => ({
    path: prefix + name,
    is_dir: size === undefined,
    // MLflow leaves the size of an empty file out.
    ...(size && { file_size: size }),
  }));
}
