import { get, post, type Step } from '../step.ts';

/** Reads of the web UI of what nobody has used. */

const v2 = (path: string) => `/ajax-api/2.0/mlflow/${path}`;
const v3 = (path: string) => `/ajax-api/3.0/mlflow/${path}`;

const location = { type: 'MLFLOW_EXPERIMENT', mlflow_experiment: { experiment_id: '0' } };
const metrics = (view_type: string, metric_name: string, aggregation: object, more: object = {}) => ({
  experiment_ids: ['0'],
  view_type,
  metric_name,
  aggregations: [aggregation],
  start_time_ms: 1,
  end_time_ms: 2,
  time_interval_seconds: 3600,
  ...more,
});

export const unused: readonly Step[] = [
  get(v3('ui-telemetry'), 'what to tell of'),
  get(v2('users/current'), 'who asks'),
  get(v2('users/list'), 'who there is'),
  get(v3('users/current/permissions'), 'what one may do'),
  get(v3('assistant/config'), 'unused'),
  get(v2('gateway-proxy'), 'unused', { gateway_path: 'api/2.0/endpoints/' }),
  get(v3('mcp-servers'), 'unused', { max_results: '25' }),
  get('/api/3.0/mlflow/mcp-servers', 'unused'),
  get(v3('mcp-servers/endpoints'), 'unused'),

  post(v3('traces/search'), 'unused', { locations: [location], max_results: 100 }),
  post(v3('traces/search'), 'nowhere', {}),
  post(v3('traces/metrics'), 'how many', metrics('TRACES', 'trace_count', { aggregation_type: 'COUNT' })),
  post(v3('traces/metrics'), 'how long', metrics('TRACES', 'latency', { aggregation_type: 'AVG' })),
  post(
    v3('traces/metrics'),
    'how long, the half of them',
    metrics('TRACES', 'latency', { aggregation_type: 'PERCENTILE', percentile_value: 50 }),
  ),
  post(
    v3('traces/metrics'),
    'of spans',
    metrics('SPANS', 'span_count', { aggregation_type: 'COUNT' }, { dimensions: ['span_name'] }),
  ),
  post(
    v3('traces/metrics'),
    'of assessments',
    metrics('ASSESSMENTS', 'assessment_count', { aggregation_type: 'COUNT' }),
  ),
  post(v3('traces/metrics'), 'nothing', {}),
  get(v3('traces/tr-1'), 'one that is not there'),
  get(v3('traces/get'), 'one that is not there', { trace_id: 'tr-1', allow_partial: 'true' }),
  get(v3('traces/get'), 'without an id'),
  get(v2('traces/tr-1/info'), 'one that is not there'),
  get(v2('traces'), 'unused', { experiment_ids: '0' }),
  get(v3('traces/batchGet'), 'one that is not there', { trace_ids: 'tr-1' }),
  post(v3('traces/batchGetInfos'), 'one that is not there', { trace_ids: ['tr-1'] }),
  get(v3('traces/tr-1/assessments/a-1'), 'of a trace that is not there'),
  get(v2('get-trace-artifact'), 'of a trace that is not there', { request_id: 'tr-1' }),
  get(v3('get-trace-artifact'), 'of a trace that is not there', { request_id: 'tr-1' }),
  get(v3('get-trace-artifact'), 'without an id'),

  get(v3('scorers/list'), 'unused', { experiment_id: '0' }),
  get(v3('scorers/list'), 'of all'),
  get(v3('scorers/versions'), 'one that is not there', { experiment_id: '0', name: 'x' }),
  get(v3('scorers/get'), 'one that is not there', { experiment_id: '0', name: 'x' }),
  get(v3('scorers/online-configs'), 'one that is not there', { scorer_ids: 'a' }),
  get(v3('label-schemas/list'), 'unused', { experiment_id: '0' }),
  get(v3('label-schemas/list'), 'without an experiment'),
  get(v3('label-schemas/get'), 'one that is not there', { schema_id: 'x' }),
  get(v3('label-schemas/get-by-name'), 'one that is not there', { experiment_id: '0', name: 'x' }),
  get(v3('review-queues/list'), 'unused', { experiment_id: '0' }),
  get(v3('review-queues/get'), 'one that is not there', { queue_id: 'x' }),
  get(v3('review-queues/get-by-name'), 'one that is not there', { experiment_id: '0', name: 'x' }),
  get(v3('review-queues/items/list'), 'of one that is not there', { queue_id: 'x' }),
  post(v3('issues/search'), 'unused', { experiment_id: '0' }),
  get(v3('issues/i-1'), 'one that is not there'),
  post(v3('prompt-optimization/jobs/search'), 'unused', { experiment_id: '0' }),
  get(v3('prompt-optimization/jobs/x'), 'one that is not there'),
  post('/ajax-api/3.0/jobs/search', 'unused', {}),

  get(v3('gateway/endpoints/list'), 'unused'),
  get(v3('gateway/endpoints/bindings/list'), 'unused'),
  get(v3('gateway/secrets/list'), 'unused'),
  get(v3('gateway/secrets/config'), 'unused'),
  get(v3('gateway/model-definitions/list'), 'unused'),
  get(v3('gateway/budgets/list'), 'unused'),
  get(v3('gateway/budgets/windows'), 'unused'),
  get(v3('gateway/guardrails/list'), 'unused'),

  get(v2('webhooks'), 'unused'),
  get(v2('webhooks'), 'a word as number', { max_results: 'x' }),
  get(v2('webhooks/x'), 'one that is not there'),
];
