import type { Hono } from 'hono';
import { disabled, trackingless } from './error.ts';
import { named } from './mount.ts';

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
  app.get(path, named('get-history-bulk'), async (c) => {
    if (artifactsOnly) return c.html(disabled(path, trackingless), 503);
    const body = await historyBulk(new URL(c.req.url).searchParams);
    return c.body(body, 200, { 'content-type': 'application/json' });
  });
}
