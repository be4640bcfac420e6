import type { Scope } from '../../contract/scope.ts';
import type { Fragment, Sql } from '../../contract/sql.ts';
import type { OrderKey } from '../../search/order-by.ts';
import type { Comparison } from '../../search/parse.ts';
import { attributeColumn, condition, metricFits, metricKey } from './conditions.ts';

/** Which runs, in which order, and how many of them. */
export interface Page {
  readonly scope: Scope;
  readonly experiments: readonly bigint[];
  readonly stages: readonly string[];
  readonly comparisons: readonly Comparison[];
  readonly order: readonly OrderKey[];
  readonly offset: number;
  readonly size: number;
  /** A further condition on the run in alias `r`. */
  readonly start: Fragment;
}

/**
 * The rows of a page: those of tabularium.runs, and the columns `order` they are ordered by.
 *
 * Each experiment and stage gives its own first rows, by an index where there is one, and the page is taken from them.
 * An order that begins with a metric is read in three arms, in MLflow's order: the runs with a number, those with NaN,
 * those without; each by its index, and a later one only for what the earlier leave open.
 */
export function pageOfRuns(sql: Sql, page: Page): { rows: Fragment; order: Fragment } {
  const order = orderColumns(sql, page.order);
  const arms = armsOf(page);
  const names = arms.map((arm) => sql`${sql(`arm_${arm}`)}`);
  const ctes = arms.map(
    (arm, i) =>
      sql`${names[i] as Fragment} as materialized (${armOfRuns(sql, page, arm, order, rest(sql, page, names.slice(0, i)))})`,
  );
  const all = names.map((name) => sql`select * from ${name}`);
  return {
    rows: sql`with ${join(sql, ctes, sql`, `)} select * from (${join(sql, all, sql` union all `)}) r
      order by ${order} limit ${page.size} offset ${page.offset}`,
    order,
  };
}

type Arm = 'any' | 'number' | 'nan' | 'none';

function armsOf({ order: [first], comparisons }: Page): Arm[] {
  if (first?.type !== 'metric') return ['any'];
  const same = comparisons.filter((one) => one.type === 'metric' && one.key === first.key);
  // A comparison with the same metric leaves no run without it, and none with NaN unless it is "!=".
  if (same.some(({ comparator }) => comparator !== '!=')) return ['number'];
  return same.length > 0 ? ['number', 'nan'] : ['number', 'nan', 'none'];
}

/** How many rows an arm need give when the arms before it gave what they had. */
function rest(sql: Sql, { offset, size }: Page, before: readonly Fragment[]): Fragment {
  const given = before.reduce((all, name) => sql`${all} - (select count(*) from ${name})`, sql``);
  return sql`greatest(${offset + size}::int8 ${given}, 0)`;
}

function armOfRuns(sql: Sql, page: Page, arm: Arm, order: Fragment, limit: Fragment): Fragment {
  const { source, joined, sorted } = armSource(sql, page, arm);
  const wanted = page.comparisons
    .map((one) =>
      joined && one.type === 'metric' && one.key === page.order[0]?.key
        ? metricFits(sql, one)
        : condition(sql, one),
    )
    .reduce((all, one) => sql`${all} and ${one}`, sql``);
  return sql`
    select r.* from tabularium.experiments e
    cross join unnest(${page.stages}::text[]) as s (stage)
    cross join lateral (
      select r.*, ${sorted} from ${source}
      where r.experiment_id = ${experimentOf(sql, page)} and r.lifecycle_stage = ${stageOf(sql, page)} ${wanted} and ${page.start}
      order by ${order} limit ${limit}) r
    where e.workspace = ${page.scope.workspace} and e.id = any(${page.experiments.map(String)}::int8[])
    order by ${order} limit ${limit}`;
}

/** A single experiment, or stage, is stated as it is: of one that comes from a row the planner knows no statistics. */
const experimentOf = (sql: Sql, { experiments: [only, ...more] }: Page): Fragment =>
  only !== undefined && more.length === 0 ? sql`${only}::int8` : sql`e.id`;

const stageOf = (sql: Sql, { stages: [only, ...more] }: Page): Fragment =>
  only !== undefined && more.length === 0 ? sql`${only}` : sql`s.stage`;

