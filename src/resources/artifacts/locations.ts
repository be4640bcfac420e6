import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { modelNotFound } from '../logged-models/rules.ts';
import { findLoggedModelOrigin } from '../logged-models/store.ts';
import { parseVersion, refuseFailed, versionNotFound } from '../model-versions/rules.ts';
import { findVersionLocation } from '../model-versions/store.ts';
import { runNotFound } from '../runs/rules.ts';
import { findRunOrigin } from '../runs/store.ts';

/** Where a run's artifacts lie. @throws RESOURCE_DOES_NOT_EXIST */
export async function runArtifactUri(sql: Sql, scope: Scope, runId: string): Promise<string> {
  const origin = await findRunOrigin(sql, scope, runId);
  if (!origin) throw runNotFound(runId);
  return origin.artifactUri;
}

/** Where a logged model's artifacts lie. @throws RESOURCE_DOES_NOT_EXIST */
export async function loggedModelUri(sql: Sql, scope: Scope, modelId: string): Promise<string> {
  const origin = await findLoggedModelOrigin(sql, scope, modelId);
  if (!origin) throw modelNotFound(modelId);
  return origin.artifactLocation;
}

/** What `get-download-uri` answers. @throws RESOURCE_DOES_NOT_EXIST */
export async function modelVersionUri(
  sql: Sql,
  scope: Scope,
  name: string,
  version: string,
): Promise<string> {
  const { number, text } = parseVersion(version);
  const origin = number === undefined ? undefined : await findVersionLocation(sql, scope, name, number);
  if (!origin) throw versionNotFound(name, text);
  refuseFailed(name, origin);
  return origin.storage_location;
}
