import { expect, test } from 'vitest';
import { readStatements, TooLarge } from './tokens.ts';

test('a text of more than a million characters is refused', () => {
  const quoted = (length: number) => `'${'x'.repeat(length - 2)}'`;
  expect(readStatements(quoted(1_000_000))).toHaveLength(1);
  for (const length of [1_000_001, 30_000_000])
    expect(() => readStatements(quoted(length))).toThrow(TooLarge);
});
