import { everything } from '../src/contract/scope.ts';
import type { Sql } from '../src/contract/sql.ts';
import { createTrigramIndexes, migrate } from '../src/db/migrate.ts';
import { createPipeline } from '../src/db/transaction.ts';
import { renderVersions } from '../src/resources/model-versions/store.ts';
import { renderModel } from '../src/resources/registered-models/store.ts';
import { queueUnrendered, renderWaiting } from '../src/resources/runs/documents.ts';
import { experiments, histories, modelsPerTag, running, type Size } from './content.ts';
import { openDatabase } from './postgres.ts';

/**
 * Fills the databases of both servers with the same things. What they are is said once, in temporary tables; from
 * there each server's tables take them, as that server writes what comes through its API.
 */

/** Fills a database on which MLflow has made its tables. */
export const seedMlflow = (url: string, size: Size): Promise<void> => withContent(url, size, fillMlflow);

/** Makes Tabularium's tables and fills them. */
export const seedTabularium = (url: string, size: Size): Promise<void> =>
  withContent(url, size, async (sql) => {
    await migrate(sql, console);
    await createTrigramIndexes(sql);
    await fillTabularium(sql, size);
    await fillAudit(sql);
    await render(sql);
  });

async function withContent(url: string, size: Size, fill: (sql: Sql) => Promise<void>): Promise<void> {
  const sql = openDatabase(url);
  try {
    await createContent(sql, size);
    await fill(sql);
    await sql`vacuum analyze`;
    // What was written goes to the disk now, not while something is measured.
    await sql`checkpoint`;
  } finally {
    await sql.end();
  }
}

async function createContent(sql: Sql, { models, versions, runs }: Size): Promise<void> {
  const begin = 1_700_000_000_000;
  await sql`create temporary table s_experiments as
    select i as id, 'bench-exp-' || i as name, 'mlflow-artifacts:/' || i as artifact_location, ${begin}::int8 as at
    from generate_series(1, ${experiments}::int) i`;
  await sql`create temporary table s_runs as
    select i, md5('run' || i) as run_id, 1 + i % ${experiments}::int as experiment_id, 'run-' || i as name,
      ${begin}::int8 + i as start_time, ${begin}::int8 + 60000 + i as end_time,
      case when 1 + i % ${experiments}::int = ${experiments}::int and i <= ${experiments * running}::int
        then 'RUNNING' else 'FINISHED' end as status,
      'mlflow-artifacts:/' || 1 + i % ${experiments}::int || '/' || md5('run' || i) || '/artifacts' as artifact_uri
    from generate_series(1, ${runs}::int) i`;
  await sql`create temporary table s_params as
    select i, run_id, 'p' || j as key, 'v' || (i * j) % 1000 as value from s_runs, generate_series(1, 10) j`;
  await sql`create temporary table s_run_tags as
    select i, run_id, key, value from s_runs, lateral (values
      ('k1', 'v' || i % 100), ('mlflow.runName', name), ('mlflow.source.name', 'bench.py'), ('mlflow.user', 'bench'))
      as t (key, value)`;
  await sql`create temporary table s_metrics as
    select i, run_id, 'm' || j as key, ((i::int8 * 7919 + j * 31) % 1000) / 1000.0 as value, start_time + j as at, 0 as step
    from s_runs, generate_series(0, 9) j
    union all
    select i, run_id, 'tied', 1, start_time, 0 from s_runs
    union all
    select i, run_id, 'h', step, start_time + step, step
    from s_runs, generate_series(1, ${histories.points}::int) step where i <= ${histories.runs}`;
  await sql`create temporary table s_models as
    select i, 'bench-m-' || lpad(i::text, 6, '0') as name, ${begin}::int8 + i as at
    from generate_series(1, ${models}::int) i`;
  // Of models and of versions.
  await sql`create temporary table s_tags as
    select i, key, value from s_models, lateral (values
      ('k1', 'v' || i % ${models / modelsPerTag}::int), ('k2', 'v' || i % 10), ('k3', 'v' || i % 7)) as t (key, value)`;
  await sql`create temporary table s_versions as
    select m.i, m.name, version, at, run_id, artifact_uri || '/model' as source,
      case version when 1 then 'Staging' when 2 then 'Production' else 'None' end as stage
    from s_models m cross join generate_series(1, ${versions}::int) version
    join s_runs r on r.i = 1 + (m.i * ${versions}::int + version) % ${runs}::int`;
}

async function fillMlflow(sql: Sql): Promise<void> {
  await sql`insert into experiments
      (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
    select id, name, artifact_location, 'active', at, at, 'default' from s_experiments`;
  await sql`select setval('experiments_experiment_id_seq', ${experiments})`;
  await sql`insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
      end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
    select run_id, name, 'UNKNOWN', '', '', 'bench', status, start_time,
      case status when 'FINISHED' then end_time end, '', 'active', artifact_uri,
      experiment_id
    from s_runs order by i`;
  await sql`insert into params (key, value, run_uuid) select key, value, run_id from s_params order by i, key`;
  await sql`insert into tags (key, value, run_uuid) select key, value, run_id from s_run_tags order by i, key`;
  await sql`insert into metrics (key, value, timestamp, run_uuid, step, is_nan)
    select key, value, at, run_id, step, false from s_metrics order by i, key, step`;
  await sql`insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
    select distinct on (i, key) key, value, at, step, false, run_id from s_metrics order by i, key, step desc`;
  await sql`insert into registered_models (name, creation_time, last_updated_time, description, workspace)
    select name, at, at, '', 'default' from s_models order by i`;
  await sql`insert into registered_model_tags (key, value, name, workspace)
    select key, value, name, 'default' from s_models join s_tags using (i) order by i, key`;
  await sql`insert into model_versions (name, version, creation_time, last_updated_time, description, current_stage,
      source, run_id, status, run_link, storage_location, workspace)
    select name, version, at, at, '', stage, source, run_id, 'READY', '', source, 'default'
    from s_versions order by i, version`;
  await sql`insert into model_version_tags (key, value, name, version, workspace)
    select key, value, name, version, 'default' from s_versions join s_tags using (i) order by i, version, key`;
  await sql`insert into registered_model_aliases (alias, version, name, workspace)
    select 'champion', 1, name, 'default' from s_models order by i`;
}

