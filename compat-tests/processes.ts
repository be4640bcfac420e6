import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the test commands share: the processes that they start and stop, and the counting of what passed. */

export const repository = resolve(import.meta.dirname, '..');

export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

export const say = (line: string) => process.stdout.write(`▸ ${line}\n`);

/** The seconds that each part took, in the order they ended. */
const seconds: string[] = [];

export async function timed<T>(part: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    const took = ((performance.now() - begin) / 1000).toFixed(1);
    seconds.push(`${part} ${took}`);
    say(`${part}: ${took} s`);
  }
}

/** Everything that is written for a while, by us and by what we start: it is the folder for temporary files of all. */
export const scratch = await mkdtemp(join(tmpdir(), 'tabularium-'));
// Where root starts this, the Postgres of the tests runs as another user.
await chmod(scratch, 0o755);

const running = new Set<ChildProcess>();
let stopping = false;

export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  if (stopping) throw new Error('The tests were stopped.');
  const child = spawn(command, args, {
    cwd: repository,
    // In a group of its own: a ctrl-C comes to us alone, and we stop all in good order.
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
    env: { ...process.env, TMPDIR: scratch, ...options.env },
  });
  running.add(child);
  child.on('close', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}

/** Sends a signal to a process and all those in its group. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || process.platform === 'win32') child.kill(name);
  else process.kill(-child.pid, name);
}

/** How long a process may take to end in good order, in milliseconds. */
const patience = 30_000;

export async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const closed = once(child, 'close');
  signal(child, 'SIGINT');
  const timer = setTimeout(() => signal(child, 'SIGKILL'), patience);
  await closed;
  clearTimeout(timer);
}

/** A test run that is broken off leaves its Postgres behind, in a session of its own: each has its number in a file. */
async function stopPostgres(): Promise<void> {
  for await (const file of glob('**/postmaster.pid', { cwd: scratch })) {
    const pid = Number((await readFile(join(scratch, file), 'utf8')).split('\n')[0]);
    try {
      process.kill(pid, 'SIGINT');
      for (let waited = 0; waited < patience; waited += 100) {
        process.kill(pid, 0);
        await sleep(100);
      }
    } catch {
      // It is gone.
    }
  }
}

/** Ends when the process does; its exit code, or null where a signal ended it. */
export const codeOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((done, reject) => {
    child.on('error', reject);
    child.on('close', done);
  });

/** A part that ended badly without a failed test, or without any test at all, is one failure. */
export const judged = (totals: Totals, code: number | null): Totals =>
  totals.failed === 0 && (code !== 0 || totals.passed === 0) ? { ...totals, failed: 1 } : totals;

/** The totals of reports in JUnit's XML; a report that is missing counts nothing. */
export async function junitTotals(reports: readonly string[], code: number | null): Promise<Totals> {
  const texts = await Promise.all(reports.map((report) => readFile(report, 'utf8').catch(() => '')));
  const suites = texts.flatMap((text) => text.match(/<testsuite [^>]*>/g) ?? []);
  const count = (attribute: string) =>
    suites.reduce(
      (sum, suite) => sum + Number(new RegExp(` ${attribute}="(\\d+)"`).exec(suite)?.[1] ?? 0),
      0,
    );
  const failed = count('failures') + count('errors');
  return judged({ passed: count('tests') - failed - count('skipped'), failed }, code);
}

/** The tests of vitest; `args` and `env` say which. */
export async function runVitest(
  name: string,
  args: readonly string[] = [],
  env: object = {},
): Promise<Totals> {
  const report = join(scratch, `${name}.json`);
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const child = start(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...env } },
  );
  const code = await codeOf(child);
  const { numPassedTests = 0, numFailedTests = 0 } = await readFile(report, 'utf8').then(
    JSON.parse,
    () => ({}),
  );
  return judged({ passed: numPassedTests, failed: numFailedTests }, code);
}

/** What a part says where it cannot be run at all; it counts as one failure. */
export function failed(error: Error): Totals[] {
  say(error.message);
  return [{ passed: 0, failed: 1 }];
}

async function end(code: number): Promise<void> {
  stopping = true;
  await Promise.all([...running].map(stop));
  await stopPostgres();
  await rm(scratch, { recursive: true, force: true });
  process.exit(code);
}

/**
 * Runs a test command: `work` gives the totals of its parts. The closing line is `N passed, N failed`; a signal stops
 * what was started.
 */
export async function runTests(work: () => Promise<Totals[]>): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stopping) return;
      say(`${name}: stopping what was started`);
      void end(130);
    });
  }
  const totals = await work().catch(failed);
  if (stopping) return;
  const sum = (key: keyof Totals) => totals.reduce((all, part) => all + part[key], 0);
  say(`seconds: ${seconds.join(', ')}`);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  await end(sum('failed') === 0 ? 0 : 1);
}
