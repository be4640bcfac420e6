import { setTimeout as sleep } from 'node:timers/promises';
import { invalidParameter, notFound } from '../../contract/error.ts';
import type { AuditEntry, Call, Operation } from '../../contract/operation.ts';
import type { Sql } from '../../contract/sql.ts';
import { canonicalStage } from '../../contract/stage.ts';
import { parseUri, refuseHostAddressed } from '../../contract/uri.ts';
import { part } from '../../db/part.ts';
import { appendModelVersion, findLoggedModelOrigin } from '../logged-models/store.ts';
import type { ModelKey, NewPin } from '../pins/store.ts';
import {
  checkModelName,
  checkVersionTag,
  collectTags,
  isPrompt,
  modelNotFound,
} from '../registered-models/rules.ts';
import { findModelKind, lockModel } from '../registered-models/store.ts';
import { findRunOrigin } from '../runs/store.ts';
import { parseVersion, refuseFailed, versionNotFound } from './rules.ts';
import { checkSource, type ModelUri, notContained, parseModelUri } from './source.ts';
import * as store from './store.ts';
import { refuseForeignSource } from './strict.ts';
import { answerVersion } from './wire.ts';

/** What MLflow's clients send as the source of a prompt, which has no bytes. */
const promptSources = new Set(['dummy-source', 'prompt-template']);

interface Lineage {
  readonly source: string;
  readonly runId: string;
  readonly modelId: string;
  /** The version that the source names. */
  readonly origin?: store.VersionOrigin;
}

/** How the files of a version are kept from changing. */
export interface Keeper {
  /** The copy that a version at this location needs; undefined where it stays a pointer. */
  plan(location: string): Promise<NewPin | undefined>;
  /** Makes a copy that is noted, for a version of this model, and tells it; never throws. */
  make(pin: NewPin, model: ModelKey): Promise<void>;
  /** Whether a location is that of a copy which a version has. */
  isKept(location: string): Promise<boolean>;
  /** Tells versions that wait for a copy that is there meanwhile. */
  settle(pin: string): Promise<void>;
}

/** How long the answer waits for a copy, in milliseconds: MLflow's client looks again only after three seconds. */
const patience = 2_000;

export const createModelVersion =
  (keeper: Keeper): Operation<'createModelVersion'> =>
  async (request, call) => {
    const { name, source = '', run_link: runLink = '', description = '' } = request;
    if (call.settings.sourceRegex && !call.settings.sourceRegex.test(source))
      throw invalidParameter(`Invalid model version source: '${source}'.`);
    const tags = collectTags(request.tags);
    const prompt = isPrompt(tags);
    if (prompt && !promptSources.has(source))
      throw invalidParameter(
        `Invalid prompt source: '${source}'. Prompt sources must use an MLflow placeholder.`,
      );
    refuseHostAddressed(source, 'source', call.settings);
    const lineage = prompt
      ? { source, runId: request.run_id ?? '', modelId: request.model_id ?? '' }
      : await resolveLineage(call, keeper, source, request.run_id, request.model_id);
    checkModelName(name);
    tags.forEach(checkVersionTag);
    const { storageLocation, runId } = await locate(call, lineage);
    if (!prompt) await refuseForeignSource(call, source, storageLocation);
    const keeping = prompt ? undefined : await keepingOf(call, lineage, storageLocation, keeper);

    const { scope, now } = call;
    const version = {
      description,
      source: lineage.source,
      storageLocation,
      keeping,
      runId,
      runLink,
      tags,
      now,
    };
    const entry: AuditEntry = {
      kind: 'model-version',
      name: (created) => part`${name}::text || '/' || (select version from ${created})`,
      detail: { source: lineage.source },
    };
    const insert = (sql: Sql) =>
      store.insertVersion(sql, scope, name, version, (from) => call.record(entry, from));
    const modelId = prompt ? '' : lineage.modelId;
    const insertInTurn = async () => {
      const [, created] = await call.transaction((sql) => [
        lockModel(sql, scope, name),
        insert(sql),
        ...(modelId === ''
          ? []
          : [
              appendModelVersion(sql, scope, modelId, {
                name,
                version: store.lastVersion(scope, name),
              }),
            ]),
      ]);
      return created?.[0];
    };
    const [alone] = modelId === '' ? await call.write(async (sql) => insert(sql)) : [];
    const row = (alone ?? (await insertInTurn())) as unknown as store.VersionRow | undefined;
    if (!row) throw modelNotFound(name);
    if (!keeping) return answerVersion(row);
    await kept(keeping, keeper, { workspace: scope.workspace, name });
    return answerVersion((await call.find((sql) => store.findVersion(sql, scope, name, row.version))) ?? row);
  };

/** How the version's files are kept: as those of the version that it copies, or by a copy of its own. */
async function keepingOf(
  call: Call,
  { origin }: Lineage,
  location: string,
  keeper: Keeper,
): Promise<store.Keeping | undefined> {
  if (origin?.pin) return { share: origin.pin, status: origin.status };
  const { scheme, path } = parseUri(location);
  const make = await keeper.plan(scheme === 'runs' ? await locationInRun(call, path) : location);
  return make && { make };
}

