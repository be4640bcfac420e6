import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { freshDatabase } from '../testing/fresh-database.ts';
import { connect as connectPool } from './pool.ts';
import { createReadiness } from './readiness.ts';

test('a network that swallows everything is not ready, and is ready again when it lets through', async () => {
  const database = await freshDatabase();
  const sockets = new Set<Socket>();
  let swallows = false;
  const { host, port, path } = database.sql.options;
  const network = createServer((socket) => {
    sockets.add(socket);
    if (swallows) return;
    const target = path ? connect(path) : connect(Number(port[0]), host[0]);
    socket.pipe(target).pipe(socket);
    for (const end of [socket, target]) end.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(network, 'listening');
  const pool = connectPool({
    ...database.options,
    host: '127.0.0.1',
    port: (network.address() as AddressInfo).port,
  });
  const ready = createReadiness(pool);

  await ready();
  swallows = true;
  // What is open stays open, and nothing comes through it any more.
  for (const socket of sockets) socket.unpipe();
  const refused = await until(() =>
    ready().then(
      () => undefined,
      (error: Error) => error,
    ),
  );
  expect(refused).toMatchObject({
    code: 'TEMPORARILY_UNAVAILABLE',
    message: expect.stringContaining('time'),
  });

  swallows = false;
  await until(() =>
    ready().then(
      () => true,
      () => undefined,
    ),
  );

  await pool.end({ timeout: 0 });
  for (const socket of sockets) socket.destroy();
  network.close();
  await database.drop();
});

test('a pool that is busy is ready', async () => {
  const database = await freshDatabase();
  const pool = connectPool({ ...database.options, max: 1 });
  await pool`select 1`;
  const busy = pool`select pg_sleep(600)`.execute();
  const ended = busy.catch((error: Error) => error);
  await createReadiness(pool)();
  await pool.end({ timeout: 0 });
  expect(await ended).toMatchObject({ code: 'CONNECTION_DESTROYED' });
  await database.drop();
});

test('those who ask at once ask the database once', async () => {
  const database = await freshDatabase();
  const asked: string[] = [];
  const pool = connectPool({ ...database.options, debug: (_, query) => asked.push(query) });
  const ready = createReadiness(pool);
  await Promise.all(Array.from({ length: 100 }, () => ready()));
  await ready();
  expect(asked.filter((query) => query.includes('tabularium.migrations'))).toHaveLength(1);
  await pool.end();
  await database.drop();
});

async function until<T>(question: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
}
