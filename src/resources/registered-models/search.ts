import { invalidParameter } from '../../contract/error.ts';
import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import { allOf, compileLongText, compileText } from '../../search/compile.ts';
import { cutPage, type KeysetColumn, orderBy, sortValues, startOfPage } from '../../search/keyset.ts';
import { type OrderKey, parseOrderBy } from '../../search/order-by.ts';
import { queryHash } from '../../search/page-token.ts';
import { type Comparison, parseFilter } from '../../search/parse.ts';
import { registeredModelFilter, registeredModelOrder, splitPrompts } from './fields.ts';

export const searchRegisteredModels: Operation<'searchRegisteredModels'> = async (request, call) => {
  const { prompts, comparisons } = splitPrompts(parseFilter(request.filter, registeredModelFilter));
  const order = parseOrderBy(request.order_by, registeredModelOrder);
  const size = Number(request.max_results ?? 100);
  // One less than none is none, too: MLflow asks for one row more than it shows.
  if (size < -1) throw invalidParameter('LIMIT must not be negative');
  const query = queryHash('registered-models', request.filter ?? '', request.order_by);
  const rows = await call.read((sql) => {
    const keys = order.map((key) => column(sql, key));
    return sql`
      select m.wire, ${sortValues(sql, keys)} from tabularium.registered_models m
      where m.workspace = ${call.scope.workspace} and ${conditions(sql, prompts, comparisons)}
        and ${startOfPage(sql, request.page_token, query, keys)}
      order by ${orderBy(sql, keys)} limit ${size + 1}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('registered_models', documents, token);
};

const column = (sql: Sql, { key, ascending }: OrderKey): KeysetColumn =>
  key === 'name'
    ? { column: sql`m.name`, type: 'text', ascending }
    : { column: sql`m.updated_at`, type: 'int8', ascending };

function conditions(sql: Sql, prompts: boolean, comparisons: readonly Comparison[]): Fragment {
  const all = comparisons.map((one) =>
    one.type === 'tag'
      ? sql`exists (select from tabularium.registered_model_tags t
          where t.workspace = m.workspace and t.name = m.name and t.key = ${one.key} and ${compileLongText(sql, sql`t.value`, one)})`
      : compileText(sql, sql`m.name`, one),
  );
  if (!prompts) all.push(notPrompt(sql));
  return allOf(sql, all);
}

/**
 * MLflow hides every model that carries the tag with exactly this value. Both stand in the text: a parameter would hide
 * the index of prompts from the planner.
 */
const notPrompt = (sql: Sql): Fragment => sql`
  not exists (select from tabularium.registered_model_tags p
    where p.workspace = m.workspace and p.name = m.name and p.key = 'mlflow.prompt.is_prompt' and p.value = 'true')`;
