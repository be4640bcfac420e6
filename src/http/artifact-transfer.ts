import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { invalidParameter } from '../contract/error.ts';
import { whole } from '../objects/every-store.ts';
import type { Place } from '../objects/locate.ts';
import type { Identity } from '../objects/object-store.ts';
import { attachmentHeaders } from './artifact-headers.ts';
import { etagHeader, isConditional, type Wanted, wanted } from './conditional.ts';
import { takeHeaders } from './standing-headers.ts';

/**
 * A file as the answer to a GET or HEAD: the whole, a range of it, or that it has not changed. `headers` are sent
 * besides.
 */
export async function send(
  c: Context,
  place: Place,
  headers: Record<string, string> = {},
): Promise<Response> {
  const header = (name: string) => c.req.header(name);
  const asked = isConditional(header) || c.req.method === 'HEAD';
  const known = asked ? await place.objects.stat(place.path) : undefined;
  // What is absent is told by the read, which knows why.
  if (!known) return sendBody(c, place, { status: 200 }, headers);
  const want = wanted(header, known);
  if (want.status === 304 || want.status === 412)
    return c.body(null, want.status, { ...identityHeaders(known), ...headers });
  if (want.status === 416) return c.body(null, 416, { ...headers, 'Content-Range': `bytes */${known.size}` });
  if (c.req.method === 'HEAD')
    return c.body(null, want.status, { ...fileHeaders(place, want, known), ...headers });
  return sendBody(c, place, want, headers);
}

async function sendBody(
  c: Context,
  place: Place,
  want: Sent,
  headers: Record<string, string>,
): Promise<Response> {
  const found = await place.objects.get(place.path, want.status === 206 ? want.range : undefined);
  const isSmall = want.status === 200 && found.size <= small;
  return new Response(isSmall ? await whole(found.body) : found.body, {
    status: want.status,
    headers: { ...fileHeaders(place, want, found), ...headers, ...takeHeaders(c) },
  });
}

/** Bytes of a file that is sent at once: with its headers it takes one write, and a failure on the way still has a status. */
const small = 256 * 1024;

/** What has a body. */
type Sent = Extract<Wanted, { status: 200 | 206 }>;

function fileHeaders({ path }: Place, want: Sent, identity: Identity): Record<string, string> {
  const all = { ...attachmentHeaders(path, identity.size), ...identityHeaders(identity) };
  if (want.status === 200) return all;
  const { start } = want.range;
  const end = Math.min(want.range.end, identity.size - 1);
  return {
    ...all,
    'Content-Length': String(end - start + 1),
    'Content-Range': `bytes ${start}-${end}/${identity.size}`,
  };
}

const identityHeaders = (identity: Identity): Record<string, string> => ({
  ETag: etagHeader(identity),
  'Last-Modified': new Date(identity.modified).toUTCString(),
  'Accept-Ranges': 'bytes',
});

/** How long the rest of a body is taken in that nobody wants, in milliseconds. */
const patience = 60_000;

/**
 * Takes in, and forgets, what is still to come of a body. Clients send all of it before they read the answer: one that
 * came before would be lost with the connection.
 */
export async function forgetBody(c: Context): Promise<void> {
  const incoming: unknown = c.env?.incoming;
  if (!(incoming instanceof IncomingMessage) || incoming.complete || incoming.destroyed) return;
  // Who read until now may still wait for more; with a listener of its kind nothing would flow.
  incoming.removeAllListeners('readable');
  incoming.on('data', () => {}).resume();
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), patience);
  await Promise.race([once(incoming, 'end', over), once(incoming, 'close', over)]).catch(() => {});
  clearTimeout(timer);
  over.abort();
}

/** What the client sends; its breaking off is an error of the client. */
export async function* bodyOf(c: Context): AsyncGenerator<Uint8Array> {
  // Node's own stream, where there is one: through a web stream each chunk costs half as much again.
  const incoming: unknown = c.env?.incoming;
  const body: AsyncIterable<Uint8Array> | null =
    incoming instanceof IncomingMessage ? incoming.iterator({ destroyOnReturn: false }) : c.req.raw.body;
  try {
    if (body) yield* body;
  } catch (cause) {
    throw invalidParameter('The upload broke off before its end', { cause });
  }
}
