import { get, post, type Step } from '../step.ts';

const PROMPT = { key: 'mlflow.prompt.is_prompt', value: 'true' };
const ONLY_PROMPTS = "tags.`mlflow.prompt.is_prompt` = 'true'";

/** Prompts: registered models and versions with a tag, hidden from the searches unless asked for. */
export const prompts: Step[] = [
  post('registered-models/create', 'a prompt', { name: 'prompt-p', tags: [PROMPT] }),
  post('registered-models/create', 'a model beside the prompt', { name: 'prompt-m' }),
  post('registered-models/create', 'a tag that says it is no prompt', {
    name: 'prompt-not',
    tags: [{ key: PROMPT.key, value: 'false' }],
  }),
  post('registered-models/create', 'a model with the name of a prompt', { name: 'prompt-p' }),
  post('registered-models/create', 'a prompt with the name of a model', { name: 'prompt-m', tags: [PROMPT] }),
  post('model-versions/create', 'of a prompt', {
    name: 'prompt-p',
    source: 'dummy-source',
    description: 'First',
    tags: [PROMPT, { key: 'mlflow.prompt.text', value: 'Say {{ word }}'.replaceAll(/[{}]/g, '$') }],
  }),
  post('model-versions/create', 'of a prompt, the other placeholder', {
    name: 'prompt-p',
    source: 'prompt-template',
    tags: [PROMPT],
  }),
  post('model-versions/create', 'of a prompt, another source', {
    name: 'prompt-p',
    source: 's3://b/p',
    tags: [PROMPT],
  }),
  post('model-versions/create', 'of a prompt, without the tag', { name: 'prompt-p', source: 'dummy-source' }),
  post('model-versions/create', 'of a prompt, without the tag, from a bucket', {
    name: 'prompt-p',
    source: 's3://b/p',
  }),
  post('model-versions/create', 'of a model, with the tag', {
    name: 'prompt-m',
    source: 'dummy-source',
    tags: [PROMPT],
  }),
  post('model-versions/create', 'of a prompt, its text too long', {
    name: 'prompt-p',
    source: 'dummy-source',
    tags: [PROMPT, { key: 'mlflow.prompt.text', value: 't'.repeat(100_001) }],
  }),
  post('model-versions/create', 'a prompt as source', { name: 'prompt-m', source: 'models:/prompt-p/1' }),
  get('model-versions/get', 'of a prompt', { name: 'prompt-p', version: '1' }),
  get('registered-models/get', 'a prompt', { name: 'prompt-p' }),
  get('model-versions/get-download-uri', 'of a prompt', { name: 'prompt-p', version: '1' }),
  post('registered-models/alias', 'of a prompt', { name: 'prompt-p', alias: 'live', version: '1' }),
  get('registered-models/alias', 'of a prompt', { name: 'prompt-p', alias: 'live' }),
  post('model-versions/transition-stage', 'of a prompt', {
    name: 'prompt-p',
    version: '1',
    stage: 'Staging',
  }),
  get('registered-models/search', 'prompts are hidden', { filter: "name LIKE 'prompt-%'" }),
  get('registered-models/search', 'only prompts', { filter: `name LIKE 'prompt-%' AND ${ONLY_PROMPTS}` }),
  get('registered-models/search', 'no prompts', {
    filter: "name LIKE 'prompt-%' AND tag.`mlflow.prompt.is_prompt` != 'true'",
  }),
  get('registered-models/search', 'the tag is false', {
    filter: "name LIKE 'prompt-%' AND tags.`mlflow.prompt.is_prompt` = 'false'",
  }),
  get('registered-models/search', 'the tag in another way', {
    filter: "name LIKE 'prompt-%' AND tags.`mlflow.prompt.is_prompt` LIKE 'tr%'",
  }),
  get('model-versions/search', 'prompts are hidden', {
    filter: "name LIKE 'prompt-%'",
    order_by: 'version_number',
  }),
  get('model-versions/search', 'only prompts', {
    filter: `name LIKE 'prompt-%' AND ${ONLY_PROMPTS}`,
    order_by: ['name', 'version_number'],
  }),
  get('model-versions/search', 'the name of a prompt', {
    filter: "name = 'prompt-p'",
    order_by: 'version_number',
  }),
  post('registered-models/set-tag', 'a model becomes a prompt', {
    name: 'prompt-not',
    key: PROMPT.key,
    value: 'true',
  }),
  get('registered-models/search', 'after a model became a prompt', { filter: "name LIKE 'prompt-%'" }),
  post('registered-models/rename', 'a prompt', { name: 'prompt-p', new_name: 'prompt-q' }),
];
