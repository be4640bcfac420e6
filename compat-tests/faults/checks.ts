import type { Sql } from 'postgres';
import { api, artifactsApi, hash, type Journal, metricsPerBatch } from './load.ts';
import type { Model, Version } from './model.ts';
import type { Answer, Wire } from './wire.ts';

/**
 * Compares what clients were answered with what the server shows and what lies in the database, when nobody writes.
 * What was open is settled in the journal, so that the clients go on with it.
 *
 * @param whole reads all artifacts, not only those that were written since the last time
 * @returns what is wrong, a line each
 */
export async function check(wire: Wire, sql: Sql, journal: Journal, whole: boolean): Promise<string[]> {
  const wrong = journal.faults.splice(0);
  const rows = await readRows(sql);
  const shown = await readShown(wire);
  wrong.push(...compareShown(rows, shown));
  wrong.push(...(await compareGets(wire, shown)));
  wrong.push(...settleModels(journal, rows));
  wrong.push(...settleShared(journal, rows));
  wrong.push(...(await checkAudit(sql, journal, rows)));
  wrong.push(...(await checkRuns(sql, wire, journal)));
  wrong.push(...(await settleArtifacts(wire, journal, whole)));
  return wrong;
}

type Models = Map<string, Omit<Model, 'changes'>>;

/** Every model as the tables have it. */
async function readRows(sql: Sql): Promise<Models> {
  const found = await sql<{ name: string; model: Omit<Model, 'changes'> }[]>`
    select name, json_build_object(
      'description', coalesce(description, ''), 'last', last_version,
      'tags', (select coalesce(json_object_agg(key, value), '{}') from tabularium.registered_model_tags t where t.name = m.name),
      'aliases', (select coalesce(json_object_agg(alias, version), '{}')
        from tabularium.registered_model_aliases a where a.name = m.name),
      'versions', (select coalesce(json_object_agg(version, json_build_object(
          'stage', stage, 'source', source, 'description', coalesce(description, ''),
          'tags', (select coalesce(json_object_agg(key, value), '{}') from tabularium.model_version_tags t
            where t.name = v.name and t.version = v.version))), '{}')
        from tabularium.model_versions v where v.name = m.name)) as model
    from tabularium.registered_models m`;
  return new Map(found.map(({ name, model }) => [name, model]));
}

interface Tag {
  key: string;
  value: string;
}
interface WireVersion {
  name: string;
  version: string;
  current_stage: string;
  source: string;
  description?: string;
  tags?: Tag[];
  aliases?: string[];
}
interface WireModel {
  name: string;
  description?: string;
  tags?: Tag[];
  aliases?: { alias: string; version: string }[];
  latest_versions?: WireVersion[];
}
interface Shown {
  readonly models: readonly WireModel[];
  readonly versions: readonly WireVersion[];
}

/** Everything that the two searches show, page by page. */
async function readShown(wire: Wire): Promise<Shown> {
  return {
    models: await readPages<WireModel>(wire, 'registered-models/search?max_results=500', 'registered_models'),
    versions: await readPages<WireVersion>(wire, 'model-versions/search?max_results=1000', 'model_versions'),
  };
}

export async function readPages<T>(wire: Wire, question: string, key: string): Promise<T[]> {
  const all: T[] = [];
  for (let token: string | undefined = ''; token !== undefined; ) {
    const answer = await get(wire, `${api}${question}&page_token=${encodeURIComponent(token)}`);
    if (answer.status !== 200)
      throw new Error(`${question}: ${answer.status} ${JSON.stringify(answer.body)}`);
    all.push(...(answer.body[key] ?? []));
    token = answer.body.next_page_token;
  }
  return all;
}

const record = (tags: readonly Tag[] = []) => Object.fromEntries(tags.map(({ key, value }) => [key, value]));

const versionOf = ({ current_stage: stage, source, description = '', tags }: WireVersion): Version => ({
  stage,
  source,
  description,
  tags: record(tags),
});

