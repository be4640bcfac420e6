import { checkKey, checkLength } from '../../contract/entity-key.ts';
import { invalidParameter, type MlflowError, notFound } from '../../contract/error.ts';
import { readInteger } from '../../contract/python.ts';
import type { HostPolicy } from '../../contract/uri.ts';
import { foreignFile, parseUri, refuseHostAddressed, unquote, unquoteFully } from '../../contract/uri.ts';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** The experiment that clients use when they name none. */
export const defaultExperimentId = 0n;

/**
 * Reads an experiment id as Python's `int` does; of numbers that no experiment can have, any is as good as another.
 *
 * @throws INVALID_PARAMETER_VALUE for what is no integer.
 */
export function parseExperimentId(text: string): bigint {
  const id = readInteger(text);
  if (id === undefined)
    throw invalidParameter(`Invalid experiment ID '${text}'. Experiment ID must be a valid integer.`);
  return id;
}

/** No experiment has a number that bigint cannot hold. */
export const isStorable = (id: bigint): boolean => BigInt.asIntN(64, id) === id;

export const experimentNotFound = (id: bigint): MlflowError => notFound(`No Experiment with id=${id} exists`);

export function requireActive({ id, lifecycleStage }: { id: bigint; lifecycleStage: string }): void {
  if (lifecycleStage !== 'active')
    throw invalidParameter(
      `The experiment ${id} must be in the 'active' state. Current state is ${lifecycleStage}.`,
    );
}

export const checkExperimentName = (name: string): void => {
  if (name === '') throw invalidParameter("Invalid experiment name: ''");
  checkLength('name', 500, name);
};

const locationLimit = 2048;

/**
 * A location as it is kept: a relative path is taken from the server's working folder, as in MLflow.
 *
 * @throws INVALID_PARAMETER_VALUE for a location that a server or client must not be sent to.
 */
export function readArtifactLocation(given: string, policy: HostPolicy, workingFolder: string): string {
  checkLocation(given, policy);
  const location = makeAbsolute(given, workingFolder);
  if (location.length > locationLimit)
    throw invalidParameter(
      `Invalid artifact path length. The length of the artifact path cannot be greater than ${locationLimit} ` +
        'characters. To configure this limit, please set the MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.',
    );
  return location;
}

function makeAbsolute(location: string, workingFolder: string): string {
  const { scheme, authority, path } = parseUri(location);
  if (scheme !== '' && scheme !== 'file') return location;
  if (scheme === 'file' && !/^([^@]*@)?(\.|localhost.*|127\.0\.0\.1.*|:.*|)$/is.test(authority))
    throw foreignFile(location);
  const local = unquote(scheme === 'file' ? path : location);
  if (local.startsWith('/')) return location;
  // `..` stays, as in Python's pathlib.
  const parts = [...workingFolder.split('/'), ...local.split('/')].filter(
    (part) => part !== '' && part !== '.',
  );
  return `${scheme === 'file' ? 'file://' : ''}/${parts.join('/')}`;
}

function checkLocation(location: string, policy: HostPolicy): void {
  const { scheme } = parseUri(location);
  const hasParameters = /^(|https?|s?ftp)$/.test(scheme) && /;[^/]*$/.test(location.replace(/[?#].*$/s, ''));
  if (/#./s.test(location) || hasParameters)
    throw invalidParameter("'artifact_location' URL can't include fragments or params.");
  const query = /\?(.*)$/s.exec(location)?.[1] ?? '';
  if (unquoteFully(query).includes('..')) throw invalidParameter('Invalid query string');
  refuseHostAddressed(location, 'artifact_location', policy);
  if (location.startsWith('runs:'))
    throw invalidParameter(`Artifact location cannot be a runs:/ URI. Given: '${location}'`);
}

export function checkExperimentTag({ key, value }: Tag): void {
  checkKey(key, 'key');
  checkLength('key', 250, key);
  checkLength('value', 20_000, value);
  if (key === 'mlflow.trace.archivalRetention') checkDuration(value, 'value', true);
  if (key === 'mlflow.trace.archiveNow') checkDuration(value, 'older_than', false);
}

/** The tags that govern the archiving of traces hold `{"type": "duration", "value": "30d"}` or `{"older_than": "12h"}`. */
function checkDuration(text: string, field: string, typed: boolean): void {
  const config = readObject(text);
  if (!config) throw invalidParameter('Trace archival config must be encoded as a JSON object.');
  if (typed && config.type !== 'duration')
    throw invalidParameter("Trace archival config must use type 'duration'.");
  const duration = config[field];
  if (!typed && (duration === undefined || duration === null)) return;
  const trimmed = typeof duration === 'string' ? duration.trim() : '';
  if (trimmed.length > 32) throw invalidParameter('Trace archival duration must be at most 32 characters.');
  if (!/^[1-9][0-9]*[mhd]$/.test(trimmed))
    throw invalidParameter(
      "Trace archival retention must be in the form `<int><unit>`, where unit is one of 'm', 'h', or 'd'.",
    );
}

function readObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** A view that a person saved in the web UI is a tag. */
export const customViewPrefix = 'mlflow.customView.view';
export const customViewLimit = 50;

export const tooManyCustomViews = (experimentId?: bigint): MlflowError =>
  invalidParameter(
    `Unable to create another custom view${experimentId === undefined ? '' : ` for experiment ${experimentId}`}; the ` +
      `maximum number of custom views per experiment is ${customViewLimit}. Delete an existing custom view before ` +
      'creating a new one.',
  );

/** The stages that a view shows. MLflow takes a view it does not know, and none, for that of the active. */
export function lifecycleStages(view: string | undefined): readonly ('active' | 'deleted')[] {
  if (view === 'ALL') return ['active', 'deleted'];
  return view === 'DELETED_ONLY' ? ['deleted'] : ['active'];
}

/** @throws INVALID_PARAMETER_VALUE for a page of less than one row or more than 50,000. */
export function checkPageSize(size: bigint | number): number {
  const refuse = (rule: string) =>
    invalidParameter(`Invalid value ${size} for parameter 'max_results' supplied. It must be ${rule}`);
  if (size < 1) throw refuse('a positive integer');
  if (size > 50_000) throw refuse('at most 50000');
  return Number(size);
}
