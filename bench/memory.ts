import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Stands before a server and gives from memory what that has once answered: what a page takes if no answer takes any time.
 *
 * @returns its URL, and how to stop it.
 */
export async function startMemory(url: string): Promise<{ url: string; stop: () => void }> {
  const known = new Map<string, Answer>();
  const ask = async (incoming: IncomingMessage, body: Buffer): Promise<Answer> => {
    const type = incoming.headers['content-type'];
    const answer = await fetch(url + incoming.url, {
      method: incoming.method ?? 'GET',
      headers: type === undefined ? {} : { 'content-type': type },
      ...(body.byteLength > 0 && { body: new Uint8Array(body) }),
    });
    const { 'content-encoding': _, 'content-length': __, ...headers } = Object.fromEntries(answer.headers);
    return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) };
  };
  const server = createServer(async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await buffer(incoming);
    const key = `${incoming.method} ${incoming.url} ${body}`;
    const answer = known.get(key) ?? (await ask(incoming, body));
    known.set(key, answer);
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => void server.close() };
}
