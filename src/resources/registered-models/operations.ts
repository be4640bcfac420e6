import { alreadyExists } from '../../contract/error.ts';
import { type Call, type Operation, type OperationTable, Rendered } from '../../contract/operation.ts';
import type { Fragment, Query, Sql } from '../../contract/sql.ts';
import { onUnique } from '../../db/sqlstate.ts';
import { parseVersion, versionNotFound } from '../model-versions/rules.ts';
import { renderVersions, touchVersions } from '../model-versions/store.ts';
import {
  checkAlias,
  checkAliasNotReserved,
  checkModelName,
  checkModelTag,
  checkTagKey,
  collectTags,
  isPrompt,
  modelNotFound,
} from './rules.ts';
import { searchRegisteredModels } from './search.ts';
import * as store from './store.ts';

const answer = (wire: string): Rendered => new Rendered(`{"registered_model":${wire}}`);

const createRegisteredModel: Operation<'createRegisteredModel'> = async (
  { name, description = '', tags: sent },
  call,
) => {
  checkModelName(name);
  const tags = collectTags(sent);
  tags.forEach(checkModelTag);
  const taken = alreadyExists(`Registered Model (name=${name}) already exists.`);
  const wire = await call
    .write((sql) =>
      store.insertModel(sql, call.scope, { name, description, tags, now: call.now }, (from) =>
        call.record({ kind: 'registered-model', name }, from),
      ),
    )
    .catch(onUnique(() => taken))
    .catch(async (error) => {
      // Of any other failure it is not known whether the model that is there now is this one.
      if (error !== taken) throw error;
      const existing = await call.find((sql) => store.findModelKind(sql, call.scope, name));
      throw existing ? nameTaken(name, existing === 'prompt', isPrompt(tags)) : error;
    });
  return answer(wire);
};

function nameTaken(name: string, existing: boolean, created: boolean): Error {
  const kind = (prompt: boolean) => (prompt ? 'Prompt' : 'Registered Model');
  if (existing === created) return alreadyExists(`${kind(created)} (name=${name}) already exists.`);
  return alreadyExists(
    `Tried to create a ${kind(created).toLowerCase()} with name '${name}', but the name is already taken by a ` +
      `${kind(existing).toLowerCase()}. MLflow does not allow creating a model and a prompt with the same name.`,
  );
}

const getRegisteredModel: Operation<'getRegisteredModel'> = async ({ name }, call) => {
  checkModelName(name);
  const wire = await call.find((sql) => store.findModel(sql, call.scope, name));
  if (!wire) throw modelNotFound(name);
  return answer(wire);
};

/** Locks the model, changes it, renders it; throws what `absent` says where the change found nothing. */
async function changeModel(
  call: Call,
  name: string,
  absent: () => Error,
  change: (sql: Sql) => Query,
): Promise<string> {
  const [, changed, rendered] = await call.transaction((sql) => [
    store.lockModel(sql, call.scope, name),
    change(sql),
    store.renderModel(sql, call.scope, name),
  ]);
  if (changed?.length === 0) throw absent();
  return rendered?.[0]?.wire as string;
}

const audit =
  (call: Call, name: string, detail?: Record<string, unknown>) =>
  (from: Fragment): Fragment =>
    call.record({ kind: 'registered-model', name, detail }, from);

const updateRegisteredModel: Operation<'updateRegisteredModel'> = async (
  { name, description = '' },
  call,
) => {
  checkModelName(name);
  const wire = await changeModel(
    call,
    name,
    () => modelNotFound(name),
    (sql) =>
      store.updateDescription(
        sql,
        call.scope,
        name,
        { description, now: call.now },
        audit(call, name, { description }),
      ),
  );
  return answer(wire);
};

