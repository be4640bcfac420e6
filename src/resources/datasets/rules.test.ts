import { describe, expect, test } from 'vitest';
import {
  checkPageSize,
  decodeRecordToken,
  encodeRecordToken,
  experimentRefusal,
  readNewTags,
  readTags,
} from './rules.ts';

describe('tags', () => {
  test('of a new dataset are what a text column makes of them', () => {
    const text = '{"n": null, "mlflow.user": "ann", "f": 1.5, "b": true, "i": 5}';
    expect(readNewTags(text)).toEqual({
      user: 'ann',
      tags: [
        { key: 'b', value: 'true' },
        { key: 'f', value: '1.5' },
        { key: 'i', value: '5' },
        { key: 'mlflow.user', value: 'ann' },
        { key: 'n', value: null },
      ],
    });
    expect(() => readNewTags('{"a": {}}')).toThrow("can't adapt type 'dict'");
  });

  test.each([undefined, '', 'null', '[]', '{}', 'false', '0', '-0.0', '""', ' null '])(
    '%j is none',
    (text) => {
      expect(readNewTags(text)).toEqual({ tags: [], user: null });
    },
  );

  test('to set are written as Python prints them', () => {
    expect(readTags('{"t": true, "n": null, "o": {"a": [1.0]}, "e": ""}')).toEqual([
      { key: 'e', value: '' },
      { key: 'o', value: "{'a': [1.0]}" },
      { key: 't', value: 'True' },
    ]);
  });

  test.each(['[1]', '5', '"x"', '{', 'nothing'])('%j is refused', (text) => {
    expect(() => readNewTags(text)).toThrow("Parameter 'tags'");
    expect(() => readTags(text)).toThrow("Parameter 'tags'");
  });
});

test('what is wrong with experiments', () => {
  expect(experimentRefusal(['1', ' 2'], ' 2').message).toBe('No Experiment with id= 2');
  expect(experimentRefusal(['9', 'abc'], '9').message).toBe('invalid input syntax for type integer: "abc"');
});

test('the size of a page of datasets', () => {
  expect(() => checkPageSize(1)).not.toThrow();
  expect(() => checkPageSize(50_000)).not.toThrow();
  expect(() => checkPageSize(0)).toThrow('Invalid value None');
  expect(() => checkPageSize(-1)).toThrow('must be a positive integer');
  expect(() => checkPageSize(50_001)).toThrow('must be at most 50000');
});

test('a page of records begins behind a record', () => {
  const place = { createdAt: 1_700_000_000_000n, recordId: 'dr-1:2' };
  expect(decodeRecordToken(encodeRecordToken(place))).toEqual(place);
  expect(decodeRecordToken('')).toBeUndefined();
  for (const token of ['%%', 'abc', 'NQ==', Buffer.from('x:y').toString('base64')])
    expect(() => decodeRecordToken(token)).toThrow('Invalid page token');
});
