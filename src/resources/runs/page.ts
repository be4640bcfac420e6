import { invalidParameter } from '../../contract/error.ts';
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
  readonly size: number;
  /** The sort values of the run behind which the page starts (`sortValues`); undefined for the first page. */
  readonly after: readonly string[] | undefined;
}

/**
 * The CTE `page`, with those it is made of: the places (`ctid`) of its runs and the columns that they are ordered by.
 *
 * Each experiment and stage gives its own first rows, by an index where there is one, and the page is taken from them.
 * An order that begins with a metric is read in arms, in MLflow's order: the runs with a number, those with NaN, those
 * without; each by its index, and a later one only for what the earlier leave open. A page behind a run has an arm for
 * those with its very value and one for those beyond: as one range with a choice in it, it would be read from the first
 * of equal values.
 *
 * A filter by a metric in another order is read in one of two ways, and the statement looks first which: where few runs
 * have such a value, by the index of the values, else in the order of the page until it is full.
 */
export function pageOfRuns(sql: Sql, page: Page): { page: Fragment; order: Fragment } {
  const order = orderColumns(sql, page.order);
  const arms = armsOf(sql, page);
  const names = arms.map((_, i) => sql`${sql(`arm_${i}`)}`);
  const ctes = arms.map(
    (arm, i) =>
      sql`${names[i] as Fragment} as materialized (${armOfRuns(sql, page, arm, order, rest(sql, page, names.slice(0, i)))})`,
  );
  const all = names.map((name) => sql`select * from ${name}`);
  const selective = selectiveOf(page);
  return {
    page: sql`${selective ? fewFit(sql, page, selective) : sql``} ${join(sql, ctes, sql`, `)}, page as (
      select * from (${join(sql, all, sql` union all `)}) r order by ${order} limit ${page.size})`,
    order,
  };
}

/** The sort values of a row of `page`, to stand behind its document: a rank and a value for each key. */
export const sortValues = (sql: Sql, order: readonly OrderKey[]): Fragment =>
  join(
    sql,
    order.map((_, i) => sql`${sql(`rank_${i}`)}, ${sql(`value_${i}`)}`),
    sql`, `,
  );

/** Reads what a token says of where a page starts. Throws INVALID_PARAMETER_VALUE for what is no such place. */
export function readPlace(after: unknown, order: readonly OrderKey[]): readonly string[] | undefined {
  if (after === undefined || after === null) return undefined;
  const isPlace =
    Array.isArray(after) &&
    after.length === order.length * 2 &&
    order.every((key, i) => isRank(after[2 * i]) && isValue(after[2 * i + 1], valueType(key)));
  if (!isPlace) throw invalidParameter('Invalid page token, it belongs to another search');
  return after;
}

const isRank = (rank: unknown): boolean => typeof rank === 'string' && /^[012]$/.test(rank);

type ValueType = 'text' | 'int8' | 'float8';

function isValue(value: unknown, type: ValueType): boolean {
  if (typeof value !== 'string') return false;
  // That of a run without one.
  if (value === 'null') return true;
  if (type === 'text') return !value.includes('\0') && value.isWellFormed();
  if (type === 'int8') return /^-?\d{1,18}$/.test(value);
  return /^-?[\d.]+(e[+-]?\d+)?$/.test(value) && Number.isFinite(Number(value));
}

function valueType({ type, key }: OrderKey): ValueType {
  if (type === 'metric') return 'float8';
  return type === 'attribute' && key.endsWith('_time') ? 'int8' : 'text';
}

/** What a run is sorted by: first its rank, 0 where it has a value, then the value. */
interface SortKey {
  readonly rank: Fragment;
  readonly value: Fragment;
  /** Whether a run may be without a value. */
  readonly nullable: boolean;
  readonly ascending: boolean;
  readonly type: ValueType;
}

type ByMetric = 'number' | 'nan' | 'none';

interface Arm {
  /**
   * Which runs it has: any; those that the filter leaves, if they are few; or by the metric that comes first those with a
   * number, with NaN, without it.
   */
  readonly kind: 'any' | 'few' | ByMetric;
  readonly keys: readonly SortKey[];
  /** Where it starts: a condition. */
  readonly start: Fragment;
}

