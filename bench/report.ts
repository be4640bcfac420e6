import { readFile, writeFile } from 'node:fs/promises';
import type { Part, Size } from './content.ts';
import type { Cell } from './load.ts';
import type { Bars, Operation } from './operations.ts';

/** What comes out of a run, and how it is shown. */

/** `small` is Tabularium with as much as the small size has. */
export type Target = 'mlflow' | 'tabularium' | 'bare' | 'small';

export interface MeasuredCell extends Cell {
  readonly size: string;
  readonly operation: string;
  readonly target: Target;
  readonly repeat: number;
}

/** A measure that is not of requests. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly size: string;
  readonly mlflow: readonly number[];
  readonly tabularium: readonly number[];
  /** What Postgres' COPY reaches. */
  readonly copy?: readonly number[];
  /** What is left where no answer takes any time. */
  readonly memory?: readonly number[];
  /** At most so much, at most this part of what MLflow has, or at least this part of what COPY reaches. */
  readonly bar?: { readonly atMost: number } | { readonly ofMlflow: number } | { readonly ofCopy: number };
}

export interface Result {
  readonly part: Part;
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly sizes: readonly Size[];
  /** Milliseconds of CPU per second while nothing is asked. */
  readonly idle: { size: string; mlflow: number; tabularium: number; postgres: number }[];
  readonly figures: Figure[];
  readonly cells: MeasuredCell[];
}

export const median = (list: readonly number[]): number => {
  const sorted = list.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
};

/** The medians of a target's cells of one operation. */
export interface Summary {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds per request, of the server and Postgres together. */
  readonly cpu: number;
  readonly errors: number;
}

export interface Verdict {
  /** For a person: the bar and what was reached. */
  readonly text: string;
  readonly met: boolean;
}

export interface Row {
  readonly size: string;
  readonly name: string;
  readonly tabularium: Summary;
  readonly mlflow: Summary;
  readonly ratio: number;
  readonly verdicts: readonly Verdict[];
}

function summarise(cells: readonly MeasuredCell[]): Summary | undefined {
  if (cells.length === 0) return undefined;
  const of = (field: (cell: MeasuredCell) => number) => median(cells.map(field));
  return {
    rate: of(({ rate }) => rate),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    cpu: of(({ serverCpu, postgresCpu }) => serverCpu + (postgresCpu ?? 0)),
    errors: cells.reduce((sum, { errors }) => sum + errors, 0),
  };
}

/** One operation at one size. Its bars are for the large size; what it does at others is shown beside. */
export function rowOf(result: Result, size: string, { name, bars }: Operation): Row | undefined {
  const { large } = result.part;
  const of = (target: Target, operation = name) =>
    summarise(
      result.cells.filter(
        (cell) => cell.target === target && cell.size === size && cell.operation === operation,
      ),
    );
  const [tabularium, mlflow] = [of('tabularium'), of('mlflow')];
  if (!tabularium || !mlflow) return undefined;
  const ratio = tabularium.rate / mlflow.rate;
  const reached = {
    tabularium,
    ratio,
    bare: of('bare'),
    small: of('small'),
    other: bars.within && of('tabularium', bars.within.of),
  };
  const verdicts = size === large.name ? judge(bars, reached) : [];
  return { size, name, tabularium, mlflow, ratio, verdicts };
}

interface Reached {
  readonly tabularium: Summary;
  readonly ratio: number;
  readonly bare: Summary | undefined;
  readonly small: Summary | undefined;
  /** The operation that `bars.within` names. */
  readonly other: Summary | undefined;
}

function judge(bars: Bars, { tabularium, ratio, bare, small, other }: Reached): Verdict[] {
  const ofBare = bare && (100 * tabularium.rate) / bare.rate;
  const growth = small && tabularium.p50 / small.p50;
  const within = other && tabularium.p50 / other.p50;
  return [
    ...verdict(bars.ratio, ratio, { sign: '≥', unit: '×' }),
    ...verdict(bars.ofBare, ofBare, { sign: '≥', unit: ' % of bare' }),
    ...verdict(bars.cpu, tabularium.cpu, { label: 'CPU ', sign: '≤', unit: ' ms' }),
    ...verdict(bars.p50, tabularium.p50, { label: 'p50 ', sign: '≤', unit: ' ms' }),
    ...verdict(bars.growth, growth, {
      label: 'p50 ',
      sign: '≤',
      unit: '× that at the small size',
    }),
    ...verdict(bars.within?.times, within, {
      label: 'p50 ',
      sign: '≤',
      unit: `× that of ${bars.within?.of}`,
    }),
  ];
}

/** None where there is no bar, or not what it is about. */
export function verdict(
  bar: number | undefined,
  value: number | undefined,
  { label = '', sign, unit }: { label?: string; sign: '≥' | '≤'; unit: string },
): Verdict[] {
  if (bar === undefined || value === undefined) return [];
  return [
    {
      text: `${label}${round(value)}${unit} (${sign} ${bar})`,
      met: sign === '≥' ? value >= bar : value <= bar,
    },
  ];
}

