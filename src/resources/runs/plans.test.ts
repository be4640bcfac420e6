import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../db/pool.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { makeApp } from '../../testing/make-app.ts';
import { wire } from '../../testing/wire.ts';

/** Which way the searches go that are promised to be fast: by which index, and never through a whole table. */

const database = await freshDatabase();
const asked: { text: string; values: unknown[] }[] = [];
const sql = connect({
  ...database.options,
  debug: (_connection, text, values) => asked.push({ text, values: [...values] }),
});
const app = await makeApp({}, { sql, drop: () => sql.end({ timeout: 1 }) });
const api = wire(app);
afterAll(async () => {
  await app.close();
  await database.drop();
});

const runs = 20_000;
const experiments = Array.from({ length: 10 }, (_, i) => String(i + 1));

beforeAll(async () => {
  await sql`insert into tabularium.experiments (id, workspace, name, artifact_location, created_at, updated_at)
    overriding system value select i, 'default', 'e' || i, 'a', 0, 0 from generate_series(1, 10) i`;
  await sql`insert into tabularium.runs (run_id, experiment_id, name, user_id, status, start_time, artifact_uri)
    select md5(i::text), 1 + i % 10, 'r', 'u', case when i <= 100 then 'RUNNING' else 'FINISHED' end, i, 'a'
    from generate_series(1, ${runs}::int) i`;
  await sql`insert into tabularium.metric_keys (key) select 'm' || j from generate_series(0, 3) j`;
  await sql`insert into tabularium.params (run, experiment_id, key, value)
    select r.id, r.experiment_id, 'p' || j, 'v' || r.id % 500 from tabularium.runs r, generate_series(1, 3) j`;
  await sql`insert into tabularium.params (run, experiment_id, key, value)
    select r.id, r.experiment_id, 'p4', r.id % 500 || repeat('x', 300) from tabularium.runs r`;
  await sql`insert into tabularium.tags (run, experiment_id, key, value)
    select r.id, r.experiment_id, 't' || j, 'value ' || r.id % 50 from tabularium.runs r, generate_series(1, 3) j`;
  await sql`insert into tabularium.latest_metrics
      (run, key_id, experiment_id, start_time, value, is_nan, step, timestamp)
    select r.id, k.id, r.experiment_id, r.start_time, case when k.key = 'm3' then 1 else (r.id * 7919) % 1000 end,
      false, 0, 0
    from tabularium.runs r, tabularium.metric_keys k`;
  await sql`vacuum analyze`;
}, 120_000);

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

/** The indexes that a search uses to find its page, and the large tables that it reads whole. */
async function planOf(body: object): Promise<{ indexes: string[]; whole: string[] }> {
  const request = { experiment_ids: ['1'], max_results: 100, ...body };
  asked.length = 0;
  const first = await api.post('runs/search', request);
  expect(first.status).toBe(200);
  const { text, values } = asked[0] as (typeof asked)[0];
  const [row] = await sql.unsafe(`explain (format json) ${text}`, values as string[]);
  const [{ Plan }] = JSON.parse(row?.['QUERY PLAN']) as [{ Plan: Plan }];
  const nodes: Plan[] = [Plan];
  for (const { Plans = [] } of nodes) nodes.push(...Plans);
  const large = ['runs', 'params', 'tags', 'latest_metrics'];
  const whole = nodes
    .filter((node) => node['Node Type'] === 'Seq Scan')
    .map((node) => node['Relation Name'] ?? '');
  return {
    indexes: nodes.flatMap((node) => node['Index Name'] ?? []),
    whole: whole.filter((name) => large.includes(name)),
  };
}

const byMetric = { order_by: ['metrics.m1 DESC'] };

test.each<[string, string, object]>([
  ['newest first', 'runs_started', {}],
  ['a metric, newest first', 'latest_metrics_value', { filter: 'metrics.m1 > 500' }],
  ['a metric, filter and order', 'latest_metrics_value', { filter: 'metrics.m1 > 500', ...byMetric }],
  ['the order of a metric', 'latest_metrics_value', byMetric],
  ['the smallest of a metric', 'latest_metrics_value', { order_by: ['metrics.m1 ASC'] }],
  ['a metric in ten experiments', 'latest_metrics_value', { experiment_ids: experiments, ...byMetric }],
  ['values that are all tied', 'latest_metrics_value', { order_by: ['metrics.m3 DESC'] }],
  [
    'a parameter, by start time',
    'params_short',
    { filter: "params.p1 = 'v7'", order_by: ['start_time DESC'] },
  ],
  ['a long parameter', 'params_long', { filter: `params.p4 = '7${'x'.repeat(300)}'` }],
  ['a tag', 'tags_value', { filter: "tags.t1 = 'value 7'" }],
  ['a tag ILIKE, without a hit', 'tags_value_trgm', { filter: "tags.t1 ILIKE '%nothing such%'" }],
  ['runs still running', 'runs_running', { filter: "status = 'RUNNING'" }],
])('%s goes by %s', async (_, index, body) => {
  const { indexes, whole } = await planOf(body);
  expect(indexes).toContain(index);
  expect(whole).toEqual([]);
});

test.each(['metrics.m1 DESC', 'metrics.m3 DESC'])(
  'a page far behind in the order of %s goes by the index',
  async (order) => {
    const body = { order_by: [order] };
    let page_token: string | undefined;
    for (let page = 1; page < 8; page++) {
      const request = { experiment_ids: ['1'], max_results: 100, ...body, page_token };
      page_token = (await api.post('runs/search', request)).body.next_page_token;
    }
    const { indexes, whole } = await planOf({ ...body, page_token });
    expect(indexes).toContain('latest_metrics_value');
    expect(whole).toEqual([]);
  },
);

/** Each value of the metric is had by twenty runs: a thousand runs are not few any more. */
test.each([
  ['metrics.m1 = 7', sql`value = 7`],
  ['metrics.m1 > 950', sql`value > 950`],
  ['metrics.m1 > 949', sql`value > 949`],
  ['metrics.m1 < 500', sql`value < 500`],
])('the pages of %s are the newest of all that fit', async (filter, fits) => {
  const request = { experiment_ids: experiments, filter, order_by: ['start_time DESC'], max_results: 15 };
  const found: string[] = [];
  let page_token: string | undefined;
  do {
    const { body } = await api.post('runs/search', { ...request, page_token });
    for (const run of body.runs ?? []) found.push(run.info.run_id);
    page_token = body.next_page_token;
  } while (page_token && found.length < 45);
  const rows =
    await sql`select r.run_id from tabularium.runs r join tabularium.latest_metrics m on m.run = r.id
    join tabularium.metric_keys k on k.id = m.key_id and k.key = 'm1'
    where ${fits} order by r.start_time desc, r.run_id limit 45`;
  expect(found).toEqual(rows.map((row) => row.run_id));
});
