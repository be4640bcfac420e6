import { builtins, keywords } from './sql-words.ts';

/**
 * Filters and order-bys as sqlparse 0.6.1 splits and groups them, since MLflow reads both with it and shows the pieces in
 * its sentences. Only what reaches the top level of a filter is here: what stands inside parentheses stays text.
 */
export interface Token {
  readonly kind: Kind;
  readonly text: string;
  /** The pieces of a group. */
  readonly parts: readonly Token[];
}

type Kind =
  | 'name'
  | 'builtin'
  | 'placeholder'
  | 'keyword'
  | 'order'
  | 'integer'
  | 'float'
  | 'hexadecimal'
  | 'single'
  | 'symbol'
  | 'comparator'
  | 'operator'
  | 'wildcard'
  | 'punctuation'
  | 'space'
  | 'comment'
  | 'other'
  // Groups:
  | 'brackets'
  | 'parenthesis'
  | 'function'
  | 'identifier'
  | 'operation'
  | 'comparison'
  | 'list'
  | 'where';

/** The text is beyond what sqlparse takes; the message is sqlparse's. */
export class TooLarge extends Error {}

const maxTokens = 10_000;
/** Ours: the expressions overflow the stack at some millions, and each `;` begins to count tokens anew. */
const maxLength = 1_000_000;
const maxDepth = 100;

/** Python's `\w`, and its letters as sqlparse spells them. */
const w = '[\\p{L}\\p{N}_]';
const letter = '[A-ZÀ-Ü]';
const end = `(?!${w})`;

/** Tried in order at every position; the first that matches gives the token. `word` is looked up in the keywords. */
const rules: readonly (readonly [RegExp, Kind | 'word'])[] = (
  [
    [`/\\*[\\s\\S]*?\\*/`, 'comment'],
    ['(?:--|# )[^\\n]*?(?:\\r\\n|\\r|\\n|$)', 'comment'],
    ['\\r\\n|\\s', 'space'],
    [':=', 'other'],
    ['::', 'punctuation'],
    ['\\*', 'wildcard'],
    ['`(?:``|[^`])*`', 'name'],
    ['´(?:´´|[^´])*´', 'name'],
    ['\\?', 'placeholder'],
    [`%(?:\\(${w}+\\))?s`, 'placeholder'],
    [`(?<!${w})[$:?]${w}+`, 'placeholder'],
    [`\\\\${w}+`, 'other'],
    [`(?:CASE|IN|VALUES|USING|FROM|AS)${end}`, 'keyword'],
    [`(?:@|##|#)${letter}${w}+`, 'name'],
    [`${letter}${w}*(?=\\s*\\.(?!\\d))`, 'name'],
    [`(?<=\\.)${letter}${w}*`, 'name'],
    [`${letter}${w}*(?=\\()`, 'name'],
    ['-?0x[\\dA-F]+', 'hexadecimal'],
    ['-?\\d+(?:\\.\\d+)?E-?\\d+', 'float'],
    [`-?(?:\\d+\\.\\d*|\\.\\d+)(?!_|${letter})`, 'float'],
    [`-?\\d+(?!_|${letter})`, 'integer'],
    ["'(?:''|\\\\'|[^'])*'", 'single'],
    ['"(?:""|\\\\"|[^"])*"', 'symbol'],
    [`(?<![\\p{L}\\p{N}_\\])])\\[[^\\]\\[]+\\]`, 'name'],
    [`(?:NOT\\s+NULL|(?:GROUP|ORDER)\\s+BY|UNION\\s+ALL|IF\\s+(?:NOT\\s+)?EXISTS)${end}`, 'keyword'],
    [`(?:ASC|DESC)(?:\\s+NULLS\\s+(?:FIRST|LAST))?${end}`, 'order'],
    [`NULLS\\s+(?:FIRST|LAST)${end}`, 'order'],
    [`(?:NOT\\s+)?(?:LIKE|ILIKE|RLIKE)${end}`, 'comparator'],
    [`(?:NOT\\s+)?REGEXP(?:\\s+BINARY)?${end}`, 'comparator'],
    [`${w}[$#\\p{L}\\p{N}_]*`, 'word'],
    ['[;:()[\\],.]', 'punctuation'],
    ['->>?|#>>?|@>|<@|\\?\\|?|\\?&|-|#-', 'operator'],
    ['[<>=~!]+', 'comparator'],
    ['[+/@#%^&|-]+', 'operator'],
  ] as const
).map(([pattern, kind]) => [new RegExp(pattern, 'iuy'), kind] as const);

