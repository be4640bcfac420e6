/**
 * The interpreter of MLflow's tables of checks (`generated/checks.ts`), with its sentences.
 *
 * Facts: `_validate_param_against_schema` of `mlflow/server/handlers.py`, `invalid_value` of
 * `mlflow/utils/validation.py`.
 */
import { invalidParameter, type MlflowError } from '../contract/error.ts';
import { dumpText, readFloat, readInteger, reprFloat } from '../contract/python.ts';
import { checks, type Rule } from '../generated/checks.ts';
import { isObject, type JsonObject, WrittenNumber } from './json.ts';

/** Rules about types: they are passed over where protobuf took all values. */
const aboutTypes: ReadonlySet<Rule> = new Set<Rule>([
  'string',
  'intlike',
  'floatlike',
  'bool',
  'array',
  'items-string',
]);

interface FieldCheck {
  readonly field: string;
  readonly rules: readonly Rule[];
  readonly isRequired: boolean;
}

const compiled: ReadonlyMap<string, readonly FieldCheck[]> = new Map(
  Object.entries(checks).map(([message, fields]) => [
    message,
    Object.entries(fields).map(([field, rules]) => ({
      field,
      rules,
      isRequired: rules.includes('required'),
    })),
  ]),
);

/**
 * Throws INVALID_PARAMETER_VALUE for the first rule of `message` that `request` breaks.
 *
 * @param request the raw JSON object, before protobuf's reading of it
 * @param isParsed whether protobuf took every value
 * @param asWritten gives the raw object again with `WrittenNumber`s; called for an error only
 */
export function check(
  message: string,
  request: JsonObject,
  isParsed: boolean,
  asWritten: () => JsonObject,
): void {
  for (const { field, rules, isRequired } of compiled.get(message) ?? []) {
    if (!isRequired && !Object.hasOwn(request, field)) continue;
    const value = fieldValue(request, field);
    for (const rule of rules) {
      if (isParsed && aboutTypes.has(rule)) continue;
      if (!holds(rule, value)) throw broken(rule, field, fieldValue(asWritten(), field));
    }
  }
}

function fieldValue(request: JsonObject, field: string): unknown {
  const value = Object.hasOwn(request, field) ? (request[field] ?? null) : null;
  // Clients from before MLflow 1.0 name a run by its `run_uuid`.
  if (value === null && field === 'run_id' && Object.hasOwn(request, 'run_uuid'))
    return request.run_uuid ?? null;
  return value;
}

function holds(rule: Rule, value: unknown): boolean {
  switch (rule) {
    case 'required':
      return isPresent(value);
    case 'string':
      return typeof value === 'string';
    case 'intlike':
      return integerOf(value) !== undefined;
    case 'floatlike':
      return isFloatLike(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'array':
      return Array.isArray(value);
    case 'items-string':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'items-key':
      return Array.isArray(value) && value.every((item) => isObject(item) && isPresent(item.key));
    case 'secret':
      return value !== null;
    default:
      return holdsBound(rule, value);
  }
}

function holdsBound(rule: Exclude<Rule, string>, value: unknown): boolean {
  if ('present' in rule) {
    return Array.isArray(value) && firstMissing(rule.present, value) === undefined;
  }
  if ('maxItems' in rule) return Array.isArray(value) && value.length <= rule.maxItems;
  const number = integerOf(value);
  return number !== undefined && (rule.min === undefined || number >= rule.min) && number <= rule.max;
}

const isPresent = (value: unknown): boolean => value !== null && value !== undefined && value !== '';

/** Where the first of the keys is missing in a list of objects: `[3].key`. */
function firstMissing(keys: readonly string[], items: readonly unknown[]): string | undefined {
  // Loops, and no functions for each of a thousand items.
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    for (const key of keys)
      if (!isObject(item) || !Object.hasOwn(item, key) || !isPresent(item[key])) return `[${index}].${key}`;
  }
  return undefined;
}

/** Python's `int(value)`; undefined where it raises. */
function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  if (typeof value === 'bigint') return value;
  if (typeof value === 'string') return readInteger(value);
  return typeof value === 'boolean' ? BigInt(value) : undefined;
}

function isFloatLike(value: unknown): boolean {
  if (typeof value === 'string') return readFloat(value) !== undefined;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
}

const hint = 'See the API docs for more information about request parameters.';

function broken(rule: Rule, field: string, value: unknown): MlflowError {
  if (rule === 'secret') return invalidParameter(missing(field));
  return invalidParameter(`${sentence(rule, field, value)} ${hint}`);
}

function sentence(rule: Rule, field: string, value: unknown): string {
  if (rule === 'required') return missing(field);
  const special = typeof rule === 'object' ? boundSentence(rule, field, value) : undefined;
  return (
    special ??
    `Invalid value ${pythonJson(value)} for parameter '${field}' supplied:  Hint: Value was of type '${pythonType(value)}'.`
  );
}

function boundSentence(rule: Exclude<Rule, string>, field: string, value: unknown): string | undefined {
  if ('present' in rule) {
    return Array.isArray(value) ? missing(field + firstMissing(rule.present, value)) : undefined;
  }
  if ('maxItems' in rule) {
    if (!Array.isArray(value)) return undefined;
    return rule.message.replace('{max}', String(rule.maxItems)).replace('{length}', String(value.length));
  }
  const number = value instanceof WrittenNumber ? Number(value.source) : value;
  return integerOf(number) === undefined ? undefined : rule.message?.replace('{max}', String(rule.max));
}

const missing = (field: string): string => `Missing value for required parameter '${field}'.`;

const isInteger = ({ source }: WrittenNumber): boolean => /^-?\d+$/.test(source);

/** The name of the value's type in Python. */
function pythonType(value: unknown): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof WrittenNumber) return isInteger(value) ? 'int' : 'float';
  return Array.isArray(value) ? 'list' : 'dict';
}

/** `json.dumps(value, sort_keys=True, separators=(",", ":"))` */
function pythonJson(value: unknown): string {
  if (value instanceof WrittenNumber) return pythonNumber(value);
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(',')}]`;
  if (isObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${dumpText(key)}:${pythonJson(value[key])}`);
    return `{${members.join(',')}}`;
  }
  return typeof value === 'string' ? dumpText(value) : String(value);
}

function pythonNumber(number: WrittenNumber): string {
  if (isInteger(number)) return String(BigInt(number.source));
  const value = Number(number.source);
  return Number.isFinite(value) ? reprFloat(value) : String(value);
}
