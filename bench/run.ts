import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findPython, makeEnvironment } from '../compat-tests/clients/environments.ts';
import { loads, quickLoads } from './artifact-content.ts';
import { type ArtifactResult, artifactTable, countArtifactBars } from './artifact-report.ts';
import { measureArtifacts } from './artifacts.ts';
import { type Part, parts, type Size } from './content.ts';
import { findWrk } from './load.ts';
import { type Bench, type FigureName, figures, measureSize } from './measure.ts';
import { operationsOf } from './operations.ts';
import { measurePages } from './pages.ts';
import { type Cluster, openCluster } from './postgres.ts';
import { run, stopAll } from './processes.ts';
import { countBars, type Result, tablesOf, writeTables } from './report.ts';
import { seedMlflow, seedTabularium } from './seed.ts';
import { addUi, makeMlflowTables, makePackage } from './servers.ts';

/**
 * `npm run bench`: Tabularium and `mlflow server` side by side on one Postgres, in turns: the registry, then tracking,
 * each at two sizes, then pages of the web UI, then artifacts. A whole part goes to bench/results/ under its date and to the tables of the README, anything less
 * to bench/results/partial.json.
 */

const repository = resolve(import.meta.dirname, '..');

const { values: options } = parseArgs({
  options: {
    /** A look in three minutes: the registry, if no part is named, at one size between the two, the main operations, shorter. */
    quick: { type: 'boolean', default: false },
    /** Exit code 1 where a bar is missed. */
    check: { type: 'boolean', default: false },
    /** Only what has this in its name. */
    only: { type: 'string', default: '' },
    part: { type: 'string' },
    size: { type: 'string' },
    /** How long a server is loaded for a figure, and how often. */
    seconds: { type: 'string' },
    repeats: { type: 'string' },
    /** A running Postgres instead of one of the bench's own: the URL of a superuser. */
    postgres: { type: 'string' },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);

const artifacts = 'artifacts';

/** Which parts are measured: of requests, and of artifacts. */
function chosenParts(): { ofRequests: readonly Part[]; ofArtifacts: boolean } {
  if (options.part === undefined && !options.quick) return { ofRequests: parts, ofArtifacts: true };
  const name = options.part ?? 'registry';
  const names = [...parts.map((part) => part.name), artifacts];
  if (!names.includes(name)) throw new Error(`--part is one of ${names.join(', ')}.`);
  return { ofRequests: parts.filter((part) => part.name === name), ofArtifacts: name === artifacts };
}

function chosenSizes(part: Part): Size[] {
  const sizes = options.quick ? [part.quick] : [part.small, part.large];
  if (options.size !== undefined && options.size !== 'small' && options.size !== 'large')
    throw new Error('--size is small or large.');
  return (options.size ? [part[options.size]] : sizes).filter((size) => size !== undefined);
}

/** Operations and figures of a part at a size. */
function chosenFor(part: Part, size: Size) {
  const named = ({ name }: { name: string }) => name.includes(options.only);
  const large = size === part.large;
  const names: readonly FigureName[] =
    part.name === 'registry' ? ['start', 'register', 'memory'] : ['points'];
  return {
    operations: operationsOf[part.name].filter(
      (one) => named(one) && (large || !one.onlyLarge) && (one.quick || !options.quick),
    ),
    figures: names.filter((name) => named(figures[name]) && (large || name === 'start')),
  };
}

/** Everything of a run but its Python environment lies here. Not in /tmp, which may be no disk: fsync would cost nothing. */
async function makeScratch(): Promise<string> {
  const folder = join(repository, '.cache');
  await mkdir(folder, { recursive: true });
  return await mkdtemp(join(folder, 'bench-'));
}

const environment = {
  name: 'bench',
  requirements: ['mlflow==3.17.2', 'psycopg2-binary', 'boto3'],
  moves: false,
};

const makePython = async (): Promise<string> =>
  makeEnvironment(environment, await findPython(), {
    folder: join(repository, '.venvs'),
    spawn(command, args) {
      const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      process.once('exit', () => child.kill());
      return child;
    },
    say,
  });

async function describeMachine(cluster: Cluster, python: string): Promise<Result['machine']> {
  return {
    cpu: cpus()[0]?.model.trim() ?? '',
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres: cluster.version,
    mlflow: (await run(python, '-c', 'import mlflow; print(mlflow.__version__)')).trim(),
    commit: (await run('git', '-C', repository, 'describe', '--always', '--dirty', '--abbrev=10')).trim(),
  };
}

/** Makes the databases of both servers and fills them. */
async function seed(cluster: Cluster, python: string, size: Size): Promise<Bench['databases']> {
  const since = performance.now();
  const mlflow = await cluster.createDatabase('bench_mlflow');
  const tabularium = await cluster.createDatabase('bench_tabularium');
  await makeMlflowTables(python, mlflow);
  await Promise.all([seedMlflow(mlflow, size), seedTabularium(tabularium, size)]);
  say(`${size.name}: seeded in ${((performance.now() - since) / 1000).toFixed(1)} s`);
  return { mlflow, tabularium };
}

/** A database of our server's at the small size of a part. */
async function seedSmall(cluster: Cluster, { small: size }: Part): Promise<Bench['small']> {
  if (!size) return undefined;
  const database = await cluster.createDatabase('bench_small');
  await seedTabularium(database, size);
  return { size, database };
}

let scratch: string | undefined;
let cluster: Cluster | undefined;
let ending: Promise<void> | undefined;

/** Ends all that was started and takes away what was made. */
async function clearUp(): Promise<void> {
  await stopAll();
  await cluster?.close();
  if (scratch) await rm(scratch, { recursive: true, force: true });
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (ending) return;
    say(`${name}: stopping what was started`);
    ending = clearUp().finally(() => process.exit(130));
  });
}

