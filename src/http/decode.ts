/**
 * Requests as MLflow reads them: query string or JSON body → protobuf's reading of proto-JSON → the checks.
 *
 * Facts: `_get_request_message` of `mlflow/server/handlers.py`, `google/protobuf/json_format.py`. Where protobuf
 * refuses a value, it keeps what it has read so far, in the order of the JSON, and the checks decide whether that
 * is an error.
 */
import { invalidParameter } from '../contract/error.ts';
import { type Rpcs, rpcs } from '../generated/rpcs.ts';
import { check } from './check.ts';
import { isObject, type JsonObject, parseJson, parseJsonAsWritten } from './json.ts';
import { type Message, messageNamed, type PlannedField } from './message.ts';
import { ParseError, readScalar, unknownEnum } from './scalar.ts';

export interface Incoming {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly pathParams: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  readonly body: string;
}

/**
 * The request of an RPC. Lists, maps, fields with a default and those that the checks require are always there;
 * path parameters win over fields of the same name. Throws INVALID_PARAMETER_VALUE with MLflow's sentences.
 */
export function decode<R extends keyof Rpcs>(rpc: R, incoming: Incoming): Rpcs[R]['request'] {
  const { request: name, unread } = rpcs[rpc];
  const message = messageNamed(name);
  const values = message.create();
  if (!unread) {
    const json = readJson(message, incoming, parseJson);
    const isParsed = parseInto(values, json, message);
    check(name, json, isParsed, () => readJson(message, incoming, parseJsonAsWritten));
    for (const field of message.required) values[field.name] ??= field.zero();
  }
  return Object.assign(values, incoming.pathParams) as Rpcs[R]['request'];
}

/** The message of an RPC from an object that no rule is asked about. @throws INVALID_PARAMETER_VALUE */
export function decodeInput<R extends keyof Rpcs>(rpc: R, json: JsonObject): Rpcs[R]['request'] {
  const message = messageNamed(rpcs[rpc].request);
  const values = message.create();
  if (!parseInto(values, json, message)) throw invalidParameter('The input cannot be read.');
  for (const field of message.required) values[field.name] ??= field.zero();
  return values as Rpcs[R]['request'];
}

function readJson(message: Message, incoming: Incoming, parse: typeof parseJson): JsonObject {
  const { method, query } = incoming;
  return method === 'GET' && query.size > 0 ? readQuery(message, query) : readObject(incoming, parse);
}

/** The object in a body; none reads as an empty one. @throws INVALID_PARAMETER_VALUE */
export function readObject({ method, contentType, body }: Incoming, parse = parseJson): JsonObject {
  if (method === 'POST' || method === 'PUT') refuseContentType(contentType);
  let json = parse(body);
  // Old clients encode their JSON twice.
  if (typeof json === 'string') {
    json = parse(json);
    if (json === undefined) throw notAnObject();
  }
  if (json === undefined || json === null || (Array.isArray(json) && json.length === 0)) return {};
  if (!isObject(json)) throw notAnObject();
  return json;
}

const notAnObject = () => invalidParameter('The request body must be a JSON object.');

function readQuery({ fields }: Message, query: URLSearchParams): JsonObject {
  const json: JsonObject = {};
  for (const { name, type, many } of fields) {
    const value = query.get(name);
    if (value === null) continue;
    json[name] = many ? query.getAll(name) : type === 'bool' ? readQueryBool(value) : value;
  }
  return json;
}

function readQueryBool(value: string): boolean {
  const lower = value.toLowerCase();
  if (lower === 'true' || lower === 'false') return lower === 'true';
  throw invalidParameter(`Invalid boolean value: ${value}, must be 'true' or 'false'.`);
}

function refuseContentType(contentType: string | undefined): void {
  if (contentType === undefined) throw invalidParameter('Bad Request. Content-Type header is missing.');
  if (contentType.split(';')[0] !== 'application/json') {
    throw invalidParameter("Bad Request. Content-Type must be one of ['application/json'].");
  }
}

/** One field may be spelled in snake or in camel case, not in both at once. */
function refuseAliases(json: unknown, { fields }: Message): void {
  if (!isObject(json)) return;
  for (const { name, jsonName, many, nested } of fields) {
    const isNamed = Object.hasOwn(json, name);
    const isAliased = jsonName !== name && Object.hasOwn(json, jsonName);
    if (isNamed && isAliased) {
      throw invalidParameter(`Request specifies both '${name}' and '${jsonName}'; provide only one of them.`);
    }
    if (!nested || many === 'map' || !(isNamed || isAliased)) continue;
    const value = json[isNamed ? name : jsonName];
    for (const item of Array.isArray(value) ? value : [value]) refuseAliases(item, nested());
  }
}

