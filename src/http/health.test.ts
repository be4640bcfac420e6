import { expect, test } from 'vitest';
import { healthRoutes } from './health.ts';

test.each(['', '/pre'])('below the prefix %j', async (prefix) => {
  const app = healthRoutes(prefix);
  const health = await app.request(`${prefix}/health`);
  expect([health.status, health.headers.get('content-type'), await health.text()]).toEqual([
    200,
    'text/plain; charset=utf-8',
    'OK',
  ]);
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
      presigned_upload_run_id_supported: false,
      presigned_upload_model_id_supported: false,
      features_enabled: { gateway: false },
    });
  }
});

test('nowhere else', async () => {
  expect((await healthRoutes('/pre').request('/health')).status).toBe(404);
  expect((await healthRoutes('').request('/server-info')).status).toBe(404);
});
