import { invalidParameter } from '../../contract/error.ts';
import { parseUri } from '../../contract/uri.ts';

/** How long a presigned URL may hold, in seconds: S3 takes seven days. */
export const longestPresigned = 604_800;

export function checkExpiration(seconds: number): number {
  if (seconds < 1 || seconds > longestPresigned)
    throw invalidParameter(`expiration must be between 1 and ${longestPresigned} seconds (got ${seconds}).`);
  return seconds;
}

/** Refuses what lies behind this server: it has no address of its own that could be signed. */
export function refuseProxied(uri: string, direction: 'upload' | 'download'): void {
  const { scheme } = parseUri(uri);
  if (scheme !== 'http' && scheme !== 'https' && scheme !== 'mlflow-artifacts') return;
  const [what, wanted] =
    direction === 'upload'
      ? ['proxied artifact storage', 'a direct cloud storage artifact URI']
      : ['runs with proxied artifact storage', 'a run with a direct cloud storage artifact URI'];
  throw invalidParameter(
    `Presigned ${direction} is not supported for ${what} (artifact URI scheme: ${scheme}). This endpoint requires ${wanted}.`,
  );
}

/** The last name of a path, by the separators of whatever machine the client runs on. */
export const lastName = (path: string): string =>
  path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
