import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { refusalOf } from './graphql-limits.ts';

const refusal = (query: string, rootFields = 10, aliases = 10) =>
  refusalOf(parse(query, { noLocation: true }), { rootFields, aliases });

const nested = (levels: number) => `${'{ a '.repeat(levels)}${'}'.repeat(levels)}`;

test('ten levels are run, eleven are not', () => {
  expect(refusal(nested(10))).toBeUndefined();
  expect(refusal(nested(11))).toBe('Query exceeds maximum depth of 10');
  expect(refusal('{ ...A } fragment A on Query { a { ...A } }')).toBe('Query exceeds maximum depth of 10');
});

test('a thousand fields are run, more are not, however they are spread', () => {
  expect(refusal(`{ x { ${'a '.repeat(999)} } }`)).toBeUndefined();
  expect(refusal(`{ x { ${'a '.repeat(1000)} } }`)).toBe('Query exceeds maximum total selections of 1000');
  const doubled = Array.from(
    { length: 9 },
    (_, i) => `fragment F${i} on Q { a { ...F${i + 1} } b { ...F${i + 1} } }`,
  );
  expect(refusal(`{ ...F0 } ${doubled.join(' ')} fragment F9 on Q { a b }`)).toBe(
    'Query exceeds maximum total selections of 1000',
  );
});

test('fields at the root count over all queries of the document', () => {
  expect(refusal('{ a b }', 2)).toBeUndefined();
  expect(refusal('query A { a b } query B { c ... { d } }', 3)).toBe(
    'GraphQL queries should have at most 3 root fields, got 4 root fields. To increase the limit, set the ' +
      'MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS environment variable.',
  );
});

test('aliases count by level, together with those of fragments', () => {
  expect(refusal('{ a: x { b: y } }', 10, 1)).toBeUndefined();
  expect(refusal('{ a: x ...F ...F ... { c: x } } fragment F on Q { b: x ...F }', 10, 2)).toBe(
    'GraphQL queries should have at most 2 aliases, got 3 aliases. To increase the limit, set the ' +
      'MLFLOW_SERVER_GRAPHQL_MAX_ALIASES environment variable.',
  );
});
