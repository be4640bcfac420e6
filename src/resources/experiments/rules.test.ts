import { expect, test } from 'vitest';
import { isStorable, parseExperimentId, readArtifactLocation } from './rules.ts';

const policy = { allowedHostAddressedSchemes: [], trustedArtifactUris: [] };
const read = (location: string) => readArtifactLocation(location, policy, '/srv/lab');

test.each([
  ['rel/path', '/srv/lab/rel/path'],
  ['./x', '/srv/lab/x'],
  ['rel//x/', '/srv/lab/rel/x'],
  ['rel/../x', '/srv/lab/rel/../x'],
  ['.', '/srv/lab'],
  ['~/x', '/srv/lab/~/x'],
  ['a%20b', '/srv/lab/a b'],
  ['file:rel/x', 'file:///srv/lab/rel/x'],
  ['file:', 'file:///srv/lab'],
  ['/abs/../x', '/abs/../x'],
  ['//host/x', '//host/x'],
  ['file:///abs/./x', 'file:///abs/./x'],
  ['file://localhost/x', 'file://localhost/x'],
  ['C:\\x', 'C:\\x'],
  ['s3://bucket/x', 's3://bucket/x'],
])('the location %s is kept as %s', (given, kept) => {
  expect(read(given)).toBe(kept);
});

test.each([
  ['file://elsewhere/x', 'file://elsewhere/x is not a valid remote uri'],
  ['runs:/x', 'Artifact location cannot be a runs:/ URI'],
  ['x'.repeat(2040), 'Invalid artifact path length'],
])('the location %s is refused', (given, sentence) => {
  expect(() => read(given)).toThrow(sentence);
});

test('an id is read as Python reads an integer', () => {
  expect(parseExperimentId(' +0_7 ')).toBe(7n);
  expect(isStorable(parseExperimentId('9'.repeat(30)))).toBe(false);
  expect(() => parseExperimentId('abc')).toThrow(
    "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.",
  );
});
