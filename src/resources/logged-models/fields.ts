import { invalidParameter } from '../../contract/error.ts';
import { readFloat, readInteger, reprList, reprSet, reprText } from '../../contract/python.ts';
import { readItems } from '../../search/literal.ts';
import { ascending, descending, type OrderKey, withTies } from '../../search/order-by.ts';
import { decodeToken, encodeToken } from '../../search/page-token.ts';
import {
  type Comparison,
  type FieldType,
  joinComparisons,
  readStatementsOr,
  scalar,
  storable,
  type Value,
} from '../../search/parse.ts';
import { isWord, type Token } from '../../search/tokens.ts';

/**
 * `logged-models/search`: a grammar of its own (mlflow/utils/search_logged_model_utils.py), and orders that are objects.
 * What MLflow answers with 500 or with its driver's words is refused in ours.
 */

const types = new Map<string, FieldType>([
  ['attributes', 'attribute'],
  ['metrics', 'metric'],
  ['params', 'parameter'],
  ['tags', 'tag'],
]);

const aliases = new Map([
  ['creation_time', 'creation_timestamp_ms'],
  ['creation_timestamp', 'creation_timestamp_ms'],
  ['last_updated_timestamp', 'last_updated_timestamp_ms'],
]);

const times = ['creation_timestamp_ms', 'last_updated_timestamp_ms'];
/** Columns of integers that the grammar takes for text: `status = '2'`. */
const integers = ['experiment_id', 'status'];
const texts = [
  ...['name', 'model_id', 'model_type', 'source_run_id', 'artifact_location'],
  ...['lifecycle_stage', 'status_message'],
];
const columns = [...texts, ...integers, ...times];

const numeric = ['<', '<=', '>', '>=', '=', '!='];
const textual = ['=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN'];

/** The comparisons of a filter. Keys of attributes are columns: `creation_timestamp_ms` for `creation_time`. */
export function parseLoggedModelFilter(filter: string | undefined): Comparison[] {
  if (!filter) return [];
  const refusal = `Invalid filter string: ${reprText(filter)}.`;
  const [statement, ...more] = readStatementsOr(filter, (reason) => `${refusal} SQLParseError('${reason}')`);
  if (!statement || more.length > 0) throw invalidParameter(`${refusal} Expected a single SQL expression.`);
  const comparisons: Comparison[] = [];
  for (const piece of joinComparisons(statement)) {
    if (piece.kind === 'comparison') {
      comparisons.push(readComparison(piece));
    } else if (!isWord(piece, 'AND')) {
      throw invalidParameter(
        `${refusal} Expected a list of comparisons separated by 'AND' ` +
          "(e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
      );
    }
  }
  return comparisons.map(fitColumn);
}

function readComparison(piece: Token): Comparison {
  const [left, middle, right] = piece.parts.filter(({ kind }) => kind !== 'space');
  if (!left || !middle || !right) {
    throw invalidParameter(`Invalid comparison: ${piece.text}. Expected a comparison with 3 tokens.`);
  }
  const { spelled, type, key } = readEntity(left.text);
  const comparator = middle.text.toUpperCase();
  const isTime = type === 'attribute' && times.includes(aliases.get(key) ?? key);
  const comparators = type === 'metric' || isTime ? numeric : textual;
  if (!comparators.includes(comparator)) {
    throw invalidParameter(
      `Invalid comparison operator for ${spelled}.${key}: ${reprText(comparator)}. ` +
        `Expected one of (${comparators.map(reprText).join(', ')}).`,
    );
  }
  return { type, key, comparator, value: comparators === numeric ? number(right.text) : text(right.text) };
}

/** What only the database finds in MLflow, and so after all the comparisons are read. */
function fitColumn({ type, key, comparator, value: read }: Comparison): Comparison {
  if (type === 'attribute' && !columns.includes(key)) {
    throw invalidParameter(`Invalid attribute key '${key}' specified. Valid keys are '${reprSet(columns)}'`);
  }
  const value = scalar(comparator, read);
  const isInteger = type === 'attribute' && integers.includes(key);
  return { type, key, comparator, value: isInteger ? integer(comparator, value) : value };
}

function readEntity(identifier: string): { spelled: string; type: FieldType; key: string } {
  const [, spelled, key = ''] = /^([a-z]+)\.(.+)$/.exec(identifier) ?? [];
  if (spelled === undefined) {
    return {
      spelled: 'attributes',
      type: 'attribute',
      key: strip(aliases.get(identifier) ?? identifier, '`'),
    };
  }
  const type = types.get(spelled);
  if (!type) {
    throw invalidParameter(
      `Invalid entity type: ${reprText(spelled)}. Expected one of ${reprList([...types.keys()])}.`,
    );
  }
  return { spelled, type, key: storable(strip(key, '`')) };
}

function number(written: string): number {
  const value = readFloat(written);
  if (value !== undefined) return value;
  throw invalidParameter(`could not convert string to float: ${reprText(written)}`);
}

