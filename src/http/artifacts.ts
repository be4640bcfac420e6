import type { Context, Hono } from 'hono';
import { invalidParameter, MlflowError, notFound } from '../contract/error.ts';
import { type ArtifactPlaces, fileInfos, placeOf } from '../objects/locate.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { refuseReserved } from '../objects/reserved.ts';
import { filePath, safePath } from '../objects/safe-path.ts';
import { bodyOf, forgetBody, send } from './artifact-transfer.ts';
import { disabled, unserved } from './error.ts';
import { named, type StreamedRpc, unlessArtifactsOnly } from './mount.ts';

export interface ArtifactRoutes {
  readonly places: ArtifactPlaces;
  readonly artifactsOnly: boolean;
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
  readonly locate: ArtifactLocations;
}

/** The artifact URIs of what is registered. Each throws RESOURCE_DOES_NOT_EXIST in the words of its own RPC. */
export interface ArtifactLocations {
  runArtifactUri(runId: string): Promise<string>;
  /** What `get-download-uri` answers. */
  modelVersionUri(name: string, version: string): Promise<string>;
  loggedModelUri(modelId: string): Promise<string>;
}

type Handler = (c: Context) => Promise<Response>;

const uploadLimit = 10 * 1024 * 1024;

/**
 * Mounts the routes that carry bytes, which go past the JSON codec: the proxy `mlflow-artifacts`, and the reads and
 * the small upload of the web UI.
 */
export function mountArtifacts(app: Hono, routes: ArtifactRoutes): void {
  const mounts = ['api', 'ajax-api'].map(
    (api) => `${routes.staticPrefix}/${api}/2.0/mlflow-artifacts/artifacts`,
  );
  app.use((c, next) => {
    if (mounts.some((mount) => leaves(c, mount))) throw invalidParameter('Invalid path');
    return next();
  });
  for (const mount of mounts) mountProxy(app, mount, routes.places.served);
  mountReads(app, routes);
}

function mountProxy(app: Hono, mount: string, objects: ObjectStore | undefined): void {
  // Not a dot, which stops at some signs that file names have.
  const file = `${mount}/:path{[^]*}`;
  const names = { GET: 'downloadArtifact', PUT: 'uploadArtifact', DELETE: 'deleteArtifact' } as const;
  for (const [method, rpc] of Object.entries<StreamedRpc>(names)) app.on(method, file, named(rpc));
  app.get(mount, named('listArtifactsMlflowArtifacts'));
  if (!objects) {
    app.on(['GET', 'PUT'], file, (c) => c.json({ detail: servingIsDisabled }, 503));
    app.get(mount, (c) => c.html(disabled(mount, unserved), 503));
    app.delete(file, (c) => c.html(disabled(`${mount}/<path:artifact_path>`, unserved), 503));
    return;
  }
  app.get(mount, async (c) => {
    const path = safePath(c.req.query('path') ?? '');
    const files = fileInfos(await objects.list(path), '');
    return c.json(files.length > 0 ? { files } : {});
  });
  app.get(file, (c) => send(c, { objects, path: safePath(pathBelow(c, mount)) }));
  app.put(file, async (c) => {
    const path = safePath(pathBelow(c, mount));
    if (path === '' || path.endsWith('/')) return c.json({ detail: noFileName }, 400);
    const length = c.req.header('Content-Length');
    refuseReserved(path);
    try {
      await objects.put(filePath(path), bodyOf(c), length === undefined ? undefined : Number(length));
    } catch (error) {
      await forgetBody(c);
      throw error;
    }
    return c.body(null, 200);
  });
  app.delete(file, async (c) => {
    const path = safePath(pathBelow(c, mount));
    refuseReserved(path);
    await objects.delete(path);
    return c.json({});
  });
}

