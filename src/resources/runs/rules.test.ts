import { expect, test } from 'vitest';
import { appendToUri } from '../../contract/artifact-uri.ts';
import { randomName } from '../../contract/random-name.ts';
import { readModelSummary } from './model-history.ts';
import { checkBatchLimits, collectTags, readNewTags, readParam, readTag } from './rules.ts';

test.each([
  ['a,b', 'Invalid value "a,b" for parameter \'key\' supplied: Names may only contain alphanumerics'],
  ['é"', 'Invalid value "\\u00e9\\"" for parameter'],
  ['a/../b', "This name would resolve to 'b'"],
  ['/a', "This name would resolve to '/a'"],
  ['', "This name would resolve to '.'"],
])('the key %j is refused', (key, message) => {
  expect(() => readTag({ key, value: '' })).toThrow(message);
});

test('keys of any script, with a line end as Python allows it', () => {
  expect(readTag({ key: 'é ü/名:1.-_\n', value: 'v' })).toEqual({ key: 'é ü/名:1.-_\n', value: 'v' });
});

test('long values are cut at characters, not at halves of them', () => {
  expect([...readParam({ key: 'k', value: '😀'.repeat(6001) }).value]).toHaveLength(6000);
  expect(readTag({ key: 'k', value: 'x'.repeat(8001) }).value).toHaveLength(8000);
});

test('the last of a key counts, and an empty name of the run none', () => {
  expect(
    collectTags([
      { key: 'b', value: '1' },
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
      { key: 'mlflow.runName', value: 'named' },
      { key: 'mlflow.runName', value: '' },
    ]),
  ).toEqual([
    { key: 'a', value: '1' },
    { key: 'b', value: '2' },
    { key: 'mlflow.runName', value: 'named' },
  ]);
});

test('the name of a new run', () => {
  const tag = { key: 'mlflow.runName', value: 'tagged' };
  expect(readNewTags([tag], '', () => 'made')).toEqual({ name: 'tagged', tags: [tag] });
  expect(readNewTags([], '', () => 'made').name).toBe('made');
  expect(() => readNewTags([tag], 'other', () => 'made')).toThrow(
    "(run_name='other', mlflow.runName='tagged')",
  );
  expect(randomName()).toMatch(/^[a-z]+-[a-z]+-\d{1,4}$/);
});

test('the limits of a batch', () => {
  expect(() => checkBatchLimits(1000, 0, 0)).not.toThrow();
  expect(() => checkBatchLimits(1000, 0, 1)).toThrow('at most 1000 metrics, params, and tags. Got 1001');
  expect(() => checkBatchLimits(0, 101, 0)).toThrow('at most 100 params. Got 101 params');
});

test.each([
  ['s3://b/c?q=1', 's3://b/c/x?q=1'],
  ['mlflow-artifacts:', 'mlflow-artifacts:/x'],
  ['mlflow-artifacts:/', 'mlflow-artifacts:/x'],
  ['/tmp/a?b', '/tmp/a?b/x'],
])('%s is continued as %s', (uri, continued) => {
  expect(appendToUri(uri, 'x')).toBe(continued);
});

test('what is remembered of a model is spaced as Python writes it', () => {
  const model = {
    run_id: 'r',
    artifact_path: 'é',
    utc_time_created: 't',
    flavors: { f: { a: [1, 2], config: 1 } },
  };
  expect(readModelSummary(JSON.stringify(model))).toBe(
    '{"run_id": "r", "artifact_path": "\\u00e9", "utc_time_created": "t", "model_uuid": null, "flavors": {"f": {"a": [1, 2]}}}',
  );
  expect(() => readModelSummary('{"run_id":"r","flavors":{},"artifact_path":""}')).toThrow(
    "{'utc_time_created'}",
  );
  expect(() => readModelSummary('[]')).toThrow('is not a valid JSON');
});
