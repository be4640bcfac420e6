import type { Hono } from 'hono';
import { disabled, trackingless } from './error.ts';
import { named } from './mount.ts';

interface GovernanceRoutes {
  readonly artifactsOnly: boolean;
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
  /** The answer of `…/digest`: JSON. */
  versionDigest(name: string, version: string): Promise<string>;
}

/** Mounts the routes that MLflow does not have: `openapi/governance.openapi.json`. */
export function mountGovernance(
  app: Hono,
  { artifactsOnly, staticPrefix, versionDigest }: GovernanceRoutes,
): void {
  const path = `${staticPrefix}/api/registry/v1/models/:name/versions/:version/digest`;
  app.get(path, named('getModelVersionDigest'), async (c) => {
    if (artifactsOnly) return c.html(disabled(path, trackingless), 503);
    const { name = '', version = '' } = c.req.param() as { name?: string; version?: string };
    return c.body(await versionDigest(name, version), 200, { 'content-type': 'application/json' });
  });
}
