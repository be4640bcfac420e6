import { invalidParameter } from '../../contract/error.ts';
import { reprFloat, reprSet } from '../../contract/python.ts';
import { descending, type Ordering } from '../../search/order-by.ts';
import {
  type Comparison,
  type Field,
  type Grammar,
  parseFilter,
  resolveIdentifier,
} from '../../search/parse.ts';

/** `datasets/search` (mlflow/utils/search_utils.py, SearchEvaluationDatasetsUtils). Comparators are upper case only. */

const numbers = ['=', '!=', '<', '<=', '>', '>='];
const text = ['=', '!=', 'LIKE', 'ILIKE'];

const textAttribute: Field = {
  takes: ['text'],
  wrongValue: (kind, found) =>
    kind === 'list'
      ? "Only ['name'] attributes support comparison with a list of quoted string values."
      : `Expected a quoted string value for attributes. Got value ${found}`,
  comparators: [...numbers, ...text, 'RLIKE'],
  wrongComparator: (comparator) => `Invalid comparator for string attribute: ${comparator}`,
};

const name: Field = {
  ...textAttribute,
  takes: ['text', 'list'],
  comparators: [...textAttribute.comparators, 'IN'],
  wrongList: "List values for 'name' are only supported with the IN comparator.",
};

const time = (key: string): Field => ({
  takes: ['number'],
  wrongValue: (_, found) => `Expected numeric value type for numeric attribute: ${key}. Found ${found}`,
  comparators: numbers,
  wrongComparator: (comparator) => `Invalid comparator for numeric attribute: ${comparator}`,
  read(value) {
    if (typeof value !== 'number') return value;
    throw invalidParameter(`Invalid value for numeric attribute '${key}': '${reprFloat(value)}'`);
  },
});

const wrongTagComparator = (comparator: string) => `Invalid comparator for tag: ${comparator}`;

const tag: Field = {
  takes: ['text'],
  wrongValue: (_, found) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${found}`,
  comparators: text,
  wrongComparator: wrongTagComparator,
};

const attributes = new Map<string, Field>([
  ['name', name],
  ['created_time', time('created_time')],
  ['last_update_time', time('last_update_time')],
  ['created_by', textAttribute],
  ['last_updated_by', textAttribute],
]);

const wrongKey = (key: string, keys: Iterable<string>) =>
  `Invalid attribute key '${key}' specified. Valid keys are: ${reprSet(keys)}`;

const datasetFilter: Grammar = {
  types: new Map([['tags', 'tag']]),
  wrongType: (type) => `Invalid identifier token '${type}' specified`,
  quotedTypes: false,
  quotedAttributes: false,
  field: (type, key) => (type === 'tag' ? tag : attributes.get(key)),
  wrongKey: (_, key) => wrongKey(key, attributes.keys()),
  aliases: new Map(),
  quotedPieces: false,
  anyCase: false,
  wrongNull: (type, key) =>
    type === 'tag'
      ? undefined
      : `IS NULL / IS NOT NULL is only supported for tags and params, not for '${type}' '${key}'`,
};

/** The comparisons of a filter. Throws `invalidParameter`. */
export function parseDatasetFilter(filter: string | undefined): Comparison[] {
  const comparisons = parseFilter(filter, datasetFilter);
  const onNull = comparisons.find(({ value }) => value === null);
  if (onNull) throw invalidParameter(wrongTagComparator(onNull.comparator));
  return comparisons;
}

const orderKeys = ['name', 'created_time', 'last_update_time'];

export const datasetOrder: Ordering = {
  resolve(clause) {
    const { type, key } = resolveIdentifier(clause, {
      ...datasetFilter,
      field: (type, key) => (type === 'tag' ? tag : orderKeys.includes(key) ? name : undefined),
      wrongKey: (_, key) => wrongKey(key, orderKeys),
    });
    if (type !== 'attribute') throw invalidParameter(`Invalid order_by entity: ${type}`);
    return { type, key };
  },
  distinct: false,
  fallback: [descending('attribute', 'created_time')],
  ties: [descending('attribute', 'dataset_id')],
};
