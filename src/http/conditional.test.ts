import { describe, expect, test } from 'vitest';
import { wanted } from './conditional.ts';

const modified = Date.UTC(2026, 10, 27, 13, 0, 5, 678);
const identity = { size: 10, etag: 'e1', modified };
const ask = (headers: Record<string, string>, size = 10) =>
  wanted((name) => headers[name], { ...identity, size });
const date = (ms: number) => new Date(ms).toUTCString();

describe('Range', () => {
  test.each([
    ['bytes=0-3', 0, 3],
    ['bytes=0-0', 0, 0],
    ['bytes=5-', 5, 9],
    ['bytes=-3', 7, 9],
    ['bytes=-30', 0, 9],
    ['bytes=8-100', 8, 9],
    ['BYTES= 1 - 2 ', 1, 2],
  ])('%s', (Range, start, end) => {
    expect(ask({ Range })).toEqual({ status: 206, range: { start, end } });
  });

  test.each(['bytes=10-', 'bytes=20-30', 'bytes=-0'])('%s is behind the end', (Range) => {
    expect(ask({ Range })).toEqual({ status: 416 });
  });

  test.each(['bytes=0-1,4-5', 'bytes=3-1', 'bytes=abc', 'bytes=-', 'lines=0-1', ''])(
    '%j means the whole',
    (Range) => {
      expect(ask({ Range })).toEqual({ status: 200 });
    },
  );

  test('an empty file has none', () => {
    for (const Range of ['bytes=0-', 'bytes=-5']) expect(ask({ Range }, 0)).toEqual({ status: 416 });
  });

  test.each([
    ['"e1"', 206],
    ['"e2"', 200],
    ['W/"e1"', 200],
    [date(modified), 206],
    [date(modified + 1000), 200],
  ])('If-Range: %s', (value, status) => {
    expect(ask({ Range: 'bytes=0-1', 'If-Range': value }).status).toBe(status);
  });
});

test.each([
  [{ 'If-None-Match': '"e1"' }, 304],
  [{ 'If-None-Match': 'W/"e1"' }, 304],
  [{ 'If-None-Match': '"x", "e1"' }, 304],
  [{ 'If-None-Match': '*' }, 304],
  [{ 'If-None-Match': '"x"' }, 200],
  [{ 'If-None-Match': '"x"', 'If-Modified-Since': date(modified) }, 200],
  [{ 'If-None-Match': '"e1"', Range: 'bytes=0-1' }, 304],
  [{ 'If-Modified-Since': date(modified) }, 304],
  [{ 'If-Modified-Since': date(modified - 1000) }, 200],
  [{ 'If-Modified-Since': 'yesterday' }, 200],
  [{ 'If-Match': '"e1"' }, 200],
  [{ 'If-Match': '"x"' }, 412],
  [{ 'If-Unmodified-Since': date(modified) }, 200],
  [{ 'If-Unmodified-Since': date(modified - 1000) }, 412],
  [{}, 200],
])('%j is %d', (headers, status) => {
  expect(ask(headers).status).toBe(status);
});
