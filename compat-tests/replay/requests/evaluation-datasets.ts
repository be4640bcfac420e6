import { del, get, patch, post, type Step } from '../step.ts';

const path = '/api/3.0/mlflow/datasets';
const one = `${path}/{{ds}}`;
const nobody = `${path}/d-nobody`;

const create = (what: string, body: object, capture?: Record<string, string>): Step =>
  post(`${path}/create`, what, body, { capture });

const tagged = (what: string, tags: unknown): Step =>
  create(what, { name: 'tagged', tags: typeof tags === 'string' ? tags : JSON.stringify(tags) });

const datasets: Step[] = [
  post('experiments/create', 'for datasets', { name: 'ds' }, { capture: { dsExp: 'experiment_id' } }),
  post(
    'experiments/create',
    'another for datasets',
    { name: 'ds-2' },
    { capture: { dsExp2: 'experiment_id' } },
  ),
  create(
    'everything',
    {
      name: 'alpha',
      experiment_ids: ['{{dsExp}}'],
      tags: JSON.stringify({ 'mlflow.user': 'bob', stage: 'gold' }),
      schema: 'not read',
      profile: 'not read',
      created_by: 'not read',
    },
    { ds: 'dataset.dataset_id' },
  ),
  get(one, 'one'),
  get(`/ajax-api/3.0/mlflow/datasets/{{ds}}`, 'one'),
  get(nobody, 'one that is not there'),
  create('a name alone', { name: 'alone' }),
  create('no name', {}),
  create('an empty name', { name: '' }),
  create('a number as name', { name: 5 }),
  create('a name of 256', { name: 'n'.repeat(256) }),
  create('a name with NUL', { name: 'a\0b' }),
  create('experiments that are none', { name: 'lost', experiment_ids: ['abc', '999999', ''] }),
  create('an experiment twice', { name: 'twice', experiment_ids: ['{{dsExp}}', '{{dsExp}}'] }),
  create('an experiment of 37', { name: 'long', experiment_ids: ['5'.repeat(37)] }),
  create('a text as experiments', { name: 'text', experiment_ids: '5' }),
  create('numbers as experiments', { name: 'numbers', experiment_ids: [5] }),
  tagged('tags of other types', { a: 5, b: 1.5, c: null }),
  tagged('an empty key', { '': 'v' }),
  tagged('an object in a tag', { a: { b: 1 } }),
  tagged('a tag of 5,001', { k: 'v'.repeat(5001) }),
  tagged('a key of 256', { ['k'.repeat(256)]: 'v' }),
  tagged('a user of 256', { 'mlflow.user': 'u'.repeat(256) }),
  tagged('a tag with NUL', { k: 'a\0' }),
  tagged('tags that are no JSON', '{'),
  tagged('a list as tags', [1]),
  tagged('null as tags', 'null'),
  tagged('an empty list as tags', '[]'),
  create('tags that are no text', { name: 'tagged', tags: { a: 'b' } }),
];

const tags: Step[] = [
  patch(`${one}/tags`, 'several', {
    tags: JSON.stringify({ stage: 'silver', v: [1, "b'c", null, { x: 1.5 }], w: 5, x: true, y: null }),
  }),
  get(one, 'after its tags were set'),
  patch(`${one}/tags`, 'none', { tags: '{}' }),
  patch(`${one}/tags`, 'no tags', {}),
  patch(`${one}/tags`, 'a number', { tags: 5 }),
  patch(`${one}/tags`, 'no JSON', { tags: '{' }),
  patch(`${one}/tags`, 'a list', { tags: '[1]' }),
  patch(`${one}/tags`, 'a tag of 5,001', { tags: JSON.stringify({ k: 'v'.repeat(5001) }) }),
  patch(`${nobody}/tags`, 'of a dataset that is not there', { tags: '{"a": "b"}' }),
  del(`${one}/tags/w`, 'one'),
  del(`${one}/tags/w`, 'the same again'),
  del(`${nobody}/tags/w`, 'of a dataset that is not there'),
  get(one, 'after a tag was deleted'),
];

