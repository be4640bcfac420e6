import { invalidParameter } from '../../contract/error.ts';
import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { allOf, compileLongText, compileNumber, compileText } from '../../search/compile.ts';
import { cutPage, type KeysetColumn, orderBy, sortValues, startOfPage } from '../../search/keyset.ts';
import { type OrderKey, parseOrderBy } from '../../search/order-by.ts';
import { queryHash } from '../../search/page-token.ts';
import { type Comparison, parseFilter } from '../../search/parse.ts';
import { splitPrompts } from '../registered-models/fields.ts';
import { modelVersionFilter, modelVersionOrder } from './fields.ts';

const sortColumns = {
  name: { column: 'name', type: 'text' },
  version_number: { column: 'version', type: 'int8' },
  creation_timestamp: { column: 'created_at', type: 'int8' },
  last_updated_timestamp: { column: 'updated_at', type: 'int8' },
} as const;

type SortKey = keyof typeof sortColumns;

export const searchModelVersions: Operation<'searchModelVersions'> = async (request, call) => {
  const size = Number(request.max_results ?? 200_000);
  if (size < 1)
    throw invalidParameter(`Invalid value for max_results. It must be a positive integer, but got ${size}`);
  const { prompts, comparisons } = splitPrompts(parseFilter(request.filter, modelVersionFilter));
  const order = parseOrderBy(request.order_by, modelVersionOrder);
  const query = queryHash('model-versions', request.filter ?? '', request.order_by);
  const rows = await call.read((sql) => {
    const keys = order.map((key) => keysetColumn(sql, key));
    const conditions = comparisons.map((one) => condition(sql, one));
    if (!prompts) conditions.push(notPrompt(sql));
    return sql`
      select v.wire, ${sortValues(sql, keys)} from tabularium.model_versions v
      where v.workspace = ${call.scope.workspace} and ${allOf(sql, conditions)}
        and ${startOfPage(sql, request.page_token, query, keys)}
      order by ${orderBy(sql, keys)} limit ${size + 1}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('model_versions', documents, token);
};

function keysetColumn(sql: Sql, { key, ascending }: OrderKey): KeysetColumn {
  const { column, type } = sortColumns[key as SortKey];
  return { column: sql`v.${sql(column)}`, type, ascending };
}

function condition(sql: Sql, one: Comparison): Fragment {
  if (one.type === 'tag')
    return sql`exists (select from tabularium.model_version_tags t
      where t.workspace = v.workspace and t.name = v.name and t.version = v.version
        and t.key = ${one.key} and ${compileLongText(sql, sql`t.value`, one)})`;
  switch (one.key) {
    case 'version_number':
      return compileNumber(sql, sql`v.version`, one, 'int8');
    case 'source_path':
      return compileLongText(sql, sql`v.source`, one);
    case 'run_id':
      return compileText(sql, sql`v.run_id`, one);
    default:
      return compileText(sql, sql`v.name`, one);
  }
}

/**
 * MLflow hides every version of a name that has any version tagged as a prompt. Key and value stand in the text: a
 * parameter would hide the index of prompts from the planner.
 */
const notPrompt = (sql: Sql): Fragment => sql`
  not exists (select from tabularium.model_version_tags p
    where p.workspace = v.workspace and p.name = v.name and p.key = 'mlflow.prompt.is_prompt' and p.value = 'true')`;
