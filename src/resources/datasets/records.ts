import { createHash } from 'node:crypto';
import { invalidParameter } from '../../contract/error.ts';
import { dumpText } from '../../contract/python.ts';
import {
  dumps,
  dumpsSorted,
  isFalsy,
  isPyObject,
  type PyObject,
  type PyValue,
  pyText,
  pyType,
} from '../../contract/python-json.ts';
import { columnText, readJson, userTag } from './rules.ts';

/** A record as it is stored; JSON is text. */
export interface RecordRow {
  readonly recordId: string;
  readonly inputs: string;
  readonly outputs: string | null;
  readonly expectations: string | null;
  readonly tags: string;
  readonly source: string | null;
  readonly sourceId: string | null;
  readonly createdAt: bigint;
  readonly updatedAt: bigint;
  readonly createdBy: string | null;
  readonly updatedBy: string | null;
}

/** The text in which clients read records: a list of JSON as Python writes it. */
export const renderRecords = (datasetId: string, rows: readonly RecordRow[]): string =>
  `[${rows.map((row) => renderRecord(datasetId, row)).join(', ')}]`;

function renderRecord(datasetId: string, row: RecordRow): string {
  const sourceType = /^\{"source_type": ("[A-Z]+")/.exec(row.source ?? '')?.[1] ?? null;
  const fields: [string, string | null][] = [
    ['dataset_record_id', dumpText(row.recordId)],
    ['dataset_id', dumpText(datasetId)],
    ['inputs', row.inputs],
    ['expectations', row.expectations],
    ['tags', row.tags],
    ['source', row.source],
    ['source_id', dumpTextOrNull(row.sourceId)],
    ['source_type', sourceType],
    ['created_time', String(row.createdAt)],
    ['last_update_time', String(row.updatedAt)],
    ['created_by', dumpTextOrNull(row.createdBy)],
    ['last_updated_by', dumpTextOrNull(row.updatedBy)],
    ['outputs', row.outputs],
  ];
  const known = fields.filter(([, value]) => value !== null);
  return `{${known.map(([name, value]) => `"${name}": ${value}`).join(', ')}}`;
}

const dumpTextOrNull = (text: string | null): string | null => (text === null ? null : dumpText(text));

/** What a record takes from a request where there is none with its inputs. JSON is text, null where there is none. */
export interface NewRecord {
  readonly outputs: string | null;
  readonly expectations: string | null;
  readonly tags: string;
  readonly source: string | null;
  readonly sourceId: string | null;
  readonly createdBy: string | null;
  readonly updatedBy: string | null;
}

/** What it takes where there is one; undefined changes nothing. The new values of single keys count. */
export interface RecordChange {
  readonly outputs: string | null | undefined;
  readonly expectations: string | undefined;
  readonly tags: string | undefined;
  readonly updatedBy: string | undefined;
}

/** All that a request says of the record with these inputs. */
export interface SentRecord {
  readonly inputs: string;
  readonly inputHash: string;
  readonly added: NewRecord;
  readonly changed: RecordChange;
}

export interface SentRecords {
  /** In the order in which they were sent, each once. */
  readonly records: readonly SentRecord[];
  /** How many there were, those with the same inputs, too. */
  readonly count: number;
  /** Who the last record that says so is from. */
  readonly updatedBy: string | null;
  /** As `schemaOf` gives it; null where there was no record. */
  readonly schema: Schema | null;
}

/**
 * The records of a request.
 *
 * @throws INVALID_PARAMETER_VALUE, BAD_REQUEST
 */
export function readRecords(text: string): SentRecords {
  const sent = readJson('records', text);
  const list = isPyObject(sent) && sent.size === 0 ? [] : sent;
  if (!Array.isArray(list))
    throw invalidParameter(`Parameter 'records' must hold a JSON list, not a ${pyType(sent)}.`);
  const byHash = new Map<string, SentRecord>();
  for (const record of list.map(readRecord)) {
    const hash = createHash('sha256').update(dumpsSorted(record.inputs)).digest('hex');
    const first = byHash.get(hash);
    byHash.set(hash, first ? followed(first, record) : alone(record, hash));
  }
  const users = list.map(userOf).filter((user) => user !== undefined);
  return {
    records: [...byHash.values()],
    count: list.length,
    updatedBy: columnText(users.at(-1)),
    schema: list.length > 0 ? schemaOf(list) : null,
  };
}

interface ReadRecord {
  readonly inputs: PyObject;
  /** Undefined where the record says nothing of outputs. */
  readonly outputs: PyValue | undefined;
  readonly expectations: PyObject | undefined;
  readonly tags: PyObject | undefined;
  readonly source: Source | undefined;
}

function readRecord(record: PyValue): ReadRecord {
  if (!isPyObject(record))
    throw invalidParameter(`Each of the records must be a JSON object, not a ${pyType(record)}.`);
  if (record.get('inputs') === null) throw invalidParameter('inputs must be provided');
  const outputs = record.get('outputs');
  if (isPyObject(outputs)) checkKeys(outputs);
  if (outputs !== undefined) checkFinite(outputs);
  return {
    inputs: readFields(record, 'inputs') ?? new Map(),
    outputs,
    expectations: readFields(record, 'expectations'),
    tags: readFields(record, 'tags'),
    source: readSource(record.get('source')),
  };
}

function readFields(record: PyObject, name: string): PyObject | undefined {
  const fields = record.get(name);
  if (fields === undefined || fields === null) return undefined;
  if (!isPyObject(fields))
    throw invalidParameter(`Attribute '${name}' does not accept objects of type <class '${pyType(fields)}'>`);
  if (name === 'inputs') checkKeys(fields);
  else checkTexts(fields);
  checkFinite(fields);
  return fields;
}

/** Postgres joins what was there with what comes, key by key, and holds neither of these in a text. */
function checkText(text: string): void {
  if (text.includes('\0') || !text.isWellFormed())
    throw invalidParameter('A string literal cannot contain NUL (0x00) characters.');
}

const checkKeys = (fields: PyObject): void => [...fields.keys()].forEach(checkText);

/** Of expectations and tags, which are joined whole; of inputs and outputs only the types are, by their keys. */
function checkTexts(value: PyValue): void {
  if (typeof value === 'string') checkText(value);
  if (isPyObject(value)) {
    checkKeys(value);
    for (const item of value.values()) checkTexts(item);
  } else if (Array.isArray(value)) value.forEach(checkTexts);
}

/** NaN and infinities are no JSON to Postgres, here and in MLflow. */
function checkFinite(value: PyValue): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw invalidParameter('invalid input syntax for type json');
  if (isPyObject(value)) for (const item of value.values()) checkFinite(item);
  else if (Array.isArray(value)) value.forEach(checkFinite);
}

