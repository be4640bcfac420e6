import { afterAll, describe, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const create = (name: string, more: object = {}) => api.post('registered-models/create', { name, ...more });
const get = async (name: string) => (await api.get('registered-models/get', { name })).body.registered_model;

describe('a registered model', () => {
  test('is created with tags, the last value of a key winning, and read back as it was answered', async () => {
    const tags = [
      { key: 'b', value: '1' },
      { key: 'a', value: 'x' },
      { key: 'b', value: '2' },
    ];
    const { status, body } = await create('created', { description: 'what it is', tags });
    expect(status).toBe(200);
    expect(body.registered_model).toMatchObject({
      name: 'created',
      description: 'what it is',
      tags: [
        { key: 'a', value: 'x' },
        { key: 'b', value: '2' },
      ],
    });
    expect(await get('created')).toEqual(body.registered_model);
  });

  test('has one name only', async () => {
    await create('taken');
    expect((await create('taken')).body).toMatchObject({
      error_code: 'RESOURCE_ALREADY_EXISTS',
      message: 'Registered Model (name=taken) already exists.',
    });
    const prompt = await create('taken', { tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] });
    expect(prompt.body.message).toMatch(/^Tried to create a prompt with name 'taken'/);
  });

  test('is renamed with all that hangs on it', async () => {
    await create('before', { tags: [{ key: 'k', value: 'v' }] });
    await api.post('model-versions/create', { name: 'before', source: 's3://b/1' });
    await api.post('registered-models/alias', { name: 'before', alias: 'champion', version: '1' });
    const { body } = await api.post('registered-models/rename', { name: 'before', new_name: 'after' });
    expect(body.registered_model).toMatchObject({
      name: 'after',
      tags: [{ key: 'k', value: 'v' }],
      aliases: [{ alias: 'champion', version: '1' }],
      latest_versions: [{ name: 'after', version: '1' }],
    });
    expect(
      (await api.get('model-versions/get', { name: 'after', version: '1' })).body.model_version.name,
    ).toBe('after');
    expect((await api.get('registered-models/get', { name: 'before' })).status).toBe(404);
  });

  test('is not renamed to a name that is taken', async () => {
    await create('one');
    await create('two');
    const { status, body } = await api.post('registered-models/rename', { name: 'one', new_name: 'two' });
    expect([status, body.message]).toEqual([400, 'Registered Model (name=two) already exists.']);
    expect((await get('one')).name).toBe('one');
  });

  test('starts at version 1 again when its name is deleted and created', async () => {
    await create('again');
    await api.post('model-versions/create', { name: 'again', source: 's3://b/1' });
    await api.delete('registered-models/delete', { name: 'again' });
    await create('again');
    const { body } = await api.post('model-versions/create', { name: 'again', source: 's3://b/1' });
    expect(body.model_version.version).toBe('1');
  });

  test('shows the newest version of each stage', async () => {
    await create('stages');
    for (let i = 0; i < 4; i++)
      await api.post('model-versions/create', { name: 'stages', source: `s3://b/${i}` });
    await api.post('model-versions/transition-stage', { name: 'stages', version: '2', stage: 'production' });
    await api.post('model-versions/transition-stage', { name: 'stages', version: '1', stage: 'PRODUCTION' });
    const versions = (await get('stages')).latest_versions;
    expect(
      versions.map((v: { version: string; current_stage: string }) => [v.version, v.current_stage]),
    ).toEqual([
      ['2', 'Production'],
      ['4', 'None'],
    ]);
  });
});

