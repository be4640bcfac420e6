import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type Server as HttpServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from './database.ts';
import { call, repository, run, type Server, stopAll, stopServer, until, untilItAnswers } from './process.ts';

/** What a server tells about itself: its log at level DEBUG, and what it sends to a collector of OpenTelemetry. */

const time = 60_000;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly status: { code: number };
  readonly attributes: Attributes;
}

type Attributes = readonly { key: string; value: Record<string, unknown> }[];

/** Takes OTLP over HTTP, in JSON. */
interface Collector {
  readonly url: string;
  /** Path and body of each delivery. */
  readonly taken: { path: string; body: string }[];
  readonly server: HttpServer;
}

async function startCollector(): Promise<Collector> {
  const taken: Collector['taken'] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join('');
    taken.push({ path: String(request.url), body });
    response.setHeader('content-type', 'application/json').end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken, server };
}

const plain = (attributes: Attributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const deliveries = (path: string) =>
  collector.taken.filter((one) => one.path === path).map((one) => JSON.parse(one.body));

const spans = (): Span[] =>
  deliveries('/v1/traces').flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap((resource: { scopeSpans: { spans: Span[] }[] }) =>
      resource.scopeSpans.flatMap((scope) => scope.spans),
    ),
  );

let database: EmptyDatabase;
let artifacts: string;
let collector: Collector;

beforeEach(async () => {
  database = await postgresUri(inject('postgres'));
  artifacts = await mkdtemp(join(tmpdir(), 'tabularium-artifacts-'));
  collector = await startCollector();
});

afterEach(async () => {
  await stopAll();
  collector.server.close();
  await database.drop();
  await rm(artifacts, { recursive: true, force: true });
}, time);

const start = (env: Record<string, string>, ...flags: string[]): Promise<Server> =>
  untilItAnswers(
    run(
      process.execPath,
      [
        ...[join(repository, 'bin/tabularium.js'), 'server', '--port', '0'],
        ...['--backend-store-uri', database.uri, '--artifacts-destination', artifacts],
        ...flags,
      ],
      { env },
    ),
  );

/** All that must not leave the server. */
const secrets = () => [
  decodeURIComponent(/:\/\/[^:]*:([^@]*)@/.exec(database.uri)?.[1] ?? ''),
  'user-and-password',
  'token-of-a-query',
  'token-of-a-body',
];

/** Requests that carry secrets; the last meets a database that is gone. */
async function askWithSecrets(url: string): Promise<number[]> {
  const headers = {
    authorization: 'Basic user-and-password',
    cookie: 'session=user-and-password',
    'content-type': 'application/json',
  };
  const api = `${url}/api/2.0/mlflow/registered-models`;
  const get = async () => (await fetch(`${api}/get?name=token-of-a-query`, { headers })).status;
  const create = {
    method: 'POST',
    headers,
    body: JSON.stringify({ name: 'a', description: 'token-of-a-body' }),
  };
  const statuses = [(await fetch(`${api}/create`, create)).status, await get()];
  await database.sql`alter schema tabularium rename to away`;
  statuses.push(await get());
  await database.sql`alter schema away rename to tabularium`;
  return statuses;
}

test(
  'the log has a line for each request and each failure, and no secrets',
  async () => {
    const server = await start({ MLFLOW_LOGGING_LEVEL: 'DEBUG' });
    expect(await askWithSecrets(server.url)).toEqual([200, 404, 500]);
    const { stdout, stderr } = await stopServer(server);
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const path = (name: string) => `/api/2.0/mlflow/registered-models/${name}`;
    const requests = lines.filter(({ msg, operation }) => msg === 'request' && operation);
    expect(requests).toMatchObject([
      { level: 20, method: 'POST', path: path('create'), operation: 'createRegisteredModel', status: 200 },
      { level: 20, method: 'GET', path: path('get'), operation: 'getRegisteredModel', status: 404 },
      { level: 20, method: 'GET', path: path('get'), operation: 'getRegisteredModel', status: 500 },
    ]);
    const failures = lines.filter(({ level }) => level === 50);
    expect(failures).toMatchObject([{ requestId: requests[2].requestId, msg: 'unexpected error' }]);
    for (const secret of secrets()) {
      expect(secret.length).toBeGreaterThan(8);
      expect(stdout + stderr).not.toContain(secret);
    }
  },
  time,
);

