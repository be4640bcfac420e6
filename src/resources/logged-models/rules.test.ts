import { describe, expect, test } from 'vitest';
import { checkLength, checkName, lastOfEachKey, readEntries } from './rules.ts';

describe('a name', () => {
  test.each(['a/b', 'a:b', 'a.b', 'a%b', 'a"b', "it's"])('%s is refused', (name) => {
    expect(() => checkName(name)).toThrow(/^Invalid model name \(/);
  });

  test('is shown as Python would print it', () => {
    expect(() => checkName("it's")).toThrow(
      `Invalid model name ("it's") provided. Model name must be a non-empty string and cannot contain the following ` +
        `characters: ('/', ':', '.', '%', '"', "'")`,
    );
  });

  test('may be anything else', () => {
    expect(() => checkName('model (2) \\ é 🎉')).not.toThrow();
  });
});

test('lengths are counted in characters, not in halves of surrogate pairs', () => {
  expect(() => checkLength('source_run_id', '🎉'.repeat(32))).not.toThrow();
  expect(() => checkLength('source_run_id', 'x'.repeat(33))).toThrow(
    'value too long for type character varying(32)',
  );
});

test('tags come sorted by key, the last value of a key counts', () => {
  const entries = readEntries([
    { key: 'b', value: '1' },
    { key: 'a' },
    { key: 'b', value: '2' },
    { value: 'x' },
  ]);
  expect(lastOfEachKey(entries)).toEqual([
    { key: '', value: 'x' },
    { key: 'a', value: '' },
    { key: 'b', value: '2' },
  ]);
});
