import { artifactBars, type Load } from './artifact-content.ts';
import { median, type Result, round, textOf, type Verdict, verdict } from './report.ts';

/** What comes out of the part `artifacts`, and how it is shown. */

export type Store = 's3' | 'local';
export type Direction = 'up' | 'down';

/** One transfer. */
export interface ArtifactCell {
  readonly store: Store;
  /**
   * `direct`: straight to the S3 server, which is the measure of local files as well; `pipe`: to it through a server on
   * Node that does nothing else.
   */
  readonly target: 'mlflow' | 'tabularium' | 'direct' | 'pipe';
  readonly load: string;
  readonly direction: Direction;
  readonly repeat: number;
  /** MiB per second. */
  readonly speed: number;
  /** MiB by which the server's resident memory grew at most. */
  readonly growth: number;
  /** Milliseconds of the server's CPU per MiB. */
  readonly cpu: number;
}

/** Of a file that lies in the store, from its registration until its digest is there. */
export interface Hashing {
  readonly store: Store;
  readonly repeat: number;
  /** MiB per second: copied and hashed, and what `sha256sum` reached just before with the same bytes. */
  readonly speed: number;
  readonly sha256sum: number;
}

export interface ArtifactResult {
  readonly part: { readonly name: 'artifacts' };
  readonly date: string;
  readonly machine: Result['machine'];
  readonly loads: readonly Load[];
  readonly cells: ArtifactCell[];
  readonly hashing: Hashing[];
}

interface Row {
  readonly name: string;
  /** MiB per second. */
  readonly tabularium: number;
  readonly mlflow: number;
  readonly direct: number;
  /** NaN with local files. */
  readonly pipe: number;
  /** MiB: the most of all repeats. */
  readonly growth: number;
  readonly mlflowGrowth: number;
  /** Milliseconds per MiB. */
  readonly cpu: Readonly<Record<ArtifactCell['target'], number>>;
  readonly verdicts: readonly Verdict[];
}

const storeNames: Readonly<Record<Store, string>> = { s3: 'S3', local: 'local files' };

function rowOf(result: ArtifactResult, store: Store, load: Load, direction: Direction): Row | undefined {
  const of = (target: ArtifactCell['target']) =>
    result.cells.filter(
      (cell) =>
        cell.store === store &&
        cell.target === target &&
        cell.load === load.name &&
        cell.direction === direction,
    );
  const speed = (target: ArtifactCell['target']) => median(of(target).map((cell) => cell.speed));
  const most = (target: ArtifactCell['target']) => Math.max(...of(target).map((cell) => cell.growth));
  if (of('tabularium').length === 0) return undefined;
  const [tabularium, mlflow] = [speed('tabularium'), speed('mlflow')];
  const [direct, pipe] = [speed('direct'), speed('pipe')];
  const growth = most('tabularium');
  const verdicts = [
    ...verdict(load.speed ? artifactBars.ratio : undefined, tabularium / mlflow, { sign: '≥', unit: '×' }),
    ...verdict(load.speed ? artifactBars.ofDirect : undefined, (100 * tabularium) / direct, {
      sign: '≥',
      unit: ' % of direct',
    }),
    ...verdict(load.memory ? artifactBars.growth : undefined, growth, {
      label: '+',
      sign: '≤',
      unit: ' MiB',
    }),
  ];
  const name = `${direction}, ${load.name}, ${storeNames[store]}`;
  const cpuOf = (target: ArtifactCell['target']) => median(of(target).map((cell) => cell.cpu));
  const cpu = {
    mlflow: cpuOf('mlflow'),
    tabularium: cpuOf('tabularium'),
    direct: cpuOf('direct'),
    pipe: cpuOf('pipe'),
  };
  return { name, tabularium, mlflow, direct, pipe, growth, mlflowGrowth: most('mlflow'), cpu, verdicts };
}

const rowsOf = (result: ArtifactResult): Row[] =>
  (['local', 's3'] as const).flatMap((store) =>
    result.loads.flatMap((load) =>
      (['up', 'down'] as const).flatMap((direction) => rowOf(result, store, load, direction) ?? []),
    ),
  );

