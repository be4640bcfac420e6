import { expect, test } from 'vitest';
import { batchOf, readPoint } from './rules.ts';

const point = (key: string, value: number, step = 0, timestamp = 0, more: object = {}) =>
  readPoint({ key, value, step: BigInt(step), timestamp: BigInt(timestamp), ...more });

test('a batch is in order of keys, times and steps, and knows the place of each key', () => {
  const [a, b, c, d] = [
    point('b', 1, 1, 2),
    point('a', 2, 9),
    point('b', 3, 2, 1),
    point('a', 4, 1),
  ] as const;
  const { keys, points, places } = batchOf([a, b, c, d]);
  expect({ keys, points, places }).toEqual({ keys: ['a', 'b'], points: [d, b, c, a], places: [1, 1, 2, 2] });
});

test('the latest of each key is the greatest by step, time and value', () => {
  const sent = [point('m', 9), point('m', 1, 2, 1), point('m', 5, 2), point('m', 2, 2, 1), point('n', -1)];
  expect(batchOf(sent).latest).toEqual([sent[3], sent[4]]);
});

test('a NaN ranks as the 0 that it is stored as', () => {
  const sent = [point('m', Number.NaN), point('m', -1)];
  expect(batchOf(sent).latest).toEqual([sent[0]]);
});

test('a point that is sent twice is one, but not that of another model', () => {
  const sent = [
    point('m', 1),
    point('m', 1, 0, 0, { model_id: 'm-1' }),
    point('m', 1, 0, 0, { dataset_name: 'd', dataset_digest: '1' }),
    point('m', Number.NaN),
    point('m', 0),
  ];
  expect(batchOf(sent).points).toEqual([sent[4], sent[3], sent[0], sent[1]]);
});

test('no points are an empty batch', () => {
  expect(batchOf([])).toEqual({ keys: [], points: [], places: [], latest: [] });
});