const userOf = (record: PyValue): PyValue | undefined => {
  const tags = isPyObject(record) ? record.get('tags') : undefined;
  return isPyObject(tags) ? tags.get(userTag) : undefined;
};

function alone(record: ReadRecord, inputHash: string): SentRecord {
  const { outputs = new Map(), expectations, tags, source } = record;
  const user = columnText(tags?.get(userTag));
  return {
    inputs: dumps(record.inputs),
    inputHash,
    added: {
      outputs: dumpsOrNull(outputs),
      expectations: expectations ? dumps(expectations) : null,
      tags: dumps(tags ?? new Map()),
      source: source ? dumps(source.value) : null,
      sourceId: source?.id ?? null,
      createdBy: user,
      updatedBy: user,
    },
    changed: changeBy(record),
  };
}

function changeBy({ outputs, expectations, tags }: ReadRecord): RecordChange {
  return {
    outputs: outputs === undefined ? undefined : dumpsOrNull(outputs),
    expectations: isFalsy(expectations) ? undefined : dumps(expectations as PyObject),
    tags: isFalsy(tags) ? undefined : dumps(tags as PyObject),
    updatedBy: columnText(tags?.get(userTag)) ?? undefined,
  };
}

const dumpsOrNull = (value: PyValue): string | null => (value === null ? null : dumps(value));

