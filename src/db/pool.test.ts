import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { type DatabaseOptions, keepsPreparedStatements } from './pool.ts';

const postgres: DatabaseOptions = { ...inject('postgres'), database: 'postgres' };

const poolers: Server[] = [];
afterEach(() => {
  for (const pooler of poolers.splice(0)) pooler.close();
});

/**
 * What a client sees of a pooler: it stands before Postgres, names another number of a process, and renames prepared
 * statements where it keeps account of them.
 */
async function pooler({ renames }: { renames: boolean }): Promise<DatabaseOptions> {
  const { host, port } = postgres as { host: string; port: number };
  const server = createServer((client) => {
    const behind = host.startsWith('/')
      ? connectSocket(join(host, `.s.PGSQL.${port}`))
      : connectSocket(port, host);
    client.on('data', (data) => behind.write(renames ? renamed(data) : data));
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

test('Postgres itself keeps prepared statements', async () => {
  expect(await keepsPreparedStatements(postgres)).toBe(true);
});

test('a pooler loses them, unless it keeps account of them', async () => {
  expect(await keepsPreparedStatements(await pooler({ renames: false }))).toBe(false);
  expect(await keepsPreparedStatements(await pooler({ renames: true }))).toBe(true);
});

test('a connect that fails says why', async () => {
  const nowhere = { ...postgres, database: 'there_is_none' };
  await expect(keepsPreparedStatements(nowhere)).rejects.toThrow('does not exist');
});