function armsOf(sql: Sql, page: Page): Arm[] {
  const { after } = page;
  const kinds = kindsOf(page);
  const arms = kinds.map((kind) => ({
    kind,
    keys: sortKeys(sql, page.order, kind),
    start: !kinds.includes('few')
      ? sql`true`
      : kind === 'few'
        ? sql`(select few from few)`
        : sql`not (select few from few)`,
  }));
  if (!after) return arms;
  const [rank = '', value = '', ...others] = after;
  return arms.flatMap((arm) => {
    const [first, ...rest] = arm.keys as [SortKey, ...SortKey[]];
    if (!isByMetric(arm.kind))
      return [{ ...arm, start: sql`${arm.start} and ${behind(sql, arm.keys, after)}` }];
    const own = { number: '0', nan: '1', none: '2' }[arm.kind];
    if (own < rank) return [];
    if (own > rank) return [arm];
    const equals = behind(sql, rest, others);
    if (arm.kind !== 'number') return [{ ...arm, start: equals }];
    const { equal, beyond } = compare(sql, first, value);
    return [
      { ...arm, start: sql`${equal} and ${equals}` },
      { ...arm, start: beyond },
    ];
  });
}

const isByMetric = (kind: Arm['kind']): kind is ByMetric => kind !== 'any' && kind !== 'few';

function kindsOf(page: Page): Arm['kind'][] {
  const { order, comparisons } = page;
  const [first] = order;
  if (first?.type !== 'metric') return selectiveOf(page) ? ['few', 'any'] : ['any'];
  const same = comparisons.filter((one) => one.type === 'metric' && one.key === first.key);
  // A comparison with the same metric leaves no run without it, and none with NaN unless it is "!=".
  if (same.some(({ comparator }) => comparator !== '!=')) return ['number'];
  return same.length > 0 ? ['number', 'nan'] : ['number', 'nan', 'none'];
}

/** So many runs are few: to sort them takes no longer than to go through the others for a page. */
const few = 1000;

/** The comparison that may leave few runs, which no statistics tell: of a metric that does not give the order. */
const selectiveOf = ({ order, comparisons }: Page): Comparison | undefined =>
  order[0]?.type === 'metric'
    ? undefined
    : comparisons.find(({ type, comparator }) => type === 'metric' && comparator !== '!=');

/** The CTE `few`: whether few runs fit. */
const fewFit = (sql: Sql, page: Page, one: Comparison): Fragment => sql`
  few as materialized (
    select count(*) < ${few} as few from (
      select from tabularium.experiments e cross join lateral ${fitting(sql, one, sql`e.id`)} m
      where ${experimentsOf(sql, page)} limit ${few}) fitting),`;

/** The runs of an experiment with a value that fits, at most so many as are few. */
const fitting = (sql: Sql, one: Comparison, experiment: Fragment): Fragment => sql`(
  select m.run from tabularium.latest_metrics m
  where m.experiment_id = ${experiment} and m.key_id = ${metricKey(sql, one.key)} and ${metricFits(sql, one)}
  limit ${few})`;

/** The runs behind one with these sort values, by the keys in turn. */
function behind(sql: Sql, keys: readonly SortKey[], after: readonly string[]): Fragment {
  const [key, ...rest] = keys;
  const [rank, value = '', ...others] = after;
  if (!key) return sql`false`;
  const next = behind(sql, rest, others);
  if (rank !== '0')
    return sql`(${key.rank} > ${Number(rank)}::int or ${key.rank} = ${Number(rank)}::int and ${next})`;
  const { equal, beyond, notBefore } = compare(sql, key, value);
  // The range stands outside of the choice within it, so that an index starts at the right place.
  const values = sql`${notBefore} and (${beyond} or ${equal} and ${next})`;
  return key.nullable ? sql`(${key.rank} > 0 or ${values})` : sql`(${values})`;
}

function compare(sql: Sql, { value: column, ascending, type }: SortKey, text: string) {
  const value =
    type === 'text' ? sql`${text}::text` : type === 'int8' ? sql`${text}::int8` : sql`${text}::float8`;
  return {
    equal: sql`${column} = ${value}`,
    beyond: ascending ? sql`${column} > ${value}` : sql`${column} < ${value}`,
    notBefore: ascending ? sql`${column} >= ${value}` : sql`${column} <= ${value}`,
  };
}

/** How many rows an arm need give when the arms before it gave what they had. */
function rest(sql: Sql, { size }: Page, before: readonly Fragment[]): Fragment {
  const given = before.reduce((all, name) => sql`${all} - (select count(*) from ${name})`, sql``);
  return sql`greatest(${size}::int8 ${given}, 0)`;
}