async function fillTabularium(sql: Sql, { versions }: Size): Promise<void> {
  const { workspace } = everything;
  await sql`insert into tabularium.experiments (id, workspace, name, artifact_location, created_at, updated_at)
    select id, ${workspace}, name, artifact_location, at, at from s_experiments`;
  await sql`select setval('tabularium.experiments_id_seq', ${experiments})`;
  await sql`insert into tabularium.runs
      (run_id, experiment_id, name, user_id, status, start_time, end_time, artifact_uri)
    select run_id, experiment_id, name, 'bench', status, start_time, case status when 'FINISHED' then end_time end,
      artifact_uri
    from s_runs order by i`;
  await sql`insert into tabularium.params (run, experiment_id, key, value)
    select r.id, r.experiment_id, s.key, s.value from s_params s join tabularium.runs r using (run_id) order by r.id, s.key`;
  await sql`insert into tabularium.tags (run, experiment_id, key, value)
    select r.id, r.experiment_id, s.key, s.value from s_run_tags s join tabularium.runs r using (run_id) order by r.id, s.key`;
  await sql`insert into tabularium.metric_keys (key) select distinct key from s_metrics`;
  await sql`insert into tabularium.metrics (run, key_id, timestamp, step, value, is_nan)
    select r.id, k.id, s.at, s.step, s.value, false
    from s_metrics s join tabularium.runs r using (run_id) join tabularium.metric_keys k using (key)
    order by r.id, s.key, s.step`;
  await sql`insert into tabularium.latest_metrics
      (run, key_id, experiment_id, start_time, value, is_nan, step, timestamp)
    select distinct on (r.id, k.id) r.id, k.id, r.experiment_id, r.start_time, s.value, false, s.step, s.at
    from s_metrics s join tabularium.runs r using (run_id) join tabularium.metric_keys k using (key)
    order by r.id, k.id, s.step desc`;
  await sql`insert into tabularium.registered_models
      (workspace, name, description, created_at, updated_at, last_version)
    select ${workspace}, name, '', at, at, ${versions} from s_models order by i`;
  await sql`insert into tabularium.registered_model_tags (workspace, name, key, value)
    select ${workspace}, name, key, value from s_models join s_tags using (i) order by i, key`;
  await sql`insert into tabularium.model_versions (workspace, name, version, description, stage, source,
      storage_location, run_id, run_link, created_at, updated_at)
    select ${workspace}, name, version, '', stage, source, source, run_id, '', at, at
    from s_versions order by i, version`;
  await sql`insert into tabularium.model_version_tags (workspace, name, version, key, value)
    select ${workspace}, name, version, key, value from s_versions join s_tags using (i) order by i, version, key`;
  await sql`insert into tabularium.registered_model_aliases (workspace, name, alias, version)
    select ${workspace}, name, 'champion', 1 from s_models order by i`;
}

/** The line that each request would have left in the audit log. */
async function fillAudit(sql: Sql): Promise<void> {
  await sql`insert into tabularium.audit (at, workspace, actor, action, kind, name, request_id, detail)
    select to_timestamp(at / 1000.0), ${everything.workspace}, 'anonymous', action, kind, name, gen_random_uuid()::text, detail
    from (
      select i, 0 as turn, at, 'createRegisteredModel' as action, 'registered-model' as kind, name, null::jsonb as detail
      from s_models
      union all
      select i, 1, at, 'createModelVersion', 'model-version', name || '/' || version, jsonb_build_object('source', source)
      from s_versions
      union all
      select i, 2, at, 'transitionModelVersionStage', 'model-version', name || '/' || version,
        jsonb_build_object('stage', stage, 'archive', false)
      from s_versions where stage <> 'None'
      union all
      select i, 3, at, 'setRegisteredModelAlias', 'registered-model', name,
        jsonb_build_object('alias', 'champion', 'version', 1)
      from s_models) entries
    order by i, turn`;
}

/** Renders the wire documents as the server does after each change of a model. */
async function render(sql: Sql): Promise<void> {
  await sql`analyze`;
  const models = await sql<{ name: string }[]>`select name from s_models order by i`;
  await sql.begin((tx) =>
    // Not awaited one by one: they leave in one pipeline.
    Promise.all(
      models.flatMap(({ name }) => [
        renderVersions(tx as unknown as Sql, everything, name),
        renderModel(tx as unknown as Sql, everything, name),
      ]),
    ),
  );
  await queueUnrendered(sql);
  const transaction = createPipeline(sql, 1);
  while (await renderWaiting(transaction));
  // Every row was written twice, which leaves the tables half empty; the server writes a version with its document.
  await sql`vacuum full tabularium.registered_models, tabularium.model_versions, tabularium.runs`;
}
