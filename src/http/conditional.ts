import type { ByteRange, Identity } from '../objects/object-store.ts';

/** What of a file a GET or HEAD wants, by its headers (RFC 9110, sections 13 and 14). */
export type Wanted =
  | { readonly status: 200 }
  | { readonly status: 206; readonly range: ByteRange }
  | { readonly status: 304 }
  | { readonly status: 412 }
  | { readonly status: 416 };

type Header = (name: string) => string | undefined;

const names = ['If-None-Match', 'If-Modified-Since', 'If-Match', 'If-Unmodified-Since', 'Range'];

/** Whether there is anything to decide. */
export const isConditional = (header: Header): boolean => names.some((name) => header(name) !== undefined);

export const etagHeader = ({ etag }: Identity): string => `"${etag}"`;

/** HTTP tells time in whole seconds. */
const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

export function wanted(header: Header, identity: Identity): Wanted {
  const etag = etagHeader(identity);
  /** Undefined where the header is absent or no date, which counts as absent. */
  const unchangedSince = (name: string): boolean | undefined => {
    const date = Date.parse(header(name) ?? '');
    return Number.isNaN(date) ? undefined : seconds(identity.modified) <= seconds(date);
  };
  const match = header('If-Match');
  if (match === undefined ? unchangedSince('If-Unmodified-Since') === false : !lists(match, etag))
    return { status: 412 };
  const noneMatch = header('If-None-Match');
  if (noneMatch === undefined ? unchangedSince('If-Modified-Since') : lists(noneMatch, etag))
    return { status: 304 };
  const ifRange = header('If-Range');
  if (ifRange !== undefined && ifRange !== etag && Date.parse(ifRange) !== seconds(identity.modified) * 1000)
    return { status: 200 };
  return rangeOf(header('Range') ?? '', identity.size);
}

/** Whether a list of etags, as in `If-None-Match`, names one. */
export const namesEtag = (header: string, etag: string): boolean =>
  header.split(',').some((part) => part.trim().replace(/^W\//, '') === etag);

const lists = (header: string, etag: string): boolean =>
  header.split(',').some((part) => part.trim() === '*') || namesEtag(header, etag);

/** One range; of several, as of what is none, a server may send the whole. */
function rangeOf(header: string, size: number): Wanted {
  const [, first, last] = /^bytes=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { status: 200 };
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return { status: 200 };
  return start > end ? { status: 416 } : { status: 206, range: { start, end } };
}
