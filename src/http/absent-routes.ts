import type { Hono } from 'hono';
import { named, notImplemented, unlessArtifactsOnly } from './mount.ts';

/** Addresses that stand in no descriptor and are not written. */
export interface AbsentRoute {
  /** `GET /ajax-api/…`, without the static prefix. */
  readonly routes: readonly string[];
  /** Why, for a person. */
  readonly reason: string;
  /**
   * What an MLflow answers in which nobody has used it, from the query; `unknown` for what MLflow itself does not know.
   * Without it the address answers as one that is not implemented.
   */
  readonly answer?: 'unknown' | ((query: URLSearchParams) => object);
}

interface AbsentRoutes {
  readonly absentRoutes: readonly AbsentRoute[];
  readonly artifactsOnly: boolean;
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
}

export function mountAbsentRoutes(
  app: Hono,
  { absentRoutes, artifactsOnly, staticPrefix }: AbsentRoutes,
): void {
  for (const { routes, answer } of absentRoutes) {
    if (answer === 'unknown') continue;
    for (const route of routes) {
      const [method = '', address] = route.split(' ');
      const path = `${staticPrefix}${address}`;
      const handle = unlessArtifactsOnly(artifactsOnly, path, (c) =>
        answer ? c.json(answer(new URL(c.req.url).searchParams)) : notImplemented(c),
      );
      app.on(method, path, named('absent'), handle);
    }
  }
}
