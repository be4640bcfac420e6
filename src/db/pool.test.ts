import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { StartError } from '../contract/start-error.ts';
import { createAsk } from './ask.ts';
import { connect, type DatabaseOptions, keepsPreparedStatements } from './pool.ts';

const postgres: DatabaseOptions = { ...inject('postgres'), database: 'postgres' };

const poolers: Server[] = [];
afterEach(() => {
  for (const pooler of poolers.splice(0)) pooler.close();
});

/**
 * What a client sees of a pooler: it stands before Postgres, names another number of a process, renames prepared
 * statements where it keeps account of them, and closes the connection at `begin` where it shares by statement.
 */
async function pooler({ renames = false, byStatement = false }): Promise<DatabaseOptions> {
  const { host, port } = postgres as { host: string; port: number };
  const server = createServer((client) => {
    const behind = host.startsWith('/')
      ? connectSocket(join(host, `.s.PGSQL.${port}`))
      : connectSocket(port, host);
    client.on('data', (data) => {
      if (byStatement && data.includes('begin')) client.destroy();
      else behind.write(renames ? renamed(data) : data);
    });
    behind.on('data', (data) => client.write(withoutProcess(data)));
    for (const socket of [client, behind]) socket.on('close', () => client.destroy() && behind.destroy());
  });
  poolers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return { ...postgres, host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

/** BackendKeyData: `K`, the length 12, the number of the process, the secret. */
const keyData = Buffer.from([0x4b, 0, 0, 0, 12]);

function withoutProcess(data: Buffer): Buffer {
  const at = data.indexOf(keyData);
  if (at >= 0) data.writeUInt32BE(4_000_000_000, at + keyData.length);
  return data;
}

/** Parse is `P`, its length, then the name of the statement; what follows uses the name again. */
function renamed(data: Buffer): Buffer {
  if (data[0] !== 0x50) return data;
  const name = data.toString('latin1', 5, data.indexOf(0, 5));
  return Buffer.from(data.toString('latin1').replaceAll(name, 'x'.repeat(name.length)), 'latin1');
}

test('lists arrive as they were, whatever they hold', async () => {
  const sql = connect(postgres);
  const texts = ['', 'a b', '"', '\\', '{,}', 'null', 'NULL', null, 'ü'];
  const numbers = ['9223372036854775807', '-1', null];
  const floats = [0.1, Number.NaN, Number.NEGATIVE_INFINITY, 1e300];
  const [row] = await sql`select to_json(${texts}::text[]) as texts, to_json(${[1, 2]}::int[]) as integers,
    (${numbers}::int8[])[1] as most, (${numbers}::int8[])[3] as missing, to_json(${floats}::float8[]) as floats,
    cardinality(${[]}::text[]) as empty`;
  expect(JSON.parse(row?.texts)).toEqual(texts);
  expect(row).toMatchObject({ integers: '[1,2]', most: 9223372036854775807n, missing: null, empty: 0 });
  expect(row?.floats).toBe('[0.1,"NaN","-Infinity",1e+300]');
  await sql.end();
});

test('a connection asks nothing by itself', async () => {
  const asked: string[] = [];
  const sql = connect({ ...postgres, debug: (_connection, query) => asked.push(query) });
  await sql`select 1`;
  expect(asked).toEqual(['select 1']);
  await sql.end();
});

test('Postgres itself keeps prepared statements', async () => {
  expect(await keepsPreparedStatements(postgres)).toBe(true);
});

test('a pooler loses them, unless it keeps account of them', async () => {
  expect(await keepsPreparedStatements(await pooler({}))).toBe(false);
  expect(await keepsPreparedStatements(await pooler({ renames: true }))).toBe(true);
});

test('a pooler that allows no transactions is refused in one sentence', async () => {
  const refused = keepsPreparedStatements(await pooler({ byStatement: true }));
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow('pool_mode = transaction');
});

test('a connect that fails says why', async () => {
  const nowhere = { ...postgres, database: 'there_is_none' };
  await expect(keepsPreparedStatements(nowhere)).rejects.toThrow('does not exist');
});

test('what ended one session is no answer to the statements of the next', async () => {
  const pool = connect({ ...postgres, max: 4, connection: { application_name: 'tabularium/ended' } });
  const other = connect({ ...postgres, max: 1 });
  const { ask, find } = createAsk(pool);
  for (const put of [ask, find, ask, find]) {
    const asleep = Array.from({ length: 4 }, () =>
      put((sql) => sql`select pg_sleep(60)`).catch(({ code }) => code),
    );
    const sleeping = () => other<{ pid: number }[]>`select pid from pg_stat_activity
      where query like 'select pg_sleep%' and state = 'active' and application_name = 'tabularium/ended'`;
    // What is found in one turn shares a connection.
    while ((await sleeping()).length < (put === find ? 1 : 4));
    for (const { pid } of await sleeping()) await other`select pg_terminate_backend(${pid})`;
    expect(await Promise.all(asleep)).toEqual(Array(4).fill('CONNECTION_CLOSED'));
    const answers = Array.from({ length: 8 }, () => put((sql) => sql`select 1 as one`));
    expect(await Promise.all(answers)).toEqual(Array(8).fill([{ one: 1 }]));
  }
  await pool.end();
  await other.end();
});

test('what is found by key waits for no slow question', async () => {
  const pool = connect({ ...postgres, max: 2, connection: { application_name: 'tabularium/slow' } });
  const { ask, find } = createAsk(pool);
  const slow = Array.from({ length: 8 }, () =>
    ask((sql) => sql`select pg_sleep(60)`).catch(({ code }) => code),
  );
  const numbers = [1, 2, 3, 4, 5, 6];
  const found = numbers.map((number) => find((sql) => sql`select ${number}::int as number`));
  expect((await Promise.all(found)).flat()).toEqual(numbers.map((number) => ({ number })));
  const [{ connections }] = (await find(
    (sql) =>
      sql`select count(*)::int as connections from pg_stat_activity where application_name = 'tabularium/slow'`,
  )) as unknown as [{ connections: number }];
  expect(connections).toBeLessThanOrEqual(4);
  const terminated = () =>
    find(
      (sql) => sql`select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'tabularium/slow' and pid <> pg_backend_pid() and query like '%pg_sleep%'`,
    );
  let refused = false;
  const all = Promise.all(slow).then((codes) => {
    refused = true;
    return codes;
  });
  while (!refused) await terminated();
  expect(await all).toEqual(Array(8).fill('CONNECTION_CLOSED'));
});

test('after a session that was ended, a database that lets none begin refuses at once', async () => {
  const admin = connect({ ...postgres, max: 1 });
  await admin`create role crowded login connection limit 1 password 'secret'`;
  const options = { ...postgres, user: 'crowded', password: 'secret', max: 1 };
  const { ask } = createAsk(connect(options));
  const asleep = ask((sql) => sql`select pg_sleep(60)`).catch(({ code }) => code);
  const sleeping = () => admin`select pg_terminate_backend(pid) from pg_stat_activity
    where usename = 'crowded' and state = 'active'`;
  while ((await sleeping()).length === 0);
  expect(await asleep).toBe('CONNECTION_CLOSED');
  let other = connect(options);
  while (
    !(await other`select 1`.then(
      () => true,
      () => false,
    ))
  )
    other = connect(options);
  // The second is asked while the connection of the first still closes.
  for (const _ of [1, 2])
    await expect(ask((sql) => sql`select 1 as one`)).rejects.toMatchObject({ code: '53300' });
  await other.end();
  while ((await admin`select from pg_stat_activity where usename = 'crowded'`).length > 0);
  expect(await ask((sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'crowded'`;
  await admin`drop role crowded`;
  await admin.end();
});