function* lex(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    const token = tokenAt(text, at);
    yield token;
    at += token.text.length;
  }
}

function tokenAt(text: string, at: number): Token {
  for (const [pattern, kind] of rules) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found) return leaf(kind === 'word' ? wordKind(found) : kind, found);
  }
  return leaf('other', String.fromCodePoint(text.codePointAt(at) ?? 0));
}

const leaf = (kind: Kind, text: string): Token => ({ kind, text, parts: [] });

function wordKind(word: string): Kind {
  const upper = word.toUpperCase();
  if (keywords.has(upper)) return 'keyword';
  return builtins.has(upper) ? 'builtin' : 'name';
}

/** The statements of a text, which `;` parts, each as its top-level tokens. Throws `TooLarge`. */
export function readStatements(text: string): Token[][] {
  if (text.length > maxLength) throw new TooLarge(`Maximum length exceeded (${maxLength}).`);
  const statements: Token[][] = [];
  let open: Token[] = [];
  let depth = 0;
  let closed = false;
  for (const token of lex(text)) {
    // Space and comments behind a `;` belong to the statement before it.
    if (closed && token.kind !== 'space' && token.kind !== 'comment') {
      statements.push(open);
      open = [];
      depth = 0;
      closed = false;
    }
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    open.push(token);
    if (open.length > maxTokens) throw new TooLarge(`Maximum number of tokens exceeded (${maxTokens}).`);
    if (token.text === ';' && depth <= 0) closed = true;
  }
  if (open.some((token) => token.kind !== 'space')) statements.push(open);
  return statements.map(group);
}

/** Whether a token is this keyword, in any case. */
export const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'keyword' && token.text.toUpperCase() === word;

const operands: readonly (Kind | undefined)[] = [
  ...(['brackets', 'parenthesis', 'function', 'identifier', 'operation'] as const),
  ...(['integer', 'float', 'single', 'symbol', 'name', 'placeholder'] as const),
];
const listed: readonly (Kind | undefined)[] = [
  ...(['function', 'identifier', 'comparison', 'list', 'operation'] as const),
  ...([
    'integer',
    'float',
    'single',
    'symbol',
    'name',
    'placeholder',
    'keyword',
    'comment',
    'wildcard',
  ] as const),
];
const isOperand = (token?: Token) => operands.includes(token?.kind);
const isCompared = (token?: Token) =>
  (isOperand(token) && token?.kind !== 'brackets') || isWord(token, 'NULL');
const isPunctuation = (token: Token, text: string) => token.kind === 'punctuation' && token.text === text;

/** sqlparse's passes, in its order. */
function group(leaves: readonly Token[]): Token[] {
  const tokens = [...leaves];
  groupEnclosed(tokens, 'brackets', '[', ']');
  groupEnclosed(tokens, 'parenthesis', '(', ')');
  groupFunctions(tokens);
  groupWhere(tokens);
  groupAround(tokens, 'identifier', {
    middle: (token) => isPunctuation(token, '.') || (token.kind === 'operator' && /^->>?$/.test(token.text)),
    left: (token) => ['brackets', 'identifier', 'name', 'symbol'].includes(token.kind),
    right: () => true,
    takesRight: ({ kind }) => ['brackets', 'function', 'name', 'symbol', 'wildcard', 'single'].includes(kind),
    extend: true,
  });
  groupAround(tokens, 'identifier', {
    middle: (token) => token.kind === 'brackets',
    left: (token) => ['brackets', 'identifier', 'function', 'name', 'symbol'].includes(token.kind),
    right: () => true,
    takesRight: () => false,
    extend: true,
  });
  for (const [at, token] of tokens.entries()) {
    if (token.kind === 'name' || token.kind === 'symbol') wrap(tokens, at, at, 'identifier');
  }
  groupOrder(tokens);
  groupAround(tokens, 'identifier', {
    middle: (token) => isPunctuation(token, '::'),
    left: () => true,
    right: (token) => token !== undefined,
    extend: true,
  });
  groupAround(tokens, 'operation', {
    middle: (token) => token.kind === 'operator' || token.kind === 'wildcard',
    left: isOperand,
    right: isOperand,
  });
  groupAround(tokens, 'comparison', {
    middle: (token) => token.kind === 'comparator',
    left: isCompared,
    right: isCompared,
  });
  groupAround(tokens, 'identifier', {
    middle: (token) => isWord(token, 'AS'),
    left: (token) => token.kind !== 'keyword' || isWord(token, 'NULL'),
    right: (token) => token !== undefined,
    extend: true,
  });
  groupAliases(tokens);
  groupAround(tokens, 'list', {
    middle: (token) => isPunctuation(token, ','),
    left: (token) => listed.includes(token.kind),
    right: (token) => listed.includes(token?.kind),
    extend: true,
  });
  return tokens;
}

