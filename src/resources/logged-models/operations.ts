import { randomBytes } from 'node:crypto';
import { appendToUri } from '../../contract/artifact-uri.ts';
import { alreadyExists } from '../../contract/error.ts';
import { type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import { randomName } from '../../contract/random-name.ts';
import { onUnique } from '../../db/sqlstate.ts';
import { experimentNotFound, parseExperimentId, requireActive } from '../experiments/rules.ts';
import { findExperiment } from '../experiments/store.ts';
import {
  checkLength,
  checkName,
  lastOfEachKey,
  modelNotFound,
  readEntries,
  statuses,
  tagNotFound,
} from './rules.ts';
import { searchLoggedModels } from './search.ts';
import * as store from './store.ts';

const answer = (wire: string): Rendered => new Rendered(`{"model":${wire}}`);

/** A parameter cannot be changed, nor a key be given twice; the constraint is named as in MLflow. */
const refuseRepeatedKey = onUnique((constraint) =>
  alreadyExists(`duplicate key value violates unique constraint "${constraint}"`),
);

const createLoggedModel: Operation<'createLoggedModel'> = async (request, call) => {
  const name = request.name || randomName();
  checkName(name);
  const id = parseExperimentId(request.experiment_id);
  const { model_type: modelType = '', source_run_id: sourceRunId = '' } = request;
  checkLength('name', name);
  checkLength('model_type', modelType);
  checkLength('source_run_id', sourceRunId);
  const tags = readEntries(request.tags);
  const params = readEntries(request.params);
  const experiment = await call.find((sql) => findExperiment(sql, call.scope, id));
  if (!experiment) throw experimentNotFound(id);
  requireActive(experiment);
  const modelId = `m-${randomBytes(16).toString('hex')}`;
  const artifactLocation = appendToUri(experiment.artifactLocation, `models/${modelId}/artifacts`);
  const model = { modelId, experimentId: id, name, artifactLocation, modelType, sourceRunId, tags, params };
  const wire = await call
    .write((sql) => store.insertModel(sql, call.scope, { ...model, now: call.now }))
    .catch(refuseRepeatedKey);
  return answer(wire);
};

const getLoggedModel: Operation<'getLoggedModel'> = async ({ model_id: modelId, allow_deleted }, call) => {
  const deletedToo = allow_deleted?.toLowerCase() === 'true';
  const wire = await call.find((sql) => store.findModel(sql, call.scope, modelId, deletedToo));
  if (!wire) throw modelNotFound(modelId);
  return answer(wire);
};

const finalizeLoggedModel: Operation<'finalizeLoggedModel'> = async ({ model_id: modelId, status }, call) => {
  // A status that MLflow does not know is stored as unspecified, as there.
  const change = { status: statuses.indexOf(status ?? 'LOGGED_MODEL_STATUS_UNSPECIFIED'), now: call.now };
  const wire = await call.write((sql) => store.updateStatus(sql, call.scope, modelId, change));
  if (!wire) throw modelNotFound(modelId);
  return answer(wire);
};

const deleteLoggedModel: Operation<'deleteLoggedModel'> = async ({ model_id: modelId }, call) => {
  const rows = await call.write((sql) =>
    store.deleteModel(sql, call.scope, modelId, call.now, (from) =>
      call.record({ kind: 'logged-model', name: modelId }, from),
    ),
  );
  if (rows.length === 0) throw modelNotFound(modelId);
  return {};
};

const setLoggedModelTags: Operation<'setLoggedModelTags'> = async ({ model_id: modelId, tags }, call) => {
  const entries = lastOfEachKey(readEntries(tags));
  const rows = await call.write((sql) => store.upsertTags(sql, call.scope, modelId, entries));
  if (rows.length === 0) throw modelNotFound(modelId);
  return {};
};

const deleteLoggedModelTag: Operation<'deleteLoggedModelTag'> = async (
  { model_id: modelId, tag_key: key },
  call,
) => {
  const model = await call.write((sql) => store.deleteTag(sql, call.scope, modelId, key));
  if (!model) throw modelNotFound(modelId);
  if (!model.deleted) throw tagNotFound(modelId, key);
  return {};
};

const logLoggedModelParams: Operation<'logLoggedModelParams'> = async (
  { model_id: modelId, params },
  call,
) => {
  const entries = readEntries(params);
  const rows = await call
    .write((sql) => store.insertParams(sql, call.scope, modelId, entries))
    .catch(refuseRepeatedKey);
  if (rows.length === 0) throw modelNotFound(modelId);
  return {};
};

export const loggedModelOperations = {
  createLoggedModel: { run: createLoggedModel, recorded: false },
  getLoggedModel: { run: getLoggedModel, recorded: false },
  finalizeLoggedModel: { run: finalizeLoggedModel, recorded: false },
  deleteLoggedModel: { run: deleteLoggedModel, recorded: true },
  setLoggedModelTags: { run: setLoggedModelTags, recorded: false },
  deleteLoggedModelTag: { run: deleteLoggedModelTag, recorded: false },
  logLoggedModelParams: { run: logLoggedModelParams, recorded: false },
  searchLoggedModels: { run: searchLoggedModels, recorded: false },
} satisfies OperationTable<
  | 'createLoggedModel'
  | 'getLoggedModel'
  | 'finalizeLoggedModel'
  | 'deleteLoggedModel'
  | 'setLoggedModelTags'
  | 'deleteLoggedModelTag'
  | 'logLoggedModelParams'
  | 'searchLoggedModels'
>;
