import { invalidParameter } from '../contract/error.ts';
import { reprList } from '../contract/python.ts';
import { type FieldType, readStatementsOr } from './parse.ts';
import type { Token } from './tokens.ts';

export interface OrderKey {
  readonly type: FieldType;
  readonly key: string;
  readonly ascending: boolean;
}

/** What a search may be ordered by, and how it is ordered otherwise. */
export interface Ordering {
  /** What a clause names, without its direction; throws `invalidParameter`. */
  resolve(name: string): { type: FieldType; key: string };
  /** Whether a key may be named once only. */
  readonly distinct: boolean;
  /** The order where the client asks for none. */
  readonly fallback: readonly OrderKey[];
  /** Follow the keys asked for, unless among them: they make the order total. */
  readonly ties: readonly OrderKey[];
}

export const ascending = (type: FieldType, key: string): OrderKey => ({ type, key, ascending: true });
export const descending = (type: FieldType, key: string): OrderKey => ({ type, key, ascending: false });

const same = (a: OrderKey, b: OrderKey) => a.type === b.type && a.key === b.key;

/** The keys to order by: those of the clauses, such as `metrics.loss DESC`, then the ties. Throws `invalidParameter`. */
export function parseOrderBy(clauses: readonly string[] | undefined, ordering: Ordering): OrderKey[] {
  const keys: OrderKey[] = [];
  for (const clause of clauses ?? []) {
    const { name, ascending } = readClause(clause);
    const key = { ...ordering.resolve(name), ascending };
    if (ordering.distinct && keys.some((earlier) => same(earlier, key))) {
      throw invalidParameter(`\`order_by\` contains duplicate fields: ${reprList(clauses ?? [])}`);
    }
    keys.push(key);
  }
  return withTies(keys.length > 0 ? keys : ordering.fallback, ordering.ties);
}

export const withTies = (keys: readonly OrderKey[], ties: readonly OrderKey[]): OrderKey[] => [
  ...keys,
  ...ties.filter((tie) => !keys.some((key) => same(key, tie))),
];

function readClause(clause: string): { name: string; ascending: boolean } {
  const unparsed = `Invalid order_by clause '${clause}'. Could not be parsed.`;
  const [statement, ...more] = readStatementsOr(clause, () => `Error on parsing order_by clause '${clause}'`);
  const text = more.length === 0 ? clauseText(statement ?? []) : undefined;
  const words = text === undefined ? undefined : shellWords(text);
  const [name, direction, ...rest] = words ?? [];
  if (text === undefined || name === undefined || rest.length > 0) throw invalidParameter(unparsed);
  if (direction === undefined) return { name: text.trim(), ascending: true };
  if (!['asc', 'desc'].includes(direction.toLowerCase())) {
    throw invalidParameter(`Invalid ordering key in order_by clause '${clause}'.`);
  }
  return { name: name.trim(), ascending: direction.toLowerCase() === 'asc' };
}

/** One identifier, or `timestamp`, which sqlparse takes for a type, alone or with a direction. */
function clauseText(tokens: readonly Token[]): string | undefined {
  const [first, ...rest] = tokens;
  if (first?.kind === 'identifier' && rest.length === 0) return first.text;
  if (first?.kind !== 'builtin' || first.text !== 'timestamp') return undefined;
  const direction = rest.pop();
  if (!direction) return first.text;
  const parted = direction.kind === 'order' && rest.every(({ kind }) => kind === 'space');
  return parted ? `${first.text} ${direction.text}` : undefined;
}

/** Words as a POSIX shell parts them, backticks being double quotes; undefined where a quote is left open. */
function shellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let rest = text.replaceAll('`', '"').trimStart();
  while (rest) {
    const word = /^(?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+/.exec(rest)?.[0];
    if (!word) return undefined;
    words.push(
      word.replace(
        /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"/g,
        (_, escaped?: string, single?: string, double?: string) =>
          escaped ?? single ?? (double ?? '').replace(/\\(["\\])/g, '$1'),
      ),
    );
    rest = rest.slice(word.length);
    if (rest && !/^\s/.test(rest)) return undefined;
    rest = rest.trimStart();
  }
  return words;
}
