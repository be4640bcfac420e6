import { Hono } from 'hono';

/** The release whose clients and UI are answered; clients compare it with their own. */
export const mlflowVersion = '3.17.2';

/**
 * What clients and the web UI read to decide what they may use (`build_server_info_payload` in
 * `mlflow/server/handlers.py`).
 *
 * @param presigns whether what is served lies where clients can reach it by presigned URLs. They then go that way, and
 *   a failure there is final.
 */
const serverInfo = (presigns: boolean) => ({
  // Everything lies in a SQL database, so clients may rely on what MLflow offers only on one.
  store_type: 'SqlStore',
  workspaces_enabled: false,
  trace_archival_enabled: false,
  multipart_uploads_enabled: presigns,
  multipart_downloads_enabled: presigns,
  // That these are known here; whether it can be done is said of each run and model.
  presigned_upload_run_id_supported: true,
  presigned_upload_model_id_supported: true,
  features_enabled: { gateway: false },
});

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
export function healthRoutes(staticPrefix: string, presigns: boolean, checkReady: () => Promise<void>): Hono {
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
    app.get(`${staticPrefix}/${api}/3.0/mlflow/server-info`, (c) => c.json(serverInfo(presigns)));
  }
  return app;
}
