import { del, get, patch, post, type Step } from '../step.ts';

const CREATE = 'registered-models/create';
const GET = 'registered-models/get';
const UPDATE = 'registered-models/update';
const RENAME = 'registered-models/rename';
const DELETE = 'registered-models/delete';

/** Create, get, update, rename and delete of registered models, and what a name may be. */
export const registeredModels: Step[] = [
  post(CREATE, 'only a name', { name: 'plain' }),
  post(CREATE, 'everything', {
    name: 'full',
    description: 'All of it',
    tags: [
      { key: 'team', value: 'risk' },
      { key: 'empty', value: '' },
    ],
  }),
  post(CREATE, 'a name that exists', { name: 'plain' }),
  post(CREATE, 'no name', {}),
  post(CREATE, 'an empty name', { name: '' }),
  post(CREATE, 'a blank name', { name: '   ' }),
  post(CREATE, 'a null name', { name: null }),
  post(CREATE, 'a number as name', { name: 12 }),
  post(CREATE, 'a slash in the name', { name: 'a/b' }),
  post(CREATE, 'a colon in the name', { name: 'a:b' }),
  post(CREATE, 'dots as name', { name: '..' }),
  post(CREATE, 'quotes, percent and backslash in the name', { name: `it's "100%" \\ \`odd\`` }),
  get(GET, 'the name with quotes', { name: `it's "100%" \\ \`odd\`` }),
  post(CREATE, 'emoji in the name', { name: 'modèle 🦊' }),
  get(GET, 'the name with emoji', { name: 'modèle 🦊' }),
  post(CREATE, 'spaces around the name', { name: ' spaced ' }),
  get(GET, 'the name without its spaces', { name: 'spaced' }),
  post(CREATE, 'NUL in the name', { name: 'a\u0000b' }),
  post(CREATE, 'half an emoji in the name', undefined, { raw: '{"name": "a\\ud83d"}' }),
  post(CREATE, 'a name of 256', { name: 'n'.repeat(256) }),
  post(CREATE, 'a name of 257', { name: 'n'.repeat(257) }),
  post(CREATE, 'a name of 10,000', { name: 'n'.repeat(10_000) }),
  post(CREATE, 'a name in another case', { name: 'PLAIN' }),
  post(CREATE, 'a description of 5001', { name: 'described', description: 'd'.repeat(5001) }),
  post(CREATE, 'a number as description', { name: 'bad-description', description: 1 }),
  post(CREATE, 'NUL in the description', { name: 'nul-description', description: 'a\u0000b' }),
  post(CREATE, 'tags that are an object', { name: 'bad-tags', tags: { team: 'risk' } }),
  post(CREATE, 'tags of strings', { name: 'bad-tags', tags: ['team'] }),
  post(CREATE, 'a tag without value', { name: 'tag-without-value', tags: [{ key: 'k' }] }),
  post(CREATE, 'a tag without key', { name: 'tag-without-key', tags: [{ value: 'v' }] }),
  post(CREATE, 'a tag twice', {
    name: 'tag-twice',
    tags: [
      { key: 'k', value: '1' },
      { key: 'k', value: '2' },
    ],
  }),
  get(GET, 'the model with a tag twice', { name: 'tag-twice' }),
  post(CREATE, 'a tag key of 251', { name: 'long-tag', tags: [{ key: 'k'.repeat(251), value: '' }] }),
  post(CREATE, 'a tag value of 100,001', {
    name: 'long-tag',
    tags: [{ key: 'k', value: 'v'.repeat(100_001) }],
  }),
  post(CREATE, 'an unknown field', {
    name: 'unknown-field',
    colour: 'red',
    tags: [{ key: 'k', value: 'v', more: 1 }],
  }),

  get(GET, 'a model', { name: 'full' }),
  get(GET, 'a model that is not there', { name: 'nobody' }),
  get(GET, 'no query'),
  get(GET, 'an empty name', { name: '' }),
  get(GET, 'the name twice', { name: ['full', 'plain'] }),
  get(GET, 'an unknown parameter', { name: 'plain', colour: 'red' }),
  get(GET, 'NUL in the name', { name: 'a\u0000b' }),
  get(GET, 'a slash in the name', { name: 'a/b' }),

  patch(UPDATE, 'a description', { name: 'plain', description: 'Now described' }),
  patch(UPDATE, 'no description', { name: 'plain' }),
  get(GET, 'after the update without description', { name: 'plain' }),
  patch(UPDATE, 'an empty description', { name: 'full', description: '' }),
  patch(UPDATE, 'a null description', { name: 'full', description: null }),
  patch(UPDATE, 'a model that is not there', { name: 'nobody', description: 'x' }),
  patch(UPDATE, 'no name', { description: 'x' }),
  patch(UPDATE, 'a boolean as description', { name: 'full', description: true }),

  post(RENAME, 'to a new name', { name: 'tag-twice', new_name: 'renamed' }),
  get(GET, 'the old name', { name: 'tag-twice' }),
  post(RENAME, 'to a name that exists', { name: 'renamed', new_name: 'plain' }),
  post(RENAME, 'to its own name', { name: 'renamed', new_name: 'renamed' }),
  post(RENAME, 'a model that is not there', { name: 'nobody', new_name: 'somebody' }),
  post(RENAME, 'no new name', { name: 'renamed' }),
  post(RENAME, 'an empty new name', { name: 'renamed', new_name: '' }),
  post(RENAME, 'a slash in the new name', { name: 'renamed', new_name: 'a/b' }),
  post(RENAME, 'a new name of 257', { name: 'renamed', new_name: 'n'.repeat(257) }),
  post(RENAME, 'a list as new name', { name: 'renamed', new_name: ['x'] }),

  del(DELETE, 'a model', { name: 'renamed' }),
  del(DELETE, 'the same again', { name: 'renamed' }),
  del(DELETE, 'no name', {}),
  del(DELETE, 'the name in the query', undefined, { query: { name: 'full' } }),
  post(CREATE, 'the name of a deleted model', { name: 'renamed' }),
  get(GET, 'the recreated model has no tags', { name: 'renamed' }),
];
