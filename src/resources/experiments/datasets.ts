import { invalidParameter } from '../../contract/error.ts';
import type { Operation } from '../../contract/operation.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { isStorable, parseExperimentId } from './rules.ts';

const mostExperiments = 20;
const mostSummaries = 1000;

/** What the runs of some experiments used, each with what it was used for (`train`, say), once. */
export const searchDatasets: Operation<'searchDatasets'> = async ({ experiment_ids: ids }, call) => {
  if (ids.length === 0)
    throw invalidParameter('SearchDatasets request must specify at least one experiment_id.');
  if (ids.length > mostExperiments)
    throw invalidParameter(
      `SearchDatasets request cannot specify more than ${mostExperiments} experiment_ids. ` +
        `Received ${ids.length} experiment_ids.`,
    );
  const experimentIds = ids.map(parseExperimentId).filter(isStorable);
  return { dataset_summaries: await call.read((sql) => findSummaries(sql, call.scope, experimentIds)) };
};

interface Summary {
  readonly experiment_id: string;
  readonly name: string;
  readonly digest: string;
  readonly context?: string;
}

async function findSummaries(sql: Sql, scope: Scope, experimentIds: readonly bigint[]): Promise<Summary[]> {
  const rows = await sql<{ experiment_id: string; name: string; digest: string; context: string | null }[]>`
    select distinct e.id, e.id::text as experiment_id, d.name, d.digest, t.value as context
    from tabularium.experiments e
    join tabularium.datasets d on d.experiment_id = e.id
    join tabularium.dataset_inputs i on i.dataset_id = d.id
    left join tabularium.dataset_input_tags t
      on t.run = i.run and t.dataset_id = i.dataset_id and t.key = 'mlflow.data.context'
    where e.workspace = ${scope.workspace} and e.id = any(${experimentIds.map(String)}::int8[])
    order by e.id, d.name, d.digest, context limit ${mostSummaries}`;
  return rows.map(({ experiment_id, name, digest, context }) => ({
    experiment_id,
    name,
    digest,
    ...(context && { context }),
  }));
}
