import { describe, expect, test } from 'vitest';
import { parseJson, parseJsonAsWritten, type WrittenNumber } from './json.ts';

describe('parseJson', () => {
  test('keeps integers that a number cannot hold', () => {
    expect(
      parseJson('[9007199254740993, -9223372036854775808, 9007199254740991, "9007199254740993"]'),
    ).toEqual([9007199254740993n, -9223372036854775808n, 9007199254740991, '9007199254740993']);
  });

  test('reads long fractions and exponents as numbers', () => {
    expect(parseJson('[0.1234567890123456789, 1234567890123456789.0, 1e300]')).toEqual([
      0.12345678901234568, 1234567890123456800, 1e300,
    ]);
  });

  test('reads the literals of Python, but not inside strings', () => {
    expect(parseJson('{"a": [NaN, Infinity, -Infinity], "b": "NaN \\" Infinity"}')).toEqual({
      a: [Number.NaN, Infinity, -Infinity],
      b: 'NaN " Infinity',
    });
  });

  test.each(['', '{', "{'a': 1}", '[1,]', 'nan', '[-NaN]', `[${'1'.repeat(4301)}]`])(
    '%j is no JSON',
    (text) => {
      expect(parseJson(text)).toBeUndefined();
    },
  );

  test('refuses nesting beyond 100 levels, and does not count brackets in strings', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(100))).toHaveLength(1);
    expect(() => parseJson(nested(101))).toThrow('must not nest deeper than 100 levels');
    expect(() => parseJson('{"a":'.repeat(100_000))).toThrow('must not nest deeper than 100 levels');
    expect(parseJson(JSON.stringify(`${'['.repeat(200)}\\"${'['.repeat(200)}`))).toHaveLength(402);
    expect(parseJson(`["\\\\", ${'[],'.repeat(200)} 1]`)).toHaveLength(202);
  });

  test('refuses more than 250,000 values, and does not count commas in strings', () => {
    const list = (items: number) => `[${Array(items).fill('0').join()}]`;
    expect(parseJson(list(250_000))).toHaveLength(250_000);
    expect(() => parseJson(list(250_001))).toThrow('must not hold more than 250000 values');
    expect(parseJson(JSON.stringify(','.repeat(250_001)))).toHaveLength(250_001);
  });

  // In a time that grows with the square of the length this takes an hour.
  test('looks through a long text that is no JSON once', () => {
    expect(parseJson(`{"name": "${'\\"'.repeat(1_000_000)}`)).toBeUndefined();
    expect(parseJson(`{"a": NaN, "name": "${'\\"'.repeat(1_000_000)}",}`)).toBeUndefined();
    expect(parseJson(`["${'x'.repeat(10_000_000)}", NaN]`)).toEqual(['x'.repeat(10_000_000), Number.NaN]);
  });
});

test('parseJsonAsWritten keeps how numbers were written', () => {
  const written = parseJsonAsWritten('[1.0, 1e5, NaN, -Infinity]') as WrittenNumber[];
  expect(written.map(({ source }) => source)).toEqual(['1.0', '1e5', 'NaN', '-1e999']);
  expect(parseJsonAsWritten('"1.0"')).toBe('1.0');
});
