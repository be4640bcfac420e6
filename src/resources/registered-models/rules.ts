import { checkKey, checkLength, invalidValue, lengthOf } from '../../contract/entity-key.ts';
import { invalidParameter, type MlflowError, notFound } from '../../contract/error.ts';
import { pathRefusal } from '../../contract/posix.ts';

/** The tag that makes a registered model, or a version, a prompt. */
export const promptTag = 'mlflow.prompt.is_prompt';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

const missing = (field: string): MlflowError =>
  invalidParameter(`Missing value for required parameter '${field}'.`);

export const modelNotFound = (name: string): MlflowError =>
  notFound(`Registered Model with name=${name} not found`);

/** A name may hold anything but `/` and `:`, and must be no path that leads elsewhere (`.`, `..`). */
export function checkModelName(name: string | undefined, field = 'name'): asserts name is string {
  if (name === undefined || name.trim() === '') throw missing(field);
  if (/[/:]/.test(name))
    throw invalidParameter(`Invalid model name '${name}'. Names cannot contain '/' or ':'.`);
  const refusal = pathRefusal(name);
  if (refusal) throw invalidValue('name', name, refusal);
}

export function checkTagKey(key: string | undefined): asserts key is string {
  if (key === undefined) throw missing('key');
  checkKey(key, 'key');
}

const tagKeyLimit = 250;
const tagValueLimit = 100_000;
const promptTextTag = 'mlflow.prompt.text';

export function checkModelTag({ key, value }: Tag): void {
  checkTagKey(key);
  checkLength('key', tagKeyLimit, key);
  checkLength('value', tagValueLimit, value);
}

export function checkVersionTag({ key, value }: Tag): void {
  checkTagKey(key);
  checkLength('key', tagKeyLimit, key);
  if (key === promptTextTag && lengthOf(value) > tagValueLimit)
    throw invalidParameter(`Prompt text exceeds max length of ${tagValueLimit} characters.`);
  checkLength('value', tagValueLimit, value);
}

/** The tags of a request: the last value of a key wins; sorted by key, so that writers lock rows in one order. */
export function collectTags(tags: readonly { key?: string; value?: string }[]): Tag[] {
  const byKey = new Map(tags.map(({ key = '', value = '' }) => [key, value]));
  return [...byKey].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1));
}

export const isPrompt = (tags: readonly Tag[]): boolean =>
  tags.some(({ key, value }) => key === promptTag && value.toLowerCase() === 'true');

export function checkAlias(alias: string | undefined): asserts alias is string {
  if (!alias) throw invalidParameter('Registered model alias name cannot be empty.');
  if (!/^[\p{L}\p{N}_-]*\n?$/u.test(alias))
    throw invalidParameter(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_), and dashes (-).`,
    );
  checkLength('Registered model alias name', 255, alias);
}

/** What an alias may not be called, because a model URI would read it as something else. */
export function checkAliasNotReserved(alias: string): void {
  if (alias.toLowerCase() === 'latest')
    throw invalidParameter("'latest' alias name (case insensitive) is reserved.");
  if (/^[vV]\d+$/.test(alias)) throw invalidParameter(`Version alias name '${alias}' is reserved.`);
}
