import { expect, test } from 'vitest';
import { encode, encodeResponse } from './encode.ts';

test('unset fields, empty lists and what is not described are left out', () => {
  const version = { name: 'a', version: '1', tags: [], aliases: ['b'], description: undefined, secret: 'x' };
  expect(encodeResponse('getModelVersion', { model_version: version })).toBe(
    '{"model_version":{"name":"a","version":"1","aliases":["b"]}}',
  );
  expect(encodeResponse('deleteModelVersion', {})).toBe('{}');
});

test('values that are set are written, also zeros and empty texts', () => {
  const model = { name: '', creation_timestamp: 0n, last_updated_timestamp: 9223372036854775807n };
  expect(encode('RegisteredModel', model)).toBe(
    '{"name":"","creation_timestamp":0,"last_updated_timestamp":9223372036854775807}',
  );
});

test('doubles are written as Python writes them', () => {
  const write = (value: number) => encode('Metric', { value });
  expect([1, 0.1, -0, 1e16, 1e-5, 1e300].map(write)).toEqual(
    ['1.0', '0.1', '-0.0', '1e+16', '1e-05', '1e+300'].map((text) => `{"value":${text}}`),
  );
  expect([Number.NaN, Infinity, -Infinity].map(write)).toEqual(
    ['"NaN"', '"Infinity"', '"-Infinity"'].map((text) => `{"value":${text}}`),
  );
});

test('texts are escaped', () => {
  for (const value of ['"', '\\', '\n', '\u0000', 'é', '😀', '\ud800', 'plain']) {
    expect(encode('RegisteredModelTag', { key: value })).toBe(`{"key":${JSON.stringify(value)}}`);
  }
});

test('maps keep any key, and values of any type keep their form', () => {
  expect(encode('TraceInfoV3', { tags: JSON.parse('{"__proto__":"a","\\"":"b"}'), trace_metadata: {} })).toBe(
    '{"tags":{"__proto__":"a","\\"":"b"}}',
  );
  const value = [1, 'a', null, true, { b: 0.5 }];
  expect(encode('assessments.Feedback', { value })).toBe('{"value":[1.0,"a",null,true,{"b":0.5}]}');
  expect(encode('assessments.Feedback', { value: null })).toBe('{"value":null}');
});

test('zeros without presence are left out', () => {
  const span = { name: '', kind: 'SPAN_KIND_UNSPECIFIED', dropped_links_count: 0, start_time_unix_nano: 5n };
  expect(encode('opentelemetry.proto.trace.v1.Span', span)).toBe('{"start_time_unix_nano":5}');
});
