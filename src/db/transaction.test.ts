import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Query, Sql } from '../contract/sql.ts';
import { type FreshDatabase, freshDatabase } from '../testing/fresh-database.ts';
import { atOnce } from '../testing/wire.ts';
import { connect } from './pool.ts';
import { createPipeline } from './transaction.ts';

let database: FreshDatabase;
let sql: Sql;

beforeAll(async () => {
  database = await freshDatabase();
  sql = database.sql;
  await sql`create table counted (id int primary key, n int not null check (n < 1000))`;
});
beforeEach(async () => {
  await sql`truncate counted`;
  await sql`insert into counted values (1, 0)`;
});
afterAll(() => database.drop());

const add = (tag: Sql, n: number): Query => tag`update counted set n = n + ${n} where id = 1 returning n`;
const count = async () => (await sql`select n from counted where id = 1`)[0]?.n;
const busy = async () =>
  (
    await sql`select count(*)::int as n from pg_stat_activity
    where datname = current_database() and state like 'idle in transaction%'`
  )[0]?.n;

test('answers the rows of each statement', async () => {
  const pipeline = createPipeline(sql);
  expect(await pipeline((tag) => [add(tag, 1), tag`select ${'x'}::text as x`, add(tag, 2)])).toEqual([
    [{ n: 1 }],
    [{ x: 'x' }],
    [{ n: 3 }],
  ]);
});

test('a statement that fails leaves nothing, and its connection clean', async () => {
  const pipeline = createPipeline(sql, 1);
  for (const _ of [1, 2]) {
    await expect(pipeline((tag) => [add(tag, 1), add(tag, 5000), add(tag, 2)])).rejects.toMatchObject({
      code: '23514',
    });
    expect(await count()).toBe(0);
    expect(await busy()).toBe(0);
  }
  expect(await pipeline((tag) => [add(tag, 7)])).toEqual([[{ n: 7 }]]);
});

test('200 writers share 8 connections', async () => {
  const pipeline = createPipeline(sql);
  await atOnce(200, () => pipeline((tag) => [add(tag, 1), tag`select pg_sleep(0.001)`, add(tag, 1)]));
  expect(await count()).toBe(400);
  expect(await busy()).toBe(0);
});

// Statements that are new to a connection wait there for their description; those that it knows are sent at once.
test.each(['new', 'known'])(
  'a connection that breaks midway with %s statements leaves nothing',
  async (which) => {
    const pipeline = createPipeline(sql, 1);
    const break_ = (tag: Sql, really: boolean) => tag`
    select case when ${really}::boolean then pg_terminate_backend(pg_backend_pid()) end`;
    const change = (really: boolean) =>
      pipeline((tag) => [add(tag, 1), break_(tag, really), add(tag, 2), tag`select ${'y'}::text`]);
    if (which === 'known') await change(false);
    const before = await count();
    for (const _ of [1, 2, 3]) {
      await expect(change(true)).rejects.toMatchObject({
        code: expect.stringMatching(/^(57P01|CONNECTION_CLOSED)$/),
      });
      expect(await count()).toBe(before);
      if (which === 'known') await expect(change(false)).resolves.toHaveLength(4);
      else await expect(pipeline((tag) => [tag`select 1 as one`])).resolves.toEqual([[{ one: 1 }]]);
      if (which === 'known') await sql`update counted set n = ${before} where id = 1`;
    }
  },
);

test('a database that goes away under load refuses at once, and all go on when it is back', async () => {
  const door = await makeDoor();
  const pool = connect({ ...database.options, host: '127.0.0.1', port: door.port });
  const pipeline = createPipeline(pool);
  const write = () => pipeline((tag) => [add(tag, 1), tag`select pg_sleep(0.001)`]);
  const read = () => pool`select n from counted`;
  await atOnce(40, write);
  for (const _ of [1, 2, 3]) {
    const cut = [...Array.from({ length: 40 }, write), ...Array.from({ length: 40 }, read)];
    setTimeout(door.shut, 5);
    const codes = (await Promise.allSettled(cut)).map((one) =>
      one.status === 'rejected' ? one.reason.code : 'done',
    );
    const while_ = await Promise.allSettled([
      ...Array.from({ length: 40 }, write),
      ...Array.from({ length: 40 }, read),
    ]);
    expect(new Set(while_.map(({ status }) => status))).toEqual(new Set(['rejected']));
    for (const code of codes)
      expect(code).toMatch(/^(done|CONNECTION_CLOSED|ECONNRESET|ECONNREFUSED|EPIPE)$/);
    await door.open();
    const before = await count();
    await Promise.all([atOnce(100, write), atOnce(100, read)]);
    expect(await count()).toBe(before + 100);
  }
  await pool.end({ timeout: 1 });
  await door.shut();
});

/** A way to the database over TCP that can be shut and opened again. */
async function makeDoor() {
  const { host, port } = database.options;
  const target =
    typeof host === 'string' && host.startsWith('/')
      ? { path: join(host, `.s.PGSQL.${port}`) }
      : { host, port };
  const sockets = new Set<Socket>();
  const listen = async (on: number) => {
    const server = createServer((near) => {
      const far = createConnection(target as { path: string });
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server = await listen(0);
  const number = (server.address() as AddressInfo).port;
  return {
    port: number,
    async shut() {
      server.close();
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
    async open() {
      server = await listen(number);
    },
  };
}
