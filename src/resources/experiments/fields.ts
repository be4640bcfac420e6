import { invalidParameter } from '../../contract/error.ts';
import { readInteger, reprFloat, reprSet } from '../../contract/python.ts';
import { ascending, descending, type Ordering } from '../../search/order-by.ts';
import { type Field, type Grammar, resolveIdentifier, type Value } from '../../search/parse.ts';

/** `experiments/search` (mlflow/utils/search_utils.py, SearchExperimentsUtils). Comparators are upper case only. */

const keys = ['name', 'experiment_id', 'creation_time', 'last_update_time'];
const text = ['=', '!=', 'LIKE', 'ILIKE'];
const textAndList = reprSet([...text, 'IN', 'NOT IN']);

const name: Field = {
  takes: ['text'],
  wrongValue: (kind, found) =>
    kind === 'list'
      ? "Only ['experiment_id'] attributes support comparison with a list of quoted string values."
      : `Expected a quoted string value for attributes. Got value ${found}`,
  comparators: text,
  wrongComparator: (comparator) => `Invalid comparator '${comparator}' not one of '${textAndList}'`,
};

function readExperimentId(id: string): bigint {
  const number = readInteger(id);
  if (number !== undefined) return number;
  throw invalidParameter(`Invalid experiment ID '${id}'. Experiment ID must be a valid integer.`);
}

const experimentId: Field = {
  ...name,
  takes: ['text', 'list'],
  comparators: ['=', '!=', 'IN', 'NOT IN'],
  wrongComparator: (comparator) => `Invalid comparator for experiment_id: ${comparator}`,
  read: (value) => (Array.isArray(value) ? value.map(readExperimentId) : readExperimentId(String(value))),
};

const time = (key: string): Field => ({
  takes: ['number'],
  wrongValue: (_, found) => `Expected numeric value type for numeric attribute: ${key}. Found ${found}`,
  comparators: ['=', '!=', '<', '<=', '>', '>='],
  // MLflow names the comparators of text here, and leaves the quote open.
  wrongComparator: (comparator) => `Invalid comparator '${comparator}' not one of '${textAndList}`,
  read(value: Value): Value {
    if (typeof value !== 'number') return value;
    throw invalidParameter(`Invalid value for numeric attribute '${key}': '${reprFloat(value)}'`);
  },
});

const tag: Field = {
  takes: ['text'],
  wrongValue: (_, found) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${found}`,
  comparators: text,
  wrongComparator: (comparator) => `Invalid comparator for tag: ${comparator}`,
};

const attributes = new Map<string, Field>([
  ['name', name],
  ['experiment_id', experimentId],
  ['creation_time', time('creation_time')],
  ['last_update_time', time('last_update_time')],
]);

export const experimentFilter: Grammar = {
  types: new Map([
    ['attribute', 'attribute'],
    ['tag', 'tag'],
    ['tags', 'tag'],
  ]),
  wrongType: (type) => `Invalid entity type '${type}'. Valid entity types are ('attribute', 'tag', 'tags')`,
  quotedTypes: false,
  quotedAttributes: true,
  field: (type, key) => (type === 'tag' ? tag : attributes.get(key)),
  wrongKey: (_, key) => `Invalid attribute key '${key}' specified. Valid keys are '${reprSet(keys)}'`,
  aliases: new Map(),
  quotedPieces: false,
  anyCase: false,
  wrongNull: (type, key) =>
    type === 'tag'
      ? undefined
      : `IS NULL / IS NOT NULL is only supported for tags, not for attribute '${key}'`,
};

/** Keys: the attributes. Missing values sort as in Postgres: last where ascending, first where descending. */
export const experimentOrder: Ordering = {
  resolve(clause) {
    const { type, key } = resolveIdentifier(clause, experimentFilter);
    if (type !== 'attribute') throw invalidParameter(`Invalid order_by entity: ${type}`);
    return { type, key };
  },
  distinct: false,
  fallback: [descending('attribute', 'creation_time'), ascending('attribute', 'experiment_id')],
  ties: [descending('attribute', 'experiment_id')],
};
