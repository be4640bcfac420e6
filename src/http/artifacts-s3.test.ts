import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { s3Store } from '../objects/s3.ts';
import { createS3Client } from '../objects/s3-client.ts';
import { localS3 } from '../testing/no-s3.ts';
import { mountArtifacts } from './artifacts.ts';

/** What S3 may do to us, by a server that plays it: each test says how it answers. */

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let s3: Server;
let answer: Answer;
/** Method and query of what came. */
let asked: string[];
let server: Server;
let url: string;
let endpoint: string;

const listening = async (started: Server): Promise<string> => {
  if (!started.listening) await once(started, 'listening');
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
};

beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  asked = [];
  s3 = createServer((request, response) => {
    asked.push(`${request.method} ${request.url?.replace(/^[^?]*\??/, '')}`);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  endpoint = await listening(s3);
  server = startServer();
  url = `${await listening(server)}/api/2.0/mlflow-artifacts/artifacts`;
});

afterEach(() => {
  vi.unstubAllEnvs();
  for (const one of [s3, server]) {
    one.closeAllConnections();
    one.close();
  }
});

function startServer(): Server {
  const options = localS3(endpoint);
  const client = createS3Client(options, { connectionTimeout: 500, socketTimeout: 500 });
  const limits = { single: 6 << 20, streamed: 5 << 20, held: 5 << 20, copied: 5 << 20 };
  const served = s3Store({ client, bucket: 'b', prefix: 'p', options, typeOf: () => 'x/y', limits });
  const app = new Hono();
  app.onError((error, c) => {
    if (!(error instanceof MlflowError)) throw error;
    return c.json(error.toJSON(), error.status);
  });
  const none = async () => 's3://nowhere';
  mountArtifacts(app, {
    places: { served, folders: [], buckets: [] },
    artifactsOnly: false,
    staticPrefix: '',
    locate: { runArtifactUri: none, modelVersionUri: none, loggedModelUri: none },
  });
  return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
}

