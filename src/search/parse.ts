import { invalidParameter } from '../contract/error.ts';
import { readInteger, reprText } from '../contract/python.ts';
import { readTextList } from './literal.ts';
import { isWord, readStatements, type Token, TooLarge } from './tokens.ts';

export type FieldType = 'attribute' | 'tag' | 'metric' | 'parameter' | 'dataset';

/** Integers of any size are bigint, other numbers number; null stands behind IS NULL and IS NOT NULL. */
export type Value = string | readonly string[] | bigint | readonly bigint[] | number | null;

export interface Comparison {
  readonly type: FieldType;
  readonly key: string;
  /** As the grammar's comparators spell it: `=`, `LIKE`, `NOT IN`, `IS NULL` … */
  readonly comparator: string;
  readonly value: Value;
}

/** What may be compared with one field, and what MLflow says of anything else. */
export interface Field {
  readonly takes: readonly ValueKind[];
  /** The sentence for another kind of value; `found` is how the client wrote it. */
  wrongValue(kind: ValueKind | 'other', found: string): string;
  readonly comparators: readonly string[];
  wrongComparator(comparator: string): string;
  /** The sentence for a list behind any comparator but IN, for fields that take none elsewhere. */
  readonly wrongList?: string;
  /** Makes the value what the column holds, once the comparator is known to fit; throws `invalidParameter`. */
  read?(value: Value): Value;
}

export type ValueKind = 'text' | 'list' | 'number';

/** The left sides of a grammar: `name`, `tags.stage`, `` params.`my key` ``. */
export interface Identifiers {
  /** Every spelling of a type, such as `tags` of `tag`. A key without one is an attribute. */
  readonly types: ReadonlyMap<string, FieldType>;
  wrongType(type: string): string;
  /** Whether the type may stand in backticks. */
  readonly quotedTypes: boolean;
  /** Whether the key of an attribute may stand in quotes. */
  readonly quotedAttributes: boolean;
  /** Undefined for a key that is not known: the client is told `wrongKey`. */
  field(type: FieldType, key: string): Field | undefined;
  wrongKey(type: FieldType, key: string): string;
  /** Other names of keys; what they stand for goes into the comparison. */
  readonly aliases: ReadonlyMap<string, string>;
}

export interface Grammar extends Identifiers {
  /** Whether pieces that are no comparison are shown in quotes. */
  readonly quotedPieces: boolean;
  /** Whether `like` is `LIKE`. */
  readonly anyCase: boolean;
  /** Refuses IS NULL and IS NOT NULL on a field; undefined accepts. */
  wrongNull(type: FieldType, key: string): string | undefined;
}

interface Read {
  readonly comparison: Comparison;
  readonly field: Field;
}

/**
 * The comparisons of a filter, all of which must hold. All are read before any comparator is judged, as MLflow does.
 * Throws `invalidParameter` with MLflow's sentence.
 */
export function parseFilter(filter: string | undefined, grammar: Grammar): Comparison[] {
  if (!filter) return [];
  const pieces = readPieces(filter);
  const wrong = pieces.filter((piece) => piece.kind !== 'comparison' && !isWord(piece, 'AND'));
  if (wrong.length > 0) {
    const shown = wrong.map(({ text }) => (grammar.quotedPieces ? `'${text}'` : text)).join(', ');
    throw invalidParameter(`Invalid clause(s) in filter string: ${shown}`);
  }
  return pieces
    .filter((piece) => piece.kind === 'comparison')
    .map((piece) => readComparison(piece, grammar))
    .map(judge);
}

/** The top level of a filter that must be one statement, without spaces, with IN and IS NULL joined to comparisons. */
function readPieces(filter: string): Token[] {
  const statements = readStatementsOr(filter, () => `Error on parsing filter '${filter}'`);
  const [statement, ...more] = statements;
  if (!statement) throw invalidParameter(`Invalid filter '${filter}'. Could not be parsed.`);
  if (more.length > 0) {
    throw invalidParameter(
      `Search filter contained multiple expression ${reprText(filter)}. Provide AND-ed expression list.`,
    );
  }
  return joinComparisons(statement);
}

/** The statements of a text; one that is too large is refused. */
export function readStatementsOr(text: string, refusal: (reason: string) => string): Token[][] {
  try {
    return readStatements(text);
  } catch (cause) {
    if (cause instanceof TooLarge) throw invalidParameter(refusal(cause.message));
    throw cause;
  }
}

/**
 * sqlparse leaves IN, NOT IN and IS NULL apart. This joins them as MLflow does: it looks at three or four tokens from an
 * identifier on, and passes over those it looked at.
 */
export function joinComparisons(statement: readonly Token[]): Token[] {
  const tokens = statement.filter(({ kind }) => kind !== 'space');
  const joined: Token[] = [];
  let at = 0;
  while (at < tokens.length) {
    const [first, second, third, fourth] = tokens.slice(at, at + 4);
    if (!first || !second || !third) {
      joined.push(...tokens.slice(at));
      break;
    }
    if (first.kind !== 'identifier') {
      joined.push(first);
      at += 1;
    } else if (isWord(second, 'IN') && third.kind === 'parenthesis') {
      joined.push(comparison(first, second, third));
      at += 3;
    } else if (isWord(second, 'IS') && (isWord(third, 'NULL') || isWord(third, 'NOT NULL'))) {
      joined.push(comparison(first, keyword(isWord(third, 'NULL') ? 'IS NULL' : 'IS NOT NULL')));
      at += 3;
    } else if (isWord(second, 'NOT') && isWord(third, 'IN') && fourth?.kind === 'parenthesis') {
      joined.push(comparison(first, keyword('NOT IN'), fourth));
      at += 4;
    } else {
      joined.push(...tokens.slice(at, at + 4));
      at += 4;
    }
  }
  return joined;
}

