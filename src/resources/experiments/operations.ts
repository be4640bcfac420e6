import { cwd } from 'node:process';
import { alreadyExists, invalidParameter, MlflowError, notFound } from '../../contract/error.ts';
import { type Call, type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import { onUnique } from '../../db/sqlstate.ts';
import { searchDatasets } from './datasets.ts';
import {
  checkExperimentName,
  checkExperimentTag,
  customViewLimit,
  customViewPrefix,
  experimentNotFound,
  parseExperimentId,
  readArtifactLocation,
  requireActive,
  tooManyCustomViews,
} from './rules.ts';
import { searchExperiments } from './search.ts';
import * as store from './store.ts';

const nameTaken = (name: string) => alreadyExists(`Experiment(name=${name}) already exists.`);

const createExperiment: Operation<'createExperiment'> = async (request, call) => {
  const { name } = request;
  const tags = request.tags.map(({ key = '', value = '' }) => ({ key, value }));
  if (tags.filter(({ key }) => key.startsWith(customViewPrefix)).length > customViewLimit)
    throw tooManyCustomViews();
  const artifactLocation = request.artifact_location
    ? readArtifactLocation(request.artifact_location, call.settings, cwd())
    : undefined;
  if (artifactLocation !== undefined && call.settings.mayPointTo?.(artifactLocation) === false)
    throw invalidParameter(
      `Invalid artifact location: '${artifactLocation}'. This server takes only those below its own artifact roots.`,
    );
  checkExperimentName(name);
  tags.forEach(checkExperimentTag);
  const { defaultArtifactRoot: artifactRoot } = call.settings;
  const id = await call
    .write((sql) =>
      store.insertExperiment(sql, call.scope, { name, artifactLocation, artifactRoot, tags, now: call.now }),
    )
    .catch(onUnique(() => nameTaken(name)));
  return { experiment_id: String(id) };
};

const answer = (wire: string) => new Rendered(`{"experiment":${wire}}`);

const getExperiment: Operation<'getExperiment'> = async (request, call) => {
  const id = parseExperimentId(request.experiment_id);
  const wire = await call.find((sql) => store.readExperiment(sql, call.scope, id));
  if (!wire) throw experimentNotFound(id);
  return answer(wire);
};

const getExperimentByName: Operation<'getExperimentByName'> = async ({ experiment_name: name }, call) => {
  const wire = await call.find((sql) => store.readExperimentByName(sql, call.scope, name));
  if (!wire) throw notFound(`Could not find experiment with name '${name}'`);
  return answer(wire);
};

const find = async (call: Call, id: bigint): Promise<store.ExperimentState> => {
  const experiment = await call.find((sql) => store.findExperiment(sql, call.scope, id));
  if (!experiment) throw experimentNotFound(id);
  return experiment;
};

const updateExperiment: Operation<'updateExperiment'> = async (request, call) => {
  const { new_name: name } = request;
  checkExperimentName(name);
  const id = parseExperimentId(request.experiment_id);
  const renamed = await call
    .write((sql) => store.renameExperiment(sql, call.scope, id, { name, now: call.now }))
    .catch(onUnique(() => nameTaken(name)));
  if (!renamed) {
    await find(call, id);
    throw new MlflowError('INVALID_STATE', 'Cannot rename a non-active experiment.');
  }
  return {};
};

const move = async (call: Call, experimentId: string, to: 'active' | 'deleted'): Promise<void> => {
  const id = parseExperimentId(experimentId);
  const moved = await call.write((sql) =>
    store.moveExperiment(sql, call.scope, id, { to, now: call.now }, (from) =>
      call.record({ kind: 'experiment', name: String(id), detail: { lifecycle_stage: to } }, from),
    ),
  );
  if (!moved) throw experimentNotFound(id);
};

const deleteExperiment: Operation<'deleteExperiment'> = async (request, call) => {
  await move(call, request.experiment_id, 'deleted');
  return {};
};

const restoreExperiment: Operation<'restoreExperiment'> = async (request, call) => {
  await move(call, request.experiment_id, 'active');
  return {};
};

const setExperimentTag: Operation<'setExperimentTag'> = async ({ experiment_id, key, value = '' }, call) => {
  const tag = { key, value };
  if (key.startsWith(customViewPrefix)) await refuseTooManyViews(call, parseExperimentId(experiment_id), key);
  checkExperimentTag(tag);
  const id = parseExperimentId(experiment_id);
  const tagged = await call.write((sql) => store.upsertExperimentTag(sql, call.scope, id, tag));
  if (!tagged) requireActive(await find(call, id));
  return {};
};

async function refuseTooManyViews(call: Call, id: bigint, key: string): Promise<void> {
  await find(call, id);
  const others = await call.read((sql) => store.countOtherCustomViews(sql, call.scope, id, key));
  if (others >= customViewLimit) throw tooManyCustomViews(id);
}

const deleteExperimentTag: Operation<'deleteExperimentTag'> = async ({ experiment_id, key }, call) => {
  const id = parseExperimentId(experiment_id);
  const deleted = await call.write((sql) => store.deleteExperimentTag(sql, call.scope, id, key));
  if (!deleted) {
    requireActive(await find(call, id));
    throw notFound(`No tag with name: ${key} in experiment with id ${experiment_id}`);
  }
  return {};
};

type ExperimentRpc =
  | 'createExperiment'
  | 'getExperiment'
  | 'getExperimentByName'
  | 'searchExperiments'
  | 'searchDatasets'
  | 'updateExperiment'
  | 'deleteExperiment'
  | 'restoreExperiment'
  | 'setExperimentTag'
  | 'deleteExperimentTag';

export const experimentOperations = {
  createExperiment: { run: createExperiment, recorded: false },
  getExperiment: { run: getExperiment, recorded: false },
  getExperimentByName: { run: getExperimentByName, recorded: false },
  searchExperiments: { run: searchExperiments, recorded: false },
  searchDatasets: { run: searchDatasets, recorded: false },
  updateExperiment: { run: updateExperiment, recorded: false },
  deleteExperiment: { run: deleteExperiment, recorded: true },
  restoreExperiment: { run: restoreExperiment, recorded: true },
  setExperimentTag: { run: setExperimentTag, recorded: false },
  deleteExperimentTag: { run: deleteExperimentTag, recorded: false },
} satisfies OperationTable<ExperimentRpc>;
