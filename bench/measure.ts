import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Size } from './content.ts';
import { copyPoints } from './copy.ts';
import { compareAnswers, linesFor, measure, untilQuiet, writeLines } from './load.ts';
import { batchPoints, batchRequests, memoryRequests, type Operation } from './operations.ts';
import { cpuOf, memoryOf, run } from './processes.ts';
import { type Figure, lineOfFigure, lineOfRow, type Result, rowOf, type Target } from './report.ts';
import { type Server, startBare, startMlflow, startTabularium } from './servers.ts';

/** All measures of one size, on servers whose databases are seeded. */

export interface Bench {
  readonly size: Size;
  readonly operations: readonly Operation[];
  /** Which of the `figures` below are wanted. */
  readonly figures: readonly FigureName[];
  readonly seconds: number;
  readonly repeats: number;
  /** The Python that has mlflow. */
  readonly python: string;
  /** Of Tabularium, as it is packaged. */
  readonly command: string;
  /** URLs. */
  readonly databases: { readonly mlflow: string; readonly tabularium: string };
  /** For bars of growth: the small size, and the URL of a database of our server's that has as much. */
  readonly small: { readonly size: Size; readonly database: string } | undefined;
  /** For what is written for a while. */
  readonly folder: string;
  /** The pid of the postmaster, if it is on this machine. */
  readonly postgres: number | undefined;
  readonly result: Result;
  readonly say: (line: string) => void;
}

/** Measures that are not of requests per second. */
export const figures = {
  start: { name: 'start to first answer', unit: 's', bar: { atMost: 2 } },
  register: { name: 'mlflow.register_model("runs:/…")', unit: 's', bar: { ofMlflow: 0.5 } },
  points: { name: 'points logged, 1,000 at a time, 8 writers', unit: 'points/s', bar: { ofCopy: 0.6 } },
  memory: { name: 'memory after 60 s of searches over 32 connections', unit: 'MiB', bar: { atMost: 250 } },
} as const satisfies Record<string, Pick<Figure, 'name' | 'unit' | 'bar'>>;

export type FigureName = keyof typeof figures;

const connections = 8;
/** Seconds of load before the first measure of an operation, in which code is compiled and statements are planned. */
const warmUp = 1;
const idleSeconds = 2;
const pointsSeconds = 60;
const memoryLoad = { connections: 32, seconds: 60 };
const starts = 3;
const registrations = 10;
/** Seconds for which an operation may be loaded so that enough slow requests are seen. */
const longest = 12;

interface Servers {
  readonly mlflow: Server;
  readonly tabularium: Server;
  readonly bare?: Server;
  readonly small?: Server | undefined;
}

export async function measureSize(bench: Bench): Promise<void> {
  const { size, operations, python, command, databases, folder, say } = bench;
  let tabularium = await startTabularium(command, databases.tabularium, folder);
  const times = [tabularium.startSeconds];
  while (times.length < starts) {
    await tabularium.stop();
    tabularium = await startTabularium(command, databases.tabularium, folder);
    times.push(tabularium.startSeconds);
  }

  const single = operations.filter((one) => one.single);
  if (single.length > 0 || bench.figures.includes('register')) {
    const servers = {
      tabularium,
      mlflow: await startMlflow(python, databases.mlflow, folder, { workers: 1 }),
    };
    await settle(bench, servers.mlflow);
    say(`${size.name}: one connection, MLflow with one worker`);
    for (const operation of single) await measureOperation(bench, operation, servers);
    if (bench.figures.includes('register')) await measureRegister(bench, servers);
    await servers.mlflow.stop();
  }

  const mlflow = await startMlflow(python, databases.mlflow, folder);
  addFigure(bench, 'start', { tabularium: times, mlflow: [mlflow.startSeconds] });
  const servers = {
    tabularium,
    mlflow,
    bare: await startBare(databases.tabularium, folder),
    small: bench.small && (await startTabularium(command, bench.small.database, folder)),
  };
  await settle(bench, mlflow);
  await measureIdle(bench, servers);
  say(`${size.name}: ${connections} connections`);
  // What changes nothing first, so that all of it meets what was seeded.
  const parallel = operations.filter((one) => !one.single);
  for (const operation of parallel.filter(({ kind }) => kind === 'read'))
    await measureOperation(bench, operation, servers);
  if (bench.figures.includes('memory')) await measureMemory(bench, servers);
  for (const operation of parallel.filter(({ kind }) => kind === 'write'))
    await measureOperation(bench, operation, servers);
  if (bench.figures.includes('points')) await measurePoints(bench, servers);
  await Promise.all(Object.values(servers).map((server) => server?.stop()));
}

/** MLflow goes on with its start for many seconds after its first answer. */
const settle = (bench: Bench, server: Server) => untilQuiet([server.pid, bench.postgres], 2000);

interface Side {
  readonly target: Target;
  readonly server: Server;
  readonly lines: readonly string[];
}