const renameRegisteredModel: Operation<'renameRegisteredModel'> = async (
  { name, new_name: newName },
  call,
) => {
  checkModelName(newName, 'new_name');
  checkModelName(name);
  const results = await call
    .transaction((sql) => [
      store.lockBoth(sql, call.scope, [name, newName]),
      store.renameModel(
        sql,
        call.scope,
        name,
        { newName, now: call.now },
        audit(call, name, { new_name: newName }),
      ),
      touchVersions(sql, call.scope, newName, call.now),
      renderVersions(sql, call.scope, newName),
      store.renderModel(sql, call.scope, newName),
    ])
    .catch(onUnique(() => alreadyExists(`Registered Model (name=${newName}) already exists.`)));
  if (results[1]?.length === 0) throw modelNotFound(name);
  return answer(results[4]?.[0]?.wire as string);
};

const deleteRegisteredModel: Operation<'deleteRegisteredModel'> = async ({ name }, call) => {
  checkModelName(name);
  const rows = await call.write((sql) => store.deleteModel(sql, call.scope, name, audit(call, name)));
  if (rows.length === 0) throw modelNotFound(name);
  return {};
};

const setRegisteredModelTag: Operation<'setRegisteredModelTag'> = async ({ name, key, value = '' }, call) => {
  checkModelName(name);
  const tag = { key: key ?? '', value };
  checkModelTag(tag);
  await changeModel(
    call,
    name,
    () => modelNotFound(name),
    (sql) => store.upsertModelTag(sql, call.scope, name, tag, audit(call, name, { key: tag.key })),
  );
  return {};
};

const deleteRegisteredModelTag: Operation<'deleteRegisteredModelTag'> = async ({ name, key }, call) => {
  checkModelName(name);
  checkTagKey(key);
  await changeModel(
    call,
    name,
    () => modelNotFound(name),
    (sql) => store.deleteModelTag(sql, call.scope, name, key, audit(call, name, { key })),
  );
  return {};
};

const setRegisteredModelAlias: Operation<'setRegisteredModelAlias'> = async (
  { name, alias, version: text },
  call,
) => {
  checkModelName(name);
  checkAlias(alias);
  checkAliasNotReserved(alias);
  const version = parseVersion(text);
  const absent = () => versionNotFound(name, version.text);
  if (version.number === undefined) throw absent();
  const change = { alias, version: version.number };
  await changeModel(call, name, absent, (sql) =>
    store.upsertAlias(sql, call.scope, name, change, audit(call, name, change)),
  );
  return {};
};

const deleteRegisteredModelAlias: Operation<'deleteRegisteredModelAlias'> = async ({ name, alias }, call) => {
  checkModelName(name);
  checkAlias(alias);
  await changeModel(
    call,
    name,
    () => modelNotFound(name),
    (sql) => store.deleteAlias(sql, call.scope, name, alias, audit(call, name, { alias })),
  );
  return {};
};

export const registeredModelOperations = {
  createRegisteredModel: { run: createRegisteredModel, recorded: true },
  getRegisteredModel: { run: getRegisteredModel, recorded: false },
  updateRegisteredModel: { run: updateRegisteredModel, recorded: true },
  renameRegisteredModel: { run: renameRegisteredModel, recorded: true },
  deleteRegisteredModel: { run: deleteRegisteredModel, recorded: true },
  searchRegisteredModels: { run: searchRegisteredModels, recorded: false },
  setRegisteredModelTag: { run: setRegisteredModelTag, recorded: true },
  deleteRegisteredModelTag: { run: deleteRegisteredModelTag, recorded: true },
  setRegisteredModelAlias: { run: setRegisteredModelAlias, recorded: true },
  deleteRegisteredModelAlias: { run: deleteRegisteredModelAlias, recorded: true },
} satisfies OperationTable<
  | 'createRegisteredModel'
  | 'getRegisteredModel'
  | 'updateRegisteredModel'
  | 'renameRegisteredModel'
  | 'deleteRegisteredModel'
  | 'searchRegisteredModels'
  | 'setRegisteredModelTag'
  | 'deleteRegisteredModelTag'
  | 'setRegisteredModelAlias'
  | 'deleteRegisteredModelAlias'
>;