const refusing =
  (status: number, code: string, message = 'The words of S3.'): Answer =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'application/xml' });
    response.end(
      request.method === 'HEAD' ? '' : `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    );
  };

const large = Buffer.alloc(4 << 20, 'x');

/** Status, code and message of each kind of request. */
async function answers(): Promise<[number, string, string][]> {
  const requests = [
    fetch(`${url}/a`),
    fetch(`${url}?path=d`),
    fetch(`${url}/a`, { method: 'PUT', body: 'small' }),
    fetch(`${url}/a`, { method: 'PUT', body: large }),
    fetch(`${url}/a`, { method: 'DELETE' }),
    fetch(`${url}/a`, { headers: { Range: 'bytes=0-1' } }),
  ];
  return Promise.all(
    requests.map(async (request) => {
      const response = await request;
      const { error_code: code, message } = (await response.json()) as {
        error_code: string;
        message: string;
      };
      return [response.status, code, message] as [number, string, string];
    }),
  );
}

describe('every request gets one clear answer', () => {
  const unavailable = [503, 'TEMPORARILY_UNAVAILABLE', 'S3, which holds the artifacts, does not answer'];

  test('where S3 is down', async () => {
    s3.close();
    s3.closeAllConnections();
    for (const one of await answers()) expect(one).toEqual(unavailable);
  });

  test('where S3 says nothing', async () => {
    answer = () => {};
    for (const one of await answers()) expect(one).toEqual(unavailable);
  });

  test('where S3 hangs up', async () => {
    answer = (request) => request.socket.destroy();
    for (const one of await answers()) expect(one).toEqual(unavailable);
  });

  test.each([
    [500, 'InternalError', ...unavailable],
    [503, 'ServiceUnavailable', ...unavailable],
    [507, 'XMinioStorageFull', 400, 'INVALID_STATE', 'The S3 server that holds the artifacts is full'],
  ])('%d %s', async (status, name, ...expected) => {
    answer = refusing(status as number, name as string);
    for (const one of await answers()) expect(one).toEqual(expected);
  });

  test.each([
    [403, 'AccessDenied', 403, 'PERMISSION_DENIED'],
    [403, 'SignatureDoesNotMatch', 401, 'UNAUTHENTICATED'],
    [403, 'InvalidAccessKeyId', 401, 'UNAUTHENTICATED'],
    [503, 'SlowDown', 503, 'TEMPORARILY_UNAVAILABLE'],
    [404, 'NoSuchBucket', 404, 'RESOURCE_DOES_NOT_EXIST'],
  ])('%d %s', async (status, name, ...expected) => {
    answer = refusing(status, name);
    const all = await answers();
    const ofHead = all.pop();
    for (const one of all) expect(one).toEqual([...expected, 'S3 refused: The words of S3.']);
    // HEAD has no body to say more than its status.
    expect(ofHead?.[0]).toBe(status === 404 ? 404 : status);
  });

  test('where there are no credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, '');
    for (const [name, value] of Object.entries({
      HOME: '/nowhere',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_CONFIG_FILE: '/nowhere',
    }))
      vi.stubEnv(name, value);
    for (const one of await answers())
      expect(one).toEqual([400, 'INVALID_STATE', 'The server has no credentials for S3']);
  });
});

test('a download that breaks off in the middle ends before its end', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': String(large.byteLength), etag: '"e"' });
    response.write(large.subarray(0, 1 << 20), () => response.destroy());
  };
  const response = await fetch(`${url}/a`);
  expect([response.status, response.headers.get('content-length')]).toEqual([200, String(large.byteLength)]);
  await expect(response.arrayBuffer()).rejects.toThrow();
});

test('a download that stands still ends before its end', async () => {
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': String(large.byteLength) });
    response.write(large.subarray(0, 1 << 20));
  };
  await expect((await fetch(`${url}/a`)).arrayBuffer()).rejects.toThrow();
});

test('who goes away in the middle of a download lets S3 go, too', async () => {
  const closed = new Promise((resolve) => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': String(1 << 30) });
      const more = () => {
        while (!response.destroyed && response.write(large));
        response.once('drain', more);
      };
      more();
      response.on('close', resolve);
    };
  });
  const { body } = await fetch(`${url}/a`);
  const reader = body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await closed;
});

test('an upload that S3 breaks off in the middle is refused, whatever is still to come', async () => {
  answer = (request) => request.once('data', () => request.socket.destroy());
  const response = await fetch(`${url}/a`, { method: 'PUT', body: large });
  expect(response.status).toBe(503);
});

test('of parts of which one fails nothing is left', async () => {
  let parts = 0;
  answer = (request, response) => {
    request.resume();
    if (request.method === 'POST')
      return response.end(
        '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
      );
    if (request.method === 'DELETE') return response.writeHead(204).end();
    parts++;
    if (parts > 1) return refusing(403, 'AccessDenied')(request, response);
    return response.writeHead(200, { etag: '"e"' }).end();
  };
  const response = await fetch(`${url}/a`, { method: 'PUT', body: Buffer.alloc(12 << 20) });
  expect(response.status).toBe(403);
  expect(asked.at(-1)).toBe('DELETE uploadId=u1&x-id=AbortMultipartUpload');
  expect(asked.filter((line) => line.includes('partNumber'))).toHaveLength(2);
});

test('parts that S3 cannot put together, which it says with 200, are no file', async () => {
  answer = (request, response) => {
    request.resume();
    if (request.method !== 'POST') return response.writeHead(200, { etag: '"e"' }).end();
    if (request.url?.includes('uploads'))
      return response.end(
        '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>',
      );
    return response.end('<Error><Code>InternalError</Code><Message>Try again.</Message></Error>');
  };
  const response = await fetch(`${url}/a`, { method: 'PUT', body: Buffer.alloc(12 << 20) });
  expect(response.status).toBe(503);
  expect(asked.at(-1)).toBe('DELETE uploadId=u1&x-id=AbortMultipartUpload');
});
