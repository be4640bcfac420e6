/**
 * Protobuf's reading of one JSON value that is no message. Facts: `_ConvertScalarFieldValue` and its helpers in
 * `google/protobuf/json_format.py`; Python's `int` and `float` decide what a text may look like.
 */
import { invalidParameter } from '../contract/error.ts';
import { readFloat, readInteger } from '../contract/python.ts';
import { enums, type Field } from '../generated/messages.ts';
import { isObject } from './json.ts';
import { normalDuration, normalFieldMask, normalTimestamp } from './well-known.ts';

/** Protobuf refuses the value. It never leaves the codec. */
export class ParseError extends Error {}

/** An enum name that is not known: protobuf passes over the value. */
export const unknownEnum = Symbol('unknown enum');

const ranges = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/** The value in the type of the field, or `unknownEnum`. Throws `ParseError`. `depth` is that of the message around it. */
export function readScalar(field: Field, value: unknown, depth: number): unknown {
  switch (field.type) {
    case 'string':
    case 'bytes':
      if (typeof value === 'string' && value.isWellFormed()) return value;
      throw new ParseError();
    case 'bool':
      if (typeof value === 'boolean') return value;
      throw new ParseError();
    case 'int32':
    case 'uint32':
      return Number(readInt(field.type, value));
    case 'int64':
    case 'uint64':
      return readInt(field.type, value);
    case 'double':
    case 'float':
      return readDouble(field, value);
    case 'enum':
      return readEnum(field, value);
    case 'value':
      return readValue(value, depth + 1);
    case 'timestamp':
      return normal(normalTimestamp, value);
    case 'duration':
      return normal(normalDuration, value);
    case 'fieldmask':
      return normal(normalFieldMask, value);
    default:
      throw new Error(`${field.type} is no scalar`);
  }
}

function readInt(type: keyof typeof ranges, value: unknown): bigint {
  // What most send; comparing bigints takes longer.
  if (type === 'int64' && Number.isSafeInteger(value)) return BigInt(value as number);
  const [least, most] = ranges[type];
  const number = integerOf(value);
  if (number === undefined || number < least || number > most) throw new ParseError();
  return number;
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string' || value.includes(' ')) return undefined;
  const number = readFloat(value);
  return readInteger(value) ?? (Number.isInteger(number) ? BigInt(number as number) : undefined);
}

function readDouble(field: Field, value: unknown): number {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (Number.isFinite(number)) return number;
    throw overflow(field, number);
  }
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  // `NaN` and the infinities are taken as text only, and `nan` not even so.
  const number = typeof value === 'string' && value !== 'nan' ? readFloat(value) : undefined;
  if (number === undefined) throw new ParseError();
  return number;
}

/** Python stops here with an error that MLflow answers with 500. */
const overflow = ({ name }: Field, value: unknown) =>
  invalidParameter(`Invalid value ${value} for parameter '${name}' supplied.`);

function readEnum(field: Field, value: unknown): string | typeof unknownEnum {
  const names = enums[field.of ?? ''] ?? {};
  if (value === Infinity || value === -Infinity) throw overflow(field, value);
  if (typeof value === 'string' && Object.hasOwn(names, value)) return value;
  const number = enumNumber(value);
  if (number === undefined) return unknownEnum;
  const found = Object.keys(names).find((name) => names[name] === number);
  if (found === undefined) throw new ParseError();
  return found;
}

/** Undefined for a text that is no number. Python cuts the fraction of a float here. */
function enumNumber(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const number = readInteger(value);
    return number === undefined ? undefined : Number(number);
  }
  if (Number.isNaN(value)) return undefined;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return Number(value);
  throw new ParseError();
}

/** google.protobuf.Value: any JSON, all numbers doubles; a list or object in it counts as two messages. */
function readValue(value: unknown, depth: number): unknown {
  if (depth > 100) throw new ParseError();
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null && depth + 1 > 100) throw new ParseError();
  if (Array.isArray(value)) return value.map((item) => readValue(item, depth + 2));
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, readValue(item, depth + 2)]));
  }
  return value;
}

function normal(read: (text: string) => string | undefined, value: unknown): string {
  const text = typeof value === 'string' ? read(value) : undefined;
  if (text === undefined) throw new ParseError();
  return text;
}