function armOfRuns(sql: Sql, page: Page, arm: Arm, order: Fragment, limit: Fragment): Fragment {
  const joined = arm.kind === 'number' || arm.kind === 'nan';
  // Those that are few come by one of the comparisons.
  const known = arm.kind === 'few' ? selectiveOf(page) : undefined;
  const wanted = page.comparisons
    .filter((one) => one !== known)
    .map((one) =>
      joined && one.type === 'metric' && one.key === page.order[0]?.key
        ? metricFits(sql, one)
        : condition(sql, one),
    )
    .reduce((all, one) => sql`${all} and ${one}`, sql``);
  // Of a run whose metric is of the experiment the planner would take this for a further choice, of one in ten.
  const own = joined ? sql`` : sql`r.experiment_id = ${experimentOf(sql, page)} and `;
  const sorted = arm.keys.map(
    ({ rank, value }, i) => sql`${rank} as ${sql(`rank_${i}`)}, ${value} as ${sql(`value_${i}`)}`,
  );
  return sql`
    select r.* from tabularium.experiments e
    cross join unnest(${page.stages}::text[]) as s (stage)
    cross join lateral (
      select r.ctid as place, ${join(sql, sorted, sql`, `)} from ${sourceOf(sql, page, arm.kind)}
      where ${own}r.lifecycle_stage = ${stageOf(sql, page)} ${wanted} and ${arm.start}
      order by ${order} limit ${limit}) r
    where ${experimentsOf(sql, page)}
    order by ${order} limit ${limit}`;
}

const experimentsOf = (sql: Sql, page: Page): Fragment =>
  sql`e.workspace = ${page.scope.workspace} and e.id = any(${page.experiments.map(String)}::int8[])`;

/** A single experiment, or stage, is stated as it is: of one that comes from a row the planner knows no statistics. */
const experimentOf = (sql: Sql, { experiments: [only, ...more] }: Page): Fragment =>
  only !== undefined && more.length === 0 ? sql`${only}::int8` : sql`e.id`;

const stageOf = (sql: Sql, { stages: [only, ...more] }: Page): Fragment =>
  only !== undefined && more.length === 0 ? sql`${only}` : sql`s.stage`;

/** Where an arm takes its runs from, alias `r`; the metric that comes first in alias `m`, of numbers and NaN. */
function sourceOf(sql: Sql, page: Page, kind: Arm['kind']): Fragment {
  const joins = page.order.map((key, i) => (i === 0 && isByMetric(kind) ? sql`` : sortJoin(sql, key, i)));
  const others = join(sql, joins, sql` `);
  if (kind === 'any') return sql`tabularium.runs r ${others}`;
  if (kind === 'few')
    return sql`${fitting(sql, selectiveOf(page) as Comparison, experimentOf(sql, page))} m
      join tabularium.runs r on r.id = m.run ${others}`;
  const key = metricKey(sql, page.order[0]?.key as string);
  if (kind === 'none')
    return sql`(
      select r.*, r.ctid from tabularium.runs r
      where not exists (select from tabularium.latest_metrics m where m.run = r.id and m.key_id = ${key})) r
      ${others}`;
  return sql`(
    select m.run, m.value, m.is_nan, m.start_time, m.experiment_id from tabularium.latest_metrics m
    where m.key_id = ${key} and ${kind === 'nan' ? sql`m.is_nan` : sql`not m.is_nan`}) m
    join tabularium.runs r on r.id = m.run and m.experiment_id = ${experimentOf(sql, page)} ${others}`;
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

const sortKeys = (sql: Sql, order: readonly OrderKey[], kind: Arm['kind']): SortKey[] =>
  order.map((key, i) => ({
    ...(i === 0 && isByMetric(kind) ? firstMetric(sql, kind) : sortKey(sql, key, i, kind)),
    ascending: key.ascending,
    type: valueType(key),
  }));

type Sorted = Pick<SortKey, 'rank' | 'value' | 'nullable'>;

function firstMetric(sql: Sql, kind: ByMetric): Sorted {
  const rank = { number: sql`0`, nan: sql`1`, none: sql`2` }[kind];
  return { rank, value: kind === 'none' ? sql`null::float8` : sql`m.value`, nullable: false };
}

function sortKey(sql: Sql, { type, key }: OrderKey, i: number, kind: Arm['kind']): Sorted {
  const table = sql(`sort_${i}`);
  if (type === 'metric')
    return {
      rank: sql`case when ${table}.is_nan then 1 when ${table}.value is null then 2 else 0 end`,
      value: sql`${table}.value`,
      nullable: true,
    };
  // The copy of the start time continues the index on the value.
  const copied = key === 'start_time' && (kind === 'number' || kind === 'nan');
  const value =
    type !== 'attribute' ? sql`${table}.value` : copied ? sql`m.start_time` : attributeColumn(sql, key);
  const nullable = type !== 'attribute' || key === 'end_time';
  return { rank: nullable ? sql`case when ${value} is null then 1 else 0 end` : sql`0`, value, nullable };
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
