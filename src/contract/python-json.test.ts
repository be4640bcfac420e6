import { expect, test } from 'vitest';
import { dumps, dumpsSorted, isFalsy, loads, type PyValue, pyText } from './python-json.ts';

const read = (text: string): PyValue => loads(text, 5);

test.each([
  ['{"2": 1, "1": 1.0, "a": -0, "b": -0.0}', '{"2": 1, "1": 1.0, "a": 0, "b": -0.0}'],
  [' [ 123456789012345678901234567890 , 1E5,1e22 ] ', '[123456789012345678901234567890, 100000.0, 1e+22]'],
  ['{"a":1,"b":2,"a":3}', '{"a": 3, "b": 2}'],
  ['"é\\ud83c\\udf89\\ud800\\u0000"', '"\\u00e9\\ud83c\\udf89\\ud800\\u0000"'],
  ['[NaN, -Infinity, 1e400]', '[NaN, -Infinity, Infinity]'],
  ['[true, false, null, [], {}, ""]', '[true, false, null, [], {}, ""]'],
])('%s is dumped as by Python', (text, dumped) => {
  expect(dumps(read(text))).toBe(dumped);
});

test('keys are sorted by code point', () => {
  expect(dumpsSorted(read('{"🎉": {"b": 1, "a": 2}, "\uffee": 2}'))).toBe(
    '{"\\uffee": 2, "\\ud83c\\udf89": {"a": 2, "b": 1}}',
  );
});

test.each([
  '',
  '{',
  '[1,]',
  '{"a" 1}',
  '{a: 1}',
  '01',
  '1.',
  '"\n"',
  "'a'",
  '[1] 2',
  'nul',
  '-',
  '9'.repeat(4301),
])('%j is no JSON', (text) => {
  expect(() => read(text)).toThrow(SyntaxError);
});

test('depth has an end', () => {
  expect(dumps(read('[[[[[1]]]]]'))).toBe('[[[[[1]]]]]');
  expect(() => read('[[[[[[1]]]]]]')).toThrow(RangeError);
});

test('values as Python prints them', () => {
  expect(pyText(read('["a", "b\'c", 1, null, {"x": 1.0}, true]'))).toBe(
    `['a', "b'c", 1, None, {'x': 1.0}, True]`,
  );
  expect(pyText('a')).toBe('a');
});

test('what is false', () => {
  expect(['0', '0.0', '""', 'null', 'false', '[]', '{}'].map(read).map(isFalsy)).toEqual(Array(7).fill(true));
  expect(['1', '"a"', 'true', '[0]', '{"a": 0}'].map(read).map(isFalsy)).toEqual(Array(5).fill(false));
});