/** Compares the answers, then loads the servers in turns: A B C, C B A. */
async function measureOperation(bench: Bench, operation: Operation, servers: Servers): Promise<void> {
  const { name, kind, single } = operation;
  const { size, result } = bench;
  const requests = operation.requests(size);
  const sides: Side[] = [];
  for (const target of ['mlflow', 'tabularium'] as const) {
    const server = servers[target];
    sides.push({ target, server, lines: await linesFor(server, requests, operation.pages) });
  }
  const times = await compareAnswers(kind, sides);
  if (operation.bare && servers.bare) {
    const lines = await linesFor(servers.bare, operation.bare(size));
    sides.push({ target: 'bare', server: servers.bare, lines });
  }
  // In the same minutes: a machine that others share is faster in some than in others.
  if (operation.bars.growth !== undefined && servers.small && bench.small) {
    const lines = await linesFor(servers.small, operation.requests(bench.small.size), operation.pages);
    sides.push({ target: 'small', server: servers.small, lines });
  }

  const count = single ? 1 : connections;
  for (let repeat = 0; repeat < bench.repeats; repeat++) {
    for (const { target, server, lines } of repeat % 2 ? sides.toReversed() : sides) {
      const file = join(bench.folder, `${target}.requests`);
      await writeLines(file, lines);
      if (repeat === 0) await measure(server, file, { connections: count, seconds: warmUp }, bench.postgres);
      // Twice what all connections need for a request each.
      const enough = Math.ceil((count * (times.get(server) ?? 0) * 2) / 1000);
      const seconds = Math.max(bench.seconds, Math.min(enough, longest));
      await untilQuiet([server.pid, bench.postgres]);
      const cell = await measure(server, file, { connections: count, seconds }, bench.postgres);
      result.cells.push({ size: size.name, operation: name, target, repeat, ...cell });
      await untilQuiet([server.pid, bench.postgres]);
    }
  }
  const row = rowOf(result, size.name, operation);
  if (row) bench.say(lineOfRow(row));
}

async function measureRegister(bench: Bench, { mlflow, tabularium }: Servers): Promise<void> {
  const program = join(import.meta.dirname, 'register.py');
  const output = await run(bench.python, program, String(registrations), mlflow.url, tabularium.url);
  const [ofMlflow, ofTabularium] = JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? '') as [
    number[],
    number[],
  ];
  addFigure(bench, 'register', { mlflow: ofMlflow, tabularium: ofTabularium });
}

/**
 * Logs batches of many points, and copies such points into the same table by as many sessions: in turns, since a machine
 * that others share is faster in some minutes than in others.
 */
async function measurePoints(bench: Bench, { mlflow, tabularium }: Servers): Promise<void> {
  const file = join(bench.folder, 'points.requests');
  const rounds = 3;
  const seconds = pointsSeconds / rounds;
  const after = async (server: Server) => {
    await writeLines(file, await linesFor(server, batchRequests(bench.size)));
    const { rate } = await measure(server, file, { connections, seconds }, bench.postgres);
    return rate * batchPoints;
  };
  const sides = {
    copy: () => copyPoints(bench.databases.tabularium, connections, seconds),
    tabularium: () => after(tabularium),
    mlflow: () => after(mlflow),
  };
  const values: Record<keyof typeof sides, number[]> = { copy: [], tabularium: [], mlflow: [] };
  const names = Object.keys(sides) as (keyof typeof sides)[];
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 ? names.toReversed() : names) {
      values[name].push(await sides[name]());
      await untilQuiet([mlflow.pid, tabularium.pid, bench.postgres]);
    }
  addFigure(bench, 'points', values);
}

async function measureMemory(bench: Bench, { mlflow, tabularium }: Servers): Promise<void> {
  const file = join(bench.folder, 'memory.requests');
  await writeLines(file, await linesFor(tabularium, memoryRequests(bench.size)));
  const after = async (server: Server) => {
    await measure(server, file, memoryLoad, bench.postgres);
    const memory = memoryOf(server.pid);
    await untilQuiet([server.pid, bench.postgres]);
    return [memory];
  };
  addFigure(bench, 'memory', { tabularium: await after(tabularium), mlflow: await after(mlflow) });
}

function addFigure(
  bench: Bench,
  name: FigureName,
  values: Pick<Figure, 'mlflow' | 'tabularium' | 'copy'>,
): void {
  if (!bench.figures.includes(name)) return;
  const figure = { size: bench.size.name, ...figures[name], ...values };
  bench.result.figures.push(figure);
  bench.say(lineOfFigure(figure));
}

/** What is used while nothing is asked is part of every figure of CPU. */
async function measureIdle(bench: Bench, servers: Servers): Promise<void> {
  const { postgres, size, result } = bench;
  const cpu = () => ({
    mlflow: cpuOf(servers.mlflow.pid),
    tabularium: cpuOf(servers.tabularium.pid),
    postgres: postgres === undefined ? Number.NaN : cpuOf(postgres),
  });
  const before = cpu();
  await sleep(idleSeconds * 1000);
  const after = cpu();
  const used = (key: keyof typeof before) => Math.round((after[key] - before[key]) / idleSeconds);
  result.idle.push({
    size: size.name,
    mlflow: used('mlflow'),
    tabularium: used('tabularium'),
    postgres: used('postgres'),
  });
}
