import { get, post, type Step, step } from '../step.ts';

const batch = (run: string, what: string, metrics: readonly object[]): Step =>
  post('runs/log-batch', what, { run_id: run, metrics });

const runs: Step[] = [
  post('experiments/create', 'for histories', { name: 'histories' }, { capture: { hist: 'experiment_id' } }),
  ...['one', 'two'].map((name) =>
    post(
      'runs/create',
      `for histories: ${name}`,
      { experiment_id: '{{hist}}' },
      { capture: { [`hist_${name}`]: 'run.info.run_id' } },
    ),
  ),
  batch(
    '{{hist_one}}',
    'ten points, the last first',
    Array.from({ length: 10 }, (_, i) => ({ key: 'm', value: i / 2, timestamp: 100 - i, step: i })),
  ),
  batch('{{hist_one}}', 'points of one step', [
    { key: 's', value: 3, timestamp: 1 },
    { key: 's', value: 1, timestamp: 2 },
    { key: 's', value: 'NaN', timestamp: 2 },
    { key: 's', value: 0, timestamp: 2 },
    { key: 's', value: 'Infinity', timestamp: 5 },
    { key: 's', value: '-Infinity', timestamp: 3 },
  ]),
  batch('{{hist_two}}', 'three points far apart', [
    { key: 'm', value: 1, timestamp: 1, step: -5 },
    { key: 'm', value: 2, timestamp: 2, step: 0 },
    { key: 'm', value: 3, timestamp: 3, step: 4_294_967_296 },
  ]),
];

type Query = Readonly<Record<string, string | readonly string[]>>;
const both = ['{{hist_one}}', '{{hist_two}}'];
const sampled = (what: string, query: Query): Step =>
  get('metrics/get-history-bulk-interval', what, { run_ids: both, metric_key: 'm', ...query });

const samples: Step[] = [
  sampled('all points', {}),
  ...['1', '2', '3', '4', '9', '10', '2500'].map((n) => sampled(`at most ${n}`, { max_results: n })),
  ...['0', '2501', '-1', 'x', '1.5', ''].map((n) =>
    sampled(`max_results ${n || 'empty'}`, { max_results: n }),
  ),
  sampled('some steps', { start_step: '2', end_step: '5' }),
  sampled('some steps, at most 2', { start_step: '-10', end_step: '7', max_results: '2' }),
  sampled('one step', { start_step: '2', end_step: '2' }),
  sampled('steps beyond 32 bits', { start_step: '4294967296', end_step: '4294967297' }),
  sampled('the last step before the first', { start_step: '5', end_step: '2' }),
  sampled('a first step alone', { start_step: '2' }),
  sampled('a last step alone', { end_step: '2' }),
  sampled('a word as step', { start_step: 'x', end_step: '5' }),
  sampled('an empty step', { start_step: '', end_step: '' }),
  sampled('the runs the other way round', { run_ids: [...both].reverse(), max_results: '1' }),
  sampled('a run twice', { run_ids: ['{{hist_two}}', '{{hist_two}}'], max_results: '1' }),
  sampled('a run that is not there', { run_ids: ['nobody', '{{hist_two}}'], max_results: '1' }),
  sampled('an empty run', { run_ids: '' }),
  sampled('101 runs', { run_ids: Array.from({ length: 101 }, (_, i) => `run-${i}`) }),
  sampled('a metric that is not there', { metric_key: 'none' }),
  sampled('an empty metric', { metric_key: '' }),
  sampled('a metric with NUL', { metric_key: 'm\0' }),
  sampled('points of one step', { metric_key: 's' }),
  sampled('three points of one step', { metric_key: 's', max_results: '3' }),
  get('metrics/get-history-bulk-interval', 'no metric', { run_ids: both }),
  get('metrics/get-history-bulk-interval', 'no query'),
  get('/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval', 'for the web UI', {
    run_ids: both,
    metric_key: 'm',
    max_results: '2',
  }),
];

const bulkPath = '/ajax-api/2.0/mlflow/metrics/get-history-bulk';
const bulk = (what: string, query: Query): Step =>
  get(bulkPath, what, { run_id: '{{hist_one}}', metric_key: 'm', ...query });

const bulks: Step[] = [
  bulk('all points', {}),
  bulk('another run', { run_id: '{{hist_two}}' }),
  ...['0', '3', '25001'].map((n) => bulk(`at most ${n}`, { max_results: n })),
  ...['-1', 'x', ''].map((n) => bulk(`max_results ${n || 'empty'}`, { max_results: n })),
  bulk('a run twice', { run_id: ['{{hist_one}}', '{{hist_one}}'], max_results: '2' }),
  bulk('a run that is not there', { run_id: 'nobody' }),
  bulk('an empty run', { run_id: '' }),
  bulk('101 runs', { run_id: Array.from({ length: 101 }, (_, i) => `run-${i}`) }),
  bulk('a metric that is not there', { metric_key: 'none' }),
  bulk('an empty metric', { metric_key: '' }),
  bulk('two metrics', { metric_key: ['m', 's'], max_results: '1' }),
  bulk('a metric with NUL', { metric_key: 'm\0' }),
  bulk('NaN and infinities', { metric_key: 's' }),
  get(bulkPath, 'no metric', { run_id: '{{hist_one}}' }),
  get(bulkPath, 'no run', { metric_key: 'm' }),
  get(bulkPath, 'no query'),
  get('metrics/get-history-bulk', 'at the other prefix', { run_id: '{{hist_one}}', metric_key: 'm' }),
  post(bulkPath, 'a wrong verb', {}),
  step('OPTIONS', bulkPath, 'its verbs'),
];

