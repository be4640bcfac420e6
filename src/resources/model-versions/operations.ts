import { invalidParameter, notFound } from '../../contract/error.ts';
import type { AuditEntry, Call, Operation, OperationTable } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { canonicalStage, stages } from '../../contract/stage.ts';
import {
  checkAlias,
  checkModelName,
  checkTagKey,
  checkVersionTag,
  modelNotFound,
} from '../registered-models/rules.ts';
import { findModelKind, lockModel, renderModel } from '../registered-models/store.ts';
import { createModelVersion, type Keeper } from './create.ts';
import { type ParsedVersion, parseVersion, refuseFailed, versionLabel, versionNotFound } from './rules.ts';
import { searchModelVersions } from './search.ts';
import * as store from './store.ts';
import { answerVersion, withAliases } from './wire.ts';

const getModelVersion: Operation<'getModelVersion'> = async ({ name, version: text }, call) => {
  checkModelName(name);
  const version = numbered(name, parseVersion(text));
  const row = await call.find((sql) => store.findVersion(sql, call.scope, name, version));
  if (!row) throw versionNotFound(name, version);
  return answerVersion(row);
};

/** @throws RESOURCE_DOES_NOT_EXIST for a number that no version can have. */
function numbered(name: string, version: ParsedVersion): number {
  if (version.number === undefined) throw versionNotFound(name, version.text);
  return version.number;
}

const getModelVersionByAlias: Operation<'getModelVersionByAlias'> = async ({ name, alias }, call) => {
  checkModelName(name);
  checkAlias(alias);
  if (alias.toLowerCase() === 'latest') {
    const rows = await call.find((sql) => store.findLatestVersions(sql, call.scope, name));
    if (!rows) throw modelNotFound(name);
    const newest = rows.at(-1);
    if (!newest) throw notFound(`Latest version not found for model ${name}.`);
    return answerVersion(newest);
  }
  const row = await call.find((sql) => store.findVersionByAlias(sql, call.scope, name, alias));
  if (row) return answerVersion(row);
  if (!(await call.find((sql) => findModelKind(sql, call.scope, name)))) throw modelNotFound(name);
  throw invalidParameter(`Registered model alias ${alias} not found.`);
};

const getLatestVersions: Operation<'getLatestVersions'> = async ({ name, stages: wanted }, call) => {
  checkModelName(name);
  const rows = await call.find((sql) => store.findLatestVersions(sql, call.scope, name));
  if (!rows) throw modelNotFound(name);
  // An unknown stage is told only where the model exists, as in MLflow.
  const chosen = new Set<string>(wanted.length > 0 ? wanted.map(canonicalStage) : stages);
  return renderPage('model_versions', rows.filter((row) => chosen.has(row.stage)).map(withAliases));
};

const getModelVersionDownloadUri: Operation<'getModelVersionDownloadUri'> = async (
  { name, version: text },
  call,
) => {
  checkModelName(name);
  const version = numbered(name, parseVersion(text));
  const origin = await call.find((sql) => store.findVersionLocation(sql, call.scope, name, version));
  if (!origin) throw versionNotFound(name, version);
  refuseFailed(name, origin);
  return { artifact_uri: origin.storage_location };
};

/** Locks the model, changes one version, renders it and its model; throws where there is no such version. */
async function changeVersion(
  call: Call,
  name: string,
  version: number,
  change: (sql: Sql) => Query,
): Promise<store.VersionRow | undefined> {
  const [, changed, versions] = await call.transaction((sql) => [
    lockModel(sql, call.scope, name),
    change(sql),
    store.renderVersions(sql, call.scope, name, version),
    renderModel(sql, call.scope, name),
  ]);
  if (changed?.length === 0) throw versionNotFound(name, version);
  return versions?.[0] as unknown as store.VersionRow | undefined;
}

const auditEntry = (name: string, version: number, detail?: Record<string, unknown>): AuditEntry => ({
  kind: 'model-version',
  name: versionLabel(name, version),
  detail,
});

const audit =
  (call: Call, name: string, version: number, detail?: Record<string, unknown>) =>
  (from: Fragment): Fragment =>
    call.record(auditEntry(name, version, detail), from);

const updateModelVersion: Operation<'updateModelVersion'> = async (
  { name, version: text, description = null },
  call,
) => {
  checkModelName(name);
  const version = numbered(name, parseVersion(text));
  const row = await changeVersion(call, name, version, (sql) =>
    store.updateVersion(
      sql,
      call.scope,
      name,
      version,
      { description, now: call.now },
      audit(call, name, version, { description }),
    ),
  );
  return answerVersion(row as store.VersionRow);
};

