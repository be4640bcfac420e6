import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StartError } from './contract/start-error.ts';

/** Where bytes may lie that clients reach without this server, or through another MLflow server. */
const remoteSchemes = new Set(['s3', 'mlflow-artifacts', 'http', 'https']);

/** What one of our own roots may be: the absolute path of a local folder, or `s3://bucket/prefix`. */
export function ownRoot(option: string, uri: string): string {
  const scheme = schemeOf(uri);
  if (scheme === undefined || scheme === 'file') return localPath(option, uri);
  if (scheme === 's3') return bucketRoot(option, uri);
  throw new StartError(`${option} cannot be a ${scheme}: root: give a local folder or s3://bucket/prefix.`);
}

function bucketRoot(option: string, uri: string): string {
  if (!/^s3:\/\/[^/?#@:]+(\/[^?#]*)?$/i.test(uri) || uri.split('/').includes('..'))
    throw new StartError(`${option} must name a bucket and, if wanted, a prefix, as in s3://bucket/prefix.`);
  return `s3:${uri.slice('s3:'.length).replace(/\/+$/, '')}`;
}

/**
 * Where the artifacts of new experiments go, without a trailing slash. A local path is made absolute and stays a
 * path; a URI stays a URI, because MLflow stores them so.
 */
export function artifactRoot(uri: string): string {
  const scheme = schemeOf(uri);
  if (scheme === undefined) return resolve(uri).replace(/\/$/, '');
  if (scheme === 'file')
    return pathToFileURL(localPath('--default-artifact-root', uri)).href.replace(/\/$/, '');
  if (!remoteSchemes.has(scheme)) {
    throw new StartError(
      `--default-artifact-root cannot be a ${scheme}: root: leave it out so that this server keeps the artifacts, or give an s3:// root or a local folder.`,
    );
  }
  if (scheme === 's3') return bucketRoot('--default-artifact-root', uri);
  return uri.replace(/\/+$/, '');
}

/** A single letter before the colon is a Windows drive. */
export function schemeOf(uri: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
}

function localPath(option: string, uri: string): string {
  if (!/^file:/i.test(uri)) return resolve(uri);
  // `file:folder` is relative to the working directory for MLflow; a URL parser would make it `/folder`.
  if (!/^file:\//i.test(uri)) return resolve(uri.slice('file:'.length));
  try {
    return resolve(fileURLToPath(uri));
  } catch (cause) {
    throw new StartError(`${option} must name a folder of this machine, as in file:///var/artifacts.`, {
      cause,
    });
  }
}
