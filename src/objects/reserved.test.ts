import { expect, test } from 'vitest';
import { refuseReserved } from './reserved.ts';

test.each([
  '.tabularium',
  '.tabularium/pinned/x/MLmodel',
  'a/.tabularium/b',
  './.tabularium',
  'a//.tabularium-more',
  '.Tabularium/x',
  '.TABULARIUM',
  '.tabu\u200blarium/x',
  '\ufeff.tabularium',
  '\uff0etabularium',
  '.ｔabularium',
  'TABULA~1/x',
])('%j is refused', (path) => {
  expect(() => refuseReserved(path)).toThrow(
    expect.objectContaining({
      code: 'INVALID_PARAMETER_VALUE',
      message: expect.stringContaining("server's own"),
    }),
  );
});

test.each(['', 'tabularium', 'a.tabularium', '0/run/.tab', 'tabula/~1'])('%j is not', (path) => {
  expect(() => refuseReserved(path)).not.toThrow();
});
