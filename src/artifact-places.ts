import { existsSync } from 'node:fs';
import type { Config } from './config.ts';
import { guessedType } from './http/artifact-headers.ts';
import { localStore } from './objects/local.ts';
import {
  type ArtifactBucket,
  type ArtifactFolder,
  type ArtifactPlaces,
  bucketOf,
  localPath,
} from './objects/locate.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { s3Stores } from './objects/s3-lazy.ts';

/** The same for a command beside a server that was started with these options. */
export const placesOfCommand = (
  config: Pick<Config, 'artifactsDestination' | 's3'> & { defaultArtifactRoot: string },
): ArtifactPlaces =>
  artifactPlaces({
    ...config,
    // What lies in a folder that is not there is not gone: it may be the wrong folder.
    serveArtifacts: config.artifactsDestination.startsWith('s3:') || existsSync(config.artifactsDestination),
    // They are for reading.
    allowedSourceRoots: [],
  });

/** The places that the configuration names, each with its store once: the destination, the root, those to read from. */
export function artifactPlaces({
  serveArtifacts,
  artifactsDestination,
  defaultArtifactRoot,
  allowedSourceRoots,
  s3,
}: Pick<Config, 'serveArtifacts' | 'artifactsDestination' | 'allowedSourceRoots' | 's3'> & {
  defaultArtifactRoot: string;
}): ArtifactPlaces {
  const s3Store = s3Stores(s3, guessedType);
  const folders = new Map<string, ArtifactFolder>();
  const buckets = new Map<string, ArtifactBucket>();
  /** The store at a root; undefined for one that is reached through another server. */
  const rootAt = (uri: string, forReading: { readOnly?: true } = {}): ObjectStore | undefined => {
    const root = bucketOf(uri);
    if (root) {
      const key = `${root.bucket}/${root.prefix}`;
      const made = buckets.get(key) ?? { ...root, ...forReading, objects: s3Store(root) };
      buckets.set(key, made);
      return made.objects;
    }
    const folder = localPath(uri);
    if (folder === undefined) return undefined;
    const made = folders.get(folder) ?? { folder, ...forReading, objects: localStore(folder) };
    folders.set(folder, made);
    return made.objects;
  };
  const served = serveArtifacts ? rootAt(artifactsDestination) : undefined;
  rootAt(defaultArtifactRoot);
  for (const uri of allowedSourceRoots) rootAt(uri, { readOnly: true });
  return { served, folders: [...folders.values()], buckets: [...buckets.values()] };
}
