import { invalidParameter, MlflowError } from '../../contract/error.ts';
import { type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import { type ArtifactPlaces, placeOf } from '../../objects/locate.ts';
import type { Presign } from '../../objects/object-store.ts';
import { refuseReserved } from '../../objects/reserved.ts';
import { filePath, safePath } from '../../objects/safe-path.ts';
import { loggedModelUri, runArtifactUri } from './locations.ts';
import { checkExpiration, lastName, refuseProxied } from './rules.ts';

type DirectRpc =
  | 'createMultipartUpload'
  | 'completeMultipartUpload'
  | 'abortMultipartUpload'
  | 'getPresignedDownloadUrl'
  | 'createPresignedUploadUrl'
  | 'createPresignedDownloadUrl';

/** How long the URL of an upload holds that says nothing of it, in seconds. */
const uploadTime = 900;

/** The RPCs by which clients read and write the bytes at the store itself, by presigned URLs. */
export function directOperations(places: ArtifactPlaces): OperationTable<DirectRpc> {
  /** Of what is served; a client that asks although server-info says no is told as MLflow does. */
  const presignServed = (what: 'upload' | 'download'): Presign => {
    const presign = places.served?.presign;
    if (!presign) throw notSupported(`Multipart ${what}`);
    return presign;
  };

  const createMultipartUpload: Operation<'createMultipartUpload'> = async (request) => {
    const folder = safePath(request.artifact_path);
    const presign = presignServed('upload');
    const path = partedPath(folder, request.path);
    const parts = Math.max(Number(request.num_parts ?? 0), 0);
    const { uploadId, urls } = await presign.createMultipart(path, parts);
    const credentials = urls.map((url, i) => ({ url, part_number: BigInt(i + 1), headers: {} }));
    return { upload_id: uploadId, credentials };
  };

  const completeMultipartUpload: Operation<'completeMultipartUpload'> = async (request) => {
    const folder = safePath(request.artifact_path);
    const presign = presignServed('upload');
    const path = partedPath(folder, request.path);
    const uploadId = checkUploadId(request.upload_id);
    const parts = request.parts.map(({ part_number, etag = '' }) => ({
      number: Number(part_number ?? 0),
      etag,
    }));
    if (parts.length === 0) throw invalidParameter('An upload is made of one part at least');
    await presign.completeMultipart(path, uploadId, parts);
    return {};
  };

  const abortMultipartUpload: Operation<'abortMultipartUpload'> = async (request) => {
    const folder = safePath(request.artifact_path);
    const presign = presignServed('upload');
    const path = partedPath(folder, request.path);
    await presign.abortMultipart(path, checkUploadId(request.upload_id));
    return {};
  };

  const getPresignedDownloadUrl: Operation<'getPresignedDownloadUrl'> = async (request, call) => {
    const path = safePath(request.artifact_path);
    const { url, size } = await presignServed('download').download(path, call.settings.presignedSeconds);
    // The codec would leave the empty headers out, which MLflow writes here.
    return new Rendered(JSON.stringify({ url, headers: {}, file_size: size }));
  };

  const createPresignedUploadUrl: Operation<'createPresignedUploadUrl'> = async (request, call) => {
    const { run_id: runId = '', model_id: modelId = '' } = request;
    if ((runId === '') === (modelId === ''))
      throw invalidParameter('Exactly one of run_id and model_id must be provided.');
    const path = safePath(request.path);
    const uri = await call.find((sql) =>
      runId !== '' ? runArtifactUri(sql, call.scope, runId) : loggedModelUri(sql, call.scope, modelId),
    );
    refuseProxied(uri, 'upload');
    const seconds = checkExpiration(Number(request.expiration ?? uploadTime));
    const place = placeOf(uri, path, places);
    if (!place.objects.presign) throw notSupported('Presigned upload');
    if (path.endsWith('/')) throw invalidParameter(`Invalid artifact path: '${path}'.`);
    refuseReserved(place.path);
    const { url, headers } = await place.objects.presign.upload(filePath(place.path), seconds);
    return { presigned_url: url, headers };
  };

  const createPresignedDownloadUrl: Operation<'createPresignedDownloadUrl'> = async (request, call) => {
    const path = safePath(request.path);
    const seconds = checkExpiration(Number(request.expiration ?? call.settings.presignedSeconds));
    const uri = await call.find((sql) => runArtifactUri(sql, call.scope, request.run_id));
    refuseProxied(uri, 'download');
    const place = placeOf(uri, path, places);
    if (!place.objects.presign) throw notSupported('Presigned download');
    const { url, size } = await place.objects.presign.download(place.path, seconds);
    return { presigned_url: url, headers: {}, file_size: BigInt(size) };
  };

  return {
    createMultipartUpload: { run: createMultipartUpload, recorded: false },
    completeMultipartUpload: { run: completeMultipartUpload, recorded: false },
    abortMultipartUpload: { run: abortMultipartUpload, recorded: false },
    getPresignedDownloadUrl: { run: getPresignedDownloadUrl, recorded: false },
    createPresignedUploadUrl: { run: createPresignedUploadUrl, recorded: false },
    createPresignedDownloadUrl: { run: createPresignedDownloadUrl, recorded: false },
  };
}

const notSupported = (what: string): MlflowError =>
  new MlflowError('NOT_IMPLEMENTED', `${what} is not supported for the current artifact repository`);

function checkUploadId(id: string | undefined): string {
  if (!id) throw invalidParameter("Missing value for required parameter 'upload_id'.");
  return id;
}

/** Where an upload in parts goes: into the folder of the URL, under the name that the client's own file has. */
function partedPath(folder: string, file: string): string {
  const name = safePath(lastName(file));
  if (name === '' || name.includes('/')) throw invalidParameter('Invalid path');
  const path = `${folder.replace(/\/+$/, '')}/${name}`;
  refuseReserved(path);
  return filePath(path);
}
