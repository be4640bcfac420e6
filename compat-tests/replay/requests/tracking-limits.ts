import { get, patch, post, type Step } from '../step.ts';

const batch = (what: string, body: object): Step =>
  post('runs/log-batch', what, { run_id: '{{limitRun}}', ...body });

const metrics = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `m${i}`, value: i, timestamp: i, step: i }));
const pairs = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: `${i}` }));
const metric = (more: object) => ({ key: 'm', value: 1, timestamp: 1, ...more });

const setup: Step[] = [
  post('experiments/create', 'for limits', { name: 'limits' }, { capture: { limitExp: 'experiment_id' } }),
  ...['limitRun', 'goneRun', 'manyRun'].map((name, i) =>
    post(
      'runs/create',
      `for limits, ${i}`,
      { experiment_id: '{{limitExp}}', run_name: name, start_time: i },
      { capture: { [name]: 'run.info.run_id' } },
    ),
  ),
];

const sizes: Step[] = [
  batch('1,001 metrics', { metrics: metrics(1001) }),
  batch('101 params', { params: pairs(101) }),
  batch('101 tags', { tags: pairs(101) }),
  batch('1,001 in all', { metrics: metrics(1000), params: pairs(1) }),
  batch('too many of two kinds', { metrics: metrics(1001), params: pairs(101) }),
  post('runs/log-batch', '1,000 in all', {
    run_id: '{{manyRun}}',
    metrics: metrics(800),
    params: pairs(100),
    tags: pairs(100),
  }),
  batch('a key of 251', { metrics: [metric({ key: 'k'.repeat(251) })] }),
  batch('a parameter key of 251', { params: [{ key: 'k'.repeat(251), value: '' }] }),
  batch('a tag key of 251', { tags: [{ key: 'k'.repeat(251), value: '' }] }),
  batch('keys of 250', {
    metrics: [metric({ key: 'k'.repeat(250) })],
    params: [{ key: 'é'.repeat(250), value: '' }],
    tags: [{ key: 'k'.repeat(250), value: '' }],
  }),
  batch('a parameter of 6,001', { params: [{ key: 'long', value: 'v'.repeat(6001) }] }),
  batch('a tag of 8,001', { tags: [{ key: 'long', value: 'v'.repeat(8001) }] }),
];

const keys = [
  '',
  '..',
  '/a',
  'a//b',
  'a/',
  './a',
  'a\n',
  'a"b',
  'a\\b',
  '日本',
  '😀',
  ' ',
  '.',
  'a/b/c',
  'a:b',
];
const badKeys: Step[] = keys.flatMap((key) => [
  batch(`the metric ${JSON.stringify(key)}`, { metrics: [metric({}), metric({ key })] }),
  batch(`the parameter ${JSON.stringify(key)}`, { params: [{ key, value: '1' }] }),
  post('runs/set-tag', `the tag ${JSON.stringify(key)}`, { run_id: '{{limitRun}}', key, value: '1' }),
  post('experiments/set-experiment-tag', `the tag ${JSON.stringify(key)}`, {
    experiment_id: '{{limitExp}}',
    key,
    value: '1',
  }),
]);

const repeated: Step[] = [
  batch('two params', { params: pairs(2) }),
  batch('a parameter twice', {
    params: [...pairs(2), { key: 'k0', value: 'other' }, { key: 'k1', value: '1' }],
  }),
  batch('parameters with other values', {
    params: [
      { key: 'k0', value: 'other' },
      { key: 'new', value: '1' },
      { key: 'k1', value: 'it\'s "so"' },
    ],
  }),
  batch('a tag twice', {
    tags: [
      { key: 'twice', value: '1' },
      { key: 'twice', value: '2' },
    ],
  }),
  batch('an empty name', { tags: [{ key: 'mlflow.runName', value: '' }] }),
  batch('one point often', {
    metrics: [1, 1, 3, 'NaN'].map((value) => metric({ key: 'often', value, step: 1 })),
  }),
  get('metrics/get-history', 'one point often', { run_id: '{{limitRun}}', metric_key: 'often' }),
  ...['0', '-1', '2', 'x', '1.5', '25001', '99999999999'].map((size) =>
    get('metrics/get-history', `max_results ${size}`, {
      run_id: '{{limitRun}}',
      metric_key: 'often',
      max_results: size,
    }),
  ),
];

