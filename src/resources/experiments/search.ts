import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { allOf, compileLongText, compileNumber, compileText } from '../../search/compile.ts';
import { cutPage, type KeysetColumn, orderBy, sortValues, startOfPage } from '../../search/keyset.ts';
import { type OrderKey, parseOrderBy } from '../../search/order-by.ts';
import { queryHash } from '../../search/page-token.ts';
import { type Comparison, parseFilter } from '../../search/parse.ts';
import { experimentFilter, experimentOrder } from './fields.ts';
import { checkPageSize, lifecycleStages } from './rules.ts';
import { renderExperiment } from './store.ts';

export const searchExperiments: Operation<'searchExperiments'> = async (request, call) => {
  const size = checkPageSize(request.max_results ?? 0n);
  const comparisons = parseFilter(request.filter, experimentFilter);
  const order = parseOrderBy(request.order_by, experimentOrder);
  const stages = lifecycleStages(request.view_type);
  const query = queryHash('experiments', request.filter ?? '', request.order_by, stages);
  const rows = await call.read((sql) => {
    const columns = order.map((key) => sortColumn(sql, key));
    return sql`
      select ${renderExperiment(sql)}, ${sortValues(sql, columns)}
      from tabularium.experiments e
      where e.workspace = ${call.scope.workspace} and ${inStages(sql, stages)}
        and ${conditions(sql, comparisons)} and ${startOfPage(sql, request.page_token, query, columns)}
      order by ${orderBy(sql, columns)} limit ${size + 1}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('experiments', documents, token);
};

/** One stage is stated as an equality, so that the indexes that begin with it give the order as well. */
function inStages(sql: Sql, stages: readonly string[]): Fragment {
  return stages.length === 1 ? sql`e.lifecycle_stage = ${stages[0] as string}` : sql`true`;
}

const sortColumn = (sql: Sql, { key, ascending }: OrderKey): KeysetColumn =>
  key === 'name'
    ? { column: sql`e.name`, type: 'text', ascending }
    : { column: column(sql, key), type: 'int8', ascending };

function column(sql: Sql, key: string): Fragment {
  if (key === 'experiment_id') return sql`e.id`;
  return key === 'creation_time' ? sql`e.created_at` : sql`e.updated_at`;
}

function conditions(sql: Sql, comparisons: readonly Comparison[]): Fragment {
  const all = comparisons.map((one) => {
    if (one.type === 'tag') return tagCondition(sql, one);
    return one.key === 'name'
      ? compileText(sql, sql`e.name`, one)
      : compileNumber(sql, column(sql, one.key), one, 'int8');
  });
  return allOf(sql, all);
}

function tagCondition(sql: Sql, one: Comparison): Fragment {
  const tagged = sql`select from tabularium.experiment_tags t where t.experiment_id = e.id and t.key = ${one.key}`;
  if (one.comparator === 'IS NULL') return sql`not exists (${tagged})`;
  if (one.comparator === 'IS NOT NULL') return sql`exists (${tagged})`;
  return sql`exists (${tagged} and ${compileLongText(sql, sql`t.value`, one)})`;
}
