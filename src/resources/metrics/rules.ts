import { checkKey, checkLength } from '../../contract/entity-key.ts';
import { invalidParameter } from '../../contract/error.ts';
import { dumpText, readInteger, reprFloat } from '../../contract/python.ts';

/** A metric's value at one time and step, as it is stored. */
export interface Point {
  readonly key: string;
  /** Finite: NaN is 0 with `isNan`, infinities are the largest doubles, as MLflow stores them. */
  readonly value: number;
  readonly isNan: boolean;
  /** Milliseconds since the epoch. */
  readonly timestamp: bigint;
  readonly step: bigint;
  /** The logged model that the value belongs to, if any, and the data set it was computed on. */
  readonly modelId: string | null;
  readonly datasetName: string | null;
  readonly datasetDigest: string | null;
}

interface SentMetric {
  readonly key?: string;
  readonly value?: number;
  readonly timestamp?: bigint;
  readonly step?: bigint;
  readonly model_id?: string;
  readonly dataset_name?: string;
  readonly dataset_digest?: string;
}

/**
 * Half a data set is refused first, by MLflow's request parser, before any other rule.
 *
 * @throws INVALID_PARAMETER_VALUE
 */
export function checkDataset({ dataset_name: name, dataset_digest: digest }: SentMetric): void {
  if (!name !== !digest)
    throw invalidParameter('Both dataset_name and dataset_digest must be provided if one is provided');
}

/** The points of one request. Most have few keys, each of which is checked where it comes first. */
export function readPoints(sent: readonly SentMetric[]): Point[] {
  const checked = new Set<string>();
  return sent.map((metric, i) => readPoint(metric, () => `metrics[${i}].`, checked));
}

/**
 * @param path what stands before the field in sentences.
 * @param checked keys that are known to be right; this one is among them then.
 */
export function readPoint(sent: SentMetric, path = () => '', checked = new Set<string>()): Point {
  const { key = '', value = 0, timestamp = 0n, step = 0n } = sent;
  const isNew = !checked.has(key);
  if (isNew) checkKey(key, `${path()}name`);
  if (timestamp < 0n)
    throw invalidParameter(
      `Invalid value ${timestamp} for parameter '${path()}timestamp' supplied: metric '${key}' ` +
        `(value=${reprFloat(value)}). Timestamp must be a nonnegative long (64-bit integer) `,
    );
  if (isNew) {
    checkLength('Metric name', 250, key);
    checked.add(key);
  }
  return {
    key,
    value: finite(value),
    isNan: Number.isNaN(value),
    timestamp,
    step,
    modelId: sent.model_id || null,
    datasetName: sent.dataset_name || null,
    datasetDigest: sent.dataset_digest || null,
  };
}

/** Points as they are written: what the statement that logs them would else have to sort and to count. */
export interface Batch {
  /** Each once, sorted. */
  readonly keys: readonly string[];
  /** Each once, by key, time and step: writers that meet on the same points would else wait for each other for ever. */
  readonly points: readonly Point[];
  /** Of each point, where its key stands in `keys`, from 1 on. */
  readonly places: readonly number[];
  /** Of each key, in their order, the point that counts: the greatest by (step, timestamp, value), the first sent of equals. */
  readonly latest: readonly Point[];
}

/** Points that were sent together. */
export function batchOf(sent: readonly Point[]): Batch {
  const byKey = Map.groupBy(sent, ({ key }) => key);
  const keys = [...byKey.keys()].sort(compare);
  const points: Point[] = [];
  const places: number[] = [];
  const latest: Point[] = [];
  keys.forEach((key, i) => {
    const group = byKey.get(key) as Point[];
    latest.push(group.reduce((most, one) => (isLater(one, most) ? one : most)));
    let last: Point | undefined;
    for (const one of group.sort(inOrder)) {
      if (last && inOrder(last, one) === 0) continue;
      points.push(one);
      places.push(i + 1);
      last = one;
    }
  });
  return { keys, points, places, latest };
}

const compare = <T extends bigint | number | string>(a: T, b: T): number => (a === b ? 0 : a < b ? -1 : 1);

const isLater = (a: Point, b: Point): boolean =>
  (compare(a.step, b.step) || compare(a.timestamp, b.timestamp) || compare(a.value, b.value)) > 0;

const inOrder = (a: Point, b: Point): number =>
  compare(a.timestamp, b.timestamp) ||
  compare(a.step, b.step) ||
  compare(a.value, b.value) ||
  Number(a.isNan) - Number(b.isNan) ||
  compare(a.modelId ?? '', b.modelId ?? '');

const finite = (value: number): number =>
  Number.isNaN(value) ? 0 : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));

/** Points of a run where a chart does not say how many it wants. */
export const mostSampled = 2500;

/** A range of steps: both ends or none. */
export function readSteps(
  first: bigint | undefined,
  last: bigint | undefined,
): { first: bigint; last: bigint } | undefined {
  if (first === undefined && last === undefined) return undefined;
  if (first === undefined || last === undefined)
    throw invalidParameter('If either start step or end step are specified, both must be specified.');
  if (first > last)
    throw invalidParameter(
      `end_step must be greater than start_step. Found start_step=${first} and end_step=${last}.`,
    );
  return { first, last };
}

const mostRuns = 100;
const mostPoints = 25_000n;

/** The query of `metrics/get-history-bulk`. */
export function readBulkQuery(query: URLSearchParams): { runIds: string[]; key: string; limit: bigint } {
  const runIds = query.getAll('run_id');
  if (runIds.length === 0)
    throw invalidParameter('GetMetricHistoryBulk request must specify at least one run_id.');
  if (runIds.length > mostRuns)
    throw invalidParameter(
      `GetMetricHistoryBulk request cannot specify more than ${mostRuns} run_ids. Received ${runIds.length} run_ids.`,
    );
  const key = query.get('metric_key');
  if (key === null) throw invalidParameter('GetMetricHistoryBulk request must specify a metric_key.');
  return { runIds, key, limit: readLimit(query.get('max_results')) };
}

function readLimit(text: string | null): bigint {
  if (text === null) return mostPoints;
  const limit = readInteger(text);
  if (limit === undefined)
    throw invalidParameter(
      `Invalid value ${dumpText(text)} for parameter 'max_results' supplied. It must be an integer.`,
    );
  if (limit < 0n) throw invalidParameter('LIMIT must not be negative');
  return limit < mostPoints ? limit : mostPoints;
}
