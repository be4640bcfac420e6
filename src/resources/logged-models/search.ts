import { invalidParameter } from '../../contract/error.ts';
import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import type { Rpcs } from '../../generated/rpcs.ts';
import { allOf, compileLongText, compileNumber, compileText } from '../../search/compile.ts';
import type { Comparison } from '../../search/parse.ts';
import { isStorable, parseExperimentId } from '../experiments/rules.ts';
import {
  decodeLoggedModelToken,
  encodeLoggedModelToken,
  type LoggedModelOrderKey,
  parseLoggedModelFilter,
  parseLoggedModelOrder,
} from './fields.ts';
import { rendered } from './store.ts';

type Request = Rpcs['searchLoggedModels']['request'];
type Dataset = Request['datasets'][number];

interface Query {
  readonly experimentIds: readonly bigint[];
  readonly comparisons: readonly Comparison[];
  readonly datasets: readonly Dataset[];
  readonly order: readonly LoggedModelOrderKey[];
  readonly offset: number;
  readonly limit: number;
}

/** Pages are counted by offset, as in MLflow: models of an experiment are few, and may be ordered by anything. */
export const searchLoggedModels: Operation<'searchLoggedModels'> = async (request, call) => {
  if (!request.datasets.every((dataset) => dataset.dataset_name))
    throw invalidParameter('`dataset_name` in the `datasets` clause must be specified.');
  const offset = decodeLoggedModelToken(request.page_token, request);
  const size = request.max_results || 100;
  if (size < 0) throw invalidParameter('LIMIT must not be negative');
  const comparisons = parseLoggedModelFilter(request.filter);
  const experimentIds = [...new Set(request.experiment_ids.map(parseExperimentId))].filter(isStorable);
  const order = parseLoggedModelOrder(request.order_by);
  const query = { experimentIds, comparisons, datasets: request.datasets, order, offset, limit: size + 1 };
  const found = await call.read((sql) => findPage(sql, call.scope, query));
  const token = found.length > size ? encodeLoggedModelToken(request, offset + size) : undefined;
  return renderPage('models', found.slice(0, size), token);
};

/**
 * The wire forms of one page. Each experiment gives its first rows, which for one without a filter are the first of
 * an index; only the rows of the page are rendered.
 */
async function findPage(sql: Sql, scope: Scope, query: Query): Promise<string[]> {
  const { experimentIds, order, offset, limit } = query;
  const keys = order.map((key, at) => ({ name: sql(`order_${at}`), key }));
  const values = keys.map(({ name, key }) => sql`, ${orderValue(sql, key)} as ${name}`);
  const ordered = keys
    .map(({ name, key }) => sql`${name} ${direction(sql, key)}`)
    .reduce((list, one) => sql`${list}, ${one}`);
  const rows = await sql<{ wire: string }[]>`
    with page as (
      select *, row_number() over (order by ${ordered}) as place
      from unnest(${experimentIds.map(String)}::int8[]) as e (id)
      cross join lateral (
        select m.* ${values} from tabularium.logged_models m
        where m.workspace = ${scope.workspace} and m.experiment_id = e.id and m.lifecycle_stage = 'active'
          and ${conditions(sql, scope, query)}
        order by ${ordered} limit ${offset + limit}) m
      order by place limit ${limit} offset ${offset})
    select ${rendered(sql)} as wire from page m order by place`;
  return rows.map(({ wire }) => wire);
}

/** The columns that the grammar knows. A model's status message is set by nothing that reaches this server. */
const columns = (
  sql: Sql,
): Record<string, { readonly column: Fragment; readonly type: 'text' | 'int8' }> => ({
  name: { column: sql`m.name`, type: 'text' },
  model_id: { column: sql`m.model_id`, type: 'text' },
  model_type: { column: sql`m.model_type`, type: 'text' },
  source_run_id: { column: sql`m.source_run_id`, type: 'text' },
  artifact_location: { column: sql`m.artifact_location`, type: 'text' },
  lifecycle_stage: { column: sql`m.lifecycle_stage`, type: 'text' },
  status_message: { column: sql`null::text`, type: 'text' },
  status: { column: sql`m.status`, type: 'int8' },
  experiment_id: { column: sql`m.experiment_id`, type: 'int8' },
  creation_timestamp_ms: { column: sql`m.created_at`, type: 'int8' },
  last_updated_timestamp_ms: { column: sql`m.updated_at`, type: 'int8' },
});

