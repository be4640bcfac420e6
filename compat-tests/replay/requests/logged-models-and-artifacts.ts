import { del, get, patch, post, type Step, step } from '../step.ts';

const MODEL = 'logged-models/{{lm}}';
const FILES = '/api/2.0/mlflow-artifacts/artifacts';
const bytes = { headers: { 'content-type': 'application/octet-stream' } };

const loggedModels: Step[] = [
  post(
    'experiments/create',
    'for logged models',
    { name: 'lm-exp' },
    { capture: { lmExp: 'experiment_id' } },
  ),
  post(
    'runs/create',
    'for logged models',
    { experiment_id: '{{lmExp}}', run_name: 'lm', start_time: 1 },
    {
      capture: { lmRun: 'run.info.run_id' },
    },
  ),
  post(
    'logged-models',
    'everything',
    {
      experiment_id: '{{lmExp}}',
      name: 'forest',
      model_type: 'classifier',
      source_run_id: '{{lmRun}}',
      params: [{ key: 'trees', value: '10' }],
      tags: [{ key: 'team', value: 'risk' }],
    },
    { capture: { lm: 'model.info.model_id' } },
  ),
  post('logged-models', 'a slash in the name', { experiment_id: '{{lmExp}}', name: 'a/b' }),
  post('logged-models', 'an empty name', { experiment_id: '{{lmExp}}', name: '' }),
  post('logged-models', 'no experiment', { name: 'x' }),
  post('logged-models', 'an experiment that is not there', { experiment_id: '999999', name: 'x' }),
  get(MODEL, 'one'),
  get('logged-models/m-nobody', 'one that is not there'),
  patch(MODEL, 'ready', { model_id: '{{lm}}', status: 'LOGGED_MODEL_READY' }),
  patch(MODEL, 'a number as status', { model_id: '{{lm}}', status: 2 }),
  patch(MODEL, 'an unknown status', { model_id: '{{lm}}', status: 'HAPPY' }),
  patch(MODEL, 'no status', { model_id: '{{lm}}' }),
  patch('logged-models/m-nobody', 'one that is not there', {
    model_id: 'm-nobody',
    status: 'LOGGED_MODEL_READY',
  }),
  patch(`${MODEL}/tags`, 'two', {
    model_id: '{{lm}}',
    tags: [
      { key: 'team', value: 'fraud' },
      { key: 'b', value: '' },
    ],
  }),
  patch(`${MODEL}/tags`, 'none', { model_id: '{{lm}}' }),
  del(`${MODEL}/tags/b`, 'one'),
  del(`${MODEL}/tags/b`, 'the same again'),
  post(`${MODEL}/params`, 'one', { model_id: '{{lm}}', params: [{ key: 'depth', value: '3' }] }),
  post(`${MODEL}/params`, 'another value', { model_id: '{{lm}}', params: [{ key: 'depth', value: '4' }] }),
  post('runs/outputs', 'one', { run_id: '{{lmRun}}', models: [{ model_id: '{{lm}}', step: 1 }] }),
  post('runs/log-inputs', 'a model', { run_id: '{{lmRun}}', models: [{ model_id: '{{lm}}' }] }),
  post('runs/log-batch', 'a metric of the model', {
    run_id: '{{lmRun}}',
    metrics: [
      {
        key: 'auc',
        value: 0.5,
        timestamp: 1,
        step: 0,
        model_id: '{{lm}}',
        dataset_name: 'd',
        dataset_digest: '1',
      },
    ],
  }),
  get('runs/get', 'with inputs and outputs', { run_id: '{{lmRun}}' }),
  get(MODEL, 'with metrics'),
  post('logged-models/search', 'by name', { experiment_ids: ['{{lmExp}}'], filter: "name = 'forest'" }),
  post('logged-models/search', 'by metric', { experiment_ids: ['{{lmExp}}'], filter: 'metrics.auc > 0.4' }),
  post('logged-models/search', 'an unknown attribute', {
    experiment_ids: ['{{lmExp}}'],
    filter: "colour = 'x'",
  }),
  post('logged-models/search', 'no experiments', { filter: "name = 'forest'" }),
  post('logged-models/search', 'by metric, ordered', {
    experiment_ids: ['{{lmExp}}'],
    order_by: [{ field_name: 'metrics.auc', ascending: false }],
  }),
  post(
    'logged-models',
    'to be deleted',
    { experiment_id: '{{lmExp}}', name: 'doomed' },
    {
      capture: { doomed: 'model.info.model_id' },
    },
  ),
  del('logged-models/{{doomed}}', 'one'),
  get('logged-models/{{doomed}}', 'a deleted one'),
  del('logged-models/{{doomed}}', 'the same again'),
];

