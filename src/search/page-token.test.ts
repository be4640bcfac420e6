import { expect, test } from 'vitest';
import { decodeLoggedModelToken, encodeLoggedModelToken } from '../resources/logged-models/fields.ts';
import { decodePageToken, encodePageToken, queryHash } from './page-token.ts';

const query = queryHash('runs', "metrics.a > 1 and tags.b = 'é'", ['name DESC']);

test('a token comes back as it went', () => {
  expect(decodePageToken(encodePageToken({ query, after: 20 }), query)).toBe(20);
  const after = ['name', '9007199254740993', null];
  expect(decodePageToken(encodePageToken({ query, after }), query)).toEqual(after);
});

test('no token is the first page', () => {
  expect(decodePageToken(undefined, query)).toBeUndefined();
  expect(decodePageToken('', query)).toBeUndefined();
});

test.each(['x', '%%%', 'bm90IGpzb24=', Buffer.from('[1]').toString('base64'), 'ÿ'])(
  '%s is no token',
  (token) => {
    expect(() => decodePageToken(token, query)).toThrow('Invalid page token, could not base64-decode');
  },
);

test('a token of another search is refused', () => {
  const token = encodePageToken({ query, after: 20 });
  expect(() => decodePageToken(token, queryHash('runs', ''))).toThrow('Invalid page token');
});

test('a token of logged models tells what differs', () => {
  const search = { experiment_ids: ['1', '2'], filter: "name = 'a'", order_by: [{ field_name: 'name' }] };
  const token = encodeLoggedModelToken(search, 50);
  expect(decodeLoggedModelToken(token, search)).toBe(50);
  expect(() => decodeLoggedModelToken(token, { ...search, experiment_ids: ['1'] })).toThrow(
    'Experiment IDs in the page token do not match the requested experiment IDs. ' +
      "Expected: ['1']. Found: ['1', '2']",
  );
  expect(() => decodeLoggedModelToken(token, { ...search, filter: undefined })).toThrow(
    'Filter string in the page token does not match the requested filter string. ' +
      "Expected: None. Found: name = 'a'",
  );
  expect(() => decodeLoggedModelToken(token, { ...search, order_by: [] })).toThrow(
    'Order by in the page token does not match the requested order by. Expected: None. ' +
      "Found: [{'field_name': 'name', 'ascending': True, 'dataset_name': None, 'dataset_digest': None}]",
  );
});
