import { get, post, type Step } from '../step.ts';

const MODELS = 'registered-models/search';
const VERSIONS = 'model-versions/search';

/** The models and versions that the searches find: every filter starts with their prefix `find-`. */
const fixtures: Step[] = [
  post('registered-models/create', 'find-a', { name: 'find-a', tags: [{ key: 'team', value: 'Risk' }] }),
  post('registered-models/create', 'find-b', {
    name: 'find-b',
    tags: [
      { key: 'team', value: 'fraud' },
      { key: 'a b', value: '50%' },
    ],
  }),
  post('registered-models/create', 'find-C', { name: 'find-C' }),
  post('registered-models/create', 'find_d, an underscore', { name: 'find_d' }),
  post('registered-models/create', "find'e, a quote", { name: "find'e" }),
  ...[1, 2, 3, 4].map((n) =>
    post('model-versions/create', `find-a, ${n}`, {
      name: 'find-a',
      source: `s3://find/${n}`,
      run_id: n < 3 ? `find/run/${n}` : '',
      tags: n === 2 ? [{ key: 'good', value: 'Yes' }] : [],
    }),
  ),
  post('model-versions/create', 'find-b, 1', { name: 'find-b', source: 's3://find/1', run_id: 'find/run/2' }),
  post('registered-models/alias', 'for the searches', { name: 'find-a', alias: 'best', version: '2' }),
];

const models = (what: string, filter: string, query = {}): Step =>
  get(MODELS, `${what}: ${filter}`, { filter, order_by: 'name', ...query });
const versions = (what: string, filter: string, query = {}): Step =>
  get(VERSIONS, `${what}: ${filter}`, { filter, order_by: ['name', 'version_number'], ...query });

const modelFilters: Step[] = [
  models('equal', "name = 'find-a'"),
  models('another case', "name = 'FIND-A'"),
  models('double quotes', 'name = "find-a"'),
  models('unequal', "name != 'find-a' AND name LIKE 'find-%'"),
  models('like', "name LIKE 'find-%'"),
  models('like with an underscore', "name LIKE 'find_d'"),
  models('ilike', "name ILIKE 'FIND-c'"),
  models('like in lower case', "name like 'find-%'"),
  models('a quote in double quotes', `name = "find'e"`),
  models('a doubled quote', "name = 'find''e'"),
  models('in', "name IN ('find-a', 'find-b')"),
  models('not in', "name NOT IN ('find-a') AND name LIKE 'find-%'"),
  models('an empty list', 'name IN ()'),
  models('in without brackets', "name IN 'find-a'"),
  models('a tag', "tags.team = 'Risk' AND name LIKE 'find%'"),
  models('tag', "tag.team = 'Risk' AND name LIKE 'find%'"),
  models('a tag, unequal', "tags.team != 'Risk' AND name LIKE 'find%'"),
  models('a tag in backticks', "tags.`a b` LIKE '50%' AND name LIKE 'find%'"),
  models('a tag in double quotes', `tags."a b" = '50%'`),
  models('a tag, ilike', "tags.team ILIKE 'RI%'"),
  models('a tag in a list', "tags.team IN ('Risk')"),
  models('a tag is null', 'tags.team IS NULL'),
  models('two tags', "tags.team = 'fraud' AND tags.`a b` = '50%'"),
  models('the attribute prefix', "attribute.name = 'find-a'"),
  models('an unknown attribute', "colour = 'red'"),
  models('a time', 'creation_timestamp > 0'),
  models('a comparator of numbers', "name > 'find-a'"),
  models('no quotes', 'name = find-a'),
  models('a number', 'name = 1'),
  models('or', "name = 'find-a' OR name = 'find-b'"),
  models('brackets', "(name = 'find-a')"),
  models('no value', 'name ='),
  models('nonsense', 'blah'),
  models('an open quote', "name = 'find-a"),
  models('a semicolon', "name = 'find-a'; drop table x"),
  models('is null', 'name IS NULL'),
  models('a parameter', "params.x = '1'"),
  models('two dots', "tags.a.b = '1'"),
  models('no spaces', "name='find-a'AND name LIKE 'find%'"),
  models('trailing and', "name = 'find-a' AND"),
  models('NUL', "name = 'a\u0000b'"),
  models('the value on the left', "'find-a' = name"),
  models('a backslash in like', "name LIKE 'find\\_d'"),
];

