import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { createSecurity, type SecurityOptions } from './security.ts';

// Statuses, headers and words below are what `mlflow server` 3.17.2 answered to the same requests.

const hosts = ['localhost', 'localhost:*', '[[]::1]:*', '10.*', 'app-?.corp*', '[ab].corp*', '[!ab].org*'];

function app(options: Partial<SecurityOptions> = {}): Hono {
  const staticPrefix = options.staticPrefix ?? '';
  const hono = new Hono();
  hono.use(
    createSecurity({
      allowedHosts: hosts,
      corsAllowedOrigins: [],
      xFrameOptions: 'SAMEORIGIN',
      staticPrefix,
      ...options,
    }),
  );
  hono.onError((error, c) => c.text(error.message, 400));
  for (const path of ['/health', '/ready']) hono.get(staticPrefix + path, (c) => c.text('OK'));
  hono.on(['GET', 'POST'], `${staticPrefix}/api/x`, (c) => c.json({}));
  hono.options('*', (c) => c.body('', 200, { allow: 'GET' }));
  hono.get('/raw', () => new Response('raw'));
  hono.get('/broken', () => {
    throw new Error('broken');
  });
  return hono;
}

async function ask(hono: Hono, path: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await hono.request(path, { method, headers: { host: 'localhost', ...headers } });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
}

describe('Host', () => {
  test.each([
    ['localhost', 200],
    ['localhost:5000', 200],
    ['localhost:80.evil', 200],
    ['LOCALHOST', 403],
    ['[::1]:80', 200],
    ['10.1.2.3:5000', 200],
    ['10.evil.com', 200],
    ['app-1.corp.com', 200],
    ['app-12.corp.com', 403],
    ['a.corp.com', 200],
    ['c.corp.com', 403],
    ['c.org', 200],
    ['a.org', 403],
    ['evil.com', 403],
    ['evil.com/localhost', 403],
    ['', 403],
  ])('%j gets %d', async (host, status) => {
    expect((await ask(app(), '/api/x', { host })).status).toBe(status);
  });

  test('is refused in plain text, without further headers, also before the CORS preflight', async () => {
    const refusal = {
      status: 403,
      headers: { 'content-type': 'text/plain' },
      text: 'Invalid Host header - possible DNS rebinding attack detected',
    };
    const preflight = { host: 'evil', origin: 'http://localhost', 'access-control-request-method': 'GET' };
    expect(await ask(app(), '/api/x', { host: 'evil' })).toEqual(refusal);
    expect(await ask(app(), '/api/x', preflight, 'OPTIONS')).toEqual(refusal);
  });

  test('may be anything for probes, and for all with a star', async () => {
    expect((await ask(app(), '/health', { host: 'evil' })).status).toBe(200);
    expect((await ask(app(), '/ready', { host: 'evil' })).status).toBe(200);
    expect((await ask(app({ staticPrefix: '/pre' }), '/pre/health', { host: 'evil' })).status).toBe(200);
    expect((await ask(app({ staticPrefix: '/pre' }), '/health', { host: 'evil' })).status).toBe(403);
    expect((await ask(app({ allowedHosts: ['a', '*'] }), '/api/x', { host: 'evil' })).status).toBe(200);
  });
});

describe('Origin', () => {
  const readable = (origin: string) => ({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': '*',
    vary: 'Origin',
  });

  test.each(['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:3', 'https://app.example.com'])(
    '%s reads and writes',
    async (origin) => {
      const hono = app({ corsAllowedOrigins: ['https://app.example.com'] });
      for (const method of ['GET', 'POST']) {
        expect(await ask(hono, '/api/x', { origin }, method)).toMatchObject({
          status: 200,
          headers: readable(origin),
        });
      }
    },
  );

  test('a foreign one writes nothing, and its page cannot read what it gets', async () => {
    const origin = 'http://evil.com';
    const read = await ask(app(), '/api/x', { origin });
    expect(read.status).toBe(200);
    expect(read.headers).toMatchObject({ 'access-control-allow-credentials': 'true', vary: 'Origin' });
    expect(read.headers).not.toHaveProperty('access-control-allow-origin');
    expect(await ask(app(), '/api/x', { origin }, 'POST')).toEqual({
      status: 403,
      headers: {
        'content-type': 'text/plain',
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': '*',
        vary: 'Origin',
      },
      text: 'Cross-origin request blocked',
    });
    expect((await ask(app(), '/api/x', { origin: 'null' }, 'POST')).status).toBe(403);
    expect((await ask(app(), '/api/x', { origin: 'http://localhost.evil.com' }, 'POST')).status).toBe(403);
  });

  test('paths that are not of the API are not guarded, artifacts below no prefix are', async () => {
    const origin = 'http://evil.com';
    const hono = app({ staticPrefix: '/pre' });
    expect((await ask(hono, '/other', { origin }, 'POST')).status).toBe(404);
    expect((await ask(hono, '/pre/ajax-api/x', { origin }, 'DELETE')).status).toBe(403);
    expect((await ask(hono, '/api/2.0/mlflow-artifacts/artifacts/a', { origin }, 'PUT')).status).toBe(403);
  });

  test('one that a pattern allows may write but not read, as in MLflow', async () => {
    const hono = app({ corsAllowedOrigins: ['https://*.corp.com'] });
    const answer = await ask(hono, '/api/x', { origin: 'https://a.corp.com' }, 'POST');
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect((await ask(hono, '/api/x', { origin: 'https://a.corp.com.evil' }, 'POST')).status).toBe(403);
  });

  test('every one with a star, then without credentials', async () => {
    const { status, headers } = await ask(
      app({ corsAllowedOrigins: ['*'] }),
      '/api/x',
      { origin: 'http://evil.com' },
      'POST',
    );
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-expose-headers': '*',
    });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });
});

