import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MlflowError } from '../../contract/error.ts';
import { everything } from '../../contract/scope.ts';
import { localStore } from '../../objects/local.ts';
import type { ArtifactPlaces } from '../../objects/locate.ts';
import { makeApp, type TestApp } from '../../testing/make-app.ts';
import { atOnce, wire } from '../../testing/wire.ts';
import { collectGarbage, type GarbageRequest } from './collect.ts';

let app: TestApp;
let api: ReturnType<typeof wire>;
let places: ArtifactPlaces;
let experiment: string;
let number = 0;

beforeAll(async () => {
  app = await makeApp();
  api = wire(app);
  places = { served: localStore(app.artifacts), folders: [], buckets: [] };
});
afterAll(() => app.close());
beforeEach(async () => {
  experiment = (await api.post('experiments/create', { name: `gc ${number++}` })).body.experiment_id;
});

interface Made {
  readonly id: string;
  /** A file of it. */
  readonly file: string;
  readonly uri: string;
}

async function made(id: string, uri: string): Promise<Made> {
  const file = join(app.artifacts, uri.replace('mlflow-artifacts:/', ''), 'model/MLmodel');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'flavors: {}');
  return { id, file, uri };
}

async function makeRun(): Promise<Made> {
  const { body } = await api.post('runs/create', { experiment_id: experiment, run_name: 'r' });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  await api.post('runs/log-batch', {
    run_id: id,
    metrics: [{ key: 'm', value: 1, timestamp: 1 }],
    params: [{ key: 'p', value: '1' }],
  });
  return made(id, uri);
}

async function makeModel(run?: Made): Promise<Made> {
  const request = { experiment_id: experiment, name: 'm', ...(run && { source_run_id: run.id }) };
  const { body } = await api.post('logged-models', request);
  const { model_id: id, artifact_uri: uri } = body.model.info;
  return made(id, uri);
}

const deleteRun = (run: Made) => api.post('runs/delete', { run_id: run.id });
const deleteModel = (model: Made) => api.delete(`logged-models/${model.id}`, {});
const deleteExperiment = () => api.post('experiments/delete', { experiment_id: experiment });

async function register(name: string, request: object): Promise<void> {
  await api.post('registered-models/create', { name });
  expect((await api.post('model-versions/create', { name, ...request })).status).toBe(200);
}

/** What the command says, line by line. */
async function gc(request: Partial<GarbageRequest> = {}, more: Partial<{ places: ArtifactPlaces }> = {}) {
  const lines: string[] = [];
  const all = {
    olderThan: 0n,
    runIds: undefined,
    experimentIds: undefined,
    modelIds: undefined,
    dryRun: false,
  };
  const collector = { sql: app.sql, scope: everything, places, clock: Date.now, patience: 0, ...more };
  await collectGarbage({ ...collector, say: (line) => lines.push(line) }, { ...all, ...request });
  return lines;
}

const isThere = async (run: Made) => (await api.get('runs/get', { run_id: run.id })).status === 200;
const gone = (kind: string, id: string) => `${kind} with ID ${id} has been permanently deleted.`;

test('deleted runs and models go with their rows, files and an audit row each, and active ones stay', async () => {
  const [run, active] = [await makeRun(), await makeRun()];
  const [model, activeModel] = [await makeModel(), await makeModel()];
  await deleteRun(run);
  await deleteModel(model);
  expect(await gc({ dryRun: true })).toEqual([
    `Run with ID ${run.id} would be permanently deleted.`,
    `Logged model with ID ${model.id} would be permanently deleted.`,
  ]);
  expect(existsSync(run.file)).toBe(true);
  expect(await gc()).toEqual([gone('Run', run.id), gone('Logged model', model.id)]);
  for (const { file, id } of [run, model]) {
    expect(existsSync(file)).toBe(false);
    expect(existsSync(file.slice(0, file.indexOf(id) + id.length))).toBe(false);
  }
  expect([await isThere(run), await isThere(active)]).toEqual([false, true]);
  expect([existsSync(active.file), existsSync(activeModel.file)]).toEqual([true, true]);
  const [left] = await app.sql`select (select count(*)::int from tabularium.garbage) as notes,
    (select count(*)::int from tabularium.metrics m where not exists
      (select from tabularium.runs r where r.id = m.run)) as points`;
  expect(left).toEqual({ notes: 0, points: 0 });
  const audit = await app.sql`select kind, name, actor from tabularium.audit where action = 'gc' order by id`;
  expect(audit).toEqual([
    { kind: 'run', name: run.id, actor: 'tabularium gc' },
    { kind: 'logged-model', name: model.id, actor: 'tabularium gc' },
  ]);
  expect(await gc()).toEqual([]);
});