/** Replaces the tokens from `from` to `to` by a group; with `extend`, one of that kind at `from` takes in the rest. */
function wrap(tokens: Token[], from: number, to: number, kind: Kind, extend = false): void {
  const inside = tokens.slice(from, to + 1);
  const first = inside[0];
  const parts = extend && first?.kind === kind ? [...first.parts, ...inside.slice(1)] : inside;
  const text = inside.map((token) => token.text).join('');
  tokens.splice(from, inside.length, { kind, text, parts });
}

function nextSolid(tokens: readonly Token[], after: number): number {
  return tokens.findIndex((token, at) => at > after && token.kind !== 'space');
}

interface Around {
  middle(token: Token): boolean;
  left(token: Token): boolean;
  right(token: Token | undefined): boolean;
  /** Whether the right side joins the group, or stays outside. */
  takesRight?(token: Token): boolean;
  extend?: boolean;
}

/** Groups two tokens and the one between them, such as the sides of a comparison. */
function groupAround(tokens: Token[], kind: Kind, rule: Around): void {
  let left = -1;
  let leftToken: Token | undefined;
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (!token || token.kind === 'space') continue;
    if (leftToken && rule.middle(token) && rule.left(leftToken)) {
      const next = nextSolid(tokens, at);
      const right = tokens[next];
      if (rule.right(right)) {
        const takes = right !== undefined && (rule.takesRight?.(right) ?? true);
        wrap(tokens, left, takes ? next : at, kind, rule.extend);
        // The right side, now inside, is what the next middle is checked against: `a.b.c`, `a = b = c`.
        leftToken = takes ? right : tokens[left];
        at = left;
        continue;
      }
    }
    left = at;
    leftToken = token;
  }
}

function groupEnclosed(tokens: Token[], kind: Kind, opening: string, closing: string): void {
  const open: number[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token?.kind !== 'punctuation') continue;
    if (token.text === opening) open.push(at);
    const from = token.text === closing ? open.pop() : undefined;
    if (from === undefined) continue;
    if (open.length >= maxDepth) throw new TooLarge(`Maximum grouping depth exceeded (${maxDepth}).`);
    wrap(tokens, from, at, kind);
    at = from;
  }
}

function groupFunctions(tokens: Token[]): void {
  for (let at = 0; at < tokens.length; at += 1) {
    const next = nextSolid(tokens, at);
    const named = ['name', 'builtin', 'placeholder'].includes(tokens[at]?.kind ?? '');
    if (named && tokens[next]?.kind === 'parenthesis') wrap(tokens, at, next, 'function');
  }
}

const whereEnds = /^(?:(?:ORDER|GROUP)\s+BY|LIMIT|UNION(?:\s+ALL)?|EXCEPT|INTERSECT|HAVING|RETURNING|INTO)$/i;

function groupWhere(tokens: Token[]): void {
  const from = tokens.findIndex((token) => isWord(token, 'WHERE'));
  if (from < 0) return;
  const stop = tokens.findIndex(
    (token, at) => at > from && token.kind === 'keyword' && whereEnds.test(token.text),
  );
  wrap(tokens, from, stop < 0 ? tokens.length - 1 : stop - 1, 'where');
}

/** `name DESC` is one identifier. */
function groupOrder(tokens: Token[]): void {
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at]?.kind !== 'order') continue;
    const before = tokens.findLastIndex((token, index) => index < at && token.kind !== 'space');
    if (!['identifier', 'integer', 'float', 'hexadecimal'].includes(tokens[before]?.kind ?? '')) continue;
    wrap(tokens, before, at, 'identifier');
    at = before;
  }
}

/** `name foo` reads as `name AS foo`. */
function groupAliases(tokens: Token[]): void {
  const aliased = ['parenthesis', 'function', 'identifier', 'operation', 'comparison'];
  for (let at = 0; at < tokens.length; at += 1) {
    if (![...aliased, 'integer', 'float', 'hexadecimal'].includes(tokens[at]?.kind ?? '')) continue;
    const next = nextSolid(tokens, at);
    if (tokens[next]?.kind === 'identifier') wrap(tokens, at, next, 'identifier', true);
  }
}