/** Whether protobuf took all of it. */
function parseInto(values: JsonObject, json: JsonObject, message: Message): boolean {
  const reading = { sawCamelCase: false };
  let isParsed = true;
  try {
    fill(values, json, message, 1, reading);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    isParsed = false;
  }
  // MLflow looks for them first, in every request. There are none where all was read and nothing in camel case.
  if (!isParsed || reading.sawCamelCase) refuseAliases(json, message);
  return isParsed;
}

interface Reading {
  sawCamelCase: boolean;
}

/** Protobuf's limit of messages in messages. */
const deepest = 100;
const extensionName = /^\[[a-zA-Z0-9._]*\]$/;

function fill(values: JsonObject, json: unknown, message: Message, depth: number, reading: Reading): void {
  if (depth > deepest) throw new ParseError();
  if (!isObject(json)) {
    refuseUnlessNames(json, message);
    return;
  }
  let oneofs: Set<string> | undefined;
  for (const name of Object.keys(json)) {
    const field = message.byName.get(name);
    if (field === undefined) {
      if (extensionName.test(name)) throw new ParseError();
      continue;
    }
    if (name !== field.name) reading.sawCamelCase = true;
    const value = json[name];
    if (field.oneof !== undefined && value !== null) {
      oneofs ??= new Set();
      if (oneofs.has(field.oneof)) throw new ParseError();
      oneofs.add(field.oneof);
    }
    if (value === null && (field.many || field.type !== 'value')) field.reset(values);
    else fillField(values, value, field, depth, reading);
  }
}

/** Python goes through a text or a list as through the names of an object: they set nothing, if no field is named. */
function refuseUnlessNames(json: unknown, { byName }: Message): void {
  const names = typeof json === 'string' ? [...json] : json;
  if (
    !Array.isArray(names) ||
    names.some((name) => typeof name !== 'string' || byName.has(name) || extensionName.test(name))
  ) {
    throw new ParseError();
  }
}

const wellKnown: ReadonlySet<string> = new Set(['timestamp', 'duration', 'fieldmask', 'value']);

function fillField(
  values: JsonObject,
  value: unknown,
  field: PlannedField,
  depth: number,
  reading: Reading,
): void {
  if (field.many === 'list') {
    const list: unknown[] = [];
    values[field.name] = list;
    fillList(list, value, field, depth, reading);
  } else if (field.many === 'map') {
    const map: JsonObject = {};
    values[field.name] = map;
    fillMap(map, value, field, depth);
  } else if (field.nested) {
    const message = field.nested();
    const inner = (values[field.name] ?? message.create()) as JsonObject;
    values[field.name] = inner;
    fill(inner, value, message, depth + 1, reading);
  } else {
    // A message to protobuf: it is there before its text is read.
    if (wellKnown.has(field.type)) values[field.name] = field.zero();
    const read = readScalar(field, value, depth);
    if (read !== unknownEnum) values[field.name] = read;
  }
}

function fillList(
  list: unknown[],
  value: unknown,
  field: PlannedField,
  depth: number,
  reading: Reading,
): void {
  if (!Array.isArray(value)) throw new ParseError();
  const message = field.nested?.();
  for (const item of value) {
    if (item === null && field.type !== 'value') {
      // The message is there by then, empty.
      if (message) list.push(message.create());
      throw new ParseError();
    }
    if (message) {
      const inner = message.create();
      list.push(inner);
      fill(inner, item, message, depth + 1, reading);
    } else {
      const read = readScalar(field, item, depth);
      if (read !== unknownEnum) list.push(read);
    }
  }
}

function fillMap(map: JsonObject, value: unknown, field: PlannedField, depth: number): void {
  if (!isObject(value)) throw new ParseError();
  for (const [key, item] of Object.entries(value)) {
    if (!key.isWellFormed()) throw new ParseError();
    const read = readScalar(field, item, depth);
    // A plain assignment to `__proto__` would not set a key.
    Object.defineProperty(map, key, { value: read, enumerable: true, writable: true, configurable: true });
  }
}