test('an experiment goes with all that is in it, also what is active', async () => {
  const [run, model] = [await makeRun(), await makeModel()];
  await deleteExperiment();
  expect(await gc({ experimentIds: [experiment] })).toEqual([
    gone('Run', run.id),
    gone('Logged model', model.id),
    gone('Experiment', experiment),
  ]);
  expect((await api.get('experiments/get', { experiment_id: experiment })).status).toBe(404);
  expect([existsSync(run.file), existsSync(model.file)]).toEqual([false, false]);
});

test('what a version needs is kept, and an experiment that it is in; named, it is refused and nothing goes', async () => {
  const [needed, other] = [await makeRun(), await makeRun()];
  await register('kept', { source: `${needed.uri}/model`, run_id: needed.id });
  await deleteExperiment();
  const why = 'version 1 of the registered model kept points to it';
  await expect(gc({ runIds: [other.id, needed.id] })).rejects.toThrow(
    `Run with ID ${needed.id} cannot be deleted: ${why}. Nothing was deleted.`,
  );
  await expect(gc({ experimentIds: [experiment] })).rejects.toThrow(why);
  expect(await isThere(other)).toBe(true);
  expect(await gc()).toEqual([
    `Run with ID ${needed.id} is kept: ${why}.`,
    gone('Run', other.id),
    `Experiment with ID ${experiment} is kept: Run with ID ${needed.id}, which is in it, is kept.`,
  ]);
  expect([existsSync(needed.file), existsSync(other.file)]).toEqual([true, false]);
  const copies = () => readdir(join(app.artifacts, '.tabularium/pinned'));
  expect(await copies()).toHaveLength(1);
  await api.delete('registered-models/delete', { name: 'kept' });
  const copy = 'copy of files that no registered version needs';
  expect((await gc({ dryRun: true })).at(-1)).toBe(`1 ${copy} would be permanently deleted.`);
  expect(await gc()).toEqual([
    gone('Run', needed.id),
    gone('Experiment', experiment),
    `1 ${copy} has been permanently deleted.`,
  ]);
  expect(await copies()).toEqual([]);
});

test('a logged model is needed by versions of itself, and by those of its run', async () => {
  const run = await makeRun();
  const [byId, byRun, free] = [await makeModel(), await makeModel(run), await makeModel()];
  await register('by-id', { source: `models:/${byId.id}`, model_id: byId.id });
  await register('by-run', { source: `runs:/${run.id}/m`, run_id: run.id });
  for (const model of [byId, byRun, free]) await deleteModel(model);
  const lines = await gc();
  expect(lines.toSorted()).toEqual(
    [
      `Logged model with ID ${byId.id} is kept: version 1 of the registered model by-id points to it.`,
      `Logged model with ID ${byRun.id} is kept: version 1 of the registered model by-run points to it.`,
      gone('Logged model', free.id),
    ].toSorted(),
  );
  for (const name of ['by-id', 'by-run']) await api.delete('registered-models/delete', { name });
  await gc();
});

test('only what is old enough goes, and only what is named', async () => {
  const [old, young, model] = [await makeRun(), await makeRun(), await makeModel()];
  for (const run of [old, young]) await deleteRun(run);
  await deleteModel(model);
  await app.sql`update tabularium.runs set deleted_time = deleted_time - 60000 where run_id = ${old.id}`;
  expect(await gc({ olderThan: 30_000n })).toEqual([gone('Run', old.id)]);
  await expect(gc({ olderThan: 30_000n, runIds: [young.id] })).rejects.toThrow(
    'not older than the required age',
  );
  expect(await gc({ runIds: [young.id] })).toEqual([gone('Run', young.id)]);
  expect(await gc({ modelIds: [model.id] })).toEqual([gone('Logged model', model.id)]);
});

test.each([
  [{ runIds: ['nobody'] }, 'Run with id=nobody not found'],
  [{ modelIds: ['m-nobody'] }, "Logged model with ID 'm-nobody' not found."],
  [{ experimentIds: ['999999'] }, 'No Experiment with id=999999 exists'],
  [{ experimentIds: ['x'] }, "Invalid experiment ID 'x'"],
  [{ experimentIds: ['0'] }, "Experiments ['0'] are not in the deleted lifecycle stage"],
])('%j is refused', async (request, sentence) => {
  await expect(gc(request)).rejects.toThrow(sentence);
});

