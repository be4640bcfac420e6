import { expect, test } from 'vitest';
import { memberOf, partsOf } from './json-text.ts';

test('an object falls into its members, a list into its elements', () => {
  expect(partsOf('{"a" : 1, "b":[1, {"c" : 2}],"d" : {}}')).toEqual([
    '"a" : 1',
    '"b":[1, {"c" : 2}]',
    '"d" : {}',
  ]);
  expect(partsOf(' [{"a" : 1}, [2, 3], "x"] ')).toEqual(['{"a" : 1}', '[2, 3]', '"x"']);
  expect([partsOf('{}'), partsOf('[ ]'), partsOf('[""]')]).toEqual([[], [], ['""']]);
});

test('what stands in a string divides nothing', () => {
  const awkward = ['a,b', '"', '\\', '\\"', '{[', '}]', '"version" : "7"', 'ü\u2028\n'];
  expect(partsOf(JSON.stringify(awkward)).map((text) => JSON.parse(text))).toEqual(awkward);
  const parts = partsOf(JSON.stringify(Object.fromEntries(awkward.map((text) => [text, text]))));
  expect(parts).toHaveLength(awkward.length);
});

test('a member is found by its whole name', () => {
  const parts = partsOf('{"tags_of" : 1, "tags" : [":"], "a" : "tags"}');
  expect(memberOf(parts, 'tags')).toBe('[":"]');
  expect(memberOf(parts, 'a')).toBe('"tags"');
  expect(memberOf(parts, 'b')).toBeUndefined();
});
