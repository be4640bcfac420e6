import { invalidParameter } from '../contract/error.ts';
import { normalPath } from '../contract/posix.ts';
import { unquote } from '../contract/uri.ts';

/** MLflow gives up after as many rounds of decoding. */
const maxRounds = 10;

/**
 * What no artifact path holds. MLflow refuses `..`, `#`, `file:`, and paths that are absolute on POSIX or Windows.
 * Further refused here: a backslash and a drive (paths on Windows), `..;` (a parent to servers that cut path
 * parameters), and control characters, which MLflow escapes to names such as `a%00b`.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const hostile = /[\u0000-\u001f\u007f\\#]|^\/|^[a-z]:|^file:|(^|\/)\.\.(;|\/|$)/i;

/**
 * The path that a client means, decoded as often as it is encoded (MLflow does so too: a name that holds `%20`
 * is stored with a space). Throws INVALID_PARAMETER_VALUE for one that would lead out of where it is joined to.
 */
export function safePath(path: string): string {
  let decoded = path;
  for (let round = 0; round < maxRounds; round++) {
    const next = unquote(decoded);
    if (next === decoded) {
      if (hostile.test(decoded)) break;
      return decoded;
    }
    decoded = next;
  }
  throw invalidParameter('Invalid path');
}

/** The path of a file to write. MLflow refuses (there with 500) a folder that is written in a roundabout way. */
export function filePath(path: string): string {
  const slash = path.lastIndexOf('/');
  const folder = path.slice(0, Math.max(slash, 0)).replace(/\/+$/, '');
  if (folder !== '' && normalPath(folder) !== folder)
    throw invalidParameter(`Invalid artifact path: '${folder}'.`);
  if (path.slice(slash + 1) === '.') throw invalidParameter(`Invalid artifact path: '${path}'.`);
  return path;
}
