import type { Fragment, Sql } from '../../contract/sql.ts';
import { compileLongText, compileNumber, compileText } from '../../search/compile.ts';
import type { Comparison } from '../../search/parse.ts';
import { runNameTag } from './rules.ts';

const contextTag = 'mlflow.data.context';

/** The columns of the attributes; the run in alias `r`. */
export function attributeColumn(sql: Sql, key: string): Fragment {
  switch (key) {
    case 'run_id':
      return sql`r.run_id`;
    case 'run_name':
      return sql`r.name`;
    case 'status':
      return sql`r.status`;
    case 'user_id':
      return sql`r.user_id`;
    case 'artifact_uri':
      return sql`r.artifact_uri`;
    case 'start_time':
      return sql`r.start_time`;
    case 'end_time':
      return sql`r.end_time`;
    default:
      throw new TypeError(`no column for attribute ${key}`);
  }
}

/** The number of a metric's name; no row fits where it was never logged. */
export const metricKey = (sql: Sql, key: string): Fragment =>
  sql`(select id from tabularium.metric_keys where key = ${key})`;

/** A NaN fits `!=` and nothing else. */
export const metricFits = (sql: Sql, one: Comparison): Fragment =>
  one.comparator === '!='
    ? sql`(m.is_nan or ${compileNumber(sql, sql`m.value`, one, 'float8')})`
    : sql`not m.is_nan and ${compileNumber(sql, sql`m.value`, one, 'float8')}`;

/** What a comparison asks of the run in alias `r`, of the experiment in alias `e`. */
export function condition(sql: Sql, one: Comparison): Fragment {
  switch (one.type) {
    case 'attribute':
      return attribute(sql, one);
    case 'metric':
      return sql`exists (select from tabularium.latest_metrics m where m.run = r.id and m.experiment_id = e.id
        and m.key_id = ${metricKey(sql, one.key)} and ${metricFits(sql, one)})`;
    case 'parameter':
      return keyed(sql, sql`tabularium.params`, one);
    case 'tag':
      return keyed(sql, sql`tabularium.tags`, one);
    case 'dataset':
      return dataset(sql, one);
  }
}

function attribute(sql: Sql, one: Comparison): Fragment {
  // As in MLflow the name that is compared is the tag's.
  if (one.key === 'run_name') return keyed(sql, sql`tabularium.tags`, { ...one, key: runNameTag });
  // In the text, where the planner sees that the index of these runs fits.
  if (one.key === 'status' && one.comparator === '=' && one.value === 'RUNNING')
    return sql`r.status = 'RUNNING'`;
  const column = attributeColumn(sql, one.key);
  return one.key.endsWith('_time') ? compileNumber(sql, column, one, 'int8') : compileText(sql, column, one);
}

function keyed(sql: Sql, table: Fragment, one: Comparison): Fragment {
  const there = sql`select from ${table} t where t.run = r.id and t.experiment_id = e.id and t.key = ${one.key}`;
  if (one.comparator === 'IS NULL') return sql`not exists (${there})`;
  if (one.comparator === 'IS NOT NULL') return sql`exists (${there})`;
  return sql`exists (${there} and ${ofValue(sql, one)})`;
}

function ofValue(sql: Sql, one: Comparison): Fragment {
  if (one.type !== 'parameter' || one.comparator !== '=') return compileLongText(sql, sql`t.value`, one);
  // In the text, where the planner sees which index of parameters fits, those of the short or those of the long.
  return Buffer.byteLength(String(one.value)) <= 256
    ? sql`${compileText(sql, sql`t.value`, one)} and octet_length(t.value) <= 256`
    : sql`${compileLongText(sql, sql`t.value`, one)} and octet_length(t.value) > 256`;
}

function dataset(sql: Sql, one: Comparison): Fragment {
  if (one.key === 'context')
    return sql`exists (select from tabularium.dataset_input_tags t
      where t.run = r.id and t.key = ${contextTag} and ${compileText(sql, sql`t.value`, one)})`;
  const column = one.key === 'name' ? sql`d.name` : sql`d.digest`;
  return sql`exists (select from tabularium.dataset_inputs i join tabularium.datasets d on d.id = i.dataset_id
    where i.run = r.id and ${compileText(sql, column, one)})`;
}