/** As they stand in the JSON. */
const values = [
  ...['"1.5"', '"nan"', '"inf"', '"-Infinity"', '"+1"', '" 1"', '"1e3"', '"1e400"', '""', 'null', 'true'],
  ...['1e308', '5e-324', '9007199254740993', 'Infinity', '1e400', '-0.0'],
];
const integers = [
  ...['-1', '"5"', '1.0', '1.5', '"1.0"', '1e3', '"1e3"', 'null', 'true', '""', '" 5"', '"+5"', '"0x5"'],
  ...['9223372036854775807', '-9223372036854775808', '"9223372036854775807"', '"9223372036854775808"'],
];
const sent = (path: string, what: string, raw: string) => post(path, what, undefined, { raw });
const numbers: Step[] = [
  ...values.map((value) =>
    sent(
      'runs/log-metric',
      `the value ${value}`,
      `{"run_id": "{{limitRun}}", "key": "value", "value": ${value}, "timestamp": 1}`,
    ),
  ),
  ...integers.flatMap((number) => [
    sent(
      'runs/log-metric',
      `the step ${number}`,
      `{"run_id": "{{limitRun}}", "key": "step", "value": 1, "timestamp": 1, "step": ${number}}`,
    ),
    sent(
      'runs/log-batch',
      `the timestamp ${number}`,
      `{"run_id": "{{limitRun}}", "metrics": [{"key": "time", "value": 1, "timestamp": ${number}}]}`,
    ),
    sent('runs/update', `the end ${number}`, `{"run_id": "{{limitRun}}", "end_time": ${number}}`),
  ]),
  get('metrics/get-history', 'many steps', { run_id: '{{limitRun}}', metric_key: 'step' }),
  get('metrics/get-history', 'many times', { run_id: '{{limitRun}}', metric_key: 'time' }),
];

const shapes: Step[] = ['metrics', 'params', 'tags'].flatMap((list) =>
  [{}, 'x', 1, [{}], [{ key: 'a' }], [{ value: 'a' }], [{ key: 1, value: 1, timestamp: 1 }]].map((value) =>
    batch(`${list} as ${JSON.stringify(value)}`, { [list]: value }),
  ),
);

const gone = { run_id: '{{goneRun}}' };
const writes: readonly (readonly [string, object])[] = [
  ['runs/log-metric', { key: 'k', value: 1, timestamp: 1 }],
  ['runs/log-parameter', { key: 'k', value: '1' }],
  ['runs/set-tag', { key: 'k', value: '1' }],
  ['runs/delete-tag', { key: 'k' }],
  ['runs/log-batch', { tags: pairs(1) }],
  ['runs/update', { status: 'FINISHED' }],
  ['runs/log-inputs', { models: [{ model_id: 'm-1' }] }],
  ['runs/outputs', { models: [{ model_id: 'm-1', step: 1 }] }],
  [
    'runs/log-model',
    { model_json: '{"artifact_path":"a","flavors":{},"utc_time_created":"t","run_id":"r"}' },
  ],
];
const deletedRuns: Step[] = [
  post('runs/delete', 'for limits', gone),
  ...writes.map(([path, body]) => post(path, 'of a deleted run', { ...gone, ...body })),
  post('runs/delete', 'a deleted run', gone),
  get('runs/get', 'a deleted run', gone),
  post('runs/search', 'of the deleted', { experiment_ids: ['{{limitExp}}'], run_view_type: 'DELETED_ONLY' }),
  post('runs/restore', 'for limits', gone),
  post('runs/restore', 'an active run', gone),
  ...writes.flatMap(([path, body]) =>
    ['', 'no/body', 'x'.repeat(257)].map((id) =>
      post(path, `the run id ${id.length > 20 ? 'of 257' : JSON.stringify(id)}`, { run_id: id, ...body }),
    ),
  ),
];