function text(written: string): Value {
  // Only single quotes come off: `name = "a"` looks for a name in double quotes.
  if (!written.startsWith('(') || !written.endsWith(')')) return storable(strip(written, "'"));
  const items = readItems(written);
  if (!items.every((item) => typeof item === 'string')) {
    throw invalidParameter(`Invalid value ${written}: expected a list of quoted strings`);
  }
  return items.map(storable);
}

function integer(comparator: string, value: Value): Value {
  if (Array.isArray(value)) return value.map((one) => readIntegerText(String(one)));
  if (comparator === '=' || comparator === '!=') return readIntegerText(String(value));
  throw invalidParameter(`operator does not exist: integer ${comparator}`);
}

function readIntegerText(written: string): bigint {
  const value = readInteger(written);
  if (value !== undefined) return value;
  throw invalidParameter(`invalid input syntax for type integer: "${written}"`);
}

function strip(written: string, quote: string): string {
  let [from, to] = [0, written.length];
  while (from < to && written[from] === quote) from += 1;
  while (to > from && written[to - 1] === quote) to -= 1;
  return written.slice(from, to);
}

/** One clause on the wire (SearchLoggedModels.OrderBy). */
export interface LoggedModelOrderBy {
  readonly field_name?: string;
  readonly ascending?: boolean;
  readonly dataset_name?: string;
  readonly dataset_digest?: string;
}

/** The latest value of a metric, where a data set is named on that data set only. */
export interface LoggedModelOrderKey extends OrderKey {
  readonly datasetName?: string;
  readonly datasetDigest?: string;
}

const ties = [descending('attribute', 'creation_timestamp_ms'), ascending('attribute', 'model_id')];

/** The keys to order by, made total: columns and metrics. Models without a value come last either way. */
export function parseLoggedModelOrder(
  clauses: readonly LoggedModelOrderBy[] | undefined,
): LoggedModelOrderKey[] {
  return withTies((clauses ?? []).map(readOrder), ties);
}

function readOrder(clause: LoggedModelOrderBy): LoggedModelOrderKey {
  const { field_name: name = '', ascending = true } = clause;
  const dot = name.indexOf('.');
  if (dot < 0) {
    const key = aliases.get(name) ?? name;
    if (columns.includes(key)) return { type: 'attribute', key, ascending };
    throw invalidParameter(`Invalid order by field name: ${name}`, { errorClass: 'ATTRIBUTE_NOT_FOUND' });
  }
  if (name.slice(0, dot) !== 'metrics') {
    throw invalidParameter(`Invalid order by field name: ${name}. Only metrics are supported.`);
  }
  return {
    type: 'metric',
    key: storable(name.slice(dot + 1)),
    ascending,
    datasetName: clause.dataset_name || undefined,
    datasetDigest: clause.dataset_digest || undefined,
  };
}

export interface LoggedModelQuery {
  readonly experiment_ids: readonly string[];
  readonly filter?: string;
  readonly order_by?: readonly LoggedModelOrderBy[];
}

/** A page token holds its search, since MLflow's refusals show both. */
export function encodeLoggedModelToken(query: LoggedModelQuery, offset: number): string {
  return encodeToken({ ...shownQuery(query), offset });
}

/** The offset of the page; 0 for the first. Throws `invalidParameter` where the token is of another search. */
export function decodeLoggedModelToken(token: string | undefined, query: LoggedModelQuery): number {
  if (!token) return 0;
  const found = decodeToken(token);
  const expected = shownQuery(query);
  const parts = [
    ['experiment_ids', 'Experiment IDs', 'experiment IDs'],
    ['filter', 'Filter string', 'filter string'],
    ['order_by', 'Order by', 'order by'],
  ] as const;
  for (const [part, upper, lower] of parts) {
    if (found[part] === expected[part]) continue;
    throw invalidParameter(
      `${upper} in the page token do${part === 'experiment_ids' ? '' : 'es'} not match the requested ${lower}. ` +
        `Expected: ${expected[part]}. Found: ${found[part] ?? 'None'}`,
    );
  }
  const { offset } = found;
  if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw invalidParameter('Invalid page token, could not base64-decode');
}

/** The search as Python prints it. */
function shownQuery(query: LoggedModelQuery): Record<'experiment_ids' | 'filter' | 'order_by', string> {
  const shown = (value: string | undefined) => (value ? reprText(value) : 'None');
  const clauses = (query.order_by ?? []).map(
    (clause) =>
      `{'field_name': ${reprText(clause.field_name ?? '')}, ` +
      `'ascending': ${(clause.ascending ?? true) ? 'True' : 'False'}, ` +
      `'dataset_name': ${shown(clause.dataset_name)}, 'dataset_digest': ${shown(clause.dataset_digest)}}`,
  );
  return {
    experiment_ids: reprList(query.experiment_ids),
    filter: query.filter || 'None',
    order_by: clauses.length > 0 ? `[${clauses.join(', ')}]` : 'None',
  };
}
