import { invalidParameter } from '../../contract/error.ts';
import { reprSet } from '../../contract/python.ts';
import { ascending, descending, type Ordering } from '../../search/order-by.ts';
import { type Field, type FieldType, type Grammar, resolveIdentifier } from '../../search/parse.ts';

/** `runs/search` (mlflow/utils/search_utils.py, SearchUtils). */

const numeric = ['>', '>=', '!=', '=', '<', '<='];
const text = ['!=', '=', 'LIKE', 'ILIKE'];
const textAndList = [...text, 'IN', 'NOT IN'];
const textAndNull = [...text, 'IS NULL', 'IS NOT NULL'];

const textKeys = ['artifact_uri', 'run_id', 'run_name', 'status', 'user_id'];
const textAliases = ['run name', 'Run name', 'Run Name'];
const timeKeys = ['start_time', 'end_time'];
const timeAliases = ['created', 'Created'];
const datasetKeys = ['name', 'digest', 'context'];

/** MLflow closes the quote in some of these sentences only. */
const notOneOf = (comparators: readonly string[], close: "'" | '') => (comparator: string) =>
  `Invalid comparator '${comparator}' not one of '${reprSet(comparators)}${close}`;

const metric: Field = {
  takes: ['number'],
  wrongValue: (_, found) => `Expected numeric value type for metric. Found ${found}`,
  comparators: numeric,
  wrongComparator: notOneOf(numeric, ''),
  read: Number,
};

const keyed = (type: 'parameter' | 'tag', close: "'" | ''): Field => ({
  takes: ['text'],
  wrongValue: (_, found) =>
    `Expected a quoted string value for ${type} (e.g. 'my-value'). Got value ${found}`,
  comparators: text,
  wrongComparator: notOneOf(textAndNull, close),
});
const parameter = keyed('parameter', "'");
const tag = keyed('tag', '');

const textAttribute: Field = {
  takes: ['text'],
  wrongValue: (kind, found) =>
    kind === 'list'
      ? "Only ['run_id'] attributes support comparison with a list of quoted string values."
      : `Expected a quoted string value for attributes. Got value ${found}`,
  comparators: textAndList,
  wrongComparator: notOneOf(textAndList, "'"),
};

const time = (key: string): Field => ({
  takes: ['number'],
  wrongValue: (_, found) => `Expected numeric value type for numeric attribute: ${key}. Found ${found}`,
  comparators: numeric,
  // MLflow names the comparators of text here.
  wrongComparator: notOneOf(textAndList, ''),
});

const dataset: Field = {
  takes: ['text', 'list'],
  wrongValue: (_, found) => `Expected a quoted string value for dataset attributes. Got value ${found}`,
  comparators: textAndList,
  wrongComparator: notOneOf(textAndList, ''),
};

const attributes = new Map<string, Field>([
  ...[...textKeys, ...textAliases].map((key) => [key, textAttribute] as const),
  ...[...timeKeys, ...timeAliases].map((key) => [key, time(key)] as const),
  ['run_id', { ...textAttribute, takes: ['text', 'list'] }],
]);

function fieldOf(type: FieldType, key: string): Field | undefined {
  switch (type) {
    case 'attribute':
      return attributes.get(key);
    case 'dataset':
      return datasetKeys.includes(key) ? dataset : undefined;
    case 'metric':
      return metric;
    case 'parameter':
      return parameter;
    case 'tag':
      return tag;
  }
}

const wrongKey = (attributeKeys: readonly string[]) => (type: FieldType, key: string) =>
  `Invalid ${type} key '${key}' specified. ` +
  `Valid keys are '${reprSet(type === 'dataset' ? datasetKeys : attributeKeys)}'`;

/**
 * Keys of attributes in comparisons: `artifact_uri`, `run_id`, `run_name`, `status`, `user_id`, `start_time`, `end_time`.
 * A metric that is NaN fits `!=` and nothing else.
 */
export const runFilter: Grammar = {
  types: new Map<string, FieldType>([
    ...(['metric', 'metrics'] as const).map((name) => [name, 'metric'] as const),
    ...(['parameter', 'parameters', 'param', 'params'] as const).map((name) => [name, 'parameter'] as const),
    ...(['tag', 'tags'] as const).map((name) => [name, 'tag'] as const),
    ...(['attribute', 'attributes', 'attr', 'run'] as const).map((name) => [name, 'attribute'] as const),
    ...(['dataset', 'datasets'] as const).map((name) => [name, 'dataset'] as const),
  ]),
  wrongType: (type) =>
    `Invalid entity type '${type}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']`,
  quotedTypes: true,
  quotedAttributes: true,
  field: fieldOf,
  wrongKey: wrongKey([...textKeys, ...timeKeys, ...timeAliases, ...textAliases]),
  aliases: new Map([
    ...timeAliases.map((alias) => [alias, 'start_time'] as const),
    ...textAliases.map((alias) => [alias, 'run_name'] as const),
  ]),
  quotedPieces: true,
  anyCase: true,
  wrongNull: (type, key) =>
    type === 'tag' || type === 'parameter'
      ? undefined
      : `IS NULL / IS NOT NULL is only supported for tags and params, not for '${type}' '${key}'`,
};

const orderKeys = [...textKeys, ...timeKeys, ...timeAliases];

/** Runs without a value come last either way; of metrics, first the numbers, then NaN, then those without. */
export const runOrder: Ordering = {
  resolve(clause) {
    const { type, key } = resolveIdentifier(clause, {
      ...runFilter,
      field: (type, key) =>
        type !== 'attribute' || orderKeys.includes(key) ? fieldOf(type, key) : undefined,
      wrongKey: wrongKey(orderKeys),
    });
    if (type === 'dataset') throw invalidParameter("Invalid identifier type 'dataset'");
    return { type, key };
  },
  distinct: true,
  fallback: [],
  ties: [descending('attribute', 'start_time'), ascending('attribute', 'run_id')],
};
