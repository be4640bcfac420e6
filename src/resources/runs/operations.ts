import { randomBytes } from 'node:crypto';
import { appendToUri } from '../../contract/artifact-uri.ts';
import { checkLength } from '../../contract/entity-key.ts';
import { alreadyExists, invalidParameter, notFound } from '../../contract/error.ts';
import { type Call, type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import { randomName } from '../../contract/random-name.ts';
import { onUnique } from '../../db/sqlstate.ts';
import { experimentNotFound, parseExperimentId, requireActive } from '../experiments/rules.ts';
import { findExperiment } from '../experiments/store.ts';
import { checkDataset, readPoints } from '../metrics/rules.ts';
import { pointsToSend } from '../metrics/store.ts';
import * as inputs from './inputs.ts';
import { readModelSummary } from './model-history.ts';
import {
  checkBatchLimits,
  checkRunId,
  collectTags,
  modelHistoryTag,
  paramChanged,
  paramsChanged,
  readDatasetInputs,
  readModelId,
  readNewTags,
  readParam,
  readTag,
  refuseRepeatedParams,
  requireActiveRun,
  runNameTag,
  runNotActive,
  runNotFound,
} from './rules.ts';
import { searchRuns } from './search.ts';
import * as store from './store.ts';

/** Clients before 1.0 name the run `run_uuid`. */
const runIdOf = (request: { run_id?: string; run_uuid?: string }): string =>
  request.run_id || (request.run_uuid ?? '');

const createRun: Operation<'createRun'> = async (request, call) => {
  const id = parseExperimentId(request.experiment_id ?? '');
  const experiment = await call.find((sql) => findExperiment(sql, call.scope, id));
  if (!experiment) throw experimentNotFound(id);
  requireActive(experiment);
  const { name, tags } = readNewTags(request.tags, request.run_name ?? '', randomName);
  const userId = request.user_id ?? '';
  checkLength('user_id', 256, userId);
  const startTime = request.start_time ?? 0n;
  const runId = randomBytes(16).toString('hex');
  const artifactUri = appendToUri(experiment.artifactLocation, `${runId}/artifacts`);
  await call
    .write((sql) =>
      store.insertRun(sql, { runId, experimentId: id, name, userId, startTime, artifactUri, tags }),
    )
    .catch(onUnique(() => alreadyExists(`Run with id=${runId} has a tag twice.`)));
  return {
    run: {
      info: {
        run_uuid: runId,
        experiment_id: String(id),
        run_name: name,
        user_id: userId,
        status: 'RUNNING',
        start_time: startTime,
        artifact_uri: artifactUri,
        lifecycle_stage: 'active',
        run_id: runId,
      },
      data: { tags },
      inputs: {},
    },
  };
};

const getRun: Operation<'getRun'> = async (request, call) => {
  const runId = runIdOf(request);
  const wire = await call.read((sql) => store.readRun(sql, call.scope, runId));
  if (!wire) throw runNotFound(runId);
  return new Rendered(`{"run":${wire}}`);
};

const updateRun: Operation<'updateRun'> = async (request, call) => {
  const runId = runIdOf(request);
  const { status, end_time: endTime, run_name: name = '' } = request;
  checkLength('run_name', 250, name);
  const run = await call.write((sql) => store.updateRun(sql, call.scope, runId, { status, endTime, name }));
  if (!run) throw runNotFound(runId);
  if (run.info === null) throw runNotActive(runId, run.lifecycleStage);
  return new Rendered(`{"run_info":${run.info}}`);
};

const move = async (call: Call, runId: string, to: 'active' | 'deleted'): Promise<void> => {
  const moved = await call.write((sql) =>
    store.moveRun(sql, call.scope, runId, { to, now: call.now }, (from) =>
      call.record({ kind: 'run', name: runId, detail: { lifecycle_stage: to } }, from),
    ),
  );
  if (!moved) throw runNotFound(runId);
};

const deleteRun: Operation<'deleteRun'> = async ({ run_id }, call) => {
  await move(call, run_id, 'deleted');
  return {};
};

const restoreRun: Operation<'restoreRun'> = async ({ run_id }, call) => {
  await move(call, run_id, 'active');
  return {};
};

const setTag: Operation<'setTag'> = async (request, call) => {
  const runId = runIdOf(request);
  const tag = readTag(request);
  // The tag of its name is the run's name as well.
  if (tag.key === runNameTag) await store.logToRun(call, runId, { tags: collectTags([tag]) });
  else await store.setTag(call, runId, tag);
  return {};
};

const deleteTag: Operation<'deleteTag'> = async ({ run_id: runId, key }, call) => {
  const tag = await call.write((sql) => store.deleteTag(sql, call.scope, runId, key));
  requireActiveRun(runId, tag?.lifecycleStage);
  if (!tag.deleted) throw notFound(`No tag with name: ${key} in run with id ${runId}`);
  return {};
};

const logParam: Operation<'logParam'> = async (request, call) => {
  const runId = runIdOf(request);
  const conflict = await store.logParam(call, runId, readParam(request));
  if (conflict) throw paramChanged(runId, conflict);
  return {};
};

const logBatch: Operation<'logBatch'> = (request, call) => {
  const { run_id: runId } = request;
  request.metrics.forEach(checkDataset);
  checkRunId(runId);
  const points = readPoints(request.metrics);
  const params = request.params.map((param, i) => readParam(param, `params[${i}].key`));
  const tags = request.tags.map((tag, i) => readTag(tag, `tags[${i}].key`));
  checkBatchLimits(points.length, params.length, tags.length);
  refuseRepeatedParams(params);
  // A function of its own: this one would keep what was sent.
  return logAll(call, runId, { points: pointsToSend(points), params, tags: collectTags(tags) });
};

async function logAll(call: Call, runId: string, data: store.RunData): Promise<Record<string, never>> {
  const conflicts = await store.logToRun(call, runId, data);
  if (conflicts.length > 0) throw paramsChanged(runId, conflicts);
  return {};
}

/** What clients before 3.0 send for a model; later ones create a logged model. */
const logModel: Operation<'logModel'> = async ({ run_id: runId, model_json }, call) => {
  const summary = readModelSummary(model_json);
  const run = await call.write((sql) => inputs.appendModelHistory(sql, call.scope, runId, summary));
  requireActiveRun(runId, run?.stage);
  // MLflow's database refuses the first, its JSON parser the second.
  if (!run?.appended) throw invalidParameter(`The tag '${modelHistoryTag}' is too long, or holds no list.`);
  return {};
};

const logInputs: Operation<'logInputs'> = async (request, call) => {
  const { run_id: runId } = request;
  checkRunId(runId);
  const datasets = readDatasetInputs(request.datasets);
  const models = request.models.map(({ model_id }) => readModelId(model_id));
  const stage = await call
    .write((sql) => inputs.insertInputs(sql, call.scope, runId, { datasets, models }))
    .catch(onUnique(() => alreadyExists('An input has a tag twice.')));
  requireActiveRun(runId, stage);
  return {};
};

const logOutputs: Operation<'logOutputs'> = async ({ run_id: runId, models }, call) => {
  const outputs = models.map(({ model_id, step = 0n }) => ({ modelId: readModelId(model_id), step }));
  const stage = await call
    .write((sql) => inputs.insertOutputs(sql, call.scope, runId, outputs))
    .catch(onUnique(() => alreadyExists(`Run with id=${runId} has such an output already.`)));
  requireActiveRun(runId, stage);
  return {};
};

type RunRpc =
  | 'createRun'
  | 'getRun'
  | 'updateRun'
  | 'deleteRun'
  | 'restoreRun'
  | 'setTag'
  | 'deleteTag'
  | 'logParam'
  | 'logBatch'
  | 'logModel'
  | 'logInputs'
  | 'logOutputs'
  | 'searchRuns';

export const runOperations = {
  createRun: { run: createRun, recorded: false },
  getRun: { run: getRun, recorded: false },
  updateRun: { run: updateRun, recorded: false },
  deleteRun: { run: deleteRun, recorded: true },
  restoreRun: { run: restoreRun, recorded: true },
  setTag: { run: setTag, recorded: false },
  deleteTag: { run: deleteTag, recorded: false },
  logParam: { run: logParam, recorded: false },
  logBatch: { run: logBatch, recorded: false },
  logModel: { run: logModel, recorded: false },
  logInputs: { run: logInputs, recorded: false },
  logOutputs: { run: logOutputs, recorded: false },
  searchRuns: { run: searchRuns, recorded: false },
} satisfies OperationTable<RunRpc>;
