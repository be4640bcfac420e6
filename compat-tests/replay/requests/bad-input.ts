import { del, get, post, type Step, step } from '../step.ts';

const CREATE = 'registered-models/create';
const json = { 'content-type': 'application/json' };

/** Bodies and content types that no RPC wants; `registered-models/create` stands for all. */
const bodies: Step[] = [
  post(CREATE, 'no body', undefined),
  post(CREATE, 'an empty body', undefined, { raw: '' }),
  post(CREATE, 'no JSON', undefined, { raw: '{"name": ' }),
  post(CREATE, 'words', undefined, { raw: 'name=x' }),
  post(CREATE, 'a list', undefined, { raw: '[]' }),
  post(CREATE, 'a list with a request', undefined, { raw: '[{"name": "bad-list"}]' }),
  post(CREATE, 'a number', undefined, { raw: '5' }),
  post(CREATE, 'null', undefined, { raw: 'null' }),
  post(CREATE, 'true', undefined, { raw: 'true' }),
  post(CREATE, 'a string', undefined, { raw: '"hello"' }),
  post(CREATE, 'a string with JSON inside', undefined, { raw: '"{\\"name\\": \\"bad-double\\"}"' }),
  post(CREATE, 'a string with a string with JSON inside', undefined, {
    raw: JSON.stringify(JSON.stringify(JSON.stringify({ name: 'bad-treble' }))),
  }),
  post(CREATE, 'a string with a list inside', undefined, { raw: '"[]"' }),
  post(CREATE, '10,000 deep', undefined, { raw: `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}` }),
  post(CREATE, '10,000 lists deep in a field', undefined, {
    raw: `{"name": "bad-deep", "tags": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  }),
  post(CREATE, '50 deep in an unknown field', undefined, {
    raw: `{"name": "bad-deep-unknown", "x": ${'['.repeat(50)}${']'.repeat(50)}}`,
  }),
  post(CREATE, 'a key twice', undefined, { raw: '{"name": "bad-first", "name": "bad-second"}' }),
  post(CREATE, 'NaN in an unknown field', undefined, { raw: '{"name": "bad-nan", "x": NaN}' }),
  post(CREATE, 'NaN as name', undefined, { raw: '{"name": NaN}' }),
  post(CREATE, 'a float as name', undefined, { raw: '{"name": 1.50}' }),
  post(CREATE, 'an object as name', undefined, { raw: '{"name": {"a": "é", "b": [1, null]}}' }),
  post(CREATE, 'a byte order mark', undefined, { raw: '\ufeff{"name": "bad-bom"}' }),
  post(CREATE, 'a trailing comma', undefined, { raw: '{"name": "bad-comma",}' }),
  post(CREATE, 'spaces around', undefined, { raw: ' \n{"name": "bad-spaces"}\n ' }),
  post(CREATE, 'a line break in a string', undefined, { raw: '{"name": "bad\nbreak"}' }),
  post(CREATE, 'no content type', { name: 'bad-type' }, { headers: { 'content-type': null } }),
  post(CREATE, 'text/plain', { name: 'bad-type' }, { headers: { 'content-type': 'text/plain' } }),
  post(CREATE, 'a form', undefined, {
    raw: 'name=bad-type',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  }),
  post(
    CREATE,
    'a charset',
    { name: 'good-charset' },
    { headers: { 'content-type': 'application/json; charset=utf-8' } },
  ),
  post(
    CREATE,
    'another charset',
    { name: 'good-latin' },
    { headers: { 'content-type': 'application/json; charset=latin-1' } },
  ),
  post(
    CREATE,
    'a content type in capitals',
    { name: 'good-capitals' },
    { headers: { 'content-type': 'Application/JSON' } },
  ),
  post(
    CREATE,
    'a dialect of JSON',
    { name: 'bad-dialect' },
    { headers: { 'content-type': 'application/vnd.x+json' } },
  ),
  get(
    'registered-models/get',
    'a wrong content type',
    { name: 'plain' },
    { headers: { 'content-type': 'text/plain' } },
  ),
  del(
    'registered-models/delete',
    'no content type',
    { name: 'PLAIN' },
    { headers: { 'content-type': null } },
  ),
  post('registered-models/rename', 'camelCase', { name: 'bad-spaces', newName: 'bad-spaces-2' }),
  post('registered-models/rename', 'both spellings', { name: 'bad-spaces-2', newName: 'x', new_name: 'y' }),
  get('registered-models/search', 'camelCase in the query', { maxResults: '1', filter: "name = 'plain'" }),
  post(CREATE, 'arguments in the query only', undefined, { query: { name: 'bad-query' }, headers: json }),
];

/** Verbs and paths: what is no route, and what is one twice. */
const verbs: Step[] = [
  del('registered-models/get', 'a wrong verb'),
  get('registered-models/create', 'a wrong verb'),
  step('PUT', 'registered-models/alias', 'a wrong verb of three'),
  step('PUT', 'model-versions/update', 'a wrong verb'),
  post('model-versions/get', 'a wrong verb', { name: 'v', version: '1' }),
  step('HEAD', 'registered-models/get', 'a model', { query: { name: 'plain' } }),
  step('HEAD', 'registered-models/create', 'a route without GET'),
  step('OPTIONS', 'registered-models/alias', 'what is allowed'),
  get('registered-models/nonsense', 'an unknown path'),
  post('nonsense', 'an unknown path', {}),
  get('registered-models/get/', 'a slash at the end', { name: 'plain' }),
  get('/api/2.0/mlflow//registered-models/get', 'two slashes', { name: 'plain' }),
  get('/api/2.0/mlflow/Registered-Models/get', 'capitals', { name: 'plain' }),
  get('/api/2.0/mlflow/registered-models%2Fget', 'an escaped slash', { name: 'plain' }),
  get('/api/2.0/preview/mlflow/registered-models/get', 'the old prefix', { name: 'plain' }),
  get('/api/3.0/mlflow/registered-models/get', 'another version', { name: 'plain' }),
  get('/ajax-api/2.0/mlflow/registered-models/get', 'the prefix of the web UI', { name: 'plain' }),
  post('/ajax-api/2.0/mlflow/registered-models/create', 'the prefix of the web UI', { name: 'good-ajax' }),
  get('/ajax-api/2.0/mlflow/registered-models/get', 'an error at the prefix of the web UI', {
    name: 'nobody',
  }),
  get('/version', 'text'),
  get('/health', 'text'),
  post('/version', 'a wrong verb'),
];

/** Headers that the security layer reads. */
const headers: Step[] = [
  post(
    CREATE,
    'from a foreign origin',
    { name: 'bad-origin' },
    { headers: { origin: 'http://evil.example' } },
  ),
  post(
    CREATE,
    'from a local origin',
    { name: 'good-origin' },
    { headers: { origin: 'http://localhost:3000' } },
  ),
  get(
    'registered-models/get',
    'from a foreign origin',
    { name: 'plain' },
    { headers: { origin: 'http://evil.example' } },
  ),
  step('OPTIONS', CREATE, 'a preflight from a foreign origin', {
    headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
  }),
  get(
    'registered-models/get',
    'a workspace',
    { name: 'plain' },
    { headers: { 'x-mlflow-workspace': 'team-a' } },
  ),
];

export const badInput: Step[] = [...bodies, ...verbs, ...headers];
