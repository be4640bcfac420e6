import { randomBytes } from 'node:crypto';
import { MlflowError, notFound } from '../../contract/error.ts';
import { type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import { onUnique } from '../../db/sqlstate.ts';
import { readRecords, renderRecords } from './records.ts';
import {
  datasetNotFound,
  decodeRecordToken,
  encodeRecordToken,
  experimentRefusal,
  readNewTags,
  readRecordLimit,
  readTags,
} from './rules.ts';
import { searchEvaluationDatasets } from './search.ts';
import * as store from './store.ts';
import { upsertRecords } from './upsert.ts';

const answer = (wire: string): Rendered => new Rendered(`{"dataset":${wire}}`);

/** An experiment may be named once; the constraint has its name in MLflow. */
const refuseRepeatedExperiment = onUnique(
  (constraint) =>
    new MlflowError('BAD_REQUEST', `duplicate key value violates unique constraint "${constraint}"`),
);

const createDataset: Operation<'createDataset'> = async (request, call) => {
  const { name, experiment_ids: experimentIds } = request;
  const { tags, user } = readNewTags(request.tags);
  const datasetId = `d-${randomBytes(16).toString('hex')}`;
  const dataset = { datasetId, name, user, tags, experimentIds, now: call.now };
  const wire = await call
    .write((sql) => store.insertDataset(sql, call.scope, dataset))
    .catch(refuseRepeatedExperiment);
  return answer(wire);
};

const getDataset: Operation<'getDataset'> = async ({ dataset_id: id }, call) => {
  const wire = await call.read((sql) => store.readDataset(sql, call.scope, id));
  if (!wire) throw notFound(`Evaluation dataset with id '${id}' not found`);
  return answer(wire);
};

const deleteDataset: Operation<'deleteDataset'> = async ({ dataset_id: id }, call) => {
  await call.write((sql) =>
    store.deleteDataset(sql, call.scope, id, (from) =>
      call.record({ kind: 'evaluation-dataset', name: id }, from),
    ),
  );
  return {};
};

const setDatasetTags: Operation<'setDatasetTags'> = async (request, call) => {
  const { dataset_id: id } = request;
  const tags = readTags(request.tags);
  const there = await call.write((sql) => store.upsertTags(sql, call.scope, id, tags));
  if (!there) throw notFound(`Could not find evaluation dataset with ID ${id}`);
  return {};
};

const deleteDatasetTag: Operation<'deleteDatasetTag'> = async ({ dataset_id: id, key }, call) => {
  await call.write((sql) => store.deleteTag(sql, call.scope, id, key));
  return {};
};

const getDatasetExperimentIds: Operation<'getDatasetExperimentIds'> = async ({ dataset_id: id }, call) => ({
  experiment_ids: await call.read((sql) => store.readExperimentIds(sql, call.scope, id)),
});

const addDatasetToExperiments: Operation<'addDatasetToExperiments'> = async (request, call) => {
  const { dataset_id: id, experiment_ids: experimentIds } = request;
  const change = { experimentIds, now: call.now };
  const dataset = await call.write((sql) => store.addToExperiments(sql, call.scope, id, change));
  if (!dataset) throw datasetNotFound(id);
  if (dataset.missing !== null) throw experimentRefusal(experimentIds, dataset.missing);
  return answer(dataset.wire);
};

const removeDatasetFromExperiments: Operation<'removeDatasetFromExperiments'> = async (request, call) => {
  const { dataset_id: id, experiment_ids: experimentIds } = request;
  const change = { experimentIds, now: call.now };
  const wire = await call.write((sql) => store.removeFromExperiments(sql, call.scope, id, change));
  if (!wire) throw datasetNotFound(id);
  return answer(wire);
};

const upsertDatasetRecords: Operation<'upsertDatasetRecords'> = async (request, call) => {
  const { dataset_id: id } = request;
  const sent = readRecords(request.records);
  const [, [row] = []] = await call.transaction((sql) => [
    store.lockDataset(sql, call.scope, id),
    upsertRecords(sql, call.scope, id, { sent, now: call.now }),
  ]);
  if (!row && sent.count > 0)
    throw new MlflowError(
      'BAD_REQUEST',
      'insert or update on table "evaluation_dataset_records" violates foreign key constraint ' +
        '"fk_evaluation_dataset_records_dataset_id"',
    );
  const added = Number(row?.added ?? 0);
  return { inserted_count: added, updated_count: sent.count - added };
};

const getDatasetRecords: Operation<'getDatasetRecords'> = async (request, call) => {
  const { dataset_id: id } = request;
  const limit = readRecordLimit(request.max_results);
  const after = decodeRecordToken(request.page_token);
  const rows = await call.read((sql) => store.readRecords(sql, call.scope, id, { after, limit: limit + 1 }));
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { records: renderRecords(id, page), ...(more && { next_page_token: encodeRecordToken(last) }) };
};

const deleteDatasetRecords: Operation<'deleteDatasetRecords'> = async (request, call) => {
  const { dataset_id: id, dataset_record_ids: recordIds } = request;
  const [, [row] = []] = await call.transaction((sql) => [
    store.lockDataset(sql, call.scope, id),
    store.deleteRecords(sql, call.scope, id, recordIds, (from) =>
      call.record({ kind: 'evaluation-dataset', name: id, detail: { records: recordIds.length } }, from),
    ),
  ]);
  return { deleted_count: Number(row?.deleted) };
};

export const datasetOperations = {
  createDataset: { run: createDataset, recorded: false },
  getDataset: { run: getDataset, recorded: false },
  deleteDataset: { run: deleteDataset, recorded: true },
  searchEvaluationDatasets: { run: searchEvaluationDatasets, recorded: false },
  setDatasetTags: { run: setDatasetTags, recorded: false },
  deleteDatasetTag: { run: deleteDatasetTag, recorded: false },
  upsertDatasetRecords: { run: upsertDatasetRecords, recorded: false },
  getDatasetRecords: { run: getDatasetRecords, recorded: false },
  deleteDatasetRecords: { run: deleteDatasetRecords, recorded: true },
  getDatasetExperimentIds: { run: getDatasetExperimentIds, recorded: false },
  addDatasetToExperiments: { run: addDatasetToExperiments, recorded: false },
  removeDatasetFromExperiments: { run: removeDatasetFromExperiments, recorded: false },
} satisfies OperationTable<
  | 'createDataset'
  | 'getDataset'
  | 'deleteDataset'
  | 'searchEvaluationDatasets'
  | 'setDatasetTags'
  | 'deleteDatasetTag'
  | 'upsertDatasetRecords'
  | 'getDatasetRecords'
  | 'deleteDatasetRecords'
  | 'getDatasetExperimentIds'
  | 'addDatasetToExperiments'
  | 'removeDatasetFromExperiments'
>;
