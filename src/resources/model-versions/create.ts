import { invalidParameter, notFound } from '../../contract/error.ts';
import type { Call, Operation } from '../../contract/operation.ts';
import { canonicalStage } from '../../contract/stage.ts';
import { parseUri, refuseHostAddressed } from '../../contract/uri.ts';
import { appendModelVersion, findLoggedModelOrigin } from '../logged-models/store.ts';
import {
  checkModelName,
  checkVersionTag,
  collectTags,
  isPrompt,
  modelNotFound,
} from '../registered-models/rules.ts';
import { findModelKind, renderModel } from '../registered-models/store.ts';
import { findRunOrigin } from '../runs/store.ts';
import { parseVersion, versionNotFound } from './rules.ts';
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
  /** Where the bytes lie, if the source itself does not say it. */
  readonly storageLocation?: string;
}

export const createModelVersion: Operation<'createModelVersion'> = async (request, call) => {
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
    : await resolveLineage(call, source, request.run_id, request.model_id);
  checkModelName(name);
  tags.forEach(checkVersionTag);
  const { storageLocation, runId } = await locate(call, lineage);
  if (!prompt) await refuseForeignSource(call, source, storageLocation);

  const { scope, now } = call;
  const version = { description, source: lineage.source, storageLocation, runId, runLink, tags, now };
  const [created] = await call.transaction((sql) => [
    store.insertVersion(sql, scope, name, version, (from) => {
      const label = sql`${name}::text || '/' || (select version from ${from})`;
      return call.record(
        sql,
        { kind: 'model-version', name: label, detail: { source: lineage.source } },
        from,
      );
    }),
    renderModel(sql, scope, name, { updatedAt: sql`${now}::bigint`, lastVersion: sql`m.last_version + 1` }),
    ...(prompt || lineage.modelId === ''
      ? []
      : [
          appendModelVersion(sql, scope, lineage.modelId, {
            name,
            version: store.lastVersion(sql, scope, name),
          }),
        ]),
  ]);
  const row = created?.[0];
  if (!row) throw modelNotFound(name);
  return answerVersion(row as unknown as store.VersionRow);
};

/**
 * Checks the source against the run or logged model it belongs to. One that names another registered version is
 * stored as `models:/name/N`, whatever it was written as, and takes that version's run over.
 */
async function resolveLineage(
  call: Call,
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
    await checkSource(source, lineage, {
      runRoot: async (id) => (await call.find((sql) => findRunOrigin(sql, call.scope, id)))?.artifactUri,
      modelRoot: async (id) =>
        (await call.find((sql) => findLoggedModelOrigin(sql, call.scope, id)))?.artifactLocation,
    });
    return lineage;
  }
  const origin = await findNamedVersion(call, source, named);
  if ((runId !== undefined && runId !== origin.run_id) || (modelId !== undefined && modelId !== ''))
    throw invalidParameter(
      `Invalid model version source: '${source}'. The run_id and model_id request parameters must match the referenced ` +
        'model version.',
    );
  return {
    source: `models:/${named.name}/${origin.version}`,
    runId: runId ?? origin.run_id,
    modelId: '',
    storageLocation: origin.storage_location,
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
  const { source, runId, modelId } = lineage;
  const fromModel = parseUri(source).scheme === 'models' && lineage.storageLocation === undefined;
  if (!fromModel && (modelId === '' || runId !== ''))
    return { storageLocation: lineage.storageLocation ?? source, runId };
  const model = await call.find((sql) => findLoggedModelOrigin(sql, call.scope, modelId));
  if (!model) throw notFound(`Logged model with ID '${modelId}' not found.`);
  return {
    storageLocation: fromModel ? model.artifactLocation : source,
    runId: runId || (model.sourceRunId ?? ''),
  };
}