const history = (what: string, query: Query, capture?: Record<string, string>): Step =>
  get(
    'metrics/get-history',
    `paged: ${what}`,
    { run_id: '{{hist_one}}', metric_key: 'm', ...query },
    { capture },
  );
const token = (payload: string) => Buffer.from(payload).toString('base64');

const histories: Step[] = [
  history('points of one step', { metric_key: 's' }),
  history('three points', { max_results: '3' }, { histToken: 'next_page_token' }),
  history('the next three', { max_results: '3', page_token: '{{histToken}}' }),
  history('the rest', { page_token: '{{histToken}}' }),
  history('ten, which is all', { max_results: '10' }),
  history('behind the last', { max_results: '1', page_token: token('{"offset": 99}') }),
  ...['0', '-1', 'x', '', '2147483648'].map((n) =>
    history(`max_results ${n || 'empty'}`, { max_results: n }),
  ),
  history('an empty token', { page_token: '' }),
  history('a broken token', { page_token: 'abc' }),
  history('a token of another shape', { page_token: token('{"x": 1}') }),
  history('a run that is not there', { run_id: 'nobody' }),
  history('a metric that is not there', { metric_key: 'none' }),
  history('a metric with NUL', { metric_key: 'm\0' }),
  get('metrics/get-history', 'a run by its old name', { run_uuid: '{{hist_two}}', metric_key: 'm' }),
  get('metrics/get-history', 'no run', { metric_key: 'm' }),
  get('metrics/get-history', 'no metric', { run_id: '{{hist_one}}' }),
];

const summariesPath = '/ajax-api/2.0/mlflow/experiments/search-datasets';
const used = (run: string, name: string, context?: string): Step =>
  post('runs/log-inputs', `${name} ${context ?? 'without context'} of ${run}`, {
    run_id: `{{hist_${run}}}`,
    datasets: [
      {
        tags: [
          { key: 'other', value: '1' },
          ...(context === undefined ? [] : [{ key: 'mlflow.data.context', value: context }]),
        ],
        dataset: { name, digest: '1', source_type: 'local', source: 's' },
      },
    ],
  });
const summaries = (what: string, body: object): Step =>
  post(summariesPath, what, body, { unordered: 'dataset_summaries' });

const usedDatasets: Step[] = [
  used('one', 'd', 'train'),
  used('two', 'd', 'eval'),
  used('one', 'e'),
  used('two', 'e'),
  used('two', 'f', ''),
  summaries('of one experiment', { experiment_ids: ['{{hist}}'] }),
  summaries('of an experiment twice', { experiment_ids: ['{{hist}}', '{{hist}}', '999999'] }),
  summaries('of an experiment without any', { experiment_ids: ['{{dsExp}}'] }),
  summaries('of 20 experiments', { experiment_ids: Array(20).fill('{{hist}}') }),
  summaries('of 21 experiments', { experiment_ids: Array(21).fill('{{hist}}') }),
  summaries('of none', { experiment_ids: [] }),
  summaries('no experiments', {}),
  summaries('a word', { experiment_ids: ['abc'] }),
  summaries('2^64', { experiment_ids: ['18446744073709551616'] }),
  summaries('a text', { experiment_ids: 'x' }),
  summaries('numbers', { experiment_ids: [5] }),
  post(
    summariesPath,
    'as plain text',
    { experiment_ids: ['{{hist}}'] },
    { headers: { 'content-type': 'text/plain' } },
  ),
  get(summariesPath, 'a wrong verb'),
  post('experiments/search-datasets', 'at the other prefix', { experiment_ids: ['{{hist}}'] }),
  post('/api/2.0mlflow/experiments/search-datasets', 'where it is described', {
    experiment_ids: ['{{hist}}'],
  }),
  post('runs/delete', 'with a history', { run_id: '{{hist_one}}' }),
  summaries('with those of a deleted run', { experiment_ids: ['{{hist}}'] }),
  sampled('a deleted run', { max_results: '1' }),
  bulk('a deleted run', { max_results: '1' }),
  history('a deleted run', { max_results: '1' }),
];

/** The histories of metrics, of one run and of several, and what data sets runs have used. */
export const metricHistories: Step[] = [...runs, ...samples, ...bulks, ...histories, ...usedDatasets];
