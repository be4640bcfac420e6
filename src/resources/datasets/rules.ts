import { invalidParameter, MlflowError, notFound } from '../../contract/error.ts';
import {
  isPyObject,
  loads,
  type PyObject,
  type PyValue,
  pyText,
  pyType,
} from '../../contract/python-json.ts';

/** The tag, of a dataset or a record, that says who made it. */
export const userTag = 'mlflow.user';

export const datasetNotFound = (datasetId: string): MlflowError =>
  notFound(`Dataset '${datasetId}' not found`);

/** As in requests themselves (docs/decisions/0005). */
const deepest = 100;

/**
 * The JSON that stands in a text of a request.
 *
 * @throws INVALID_PARAMETER_VALUE for what is none, or nests too deep.
 */
export function readJson(field: string, text: string): PyValue {
  try {
    return loads(text, deepest);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw invalidParameter(`Parameter '${field}' is no JSON.`, { cause });
    if (cause instanceof RangeError)
      throw invalidParameter(`Parameter '${field}' must not nest deeper than ${deepest} levels.`, { cause });
    throw cause;
  }
}

/**
 * What a text column makes of a value. Booleans are those of SQL here.
 *
 * @throws BAD_REQUEST for an object.
 */
export function columnText(value: PyValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (isPyObject(value)) throw new MlflowError('BAD_REQUEST', "can't adapt type 'dict'");
  return typeof value === 'boolean' ? String(value) : pyText(value);
}

export interface Tag {
  readonly key: string;
  readonly value: string | null;
}

const byKey = (a: Tag, b: Tag): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

function readTagObject(text: string): PyObject {
  const tags = readJson('tags', text);
  if (!isPyObject(tags))
    throw invalidParameter(`Parameter 'tags' must hold a JSON object, not a ${pyType(tags)}.`);
  return tags;
}

/** The tags of a new dataset, by key, and who makes it; any JSON that Python takes for false is none. */
export function readNewTags(text: string | undefined): { tags: Tag[]; user: string | null } {
  if (!text || /^\s*(?:null|false|\[\s*\]|""|-?0(?:\.0*)?)\s*$/.test(text)) return { tags: [], user: null };
  const object = readTagObject(text);
  const tags = [...object].map(([key, value]) => ({ key, value: columnText(value) }));
  return { tags: tags.sort(byKey), user: columnText(object.get(userTag)) };
}

/** Tags to set, by key: what is no text is written as Python prints it, null changes nothing. */
export function readTags(text: string): Tag[] {
  const tags = [...readTagObject(text)].filter(([, value]) => value !== null);
  return tags.map(([key, value]) => ({ key, value: pyText(value) })).sort(byKey);
}

/**
 * Says which of the experiments to add a dataset to is wrong.
 *
 * @param missing the first that does not exist.
 */
export function experimentRefusal(experimentIds: readonly string[], missing: string): MlflowError {
  const noInteger = experimentIds.find((id) => !/^\s*[+-]?\d+\s*$/.test(id));
  return noInteger === undefined
    ? notFound(`No Experiment with id=${missing}`)
    : new MlflowError('BAD_REQUEST', `invalid input syntax for type integer: "${noInteger}"`);
}

const mostResults = 50_000;

/** @throws INVALID_PARAMETER_VALUE unless the size of a page of datasets is from 1 to 50,000. */
export function checkPageSize(size: number): void {
  const refused = (value: number | 'None', reason: string) =>
    invalidParameter(`Invalid value ${value} for parameter 'max_results' supplied. It must be ${reason}`);
  if (size < 1) throw refused(size || 'None', 'a positive integer');
  if (size > mostResults) throw refused(size, `at most ${mostResults}`);
}

const usualRecords = 1000;

/** How many records a page has. */
export function readRecordLimit(size: number): number {
  if (size < 0) throw invalidParameter('LIMIT must not be negative');
  return size || usualRecords;
}

/** Where a page of records begins: behind this one. */
export interface RecordPlace {
  readonly createdAt: bigint;
  readonly recordId: string;
}

export const encodeRecordToken = ({ createdAt, recordId }: RecordPlace): string =>
  Buffer.from(`${createdAt}:${recordId}`).toString('base64');

export function decodeRecordToken(token: string | undefined): RecordPlace | undefined {
  if (!token) return undefined;
  const [, createdAt, recordId] = /^(\d{1,18}):(.*)$/s.exec(Buffer.from(token, 'base64').toString()) ?? [];
  if (createdAt === undefined || recordId === undefined)
    throw invalidParameter('Invalid page token, could not base64-decode');
  return { createdAt: BigInt(createdAt), recordId };
}
