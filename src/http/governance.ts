import type { Hono } from 'hono';
import { named, unlessArtifactsOnly } from './mount.ts';

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
  const answer = unlessArtifactsOnly(artifactsOnly, path, async (c) => {
    const { name = '', version = '' } = c.req.param() as { name?: string; version?: string };
    return c.body(await versionDigest(name, version), 200, { 'content-type': 'application/json' });
  });
  app.get(path, named('getModelVersionDigest'), answer);
}
