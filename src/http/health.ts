import { Hono } from 'hono';

/** The release whose clients and UI are answered; clients compare it with their own. */
export const mlflowVersion = '3.17.2';

/**
 * What clients and the web UI read to decide what they may use (`build_server_info_payload` in
 * `mlflow/server/handlers.py`).
 */
const serverInfo = {
  // Everything lies in a SQL database, so clients may rely on what MLflow offers only on one.
  store_type: 'SqlStore',
  workspaces_enabled: false,
  trace_archival_enabled: false,
  // With these true the clients go by presigned URLs, and a failure there is final.
  multipart_uploads_enabled: false,
  multipart_downloads_enabled: false,
  presigned_upload_run_id_supported: false,
  presigned_upload_model_id_supported: false,
  features_enabled: { gateway: false },
};

/** Paths that machines ask every few seconds, by whatever name they have for this host. */
export const probePaths = (staticPrefix: string): ReadonlySet<string> =>
  new Set(['/health', '/ready', '/version'].map((path) => staticPrefix + path));

/** What is neither measured nor traced: only machines ask for it. */
export const unmeasuredPaths = (staticPrefix: string): ReadonlySet<string> =>
  new Set([...probePaths(staticPrefix), '/metrics']);

/**
 * `/health` (the process is up), `/version` and the two `server-info`, all below the static prefix, as in MLflow; and
 * `/ready`, which is ours: 503 with a sentence while `checkReady` throws.
 */
export function healthRoutes(staticPrefix: string, checkReady: () => Promise<void>): Hono {
  const app = new Hono();
  const ok = { 'content-type': 'text/plain; charset=utf-8' };
  app.get(`${staticPrefix}/health`, (c) => c.body('OK', 200, ok));
  app.get(`${staticPrefix}/ready`, async (c) => {
    await checkReady();
    return c.body('OK', 200, ok);
  });
  app.get(`${staticPrefix}/version`, (c) =>
    c.body(mlflowVersion, 200, { 'content-type': 'text/html; charset=utf-8' }),
  );
  for (const api of ['api', 'ajax-api']) {
    app.get(`${staticPrefix}/${api}/3.0/mlflow/server-info`, (c) => c.json(serverInfo));
  }
  return app;
}