test('an active run is refused by its id', async () => {
  const run = await makeRun();
  await expect(gc({ runIds: [run.id] })).rejects.toThrow('is not in `deleted` lifecycle stage');
});

test('what a killed call has left, the next one removes: rows are gone, files are not', async () => {
  const run = await makeRun();
  await deleteRun(run);
  const full = () => Promise.reject(new Error('killed'));
  const broken = { served: { ...localStore(app.artifacts), delete: full }, folders: [], buckets: [] };
  await expect(gc({}, { places: broken })).rejects.toThrow('killed');
  expect([await isThere(run), existsSync(run.file)]).toEqual([false, true]);
  expect((await api.post('runs/restore', { run_id: run.id })).status).toBe(404);
  expect(await gc({ dryRun: true })).toEqual([
    `The artifacts at ${run.uri}, whose rows are gone already, would be deleted.`,
  ]);
  expect(await gc()).toEqual([]);
  expect(existsSync(run.file)).toBe(false);
});

test('artifacts that the disk refuses stay noted, and the next ones go', async () => {
  const [first, second] = [await makeRun(), await makeRun()];
  for (const run of [first, second]) await deleteRun(run);
  const store = localStore(app.artifacts);
  const refusing = (path: string) =>
    path.includes(first.id)
      ? Promise.reject(new MlflowError('INVALID_STATE', 'The disk does not let it'))
      : store.delete(path);
  const lines = await gc(
    {},
    { places: { served: { ...store, delete: refusing }, folders: [], buckets: [] } },
  );
  expect(lines.slice(2)).toEqual([
    `The artifacts at ${first.uri} could not be deleted: The disk does not let it.`,
  ]);
  expect([existsSync(first.file), existsSync(second.file)]).toEqual([true, false]);
  expect(await gc()).toEqual([]);
  expect(existsSync(first.file)).toBe(false);
});

test('a version that was registered while the run went keeps the files', async () => {
  const run = await makeRun();
  await deleteRun(run);
  const late: ArtifactPlaces = { served: undefined, folders: [], buckets: [] };
  await gc({}, { places: late });
  // Its creation read the run before it went.
  await register('late', { source: 's3://bucket/elsewhere' });
  await app.sql`update tabularium.model_versions set source = ${`${run.uri}/model`},
    storage_location = ${`${run.uri}/model`} where name = 'late'`;
  expect(await gc()).toEqual([
    `The artifacts of Run with ID ${run.id} are kept at ${run.uri}: version 1 of the registered model late points to it.`,
  ]);
  expect(existsSync(run.file)).toBe(true);
  await api.delete('registered-models/delete', { name: 'late' });
  await gc();
  expect(existsSync(run.file)).toBe(false);
});

test('artifacts out of reach are named and stay noted', async () => {
  const { body } = await api.post('experiments/create', {
    name: 'remote',
    artifact_location: 's3://bucket/remote',
  });
  const run = await api.post('runs/create', { experiment_id: body.experiment_id, run_name: 'r' });
  const { run_id: id, artifact_uri: uri } = run.body.run.info;
  await api.post('runs/delete', { run_id: id });
  expect((await gc({ dryRun: true }))[1]).toContain(
    `Artifacts are left at ${uri}, which this command cannot reach`,
  );
  const lines = await gc();
  expect(lines[0]).toBe(gone('Run', id));
  expect(lines[1]).toContain(`Artifacts are left at ${uri}, which this command cannot reach`);
  expect(await gc()).toEqual(lines.slice(1));
});

test('beside another gc and restores each run goes once and whole, or stays whole', async () => {
  const runs = await atOnce(20, makeRun);
  for (const run of runs) await deleteRun(run);
  const [one, other] = await Promise.all([
    gc(),
    gc(),
    ...runs.slice(10).map((run) => api.post('runs/restore', { run_id: run.id })),
  ]);
  const lines = [...one, ...other];
  for (const run of runs) {
    const there = await isThere(run);
    expect(existsSync(run.file)).toBe(there);
    expect(lines.filter((line) => line === gone('Run', run.id))).toHaveLength(there ? 0 : 1);
  }
});