test(
  'OpenTelemetry gets a span for each request, in the trace of the client, and one for each use of the database',
  async () => {
    const server = await start({
      MLFLOW_LOGGING_LEVEL: 'DEBUG',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    });
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const parent = 'b7ad6b7169203331';
    const path = '/api/2.0/mlflow/registered-models/get';
    const answer = await fetch(`${server.url}${path}?name=absent`, {
      headers: { traceparent: `00-${traceId}-${parent}-01`, 'user-agent': 'tester' },
    });
    expect(answer.status).toBe(404);
    await askWithSecrets(server.url);
    await call(server.url, 'registered-models/nothing-of-the-kind');
    const { stderr } = await stopServer(server);

    const [request, use, ...others] = spans()
      .filter((span) => span.traceId === traceId)
      .toSorted((a, b) => a.kind - b.kind);
    expect(others).toEqual([]);
    expect(request).toMatchObject({
      name: 'getRegisteredModel',
      parentSpanId: parent,
      kind: 2,
      status: { code: 0 },
    });
    expect(plain(request?.attributes ?? [])).toEqual({
      'http.request.method': 'GET',
      'http.response.header.x-request-id': {
        values: [{ stringValue: answer.headers.get('x-request-id') }],
      },
      'http.response.status_code': 404,
      'http.route': path,
      'mlflow.error_code': 'RESOURCE_DOES_NOT_EXIST',
      'url.path': path,
      'url.scheme': 'http',
      'user_agent.original': 'tester',
    });
    expect(use).toMatchObject({ name: 'read', parentSpanId: request?.spanId, kind: 3, status: { code: 0 } });
    expect(plain(use?.attributes ?? [])).toEqual({ 'db.system.name': 'postgresql' });
    const line = stderr.split('\n').find((text) => text.includes(traceId)) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({ msg: 'request', trace_id: traceId, span_id: request?.spanId });

    const failed = spans().filter(({ status }) => status.code === 2);
    expect(failed.map(({ name, attributes }) => [name, plain(attributes)['error.type']]).toSorted()).toEqual([
      ['getRegisteredModel', '500'],
      ['read', '42P01'],
    ]);
    const names = spans()
      .filter(({ kind }) => kind === 2)
      .map(({ name }) => name);
    expect(names.toSorted()).toEqual([
      'GET',
      'createRegisteredModel',
      ...['getRegisteredModel', 'getRegisteredModel', 'getRegisteredModel'],
    ]);

    const [{ resource }] = deliveries('/v1/traces')[0].resourceSpans;
    expect(plain(resource.attributes)).toMatchObject({
      'service.name': 'tabularium',
      'deployment.environment.name': 'test',
    });
    const [metric] = deliveries('/v1/metrics').at(-1).resourceMetrics[0].scopeMetrics[0].metrics;
    expect(metric).toMatchObject({ name: 'http.server.request.duration', unit: 's' });
    const sent = collector.taken.map(({ body }) => body).join('\n');
    for (const secret of secrets()) expect(sent).not.toContain(secret);
  },
  time,
);

test(
  'each worker tells its own part, by the name that OTEL_SERVICE_NAME gives',
  async () => {
    const env = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/traces`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_SERVICE_NAME: 'registry',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    };
    const server = await start(env, '--workers', '2');
    const resources = () =>
      deliveries('/traces').map(({ resourceSpans }) => plain(resourceSpans[0].resource.attributes));
    // A new connection goes to the worker whose turn it is; the second one may still be starting.
    await until(async () => {
      const request = get(`${server.url}/api/2.0/mlflow/registered-models/search`, { agent: false });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await response.toArray();
      return new Set(resources().map((resource) => resource['service.instance.id'])).size === 2;
    }, server);
    await stopServer(server);
    expect(new Set(resources().map((resource) => resource['service.name']))).toEqual(new Set(['registry']));
    expect(collector.taken.map(({ path }) => path)).not.toContain('/v1/metrics');
  },
  time,
);

test(
  'a collector that is away is told in the log, and no request or stop fails by it',
  async () => {
    collector.server.close();
    const server = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_METRICS_EXPORTER: 'none',
    });
    expect((await call(server.url, 'registered-models/search')).status).toBe(200);
    const { code, stderr } = await stopServer(server);
    expect(code).toBe(0);
    expect(stderr).toMatch(/"level":40,.*"msg":"OpenTelemetry: /);
  },
  time,
);

test(
  'OTEL_SDK_DISABLED sends nothing',
  async () => {
    const server = await start({
      OTEL_SDK_DISABLED: 'true',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    expect((await call(server.url, 'registered-models/search')).status).toBe(200);
    await stopServer(server);
    expect(collector.taken).toEqual([]);
  },
  time,
);