const move = (verb: 'add' | 'remove', what: string, experiment_ids: unknown, dataset = one): Step =>
  post(`${dataset}/${verb}-experiments`, what, { experiment_ids });

const experiments: Step[] = [
  get(`${one}/experiment-ids`, 'of one'),
  get(`${nobody}/experiment-ids`, 'of a dataset that is not there'),
  move('add', 'one that is there and one that is not', ['{{dsExp}}', '{{dsExp2}}']),
  move('add', 'none', []),
  move('add', 'the same twice', ['{{dsExp2}}', '{{dsExp2}}']),
  move('add', 'one that does not exist', ['{{dsExp}}', '999999']),
  move('add', 'one with a zero before it', ['00']),
  move('add', 'a word', ['{{dsExp}}', 'abc']),
  move('add', 'to a dataset that is not there', ['abc'], nobody),
  get(`${one}/experiment-ids`, 'after it was added'),
  move('remove', 'one', ['{{dsExp}}']),
  move('remove', 'the same again', ['{{dsExp}}']),
  move('remove', 'a word', ['abc']),
  move('remove', 'from a dataset that is not there', ['{{dsExp}}'], nobody),
  get(`${one}/experiment-ids`, 'after it was removed'),
];

const upsert = (what: string, records: unknown, dataset = one): Step =>
  post(`${dataset}/records`, what, {
    records: typeof records === 'string' ? records : JSON.stringify(records),
  });
const records = (what: string): Step[] => [get(`${one}/records`, what), get(one, what)];
const made = {
  inputs: { a: 1 },
  outputs: { x: 'y' },
  expectations: { e: 1 },
  tags: { 'mlflow.user': 'bob' },
};
const withSource = (what: string, source: unknown): Step =>
  upsert(`a source: ${what}`, [{ inputs: { source: what }, source }]);

const recordSteps: Step[] = [
  upsert('none', []),
  ...records('without records'),
  upsert('an empty object', '{}'),
  upsert(
    'every type',
    '[{"inputs": {"s": "é", "i": 1, "f": 1.0, "b": true, "n": null, "l": [1], "o": {"a": 1e22}}, "outputs": {"text": "t"}}]',
  ),
  ...records('with a record of every type'),
  upsert('the same inputs in another order', [
    { inputs: { o: { a: 1e22 }, s: 'é', i: 1, b: true, n: null, l: [1], f: 1 }, outputs: { text: 1 } },
  ]),
  upsert('one with all', [{ ...made, source: { source_type: 'human', source_data: { source_id: 'me' } } }]),
  upsert('the same inputs, more', [
    { inputs: { a: 1 }, expectations: { g: [1], e: 2 }, tags: { t: 'u' }, source: { source_type: 'CODE' } },
  ]),
  ...records('after it was changed'),
  upsert('the same inputs, no outputs', [{ inputs: { a: 1 }, outputs: null }]),
  upsert('the same inputs, nothing new', [{ inputs: { a: 1 } }]),
  upsert('the same inputs twice in one request', [
    { inputs: { b: 1 }, expectations: { x: 1 } },
    { inputs: { b: 1 }, outputs: [1], expectations: { y: 1 }, tags: { 'mlflow.user': 'ann' } },
  ]),
  ...records('after both'),
  upsert('no inputs', [{}]),
  upsert(
    'numbers as Python has them',
    '[{"inputs": {"a": 123456789012345678901234567890, "b": 1E5, "c": -0, "2": -0.0, "1": 1}}]',
  ),
  upsert('a key twice', '[{"inputs": {"k": 1, "l": 2, "k": 3}}]'),
  upsert('half a surrogate pair, and NUL', '[{"inputs": {"half": "\\ud800\\u0000"}}]'),
  withSource('TRACE', { source_type: 'TRACE', source_data: { trace_id: 'tr-1', source_id: 'x' } }),
  withSource('no data', { source_type: 'UNSPECIFIED' }),
  withSource('empty', {}),
  withSource('a number as its id', { source_type: 'DOCUMENT', source_data: { source_id: 5 } }),
  withSource('an unknown type', { source_type: 'bad' }),
  withSource('an id of 37', { source_type: 'CODE', source_data: { source_id: 'i'.repeat(37) } }),
  withSource('an object as its id', { source_type: 'CODE', source_data: { source_id: {} } }),
  withSource('no type', { source_data: {} }),
  withSource('an unknown field', { source_type: 'CODE', x: 1 }),
  withSource('a text', 'trace'),
  withSource('a text as data', { source_type: 'CODE', source_data: 's' }),
  ...records('after all these'),
  upsert('null as inputs', [{ inputs: null }]),
  upsert('a list as inputs', [{ inputs: [1] }]),
  upsert('a text as expectations', [{ inputs: { c: 1 }, expectations: 'x' }]),
  upsert('a list as tags', [{ inputs: { c: 1 }, tags: ['x'] }]),
  upsert('a user of 256', [{ inputs: { c: 1 }, tags: { 'mlflow.user': 'u'.repeat(256) } }]),
  upsert('NaN', '[{"inputs": {"a": NaN}}]'),
  upsert('one that is wrong behind one that is not', [{ inputs: { good: 1 } }, { inputs: null }]),
  upsert('no JSON', '[{'),
  upsert('null', 'null'),
  upsert('a text', '"ab"'),
  upsert('a list of numbers', [1]),
  upsert('an object', { inputs: {} }),
  post(`${one}/records`, 'no records', {}),
  post(`${one}/records`, 'a list that is no text', { records: [] }),
  upsert('none, of a dataset that is not there', [], nobody),
  upsert('one, of a dataset that is not there', [{ inputs: { a: 1 } }], nobody),
];