const put = (path: string, what: string, raw: string, more = {}): Step =>
  step('PUT', `${FILES}/${path}`, what, { ...bytes, raw, ...more });

const artifacts: Step[] = [
  put('{{lmExp}}/{{lmRun}}/artifacts/model/MLmodel', 'a file', 'flavors: {}\n'),
  put('{{lmExp}}/{{lmRun}}/artifacts/model/data.json', 'a JSON file', '{"a": [1, 2]}'),
  put('{{lmExp}}/{{lmRun}}/artifacts/page.html', 'an HTML file', '<h1>Hi</h1>'),
  put('{{lmExp}}/{{lmRun}}/artifacts/with%20space%20%C3%A9.txt', 'an escaped name', 'é'),
  put('{{lmExp}}/{{lmRun}}/artifacts/empty', 'an empty file', ''),
  put('{{lmExp}}/{{lmRun}}/artifacts/model', 'over a folder', 'x'),
  put('{{lmExp}}/{{lmRun}}/artifacts/empty/below', 'below a file', 'x'),
  put('{{lmExp}}/{{lmRun}}/artifacts/typed.txt', 'with a content type of text', 'x', {
    headers: { 'content-type': 'text/plain' },
  }),
  put('..%2f..%2fsecret', 'escaped dots', 'x'),
  put('%252e%252e/secret', 'doubly escaped dots', 'x'),
  put('..%5csecret', 'a backslash', 'x'),
  put('a%00b', 'NUL', 'x'),
  put('..;/secret', 'dots and a semicolon', 'x'),
  put('%2Fetc%2Fsecret', 'an absolute path', 'x'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/model/MLmodel`, 'a file'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/model/data.json`, 'a JSON file'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/page.html`, 'an HTML file'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/empty`, 'an empty file'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/model`, 'a folder as a file'),
  get(`${FILES}/{{lmExp}}/{{lmRun}}/nothing`, 'a file that is not there'),
  get(`${FILES}/..%2f..%2fetc/passwd`, 'escaped dots'),
  get(`${FILES}/%252e%252e/passwd`, 'doubly escaped dots'),
  get(`${FILES}/..%5cpasswd`, 'a backslash'),
  get(`${FILES}/a%00b`, 'NUL'),
  get(FILES, 'the root of a run', { path: '{{lmExp}}/{{lmRun}}/artifacts' }),
  get(FILES, 'a folder', { path: '{{lmExp}}/{{lmRun}}/artifacts/model' }),
  get(FILES, 'a folder that is not there', { path: '{{lmExp}}/{{lmRun}}/nothing' }),
  get(FILES, 'a file as a folder', { path: '{{lmExp}}/{{lmRun}}/artifacts/page.html' }),
  get(FILES, 'dots', { path: '../..' }),
  get(FILES, 'escaped dots', { path: '%2e%2e/x' }),
  get(FILES, 'doubly escaped dots', { path: '%252e%252e/x' }),
  get(FILES, 'dots and a semicolon', { path: '..;/x' }),
  get(FILES, 'a backslash', { path: '..\\x' }),
  get(FILES, 'NUL', { path: 'a\u0000b' }),
  get(FILES, 'an absolute path', { path: '/etc' }),
  get(FILES, 'a fragment', { path: 'a#b' }),
  get(`/ajax-api/2.0/mlflow-artifacts/artifacts`, 'the prefix of the web UI', {
    path: '{{lmExp}}/{{lmRun}}/artifacts/model',
  }),
  post(`${FILES}/x`, 'a wrong verb', {}),

  get('artifacts/list', 'of a run', { run_id: '{{lmRun}}' }),
  get('artifacts/list', 'of a folder of a run', { run_id: '{{lmRun}}', path: 'model' }),
  get('artifacts/list', 'of a folder that is not there', { run_id: '{{lmRun}}', path: 'nothing' }),
  get('artifacts/list', 'dots', { run_id: '{{lmRun}}', path: '../' }),
  get('artifacts/list', 'of a run that is not there', { run_id: 'nobody' }),
  get('artifacts/list', 'no query'),
  get('/get-artifact', 'a file', { run_id: '{{lmRun}}', path: 'model/MLmodel' }),
  get('/get-artifact', 'by the old name of the id', { run_uuid: '{{lmRun}}', path: 'page.html' }),
  get('/get-artifact', 'a file that is not there', { run_id: '{{lmRun}}', path: 'nothing' }),
  get('/get-artifact', 'a folder', { run_id: '{{lmRun}}', path: 'model' }),
  get('/get-artifact', 'dots', { run_id: '{{lmRun}}', path: '../x' }),
  get('/get-artifact', 'doubly escaped dots', { run_id: '{{lmRun}}', path: '%252e%252e/x' }),
  get('/get-artifact', 'no path', { run_id: '{{lmRun}}' }),
  get('/get-artifact', 'a run that is not there', { run_id: 'nobody', path: 'x' }),

  post('registered-models/create', 'for its artifacts', { name: 'art' }),
  post('model-versions/create', 'for its artifacts', {
    name: 'art',
    source: 'mlflow-artifacts:/{{lmExp}}/{{lmRun}}/artifacts/model',
    run_id: '{{lmRun}}',
  }),
  post('model-versions/create', 'for its artifacts, by run', {
    name: 'art',
    source: 'runs:/{{lmRun}}/model',
    run_id: '{{lmRun}}',
  }),
  get('model-versions/get-download-uri', 'of artifacts', { name: 'art', version: '1' }),
  get('model-versions/get-download-uri', 'of a run', { name: 'art', version: '2' }),
  get('/model-versions/get-artifact', 'a file', { name: 'art', version: '1', path: 'MLmodel' }),
  get('/model-versions/get-artifact', 'a file of a run', { name: 'art', version: '2', path: 'MLmodel' }),
  get('/model-versions/get-artifact', 'a file that is not there', {
    name: 'art',
    version: '1',
    path: 'nothing',
  }),
  get('/model-versions/get-artifact', 'dots', { name: 'art', version: '1', path: '../x' }),
  get('/model-versions/get-artifact', 'no path', { name: 'art', version: '1' }),
  get('/model-versions/get-artifact', 'no version', { name: 'art', path: 'x' }),
  get('/model-versions/get-artifact', 'a version that is not there', {
    name: 'art',
    version: '9',
    path: 'x',
  }),

  step('PUT', `${FILES}/{{lmExp}}/models/{{lm}}/artifacts/MLmodel`, 'of a logged model', {
    ...bytes,
    raw: 'model',
  }),
  get(`${MODEL}/artifacts/directories`, 'of a logged model'),
  get(`/ajax-api/2.0/mlflow/${MODEL}/artifacts/files`, 'a file', { artifact_file_path: 'MLmodel' }),
  get(`/ajax-api/2.0/mlflow/${MODEL}/artifacts/files`, 'dots', { artifact_file_path: '../x' }),

  del(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/page.html`, 'a file'),
  del(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/page.html`, 'the same again'),
  del(`${FILES}/{{lmExp}}/{{lmRun}}/artifacts/model`, 'a folder'),
  del(`${FILES}/..%2fx`, 'escaped dots'),
  get(FILES, 'after the deletion', { path: '{{lmExp}}/{{lmRun}}/artifacts' }),
];

/** Logged models, and artifacts by every route that serves them. */
export const loggedModelsAndArtifacts: Step[] = [...loggedModels, ...artifacts];