/** Resolves to the number of bars that were missed. */
async function bench(): Promise<number> {
  if (process.platform !== 'linux')
    throw new Error('The bench reads CPU and memory from /proc: run it on Linux.');
  const chosen = chosenParts();
  await findWrk();
  const python = await makePython();
  scratch = await makeScratch();
  const command = await makePackage(scratch);
  if (chosen.ofRequests.some(({ name }) => name === 'pages')) await addUi(command);
  cluster = await openCluster(scratch, options.postgres);
  const machine = await describeMachine(cluster, python);
  let missed = 0;
  for (const part of chosen.ofRequests) {
    const result: Result = {
      part,
      date: new Date().toISOString(),
      machine,
      sizes: chosenSizes(part),
      idle: [],
      figures: [],
      cells: [],
    };
    await measurePart(result, { cluster, python, command, scratch });
    missed += await report(result);
  }
  if (chosen.ofArtifacts) missed += await benchArtifacts(machine, { cluster, python, command, scratch });
  return missed;
}

interface Tools {
  readonly cluster: Cluster;
  readonly python: string;
  readonly command: string;
  readonly scratch: string;
}

async function measurePart(result: Result, { cluster, python, command, scratch }: Tools): Promise<void> {
  for (const size of result.sizes) {
    say(`${size.name}: ${size.models} models of ${size.versions} versions, ${size.runs} runs`);
    const databases = await seed(cluster, python, size);
    const chosen = chosenFor(result.part, size);
    const grows = chosen.operations.some(({ bars }) => bars.growth !== undefined);
    const small = grows && size === result.part.large ? await seedSmall(cluster, result.part) : undefined;
    const measureAll = result.part.name === 'pages' ? measurePages : measureSize;
    await measureAll({
      size,
      small,
      ...chosen,
      seconds: Number(options.seconds ?? (options.quick ? 1 : 2)),
      repeats: Number(options.repeats ?? (options.quick ? 1 : 2)),
      python,
      command,
      databases,
      folder: await mkdtemp(join(scratch, 'servers-')),
      postgres: cluster.pid,
      result,
      say,
    });
    const made = [...Object.values(databases), ...(small ? [small.database] : [])];
    for (const database of made) await cluster.dropDatabase(database);
  }
}

/** Measures the part `artifacts`. Resolves to the number of bars that were missed. */
async function benchArtifacts(machine: Result['machine'], tools: Tools): Promise<number> {
  const result: ArtifactResult = {
    part: { name: artifacts },
    date: new Date().toISOString(),
    machine,
    loads: options.quick ? quickLoads : loads,
    cells: [],
    hashing: [],
  };
  await measureArtifacts({
    ...tools,
    loads: result.loads,
    only: options.only,
    repeats: Number(options.repeats ?? 2),
    result,
    say,
  });
  return record(result, artifactTable(result), countArtifactBars(result));
}

/** Prints and writes down what a part of requests came to. Resolves to the number of bars that were missed. */
function report(result: Result): Promise<number> {
  const operations = operationsOf[result.part.name];
  return record(result, tablesOf(result, operations), countBars(result, operations));
}

async function record(
  result: Result | ArtifactResult,
  tables: string,
  { bars, missed }: { bars: number; missed: number },
): Promise<number> {
  const { name } = result.part;
  say(`\n${tables}\n`);
  const whole = !options.quick && options.only === '' && options.size === undefined;
  const folder = join(import.meta.dirname, 'results');
  const file = join(folder, `${whole ? `${result.date.slice(0, 10)}-${name}` : 'partial'}.json`);
  await mkdir(folder, { recursive: true });
  await writeFile(file, `${JSON.stringify(result, null, 1)}\n`);
  if (whole) await writeTables(join(repository, 'README.md'), name, tables);
  say(`Bars missed: ${missed} of ${bars}. All figures are in ${file}.`);
  return missed;
}

try {
  const missed = await bench();
  if (options.check && missed > 0) process.exitCode = 1;
} catch (error) {
  // Whatever fails after a signal fails because of it.
  if (!ending) say((error as Error).message);
  process.exitCode = 1;
} finally {
  await (ending ?? clearUp());
}
