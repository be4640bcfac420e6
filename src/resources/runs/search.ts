import type { Operation } from '../../contract/operation.ts';
import { renderPage } from '../../contract/page.ts';
import { cutPage } from '../../search/keyset.ts';
import { parseOrderBy } from '../../search/order-by.ts';
import { decodePageToken, queryHash } from '../../search/page-token.ts';
import { parseFilter } from '../../search/parse.ts';
import { checkPageSize, isStorable, lifecycleStages, parseExperimentId } from '../experiments/rules.ts';
import { runFilter, runOrder } from './fields.ts';
import { pageOfRuns, readPlace, sortValues } from './page.ts';
import { renderRun } from './render.ts';

export const searchRuns: Operation<'searchRuns'> = async (request, call) => {
  const size = checkPageSize(request.max_results);
  const comparisons = parseFilter(request.filter, runFilter);
  const order = parseOrderBy(request.order_by, runOrder);
  const stages = lifecycleStages(request.run_view_type);
  const query = queryHash('runs', request.experiment_ids, request.filter ?? '', request.order_by, stages);
  const after = readPlace(decodePageToken(request.page_token, query), order);
  const experiments = request.experiment_ids.map(parseExperimentId).filter(isStorable);
  if (experiments.length === 0) return {};
  const rows = await call.read((sql) => {
    const { scope } = call;
    const found = pageOfRuns(sql, { scope, experiments, stages, comparisons, order, size: size + 1, after });
    return sql`
      with ${found.page}
      select coalesce(r.wire, ${renderRun(sql, { modelInputs: false })}), ${sortValues(sql, order)}
      from page join tabularium.runs r using (id) order by ${found.order}`.raw();
  });
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('runs', documents, token);
};
