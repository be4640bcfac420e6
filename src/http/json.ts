/** Reads request bodies as Python's `json.loads` does, with its integers of any size and its literals. */
import { invalidParameter } from '../contract/error.ts';
import { endOfString } from '../contract/json-text.ts';

export type JsonObject = Record<string, unknown>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A number as it was written, for error sentences: JavaScript cannot tell 1.0 from 1. */
export class WrittenNumber {
  readonly source: string;
  constructor(source: string) {
    this.source = source;
  }
}

/** JSON.parse overflows the stack at some thousands with a reviver; MLflow answers 500 from about 980 on. */
const deepest = 100;

/** A log-batch holds some thousands. A million empty lists take a second to read and more to repeat in a sentence. */
const mostValues = 250_000;

/** Where an integer may stand that is no safe one. Each value of a text with such a one is looked at by itself, which costs a multiple. */
const longInteger = /[-:,[\s](?:\d{17}|9\d{15})/;
const pythonLiteral = /-?Infinity|NaN/g;
// Sources that stand for the literals, which are no numbers of JSON: the first two overflow to what they mean.
const stands: Readonly<Record<string, string>> = { Infinity: '1e999', '-Infinity': '-1e999', NaN: '-0e999' };

type Reviver = (key: string, value: unknown, context: { source: string }) => unknown;

/**
 * The value of a JSON text: numbers as `number`, integers that it cannot hold as `bigint`, the literals NaN and
 * (-)Infinity as themselves. Undefined if the text is no JSON; throws INVALID_PARAMETER_VALUE if it nests too deep or
 * holds too many values.
 */
export function parseJson(text: string): unknown {
  const isRevived = longInteger.test(text);
  // A short text holds no excess of values, and what came of it is looked through faster than the text.
  const standard = isRevived || text.length > mostValues ? undefined : parseStandard(text);
  if (standard) {
    refuseDepth(standard.value, 1);
    return standard.value;
  }
  refuseExcess(text);
  return parse(text, exactNumber, isRevived);
}

function parseStandard(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The same of a text that this server has made, of any size. */
export const parseOwnJson = (text: string): unknown => parse(text, exactNumber, longInteger.test(text));

/** The same with every number as a `WrittenNumber`. */
export function parseJsonAsWritten(text: string): unknown {
  refuseExcess(text);
  return parse(text, writtenNumber, true);
}

function parse(text: string, reviver: Reviver, isRevived: boolean): unknown {
  try {
    return JSON.parse(text, isRevived ? (reviver as (key: string, value: unknown) => unknown) : undefined);
  } catch {
    const standard = withoutLiterals(text);
    return standard === text ? undefined : parse(standard, reviver, true);
  }
}

/** Replaces Python's literals outside of strings. One expression for both would look for the end of each quote anew. */
function withoutLiterals(text: string): string {
  let result = '';
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    result += text.slice(at, end).replace(pythonLiteral, (token) => stands[token] ?? token);
    at = quote < 0 ? end : endOfString(text, quote) + 1;
    if (at === 0) return text;
    result += text.slice(end, at);
  }
  return result;
}

const exactNumber: Reviver = (_key, value, { source }) => {
  if (typeof value !== 'number') return value;
  if (source === stands.NaN) return Number.NaN;
  if (Number.isSafeInteger(value) || !/^-?\d+$/.test(source)) return value;
  // Python refuses more digits, and with them the whole text.
  if (source.length > 4300) throw new SyntaxError('too many digits');
  return BigInt(source);
};

const writtenNumber: Reviver = (_key, value, { source }) =>
  typeof value === 'number' ? new WrittenNumber(source === stands.NaN ? 'NaN' : source) : value;

const tooDeep = () => invalidParameter(`The request body must not nest deeper than ${deepest} levels.`);

/** @param level that of the value, if it is a list or an object, from 1 on. */
function refuseDepth(value: unknown, level: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (level > deepest) throw tooDeep();
  if (Array.isArray(value)) for (const item of value) refuseDepth(item, level + 1);
  else for (const name in value) refuseDepth((value as JsonObject)[name], level + 1);
}

function refuseExcess(text: string): void {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      at = endOfString(text, at);
      if (at < 0) return;
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > deepest) throw tooDeep();
    } else if (char === 0x5d || char === 0x7d) {
      depth--;
    } else if (char === 0x2c && ++values > mostValues) {
      throw invalidParameter(`The request body must not hold more than ${mostValues} values.`);
    }
  }
}