/** What the searches show, from the stored documents, is what the tables hold. */
function compareShown(rows: Models, { models, versions }: Shown): string[] {
  const wrong: string[] = [];
  const shown = new Map(
    models.map(({ name, description = '', tags, aliases = [] }) => [
      name,
      {
        description,
        last: rows.get(name)?.last ?? 0,
        tags: record(tags),
        aliases: Object.fromEntries(aliases.map(({ alias, version }) => [alias, Number(version)])),
        versions: {} as Record<string, Version>,
      },
    ]),
  );
  for (const version of versions) {
    const model = shown.get(version.name);
    if (model) model.versions[version.version] = versionOf(version);
    else wrong.push(`version ${version.version} of ${version.name} is shown without its model`);
  }
  for (const name of new Set([...rows.keys(), ...shown.keys()]))
    if (!same(rows.get(name), shown.get(name)))
      wrong.push(`${name} is shown as ${text(shown.get(name))}, its rows say ${text(rows.get(name))}`);
  for (const { name, latest_versions: latest = [] } of models) {
    const newest = new Map<string, WireVersion>();
    for (const version of versions.filter((one) => one.name === name)) {
      const other = newest.get(version.current_stage);
      if (!other || Number(version.version) > Number(other.version))
        newest.set(version.current_stage, version);
    }
    const expected = [...newest.values()].sort((a, b) => Number(a.version) - Number(b.version));
    if (!same(latest, expected)) wrong.push(`${name} shows ${text(latest)} as latest, not ${text(expected)}`);
  }
  return wrong;
}

/** `get` answers what `search` shows. */
async function compareGets(wire: Wire, { models, versions }: Shown): Promise<string[]> {
  const wrong: string[] = [];
  await atOnce(models.slice(-50), async (model) => {
    const { body } = await get(wire, `${api}registered-models/get?name=${model.name}`);
    if (!same(body.registered_model, model))
      wrong.push(`get of ${model.name} says ${text(body)}, search ${text(model)}`);
  });
  // The newest changes come first.
  await atOnce(versions.slice(0, 50), async (version) => {
    const { name, version: number } = version;
    const { body } = await get(wire, `${api}model-versions/get?name=${name}&version=${number}`);
    const { aliases, ...listed } = body.model_version ?? {};
    if (!same(listed, version))
      wrong.push(`get of ${name}/${number} says ${text(body)}, search ${text(version)}`);
  });
  return wrong;
}

/** A connection that the server closes as idle, just when a request is sent on it, is the client's to try again. */
export async function get(wire: Wire, path: string): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await wire.ask('GET', path);
    if (answer.status !== 0 || tries === 3) return answer;
  }
}

/** A few at a time. */
async function atOnce<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = [...list];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let one = rest.pop(); one !== undefined; one = rest.pop()) await work(one);
    }),
  );
}

/** A model of one writer is in a state that its writer knows; the audit log has a row for each change. */
function settleModels(journal: Journal, rows: Models): string[] {
  const wrong: string[] = [];
  for (const model of journal.models) {
    const found = rows.get(model.name);
    const match = model.states.filter((state) => same(found, state && withoutChanges(state)));
    if (match.length === 0)
      wrong.push(
        `${model.name} is ${text(found)}, where its writer knows ${model.states.map(text).join(' or ')}`,
      );
    // A change to what was there already leaves two states that look alike: the audit log tells them apart.
    model.states = match;
  }
  return wrong;
}

const withoutChanges = ({ changes, ...model }: Model): Omit<Model, 'changes'> => model;

