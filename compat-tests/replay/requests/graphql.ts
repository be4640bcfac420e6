import { post, type Step, step } from '../step.ts';

/** What the web UI asks at `/graphql`, and what nobody should. */

const ask = (what: string, query: unknown, variables?: unknown, operationName?: unknown): Step =>
  post('/graphql', what, { query, variables, operationName });

const apiError = 'apiError { code message helpUrl }';
const component = '@component(name: "MLflow.ExperimentRunTracking")';
const keysAndValues = '{ __typename key value }';
const experiment = `experiment { __typename artifactLocation creationTime effectiveTraceArchivalRetention experimentId
  lastUpdateTime lifecycleStage name workspace tags ${keysAndValues} }`;
const run = `__typename
  info { __typename runName status runId runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
  ${experiment}
  modelVersions { __typename status version name source creationTimestamp lastUpdatedTimestamp currentStage description
    runId runLink userId statusMessage aliases modelId tags ${keysAndValues} }
  data { __typename metrics { __typename key value step timestamp datasetName datasetDigest modelId runId }
    params ${keysAndValues} tags ${keysAndValues} }
  inputs { __typename modelInputs { modelId } datasetInputs { __typename tags ${keysAndValues}
    dataset { __typename digest name profile schema source sourceType } } }
  outputs { __typename modelOutputs { __typename modelId step } }`;

const getExperiment = `query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) ${component} {
  mlflowGetExperiment(input: $input) { __typename ${apiError} ${experiment} } }`;
const getRun = `query GetRun($data: MlflowGetRunInput!) ${component} {
  mlflowGetRun(input: $data) { __typename ${apiError} run { ${run} } } }`;
const searchRuns = `query SearchRuns($data: MlflowSearchRunsInput!) {
  mlflowSearchRuns(input: $data) { __typename ${apiError} nextPageToken runs { ${run} } } }`;
const history = `query GetMetricHistoryBulkInterval($data: MlflowGetMetricHistoryBulkIntervalInput!) ${component} {
  mlflowGetMetricHistoryBulkInterval(input: $data) { __typename ${apiError}
    metrics { __typename timestamp step runId key value } } }`;

/** A query of one field, with what is selected in the experiment. */
const names = (selection: string) =>
  `{ mlflowGetExperiment(input: {experimentId: "{{gq}}"}) { experiment { ${selection} } } }`;
const aliases = (letter: string, number: number) =>
  Array.from({ length: number }, (_, i) => `${letter}${i}: name`).join(' ');
const nested = (levels: number) => `{ mlflowGetExperiment ${'{ a '.repeat(levels)}${'}'.repeat(levels)} }`;

const typename = JSON.stringify({ query: '{ __typename }' });
const sent = (what: string, raw: string, headers: Record<string, string | null> = {}): Step =>
  step('POST', '/graphql', what, { raw, headers });

