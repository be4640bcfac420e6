/**
 * Cuts JSON text without reading what it holds: a document that Postgres has rendered goes to the client in its own
 * words. Reading and writing it again costs four times as much.
 */

/** The members of a JSON object (`"name" : value`), or the elements of a list, each as its text. */
export function partsOf(json: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    if (char === 0x22) at = endOfString(json, at);
    else if (char === 0x5b || char === 0x7b) {
      if (++depth === 1) start = at + 1;
    } else if (char === 0x5d || char === 0x7d) {
      if (--depth === 0) parts.push(json.slice(start, at).trim());
    } else if (char === 0x2c && depth === 1) {
      parts.push(json.slice(start, at).trim());
      start = at + 1;
    }
  }
  return parts.length === 1 && parts[0] === '' ? [] : parts;
}

/** The text of a member's value in an object that `partsOf` has cut; undefined where it has none of that name. */
export function memberOf(parts: readonly string[], name: string): string | undefined {
  const label = `"${name}"`;
  const part = parts.find((one) => one.startsWith(label));
  return part?.slice(part.indexOf(':', label.length) + 1).trim();
}

/** Where the closing quote of the string that opens at `start` stands, or -1. */
export function endOfString(text: string, start: number): number {
  let end = start;
  let backslashes: number;
  do {
    end = text.indexOf('"', end + 1);
    if (end < 0) return -1;
    backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
  } while (backslashes % 2 === 1);
  return end;
}