describe('preflight', () => {
  const question = { origin: 'http://localhost:3000', 'access-control-request-method': 'POST' };
  const vary =
    'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network';

  test('of a page of this machine', async () => {
    const wanted = { ...question, 'access-control-request-headers': 'x-a, Content-Type' };
    expect(await ask(app(), '/whatever', wanted, 'OPTIONS')).toEqual({
      status: 200,
      headers: {
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'x-a, Content-Type',
        'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS, PATCH',
        'access-control-allow-origin': 'http://localhost:3000',
        'access-control-max-age': '600',
        'content-type': 'text/plain; charset=utf-8',
        vary,
      },
      text: 'OK',
    });
  });

  test('what is refused is named', async () => {
    const refused = {
      origin: 'http://evil.com',
      'access-control-request-method': 'BREW',
      'access-control-request-private-network': 'true',
    };
    const answer = await ask(app(), '/api/x', refused, 'OPTIONS');
    expect(answer).toMatchObject({ status: 400, text: 'Disallowed CORS origin, method, private-network' });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expect(
      await ask(app(), '/api/x', { ...question, 'access-control-request-method': 'BREW' }, 'OPTIONS'),
    ).toMatchObject({
      status: 400,
      text: 'Disallowed CORS method',
      headers: { 'access-control-allow-origin': 'http://localhost:3000' },
    });
  });

  test('where every origin is allowed', async () => {
    const { status, headers } = await ask(
      app({ corsAllowedOrigins: ['*'] }),
      '/api/x',
      { ...question, origin: 'http://evil.com' },
      'OPTIONS',
    );
    expect(status).toBe(200);
    expect(headers).toEqual({
      'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY',
      'access-control-allow-origin': '*',
      'access-control-max-age': '600',
      'content-type': 'text/plain; charset=utf-8',
      vary,
    });
  });

  test('an OPTIONS that is none has no body on the API', async () => {
    expect(await ask(app(), '/api/x', { origin: 'http://localhost' }, 'OPTIONS')).toMatchObject({
      status: 204,
      headers: { allow: 'GET' },
    });
    expect((await ask(app(), '/health', {}, 'OPTIONS')).status).toBe(200);
  });
});

describe('security headers', () => {
  test('on every answer, however it was made', async () => {
    for (const path of ['/api/x', '/raw', '/broken', '/absent']) {
      expect((await ask(app(), path)).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        vary: 'Origin',
      });
    }
  });

  test('frames', async () => {
    expect((await ask(app({ xFrameOptions: 'deny' }), '/raw')).headers['x-frame-options']).toBe('DENY');
    expect((await ask(app({ xFrameOptions: 'none' }), '/raw')).headers).not.toHaveProperty('x-frame-options');
  });
});

test('the page that notebooks frame may be framed, whatever the option', async () => {
  const hono = app({ xFrameOptions: 'DENY' });
  const framed = await ask(hono, '/static-files/lib/notebook-trace-renderer/index.html');
  expect(framed.headers).not.toHaveProperty('x-frame-options');
  expect((await ask(hono, '/static-files/lib/other.html')).headers).toMatchObject({
    'x-frame-options': 'DENY',
  });
});

describe.each(['/api/x', '/ajax-api/x', '/graphql', '/ml/graphql'])('a POST to %s', (path) => {
  const hono = app({ staticPrefix: path.startsWith('/ml') ? '/ml' : '' });

  test.each([
    [{ origin: 'https://elsewhere.example' }, 'Cross-origin request blocked'],
    [{ origin: 'null' }, 'Cross-origin request blocked'],
    [{ host: 'elsewhere.example' }, 'Invalid Host header - possible DNS rebinding attack detected'],
  ])('with %j is refused', async (headers, text) => {
    expect(await ask(hono, path, headers, 'POST')).toMatchObject({ status: 403, text });
  });

  test('of a page of this machine is not', async () => {
    expect((await ask(hono, path, { origin: 'http://localhost:3000' }, 'POST')).status).not.toBe(403);
  });
});
