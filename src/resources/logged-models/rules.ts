import { lengthOf } from '../../contract/entity-key.ts';
import { invalidParameter, type MlflowError, notFound } from '../../contract/error.ts';
import { reprText } from '../../contract/python.ts';

/** The wire's LoggedModelStatus by its number, which is what is stored and what filters compare with. */
export const statuses = [
  'LOGGED_MODEL_STATUS_UNSPECIFIED',
  'LOGGED_MODEL_PENDING',
  'LOGGED_MODEL_READY',
  'LOGGED_MODEL_UPLOAD_FAILED',
] as const;

export const modelNotFound = (modelId: string): MlflowError =>
  notFound(`Logged model with ID '${modelId}' not found.`);

export const tagNotFound = (modelId: string, key: string): MlflowError =>
  notFound(`No tag with key ${reprText(key)} found for model with ID ${reprText(modelId)}.`);

const forbidden = ['/', ':', '.', '%', '"', "'"];

/** An empty name is none: the server makes one up. */
export function checkName(name: string): void {
  if (forbidden.some((char) => name.includes(char)))
    throw invalidParameter(
      `Invalid model name (${reprText(name)}) provided. Model name must be a non-empty string and cannot contain the ` +
        `following characters: (${forbidden.map(reprText).join(', ')})`,
    );
}

/** What MLflow's columns hold, in characters. Longer values fail there in its database, with the same sentence. */
const limits = { name: 500, model_type: 500, source_run_id: 32, key: 255 };

export function checkLength(field: keyof typeof limits, value: string): void {
  if (value.length > limits[field] && lengthOf(value) > limits[field])
    throw invalidParameter(`value too long for type character varying(${limits[field]})`);
}

export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** Tags or parameters as sent, sorted by key, so that writers lock rows in one order. */
export function readEntries(entries: readonly { key?: string; value?: string }[]): Entry[] {
  const read = entries.map(({ key = '', value = '' }) => ({ key, value }));
  for (const { key } of read) checkLength('key', key);
  return read.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** One entry a key, the last one sent. */
export const lastOfEachKey = (entries: readonly Entry[]): Entry[] => [
  ...new Map(entries.map((entry) => [entry.key, entry])).values(),
];