/** One line of progress. */
export function lineOfTransfer(
  result: ArtifactResult,
  store: Store,
  load: Load,
  direction: Direction,
): string {
  const row = rowOf(result, store, load, direction);
  if (!row) return '';
  const { name, tabularium, mlflow, direct, pipe, growth, mlflowGrowth, cpu, verdicts } = row;
  const side = (speed: number, ms: number) => `${round(speed)} MiB/s, CPU ${round(ms)} ms/MiB`;
  return (
    `  ${name}: Tabularium ${side(tabularium, cpu.tabularium)}, +${round(growth)} MiB | ` +
    `MLflow ${side(mlflow, cpu.mlflow)}, +${round(mlflowGrowth)} MiB | ` +
    `direct ${side(direct, cpu.direct)} | ${store === 's3' ? `pipe ${side(pipe, cpu.pipe)} | ` : ''}${textOf(verdicts)}`
  );
}

interface HashingRow {
  readonly name: string;
  readonly speed: number;
  readonly sha256sum: number;
  readonly verdicts: readonly Verdict[];
}

function hashingRow(result: ArtifactResult, store: Store): HashingRow[] {
  const cells = result.hashing.filter((cell) => cell.store === store);
  if (cells.length === 0) return [];
  const speed = median(cells.map((cell) => cell.speed));
  const sha256sum = median(cells.map((cell) => cell.sha256sum));
  const share = (100 * speed) / sha256sum;
  // On S3 most of the time is that of the S3 server, which copies by itself.
  const bar = store === 'local' ? artifactBars.ofSha256sum : undefined;
  const verdicts = verdict(bar, share, { sign: '≥', unit: ' % of sha256sum' });
  return [{ name: `copied and hashed, ${storeNames[store]}`, speed, sha256sum, verdicts }];
}

const hashingRows = (result: ArtifactResult): HashingRow[] =>
  (['local', 's3'] as const).flatMap((store) => hashingRow(result, store));

export const linesOfHashing = (result: ArtifactResult, store: Store): string[] =>
  hashingRow(result, store).map(
    ({ name, speed, sha256sum, verdicts }) =>
      `  ${name}: ${round(speed)} MiB/s | sha256sum ${round(sha256sum)} MiB/s | ${textOf(verdicts)}`,
  );

/** The tables in Markdown. */
export function artifactTable(result: ArtifactResult): string {
  const { date, machine } = result;
  return [
    `Measured on ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GiB, Node ${machine.node}, ` +
      `Postgres ${machine.postgres}, mlflow ${machine.mlflow}, commit ${machine.commit}.`,
    '',
    '| transfer | MiB/s | MLflow | straight to S3 | through a bare pipe | ratio | CPU, ms/MiB | MLflow | memory, MiB | MLflow | reached (bar) |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|',
    ...rowsOf(result).map(
      ({ name, tabularium, mlflow, direct, pipe, growth, mlflowGrowth, cpu, verdicts }) =>
        `| ${name} | ${[tabularium, mlflow, direct, pipe].map(round).join(' | ')} | ${round(tabularium / mlflow)}× | ` +
        `${round(cpu.tabularium)} | ${round(cpu.mlflow)} | ` +
        `+${round(growth)} | +${round(mlflowGrowth)} | ${textOf(verdicts)} |`,
    ),
    '',
    '| registration | MiB/s | sha256sum | reached (bar) |',
    '|---|--:|--:|---|',
    ...hashingRows(result).map(
      ({ name, speed, sha256sum, verdicts }) =>
        `| ${name} | ${round(speed)} | ${round(sha256sum)} | ${textOf(verdicts)} |`,
    ),
  ].join('\n');
}

export function countArtifactBars(result: ArtifactResult): { bars: number; missed: number } {
  const met = [...rowsOf(result), ...hashingRows(result)].flatMap(({ verdicts }) =>
    verdicts.map((one) => one.met),
  );
  return { bars: met.length, missed: met.filter((one) => !one).length };
}