function settleShared(journal: Journal, rows: Models): string[] {
  const wrong: string[] = [];
  for (const [name, { versions, last }] of rows) {
    if (!name.startsWith('shared')) continue;
    const numbers = new Map<string, number[]>();
    for (const [number, { tags, source, description }] of Object.entries(versions)) {
      const op = tags.one ?? 'none';
      numbers.set(op, [...(numbers.get(op) ?? []), Number(number)]);
      if (tags.two !== op || source !== `s3://faults/${op}` || description !== op)
        wrong.push(`version ${number} of ${name} is half of ${op}: ${text(versions[Number(number)])}`);
    }
    const production = Object.values(versions).filter(({ stage }) => stage === 'Production').length;
    if (production > 1) wrong.push(`${name} has ${production} versions in Production`);
    if (last !== Math.max(0, ...Object.keys(versions).map(Number)))
      wrong.push(`${name} has given ${last} numbers, its highest version is another`);
    const sent = journal.sharedVersions.filter(({ model }) => model === name);
    for (const { op, number } of sent) {
      const found = numbers.get(op) ?? [];
      numbers.delete(op);
      if (number === undefined ? found.length > 1 : found.length !== 1 || found[0] !== number)
        wrong.push(`${op} of ${name} was answered number ${number}, its rows have ${text(found)}`);
    }
    if (numbers.size > 0) wrong.push(`${name} has versions that nobody asked for: ${text([...numbers])}`);
  }
  // Those whose request failed are settled: their version is there under the number it has, or is not there.
  for (let i = journal.sharedVersions.length - 1; i >= 0; i--) {
    const version = journal.sharedVersions[i];
    if (version?.number !== undefined || !version) continue;
    const found = Object.entries(rows.get(version.model)?.versions ?? {}).find(
      ([, { tags }]) => tags.one === version.op,
    );
    if (found) version.number = Number(found[0]);
    else journal.sharedVersions.splice(i, 1);
  }
  for (const alias of journal.sharedAliases) {
    const found = rows.get(alias.model)?.aliases[alias.alias];
    if (!alias.targets.includes(found))
      wrong.push(`${alias.alias} of ${alias.model} points at ${found}, not at ${text(alias.targets)}`);
    alias.targets = [found];
  }
  return wrong;
}

async function checkAudit(sql: Sql, journal: Journal, rows: Models): Promise<string[]> {
  const wrong: string[] = [];
  const byRequest = new Map<string, number>();
  const byModel = new Map<string, number>();
  const found = await sql<{ request: string; model: string; count: number }[]>`
    select request_id as request, split_part(name, '/', 1) as model, count(*)::int as count
    from tabularium.audit group by 1, 2`;
  for (const { request, model, count } of found) {
    byRequest.set(request, (byRequest.get(request) ?? 0) + count);
    byModel.set(model, (byModel.get(model) ?? 0) + count);
  }
  for (const [request, count] of byRequest)
    if (count !== 1) wrong.push(`request ${request} left ${count} rows in the audit log`);
  for (const request of journal.audited)
    if (!byRequest.has(request)) wrong.push(`the answered request ${request} is not in the audit log`);
  for (const model of journal.models) {
    if (!rows.has(model.name)) continue;
    const count = byModel.get(model.name) ?? 0;
    const states = model.states.filter((state) => state?.changes === count);
    if (states.length === 0)
      wrong.push(
        `${model.name} has ${count} changes in the audit log, not ${text(model.states.map((s) => s?.changes))}`,
      );
    model.states = states;
  }
  return wrong;
}

interface Stored {
  readonly run: string;
  readonly batch: number;
  readonly metrics: number;
  readonly params: number;
  readonly tags: number;
}

