/**
 * JSON as Python's `json` module reads and writes it, for values that come as text and go as text: keys keep their
 * order, integers are of any size and apart from floats, so that 1 stays 1 and 1.0 stays 1.0.
 */
import { dumpText, reprFloat, reprText } from './python.ts';

/** An int of Python is a bigint, a float a number. */
export type PyValue = null | boolean | string | bigint | number | readonly PyValue[] | PyObject;
export type PyObject = ReadonlyMap<string, PyValue>;

export const isPyObject = (value: PyValue | undefined): value is PyObject => value instanceof Map;

/** Python refuses integers of more digits. */
const mostDigits = 4300;

const space = /[ \t\n\r]*/y;
const word = /null|true|false|NaN|-?Infinity/y;
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python refuses them in strings, too
const string = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;

const words: ReadonlyMap<string, PyValue> = new Map<string, PyValue>([
  ['null', null],
  ['true', true],
  ['false', false],
  ['NaN', Number.NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/**
 * `json.loads(text)`.
 *
 * @param deepest how many lists and objects may stand in each other.
 * @throws SyntaxError for what is no JSON, RangeError for what nests deeper.
 */
export function loads(text: string, deepest: number): PyValue {
  let at = 0;

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  }

  function takeSign(sign: string): boolean {
    take(space);
    if (text[at] !== sign) return false;
    at++;
    return true;
  }

  function readString(): string {
    const found = take(string);
    if (!found) throw new SyntaxError(`no string at ${at}`);
    return JSON.parse(found[0]);
  }

  function readNumber(): bigint | number {
    const found = take(number);
    if (!found) throw new SyntaxError(`no value at ${at}`);
    const [source, fraction, exponent] = found;
    if (fraction !== undefined || exponent !== undefined) return Number(source);
    if (source.length > mostDigits) throw new SyntaxError('too many digits');
    return BigInt(source);
  }

  function readList(depth: number): PyValue[] {
    const list: PyValue[] = [];
    if (takeSign(']')) return list;
    do list.push(readValue(depth));
    while (takeSign(','));
    if (!takeSign(']')) throw new SyntaxError(`no end of the list at ${at}`);
    return list;
  }

  function readObject(depth: number): PyObject {
    const object = new Map<string, PyValue>();
    if (takeSign('}')) return object;
    do {
      take(space);
      const key = readString();
      if (!takeSign(':')) throw new SyntaxError(`no colon at ${at}`);
      object.set(key, readValue(depth));
    } while (takeSign(','));
    if (!takeSign('}')) throw new SyntaxError(`no end of the object at ${at}`);
    return object;
  }

  function readValue(depth: number): PyValue {
    if (depth > deepest) throw new RangeError(`deeper than ${deepest}`);
    take(space);
    if (text[at] === '"') return readString();
    if (takeSign('{')) return readObject(depth + 1);
    if (takeSign('[')) return readList(depth + 1);
    const found = take(word);
    return found ? (words.get(found[0]) as PyValue) : readNumber();
  }

  const value = readValue(0);
  take(space);
  if (at < text.length) throw new SyntaxError(`more text at ${at}`);
  return value;
}

/** `json.dumps(value)`. */
export const dumps = (value: PyValue): string => write(value, (object) => [...object]);

/** `json.dumps(value, sort_keys=True)`. */
export const dumpsSorted = (value: PyValue): string =>
  write(value, (object) => [...object].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));

type Entries = (object: PyObject) => readonly (readonly [string, PyValue])[];

function write(value: PyValue, entriesOf: Entries): string {
  if (typeof value === 'string') return dumpText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? reprFloat(value) : String(value);
  if (isPyObject(value)) {
    const entries = entriesOf(value).map(([key, item]) => `${dumpText(key)}: ${write(item, entriesOf)}`);
    return `{${entries.join(', ')}}`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, entriesOf)).join(', ')}]`;
  return String(value);
}

/** `str(value)`. */
export const pyText = (value: PyValue): string => (typeof value === 'string' ? value : repr(value));

function repr(value: PyValue): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return reprText(value);
  if (typeof value === 'number') return reprFloat(value);
  if (isPyObject(value))
    return `{${[...value].map(([key, item]) => `${reprText(key)}: ${repr(item)}`).join(', ')}}`;
  return Array.isArray(value) ? `[${value.map(repr).join(', ')}]` : String(value);
}

/** The name of the value's type in Python. */
export function pyType(value: PyValue): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  return isPyObject(value) ? 'dict' : 'list';
}

/** Whether Python takes the value for false. */
export const isFalsy = (value: PyValue | undefined): boolean =>
  !value || (isPyObject(value) ? value.size === 0 : Array.isArray(value) && value.length === 0);