/** A record whose inputs were there earlier in the request, changed by what comes later. */
function followed(first: SentRecord, record: ReadRecord): SentRecord {
  const next = changeBy(record);
  const { added, changed } = first;
  const outputs = (before: string | null | undefined) => (next.outputs === undefined ? before : next.outputs);
  return {
    ...first,
    added: {
      ...added,
      outputs: outputs(added.outputs) ?? null,
      expectations: joined(added.expectations, next.expectations) ?? null,
      tags: joined(added.tags, next.tags) ?? added.tags,
      updatedBy: next.updatedBy ?? added.updatedBy,
    },
    changed: {
      outputs: outputs(changed.outputs),
      expectations: joined(changed.expectations, next.expectations) ?? undefined,
      tags: joined(changed.tags, next.tags) ?? undefined,
      updatedBy: next.updatedBy ?? changed.updatedBy,
    },
  };
}

/** Two objects as text: the keys of the first in their place, the values of the second. */
function joined(first: string | null | undefined, second: string | undefined): string | null | undefined {
  if (!first || !second) return second ?? first;
  const [a, b] = [first, second].map((text) => readJson('records', text) as PyObject) as [PyObject, PyObject];
  return dumps(new Map([...a, ...b]));
}

const sourceTypes = ['UNSPECIFIED', 'TRACE', 'HUMAN', 'DOCUMENT', 'CODE'];

interface Source {
  readonly value: PyObject;
  readonly id: string | null;
}

/** Where a record comes from: `{"source_type": "TRACE", "source_data": {"trace_id": …}}`. */
function readSource(source: PyValue | undefined): Source | undefined {
  if (source === undefined || isFalsy(source)) return undefined;
  if (!isPyObject(source))
    throw invalidParameter(`The source of a record must be a JSON object, not a ${pyType(source)}.`);
  const unknown = [...source.keys()].find((key) => key !== 'source_type' && key !== 'source_data');
  if (unknown !== undefined) throw invalidParameter(`The source of a record has no field '${unknown}'.`);
  const given = source.get('source_type');
  if (given === undefined) throw invalidParameter("The source of a record has no 'source_type'.");
  const type = pyText(given).toUpperCase();
  if (!sourceTypes.includes(type))
    throw invalidParameter(
      `Invalid dataset record source type: ${type}. ` +
        `Valid source types: [${sourceTypes.map((one) => `'${one}'`).join(', ')}]`,
    );
  const data = source.get('source_data') ?? new Map<string, PyValue>();
  if (!isPyObject(data))
    throw invalidParameter(`The data of a record's source must be a JSON object, not a ${pyType(data)}.`);
  checkFinite(data);
  const id = columnText(data.get(type === 'TRACE' ? 'trace_id' : 'source_id'));
  return {
    value: new Map<string, PyValue>([
      ['source_type', type],
      ['source_data', data],
    ]),
    id,
  };
}

/** JSON. */
export interface Schema {
  /** `{"inputs": {"question": "string"}, "outputs": …, "expectations": …, "version": "1.0"}` */
  readonly whole: string;
  /** What is added to outputs that had fields before, where the whole may have one type for them all. */
  readonly outputFields: string;
}

/**
 * The type of each field that the records have, by its first value. The first outputs that are no object make one type
 * of all, unless fields came before.
 */
function schemaOf(records: readonly PyValue[]): Schema {
  const inputs = new Map<string, PyValue>();
  const expectations = new Map<string, PyValue>();
  const outputFields = new Map<string, PyValue>();
  let outputType: string | undefined;
  for (const record of records.filter(isPyObject)) {
    addTypes(inputs, record.get('inputs'));
    addTypes(expectations, record.get('expectations'));
    const outputs = record.get('outputs') ?? null;
    if (outputs !== null && !isPyObject(outputs) && outputFields.size === 0) outputType ??= typeName(outputs);
    addTypes(outputFields, outputs);
  }
  const whole = new Map<string, PyValue>([
    ['inputs', inputs],
    ['outputs', outputType ?? outputFields],
    ['expectations', expectations],
    ['version', '1.0'],
  ]);
  return { whole: dumps(whole), outputFields: dumps(outputFields) };
}

function addTypes(types: Map<string, PyValue>, fields: PyValue | undefined): void {
  if (!isPyObject(fields)) return;
  for (const [key, value] of fields) if (!types.has(key)) types.set(key, typeName(value));
}

const typeNames: Readonly<Record<string, string>> = {
  NoneType: 'null',
  bool: 'boolean',
  int: 'integer',
  float: 'float',
  str: 'string',
  list: 'array',
  dict: 'object',
};

const typeName = (value: PyValue): string => typeNames[pyType(value)] as string;
