import { invalidParameter } from '../../contract/error.ts';
import type { Operation, OperationTable } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { decodeToken, encodeToken } from '../../search/page-token.ts';
import { logPoint } from '../runs/store.ts';
import { checkDataset, mostSampled, readBulkQuery, readPoint, readSteps } from './rules.ts';
import * as store from './store.ts';

const logMetric: Operation<'logMetric'> = async (request, call) => {
  checkDataset(request);
  await logPoint(call, request.run_id || (request.run_uuid ?? ''), readPoint(request));
  return {};
};

const getMetricHistory: Operation<'getMetricHistory'> = async (request, call) => {
  const size = request.max_results;
  if (size !== undefined && size <= 0)
    throw invalidParameter(
      `Invalid value ${size} for parameter 'max_results' supplied. It must be a positive integer.`,
    );
  const limit = size === undefined ? undefined : BigInt(size);
  const offset = readOffset(request.page_token);
  const runId = request.run_id || (request.run_uuid ?? '');
  const { points, more } = await call.read((sql) =>
    store.readHistory(sql, call.scope, runId, request.metric_key, { offset, limit }),
  );
  return renderPage(
    'metrics',
    points ? [points] : [],
    more ? encodeToken({ offset: Number(offset) + Number(size) }) : undefined,
  );
};

/** A token of this list carries an offset and no more, as MLflow's do. */
function readOffset(token: string | undefined): bigint {
  if (!token) return 0n;
  const { offset } = decodeToken(token);
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0)
    throw invalidParameter('Invalid page token, could not base64-decode');
  return BigInt(offset);
}

const getMetricHistoryBulkInterval: Operation<'getMetricHistoryBulkInterval'> = async (request, call) => {
  const { run_ids: runIds, metric_key: key, max_results: limit = mostSampled } = request;
  const steps = readSteps(request.start_step, request.end_step);
  const points = await call.read((sql) => store.samplePoints(sql, call.scope, { runIds, key, steps, limit }));
  return renderPage('metrics', points ? [points] : []);
};

/** The answer of `metrics/get-history-bulk`, which is no RPC: JSON. */
export async function metricHistoryBulk(sql: Sql, scope: Scope, query: URLSearchParams): Promise<string> {
  return `{"metrics":[${(await store.readHistories(sql, scope, readBulkQuery(query))) ?? ''}]}`;
}

export const metricOperations = {
  logMetric: { run: logMetric, recorded: false },
  getMetricHistory: { run: getMetricHistory, recorded: false },
  getMetricHistoryBulkInterval: { run: getMetricHistoryBulkInterval, recorded: false },
} satisfies OperationTable<'logMetric' | 'getMetricHistory' | 'getMetricHistoryBulkInterval'>;
