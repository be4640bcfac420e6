import type { Fragment, Sql } from '../../contract/sql.ts';
import { renderPoint } from '../metrics/store.ts';

/** What clients call the info of the run in alias `r`: JSON. */
export const renderInfo = (sql: Sql): Fragment => sql`json_strip_nulls(json_build_object(
  'run_uuid', r.run_id, 'experiment_id', r.experiment_id::text, 'run_name', r.name, 'user_id', r.user_id,
  'status', r.status, 'start_time', r.start_time, 'end_time', nullif(r.end_time, 0), 'artifact_uri', r.artifact_uri,
  'lifecycle_stage', r.lifecycle_stage, 'run_id', r.run_id))`;

/**
 * The run in alias `r` as clients read it: JSON. MLflow tells the models that a run read to those who get it, not to
 * those who search.
 */
export const renderRun = (
  sql: Sql,
  { modelInputs }: { modelInputs: boolean },
): Fragment => sql`json_build_object(
  'info', ${renderInfo(sql)},
  'data', json_strip_nulls(json_build_object(
    'metrics', (
      select json_agg(${renderPoint(sql, sql`m`, sql`k.key`)} order by k.key)
      from tabularium.latest_metrics m join tabularium.metric_keys k on k.id = m.key_id where m.run = r.id),
    'params', (
      select json_agg(json_build_object('key', p.key, 'value', p.value) order by p.key)
      from tabularium.params p where p.run = r.id),
    'tags', (
      select json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key)
      from tabularium.tags t where t.run = r.id))),
  'inputs', json_strip_nulls(json_build_object(
    'dataset_inputs', (
      select json_agg(json_build_object(
        'tags', (
          select json_agg(json_build_object('key', t.key, 'value', t.value) order by t.key)
          from tabularium.dataset_input_tags t where t.run = i.run and t.dataset_id = i.dataset_id),
        'dataset', json_build_object(
          'name', d.name, 'digest', d.digest, 'source_type', d.source_type, 'source', d.source,
          'schema', nullif(d.schema, ''), 'profile', nullif(d.profile, ''))) order by i.place, d.id)
      from tabularium.dataset_inputs i join tabularium.datasets d on d.id = i.dataset_id where i.run = r.id),
    'model_inputs', ${modelInputs ? renderModelInputs(sql) : sql`null`})),
  'outputs', json_strip_nulls(json_build_object(
    'model_outputs', (
      select json_agg(json_build_object('model_id', o.model_id, 'step', o.step) order by o.place, o.model_id)
      from tabularium.model_outputs o where o.run = r.id))))`;

const renderModelInputs = (sql: Sql): Fragment => sql`(
  select json_agg(json_build_object('model_id', i.model_id) order by i.place, i.model_id)
  from tabularium.model_inputs i where i.run = r.id)`;
