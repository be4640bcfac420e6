import type { Config } from './config.ts';
import { guessedType } from './http/artifact-headers.ts';
import { localStore } from './objects/local.ts';
import { type ArtifactPlaces, bucketOf, localPath } from './objects/locate.ts';
import type { ObjectStore } from './objects/object-store.ts';
import { s3Stores } from './objects/s3-lazy.ts';

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
  const folders = new Map<string, { folder: string; objects: ObjectStore }>();
  const buckets = new Map<string, { bucket: string; prefix: string; objects: ObjectStore }>();
  /** The store at a root; undefined for one that is reached through another server. */
  const rootAt = (uri: string): ObjectStore | undefined => {
    const root = bucketOf(uri);
    if (root) {
      const key = `${root.bucket}/${root.prefix}`;
      const made = buckets.get(key) ?? { ...root, objects: s3Store(root) };
      buckets.set(key, made);
      return made.objects;
    }
    const folder = localPath(uri);
    if (folder === undefined) return undefined;
    const made = folders.get(folder) ?? { folder, objects: localStore(folder) };
    folders.set(folder, made);
    return made.objects;
  };
  const served = serveArtifacts ? rootAt(artifactsDestination) : undefined;
  for (const uri of [defaultArtifactRoot, ...allowedSourceRoots]) rootAt(uri);
  return { served, folders: [...folders.values()], buckets: [...buckets.values()] };
}
