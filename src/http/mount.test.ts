import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absent } from '../absent.ts';
import type { Rpc } from '../contract/operation.ts';
import { routes } from '../generated/routes.ts';
import { makeApp, type TestApp } from '../testing/make-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await makeApp({ staticPrefix: '/ml' });
});
afterAll(() => app.close());

const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });

test('a file has the headers of every answer, each once', async () => {
  const url = '/ml/api/2.0/mlflow-artifacts/artifacts/0/file.txt';
  expect((await app.request(url, { method: 'PUT', body: 'content' })).status).toBe(200);
  for (const method of ['GET', 'HEAD']) {
    const { headers } = await app.request(url, { method });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'content-security-policy': "sandbox; default-src 'none'",
      'content-length': '7',
    });
  }
});

describe('a route', () => {
  test.each(['/ml/api/2.0/mlflow/experiments/get', '/ml/ajax-api/2.0/mlflow/experiments/get'])(
    '%s is served',
    async (path) => {
      const response = await get(`${path}?experiment_id=0`);
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ experiment: { name: 'Default' } });
    },
  );

  test('is not served beside the static prefix', async () => {
    expect((await get('/api/2.0/mlflow/experiments/get?experiment_id=0')).status).toBe(404);
  });

  test('with slashes doubled leads to the one without, below the path that a proxy shows', async () => {
    const proxied = await makeApp({ rootPath: '/proxy' });
    const response = await proxied.request('http://host/api//2.0/mlflow/experiments/get?experiment_id=0');
    expect(response.status).toBe(308);
    expect(response.headers.get('location')).toBe(
      'http://host/proxy/api/2.0/mlflow/experiments/get?experiment_id=0',
    );
    await proxied.close();
  });

  test('has an id for each request', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => (await get('/ml/health')).headers.get('x-request-id')),
    );
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('refuses other verbs with the list of its own', async () => {
    const response = await app.request('/ml/api/2.0/mlflow/registered-models/alias', { method: 'PUT' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'OPTIONS',
      'POST',
    ]);
  });
});

describe('a path that a parameter would take as well', () => {
  test('is what it says', async () => {
    const response = await get('/ml/api/3.0/mlflow/datasets/search?experiment_ids=0');
    expect([response.status, await response.text()]).toEqual([200, '{}']);
  });

  test('has the verbs of both', async () => {
    const response = await app.request('/ml/api/2.0/mlflow/logged-models/search', { method: 'OPTIONS' });
    expect(response.headers.get('allow')?.split(', ').toSorted()).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'OPTIONS',
      'PATCH',
      'POST',
    ]);
  });
});

describe('the list of what is served', () => {
  const isServed = (rpc: Rpc) => !(rpc in absent) || 'answer' in absent[rpc as keyof typeof absent];

  test('is an OpenAPI document below the static prefix', async () => {
    const document = (await (await get('/ml/openapi.json')).json()) as {
      paths: Record<string, Record<string, { 'x-mlflow-rpc'?: Rpc }>>;
    };
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/ml' }] });
    const operations = Object.values(document.paths).flatMap((verbs) => Object.values(verbs));
    const rpcs = new Set(operations.flatMap(({ 'x-mlflow-rpc': rpc }) => rpc ?? []));
    expect(rpcs).toEqual(new Set(routes.map(({ rpc }) => rpc).filter(isServed)));
    expect(document.paths['/get-artifact']).toBeDefined();
  });

  test('is a page to read where a browser looks first', async () => {
    const response = await get('/ml/');
    expect([response.status, response.headers.get('location')]).toEqual([302, 'api-docs']);
    const page = await (await get('/ml/api-docs')).text();
    for (const { rpc } of routes) expect(page.includes(`<td>${rpc}<`), rpc).toBe(isServed(rpc));
  });
});

describe('what is not written yet', () => {
  test('answers 404 without a body, as a route of MLflow without a handler does', async () => {
    const response = await app.request('/ml/api/2.0/mlflow/webhooks', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([response.status, await response.text()]).toEqual([404, '']);
  });

  test('is an empty list where the web UI reads it on every page', async () => {
    const response = await get('/ml/ajax-api/2.0/mlflow/webhooks');
    expect([response.status, await response.json()]).toEqual([200, {}]);
  });
});

describe('a workspace', () => {
  test.each(['/ml/api/2.0/mlflow/experiments/get?experiment_id=0', '/ml/health'])(
    'is refused at %s while there are none',
    async (path) => {
      const response = await get(path, { 'x-mlflow-workspace': 'team' });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error_code: 'FEATURE_DISABLED',
        message: 'Workspace APIs are not available: workspaces are not enabled on this server',
      });
    },
  );

  test('is no matter to server-info, which says that there are none', async () => {
    const response = await get('/ml/api/3.0/mlflow/server-info', { 'x-mlflow-workspace': 'team' });
    expect(await response.json()).toMatchObject({ workspaces_enabled: false });
  });
});

test('with --artifacts-only the rest says what to do', async () => {
  const only = await makeApp({ artifactsOnly: true });
  const response = await only.request('/api/2.0/mlflow/registered-models/get?name=x');
  expect(response.status).toBe(503);
  expect(await response.text()).toContain(
    'disabled due to the mlflow server running in `--artifacts-only` mode',
  );
  expect((await only.request('/api/2.0/mlflow-artifacts/artifacts')).status).toBe(200);
  await only.close();
});

test('the database that is away is told as 503, in one sentence', async () => {
  const gone = await makeApp();
  await gone.close();
  const response = await gone.request('/api/2.0/mlflow/registered-models/get?name=x');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ error_code: 'TEMPORARILY_UNAVAILABLE' });
});
