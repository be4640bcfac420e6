import { invalidParameter } from '../../contract/error.ts';
import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import type { Sql } from '../../contract/sql.ts';
import { cutPage, type KeysetColumn, startOfPage } from '../../search/keyset.ts';
import { type OrderKey, parseOrderBy } from '../../search/order-by.ts';
import { decodePageToken, encodePageToken, queryHash } from '../../search/page-token.ts';
import { parseFilter } from '../../search/parse.ts';
import { checkPageSize, isStorable, lifecycleStages, parseExperimentId } from '../experiments/rules.ts';
import { attributeColumn } from './conditions.ts';
import { runFilter, runOrder } from './fields.ts';
import { pageOfRuns } from './page.ts';
import { renderRun } from './render.ts';

export const searchRuns: Operation<'searchRuns'> = async (request, call) => {
  const size = checkPageSize(request.max_results);
  const comparisons = parseFilter(request.filter, runFilter);
  const order = parseOrderBy(request.order_by, runOrder);
  const stages = lifecycleStages(request.run_view_type);
  const query = queryHash('runs', request.experiment_ids, request.filter ?? '', request.order_by, stages);
  const keyset = isKeyset(order);
  const offset = keyset ? 0 : readOffset(decodePageToken(request.page_token, query));
  const experiments = request.experiment_ids.map(parseExperimentId).filter(isStorable);
  if (experiments.length === 0) return {};
  const rows = await call.read((sql) => {
    const start = keyset ? startOfPage(sql, request.page_token, query, keysetColumns(sql, order)) : sql`true`;
    const page = pageOfRuns(sql, {
      scope: call.scope,
      experiments,
      stages,
      comparisons,
      order,
      offset,
      size: size + 1,
      start,
    });
    const values = order.map((_, i) => sql`, ${sql(`value_${i}`)}`);
    return sql`
      select ${renderRun(sql, { modelInputs: false })} ${values} from (${page.rows}) r order by ${page.order}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  const counted = token === undefined ? undefined : encodePageToken({ query, after: offset + size });
  return renderPage('runs', documents, keyset ? token : counted);
};

/** Whether the next page can start behind a row: no run is without such a value. Other orders count rows. */
const isKeyset = (order: readonly OrderKey[]): boolean =>
  order.every(({ type, key }) => type === 'attribute' && key !== 'end_time');

const keysetColumns = (sql: Sql, order: readonly OrderKey[]): KeysetColumn[] =>
  order.map(({ key, ascending }) => ({
    column: attributeColumn(sql, key),
    type: key === 'start_time' ? 'int8' : 'text',
    ascending,
  }));

function readOffset(after: unknown): number {
  if (after === undefined) return 0;
  if (typeof after !== 'number' || !Number.isSafeInteger(after) || after < 0)
    throw invalidParameter('Invalid page token, it belongs to another search');
  return after;
}
