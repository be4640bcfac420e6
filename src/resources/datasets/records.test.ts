import { describe, expect, test } from 'vitest';
import { readRecords, renderRecords } from './records.ts';

const read = (records: unknown) => readRecords(JSON.stringify(records));
const schemaOf = (records: unknown) => JSON.parse(read(records).schema?.whole ?? 'null');

test('what a new record has, and what changes one that is there', () => {
  const [record] = read([{ inputs: { a: 1 } }]).records;
  expect(record).toMatchObject({
    inputs: '{"a": 1}',
    added: { outputs: '{}', expectations: null, tags: '{}', source: null, sourceId: null, createdBy: null },
    changed: { outputs: undefined, expectations: undefined, tags: undefined, updatedBy: undefined },
  });
  const [full] = read([
    {
      inputs: {},
      outputs: null,
      expectations: { e: 1 },
      tags: { 'mlflow.user': 'ann' },
      source: { source_type: 'trace', source_data: { trace_id: 'tr-1', source_id: 'no' } },
    },
  ]).records;
  expect(full).toMatchObject({
    added: {
      outputs: null,
      tags: '{"mlflow.user": "ann"}',
      source: '{"source_type": "TRACE", "source_data": {"trace_id": "tr-1", "source_id": "no"}}',
      sourceId: 'tr-1',
      createdBy: 'ann',
    },
    changed: { outputs: null, expectations: '{"e": 1}', updatedBy: 'ann' },
  });
});

test('records with the same inputs become one, whose later values count', () => {
  const { records, count, updatedBy } = read([
    { inputs: { a: 1, b: 2 }, outputs: 'x', expectations: { e: 1, f: 1 }, tags: { 'mlflow.user': 'ann' } },
    { inputs: { c: 1 } },
    { inputs: { b: 2, a: 1 }, expectations: { g: 2, e: 2 } },
  ]);
  expect([records.length, count, updatedBy]).toEqual([2, 3, 'ann']);
  const joined = { outputs: '"x"', expectations: '{"e": 2, "f": 1, "g": 2}', updatedBy: 'ann' };
  expect(records[0]).toMatchObject({ inputs: '{"a": 1, "b": 2}', added: joined, changed: joined });
});

test('the schema has the first type of each field', () => {
  expect(
    readRecords('[{"inputs": {"i": 1, "f": 1.0, "n": null}}, {"inputs": {"i": "x", "l": [], "o": {}}}]')
      .schema?.whole,
  ).toBe(
    '{"inputs": {"i": "integer", "f": "float", "n": "null", "l": "array", "o": "object"}, "outputs": {}, ' +
      '"expectations": {}, "version": "1.0"}',
  );
  expect(schemaOf([{ outputs: [1] }, { outputs: { a: 1 } }]).outputs).toBe('array');
  expect(schemaOf([{ outputs: { a: true } }, { outputs: 'x' }, { outputs: { b: 's' } }]).outputs).toEqual({
    a: 'boolean',
    b: 'string',
  });
  expect(read([{ outputs: [1] }, { outputs: { a: 1 } }]).schema?.outputFields).toBe('{"a": "integer"}');
  expect(read([]).schema).toBeNull();
});

describe('refused', () => {
  test.each<[string, string]>([
    ['5', "Parameter 'records' must hold a JSON list, not a int."],
    ['[', "Parameter 'records' is no JSON."],
    ['[null]', 'Each of the records must be a JSON object, not a NoneType.'],
    ['[{"inputs": null}]', 'inputs must be provided'],
    ['[{"inputs": 1.5}]', "Attribute 'inputs' does not accept objects of type <class 'float'>"],
    ['[{"tags": []}]', "Attribute 'tags' does not accept objects of type <class 'list'>"],
    ['[{"expectations": true}]', "Attribute 'expectations' does not accept objects of type <class 'bool'>"],
    ['[{"outputs": [1e400]}]', 'invalid input syntax for type json'],
    ['[{"expectations": {"a\\u0000": 1}}]', 'A string literal cannot contain NUL (0x00) characters.'],
    [
      '[{"expectations": {"a": [{"b": "\\ud800"}]}}]',
      'A string literal cannot contain NUL (0x00) characters.',
    ],
    ['[{"tags": {"\\ud800": "x"}}]', 'A string literal cannot contain NUL (0x00) characters.'],
    ['[{"source": {"source_type": 5}}]', 'Invalid dataset record source type: 5.'],
    [
      '[{"source": {"source_type": "CODE", "source_data": {"a": NaN}}}]',
      'invalid input syntax for type json',
    ],
  ])('%s', (records, message) => {
    expect(() => readRecords(records)).toThrow(message);
  });
});

test('rendered as Python writes them', () => {
  const row = {
    recordId: 'dr-1',
    inputs: '{"q": "\\u00e9"}',
    outputs: '[1]',
    expectations: null,
    tags: '{}',
    source: '{"source_type": "CODE", "source_data": {}}',
    sourceId: 'é',
    createdAt: 1n,
    updatedAt: 2n,
    createdBy: null,
    updatedBy: 'ann',
  };
  expect(renderRecords('d-1', [row])).toBe(
    '[{"dataset_record_id": "dr-1", "dataset_id": "d-1", "inputs": {"q": "\\u00e9"}, "tags": {}, ' +
      '"source": {"source_type": "CODE", "source_data": {}}, "source_id": "\\u00e9", "source_type": "CODE", ' +
      '"created_time": 1, "last_update_time": 2, "last_updated_by": "ann", "outputs": [1]}]',
  );
  expect(renderRecords('d-1', [])).toBe('[]');
});
