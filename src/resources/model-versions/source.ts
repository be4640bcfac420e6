import { invalidParameter, type MlflowError } from '../../contract/error.ts';
import { normalPath } from '../../contract/posix.ts';
import { foreignFile, parseUri, unquote, unquoteFully } from '../../contract/uri.ts';

/**
 * What a version's `source` may be, as MLflow decides it (`_validate_source_run`, `_validate_source_model` in
 * `mlflow/server/handlers.py`): a source is a pointer, but one that names a run, a logged model or the server's own
 * artifacts must lie within the run or model that the request names.
 */

/** What a `models:/…` URI names. */
export type ModelUri =
  | { readonly kind: 'model-id'; readonly modelId: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'stage'; readonly name: string; readonly stage: string }
  | { readonly kind: 'latest'; readonly name: string }
  | { readonly kind: 'alias'; readonly name: string; readonly alias: string };

/** Reads `models:/name/3`, `/Stage`, `/latest`, `models:/name@alias` or `models:/m-…`; undefined for anything else. */
export function parseModelUri(source: string): ModelUri | undefined {
  const { path } = parseUri(source);
  if (!path.startsWith('/') || path.length < 2) return undefined;
  const [name = '', suffix, ...rest] = path.replace(/^\/+/, '').split('/');
  if (rest.length > 0 || name.trim() === '') return undefined;
  if (suffix !== undefined) {
    if (suffix.trim() === '') return undefined;
    if (/^\d+$/.test(suffix)) return { kind: 'version', name, version: suffix };
    if (suffix.toLowerCase() === 'latest') return { kind: 'latest', name };
    return { kind: 'stage', name, stage: suffix };
  }
  const at = name.lastIndexOf('@');
  if (at < 0) return { kind: 'model-id', modelId: name };
  const alias = name.slice(at + 1);
  return alias.trim() === '' ? undefined : { kind: 'alias', name: name.slice(0, at), alias };
}

/** The refusal of a source that does not lie in what the request names: `run_id` or `model_id`. */
export const notContained = (source: string, field: 'run_id' | 'model_id'): MlflowError =>
  invalidParameter(
    `Invalid model version source: '${source}'. The ${field} request parameter must identify the resource that ` +
      'contains the source.',
  );

const traverses = (source: string): MlflowError =>
  invalidParameter(
    `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, ` +
      'objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references ' +
      'present. Please provide an absolute path.',
  );

/** A path without a scheme, or a `file:` URI of this machine. */
function isLocal(source: string): boolean {
  if (source === 'databricks') return false;
  const { scheme, authority } = parseUri(source);
  if (scheme !== 'file') return scheme === '';
  const host = authority.replace(/^.*@/, '').replace(/:\d*$/, '');
  if (host !== '' && host !== '.' && !host.startsWith('localhost') && !host.startsWith('127.0.0.1'))
    throw foreignFile(source);
  return true;
}

const localPath = (uri: string): string =>
  normalPath(unquote(uri.startsWith('file:') ? parseUri(uri).path : uri));

const liesWithin = (path: string, root: string): boolean => path === root || path.startsWith(`${root}/`);

const unquotePlus = (text: string): string => unquote(text.replaceAll('+', ' '));

/** `..` in any disguise: encoded, doubly encoded, with a path parameter (`..;`), behind a backslash. */
const hasParentSegment = (text: string): boolean =>
  text.split(/[/\\]/).some((part) => part.replace(/;.*$/s, '') === '..');

function refuseTraversal(source: string): void {
  const plain = unquoteFully(source, unquotePlus);
  const path = parseUri(plain).path.replace(/\/+$/, '').replace(/\/+/g, '/');
  if (path.includes('\0') || plain.includes('\0') || hasParentSegment(plain)) throw traverses(source);
  if (!path.startsWith('/') || normalPath(path) !== path) throw traverses(source);
}

interface UriParts {
  readonly scheme: string;
  readonly authority: string;
  readonly parts: readonly string[];
}

function uriParts(uri: string): UriParts {
  const { scheme, authority, path } = parseUri(uri);
  return {
    scheme,
    authority: authority.toLowerCase(),
    parts: path
      .split('/')
      .filter(Boolean)
      .map((part) => unquoteFully(part)),
  };
}

function isWithin(source: string, root: string): boolean {
  const s = uriParts(source);
  const r = uriParts(root);
  return (
    s.scheme === r.scheme &&
    s.authority === r.authority &&
    r.parts.length > 0 &&
    r.parts.every((part, i) => part === s.parts[i])
  );
}

/** `mlflow-artifacts:`, or a URL of some server's artifact proxy. */
function isProxied(source: string): boolean {
  const { scheme, parts } = uriParts(source);
  if (scheme === 'mlflow-artifacts') return true;
  return (
    (scheme === 'http' || scheme === 'https') &&
    parts.join('/').includes('api/2.0/mlflow-artifacts/artifacts')
  );
}

export type FindRoot = (id: string) => Promise<string | undefined>;

/** Where a run's artifacts lie, or a logged model's; asked for only where the decision needs it. */
export interface Origins {
  readonly runRoot: FindRoot;
  readonly modelRoot: FindRoot;
}

/** @throws INVALID_PARAMETER_VALUE with MLflow's sentence unless the source may be registered with these ids. */
export async function checkSource(
  source: string,
  ids: { runId: string; modelId: string },
  origins: Origins,
): Promise<void> {
  const [field, id, findRoot] =
    ids.modelId !== ''
      ? (['model_id', ids.modelId, origins.modelRoot] as const)
      : (['run_id', ids.runId, origins.runRoot] as const);
  if (source.includes('\0')) throw traverses(source);
  const root = async (): Promise<string> => {
    const found = id === '' ? undefined : await findRoot(id);
    if (found === undefined) throw notContained(source, field);
    return found;
  };
  if (isLocal(source)) {
    if (id !== '') {
      const uri = await root();
      if (isLocal(uri) && liesWithin(localPath(source), localPath(uri))) return;
    }
    throw invalidParameter(
      `Invalid model version source: '${source}'. To use a local path as a model version source, the ${field} request ` +
        'parameter has to be specified and the local path has to be contained within the artifact directory of the ' +
        `run specified by the ${field}.`,
    );
  }
  refuseTraversal(source);
  const { scheme, authority, path } = parseUri(source);
  if (scheme === 'runs') {
    if (authority !== '' || field === 'model_id') throw notContained(source, field);
    if (id === '' || path.split('/')[1] !== id) throw notContained(source, field);
    return;
  }
  if (scheme === 'models') {
    if (authority !== '') throw notContained(source, 'model_id');
    const parsed = parseModelUri(source);
    if (!parsed) throw notContained(source, 'model_id');
    if (parsed.kind === 'model-id' && (field === 'run_id' || parsed.modelId !== id))
      throw notContained(source, 'model_id');
    return;
  }
  if (isProxied(source) && !isWithin(source, await root())) throw notContained(source, field);
}
