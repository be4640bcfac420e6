import { afterAll, describe, expect, test } from 'vitest';
import { makeApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';
import { ensureDefaultExperiment } from './store.ts';

const app = await makeApp();
const api = wire(app);
afterAll(() => app.close());

const create = async (name: string, more: object = {}): Promise<string> =>
  (await api.post('experiments/create', { name, ...more })).body.experiment_id;

describe('experiments', () => {
  test('Default is number 0, however many servers start at once', async () => {
    await atOnce(8, () => ensureDefaultExperiment(app.sql, { defaultArtifactRoot: 's3://elsewhere' }));
    const { body } = await api.get('experiments/get', { experiment_id: '0' });
    expect(body.experiment).toMatchObject({ name: 'Default', artifact_location: 'mlflow-artifacts:/0' });
  });

  test('one is created, read by id and by name, and renamed', async () => {
    const id = await create('first', {
      tags: [
        { key: 'b', value: '2' },
        { key: 'a', value: '1' },
      ],
    });
    const { body } = await api.get('experiments/get', { experiment_id: id });
    expect(body.experiment).toEqual({
      experiment_id: id,
      name: 'first',
      artifact_location: `mlflow-artifacts:/${id}`,
      lifecycle_stage: 'active',
      creation_time: expect.any(Number),
      last_update_time: expect.any(Number),
      tags: [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      workspace: 'default',
    });
    await api.post('experiments/update', { experiment_id: id, new_name: 'renamed' });
    expect(
      (await api.get('experiments/get-by-name', { experiment_name: 'renamed' })).body.experiment
        .experiment_id,
    ).toBe(id);
    expect((await api.get('experiments/get-by-name', { experiment_name: 'first' })).status).toBe(404);
  });

  test.each([
    ['./a//b/../c/', '/a/b/../c'],
    ['my location?q=1', '/my location?q=1'],
  ])('the location %s is taken from the working folder', async (artifact_location, path) => {
    const experiment_id = await create(`at ${artifact_location}`, { artifact_location });
    const { body } = await api.get('experiments/get', { experiment_id });
    expect(body.experiment.artifact_location).toBe(process.cwd() + path);
  });

  test('renames that swap two names are refused, none of them with a deadlock', async () => {
    const ids = await Promise.all([create('swap-0'), create('swap-1')]);
    const answers = await atOnce(200, (i) =>
      api.post('experiments/update', { experiment_id: ids[i % 2], new_name: `swap-${(i + 1) % 2}` }),
    );
    expect(new Set(answers.map(({ body }) => body.error_code))).toEqual(new Set(['RESOURCE_ALREADY_EXISTS']));
  });

  test('of 32 that create one name at once, one succeeds', async () => {
    const answers = await atOnce(32, () => api.post('experiments/create', { name: 'contended' }));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error_code === 'RESOURCE_ALREADY_EXISTS')).toHaveLength(31);
  });

  test('a deleted one keeps its name, takes its runs with it, and comes back with them', async () => {
    const id = await create('doomed');
    const { body } = await api.post('runs/create', { experiment_id: id });
    const runId = body.run.info.run_id;
    const stage = async () => (await api.get('runs/get', { run_id: runId })).body.run.info.lifecycle_stage;
    expect((await api.post('experiments/delete', { experiment_id: id })).status).toBe(200);
    expect((await api.post('experiments/delete', { experiment_id: id })).status).toBe(404);
    expect(await stage()).toBe('deleted');
    expect((await api.post('experiments/create', { name: 'doomed' })).body.error_code).toBe(
      'RESOURCE_ALREADY_EXISTS',
    );
    expect((await api.post('runs/create', { experiment_id: id })).body.message).toBe(
      `The experiment ${id} must be in the 'active' state. Current state is deleted.`,
    );
    expect((await api.post('experiments/restore', { experiment_id: id })).status).toBe(200);
    expect(await stage()).toBe('active');
    const rows =
      await app.sql`select action from tabularium.audit where kind = 'experiment' and name = ${id} order by id`;
    expect(rows).toHaveLength(2);
  });

  test('tags are set, overwritten and deleted', async () => {
    const id = await create('tagged');
    const tags = async () => (await api.get('experiments/get', { experiment_id: id })).body.experiment.tags;
    await api.post('experiments/set-experiment-tag', { experiment_id: id, key: 'k', value: '1' });
    await api.post('experiments/set-experiment-tag', { experiment_id: id, key: 'k', value: '2' });
    expect(await tags()).toEqual([{ key: 'k', value: '2' }]);
    expect(
      (await api.post('experiments/delete-experiment-tag', { experiment_id: id, key: 'k' })).status,
    ).toBe(200);
    expect(
      (await api.post('experiments/delete-experiment-tag', { experiment_id: id, key: 'k' })).body.message,
    ).toBe(`No tag with name: k in experiment with id ${id}`);
  });

  test.each([
    [{ name: 'x'.repeat(257) }, 'value too long for type character varying(256)'],
    [{ name: 'x'.repeat(501) }, "'name' exceeds the maximum length of 500 characters"],
    [
      { name: 'a', artifact_location: 'runs:/abc' },
      "Artifact location cannot be a runs:/ URI. Given: 'runs:/abc'",
    ],
    [
      { name: 'a', artifact_location: 's3://b/c#f' },
      "'artifact_location' URL can't include fragments or params.",
    ],
    [{ name: 'a', artifact_location: 's3://b/c?q=%2e%2e/x' }, 'Invalid query string'],
  ])('refuses %j', async (body, message) => {
    const answer = await api.post('experiments/create', body);
    expect(answer).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message } });
  });

  test('ids of any size are looked for, and what is no number is refused', async () => {
    expect((await api.get('experiments/get', { experiment_id: '9'.repeat(30) })).status).toBe(404);
    expect((await api.get('experiments/get', { experiment_id: 'abc' })).body.message).toBe(
      "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.",
    );
  });

  test('a search goes through its pages in order', async () => {
    for (const n of [1, 2, 3]) await create(`page-${n}`, { tags: [{ key: 'set', value: 'pages' }] });
    const names: string[] = [];
    let page_token: string | undefined;
    do {
      const { body } = await api.post('experiments/search', {
        max_results: 2,
        filter: "tags.set = 'pages'",
        order_by: ['name DESC'],
        page_token,
      });
      names.push(...body.experiments.map((one: { name: string }) => one.name));
      page_token = body.next_page_token;
    } while (page_token);
    expect(names).toEqual(['page-3', 'page-2', 'page-1']);
    expect((await api.post('experiments/search', {})).status).toBe(400);
  });
});
