import { invalidParameter } from '../../contract/error.ts';
import { readInteger, reprFloat, reprSet, reprText } from '../../contract/python.ts';
import { ascending, descending, type Ordering } from '../../search/order-by.ts';
import { type Field, type Grammar, resolveIdentifier, type Value } from '../../search/parse.ts';

/** `model-versions/search` (mlflow/utils/search_utils.py, SearchModelVersionUtils). */

const text = ['=', '!=', 'LIKE', 'ILIKE'];
const numeric = ['=', '!=', '<', '<=', '>', '>='];
const filterKeys = ['name', 'version_number', 'run_id', 'source_path'];
const orderKeys = ['name', 'version_number', 'creation_timestamp', 'last_updated_timestamp'];

function wrongAttributeValue(kind: string, found: string): string {
  if (kind === 'list') {
    return "Only ['name', 'run_id'] attributes support comparison with a list of quoted string values.";
  }
  if (kind === 'number') {
    const numbers = reprSet(['version_number', 'creation_timestamp', 'last_updated_timestamp']);
    return `Only the '${numbers}' attributes support comparison with numeric values.`;
  }
  return `Expected a quoted string value or a list of quoted string values for attributes. Got value ${found}`;
}

const sourcePath: Field = {
  takes: ['text'],
  wrongValue: wrongAttributeValue,
  comparators: text,
  wrongComparator: (comparator) => `Invalid comparator for attribute: ${comparator}`,
};

const listed: Field = { ...sourcePath, takes: ['text', 'list'], comparators: [...text, 'IN', 'NOT IN'] };

const version: Field = {
  takes: ['text', 'number'],
  wrongValue: wrongAttributeValue,
  comparators: numeric,
  wrongComparator: (comparator) => `Invalid comparator for attribute version_number: ${comparator}`,
  read(value: Value): Value {
    const number = typeof value === 'string' ? readInteger(value) : value;
    if (typeof number === 'bigint') return number;
    const shown = typeof value === 'number' ? reprFloat(value) : reprText(String(value));
    throw invalidParameter(`Invalid value for numeric attribute 'version_number': ${shown}`);
  },
};

const tag: Field = {
  takes: ['text'],
  wrongValue: (_, found) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${found}`,
  comparators: text,
  wrongComparator: (comparator) => `Invalid comparator for tag: ${comparator}`,
};

const attributes = new Map<string, Field>([
  ['name', listed],
  ['run_id', listed],
  ['source_path', sourcePath],
  ['version_number', version],
]);

export const modelVersionFilter: Grammar = {
  types: new Map([
    ['attribute', 'attribute'],
    ['tag', 'tag'],
    ['tags', 'tag'],
  ]),
  wrongType: (type) => `Invalid entity type '${type}'. Valid entity types are ('attribute', 'tag', 'tags')`,
  quotedTypes: false,
  quotedAttributes: false,
  field: (type, key) => (type === 'tag' ? tag : attributes.get(key)),
  wrongKey: (_, key) => `Invalid attribute key '${key}' specified. Valid keys are '${reprSet(filterKeys)}'`,
  aliases: new Map(),
  quotedPieces: false,
  anyCase: true,
  // The real server answers its 500 page.
  wrongNull: () => 'Invalid comparison clause. Expected 3 tokens found 2',
};

/** Keys: `name`, `version_number`, `creation_timestamp`, `last_updated_timestamp`. */
export const modelVersionOrder: Ordering = {
  resolve(clause) {
    // `tags.name` orders by name in MLflow: the type is read and then forgotten.
    const { key } = resolveIdentifier(clause, {
      ...modelVersionFilter,
      quotedAttributes: true,
      field: (type, key) => (type === 'tag' || orderKeys.includes(key) ? tag : undefined),
      wrongKey: (_, key) =>
        `Invalid attribute key '${key}' specified. Valid keys are '${reprSet(orderKeys)}'`,
    });
    if (orderKeys.includes(key)) return { type: 'attribute', key };
    throw invalidParameter(`Invalid order by key '${key}' specified. Valid keys are ${reprSet(orderKeys)}`);
  },
  distinct: true,
  fallback: [
    descending('attribute', 'last_updated_timestamp'),
    ascending('attribute', 'name'),
    descending('attribute', 'version_number'),
  ],
  ties: [ascending('attribute', 'name'), descending('attribute', 'version_number')],
};
