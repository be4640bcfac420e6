import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MlflowError } from '../contract/error.ts';
import { reprFloat } from '../contract/python.ts';
import { datasetOrder, parseDatasetFilter } from '../resources/datasets/fields.ts';
import { experimentFilter, experimentOrder } from '../resources/experiments/fields.ts';
import {
  type LoggedModelOrderBy,
  parseLoggedModelFilter,
  parseLoggedModelOrder,
} from '../resources/logged-models/fields.ts';
import { modelVersionFilter, modelVersionOrder } from '../resources/model-versions/fields.ts';
import { registeredModelFilter, registeredModelOrder } from '../resources/registered-models/fields.ts';
import { runFilter, runOrder } from '../resources/runs/fields.ts';
import { type Ordering, type OrderKey, parseOrderBy } from './order-by.ts';
import { type Comparison, type Grammar, parseFilter, type Value } from './parse.ts';

/** What MLflow made of the same texts (`record_filters.py`). */
interface Recorded<Given> {
  readonly given: Given;
  readonly result?: unknown;
  readonly error?: string;
  readonly crash?: string;
}
type Clauses = readonly (string & LoggedModelOrderBy)[];
const recorded: Record<string, { filters: Recorded<string>[]; orders: Recorded<Clauses>[] }> = JSON.parse(
  readFileSync(new URL('recorded.json', import.meta.url), 'utf8'),
);

interface Parsers {
  filter(text: string): Comparison[];
  order(clauses: Clauses): OrderKey[];
}
const parsers = (grammar: Grammar, ordering: Ordering): Parsers => ({
  filter: (text) => parseFilter(text, grammar),
  order: (clauses) => parseOrderBy(clauses, ordering),
});
const slices: Record<string, Parsers> = {
  'registered-models': parsers(registeredModelFilter, registeredModelOrder),
  'model-versions': parsers(modelVersionFilter, modelVersionOrder),
  experiments: parsers(experimentFilter, experimentOrder),
  runs: parsers(runFilter, runOrder),
  'logged-models': { filter: parseLoggedModelFilter, order: parseLoggedModelOrder },
  datasets: { filter: parseDatasetFilter, order: (clauses) => parseOrderBy(clauses, datasetOrder) },
};

describe.each(Object.keys(slices))('%s', (slice) => {
  const { filter, order } = slices[slice] as Parsers;
  const { filters, orders } = recorded[slice] as (typeof recorded)[string];

  test.each(filters)('filter $given', (one) => {
    expectSame(one, () => filter(one.given).map((c) => ({ ...c, value: encode(c.value) })));
  });

  test.each(orders)('order $given', (one) => {
    const name = ({ type, key }: OrderKey) =>
      slice === 'logged-models' && type === 'metric' ? 'metric_value' : key;
    expectSame(one, () => order(one.given).map((key) => [name(key), key.ascending]));
  });

  function expectSame(one: Recorded<unknown>, run: () => unknown): void {
    let found: unknown;
    try {
      found = { result: run() };
    } catch (error) {
      if (!(error instanceof MlflowError)) throw error;
      expect(error.code).toBe('INVALID_PARAMETER_VALUE');
      found = { error: sortSets(error.message) };
    }
    // What MLflow answers with 500 is refused in our words.
    if (one.crash) expect(found).toHaveProperty('error');
    else if (one.error !== undefined) expect(found).toEqual({ error: sortSets(one.error) });
    else expect(found).toEqual({ result: one.result });
  }
});

/** Python prints sets in any order. */
const sortSets = (message: string): string =>
  message.replace(/\{('[^{}]*')\}/g, (_, items: string) => `{${items.split(', ').sort().join(', ')}}`);

function encode(value: Value): unknown {
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === 'bigint') return { int: String(value) };
  return typeof value === 'number' ? { float: reprFloat(value) } : value;
}
