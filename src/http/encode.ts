/**
 * Proto-JSON as MLflow writes it: snake case, unset fields and empty lists and maps left out, int64 as JSON
 * integers, NaN and the infinities as strings, enums by name.
 */

import { reprFloat } from '../contract/python.ts';
import { enums, type Field, messages } from '../generated/messages.ts';
import { type Rpcs, rpcs } from '../generated/rpcs.ts';

type Values = Readonly<Record<string, unknown>>;
type Write = (value: unknown) => string;

interface FieldWriter {
  readonly field: Field;
  /** `"name":` */
  readonly label: string;
  readonly write: Write;
}

const writers = new Map<string, readonly FieldWriter[]>();

/** The JSON text of the answer of an RPC. */
export const encodeResponse = (rpc: keyof Rpcs, response: object): string =>
  encode(rpcs[rpc].response, response);

/** The JSON text of a message, named as in `generated/messages.ts`. Fields that it does not describe are left out. */
export const encode = (message: string, value: object): string =>
  writeMessage(writersOf(message), value as Values);

function writeMessage(fields: readonly FieldWriter[], values: Values): string {
  let text = '';
  for (const { field, label, write } of fields) {
    const value = values[field.name];
    if (value === undefined || isEmpty(field, value)) continue;
    text += text === '' ? label : `,${label}`;
    if (field.many === 'list') text += writeList(value as readonly unknown[], write);
    else if (field.many === 'map') text += writeMap(value as Values, write);
    else text += write(value);
  }
  return `{${text}}`;
}

function writeList(items: readonly unknown[], write: Write): string {
  let text = '';
  for (const item of items) text += text === '' ? write(item) : `,${write(item)}`;
  return `[${text}]`;
}

function isEmpty(field: Field, member: unknown): boolean {
  if (field.many === 'list') return (member as unknown[]).length === 0;
  if (field.many === 'map') return Object.keys(member as Values).length === 0;
  return field.implicit === true && isZero(field, member);
}

function isZero(field: Field, member: unknown): boolean {
  return field.type === 'enum' ? enums[field.of ?? '']?.[member as string] === 0 : !member;
}

function writeMap(map: Values, write: Write): string {
  return `{${Object.entries(map)
    .map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`)
    .join(',')}}`;
}

function writersOf(message: string): readonly FieldWriter[] {
  let known = writers.get(message);
  if (known === undefined) {
    known = (messages[message] ?? []).map((field) => ({
      field,
      label: `${JSON.stringify(field.name)}:`,
      write: writerOf(field),
    }));
    writers.set(message, known);
  }
  return known;
}

function writerOf({ type, of = '' }: Field): Write {
  switch (type) {
    case 'message':
      return messageWriter(of);
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64':
    case 'bool':
      return String;
    case 'double':
    case 'float':
      return (value) => (Number.isFinite(value) ? reprFloat(value as number) : `"${value}"`);
    case 'value':
      return writeValue;
    default:
      return writeText;
  }
}

function messageWriter(message: string): Write {
  // Looked up when first used: messages may hold themselves.
  let fields: readonly FieldWriter[] | undefined;
  return (value) => {
    fields ??= writersOf(message);
    return writeMessage(fields, value as Values);
  };
}

// No quotes, backslashes, controls or surrogates.
const plain = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;

/** JSON.stringify costs more than looking for what it would have to escape. */
function writeText(value: unknown): string {
  return plain.test(value as string) ? `"${value}"` : JSON.stringify(value);
}

/** Any JSON; its numbers are doubles, written as Python does, with the `.0` that tells a client of the type. */
function writeValue(value: unknown): string {
  if (typeof value === 'number') return reprFloat(value);
  if (Array.isArray(value)) return `[${value.map(writeValue).join(',')}]`;
  return typeof value === 'object' && value !== null
    ? writeMap(value as Values, writeValue)
    : JSON.stringify(value);
}
