import {
  experimentOf,
  experiments,
  histories,
  modelName,
  type Part,
  runId,
  running,
  runOf,
  type Size,
  sourceOf,
  tagOf,
} from './content.ts';

/** What is measured. */

export interface Request {
  readonly method: 'GET' | 'POST';
  /** Below `/api/2.0/mlflow/`. */
  readonly path: string;
  /** The query of a GET, in which a list repeats its field, else the body. `unique` stands for a number, in text or alone, that no other request has. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What must hold for Tabularium at the large size. */
export interface Bars {
  /** Requests/s: at least so many times MLflow's. */
  readonly ratio?: number;
  /** Requests/s: at least so many per cent of the bare route's. */
  readonly ofBare?: number;
  /** Milliseconds of CPU per request, of server and Postgres together: at most. */
  readonly cpu?: number;
  /** Median milliseconds: at most. */
  readonly p50?: number;
  /** Median at the large size: at most so many times that at the small size. */
  readonly growth?: number;
  /** Median: at most so many times that of another operation. */
  readonly within?: { readonly of: string; readonly times: number };
}

export interface Operation {
  readonly name: string;
  /** Those that change nothing run first, so that all of them meet what was seeded. */
  readonly kind: 'read' | 'write';
  readonly bars: Bars;
  /** Many requests for different things, which are sent in turn. */
  requests(size: Size): Request[];
  /** Whose next pages are asked for: from each request's page `first` to its page `last`, counted from 1. */
  readonly pages?: { readonly first: number; readonly last: number };
  /** The bare route that does the least of the same, as requests to it. */
  bare?(size: Size): Request[];
  /** Asked for over one connection, of an MLflow with one worker. */
  readonly single?: boolean;
  /** Needs more models than the small sizes have. */
  readonly onlyLarge?: boolean;
  /** Measured by `--quick`. */
  readonly quick?: boolean;
}

export const unique = '@'.repeat(16);

/** How many different requests of an operation are sent in turn. */
const variety = 400;

/** The `turn`-th of `count` things, from 1: neighbours in time are far from each other in the tables. */
const pick = (turn: number, count: number): number => 1 + ((turn * 7919) % count);

type Make = (turn: number, size: Size) => Record<string, unknown>;

const requests =
  (method: Request['method'], path: string, make: Make, count = variety) =>
  (size: Size): Request[] =>
    Array.from({ length: count }, (_, turn) => ({ method, path, fields: make(turn, size) }));

const get = (path: string, make: Make, count?: number) => requests('GET', path, make, count);
const post = (path: string, make: Make, count?: number) => requests('POST', path, make, count);

const someModel = (turn: number, size: Size): string => modelName(pick(turn, size.models));
const someRun = (turn: number, size: Size): string => runId(pick(turn, size.runs));
const modelAndVersion: Make = (turn, size) => ({
  name: someModel(turn, size),
  version: String(1 + (turn % size.versions)),
});

// ── The registry by key ──────────────────────────────────────────────────────────────────────────────────────────

const bareModel = get('registered-models/get', (turn, size) => ({ name: someModel(turn, size) }));
const bareVersion = get('model-versions/get', modelAndVersion);

const readByKey = {
  kind: 'read',
  bars: { ratio: 30, cpu: 0.5, ofBare: 65 },
  quick: true,
} as const;

const keyReads: Operation[] = [
  { ...readByKey, name: 'registered-models/get', requests: bareModel, bare: bareModel },
  { ...readByKey, name: 'model-versions/get', requests: bareVersion, bare: bareVersion },
  {
    ...readByKey,
    name: 'registered-models/alias (get)',
    requests: get('registered-models/alias', (turn, size) => ({
      name: someModel(turn, size),
      alias: 'champion',
    })),
    bare: bareVersion,
  },
  {
    ...readByKey,
    name: 'registered-models/get-latest-versions',
    requests: post('registered-models/get-latest-versions', (turn, size) => ({
      name: someModel(turn, size),
    })),
    bare: bareModel,
  },
];

const singleKeyReads = keyReads.map(
  ({ name, kind, requests }): Operation => ({
    name: `${name}, one connection`,
    kind,
    bars: { p50: 3 },
    requests,
    single: true,
  }),
);

const registryWrite = { kind: 'write', bars: { ratio: 12 }, quick: true } as const;

const registryWrites: Operation[] = [
  {
    ...registryWrite,
    name: 'registered-models/create',
    requests: post('registered-models/create', () => ({
      name: `bench-new-${unique}`,
      tags: [{ key: 'k1', value: 'v1' }],
    })),
  },
  {
    ...registryWrite,
    name: 'model-versions/create',
    requests: post('model-versions/create', (turn, size) => {
      const run = pick(turn, size.runs);
      return { name: someModel(turn, size), source: sourceOf(run), run_id: runId(run) };
    }),
  },
  {
    ...registryWrite,
    name: 'model-versions/transition-stage',
    requests: post('model-versions/transition-stage', (turn, size) => ({
      name: someModel(turn, size),
      version: '3',
      stage: turn % 2 ? 'Staging' : 'Production',
      archive_existing_versions: false,
    })),
  },
  {
    ...registryWrite,
    name: 'model-versions/set-tag',
    requests: post('model-versions/set-tag', (turn, size) => ({
      ...modelAndVersion(turn, size),
      key: `k${turn % 10}`,
      value: `v${unique}`,
    })),
  },
  {
    ...registryWrite,
    name: 'registered-models/set-tag',
    requests: post('registered-models/set-tag', (turn, size) => ({
      name: someModel(turn, size),
      key: `k${turn % 10}`,
      value: `v${unique}`,
    })),
  },
  {
    ...registryWrite,
    name: 'registered-models/alias (set)',
    requests: post('registered-models/alias', (turn, size) => ({
      ...modelAndVersion(turn, size),
      alias: 'challenger',
    })),
  },
];

// ── Searches of the registry ─────────────────────────────────────────────────────────────────────────────────────

const searchModels = (make: Make, count?: number) =>
  get('registered-models/search', (turn, size) => ({ max_results: 100, ...make(turn, size) }), count);
const searchVersions = (make: Make, count?: number) =>
  get('model-versions/search', (turn, size) => ({ max_results: 100, ...make(turn, size) }), count);

/** The beginning of the names of a hundred models. */
const prefix = (turn: number, size: Size): string => someModel(turn, size).slice(0, -2);

const filterByTag: Make = (turn, size) => ({
  filter: `tags.k1 = '${tagOf(size, pick(turn, size.models))}'`,
});

const mainSearch = { kind: 'read', bars: { ratio: 25, growth: 2 }, quick: true } as const;
/** No filter may be slow: nothing is tuned to the one that is measured. */
const otherSearch = { kind: 'read', bars: { ratio: 10 } } as const;

const modelSearches: Operation[] = [
  {
    ...mainSearch,
    name: "registered-models/search, name LIKE 'prefix%'",
    requests: searchModels((turn, size) => ({ filter: `name LIKE '${prefix(turn, size)}%'` })),
  },
  {
    ...mainSearch,
    name: 'registered-models/search, tag',
    requests: searchModels(filterByTag),
  },
  {
    ...mainSearch,
    name: 'registered-models/search, page of 100',
    requests: searchModels(() => ({}), 1),
  },
  {
    ...otherSearch,
    name: 'registered-models/search, two tags',
    requests: searchModels((turn, size) => {
      const model = pick(turn, size.models);
      return { filter: `tags.k1 = '${tagOf(size, model)}' AND tags.k2 = 'v${model % 10}'` };
    }),
  },
  {
    ...otherSearch,
    name: "registered-models/search, name LIKE '%middle%'",
    requests: searchModels((turn, size) => ({ filter: `name LIKE '%${someModel(turn, size).slice(-4)}%'` })),
  },
  {
    ...otherSearch,
    name: "registered-models/search, name ILIKE '%middle%'",
    requests: searchModels((turn, size) => ({
      filter: `name ILIKE '%${prefix(turn, size).slice(-6).toUpperCase()}%'`,
    })),
  },
  {
    ...otherSearch,
    name: 'registered-models/search, name IN',
    requests: searchModels((turn, size) => {
      const names = Array.from({ length: 10 }, (_, i) => `'${someModel(turn + i, size)}'`);
      return { filter: `name IN (${names.join(', ')})` };
    }),
  },
  {
    ...otherSearch,
    name: 'registered-models/search, name !=',
    requests: searchModels((turn, size) => ({ filter: `name != '${someModel(turn, size)}'` })),
  },
  {
    ...otherSearch,
    name: 'registered-models/search, last updated first',
    requests: searchModels(() => ({ order_by: 'last_updated_timestamp DESC' }), 1),
  },
  {
    ...otherSearch,
    name: 'registered-models/search, page 2',
    requests: searchModels((turn) => ({ filter: `name LIKE 'bench-m-00${turn}%'` }), 10),
    pages: { first: 2, last: 2 },
    onlyLarge: true,
  },
  {
    ...otherSearch,
    name: 'registered-models/search, pages 41 to 50',
    requests: searchModels(() => ({}), 1),
    pages: { first: 41, last: 50 },
    onlyLarge: true,
  },
];

const versionSearches: Operation[] = [
  {
    kind: 'read',
    bars: { ratio: 20 },
    quick: true,
    name: 'model-versions/search, name',
    requests: searchVersions((turn, size) => ({ filter: `name = '${someModel(turn, size)}'` })),
  },
  {
    kind: 'read',
    bars: { ratio: 80 },
    quick: true,
    name: 'model-versions/search, run_id',
    requests: searchVersions((turn, size) => ({ filter: `run_id = '${someRun(turn, size)}'` })),
  },
  {
    ...otherSearch,
    name: 'model-versions/search, tag',
    requests: searchVersions(filterByTag),
  },
  {
    ...otherSearch,
    name: 'model-versions/search, source_path',
    requests: searchVersions((turn, size) => ({
      filter: `source_path = '${sourceOf(runOf(size, pick(turn, size.models), 1))}'`,
    })),
  },
  {
    ...otherSearch,
    name: 'model-versions/search, name !=',
    requests: searchVersions((turn, size) => ({ filter: `name != '${someModel(turn, size)}'` })),
  },
  {
    ...otherSearch,
    name: 'model-versions/search, newest first',
    requests: searchVersions(() => ({ order_by: 'creation_timestamp DESC' }), 1),
  },
];

// ── Tracking ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A search among the runs of one experiment; `make` gets a run of it. */
const searchRuns = (make: (run: number) => Record<string, unknown>, count?: number) =>
  post(
    'runs/search',
    (turn, size) => {
      const run = pick(turn, size.runs);
      return { experiment_ids: [experimentOf(run)], max_results: 100, ...make(run) };
    },
    count,
  );

const runSearches: Operation[] = [
  {
    kind: 'read',
    bars: { ratio: 15 },
    quick: true,
    name: 'runs/search, metric filter and order',
    requests: searchRuns(() => ({ filter: 'metrics.m1 > 0.5', order_by: ['metrics.m1 DESC'] })),
  },
  {
    ...otherSearch,
    name: 'runs/search, parameter',
    requests: searchRuns((run) => ({ filter: `params.p1 = 'v${run % 1000}'` })),
  },
  {
    ...otherSearch,
    name: 'runs/search, tag',
    requests: searchRuns((run) => ({ filter: `tags.k1 = 'v${run % 100}'` })),
  },
  {
    ...otherSearch,
    name: 'runs/search, parameter !=',
    requests: searchRuns((run) => ({ filter: `params.p1 != 'v${run % 1000}'` })),
  },
  {
    ...otherSearch,
    name: 'runs/search, oldest first',
    requests: searchRuns(() => ({ order_by: ['attributes.start_time ASC'] })),
  },
  {
    ...otherSearch,
    name: 'runs/search, page 2',
    requests: searchRuns(() => ({}), experiments),
    pages: { first: 2, last: 2 },
    onlyLarge: true,
  },
];

/** What the issue of a tracking server promises at a hundred thousand runs. */
const grownSearch = { kind: 'read', bars: { ratio: 15, growth: 3 } } as const;
const byMetric = 'runs/search, metric order, page 1';

/** Of two experiments, which have more than a hundred pages at the large size. */
const searchTwoByMetric = post(
  'runs/search',
  () => ({ experiment_ids: ['1', '2'], max_results: 100, order_by: ['metrics.m1 DESC'] }),
  1,
);

const trackingSearches: Operation[] = [
  {
    kind: 'read',
    bars: { ratio: 25, growth: 2 },
    quick: true,
    name: 'runs/search, metric filter and order',
    requests: searchRuns(() => ({ filter: 'metrics.m1 > 0.5', order_by: ['metrics.m1 DESC'] })),
  },
  {
    ...grownSearch,
    name: byMetric,
    quick: true,
    requests: searchTwoByMetric,
  },
  {
    kind: 'read',
    bars: { ratio: 15, within: { of: byMetric, times: 1.5 } },
    name: 'runs/search, metric order, page 100',
    requests: searchTwoByMetric,
    pages: { first: 100, last: 100 },
    onlyLarge: true,
  },
  {
    ...grownSearch,
    name: 'runs/search, parameter, by start time',
    requests: searchRuns((run) => ({
      filter: `params.p1 = 'v${run % 1000}'`,
      order_by: ['attributes.start_time DESC'],
    })),
  },
  {
    ...grownSearch,
    name: 'runs/search, tag ILIKE, no hit',
    requests: searchRuns((run) => ({ filter: `tags.k1 ILIKE '%no${run}such%'` })),
  },
  {
    ...grownSearch,
    name: 'runs/search, ten experiments',
    quick: true,
    requests: post(
      'runs/search',
      () => ({
        experiment_ids: Array.from({ length: experiments }, (_, i) => String(i + 1)),
        max_results: 100,
        order_by: ['metrics.m1 DESC'],
      }),
      1,
    ),
  },
  {
    ...grownSearch,
    name: 'runs/search, all values tied',
    requests: searchRuns(() => ({ order_by: ['metrics.tied DESC'] }), experiments),
  },
  {
    ...grownSearch,
    name: `runs/search, ${running} runs still running`,
    requests: post(
      'runs/search',
      () => ({
        experiment_ids: [String(experiments)],
        filter: "attributes.status = 'RUNNING'",
        max_results: 100,
      }),
      1,
    ),
  },
];

const trackingReads: Operation[] = [
  {
    bars: { ratio: 25 },
    quick: true,
    kind: 'read',
    name: 'runs/get',
    requests: get('runs/get', (turn, size) => ({ run_id: someRun(turn, size) })),
  },
  {
    bars: { ratio: 25 },
    quick: true,
    kind: 'read',
    name: `metrics/get-history, ${histories.points} points`,
    requests: get('metrics/get-history', (turn) => ({
      run_id: runId(pick(turn, histories.runs)),
      metric_key: 'h',
    })),
  },
  {
    bars: { ratio: 15 },
    kind: 'read',
    name: `metrics/get-history-bulk-interval, ${histories.runs} runs x ${histories.points} points`,
    quick: true,
    requests: get(
      'metrics/get-history-bulk-interval',
      () => ({
        run_ids: Array.from({ length: histories.runs }, (_, i) => runId(i + 1)),
        metric_key: 'h',
        max_results: 320,
      }),
      1,
    ),
  },
];

const trackingWrites: Operation[] = [
  {
    bars: { ratio: 15 },
    quick: true,
    kind: 'write',
    name: 'experiments/create',
    requests: post('experiments/create', () => ({ name: `bench-new-${unique}` })),
  },
  {
    bars: { ratio: 15 },
    quick: true,
    kind: 'write',
    name: 'runs/create',
    requests: post('runs/create', (turn) => ({
      experiment_id: experimentOf(turn),
      start_time: 1_700_000_000_000,
      tags: [
        { key: 'mlflow.user', value: 'bench' },
        { key: 'mlflow.source.name', value: 'bench.py' },
      ],
    })),
  },
  {
    bars: { ratio: 15 },
    quick: true,
    kind: 'write',
    name: 'runs/log-metric',
    requests: post('runs/log-metric', (turn, size) => ({
      run_id: someRun(turn, size),
      key: `m${turn % 10}`,
      value: turn / 7,
      timestamp: unique,
      step: turn,
    })),
  },
  {
    bars: { ratio: 10 },
    quick: true,
    kind: 'write',
    name: 'runs/log-batch, 100 metrics',
    requests: post('runs/log-batch', (turn, size) => ({
      run_id: someRun(turn, size),
      metrics: Array.from({ length: 100 }, (_, i) => ({
        key: `b${i % 10}`,
        value: (i * 31 + turn) / 17,
        timestamp: unique,
        step: Math.floor(i / 10),
      })),
    })),
  },
  {
    bars: { ratio: 25 },
    quick: true,
    kind: 'write',
    name: 'runs/log-parameter',
    requests: post('runs/log-parameter', (turn, size) => ({
      run_id: someRun(turn, size),
      key: `p${unique}`,
      value: 'x',
    })),
  },
  {
    bars: { ratio: 25 },
    quick: true,
    kind: 'write',
    name: 'runs/set-tag',
    requests: post('runs/set-tag', (turn, size) => ({
      run_id: someRun(turn, size),
      key: `k${turn % 10}`,
      value: `v${unique}`,
    })),
  },
];

/** In the order in which they are measured. */
export const operationsOf: Readonly<Record<Part['name'], readonly Operation[]>> = {
  registry: [
    ...keyReads,
    ...modelSearches,
    ...versionSearches,
    ...runSearches,
    ...registryWrites,
    ...singleKeyReads,
  ],
  tracking: [...trackingSearches, ...trackingReads, ...trackingWrites],
  /** A browser asks for them: see pages.ts. */
  pages: [],
};

/** How many points `batchRequests` log at once. */
export const batchPoints = 1000;

export const batchRequests = post(
  'runs/log-batch',
  (turn, size) => ({
    run_id: someRun(turn, size),
    metrics: Array.from({ length: batchPoints }, (_, i) => ({
      key: `c${i % 10}`,
      value: (i * 31 + turn) / 17,
      timestamp: unique,
      step: Math.floor(i / 10),
    })),
  }),
  40,
);

/** What 32 connections ask for while memory is looked at: all searches, mixed. */
export const memoryRequests = (size: Size): Request[] => {
  const lists = [...modelSearches, ...versionSearches, ...runSearches]
    .filter(({ pages }) => !pages)
    .map((operation) => operation.requests(size));
  return Array.from({ length: variety }, (_, turn) => {
    const list = lists[turn % lists.length] as Request[];
    return list[turn % list.length] as Request;
  });
};
