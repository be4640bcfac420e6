import { afterAll, describe, expect, test } from 'vitest';
import { createPipeline } from '../../db/transaction.ts';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';
import { appendModelVersion, findLoggedModelOrigin } from './store.ts';

const scope = { workspace: 'default', visible: 'all' } as const;
const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const create = (more: object = {}) => api.post('logged-models', { experiment_id: '0', ...more });
const created = async (more: object = {}): Promise<string> => (await create(more)).body.model.info.model_id;
const get = (id: string) => api.get(`logged-models/${id}`);
const tagsOf = async (id: string) => (await get(id)).body.model.info.tags;
const refusal = (body: { error_code: string; message: string }) => [body.error_code, body.message];

describe('creating', () => {
  test('answers what it stored, keys in order, and leaves out what is empty', async () => {
    const { status, body } = await create({
      name: 'a',
      model_type: 'classifier',
      source_run_id: 'r1',
      tags: [{ key: 'z', value: '' }, { key: 'b' }],
      params: [{ key: 'lr', value: '0.1' }],
    });
    expect(status).toBe(200);
    const { info, data } = body.model;
    expect(info).toEqual({
      model_id: expect.stringMatching(/^m-[0-9a-f]{32}$/),
      experiment_id: '0',
      name: 'a',
      creation_timestamp_ms: expect.any(Number),
      last_updated_timestamp_ms: info.creation_timestamp_ms,
      artifact_uri: `mlflow-artifacts:/0/models/${info.model_id}/artifacts`,
      status: 'LOGGED_MODEL_PENDING',
      model_type: 'classifier',
      source_run_id: 'r1',
      tags: [
        { key: 'b', value: '' },
        { key: 'z', value: '' },
      ],
    });
    expect(data).toEqual({ params: [{ key: 'lr', value: '0.1' }] });
    expect((await get(info.model_id)).body).toEqual(body);
    const bare = (await create()).body.model;
    expect(bare.data).toEqual({});
    expect(bare.info).not.toHaveProperty('tags');
  });

  test('makes up a name where there is none', async () => {
    expect((await create({ name: '' })).body.model.info.name).toMatch(/^[a-z]+-[a-z]+-\d+$/);
  });

  test.each([
    [{ experiment_id: '999' }, ['RESOURCE_DOES_NOT_EXIST', 'No Experiment with id=999 exists']],
    [
      { experiment_id: '9'.repeat(30) },
      ['RESOURCE_DOES_NOT_EXIST', `No Experiment with id=${'9'.repeat(30)} exists`],
    ],
    [
      { name: 'n'.repeat(501) },
      ['INVALID_PARAMETER_VALUE', 'value too long for type character varying(500)'],
    ],
    [
      { params: [{ key: 'k' }, { key: 'k' }] },
      ['RESOURCE_ALREADY_EXISTS', 'duplicate key value violates unique constraint "logged_model_params_pk"'],
    ],
    [
      { tags: [{ key: 'k' }, { key: 'k' }] },
      ['RESOURCE_ALREADY_EXISTS', 'duplicate key value violates unique constraint "logged_model_tags_pk"'],
    ],
    [
      { tags: [{ key: 'k\0' }] },
      ['INVALID_PARAMETER_VALUE', 'A string literal cannot contain NUL (0x00) characters.'],
    ],
  ])('refuses %j', async (change, expected) => {
    expect(refusal((await create(change)).body)).toEqual(expected);
  });

  test('needs an active experiment', async () => {
    const { experiment_id } = (await api.post('experiments/create', { name: 'to be deleted' })).body;
    await api.post('experiments/delete', { experiment_id });
    expect(refusal((await create({ experiment_id })).body)).toEqual([
      'INVALID_PARAMETER_VALUE',
      `The experiment ${experiment_id} must be in the 'active' state. Current state is deleted.`,
    ]);
  });
});

