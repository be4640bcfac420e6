import type { Operation, OperationTable } from '../../contract/operation.ts';
import { type ArtifactPlaces, listUnder } from '../../objects/locate.ts';
import { loggedModelUri, runArtifactUri } from './locations.ts';

type ArtifactRpc = 'listArtifacts' | 'listLoggedModelArtifacts';

/** The listings of runs and logged models; what carries bytes is mounted by `http/artifacts.ts`. */
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
  };
}

const sized = ({ path, is_dir, file_size }: { path: string; is_dir: boolean; file_size?: number }) => ({
  path,
  is_dir,
  file_size: file_size === undefined ? undefined : BigInt(file_size),
});