const dataset = (more: object) => ({
  datasets: [{ dataset: { name: 'd', digest: '1', source_type: 's', source: 'x', ...more } }],
});
const inputs: Step[] = [
  ...Object.entries({
    'a name of 501': { name: 'n'.repeat(501) },
    'a name of 500': { name: 'n'.repeat(500) },
    'a digest of 37': { digest: 'd'.repeat(37) },
    'a digest of 36': { digest: 'd'.repeat(36) },
    'an empty name': { name: '' },
    'no source': { source: undefined },
    'no digest': { digest: undefined },
    'a source of 65,536': { source: 's'.repeat(65_536) },
  }).map(([what, more]) => post('runs/log-inputs', what, { run_id: '{{limitRun}}', ...dataset(more) })),
  post('runs/log-inputs', 'a tag of 501', {
    run_id: '{{limitRun}}',
    datasets: [{ ...dataset({ digest: 't' }).datasets[0], tags: [{ key: 'k', value: 'v'.repeat(501) }] }],
  }),
  post('runs/log-inputs', 'a tag key of 256', {
    run_id: '{{limitRun}}',
    datasets: [{ ...dataset({ digest: 't' }).datasets[0], tags: [{ key: 'k'.repeat(256), value: '' }] }],
  }),
  post('runs/log-inputs', 'the same again', { run_id: '{{limitRun}}', ...dataset({ source: 'elsewhere' }) }),
  ...['', '[]', 'null', '{}', '{"run_id":"r"}'].map((json) =>
    post('runs/log-model', `the model ${json}`, { run_id: '{{limitRun}}', model_json: json }),
  ),
  post('runs/log-model', 'a config', {
    run_id: '{{limitRun}}',
    model_json:
      '{"artifact_path":"é","flavors":{"a":{"config":1,"x":2}},"utc_time_created":"t","run_id":"r","extra":1}',
  }),
  get('runs/get', 'all that was logged', { run_id: '{{limitRun}}' }),
];

const search = (filter: string): Step =>
  post('runs/search', `limits, ${filter}`, { experiment_ids: ['{{limitExp}}'], filter });
const searches: Step[] = [
  ...['created IS NULL', 'attributes.`Run Name` IS NOT NULL', 'run_name IS NULL', "dataset.name = 'd'"].map(
    search,
  ),
  ...["tags.twice = '2' AND params.k0 = '0'", "tags.twice LIKE '2%' and params.nothing IS NULL"].map(search),
];

const models: Step[] = [
  post(
    'logged-models',
    'for limits',
    { experiment_id: '{{limitExp}}', name: 'limits' },
    { capture: { limitModel: 'model.info.model_id' } },
  ),
  ...['a.b', 'a:b', 'a%b', "a'b", 'n'.repeat(500)].map((name) =>
    post('logged-models', `the name ${name.length > 20 ? 'of 500' : name}`, {
      experiment_id: '{{limitExp}}',
      name,
    }),
  ),
  ...['LOGGED_MODEL_UPLOAD_FAILED', '2', '', null].map((status) =>
    patch('logged-models/{{limitModel}}', `the status ${status}`, { model_id: '{{limitModel}}', status }),
  ),
  batch('a metric of half a data set', { metrics: [metric({ dataset_name: 'd' })] }),
  ...[[{ dataset_name: 'd' }], [{ dataset_digest: '1' }], [{}]].map((datasets) =>
    post('logged-models/search', `the data sets ${JSON.stringify(datasets)}`, {
      experiment_ids: ['{{limitExp}}'],
      datasets,
    }),
  ),
  ...['foo', 'name DESC', 'params.p', ''].map((name) =>
    post('logged-models/search', `ordered by ${name || 'nothing'}`, {
      experiment_ids: ['{{limitExp}}'],
      filter: "name = 'limits'",
      order_by: [{ field_name: name }],
    }),
  ),
];

/** How much and what of tracking is taken: limits, keys, numbers, deleted runs, inputs. */
export const trackingLimits: readonly Step[] = [
  ...setup,
  ...sizes,
  ...badKeys,
  ...repeated,
  ...numbers,
  ...shapes,
  ...deletedRuns,
  ...inputs,
  ...searches,
  ...models,
];
