import type { Call, Operation } from '../../contract/operation.ts';
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
  const { scope } = call;
  const found = await call.read((sql) => {
    const { page, order: by } = pageOfRuns(sql, {
      scope,
      experiments,
      stages,
      comparisons,
      order,
      size: size + 1,
      after,
    });
    return sql`with ${page} select r.id, r.wire, ${sortValues(sql, order)}
      from page join tabularium.runs r on r.ctid = page.place order by ${by}`.raw();
  });
  const rows = await withDocuments(call, found);
  const { documents, token } = cutPage(rows, size, query);
  return renderPage('runs', documents, token);
};

/**
 * Rows of document and sort values, from rows of id, document or null, and sort values: what has no document is rendered
 * by a question of its own, since to plan that with each search would cost more than most searches.
 */
async function withDocuments(
  call: Call,
  found: readonly (readonly (Uint8Array | null)[])[],
): Promise<Uint8Array[][]> {
  const missing = found.flatMap(([id, wire]) => (wire ? [] : String(id)));
  const rendered = new Map<string, Uint8Array>();
  if (missing.length > 0) {
    const rows = await call.read((sql) =>
      sql`select r.id, ${renderRun(sql, { modelInputs: false })} from tabularium.runs r where r.id = any(${missing}::int8[])`.raw(),
    );
    for (const [id, wire] of rows as unknown as Uint8Array[][]) rendered.set(String(id), wire as Uint8Array);
  }
  return found.flatMap(([id, wire, ...values]) => {
    const document = wire ?? rendered.get(String(id));
    // One that is gone meanwhile is left out.
    return document ? [[document, ...(values as Uint8Array[])]] : [];
  });
}