/** @throws TypeError where the grammar knows a column that is not in the table above. */
function columnOf(sql: Sql, key: string): { column: Fragment; type: 'text' | 'int8' } {
  const found = columns(sql)[key];
  if (!found) throw new TypeError(`no column for ${key}`);
  return found;
}

function orderValue(sql: Sql, { type, key, datasetName, datasetDigest }: LoggedModelOrderKey): Fragment {
  if (type === 'attribute') return columnOf(sql, key).column;
  // The latest point; of several at one time and step that of the first run. (MLflow takes the run whose random id
  // sorts first; looking ids up here makes the search three times as slow.)
  return sql`(
    select p.value from tabularium.metrics p
    where p.model_id = m.model_id and p.key_id = (select id from tabularium.metric_keys where key = ${key})
      ${datasetName ? sql`and p.dataset_name = ${datasetName}` : sql``}
      ${datasetDigest ? sql`and p.dataset_digest = ${datasetDigest}` : sql``}
    order by p.timestamp desc, p.step desc, p.run limit 1)`;
}

/** Models without the metric come last either way. Columns have no nulls, and only without the words fit an index. */
const direction = (sql: Sql, { type, ascending }: LoggedModelOrderKey): Fragment => {
  if (type === 'attribute') return ascending ? sql`asc` : sql`desc`;
  return ascending ? sql`asc nulls last` : sql`desc nulls last`;
};

function conditions(sql: Sql, scope: Scope, { comparisons, datasets }: Query): Fragment {
  const onDatasets = datasets.length === 0 ? sql`true` : sql`(${anyDataset(sql, datasets)})`;
  const all = comparisons.map((one) => condition(sql, scope, one, onDatasets));
  if (datasets.length > 0 && !comparisons.some(({ type }) => type === 'metric'))
    all.push(sql`exists (select from tabularium.metrics p where p.model_id = m.model_id and ${onDatasets})`);
  return allOf(sql, all);
}

/** MLflow takes an absent digest for "a data set without one", though its documentation says "any". */
const anyDataset = (sql: Sql, datasets: readonly Dataset[]): Fragment =>
  datasets
    .map(({ dataset_name: name = '', dataset_digest: digest }) =>
      digest
        ? sql`p.dataset_name = ${name} and p.dataset_digest = ${digest}`
        : sql`p.dataset_name = ${name} and p.dataset_digest is null`,
    )
    .reduce((list, one) => sql`${list} or ${one}`);

function condition(sql: Sql, scope: Scope, comparison: Comparison, onDatasets: Fragment): Fragment {
  const { type, key } = comparison;
  if (type === 'metric')
    return sql`exists (
      select from tabularium.metrics p
      where p.model_id = m.model_id and p.key_id = (select id from tabularium.metric_keys where key = ${key})
        and ${compileNumber(sql, sql`p.value`, comparison, 'float8')} and ${onDatasets})`;
  if (type === 'attribute') {
    const { column, type: held } = columnOf(sql, key);
    return held === 'text'
      ? compileText(sql, column, comparison)
      : compileNumber(sql, column, comparison, held);
  }
  const entries = type === 'tag' ? sql`tabularium.logged_model_tags` : sql`tabularium.logged_model_params`;
  return sql`exists (
    select from ${entries} c
    where c.workspace = ${scope.workspace} and c.model_id = m.model_id and c.experiment_id = e.id
      and c.key = ${key} and ${compileLongText(sql, sql`c.value`, comparison)})`;
}
