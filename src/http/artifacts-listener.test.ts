import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { localStore } from '../objects/local.ts';
import { mountArtifacts } from './artifacts.ts';

const proxy = '/api/2.0/mlflow-artifacts/artifacts';

let root: string;
let server: Server;
let port: number;
let failures: unknown[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'artifacts-'));
  failures = [];
  const app = new Hono();
  app.onError((error, c) => {
    failures.push(error);
    return error instanceof MlflowError ? c.json(error.toJSON(), error.status) : c.text('unexpected', 500);
  });
  const none = async () => 's3://nowhere';
  mountArtifacts(app, {
    places: { served: localStore(root), folders: [], buckets: [] },
    artifactsOnly: false,
    staticPrefix: '',
    locate: { runArtifactUri: none, modelVersionUri: none, loggedModelUri: none },
  });
  server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(root, { recursive: true });
});

/** Sends the path as it is; `fetch` would take `..` away. */
async function send(method: string, path: string, body?: string) {
  const sent = request({ host: '127.0.0.1', port, method, path });
  const answered = once(sent, 'response');
  sent.end(body);
  const [response] = await answered;
  return response as IncomingMessage;
}

const uploads = () => readdir(join(root, '.artifact.uploading.tabularium')).catch(() => []);

test.each([
  ...[
    '..',
    '../x',
    'a/../b',
    '%2e%2e/x',
    '.%2e/x',
    'a/%2e%2e/%2e%2e/x',
    '%252e%252e/x',
    '..%2fx',
    '/etc/passwd',
  ],
  ...['..;/x', '../../mlflow/registered-models/search', 'a%00b', '%5cx', 'a#b', 'a/..#b', 'a/..?b'],
])('what is sent as %s is refused, though URLs would resolve it', async (path) => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const response = await send(method, `${proxy}/${path}`, method === 'PUT' ? 'x' : undefined);
    expect(response.statusCode).toBe(400);
    expect(JSON.parse(await text(response)).message).toBe('Invalid path');
  }
  expect(await readdir(root)).toEqual([]);
});

test('a backslash in the path is refused by the server itself', async () => {
  expect((await send('PUT', `${proxy}/..\\x`, 'x')).statusCode).toBe(400);
  expect(await readdir(root)).toEqual([]);
});

test.each([
  ['Content-Length', 'Content-Length: 1000000'],
  ['chunks', 'Transfer-Encoding: chunked'],
])('of an upload by %s whose client goes away nothing is left', async (_, header) => {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const chunk = 'x'.repeat(50_000);
  const body = header.startsWith('T') ? `c350\r\n${chunk}\r\n` : chunk;
  socket.write(`PUT ${proxy}/d/a HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n${body}`);
  await vi.waitFor(async () => expect(await uploads()).toHaveLength(1));
  socket.destroy();
  await vi.waitFor(async () => expect(await uploads()).toEqual([]));
  expect(await readdir(root)).toEqual(['.artifact.uploading.tabularium']);
  await vi.waitFor(() => expect(failures).toHaveLength(1));
  expect(failures[0]).toMatchObject({ code: 'INVALID_PARAMETER_VALUE' });
});

/** A client in a process of its own, so that only the server's memory is measured here. Answers bytes received. */
const client = `
  const { request } = require('node:http');
  const { Readable } = require('node:stream');
  const [url, size] = [process.argv[1], Number(process.argv[2])];
  const chunk = Buffer.alloc(64 * 1024, 'x');
  function* content() {
    for (let sent = 0; sent < size; sent += chunk.byteLength) yield chunk;
  }
  const upload = request(url, { method: 'PUT', headers: { 'Content-Length': size } }, (uploaded) => {
    uploaded.resume().on('end', () => {
      if (uploaded.statusCode !== 200) process.exit(1);
      request(url, async (downloaded) => {
        let received = 0;
        for await (const part of downloaded) received += part.length;
        console.log(received);
      }).end();
    });
  });
  Readable.from(content()).pipe(upload);
`;

test('a file that goes through in both directions is never in memory', { timeout: 60_000 }, async () => {
  const mebibyte = 1024 * 1024;
  const size = 300 * mebibyte;
  // What is in use after a collection, not the resident size, which is mostly garbage whose time had not come.
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const inUse = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = inUse();
  let highest = before;
  const look = setInterval(() => {
    highest = Math.max(highest, inUse());
  }, 100);
  const url = `http://127.0.0.1:${port}${proxy}/d/large`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', client, url, String(size)]);
  clearInterval(look);
  expect(Number(stdout)).toBe(size);
  expect(highest).toBeGreaterThan(before);
  expect((highest - before) / mebibyte).toBeLessThan(64);
});
