/** The generated descriptors, made ready for decoding: each message once, when it is first asked for. */
import { enums, type Field, messages } from '../generated/messages.ts';
import type { JsonObject } from './json.ts';

export interface PlannedField extends Field {
  /** The camel case name that protobuf takes as well. */
  readonly jsonName: string;
  readonly nested?: () => Message;
  /** What an unset field reads as in protobuf. */
  readonly zero: () => unknown;
  /** Takes the field back to unset: an empty list or map, its default, or absent. */
  readonly reset: (values: JsonObject) => void;
}

export interface Message {
  readonly fields: readonly PlannedField[];
  /** Without lists, which are always there. */
  readonly required: readonly PlannedField[];
  readonly byName: ReadonlyMap<string, PlannedField>;
  /** A message with its lists, maps and defaults. */
  readonly create: () => JsonObject;
}

const known = new Map<string, Message>();

export function messageNamed(name: string): Message {
  let message = known.get(name);
  if (message === undefined) {
    message = plan(messages[name] ?? []);
    known.set(name, message);
  }
  return message;
}

function plan(described: readonly Field[]): Message {
  const fields = described.map(planField);
  const present = fields.filter(({ many, default: value }) => many || value !== undefined);
  return {
    fields,
    required: fields.filter(({ required, many }) => required && !many),
    byName: new Map(
      fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
    ),
    create() {
      const values: JsonObject = {};
      for (const field of present) field.reset(values);
      return values;
    },
  };
}

function planField(field: Field): PlannedField {
  const { name, type, of = '', many } = field;
  const initial = type === 'int64' && field.default !== undefined ? BigInt(field.default) : field.default;
  return {
    ...field,
    jsonName: name.replace(/_+(.?)/g, (_, char: string) => char.toUpperCase()),
    ...(type === 'message' && { nested: () => messageNamed(of) }),
    zero: () => zeroOf(field),
    reset(values) {
      if (many) values[name] = many === 'list' ? [] : {};
      else if (initial !== undefined) values[name] = initial;
      else delete values[name];
    },
  };
}

function zeroOf({ type, of = '' }: Field): unknown {
  switch (type) {
    case 'message':
      return messageNamed(of).create();
    case 'enum':
      return Object.keys(enums[of] ?? {})[0];
    case 'bool':
      return false;
    case 'int64':
    case 'uint64':
      return 0n;
    case 'int32':
    case 'uint32':
    case 'double':
    case 'float':
      return 0;
    case 'timestamp':
      return '1970-01-01T00:00:00Z';
    case 'duration':
      return '0s';
    case 'value':
      return null;
    default:
      return '';
  }
}
