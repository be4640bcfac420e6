import { expect, test } from 'vitest';
import { dumpText } from './python.ts';

test('text is dumped as by json.dumps', () => {
  expect(dumpText('a"é\n\u007f🎉')).toBe('"a\\"\\u00e9\\n\\u007f\\ud83c\\udf89"');
});
