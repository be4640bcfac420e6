import { createHash } from 'node:crypto';

/** What is seeded: how much, and under which names. `seed.ts` says the same in SQL. */

export interface Size {
  readonly name: string;
  readonly models: number;
  /** Of each model. */
  readonly versions: number;
  readonly runs: number;
}

/** What is measured in one go: at a size that shows the cost of a request, and at one that shows what it grows with. */
export interface Part {
  readonly name: 'registry' | 'tracking' | 'pages';
  readonly small?: Size;
  /** For a quick look. */
  readonly quick: Size;
  readonly large: Size;
}

export const parts: readonly Part[] = [
  {
    name: 'registry',
    small: { name: 'small', models: 100, versions: 3, runs: 200 },
    quick: { name: 'quick', models: 1_000, versions: 3, runs: 2_000 },
    large: { name: 'large', models: 10_000, versions: 10, runs: 20_000 },
  },
  {
    name: 'tracking',
    small: { name: '1,000 runs', models: 100, versions: 3, runs: 1_000 },
    quick: { name: '10,000 runs', models: 100, versions: 3, runs: 10_000 },
    large: { name: '100,000 runs', models: 100, versions: 3, runs: 100_000 },
  },
  {
    name: 'pages',
    quick: { name: '10,000 runs, 100 versions', models: 100, versions: 100, runs: 10_000 },
    large: { name: '100,000 runs, 1,000 versions', models: 100, versions: 1000, runs: 100_000 },
  },
];

export const experiments = 10;

/** So many runs of the last experiment, those that started first, are still running. */
export const running = 100;

/** How many of the first runs have a metric `h` of so many points. */
export const histories = { runs: 20, points: 1000 };

/** Each value of the tag `k1` stands at so many models, so that a search for it has a page of the same length at every size. */
export const modelsPerTag = 100;

/** Models, experiments and runs count from 1. */
export const modelName = (i: number): string => `bench-m-${String(i).padStart(6, '0')}`;
export const runId = (i: number): string => createHash('md5').update(`run${i}`).digest('hex');
export const tagOf = (size: Size, model: number): string => `v${model % (size.models / modelsPerTag)}`;
export const experimentOf = (run: number): string => String(1 + (run % experiments));
/** The run that made a version, by its number. */
export const runOf = (size: Size, model: number, version: number): number =>
  1 + ((model * size.versions + version) % size.runs);
export const sourceOf = (run: number): string =>
  `mlflow-artifacts:/${experimentOf(run)}/${runId(run)}/artifacts/model`;
