import { allowedOfUi } from './allow-list-ui.ts';
import { type Allowed, error, INVALID, JSON_HEADERS } from './allowed.ts';
import type { Answer } from './normalise.ts';

const NO_NAME = "Missing value for required parameter 'name'.";
const SEE_DOCS = 'See the API docs for more information about request parameters.';

/** What the versions of the model `v` have in common. */
const noneVersion = {
  creation_timestamp: '<ms>',
  current_stage: 'None',
  description: '',
  last_updated_timestamp: '<ms>',
  name: 'v',
  run_id: '',
  run_link: '',
  source: 's3://bucket/model',
  status: 'READY',
};
const tag = (value: string) => [{ key: 'k', value }];

/** The dataset with the tag k = v1. */
const foundDataset = {
  created_by: 'bob',
  created_time: '<ms>',
  dataset_id: 'd-<id>',
  digest: '<digest>',
  last_update_time: '<ms>',
  last_updated_by: 'bob',
  name: 'alpha',
  tags: '{"k": "v1", "mlflow.user": "bob"}',
};

const datasetRecords = 'POST /api/3.0/mlflow/datasets/{{ds}}/records';
const datasetSearch = 'POST /api/3.0/mlflow/datasets/search';
const fewRecords = 'GET /api/3.0/mlflow/datasets/{{few}}/records';
const historyBulk = 'GET /ajax-api/2.0/mlflow/metrics/get-history-bulk';

/** What we say where MLflow's answer helps nobody. */
const ownWords: Readonly<Record<string, string>> = {
  'POST /api/3.0/mlflow/datasets/create: tags that are no JSON': "Parameter 'tags' is no JSON.",
  'POST /api/3.0/mlflow/datasets/create: a list as tags':
    "Parameter 'tags' must hold a JSON object, not a list.",
  'PATCH /api/3.0/mlflow/datasets/{{ds}}/tags: no JSON': "Parameter 'tags' is no JSON.",
  'PATCH /api/3.0/mlflow/datasets/{{ds}}/tags: a list':
    "Parameter 'tags' must hold a JSON object, not a list.",
  [`${datasetRecords}: no JSON`]: "Parameter 'records' is no JSON.",
  [`${datasetRecords}: null`]: "Parameter 'records' must hold a JSON list, not a NoneType.",
  [`${datasetRecords}: a text`]: "Parameter 'records' must hold a JSON list, not a str.",
  [`${datasetRecords}: an object`]: "Parameter 'records' must hold a JSON list, not a dict.",
  [`${datasetRecords}: a list of numbers`]: 'Each of the records must be a JSON object, not a int.',
  [`${datasetRecords}: a source: no type`]: "The source of a record has no 'source_type'.",
  [`${datasetRecords}: a source: an unknown field`]: "The source of a record has no field 'x'.",
  [`${datasetRecords}: a source: a text`]: 'The source of a record must be a JSON object, not a str.',
  [`${datasetRecords}: a source: a text as data`]:
    "The data of a record's source must be a JSON object, not a str.",
  [`${fewRecords}: -1`]: 'LIMIT must not be negative',
  [`${fewRecords}: a broken token`]: 'Invalid page token, could not base64-decode',
  [`${datasetSearch}: filter name like 'al%'`]: 'Invalid comparator for string attribute: like',
  [`${datasetSearch}: filter name NOT LIKE 'a%'`]: 'Invalid comparator for string attribute: NOT LIKE',
  [`${historyBulk}: max_results x`]:
    'Invalid value "x" for parameter \'max_results\' supplied. It must be an integer.',
  [`${historyBulk}: max_results empty`]:
    'Invalid value "" for parameter \'max_results\' supplied. It must be an integer.',
  'GET metrics/get-history: paged: a token of another shape': 'Invalid page token, could not base64-decode',
};

