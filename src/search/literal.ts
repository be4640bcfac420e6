import { invalidParameter } from '../contract/error.ts';
import { reprFloat, reprText } from '../contract/python.ts';

type Literal = string | Raw | Tuple;
/** Anything that is no string: kept as Python would print it, since it is only ever shown in a refusal. */
interface Raw {
  readonly repr: string;
}
interface Tuple {
  readonly items: readonly Literal[];
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * The strings of the list of an IN comparison. MLflow reads it as a Python literal: `('a', "b")`, adjacent strings
 * join (`'it''s'` is `its`), backslashes escape, one element in parentheses is no tuple.
 */
export function readTextList(source: string): readonly string[] {
  const items = readItems(source);
  if (items.length === 0) {
    throw invalidParameter(
      'While parsing a list in the query, expected a non-empty list of string values, but got empty list',
    );
  }
  if (!items.every((item) => typeof item === 'string')) {
    throw invalidParameter(
      'While parsing a list in the query, expected string value, punctuation, or whitespace, ' +
        `but got different type in list: ${repr({ items })}`,
    );
  }
  return items;
}

/** The items of such a list, of any kind; what stands alone is the only one. */
export function readItems(source: string): readonly Literal[] {
  const literal = readLiteral(source);
  return isTuple(literal) ? literal.items : [literal];
}

const isTuple = (value: Literal): value is Tuple => typeof value === 'object' && 'items' in value;

function repr(value: Literal): string {
  if (typeof value === 'string') return reprText(value);
  if (!isTuple(value)) return value.repr;
  return `(${value.items.map(repr).join(', ')}${value.items.length === 1 ? ',' : ''})`;
}

/** What stands in `source`, which begins and ends with a parenthesis. Names, which MLflow answers with 500, are ill-formed. */
function readLiteral(source: string): Literal {
  let at = 0;

  function take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at = pattern.lastIndex;
    return match;
  }
  const skip = () => take(/(?:[\s\\]|#[^\n]*(?=\n))*/y);

  function value(): Literal {
    skip();
    if (take(/\(/y)) return parenthesis();
    if (/['"]/.test(source[at] ?? '')) return text();
    const word = take(/None|True|False/y);
    if (word) return { repr: word[0] };
    const number = take(/[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y);
    if (!number) throw illFormed();
    return { repr: /[.eE]/.test(number[0]) ? reprFloat(Number(number[0])) : String(BigInt(number[0])) };
  }

  function parenthesis(): Literal {
    const items: Literal[] = [];
    let tuple = false;
    skip();
    while (!take(/\)/y)) {
      if (items.length > 0 && !tuple) throw illFormed();
      items.push(value());
      skip();
      if (take(/,/y)) tuple = true;
      else if (source[at] !== ')') throw illFormed();
      skip();
    }
    const only = items[0];
    return only !== undefined && !tuple ? only : { items };
  }

  function text(): string {
    let joined = '';
    for (;;) {
      const quoted = take(/'((?:[^'\\\n]|\\[\s\S])*)'|"((?:[^"\\\n]|\\[\s\S])*)"/y);
      if (!quoted) throw illFormed();
      joined += unescaped(quoted[1] ?? quoted[2] ?? '');
      skip();
      if (!/['"]/.test(source[at] ?? '')) return joined;
    }
  }

  const literal = value();
  skip();
  if (at < source.length) throw illFormed();
  return literal;
}

const unescaped = (body: string): string =>
  body.replace(
    /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
    (whole, octal?: string, byte?: string, short?: string, long?: string, char?: string) => {
      if (octal) return String.fromCodePoint(Number.parseInt(octal, 8));
      const hex = byte ?? short ?? long;
      if (hex === undefined) return simpleEscapes[char ?? ''] ?? whole;
      const code = Number.parseInt(hex, 16);
      if (code > 0x10ffff) throw illFormed();
      return String.fromCodePoint(code);
    },
  );

const illFormed = () =>
  invalidParameter(
    'While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.',
  );
