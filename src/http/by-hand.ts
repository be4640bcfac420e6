import type { Hono } from 'hono';
import { named, unlessArtifactsOnly } from './mount.ts';

interface RoutesByHand {
  readonly artifactsOnly: boolean;
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
  /** The answer of `metrics/get-history-bulk`: JSON. */
  historyBulk(query: URLSearchParams): Promise<string>;
}

/** Mounts the routes of the web UI that answer JSON but stand in no descriptor. */
export function mountByHand(app: Hono, { artifactsOnly, staticPrefix, historyBulk }: RoutesByHand): void {
  const path = `${staticPrefix}/ajax-api/2.0/mlflow/metrics/get-history-bulk`;
  const answer = unlessArtifactsOnly(artifactsOnly, path, async (c) => {
    const body = await historyBulk(new URL(c.req.url).searchParams);
    return c.body(body, 200, { 'content-type': 'application/json' });
  });
  app.get(path, named('get-history-bulk'), answer);
}