function mountReads(app: Hono, { places, artifactsOnly, staticPrefix, locate }: ArtifactRoutes): void {
  const ui = `${staticPrefix}/ajax-api/2.0/mlflow`;
  const mountGet = (name: string, route: string, rule: string, handler: Handler) =>
    app.get(route, named(name), unlessArtifactsOnly(artifactsOnly, rule, handler));

  const runFile = `${staticPrefix}/get-artifact`;
  mountGet('get-artifact', runFile, runFile, async (c) => {
    const requested = c.req.query('path');
    if (requested === undefined) return c.html(badRequestPage, 400);
    const path = safePath(requested);
    const runId = c.req.query('run_id') || c.req.query('run_uuid');
    if (!runId) throw notFound('Run with id=None not found');
    return send(c, placeOf(await locate.runArtifactUri(runId), path, places), revalidate);
  });

  const versionFile = `${staticPrefix}/model-versions/get-artifact`;
  mountGet('model-versions/get-artifact', versionFile, versionFile, async (c) => {
    const requested = c.req.query('path');
    if (requested === undefined) return c.html(badRequestPage, 400);
    const path = safePath(requested);
    const { name, version } = c.req.query();
    if (!name) throw invalidParameter("Missing value for required parameter 'name'.");
    if (!version) throw invalidParameter("Missing value for required parameter 'version'.");
    return send(c, placeOf(await locate.modelVersionUri(name, version), path, places), revalidate);
  });

  const modelFile = (id: string) => `${ui}/logged-models/${id}/artifacts/files`;
  mountGet('logged-models/artifacts/files', modelFile(':model_id'), modelFile('<model_id>'), async (c) => {
    const requested = c.req.query('artifact_file_path');
    if (!requested) throw new MlflowError('BAD_REQUEST', noFilePath);
    const path = safePath(requested);
    const uri = await locate.loggedModelUri(c.req.param('model_id') ?? '');
    return send(c, placeOf(uri, path, places), revalidate);
  });

  const upload = `${ui}/upload-artifact`;
  app.post(
    upload,
    named('upload-artifact'),
    unlessArtifactsOnly(artifactsOnly, upload, async (c) => {
      const { run_uuid: runId, path: requested } = c.req.query();
      if (!runId) throw invalidParameter('Request must specify run_uuid.');
      if (!requested) throw invalidParameter('Request must specify path.');
      const path = safePath(requested);
      if (path.endsWith('/')) throw invalidParameter(noFileName);
      const data = await smallBody(c);
      const place = placeOf(await locate.runArtifactUri(runId), path, places);
      refuseReserved(place.path);
      await place.objects.put(filePath(place.path), new Blob([data]).stream(), data.byteLength);
      return c.body(null, 200, { 'Content-Type': 'application/json' });
    }),
  );
}

/** What the client asks for below `mount`, as it was sent: Hono has decoded it once already and taken `..` away. */
function pathBelow(c: Context, mount: string): string {
  const sent = sentUrl(c)?.replace(/\?.*$/s, '');
  return (sent?.startsWith(`${mount}/`) ? sent : c.req.path).slice(mount.length + 1);
}

/** Whether the path that was sent begins with `mount`, but its `..` lead elsewhere. */
const leaves = (c: Context, mount: string): boolean =>
  sentUrl(c)?.startsWith(`${mount}/`) === true && !c.req.path.startsWith(`${mount}/`);

/** Path and query as they were sent. Only Node's own request still has them; a `Request` has normalised the path. */
const sentUrl = (c: Context): string | undefined => c.env?.incoming?.url;

/** A body of 1 byte to 10 MiB. */
async function smallBody(c: Context): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => invalidParameter('Artifact size is too large. Max size is 10MB.');
  if (Number(c.req.header('Content-Length')) > uploadLimit) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(c)) {
    size += chunk.byteLength;
    if (size > uploadLimit) throw tooLarge();
    chunks.push(chunk);
  }
  if (size === 0) throw invalidParameter('Request must specify data.');
  return Buffer.concat(chunks);
}

const servingIsDisabled =
  'Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts` to enable.';
const noFileName = "Artifact path must include a filename (cannot end with '/').";
const noFilePath = 'Request must include the "artifact_file_path" query parameter.';

/** What Flask answers where a parameter of the query is not there at all. */
const badRequestPage =
  '<!doctype html>\n<html lang=en>\n<title>400 Bad Request</title>\n<h1>Bad Request</h1>\n' +
  '<p>The browser (or proxy) sent a request that this server could not understand.</p>\n';

/** The UI shows artifacts that may be written again under the same name. */
const revalidate = { 'Cache-Control': 'no-cache' };
