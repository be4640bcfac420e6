import { checkKey, checkLength, invalidValue, truncate } from '../../contract/entity-key.ts';
import { alreadyExists, invalidParameter, type MlflowError, notFound } from '../../contract/error.ts';
import { reprText } from '../../contract/python.ts';

export interface Entry {
  readonly key: string;
  readonly value: string;
}

type Sent = { readonly key?: string; readonly value?: string };

/** The tag that repeats the run's name. */
export const runNameTag = 'mlflow.runName';
/** The tag in which clients before 3.0 list the models of a run. */
export const modelHistoryTag = 'mlflow.log-model.history';

const keyLimit = 250;
const paramLimit = 6000;
export const tagLimit = 8000;

export const runNotFound = (runId: string): MlflowError => notFound(`Run with id=${runId} not found`);

export const runNotActive = (runId: string, stage: string): MlflowError =>
  invalidParameter(`The run ${runId} must be in the 'active' state. Current state is ${stage}.`);

/** @param stage that of the run, undefined where there is none. @throws unless it is active. */
export function requireActiveRun(runId: string, stage: string | undefined): asserts stage is string {
  if (stage === undefined) throw runNotFound(runId);
  if (stage !== 'active') throw runNotActive(runId, stage);
}

export function checkRunId(runId: string): void {
  if (!/^[a-zA-Z0-9][\p{L}\p{N}_-]{0,255}\n?$/u.test(runId)) throw invalidValue('run_id', runId);
}

/** A parameter as it is kept: its value cut at 6,000 characters, as MLflow does. */
export function readParam({ key = '', value = '' }: Sent, path = 'key'): Entry {
  checkKey(key, path);
  checkLength('Param key', keyLimit, key);
  return { key, value: truncate(value, paramLimit) };
}

/** A tag as it is kept: its value cut at 8,000 characters, as MLflow does. */
export function readTag({ key = '', value = '' }: Sent, path = 'key'): Entry {
  checkKey(key, path);
  checkLength(path, keyLimit, key);
  if (key === runNameTag) checkLength('run_name', keyLimit, value);
  return { key, value: truncate(value, tagLimit) };
}

/**
 * The tags of a request to set: the last of a key counts, an empty name is passed over, and they are sorted by key, so
 * that writers lock rows in one order.
 */
export function collectTags(tags: readonly Entry[]): Entry[] {
  const named = tags.filter(({ key, value }) => key !== runNameTag || value !== '');
  const byKey = new Map(named.map((tag) => [tag.key, tag]));
  return sortByKey([...byKey.values()]);
}

export const sortByKey = <T extends { readonly key: string }>(entries: readonly T[]): T[] =>
  entries.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));

/** The tags of a new run, which MLflow stores as they come, and with them its name. */
export function readNewTags(sent: readonly Sent[], runName: string, generateName: () => string) {
  const tags = sent.map(({ key = '', value = '' }) => ({ key, value }));
  const tagged = tags.find(({ key }) => key === runNameTag)?.value ?? '';
  if (runName && tagged && runName !== tagged)
    throw invalidParameter(
      "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values " +
        `(run_name='${runName}', mlflow.runName='${tagged}').`,
    );
  const name = runName || tagged || generateName();
  checkLength('run_name', keyLimit, name);
  for (const { key, value } of tags) {
    checkLength('key', keyLimit, key);
    checkLength('value', tagLimit, value);
  }
  return { name, tags: tagged ? tags : [...tags, { key: runNameTag, value: name }] };
}

/** How much one request may log; MLflow looks at it after the entries themselves. */
export function checkBatchLimits(metrics: number, params: number, tags: number): void {
  const limit = (what: string, most: number, found: number) => {
    if (found > most)
      throw invalidParameter(
        `A batch logging request can contain at most ${most} ${what}. Got ${found} ${what}. ` +
          `Please split up ${what} across multiple requests and try again.`,
      );
  };
  limit('metrics', 1000, metrics);
  limit('params', 100, params);
  limit('tags', 100, tags);
  limit('metrics, params, and tags', 1000, metrics + params + tags);
}

export function refuseRepeatedParams(params: readonly Entry[]): void {
  const seen = new Set<string>();
  const repeated = params.filter(({ key }) => seen.size === seen.add(key).size);
  if (repeated.length > 0)
    throw invalidParameter(
      `Duplicate parameter keys have been submitted: [${repeated.map(({ key }) => reprText(key)).join(', ')}]. ` +
        'Please ensure the request contains only one param value per param key.',
    );
}

/** A parameter that stands there with another value. */
export interface ParamConflict {
  readonly key: string;
  readonly old: string;
  readonly new: string;
}

export const paramChanged = (runId: string, conflict: ParamConflict): MlflowError =>
  invalidParameter(
    `Changing param values is not allowed. Param with key='${conflict.key}' was already logged with ` +
      `value='${conflict.old}' for run ID='${runId}'. Attempted logging new value '${conflict.new}'.`,
  );

export function paramsChanged(runId: string, conflicts: readonly ParamConflict[]): MlflowError {
  const list = conflicts.map(
    (one) =>
      `{'key': ${reprText(one.key)}, 'old_value': ${reprText(one.old)}, 'new_value': ${reprText(one.new)}}`,
  );
  return invalidParameter(
    `Changing param values is not allowed. Params were already logged='[${list.join(', ')}]' for run ID='${runId}'.`,
  );
}

export interface DatasetInput {
  readonly name: string;
  readonly digest: string;
  readonly sourceType: string;
  readonly source: string;
  readonly schema: string | undefined;
  readonly profile: string | undefined;
  readonly tags: readonly Entry[];
  /** In the request, from 0. */
  readonly place: number;
}

interface SentDatasetInput {
  readonly tags: readonly Sent[];
  readonly dataset?: {
    readonly name?: string;
    readonly digest?: string;
    readonly source_type?: string;
    readonly source?: string;
    readonly schema?: string;
    readonly profile?: string;
  };
}

/**
 * The data sets of a request; of those with the same name and digest the first counts. They are sorted, so that writers
 * lock rows in one order.
 */
export function readDatasetInputs(sent: readonly SentDatasetInput[]): DatasetInput[] {
  const byName = new Map<string, DatasetInput>();
  for (const [place, { dataset = {}, tags }] of sent.entries()) {
    const { name = '', digest = '', source_type: sourceType = '', source = '', schema, profile } = dataset;
    checkLength('name', 500, name);
    checkLength('digest', 36, digest);
    checkLength('source', 65_535, source);
    if (schema !== undefined) checkLength('schema', 1_048_575, schema);
    if (profile !== undefined) checkLength('profile', 16_777_215, profile);
    const inputTags = tags.map(({ key = '', value = '' }) => ({ key, value }));
    for (const { key, value } of inputTags) {
      checkLength('key', 255, key);
      checkLength('value', 500, value);
    }
    const id = JSON.stringify([name, digest]);
    if (!byName.has(id))
      byName.set(id, { name, digest, sourceType, source, schema, profile, tags: inputTags, place });
  }
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, input]) => input);
}

export const readModelId = (modelId = ''): string => {
  checkLength('model_id', 36, modelId);
  return modelId;
};

/** Our index that keeps a model's metric to one value at one time and step of a run, named as MLflow's key. */
export const modelMetricKey = 'logged_model_metrics_pk';

export const modelMetricTaken = (): MlflowError =>
  alreadyExists(`duplicate key value violates unique constraint "${modelMetricKey}"`);

/** The real server shows its database's complaint here. */
export const unknownModel = (modelId: string): MlflowError =>
  invalidParameter(`Logged model with ID '${modelId}' not found.`);
