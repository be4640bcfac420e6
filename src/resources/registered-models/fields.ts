import { invalidParameter } from '../../contract/error.ts';
import { reprSet } from '../../contract/python.ts';
import { ascending, type Ordering } from '../../search/order-by.ts';
import type { Comparison, Field, Grammar } from '../../search/parse.ts';

/** `registered-models/search`: `name` and tags (mlflow/utils/search_utils.py, SearchModelUtils). */

const text = ['=', '!=', 'LIKE', 'ILIKE'];

const name: Field = {
  takes: ['text', 'list'],
  wrongValue: (_, found) =>
    `Expected a quoted string value or a list of quoted string values for attributes. Got value ${found}`,
  comparators: [...text, 'IN', 'NOT IN'],
  wrongComparator: (comparator) => `Invalid comparator for attribute: ${comparator}`,
};

const tag: Field = {
  takes: ['text'],
  wrongValue: (_, found) => `Expected a quoted string value for tag (e.g. 'my-value'). Got value ${found}`,
  comparators: text,
  wrongComparator: (comparator) => `Invalid comparator for tag: ${comparator}`,
};

export const registeredModelFilter: Grammar = {
  types: new Map([
    ['attribute', 'attribute'],
    ['tag', 'tag'],
    ['tags', 'tag'],
  ]),
  wrongType: (type) => `Invalid entity type '${type}'. Valid entity types are ('attribute', 'tag', 'tags')`,
  quotedTypes: false,
  quotedAttributes: false,
  field: (type, key) => (type === 'tag' ? tag : key === 'name' ? name : undefined),
  wrongKey: (_, key) => `Invalid attribute key '${key}' specified. Valid keys are '{'name'}'`,
  aliases: new Map(),
  quotedPieces: false,
  anyCase: true,
  // The real server answers its 500 page.
  wrongNull: () => 'Invalid comparison clause. Expected 3 tokens found 2',
};

/** Keys: `name`, `last_updated_timestamp`, which `timestamp` stands for as well. */
export const registeredModelOrder: Ordering = {
  resolve(clause) {
    if (clause === 'name') return { type: 'attribute', key: 'name' };
    if (clause === 'timestamp' || clause === 'last_updated_timestamp') {
      return { type: 'attribute', key: 'last_updated_timestamp' };
    }
    const valid = reprSet(['name', 'timestamp']);
    throw invalidParameter(`Invalid order by key '${clause}' specified. Valid keys are '${valid}'`);
  },
  distinct: true,
  fallback: [],
  ties: [ascending('attribute', 'name')],
};

const promptKey = 'mlflow.prompt.is_prompt';

/**
 * Whether a search of models or versions asks for prompts. One that does not gets models only, and its filters on the tag
 * that marks prompts are dropped, since models do not carry it. Only the first of them is looked at, as in MLflow.
 */
export function splitPrompts(comparisons: readonly Comparison[]): {
  prompts: boolean;
  comparisons: readonly Comparison[];
} {
  const marks = (one: Comparison) => one.type === 'tag' && one.key === promptKey;
  const first = comparisons.find(marks);
  const value = String(first?.value).toLowerCase();
  const prompts =
    (first?.comparator === '=' && value === 'true') || (first?.comparator === '!=' && value === 'false');
  return { prompts, comparisons: prompts ? comparisons : comparisons.filter((one) => !marks(one)) };
}