const few = `${path}/{{few}}`;
const page = (what: string, query: Record<string, string>, capture?: Record<string, string>): Step =>
  get(`${few}/records`, what, query, { capture });

const pages: Step[] = [
  create('for pages', { name: 'few' }, { few: 'dataset.dataset_id' }),
  ...[1, 2, 3].map((n) => upsert(`record ${n}`, [{ inputs: { n } }], few)),
  page('two', { max_results: '2' }, { fewToken: 'next_page_token' }),
  page('the next two', { max_results: '2', page_token: '{{fewToken}}' }),
  page('three', { max_results: '3' }),
  page('0', { max_results: '0' }, { fewRecord: 'records.1.dataset_record_id' }),
  page('-1', { max_results: '-1' }),
  page('a broken token', { page_token: '%%' }),
  page('an empty token', { page_token: '' }),
  get(`${nobody}/records`, 'of a dataset that is not there'),
  del(`${few}/records`, 'one, named twice', { dataset_record_ids: ['{{fewRecord}}', '{{fewRecord}}'] }),
  get(few, 'with one record less'),
  del(`${few}/records`, 'none', {}),
  del(`${few}/records`, 'one that is not there', { dataset_record_ids: ['dr-nobody'] }),
  del(`${few}/records`, 'a text', { dataset_record_ids: 'dr-nobody' }),
  del(`${nobody}/records`, 'of a dataset that is not there', { dataset_record_ids: ['dr-nobody'] }),
];

const search = (what: string, body: object, capture?: Record<string, string>): Step =>
  post(`${path}/search`, what, { experiment_ids: ['{{found}}'], ...body }, { capture });
const filtered = (filter: string): Step => search(`filter ${filter}`, { filter_string: filter });
const ordered = (...order_by: string[]): Step => search(`by ${order_by.join(' and ')}`, { order_by });

