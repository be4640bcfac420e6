import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makeApp } from '../testing/make-app.ts';
import { healthRoutes } from './health.ts';

test.each(['', '/pre'])('below the prefix %j', async (prefix) => {
  const app = healthRoutes(prefix, false, async () => {});
  const health = await app.request(`${prefix}/health`);
  expect([health.status, health.headers.get('content-type'), await health.text()]).toEqual([
    200,
    'text/plain; charset=utf-8',
    'OK',
  ]);
  for (const method of ['GET', 'HEAD'])
    expect((await app.request(`${prefix}/ready`, { method })).status, method).toBe(200);
  const version = await app.request(`${prefix}/version`);
  expect([version.headers.get('content-type'), await version.text()]).toEqual([
    'text/html; charset=utf-8',
    '3.17.2',
  ]);
  for (const api of ['api', 'ajax-api']) {
    const info = await app.request(`${prefix}/${api}/3.0/mlflow/server-info`);
    expect(info.headers.get('content-type')).toBe('application/json');
    expect(await info.json()).toEqual({
      store_type: 'SqlStore',
      workspaces_enabled: false,
      trace_archival_enabled: false,
      multipart_uploads_enabled: false,
      multipart_downloads_enabled: false,
      presigned_upload_run_id_supported: true,
      presigned_upload_model_id_supported: true,
      features_enabled: { gateway: false },
    });
  }
});

test('ready is 503 with one sentence while the database lacks migrations, and health stays 200', async () => {
  const app = await makeApp();
  expect((await app.request('/ready')).status).toBe(200);
  await app.sql`delete from tabularium.migrations`;
  const response = await until(async () => {
    const answer = await app.request('/ready');
    return answer.status !== 200 && answer;
  });
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    error_code: 'TEMPORARILY_UNAVAILABLE',
    message: expect.stringMatching(/^The database is at migration 0, this program needs \d+ or later\.$/),
  });
  expect((await app.request('/ready', { method: 'HEAD' })).status).toBe(503);
  expect((await app.request('/health')).status).toBe(200);
  await app.close();
});

test('ready at once where there is no database', async () => {
  const app = await makeApp({ artifactsOnly: true });
  await app.sql.end();
  expect((await app.request('/ready')).status).toBe(200);
  await app.close();
});

test('nowhere else', async () => {
  expect((await healthRoutes('/pre', false, async () => {}).request('/health')).status).toBe(404);
  expect((await healthRoutes('', false, async () => {}).request('/server-info')).status).toBe(404);
});

/** Asks again, because an answer of `/ready` stands for a while. */
async function until<T>(question: () => Promise<T | false>): Promise<T> {
  for (;;) {
    const answer = await question();
    if (answer !== false) return answer;
    await sleep(50);
  }
}
