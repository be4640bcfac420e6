import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StartError } from './contract/start-error.ts';

/** Where bytes may lie that clients reach without this server, or through another MLflow server. */
const remoteSchemes = new Set(['s3', 'mlflow-artifacts', 'http', 'https']);

/**
 * The local folder, as an absolute path, that `--artifacts-destination` names as a path or a `file:` URI.
 */
export function localDestination(uri: string): string {
  const scheme = schemeOf(uri);
  if (scheme === undefined || scheme === 'file') return localPath('--artifacts-destination', uri);
  throw new StartError(
    scheme === 's3'
      ? '--artifacts-destination cannot be on S3 yet: give a local folder, or --no-serve-artifacts with --default-artifact-root s3://… so that clients reach the bucket themselves.'
      : `--artifacts-destination cannot be a ${scheme}: root: give a local folder.`,
  );
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