/** A batch is there with all of its 100 metrics, its parameters and tags, or with none; so is a run with its tags. */
async function checkRuns(sql: Sql, wire: Wire, journal: Journal): Promise<string[]> {
  const wrong: string[] = [];
  const stored = new Map<string, Stored>();
  const found = await sql<Stored[]>`
    with parts as (
      select run, step::int as batch, count(*)::int as metrics, 0 as params, 0 as tags
      from tabularium.metrics m join tabularium.metric_keys k on k.id = m.key_id and k.key like 'metric-%' group by run, step
      union all
      select run, split_part(key, '-', 2)::int, 0, count(*)::int, 0 from tabularium.params group by 1, 2
      union all
      select run, split_part(key, '-', 2)::int, 0, 0, count(*)::int from tabularium.tags
      where key like 'tag-%' group by 1, 2)
    select r.run_id as run, p.batch, sum(p.metrics)::int as metrics, sum(p.params)::int as params, sum(p.tags)::int as tags
    from parts p join tabularium.runs r on r.id = p.run group by 1, 2`;
  for (const one of found) {
    stored.set(`${one.run} ${one.batch}`, one);
    if (one.metrics !== metricsPerBatch || one.params !== 2 || one.tags !== 2)
      wrong.push(`batch ${one.batch} of run ${one.run} is half there: ${text(one)}`);
  }
  const last = new Map<string, number>();
  for (const { run, batch, answered } of journal.batches) {
    const there = stored.has(`${run} ${batch}`);
    if (answered && !there) wrong.push(`the answered batch ${batch} of run ${run} is not there`);
    if (there) last.set(run, Math.max(batch, last.get(run) ?? 0));
  }
  for (const [run, batch] of [...last].slice(-10)) {
    const { body } = await get(wire, `${api}runs/get?run_id=${run}`);
    const metrics: { step: number; key: string; value: number }[] = body.run?.data?.metrics ?? [];
    const right = metrics.filter(
      ({ key, step, value }) =>
        step === batch && value === batch + Number(key.slice('metric-'.length)) / 1000,
    );
    if (right.length !== metricsPerBatch || metrics.length !== metricsPerBatch)
      wrong.push(`run ${run} shows ${right.length} of ${metricsPerBatch} latest metrics of batch ${batch}`);
  }
  const runs = await sql<{ name: string; tags: number }[]>`
    select r.name, count(t.key)::int as tags from tabularium.runs r
    left join tabularium.tags t on t.run = r.id and t.key in ('one', 'two', 'mlflow.runName') and t.value = r.name
    where r.name like 'op-%' group by r.id, r.name`;
  const tagsOf = new Map(runs.map(({ name, tags }) => [name, tags]));
  if (tagsOf.size !== runs.length) wrong.push('a run was created twice');
  for (const { name, tags } of runs)
    if (tags !== 3) wrong.push(`run ${name} is half there: ${tags} tags of 3`);
  for (const { name, answered } of journal.runs)
    if (answered && !tagsOf.has(name)) wrong.push(`the answered run ${name} is not there`);
  return wrong;
}

/** An answered artifact is there to the byte; of one that was not answered there is all or nothing. */
async function settleArtifacts(wire: Wire, journal: Journal, whole: boolean): Promise<string[]> {
  const wrong: string[] = [];
  const chosen = journal.artifacts.filter(({ settled }) => whole || !settled);
  await atOnce(chosen, async (artifact) => {
    const { status, body } = await get(wire, artifactsApi + artifact.path);
    const found = status === 200 ? hash(body) : undefined;
    if ((status !== 200 && status !== 404) || !artifact.contents.includes(found))
      wrong.push(`artifact ${artifact.path} has another content (${status}, ${body.length} bytes)`);
    artifact.contents = [found];
    artifact.settled = true;
  });
  const expected = new Map<string, Set<string>>();
  for (const { path, contents } of journal.artifacts) {
    const [, client = '', name = ''] = path.split('/');
    const names = expected.get(client) ?? new Set();
    if (contents[0] !== undefined) names.add(name);
    expected.set(client, names);
  }
  for (const [client, names] of expected) {
    const { body } = await get(wire, `${artifactsApi.slice(0, -1)}?path=faults/${client}`);
    const listed = (body.files ?? []).map(({ path }: { path: string }) => path).sort();
    if (!same(listed, [...names].sort()))
      wrong.push(`the folder of ${client} lists ${text(listed)}, not ${text([...names].sort())}`);
  }
  return wrong;
}

const text = (value: unknown): string => JSON.stringify(value)?.slice(0, 600) ?? 'not there';

/** Whatever the order of keys. */
const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort())
      : part,
  ) ?? 'not there';