export const allowList: readonly Allowed[] = [
  ...allowedOfUi,
  {
    requests: ['GET /api/2.0/mlflow/registered-models%2Fget: an escaped slash'],
    reason:
      'an escaped slash is part of a name for us, in paths as everywhere; no client sends one in a route',
    ours: () => ({
      status: 404,
      headers: { ...JSON_HEADERS, 'content-type': 'text/html; charset=utf-8' },
      body:
        '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not ' +
        'found on the server. If you entered the URL manually please check your spelling and try again.</p>\n',
    }),
  },
  {
    requests: [
      /^\w+ (registered-models|model-versions)\S+: NUL/,
      /transition-stage: archiving into/,
      'GET registered-models/search: by the same key twice',
      'POST model-versions/create: models:/src/Staging',
      'POST model-versions/create: models:/src-empty/latest',
      'POST model-versions/create: file://host/etc/passwd',
      /datasets\/create: a (name|tag) with NUL$/,
      "POST /api/3.0/mlflow/datasets/search: filter name = 'a\0'",
      /metrics\/get-history\S*: (paged: )?a metric with NUL$/,
      /\/records: (null as inputs|a list as inputs|a text as expectations|a list as tags|one that is wrong behind .*)$/,
    ],
    reason: 'MLflow says what is wrong, but with a 500, which Python clients repeat for minutes',
    ours: (recorded) => error(400, INVALID, messageOf(recorded)),
  },
  {
    requests: [
      /^POST (registered-models|model-versions).*: a .* of (257|10,000|501|5001)$/,
      /: a run id of 33$/,
      /set-tag: a value of 100,000$/,
      /\/datasets\/.*: (a source: )?an? .* of (37|256|5,001)$/,
    ],
    reason: 'MLflow shows its SQL: of it we keep what the database said',
    ours: (recorded) => error(400, INVALID, `${/value too long for type [^<]*\)/.exec(messageOf(recorded))}`),
  },
  {
    requests: [
      'POST registered-models/rename: to a name that exists',
      'POST experiments/create: a name that exists',
      'POST experiments/create: the name of a deleted one',
    ],
    reason: 'MLflow shows its SQL behind the sentence',
    ours: (recorded) =>
      error(400, 'RESOURCE_ALREADY_EXISTS', `${/^.*? already exists\./.exec(messageOf(recorded))}`),
  },
  {
    requests: [
      /\/datasets\/.*: (an experiment twice|an object in a tag|a source: an object as its id)$/,
      'POST /api/3.0/mlflow/datasets/{{ds}}/add-experiments: a word',
      'POST /api/3.0/mlflow/datasets/d-nobody/records: one, of a dataset that is not there',
    ],
    reason: 'MLflow shows its SQL: of it we keep what the database said',
    ours: (recorded) => error(400, 'BAD_REQUEST', databaseSays(recorded)),
  },
  {
    requests: [
      'POST /api/3.0/mlflow/datasets/{{ds}}/records: NaN',
      "POST /api/3.0/mlflow/datasets/search: filter name RLIKE '['",
      'GET /ajax-api/2.0/mlflow/metrics/get-history-bulk: max_results -1',
    ],
    reason: 'the same, with the code that we give to all values that the database refuses',
    ours: (recorded) => error(400, INVALID, databaseSays(recorded)),
  },
  ...Object.entries(ownWords).map(([request, message]) => ({
    requests: [request],
    reason: 'MLflow answers 500, with a page or a sentence about its own code, or shows the token',
    ours: () => error(400, INVALID, message),
  })),
  {
    requests: ["POST /api/3.0/mlflow/datasets/search: filter tags.`k` = 'v1'"],
    reason: 'MLflow looks for a key with the quotes around it; we take them off, as in every other search',
    ours: ({ headers }) => ({ status: 200, headers, body: { datasets: [foundDataset] } }),
  },
  {
    requests: ['GET /ajax-api/2.0/mlflow/metrics/get-history-bulk: NaN and infinities'],
    reason: 'MLflow writes NaN without quotes here, which is no JSON; elsewhere it writes "NaN"',
    ours: ({ body, ...same }) => ({ ...same, body: JSON.parse(`${body}`.replace(':NaN', ':"NaN"')) }),
  },
  {
    requests: ['POST experiments/update: a name that exists'],
    reason: 'MLflow shows its SQL alone: we say what experiments/create says',
    ours: () => error(400, 'RESOURCE_ALREADY_EXISTS', 'Experiment(name=exp-s3) already exists.'),
  },
  {
    requests: [/search: (a tag )?is null: /],
    reason: 'MLflow answers a 500 page',
    ours: () => error(400, INVALID, 'Invalid comparison clause. Expected 3 tokens found 2'),
  },
  {
    requests: [/create: a list$/, /create: a string with a list inside$/],
    reason: 'MLflow answers a 500 page; an empty list holds no fields, like null',
    ours: () => error(400, INVALID, `${NO_NAME} ${SEE_DOCS}`),
  },
  {
    requests: [/create: (a list with a request|a number|true|a string|a string with a string .*)$/],
    reason: 'MLflow answers a 500 page',
    ours: () => error(400, INVALID, 'The request body must be a JSON object.'),
  },
  {
    requests: [/: 10,000 (lists )?deep/],
    reason: 'MLflow answers a 500 page',
    ours: () => error(400, INVALID, 'The request body must not nest deeper than 100 levels.'),
  },
  {
    requests: ['POST model-versions/transition-stage: Development'],
    reason: 'a stage of ours, stored and answered as None',
    ours: ({ headers }) => ({
      status: 200,
      headers,
      body: { model_version: { ...noneVersion, tags: tag(''), version: '4' } },
    }),
  },
  {
    requests: ['POST registered-models/get-latest-versions: Development'],
    reason: 'a stage of ours that stands for None',
    ours: ({ headers }) => ({
      status: 200,
      headers,
      body: { model_versions: [{ ...noneVersion, tags: tag('2'), version: '5' }] },
    }),
  },
  {
    requests: [/: a token that is no (base64|JSON)$/, 'POST runs/search: a broken token'],
    reason: 'page tokens are opaque, and ours are others: there is one sentence for what is none',
    ours: () => error(400, INVALID, 'Invalid page token, could not base64-decode'),
  },
  {
    requests: [/search: a token of another shape/, /search: the token of another filter/],
    reason: 'our pages begin at a key, not at an offset: a token is good for its own search only',
    ours: () => error(400, INVALID, 'Invalid page token, it belongs to another search'),
  },
  {
    requests: [/create: models:\/m-0{32} /],
    reason: 'MLflow answers 500, and says it in more words',
    ours: () => error(404, 'RESOURCE_DOES_NOT_EXIST', "Logged model with ID '<model id>' not found."),
  },
  {
    requests: [/create: file:\/\/\/etc\/passwd \{/, /create: \.\/x \{/],
    reason: 'MLflow shows where the path leads on its machine',
    ours: (recorded) => {
      const source = messageOf(recorded).includes('<folder>') ? './x' : 'file:///etc/passwd';
      return error(400, INVALID, messageOf(recorded).replace(/'[^']*'/, `'${source}'`));
    },
  },
  {
    requests: [/create: s3:\/\/bucket\/(\.\.;|\.\.\\|%5c)/],
    reason: 'we refuse these spellings of .. as well, and MLflow stores them',
    ours: (recorded) => error(400, INVALID, relativePath(sourceOf(recorded))),
  },
  {
    requests: ['GET registered-models/get: a workspace'],
    reason: 'MLflow answers 500, before its security headers are set',
    ours: ({ body }) => ({ status: 400, headers: JSON_HEADERS, body }),
  },
  {
    requests: ['POST logged-models/{{lm}}/params: another value'],
    reason: 'MLflow shows its SQL: of it we keep what the database said',
    ours: () =>
      error(
        400,
        'RESOURCE_ALREADY_EXISTS',
        'duplicate key value violates unique constraint "logged_model_params_pk"',
      ),
  },
  ...['[]', 'null'].map((json) => ({
    requests: [`POST runs/log-model: the model ${json}`],
    reason: 'MLflow answers a 500 page',
    ours: () => error(400, INVALID, `Malformed model info. \n ${json} \n is not a valid JSON.`),
  })),
  {
    requests: ['POST logged-models/search: an unknown attribute'],
    reason: 'MLflow answers 500 with a sentence about its own code',
    ours: () =>
      error(
        400,
        INVALID,
        "Invalid attribute key 'colour' specified. Valid keys are '{'artifact_location', 'creation_timestamp_ms', 'experiment_id', 'last_updated_timestamp_ms', 'lifecycle_stage', 'model_id', 'model_type', 'name', 'source_run_id', 'status', 'status_message'}'",
      ),
  },
  {
    requests: [/^PUT .*: over a folder$/],
    reason: 'MLflow answers 500',
    ours: () => error(400, INVALID, wrongKind('model')),
  },
  {
    requests: [/^PUT .*: below a file$/],
    reason: 'MLflow answers 500',
    ours: () => error(400, INVALID, wrongKind('empty/below')),
  },
  {
    requests: [/mlflow-artifacts.*: (a backslash|NUL|dots and a semicolon)$/],
    reason:
      'we refuse these spellings of a path on every artifact route; MLflow has files by such names, or fails',
    ours: () => error(400, INVALID, 'Invalid path'),
  },
  {
    requests: [/mlflow-artifacts.*: a folder as a file$/, 'GET /get-artifact: a folder'],
    reason: 'absent for clients, whose fallbacks wait for 404',
    ours: () =>
      error(
        404,
        'RESOURCE_DOES_NOT_EXIST',
        "Artifact path refers to a directory, not a file: '{{lmExp}}/{{lmRun}}/artifacts/model'",
      ),
  },
  {
    requests: [
      'GET model-versions/get-download-uri: of artifacts',
      'GET model-versions/get-download-uri: of a run',
    ],
    reason: 'what a version points to is copied when it is registered',
    copies: true,
    ours: (recorded) => ({
      ...recorded,
      body: { artifact_uri: 'mlflow-artifacts:/.tabularium/pinned/<id>/1' },
    }),
  },
  {
    requests: ['GET /model-versions/get-artifact: a file that is not there'],
    reason: 'what a version points to is copied when it is registered',
    copies: true,
    ours: () =>
      error(404, 'RESOURCE_DOES_NOT_EXIST', "No such artifact: '.tabularium/pinned/<id>/1/nothing'"),
  },
  {
    requests: ['GET /model-versions/get-artifact: a file of a run'],
    reason: 'MLflow answers 500 with its database address; here the file has been copied',
    copies: true,
    ours: () => ({
      status: 200,
      headers: {
        ...JSON_HEADERS,
        'content-disposition': 'attachment; filename=MLmodel',
        'content-type': 'text/plain',
      },
      body: 'flavors: {}\n',
    }),
  },
  {
    requests: ['GET /model-versions/get-artifact: no version'],
    reason: 'MLflow answers 500 with a sentence of Python',
    ours: () => error(400, INVALID, "Missing value for required parameter 'version'."),
  },
];

function messageOf(answer: Answer): string {
  return (answer.body as { message: string }).message;
}

/** The sentence of Postgres, or of its driver, in what MLflow says. */
const databaseSays = (answer: Answer): string =>
  `${/\(psycopg2\.[\w.]+\) (.*?)(?:\n| <SQL>)/.exec(messageOf(answer))?.[1]}`;

function sourceOf(answer: Answer): string {
  return (answer.body as { model_version: { source: string } }).model_version.source;
}

const relativePath = (source: string) =>
  `Invalid model version source: '${source}'. If supplying a source as an http, https, local file path, ftp, ` +
  'objectstore, or mlflow-artifacts uri, an absolute path must be provided without relative path references ' +
  'present. Please provide an absolute path.';

const wrongKind = (path: string) =>
  `Invalid artifact path: '{{lmExp}}/{{lmRun}}/artifacts/${path}' needs a folder where a file is, or the reverse`;
