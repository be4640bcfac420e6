import { once } from 'node:events';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { drain } from './server.ts';

test('the drain finishes what is under way, and ends beside a client that goes on asking', async () => {
  const server = createServer(async (_, response) => {
    await sleep(20);
    response.end('done');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const [response] = (await once(get({ port, agent }), 'response')) as [IncomingMessage];
    return (await response.toArray()).join('');
  };
  expect(await ask()).toBe('done');
  const underWay = ask();
  const client = underWay.then(async (first) => {
    for (;;) expect(await ask()).toBe(first);
  });
  client.catch(() => {});
  await sleep(5);
  await drain(server);
  expect(await underWay).toBe('done');
  await expect(client).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