const searches: Step[] = [
  post(
    'experiments/create',
    'for searches of datasets',
    { name: 'found' },
    { capture: { found: 'experiment_id' } },
  ),
  ...Object.entries({
    alpha: { k: 'v1', 'mlflow.user': 'bob' },
    Beta: { k: 'v2' },
    gamma_1: { j: 'x' },
  }).map(([name, named]) =>
    create(`to be found: ${name}`, { name, experiment_ids: ['{{found}}'], tags: JSON.stringify(named) }),
  ),
  create('to be found: alpha again', { name: 'alpha', experiment_ids: ['{{found}}', '{{dsExp}}'] }),
  search('all', {}),
  search('two experiments', { experiment_ids: ['{{found}}', '{{dsExp}}', '999999'] }),
  ...[
    "name = 'alpha'",
    "name != 'alpha'",
    "name LIKE 'al%'",
    "name ILIKE 'B%'",
    "name like 'al%'",
    "name NOT LIKE 'a%'",
    "name IN ('alpha', 'Beta')",
    "name NOT IN ('alpha')",
    "name = ('alpha')",
    'name IN ()',
    'name IN (5)',
    "name >= 'b'",
    'name = alpha',
    'name = "alpha"',
    'name = 5',
    "name = 'a\0'",
    "name RLIKE '^al'",
    "name RLIKE '['",
    'name IS NULL',
    "created_by = 'bob'",
    "created_by != 'bob'",
    "created_by IN ('bob')",
    "last_updated_by ILIKE 'B%'",
    "created_time > 0 AND name = 'Beta'",
    'created_time = 1.5',
    "created_time = 'x'",
    'created_time LIKE 5',
    'created_time IN (1)',
    'last_update_time < 99999999999999999999',
    "dataset_id = 'x'",
    "attribute.name = 'alpha'",
    "tag.k = 'v1'",
    "tags.k = 'v1'",
    "tags.k != 'v1'",
    "tags.k LIKE 'v%' AND tags.mlflow.user = 'bob'",
    "tags.k > 'v1'",
    "tags.k IN ('v1')",
    'tags.k = 5',
    'tags.k IS NULL',
    "tags.`k` = 'v1'",
    "`name` = 'alpha'",
    "NAME = 'alpha'",
    "name = 'alpha' OR name = 'Beta'",
    "name = 'a'; name = 'b'",
    'nonsense',
  ].map(filtered),
  search('an empty filter', { filter_string: '' }),
  search('a number as filter', { filter_string: 5 }),
  ordered('name', 'created_time'),
  ordered('name DESC', 'created_time'),
  ordered('created_time ASC'),
  ordered('last_update_time desc'),
  ordered('name', 'name', 'created_time'),
  ordered('dataset_id'),
  ordered('created_by'),
  ordered('tags.k'),
  ordered('attribute.name'),
  ordered('name foo'),
  ordered('`name`'),
  ordered(''),
  search('a text as order', { order_by: 'name' }),
  search('a page', { max_results: 2, order_by: ['name', 'created_time'] }, { foundToken: 'next_page_token' }),
  search('the next page', {
    max_results: 2,
    order_by: ['name', 'created_time'],
    page_token: '{{foundToken}}',
  }),
  search('a broken token', { page_token: 'abc' }),
  search('max_results 0', { max_results: 0 }),
  search('max_results -1', { max_results: -1 }),
  search('max_results 50,001', { max_results: 50_001 }),
  search('a word as max_results', { max_results: 'x' }),
  get(`${path}/search`, 'by a query', { experiment_ids: '{{found}}', filter_string: "name = 'Beta'" }),
  post('/ajax-api/3.0/mlflow/datasets/search', 'for the web UI', {
    experiment_ids: ['{{found}}'],
    filter_string: "name = 'Beta'",
  }),
];

const ends: Step[] = [
  del(one, 'one'),
  del(one, 'the same again'),
  get(one, 'a deleted one'),
  get(`${one}/records`, 'of a deleted one'),
  get(`${one}/experiment-ids`, 'of a deleted one'),
  post(one, 'a wrong verb', {}),
];

/** Evaluation datasets: what models are evaluated on, with their records. */
export const evaluationDatasets: Step[] = [
  ...datasets,
  ...tags,
  ...experiments,
  ...recordSteps,
  ...pages,
  ...searches,
  ...ends,
];