const modelPages: Step[] = [
  get(
    MODELS,
    'a first page',
    { filter: "name LIKE 'find-%'", max_results: '2' },
    {
      capture: { modelsPage: 'next_page_token' },
    },
  ),
  get(MODELS, 'the second page', {
    filter: "name LIKE 'find-%'",
    max_results: '2',
    page_token: '{{modelsPage}}',
  }),
  get(MODELS, 'the token of another filter', { filter: "name LIKE 'find-a%'", page_token: '{{modelsPage}}' }),
  get(MODELS, 'a token of three characters', { page_token: 'abc' }),
  get(MODELS, 'a token that is no base64', { page_token: '%%%' }),
  get(MODELS, 'a token that is no JSON', { page_token: 'YWJj' }),
  get(MODELS, 'a token of another shape', { page_token: Buffer.from('{"x": 1}').toString('base64') }),
  get(MODELS, 'max_results 0', { max_results: '0', filter: "name LIKE 'find-%'" }),
  get(MODELS, 'max_results -1', { max_results: '-1' }),
  get(MODELS, 'max_results 1000', { max_results: '1000', filter: "name LIKE 'find-%'" }),
  get(MODELS, 'max_results 1001', { max_results: '1001' }),
  get(MODELS, 'max_results abc', { max_results: 'abc' }),
  get(MODELS, 'max_results 1.5', { max_results: '1.5' }),
  get(MODELS, 'max_results 2^63', { max_results: '9223372036854775808' }),
  get(MODELS, 'max_results empty', { max_results: '' }),
  get(MODELS, 'by name, descending', { filter: "name LIKE 'find-%'", order_by: 'name DESC' }),
  get(MODELS, 'by time', { filter: "name IN ('find-b', 'find-C')", order_by: 'creation_timestamp ASC' }),
  get(MODELS, 'by the old name of a time', { filter: "name = 'find-a'", order_by: 'timestamp' }),
  get(MODELS, 'by two keys', {
    filter: "name IN ('find-b', 'find-C')",
    order_by: ['last_updated_timestamp desc', 'name asc'],
  }),
  get(MODELS, 'by an unknown key', { order_by: 'colour' }),
  get(MODELS, 'by a tag', { order_by: 'tags.team' }),
  get(MODELS, 'by an unknown direction', { order_by: 'name UPWARDS' }),
  get(MODELS, 'by the same key twice', { filter: "name LIKE 'find-%'", order_by: ['name', 'name DESC'] }),
  get(MODELS, 'by nothing', { order_by: '' }),
  get(MODELS, 'by two keys in one', { order_by: 'name, creation_timestamp' }),
];

const versionFilters: Step[] = [
  versions('the model', "name = 'find-a'"),
  versions('the model, like', "name LIKE 'find-%'"),
  versions('the run', "run_id = 'find/run/2'"),
  versions('runs', "run_id IN ('find/run/1', 'find/run/2')"),
  versions('an empty list', 'run_id IN ()'),
  versions('a list with a number', 'run_id IN (1)'),
  versions('names in a list', "name IN ('find-b')"),
  versions('the source', "source_path = 's3://find/1'"),
  versions('sources, ilike', "source_path ILIKE 'S3://FIND/%' AND name = 'find-a'"),
  versions('a tag', "tags.good = 'Yes'"),
  versions('a tag, unequal', "tags.good != 'Yes' AND name LIKE 'find-%'"),
  versions('the number', "version_number > 2 AND name = 'find-a'"),
  versions('the number, equal', "version_number = 2 AND name = 'find-a'"),
  versions('the number in quotes', "version_number = '2' AND name = 'find-a'"),
  versions('the number, like', "version_number LIKE '2'"),
  versions('a broken number', "version_number < 2.5 AND name = 'find-a'"),
  versions('version', 'version = 1'),
  versions('an alias', "aliases = 'best'"),
  versions('a stage', "current_stage = 'None'"),
  versions('an unknown attribute', "colour = 'red'"),
  versions('is null', 'run_id IS NULL'),
  versions('a tag is null', 'tags.good IS NULL'),
  versions('or', "name = 'find-a' OR name = 'find-b'"),
  versions('nonsense', 'blah'),
  versions('the model, unequal', "name != 'find-a' AND name LIKE 'find-%'"),
];

const versionPages: Step[] = [
  get(VERSIONS, 'no order: the newest first', { filter: "name = 'find-a'" }),
  get(
    VERSIONS,
    'a first page',
    { filter: "name = 'find-a'", order_by: 'version_number DESC', max_results: '3' },
    {
      capture: { versionsPage: 'next_page_token' },
    },
  ),
  get(VERSIONS, 'the second page', {
    filter: "name = 'find-a'",
    order_by: 'version_number DESC',
    max_results: '3',
    page_token: '{{versionsPage}}',
  }),
  get(VERSIONS, 'a token that is no base64', { page_token: '%%%' }),
  get(VERSIONS, 'max_results 0', { max_results: '0', filter: "name = 'find-a'" }),
  get(VERSIONS, 'max_results -1', { max_results: '-1' }),
  get(VERSIONS, 'max_results 200,001', { max_results: '200001' }),
  get(VERSIONS, 'max_results abc', { max_results: 'abc' }),
  get(VERSIONS, 'by time', {
    filter: "name = 'find-b'",
    order_by: ['creation_timestamp', 'last_updated_timestamp'],
  }),
  get(VERSIONS, 'by an unknown key', { order_by: 'run_id' }),
  get(VERSIONS, 'by an unknown direction', { order_by: 'name sideways' }),
];

/** The filter grammars, orders and pages of registered models and of model versions. */
export const registrySearch: Step[] = [
  ...fixtures,
  ...modelFilters,
  ...modelPages,
  ...versionFilters,
  ...versionPages,
];
