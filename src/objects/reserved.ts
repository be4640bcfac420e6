import { invalidParameter } from '../contract/error.ts';

/** Some file systems see through these: they are no signs of their own, and may stand anywhere in a name. */
const ignorable = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;

/** What begins with `.tabularium`, in any disguise that a file system may undo, Windows' short names among them. */
export function isReserved(name: string): boolean {
  const plain = name.normalize('NFKC').replace(ignorable, '').toLowerCase();
  return plain.startsWith('.tabularium') || /^tabula~\d/.test(plain);
}

/**
 * Names of the server's own, at any depth: what lies there is what registered versions are loaded from. It may be
 * read, but no client writes or deletes it.
 */
export function refuseReserved(path: string): void {
  if (path.split('/').some(isReserved))
    throw invalidParameter("Invalid path: names that begin with '.tabularium' are the server's own");
}