describe('changing', () => {
  test('finalising sets the status, and an unknown one is unspecified', async () => {
    const id = await created();
    const finalise = async (status: unknown) =>
      (await api.patch(`logged-models/${id}`, { model_id: id, status })).body.model.info.status;
    expect(await finalise('LOGGED_MODEL_READY')).toBe('LOGGED_MODEL_READY');
    expect(await finalise(3)).toBe('LOGGED_MODEL_UPLOAD_FAILED');
    expect(await finalise('READY')).toBe('LOGGED_MODEL_STATUS_UNSPECIFIED');
    expect((await get(id)).body.model.info.status).toBe('LOGGED_MODEL_STATUS_UNSPECIFIED');
  });

  test('tags are set, the last value of a key winning, and deleted once', async () => {
    const id = await created({ tags: [{ key: 'a', value: '1' }] });
    const tags = [
      { key: 'a', value: '2' },
      { key: 'b', value: '1' },
      { key: 'b', value: '2' },
    ];
    expect(await api.patch(`logged-models/${id}/tags`, { tags })).toEqual({ status: 200, body: {} });
    expect(await tagsOf(id)).toEqual([
      { key: 'a', value: '2' },
      { key: 'b', value: '2' },
    ]);
    expect((await api.delete(`logged-models/${id}/tags/a`, {})).status).toBe(200);
    const again = await api.delete(`logged-models/${id}/tags/a`, {});
    expect([again.status, again.body.message]).toEqual([
      404,
      `No tag with key 'a' found for model with ID '${id}'.`,
    ]);
    expect(await tagsOf(id)).toEqual([{ key: 'b', value: '2' }]);
  });

  test('parameters are added and never changed', async () => {
    const id = await created({ params: [{ key: 'a', value: '1' }] });
    const log = (key: string) =>
      api.post(`logged-models/${id}/params`, { model_id: id, params: [{ key, value: '2' }] });
    expect((await log('b')).status).toBe(200);
    expect((await log('a')).body.error_code).toBe('RESOURCE_ALREADY_EXISTS');
    expect((await get(id)).body.model.data.params).toEqual([
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ]);
  });

  test('a deleted model is hidden but for who asks for it, and leaves one audit row a time', async () => {
    const id = await created();
    expect((await api.delete(`logged-models/${id}`, {})).status).toBe(200);
    expect((await get(id)).body.message).toBe(`Logged model with ID '${id}' not found.`);
    expect((await api.get(`logged-models/${id}`, { allow_deleted: 'TRUE' })).body.model.info.model_id).toBe(
      id,
    );
    expect((await api.delete(`logged-models/${id}`, {})).status).toBe(200);
    const rows = await app.sql`select action, kind from tabularium.audit where name = ${id}`;
    expect(rows).toEqual([
      { action: 'deleteLoggedModel', kind: 'logged-model' },
      { action: 'deleteLoggedModel', kind: 'logged-model' },
    ]);
  });

  test('nothing is found of a model that is not there', async () => {
    const answers = [
      await get('nope'),
      await api.patch('logged-models/nope', { model_id: 'nope', status: 2 }),
      await api.delete('logged-models/nope', {}),
      await api.patch('logged-models/nope/tags', { tags: [{ key: 'k', value: 'v' }] }),
      await api.delete('logged-models/nope/tags/k', {}),
      await api.post('logged-models/nope/params', { model_id: 'nope' }),
    ];
    for (const { status, body } of answers)
      expect([status, body.message]).toEqual([404, "Logged model with ID 'nope' not found."]);
    expect(await app.sql`select 1 from tabularium.audit where name = 'nope'`).toHaveLength(0);
  });
});

describe('what other slices ask', () => {
  test('a model has an origin until it is deleted', async () => {
    const id = await created({ source_run_id: 'r1' });
    expect(await findLoggedModelOrigin(app.sql, scope, id)).toEqual({
      artifactLocation: `mlflow-artifacts:/0/models/${id}/artifacts`,
      sourceRunId: 'r1',
      experimentId: '0',
    });
    expect((await findLoggedModelOrigin(app.sql, scope, await created()))?.sourceRunId).toBeUndefined();
    await api.delete(`logged-models/${id}`, {});
    expect(await findLoggedModelOrigin(app.sql, scope, id)).toBeUndefined();
  });

  const versions = async (id: string) =>
    (await tagsOf(id))?.find(({ key }: { key: string }) => key === 'mlflow.modelVersions')?.value;

  test('registered versions are listed in a tag, as Python would write it', async () => {
    const id = await created();
    await appendModelVersion(app.sql, scope, id, { name: 'a "é"', version: 1 });
    await appendModelVersion(app.sql, scope, id, { name: 'b', version: app.sql`select 2` });
    await appendModelVersion(app.sql, scope, id, { name: 'c', version: app.sql`select null::integer` });
    expect(await versions(id)).toBe(
      '[{"name": "a \\"\\u00e9\\"", "version": 1}, {"name": "b", "version": 2}]',
    );
  });

  test.each(['', '[]', ' [ ] ', 'no list'])('a tag %j is replaced', async (value) => {
    const id = await created({ tags: [{ key: 'mlflow.modelVersions', value }] });
    await appendModelVersion(app.sql, scope, id, { name: 'a', version: 1 });
    expect(await versions(id)).toBe('[{"name": "a", "version": 1}]');
  });

  test('32 versions at once are all listed', async () => {
    const id = await created();
    const pipeline = createPipeline(app.sql);
    await atOnce(32, (version) =>
      pipeline((sql) => [appendModelVersion(sql, scope, id, { name: 'm', version })]),
    );
    const listed: { version: number }[] = JSON.parse(await versions(id));
    expect(listed.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 32 }, (_, i) => i),
    );
  });
});
