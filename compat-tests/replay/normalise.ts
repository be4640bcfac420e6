/** What is compared of an answer. `body` is parsed JSON where the answer is JSON, else its text. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Values that the server chose and the script caught: value → the name it was given. */
export type Captured = ReadonlyMap<string, string>;

const COMPARED_HEADERS = [
  'allow',
  'content-disposition',
  'content-type',
  'location',
  'x-content-type-options',
  'x-frame-options',
];

/**
 * Ids, times and tokens become placeholders, lists without a promised order are sorted (of them `unordered` is one
 * that the step names); everything else stays as it was sent.
 */
export function normalise(response: Response, text: string, captured: Captured, unordered?: string): Answer {
  const { status, headers } = response;
  const body = normaliseBody(headers, text, captured);
  if (unordered !== undefined) sortList(body, unordered);
  return { status, headers: normaliseHeaders(headers, captured), body };
}

function sortList(body: unknown, key: string): void {
  const list = (body as Record<string, unknown> | undefined)?.[key];
  const order = (item: unknown) => JSON.stringify(item);
  if (Array.isArray(list)) list.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function normaliseHeaders(headers: Headers, captured: Captured): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of COMPARED_HEADERS) {
    const value = headers.get(name);
    if (value !== null) kept[name] = normaliseHeader(name, value, captured);
  }
  return kept;
}

function normaliseHeader(name: string, value: string, captured: Captured): string {
  if (name === 'allow') return sortedVerbs(value);
  // Neither types nor charsets have a case.
  return name === 'content-type' ? value.toLowerCase() : normaliseText(value, captured);
}

// A set in MLflow: its order changes from process to process.
function sortedVerbs(allow: string): string {
  return allow
    .split(/\s*,\s*/)
    .sort()
    .join(', ');
}

function normaliseBody(headers: Headers, text: string, captured: Captured): unknown {
  if (text !== '' && headers.get('content-type')?.startsWith('application/json')) {
    try {
      return normaliseValue(parseExactly(text), '', captured);
    } catch {
      // An artifact whose name ends in .json, say: compared as text.
    }
  }
  return normaliseText(text, captured);
}

/** JSON.parse, but an integer that a double cannot hold stays apart from its neighbours. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(`${context?.source}`)
      ? `<integer ${context?.source}>`
      : value,
  );
}

function normaliseValue(value: unknown, key: string, captured: Captured): unknown {
  if (typeof value === 'number') return isRecentMillisecond(value) ? '<ms>' : value;
  if (typeof value === 'string') return normaliseString(value, key, captured);
  if (Array.isArray(value))
    return inStableOrder(
      value.map((item) => normaliseValue(item, key, captured)),
      key,
    );
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([k, v]) => [normaliseText(k, captured), normaliseValue(v, k, captured)]),
  );
}

// The script itself sends only small times, so that a time of the year 2020 or later is the server's.
function isRecentMillisecond(value: number): boolean {
  return Number.isInteger(value) && value > 1_577_836_800_000 && value < 4_102_444_800_000;
}

function normaliseString(value: string, key: string, captured: Captured): string {
  if (/^experiment(_ids?|Id)$/.test(key)) return experimentPlaceholder(value, captured);
  // Of an evaluation dataset: it follows from the time.
  if (key === 'digest' && /^[0-9a-f]{8}$/.test(value)) return '<digest>';
  // GraphQL's longs are strings.
  if (/Time(stamp)?$/.test(key) && isRecentMillisecond(Number(value))) return '<ms>';
  return key === 'next_page_token' || key === 'nextPageToken'
    ? '<page token>'
    : normaliseText(value, captured);
}

function experimentPlaceholder(id: string, captured: Captured): string {
  const name = captured.get(id);
  return name === undefined ? id : `{{${name}}}`;
}

function normaliseText(text: string, captured: Captured): string {
  let result = text;
  // Short values are experiment ids: they are replaced only where an experiment id can stand.
  for (const [value, name] of captured) {
    if (value.length > 8) result = result.replaceAll(value, `{{${name}}}`);
  }
  return result
    .replace(
      /(mlflow-artifacts:\/|\bexperiment (?:with )?(?:id)?[ =:']*)(\d+)\b/gi,
      (_all, before, id) => `${before}${experimentPlaceholder(id, captured)}`,
    )
    .replace(/\b\d+(?=\/models\/|\/\{\{)/g, (id) => experimentPlaceholder(id, captured))
    .replace(/\bm-[0-9a-f]{32}\b/g, '<model id>')
    .replace(/\b[0-9a-f]{32}\b/g, '<id>')
    .replace(/\{'[^{}']*'(?:, '[^{}']*')*\}/g, sortedSet)
    .replace(/^[a-z]+-[a-z]+-\d{1,3}$/, '<random name>')
    .replace(/("(?:created|last_update)_time": )\d{13}\b/g, '$1<ms>')
    .replace(/\/\S*\/replay-record-\w+/g, '<folder>')
    .replace(/127\.0\.0\.1:\d+/g, '<host>')
    .replace(/replay_record_\d+/g, '<database>')
    .replace(/\n*\[SQL: .*$/s, ' <SQL>')
    .replace(/\n(?:LINE \d+|DETAIL): .* <SQL>$/s, ' <SQL>')
    .replace(/(.)\1{99,}/gsu, (all, char) => `<${char} × ${[...all].length}>`);
}

// A Python set in a sentence: its order changes from process to process, too.
function sortedSet(set: string): string {
  return `{${set.slice(1, -1).split(', ').sort().join(', ')}}`;
}

// Tags, parameters, metrics, aliases and the latest version of each stage come back in no promised order.
// Sorting is stable: the points of one metric keep theirs.
function inStableOrder(items: unknown[], key: string): unknown[] {
  const orders = items.map((item) => orderOf(item, key));
  if (orders.includes(undefined)) return items;
  return items
    .map((item, i) => ({ item, order: `${orders[i]}` }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .map(({ item }) => item);
}

function orderOf(item: unknown, list: string): string | undefined {
  if (typeof item === 'string') return list === 'aliases' ? item : undefined;
  if (item === null || typeof item !== 'object') return undefined;
  const { key, alias, version } = item as Record<string, unknown>;
  const order = key ?? alias ?? (list === 'latest_versions' ? version : undefined);
  return typeof order === 'string' ? order : undefined;
}