const comparison = (...parts: Token[]): Token => ({
  kind: 'comparison',
  text: parts.map(({ text }) => text).join(''),
  parts,
});

const keyword = (text: string): Token => ({ kind: 'keyword', text, parts: [] });

function readComparison(piece: Token, grammar: Grammar): Read {
  const [left, middle, right] = piece.parts.filter(({ kind }) => kind !== 'space');
  if (left?.kind !== 'identifier' || !middle) {
    throw invalidParameter(`Invalid comparison clause. Expected 'Identifier' found '${left?.text}'`);
  }
  const { type, key, name, field } = resolveIdentifier(left.text, grammar);
  if (!right) {
    const refusal = grammar.wrongNull(type, name);
    if (refusal !== undefined) throw invalidParameter(refusal);
    const nullable: Field = { ...field, comparators: [middle.text], read: undefined };
    return { comparison: { type, key, comparator: middle.text, value: null }, field: nullable };
  }
  const comparator = grammar.anyCase ? middle.text.toUpperCase() : middle.text;
  return { comparison: { type, key, comparator, value: readValue(right, field) }, field };
}

/** What a left side or an order-by names; `name` is the key as it is written, which may be an alias. */
export function resolveIdentifier(
  identifier: string,
  grammar: Identifiers,
): { type: FieldType; key: string; name: string; field: Field } {
  const dot = identifier.indexOf('.');
  const written = identifier.slice(0, Math.max(dot, 0));
  const spelled = grammar.quotedTypes ? trimQuotes(written, '`') : written;
  const type = dot < 0 ? 'attribute' : grammar.types.get(spelled);
  if (!type) throw invalidParameter(grammar.wrongType(spelled));
  const quotedKey = identifier.slice(dot + 1);
  const bareKey = trimQuotes(trimQuotes(quotedKey, "'", '"'), '`');
  const name = type === 'attribute' && !grammar.quotedAttributes ? quotedKey : bareKey;
  const field = grammar.field(type, name);
  if (!field) throw invalidParameter(grammar.wrongKey(type, name));
  return { type, key: type === 'attribute' ? (grammar.aliases.get(name) ?? name) : name, name, field };
}

function trimQuotes(text: string, ...quotes: string[]): string {
  const quoted = quotes.some((quote) => text.length >= 2 && text.startsWith(quote) && text.endsWith(quote));
  return quoted ? text.slice(1, -1) : text;
}

function readValue(token: Token, field: Field): Value {
  const kind = valueKind(token);
  if (kind === 'other' || !field.takes.includes(kind)) {
    throw invalidParameter(field.wrongValue(kind, token.text));
  }
  if (kind === 'list') return readTextList(token.text).map(storable);
  if (kind === 'number') return token.kind === 'integer' ? integer(token.text) : Number(token.text);
  const bare = trimQuotes(token.text, "'", '"');
  if (bare === token.text) {
    throw invalidParameter(
      'Parameter value is either not quoted or unidentified quote types used for string value ' +
        `${token.text}. Use either single or double quotes.`,
    );
  }
  // A doubled quote stays doubled: MLflow only takes the outer quotes off.
  return storable(bare);
}

function valueKind({ kind }: Token): ValueKind | 'other' {
  if (kind === 'single' || kind === 'identifier') return 'text';
  if (kind === 'parenthesis') return 'list';
  return kind === 'integer' || kind === 'float' ? 'number' : 'other';
}

function integer(text: string): bigint {
  const value = readInteger(text);
  if (value !== undefined) return value;
  throw invalidParameter('Exceeds the limit (4300 digits) for integer string conversion');
}

/** Postgres holds no NUL, and MLflow answers its driver's sentence. */
export function storable(text: string): string {
  if (text.includes('\0')) throw invalidParameter('A string literal cannot contain NUL (0x00) characters.');
  return text;
}

function judge({ comparison, field }: Read): Comparison {
  const { comparator } = comparison;
  if (field.wrongList && Array.isArray(comparison.value) && comparator !== 'IN')
    throw invalidParameter(field.wrongList);
  if (!field.comparators.includes(comparator)) throw invalidParameter(field.wrongComparator(comparator));
  const value = scalar(comparator, comparison.value);
  return { ...comparison, value: field.read ? field.read(value) : value };
}

/** `name = ('a')` compares with `a`, as Postgres reads it; a longer list is no text to compare with. */
export function scalar(comparator: string, value: Value): Value {
  if (!Array.isArray(value) || comparator === 'IN' || comparator === 'NOT IN') return value;
  const [only, ...more] = value;
  if (only === undefined || more.length > 0) {
    throw invalidParameter(`Invalid value for comparator '${comparator}': expected one value, got a list`);
  }
  return only;
}
