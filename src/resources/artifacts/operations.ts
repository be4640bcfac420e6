import { MlflowError } from '../../contract/error.ts';
import type { Operation, OperationTable } from '../../contract/operation.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { type ArtifactPlaces, listUnder } from '../../objects/locate.ts';
import { modelNotFound } from '../logged-models/rules.ts';
import { findLoggedModelOrigin } from '../logged-models/store.ts';
import { parseVersion, refuseFailed, versionNotFound } from '../model-versions/rules.ts';
import { findVersionOrigin } from '../model-versions/store.ts';
import { runNotFound } from '../runs/rules.ts';
import { findRunOrigin } from '../runs/store.ts';

type ArtifactRpc =
  | 'listArtifacts'
  | 'listLoggedModelArtifacts'
  | 'createMultipartUpload'
  | 'completeMultipartUpload'
  | 'abortMultipartUpload'
  | 'getPresignedDownloadUrl';

/** The artifact RPCs that answer JSON; those that carry bytes are mounted by `http/artifacts.ts`. */
export function artifactOperations(places: ArtifactPlaces): OperationTable<ArtifactRpc> {
  const listArtifacts: Operation<'listArtifacts'> = async ({ run_id, run_uuid, path }, call) => {
    const runId = run_id || run_uuid || '';
    const uri = await call.find((sql) => runArtifactUri(sql, call.scope, runId));
    return { root_uri: uri, files: (await listUnder(uri, path, places)).map(sized) };
  };
  const listLoggedModelArtifacts: Operation<'listLoggedModelArtifacts'> = async (request, call) => {
    const uri = await call.find((sql) => loggedModelUri(sql, call.scope, request.model_id));
    return {
      root_uri: uri,
      files: (await listUnder(uri, request.artifact_directory_path, places)).map(sized),
    };
  };
  return {
    listArtifacts: { run: listArtifacts, recorded: false },
    listLoggedModelArtifacts: { run: listLoggedModelArtifacts, recorded: false },
    createMultipartUpload: { run: noMultipart('upload'), recorded: false },
    completeMultipartUpload: { run: noMultipart('upload'), recorded: false },
    abortMultipartUpload: { run: noMultipart('upload'), recorded: false },
    getPresignedDownloadUrl: { run: noMultipart('download'), recorded: false },
  };
}

const sized = ({ path, is_dir, file_size }: { path: string; is_dir: boolean; file_size?: number }) => ({
  path,
  is_dir,
  file_size: file_size === undefined ? undefined : BigInt(file_size),
});

/** Local files have no presigned URLs. server-info says so; a client that asks all the same is told as MLflow does. */
const noMultipart = (what: 'upload' | 'download') => async (): Promise<never> => {
  throw new MlflowError(
    'NOT_IMPLEMENTED',
    `Multipart ${what} is not supported for the current artifact repository`,
  );
};

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
  const origin = number === undefined ? undefined : await findVersionOrigin(sql, scope, name, number);
  if (!origin) throw versionNotFound(name, text);
  refuseFailed(name, origin);
  return origin.storage_location;
}