export const graphql: readonly Step[] = [
  post(
    'experiments/create',
    'for graphql',
    { name: 'gq', tags: [{ key: 'team', value: 'fraud' }] },
    { capture: { gq: 'experiment_id' } },
  ),
  post(
    'runs/create',
    'for graphql',
    { experiment_id: '{{gq}}', run_name: 'first', start_time: 1000, user_id: 'ada' },
    { capture: { gqRun: 'run.info.run_id' } },
  ),
  post('runs/log-batch', 'for graphql', {
    run_id: '{{gqRun}}',
    metrics: [
      { key: 'acc', value: 0.5, timestamp: 1, step: 1 },
      { key: 'acc', value: 0.25, timestamp: 2, step: 2 },
      { key: 'gap', value: 'NaN', timestamp: 3, step: 0 },
      { key: 'top', value: 'Infinity', timestamp: 4, step: -1 },
    ],
    params: [{ key: 'depth', value: '3' }],
    tags: [{ key: 'k', value: 'v' }],
  }),
  // A step that a double cannot hold.
  step('POST', '/api/2.0/mlflow/runs/log-metric', 'for graphql, a long step', {
    raw: '{"run_id": "{{gqRun}}", "key": "long", "value": 1, "timestamp": 5, "step": 9007199254740993}',
  }),
  post('runs/log-inputs', 'for graphql', {
    run_id: '{{gqRun}}',
    datasets: [
      {
        tags: [{ key: 'mlflow.data.context', value: 'train' }],
        dataset: { name: 'd', digest: 'x', source_type: 'local', source: '{}' },
      },
    ],
  }),
  post(
    'logged-models',
    'for graphql',
    { experiment_id: '{{gq}}', name: 'lm', source_run_id: '{{gqRun}}' },
    { capture: { gqModel: 'model.info.model_id' } },
  ),
  post('runs/outputs', 'for graphql', {
    run_id: '{{gqRun}}',
    models: [{ model_id: '{{gqModel}}', step: 3 }],
  }),
  post('registered-models/create', 'for graphql', { name: 'gqm' }),
  post('model-versions/create', 'for graphql', {
    name: 'gqm',
    source: 's3://bucket/gqm',
    run_id: '{{gqRun}}',
    tags: [{ key: 'k', value: 'v' }],
  }),
  post('registered-models/alias', 'for graphql', { name: 'gqm', alias: 'champion', version: '1' }),
  post(
    'runs/create',
    'for graphql, without anything',
    { experiment_id: '{{gq}}', run_name: 'second', start_time: 500 },
    { capture: { gqBare: 'run.info.run_id' } },
  ),

  ask('an experiment', getExperiment, { input: { experimentId: '{{gq}}' } }),
  ask('an experiment in camel case and snake', getExperiment, { input: { experiment_id: '{{gq}}' } }),
  ask('an experiment that is not there', getExperiment, { input: { experimentId: '999999999' } }),
  ask('an experiment id that is no number', getExperiment, { input: { experimentId: 'abc' } }),
  ask('no experiment id', getExperiment, { input: {} }),
  ask('no input', '{ mlflowGetExperiment { experiment { name } } }'),
  ask('null as input', '{ mlflowGetExperiment(input: null) { experiment { name } } }'),

  ask('a run with everything', getRun, { data: { runId: '{{gqRun}}' } }),
  ask('a run with nothing, by its old id', getRun, { data: { runUuid: '{{gqBare}}' } }),
  ask('a run that is not there', getRun, { data: { runId: 'nope' } }),
  ask('null as run id', getRun, { data: { runId: null } }),
  ask('no run id', getRun, { data: {} }),
  ask('no variables', getRun),
  ask('a number as run id', getRun, { data: { runId: 5 } }),
  ask('a variable with a field that is not there', getRun, { data: { nope: 'x' } }),
  ask('a text as variables', getRun, 'x'),
  ask('a list as variables', getRun, [1]),

  ask('all runs', searchRuns, { data: { experimentIds: ['{{gq}}'] } }),
  ask('runs by filter and order', searchRuns, {
    data: { experimentIds: ['{{gq}}'], filter: 'metrics.acc > 0.1', orderBy: ['metrics.acc DESC'] },
  }),
  ask('a page of runs', searchRuns, {
    data: { experimentIds: ['{{gq}}'], maxResults: 1, orderBy: ['attributes.start_time ASC'] },
  }),
  ask('runs of no experiment', searchRuns, { data: {} }),
  ask('runs of an experiment that is none', searchRuns, { data: { experimentIds: ['x'] } }),
  ask('runs by a filter that is none', searchRuns, { data: { experimentIds: ['{{gq}}'], filter: 'x y' } }),
  ask('too many runs', searchRuns, { data: { experimentIds: ['{{gq}}'], maxResults: 50_001 } }),
  ask('runs of an unknown view', searchRuns, { data: { experimentIds: ['{{gq}}'], runViewType: 'NONE' } }),
  ask('runs by a page token that is none', searchRuns, {
    data: { experimentIds: ['{{gq}}'], pageToken: 'x' },
  }),

  ask('a history', history, { data: { runIds: ['{{gqRun}}', '{{gqBare}}'], metricKey: 'acc' } }),
  ask('a history in a range', history, {
    data: { runIds: ['{{gqRun}}'], metricKey: 'acc', startStep: 2, endStep: 2, maxResults: 1 },
  }),
  ask('a history with a long step', history, { data: { runIds: ['{{gqRun}}'], metricKey: 'long' } }),
  ask('a history with an infinity', history, { data: { runIds: ['{{gqRun}}'], metricKey: 'top' } }),
  ask('a history with NaN', history, { data: { runIds: ['{{gqRun}}'], metricKey: 'gap' } }),
  ask('a history of no metric', history, { data: { runIds: ['{{gqRun}}'] } }),
  ask('a history of no run', history, { data: { metricKey: 'acc' } }),
  ask('a history of a run that is not there', history, { data: { runIds: ['nope'], metricKey: 'acc' } }),

  ask('a name and a script as alias', names('__typename a: name')),
  ask('two fields at the root', '{ a: __typename b: __typename }'),
  ask('eleven fields at the root', `{ ${'__typename '.repeat(11)} }`),
  ask('ten aliases', names(aliases('a', 10))),
  ask('eleven aliases', names(aliases('a', 11))),
  ask(
    'twelve aliases in two fragments',
    `${names('...A ...B')} fragment A on MlflowExperiment { ${aliases('a', 6)} }
    fragment B on MlflowExperiment { ${aliases('b', 6)} }`,
  ),
  ask(
    'fragments that spread each other',
    `${names('...A')} fragment A on MlflowExperiment { name ...B } fragment B on MlflowExperiment { ...A }`,
  ),
  ask('a fragment that is not used', `${names('name')} fragment A on MlflowExperiment { name }`),
  ask('ten levels', nested(9)),
  ask('eleven levels', nested(10)),
  ask('a hundred levels', nested(99)),
  ask('a thousand fields', names('name '.repeat(998))),
  ask('over a thousand fields', names('name '.repeat(1001))),

  ask('a field that is not there', '{ nope }'),
  ask('a field in a field that is not there', names('nope')),
  ask('an unknown type', 'query A($x: Nope) { __typename }'),
  ask('an unknown directive', 'query @x { __typename }'),
  ask('a directive without its argument', 'query @component { __typename }'),
  ask('a directive twice', 'query @component(name: "a") @component(name: "b") { __typename }'),
  ask('a field without a selection', '{ mlflowGetExperiment(input: {}) }'),
  ask('two queries without a name', 'query A { __typename } query B { __typename }'),
  ask('two queries, one by name', 'query A { __typename } query B { __typename }', undefined, 'B'),
  ask('a query by a name that is not there', 'query A { __typename }', undefined, 'B'),
  ask('a number as name', 'query A { __typename }', undefined, 5),
  ask('a subscription', 'subscription { x }'),
  ask('a type', 'type A { x: Int }'),

  ask('no GraphQL', '{ nope( }'),
  ask('an empty query', ''),
  ask('no query', undefined),
  ask('null as query', null),
  ask('a number as query', 5),
  sent('a batch', `[${typename}, ${typename}]`),
  sent('an empty batch', '[]'),
  sent('no JSON', '{'),
  sent('nothing', ''),
  sent('text/plain', typename, { 'content-type': 'text/plain' }),
  sent('no content type', typename, { 'content-type': null }),
  sent('a form', 'query=%7B__typename%7D', { 'content-type': 'application/x-www-form-urlencoded' }),
  sent('application/graphql', '{ __typename }', { 'content-type': 'application/graphql' }),
  sent('a charset', typename, { 'content-type': 'application/json; charset=utf-8' }),
  sent('from a page elsewhere', typename, { origin: 'https://elsewhere.example' }),
  sent('from a page without an origin', typename, { origin: 'null' }),
  sent('from a page of this machine', typename, { origin: 'http://localhost:3000' }),
  step('GET', '/graphql', 'a query in the URL', { query: { query: '{ __typename }' } }),
  step('GET', '/graphql', 'nothing'),
  step('PUT', '/graphql', 'another verb', { raw: typename }),
  step('OPTIONS', '/graphql', 'which verbs there are'),
  step('POST', '/api/2.0/mlflow/graphql', 'at a path where it is not', { raw: typename }),
];