/** Where an arm takes its runs from, and the columns it sorts by; `joined` where the metric is in alias `m`. */
function armSource(sql: Sql, page: Page, arm: Arm): { source: Fragment; joined: boolean; sorted: Fragment } {
  const { order } = page;
  const [first, ...others] = order;
  const joins = (keys: readonly OrderKey[], from: number) =>
    keys.reduce((all, key, i) => sql`${all} ${sortJoin(sql, key, from + i)}`, sql``);
  const sorts = (keys: readonly OrderKey[], from: number) =>
    keys.map((key, i) => sortColumns(sql, key, from + i));
  if (!first || arm === 'any')
    return {
      source: sql`tabularium.runs r ${joins(order, 0)}`,
      joined: false,
      sorted: join(sql, sorts(order, 0), sql`, `),
    };
  const key = metricKey(sql, first.key);
  const rank = arm === 'number' ? 0 : arm === 'nan' ? 1 : 2;
  const value = arm === 'none' ? sql`null::float8` : sql`m.value`;
  // The copy of the start time continues the index on the value.
  const tail = others.map((other, i) =>
    arm !== 'none' && other.type === 'attribute' && other.key === 'start_time'
      ? sql`0 as ${sql(`rank_${i + 1}`)}, m.start_time as ${sql(`value_${i + 1}`)}`
      : sortColumns(sql, other, i + 1),
  );
  const sorted = join(sql, [sql`${rank}::int as rank_0, ${value} as value_0`, ...tail], sql`, `);
  if (arm === 'none')
    return {
      source: sql`(
        select r.* from tabularium.runs r
        where not exists (select from tabularium.latest_metrics m where m.run = r.id and m.key_id = ${key})) r
        ${joins(others, 1)}`,
      joined: false,
      sorted,
    };
  return {
    source: sql`(
      select m.run, m.value, m.is_nan, m.start_time, m.experiment_id from tabularium.latest_metrics m
      where m.key_id = ${key} and ${arm === 'nan' ? sql`m.is_nan` : sql`not m.is_nan`}) m
      join tabularium.runs r on r.id = m.run and m.experiment_id = ${experimentOf(sql, page)} ${joins(others, 1)}`,
    joined: true,
    sorted,
  };
}

/** `rank_0, value_0 desc, …`: runs without a value come last, whatever the direction. */
const orderColumns = (sql: Sql, order: readonly OrderKey[]): Fragment =>
  join(
    sql,
    order.map(({ ascending }, i) => {
      const value = sql(`value_${i}`);
      return sql`${sql(`rank_${i}`)}, ${ascending ? sql`${value}` : sql`${value} desc`}`;
    }),
    sql`, `,
  );

function sortColumns(sql: Sql, { type, key }: OrderKey, i: number): Fragment {
  const rank = sql(`rank_${i}`);
  const value = sql(`value_${i}`);
  const table = sql(`sort_${i}`);
  if (type === 'metric')
    return sql`case when ${table}.is_nan then 1 when ${table}.value is null then 2 else 0 end as ${rank}, ${table}.value as ${value}`;
  const column = type === 'attribute' ? attributeColumn(sql, key) : sql`${table}.value`;
  const nullable = type !== 'attribute' || key === 'end_time';
  return nullable
    ? sql`case when ${column} is null then 1 else 0 end as ${rank}, ${column} as ${value}`
    : sql`0 as ${rank}, ${column} as ${value}`;
}

function sortJoin(sql: Sql, { type, key }: OrderKey, i: number): Fragment {
  const table = sql(`sort_${i}`);
  switch (type) {
    case 'metric':
      return sql`left join tabularium.latest_metrics ${table} on ${table}.run = r.id and ${table}.key_id = ${metricKey(sql, key)}`;
    case 'parameter':
      return sql`left join tabularium.params ${table} on ${table}.run = r.id and ${table}.key = ${key}`;
    case 'tag':
      return sql`left join tabularium.tags ${table} on ${table}.run = r.id and ${table}.key = ${key}`;
    default:
      return sql``;
  }
}

const join = (sql: Sql, list: readonly Fragment[], between: Fragment): Fragment =>
  list.reduce((all, one) => sql`${all}${between}${one}`);
