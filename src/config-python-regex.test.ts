import { expect, test } from 'vitest';
import { pythonRegExp } from './config-python-regex.ts';

// What `re.search(pattern, text)` of Python finds.
test.each([
  ['^s3://', 's3://bucket', true],
  ['^s3://', 'xs3://bucket', false],
  ['(?i)^S3:', 's3:', true],
  ['(?i:S)3', 's3', true],
  ['(?P<a>x)-(?P=a)', 'x-x', true],
  ['(?P<a>x)-(?P=a)', 'x-y', false],
  ['[]a]+$', ']', true],
  ['^[^]a]$', ']', false],
  ['\\Aab\\Z', 'ab', true],
  ['\\Aab\\Z', 'ab\n', false],
  ['ab$', 'ab\n', true],
  ['ab$', 'ab\nc', false],
  ['(?m)ab$', 'ab\nc', true],
  ['^a{,2}$', 'aa', true],
  ['^a{,2}$', 'a{,2}', false],
  ['^[$]$', '$', true],
  ['a\\$b', 'a$b', true],
])('%s in %j', (pattern, text, found) => {
  expect(pythonRegExp(pattern).test(text)).toBe(found);
});

test.each(['(', '(?x)a', 'a++', '(?>a)', '(?L)a'])('%s has no counterpart', (pattern) => {
  expect(() => pythonRegExp(pattern)).toThrow(SyntaxError);
});
