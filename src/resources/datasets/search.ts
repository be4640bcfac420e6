import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { allOf, compileLongText, compileNumber, compileText } from '../../search/compile.ts';
import { cutPage, type KeysetColumn, orderBy, sortValues, startOfPage } from '../../search/keyset.ts';
import { type OrderKey, parseOrderBy } from '../../search/order-by.ts';
import { queryHash } from '../../search/page-token.ts';
import type { Comparison } from '../../search/parse.ts';
import { datasetOrder, parseDatasetFilter } from './fields.ts';
import { checkPageSize } from './rules.ts';
import { renderDataset } from './store.ts';

export const searchEvaluationDatasets: Operation<'searchEvaluationDatasets'> = async (request, call) => {
  const { max_results: size, experiment_ids: experimentIds } = request;
  checkPageSize(size);
  const comparisons = parseDatasetFilter(request.filter_string);
  const order = parseOrderBy(request.order_by, datasetOrder);
  const query = queryHash('datasets', request.filter_string ?? '', request.order_by, experimentIds);
  const rows = await call.read((sql) => {
    const columns = order.map((key) => sortColumn(sql, key));
    return sql`
      select ${renderDataset(sql)}, ${sortValues(sql, columns)} from tabularium.evaluation_datasets d
      where d.workspace = ${call.scope.workspace} and ${ofExperiments(sql, call.scope, experimentIds)}
        and ${allOf(
          sql,
          comparisons.map((one) => condition(sql, one)),
        )}
        and ${startOfPage(sql, request.page_token, query, columns)}
      order by ${orderBy(sql, columns)} limit ${size + 1}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('datasets', documents, token);
};

const ofExperiments = (sql: Sql, scope: Scope, experimentIds: readonly string[]): Fragment =>
  experimentIds.length === 0
    ? sql`true`
    : sql`d.dataset_id in (
        select dataset_id from tabularium.evaluation_dataset_experiments
        where workspace = ${scope.workspace} and experiment_id = any(${experimentIds}::text[]))`;

const sortColumn = (sql: Sql, { key, ascending }: OrderKey): KeysetColumn =>
  key === 'name' || key === 'dataset_id'
    ? { column: textColumn(sql, key), type: 'text', ascending }
    : { column: timeColumn(sql, key), type: 'int8', ascending };

function textColumn(sql: Sql, key: string): Fragment {
  if (key === 'name') return sql`d.name`;
  if (key === 'dataset_id') return sql`d.dataset_id`;
  return key === 'created_by' ? sql`d.created_by` : sql`d.updated_by`;
}

const timeColumn = (sql: Sql, key: string): Fragment =>
  key === 'created_time' ? sql`d.created_at` : sql`d.updated_at`;

function condition(sql: Sql, one: Comparison): Fragment {
  if (one.type === 'tag')
    return sql`exists (
      select from tabularium.evaluation_dataset_tags t
      where t.workspace = d.workspace and t.dataset_id = d.dataset_id and t.key = ${one.key}
        and ${compileLongText(sql, sql`t.value`, one)})`;
  return one.key.endsWith('_time')
    ? compileNumber(sql, timeColumn(sql, one.key), one, 'int8')
    : compileText(sql, textColumn(sql, one.key), one);
}