/** What `runs:/…` stands for; empty where there is no such run. */
async function locationInRun(call: Call, path: string): Promise<string> {
  const [id = '', ...rest] = path.replace(/^\/+/, '').split('/');
  const run = await call.find((sql) => findRunOrigin(sql, call.scope, id));
  return run ? [run.artifactUri, ...rest].join('/') : '';
}

/** Waits until the version is told how its copy came to an end, but not for long: without it, it is told later. */
async function kept(keeping: store.Keeping, keeper: Keeper, model: ModelKey): Promise<void> {
  if ('make' in keeping) {
    const over = new AbortController();
    await Promise.race([
      keeper.make(keeping.make, model),
      sleep(patience, undefined, { signal: over.signal }).catch(() => {}),
    ]);
    over.abort();
  } else if (keeping.status !== 'READY') await keeper.settle(keeping.share);
}

/**
 * Checks the source against the run or logged model it belongs to. One that names another registered version is
 * stored as `models:/name/N`, whatever it was written as, and takes that version's run over.
 */
async function resolveLineage(
  call: Call,
  keeper: Keeper,
  source: string,
  runId: string | undefined,
  modelId: string | undefined,
): Promise<Lineage> {
  const { scheme, authority } = parseUri(source);
  const named = scheme === 'models' && authority === '' ? parseModelUri(source) : undefined;
  if (scheme === 'models' && authority !== '')
    throw invalidParameter(
      `Invalid model version source: '${source}'. Registered model sources must use the active model registry.`,
    );
  if (scheme === 'models' && !named) throw notContained(source, 'model_id');
  if (!named || named.kind === 'model-id') {
    const lineage = { source, runId: runId ?? '', modelId: modelId ?? '' };
    // What `get-download-uri` answers lies in no run.
    if (await keeper.isKept(source)) return lineage;
    await checkSource(source, lineage, {
      runRoot: async (id) => (await call.find((sql) => findRunOrigin(sql, call.scope, id)))?.artifactUri,
      modelRoot: async (id) =>
        (await call.find((sql) => findLoggedModelOrigin(sql, call.scope, id)))?.artifactLocation,
    });
    return lineage;
  }
  const origin = await findNamedVersion(call, source, named);
  refuseFailed(named.name, origin);
  if ((runId !== undefined && runId !== origin.run_id) || (modelId !== undefined && modelId !== ''))
    throw invalidParameter(
      `Invalid model version source: '${source}'. The run_id and model_id request parameters must match the referenced ` +
        'model version.',
    );
  return {
    source: `models:/${named.name}/${origin.version}`,
    runId: runId ?? origin.run_id,
    modelId: '',
    origin,
  };
}

async function findNamedVersion(
  call: Call,
  source: string,
  named: Exclude<ModelUri, { kind: 'model-id' }>,
): Promise<store.VersionOrigin> {
  const { name } = named;
  checkModelName(name);
  const kind = await call.find((sql) => findModelKind(sql, call.scope, name));
  if (!kind) throw modelNotFound(name);
  if (kind === 'prompt')
    throw invalidParameter(
      `Invalid model version source: '${source}'. Prompt versions cannot be used as model version sources.`,
    );
  const version = await findNamedNumber(call, named);
  const origin = await call.find((sql) => store.findVersionOrigin(sql, call.scope, name, version));
  if (!origin) throw versionNotFound(name, version);
  return origin;
}

async function findNamedNumber(call: Call, named: Exclude<ModelUri, { kind: 'model-id' }>): Promise<number> {
  const { name } = named;
  if (named.kind === 'version') {
    const { number, text } = parseVersion(named.version);
    if (number === undefined) throw versionNotFound(name, text);
    return number;
  }
  if (named.kind === 'alias') {
    const row = await call.find((sql) => store.findVersionByAlias(sql, call.scope, name, named.alias));
    if (!row) throw invalidParameter(`Registered model alias ${named.alias} not found.`);
    return row.version;
  }
  const wanted = named.kind === 'stage' ? canonicalStage(named.stage) : undefined;
  const rows = await call.find((sql) => store.findLatestVersions(sql, call.scope, name));
  const newest = rows?.findLast((row) => wanted === undefined || row.stage === wanted);
  if (newest) return newest.version;
  const stage = named.kind === 'stage' ? ` and stage '${named.stage}'` : '';
  throw invalidParameter(`No versions of model with name '${name}'${stage} found`);
}

/** Where the version's bytes lie, and the run that made it where only its logged model is known. */
async function locate(call: Call, lineage: Lineage): Promise<{ storageLocation: string; runId: string }> {
  const { source, runId, modelId, origin } = lineage;
  const fromModel = parseUri(source).scheme === 'models' && !origin;
  if (!fromModel && (modelId === '' || runId !== ''))
    return { storageLocation: origin?.storage_location ?? source, runId };
  const model = await call.find((sql) => findLoggedModelOrigin(sql, call.scope, modelId));
  if (!model) throw notFound(`Logged model with ID '${modelId}' not found.`);
  return {
    storageLocation: fromModel ? model.artifactLocation : source,
    runId: runId || (model.sourceRunId ?? ''),
  };
}
