import { createHash } from 'node:crypto';
import { invalidParameter } from '../contract/error.ts';

/** Where a page ended. Clients hand the token back as they got it, with the same filter and order. */
export interface PageToken {
  /** `queryHash` of what the page answered. */
  readonly query: string;
  /** Where the next page begins: an offset, or the sort values of the last row. JSON. */
  readonly after: unknown;
}

/** Tells queries apart by what decides their rows and order: filter, order-by, view type, experiments. */
export const queryHash = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);

export const encodePageToken = (token: PageToken): string => encodeToken(token);

/** Where the page begins; undefined for the first. Throws `invalidParameter` for a token of another query. */
export function decodePageToken(token: string | undefined, query: string): unknown {
  if (!token) return undefined;
  const decoded = decodeToken(token);
  if (decoded.query !== query || decoded.after === undefined) {
    throw invalidParameter('Invalid page token, it belongs to another search');
  }
  return decoded.after;
}

export const encodeToken = (payload: object): string =>
  Buffer.from(JSON.stringify(payload), 'utf8').toString('base64');

/** The JSON object in a token; throws `invalidParameter` with the sentence MLflow's clients know. */
export function decodeToken(token: string): Readonly<Record<string, unknown>> {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token, 'base64').toString('utf8'));
    if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) return { ...payload };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw invalidParameter('Invalid page token, could not base64-decode');
}
