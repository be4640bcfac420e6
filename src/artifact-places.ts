import { resolve } from 'node:path';
import type { Config } from './config.ts';
import { localStore } from './objects/local.ts';
import { type ArtifactPlaces, localPath } from './objects/locate.ts';

/** The places that the configuration names. */
export function artifactPlaces({
  serveArtifacts,
  artifactsDestination,
  defaultArtifactRoot,
}: Pick<Config, 'serveArtifacts' | 'artifactsDestination'> & {
  defaultArtifactRoot: string;
}): ArtifactPlaces {
  const root = localPath(defaultArtifactRoot);
  return {
    served: serveArtifacts ? localStore(resolve(artifactsDestination)) : undefined,
    folders: root === undefined ? [] : [{ folder: root, objects: localStore(root) }],
  };
}