describe('at once', () => {
  test('renames that swap two names are refused, none of them with a deadlock', async () => {
    await Promise.all([create('swap-a'), create('swap-b')]);
    const swap = (from: string, to: string) =>
      api.post('registered-models/rename', { name: `swap-${from}`, new_name: `swap-${to}` });
    const answers = await atOnce(200, (i) => (i % 2 ? swap('a', 'b') : swap('b', 'a')));
    expect(new Set(answers.map(({ body }) => body.error_code))).toEqual(new Set(['RESOURCE_ALREADY_EXISTS']));
  });

  test('32 creations of one name: one succeeds, 31 are told that it exists', async () => {
    const answers = await atOnce(32, () => create('contested'));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error_code === 'RESOURCE_ALREADY_EXISTS')).toHaveLength(31);
  });

  test('32 settings of one tag and of one alias all succeed, and the document shows the last', async () => {
    await create('busy');
    await api.post('model-versions/create', { name: 'busy', source: 's3://b/1' });
    const answers = await atOnce(32, async (i) => [
      await api.post('registered-models/set-tag', { name: 'busy', key: 'k', value: String(i) }),
      await api.post('registered-models/alias', { name: 'busy', alias: 'champion', version: '1' }),
    ]);
    expect(answers.flat().map(({ status }) => status)).toEqual(Array(64).fill(200));
    const [row] = await app.sql`select value from tabularium.registered_model_tags where name = 'busy'`;
    expect((await get('busy')).tags).toEqual([{ key: 'k', value: row?.value }]);
  });
});

describe('search', () => {
  test('pages through a filter by key, in either direction', async () => {
    for (const n of ['p-1', 'p-2', 'p-3', 'p-4', 'p-5'])
      await create(n, { tags: [{ key: 'team', value: 'search' }] });
    for (const order of ['name ASC', 'name DESC', 'timestamp ASC', 'last_updated_timestamp DESC']) {
      const seen: string[] = [];
      let token = '';
      do {
        const { body } = await api.get('registered-models/search', {
          filter: "name LIKE 'p-%' AND tags.team = 'search'",
          max_results: '2',
          order_by: order,
          page_token: token,
        });
        seen.push(...body.registered_models.map((m: { name: string }) => m.name));
        token = body.next_page_token ?? '';
      } while (token);
      expect(seen.toSorted()).toEqual(['p-1', 'p-2', 'p-3', 'p-4', 'p-5']);
      if (order.startsWith('name'))
        expect(seen).toEqual(order === 'name ASC' ? seen.toSorted() : seen.toSorted().reverse());
    }
  });

  test('refuses the token of another search', async () => {
    const { body } = await api.get('registered-models/search', { max_results: '1' });
    const other = await api.get('registered-models/search', {
      max_results: '1',
      filter: "name = 'x'",
      page_token: body.next_page_token,
    });
    expect(other.status).toBe(400);
  });

  test.each([3_000, 40_000])('refuses %i conditions, or answers them', async (count) => {
    const filter = Array(count).fill("name LIKE 'p%'").join(' AND ');
    const { status, body } = await api.get('registered-models/search', { filter });
    expect(status === 200 || body.error_code === 'INVALID_PARAMETER_VALUE').toBe(true);
  });

  test('hides prompts until they are asked for', async () => {
    await create('a-prompt', { tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] });
    const names = async (filter: string) =>
      ((await api.get('registered-models/search', { filter })).body.registered_models ?? []).map(
        (m: { name: string }) => m.name,
      );
    expect(await names("name = 'a-prompt'")).toEqual([]);
    expect(await names("name = 'a-prompt' AND tags.`mlflow.prompt.is_prompt` = 'true'")).toEqual([
      'a-prompt',
    ]);
  });
});

test('every change leaves one audit row, in the same transaction', async () => {
  await create('audited');
  await api.patch('registered-models/update', { name: 'audited', description: 'd' });
  await api.post('registered-models/set-tag', { name: 'audited', key: 'k', value: 'v' });
  await api.delete('registered-models/delete-tag', { name: 'audited', key: 'k' });
  await api.delete('registered-models/delete-tag', { name: 'nobody', key: 'k' });
  await api.delete('registered-models/delete', { name: 'audited' });
  const rows =
    await app.sql`select action from tabularium.audit where name in ('audited', 'nobody') order by id`;
  expect(rows.map(({ action }) => action)).toEqual([
    'createRegisteredModel',
    'updateRegisteredModel',
    'setRegisteredModelTag',
    'deleteRegisteredModelTag',
    'deleteRegisteredModel',
  ]);
});