/** Bars of figures are judged at every size. */
function judgeFigure({ bar, unit, mlflow, tabularium, copy = [] }: Figure): Verdict[] {
  if (!bar) return [];
  const value = median(tabularium);
  if ('ofCopy' in bar)
    return verdict(bar.ofCopy, value / median(copy), {
      sign: '≥',
      unit: ` of COPY's ${round(median(copy))}`,
    });
  return 'atMost' in bar
    ? verdict(bar.atMost, value, { sign: '≤', unit: ` ${unit}` })
    : verdict(bar.ofMlflow, value / median(mlflow), { sign: '≤', unit: " of MLflow's" });
}

/** Three digits that mean something. */
export const round = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : Number.isNaN(value) ? '–' : String(Number(value.toPrecision(3)));

export const textOf = (verdicts: readonly Verdict[]): string =>
  verdicts.map(({ text, met }) => (met ? text : `**missed: ${text}**`)).join(', ');

/** One line of progress. */
export function lineOfRow({ name, tabularium, mlflow, ratio, verdicts }: Row): string {
  const side = ({ rate, p50, p99, cpu, errors }: Summary) =>
    `${round(rate)}/s p50 ${round(p50)} p99 ${round(p99)} ms, CPU ${round(cpu)} ms${errors ? `, ${errors} errors` : ''}`;
  return `  ${name}: ${round(ratio)}× | Tabularium ${side(tabularium)} | MLflow ${side(mlflow)} | ${textOf(verdicts)}`;
}

export function lineOfFigure(figure: Figure): string {
  const { name, unit, mlflow, tabularium } = figure;
  const side = (list: readonly number[]) => `${round(median(list))} ${unit}`;
  return `  ${name}: Tabularium ${side(tabularium)} | MLflow ${side(mlflow)} | ${reachedOf(figure)}`;
}

const reachedOf = (figure: Figure): string => {
  const { memory, unit } = figure;
  const least = memory && `${round(median(memory))} ${unit} with all answers from memory`;
  return [textOf(judgeFigure(figure)), least].filter(Boolean).join('; ');
};

/** The tables of a result in Markdown. */
export function tablesOf(result: Result, operations: readonly Operation[]): string {
  const { date, machine } = result;
  const lines = [
    `Measured on ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.memory} GiB, Node ${machine.node}, ` +
      `Postgres ${machine.postgres}, mlflow ${machine.mlflow}, commit ${machine.commit}.`,
  ];
  for (const { name, models, versions, runs } of result.sizes.toReversed()) {
    const rows = operations.flatMap((operation) => rowOf(result, name, operation) ?? []);
    const thousands = (count: number) => count.toLocaleString('en');
    lines.push(
      '',
      `${thousands(models)} models of ${thousands(versions)} versions, ${thousands(runs)} runs:`,
    );
    if (rows.length > 0)
      lines.push(
        '',
        '| operation | requests/s | MLflow | ratio | p50, ms | MLflow | p99, ms | MLflow | CPU, ms | MLflow | reached (bar) |',
        '|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|',
        ...rows.map(tableRow),
      );
    const figures = result.figures.filter(({ size }) => size === name);
    if (figures.length > 0)
      lines.push(
        '',
        '| measure | Tabularium | MLflow | reached (bar) |',
        '|---|--:|--:|---|',
        ...figures.map((figure) => {
          const { name, unit, tabularium, mlflow } = figure;
          const values = [tabularium, mlflow].map((list) => `${round(median(list))} ${unit}`);
          return `| ${name} | ${values.join(' | ')} | ${reachedOf(figure)} |`;
        }),
      );
  }
  return lines.join('\n');
}

function tableRow({ name, tabularium, mlflow, ratio, verdicts }: Row): string {
  const pair = (field: keyof Summary) => `${round(tabularium[field])} | ${round(mlflow[field])}`;
  const errors = tabularium.errors + mlflow.errors;
  const ends = textOf(verdicts) + (errors > 0 ? ` (${errors} errors)` : '');
  return `| ${name} | ${pair('rate')} | ${round(ratio)}× | ${pair('p50')} | ${pair('p99')} | ${pair('cpu')} | ${ends} |`;
}

/** How many bars there were, and how many were missed. That an operation of ours answers without errors is one. */
export function countBars(
  result: Result,
  operations: readonly Operation[],
): { bars: number; missed: number } {
  const rows = result.sizes.flatMap(({ name }) =>
    operations.flatMap((one) => rowOf(result, name, one) ?? []),
  );
  const met = [
    ...rows.flatMap(({ verdicts }) => verdicts.map((one) => one.met)),
    ...rows.map(({ tabularium }) => tabularium.errors === 0),
    ...result.figures.flatMap(judgeFigure).map((one) => one.met),
  ];
  return { bars: met.length, missed: met.filter((one) => !one).length };
}

/** Writes the tables of a part between the two comments that mark their place in a file. */
export async function writeTables(file: string, part: string, tables: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const place = new RegExp(`(<!-- bench ${part} -->\n).*?(<!-- /bench -->)`, 's');
  if (!place.test(text)) throw new Error(`${file} has no place for the tables of the part ${part}.`);
  await writeFile(
    file,
    text.replace(place, (_, before, after) => `${before}\n${tables}\n\n${after}`),
  );
}