const transitionModelVersionStage: Operation<'transitionModelVersionStage'> = async (request, call) => {
  const stage = canonicalStage(request.stage ?? '');
  const archive = request.archive_existing_versions ?? false;
  if (archive && stage !== 'Staging' && stage !== 'Production')
    throw invalidParameter(
      `Model version transition cannot archive existing model versions because '${request.stage}' is not an Active ` +
        "stage. Valid stages are ['Staging', 'Production']",
    );
  const { name } = request;
  checkModelName(name);
  const version = numbered(name, parseVersion(request.version));
  const change = { stage, now: call.now };
  const entry = auditEntry(name, version, { stage, archive });
  const record = (from: Fragment) => call.record(entry, from);
  const move = (sql: Sql) => store.moveVersion(sql, call.scope, name, version, change, record);
  const moveInTurn = async () => {
    const [, moved] = await call.transaction((sql) => [
      lockModel(sql, call.scope, name),
      ...(archive
        ? [
            store.moveAndArchive(sql, call.scope, name, version, change, record),
            renderModel(sql, call.scope, name, {
              updatedAt: store.versionUpdatedAt(call.scope, name, version),
            }),
          ]
        : [move(sql)]),
    ]);
    return moved?.[0];
  };
  const [alone] = archive ? [] : await call.write(async (sql) => move(sql));
  const row = (alone ?? (await moveInTurn())) as unknown as store.VersionRow | undefined;
  if (!row) throw versionNotFound(name, version);
  return answerVersion(row);
};

const deleteModelVersion: Operation<'deleteModelVersion'> = async ({ name, version: text }, call) => {
  const parsed = parseVersion(text);
  checkModelName(name);
  const version = numbered(name, parsed);
  await changeVersion(call, name, version, (sql) =>
    store.deleteVersion(sql, call.scope, name, version, call.now, audit(call, name, version)),
  );
  return {};
};

const setModelVersionTag: Operation<'setModelVersionTag'> = async (
  { name, version: text, key = '', value = '' },
  call,
) => {
  checkModelName(name);
  const parsed = parseVersion(text);
  checkVersionTag({ key, value });
  const version = numbered(name, parsed);
  await changeVersion(call, name, version, (sql) =>
    store.upsertVersionTag(
      sql,
      call.scope,
      name,
      version,
      { key, value },
      audit(call, name, version, { key }),
    ),
  );
  return {};
};

const deleteModelVersionTag: Operation<'deleteModelVersionTag'> = async (
  { name, version: text, key },
  call,
) => {
  checkModelName(name);
  const parsed = parseVersion(text);
  checkTagKey(key);
  const version = numbered(name, parsed);
  await changeVersion(call, name, version, (sql) =>
    store.deleteVersionTag(sql, call.scope, name, version, key, audit(call, name, version, { key })),
  );
  return {};
};

type ModelVersionRpc =
  | 'createModelVersion'
  | 'getModelVersion'
  | 'updateModelVersion'
  | 'deleteModelVersion'
  | 'transitionModelVersionStage'
  | 'searchModelVersions'
  | 'getModelVersionDownloadUri'
  | 'getLatestVersions'
  | 'getModelVersionByAlias'
  | 'setModelVersionTag'
  | 'deleteModelVersionTag';

export const modelVersionOperations = (keeper: Keeper): OperationTable<ModelVersionRpc> => ({
  createModelVersion: { run: createModelVersion(keeper), recorded: true },
  getModelVersion: { run: getModelVersion, recorded: false },
  updateModelVersion: { run: updateModelVersion, recorded: true },
  deleteModelVersion: { run: deleteModelVersion, recorded: true },
  transitionModelVersionStage: { run: transitionModelVersionStage, recorded: true },
  searchModelVersions: { run: searchModelVersions, recorded: false },
  getModelVersionDownloadUri: { run: getModelVersionDownloadUri, recorded: false },
  getLatestVersions: { run: getLatestVersions, recorded: false },
  getModelVersionByAlias: { run: getModelVersionByAlias, recorded: false },
  setModelVersionTag: { run: setModelVersionTag, recorded: true },
  deleteModelVersionTag: { run: deleteModelVersionTag, recorded: true },
});
