import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, glob, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clients, findPython, makeEnvironment } from './clients/environments.ts';

/**
 * `npm test`: the tests of vitest beside the making of the Python environments, then each Python client against a
 * server of its own that is started as a user starts it. The closing line is `N passed, N failed`.
 */

const repository = resolve(import.meta.dirname, '..');

interface Totals {
  readonly passed: number;
  readonly failed: number;
}

const say = (line: string) => process.stdout.write(`▸ ${line}\n`);

/** The seconds that each part took, in the order they ended. */
const seconds: string[] = [];

async function timed<T>(part: string, work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    const took = ((performance.now() - begin) / 1000).toFixed(1);
    seconds.push(`${part} ${took}`);
    say(`${part}: ${took} s`);
  }
}

// ── Processes ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Everything that is written for a while, by us and by what we start: it is the folder for temporary files of all. */
const scratch = await mkdtemp(join(tmpdir(), 'tabularium-'));
// Where root starts this, the Postgres of the tests runs as another user.
await chmod(scratch, 0o755);

const running = new Set<ChildProcess>();
let stopping = false;

function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
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

async function stop(child: ChildProcess): Promise<void> {
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
const codeOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((done, reject) => {
    child.on('error', reject);
    child.on('close', done);
  });

// ── Parts ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A part that ended badly without a failed test, or without any test at all, is one failure. */
const judged = (totals: Totals, code: number | null): Totals =>
  totals.failed === 0 && (code !== 0 || totals.passed === 0) ? { ...totals, failed: 1 } : totals;

async function runVitest(): Promise<Totals> {
  const report = join(scratch, 'vitest.json');
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const child = start(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const code = await codeOf(child);
  const { numPassedTests = 0, numFailedTests = 0 } = await readFile(report, 'utf8').then(
    JSON.parse,
    () => ({}),
  );
  return judged({ passed: numPassedTests, failed: numFailedTests }, code);
}

async function makeEnvironments(): Promise<Map<string, string>> {
  const python = await findPython();
  const pythons = new Map<string, string>();
  for (const client of clients) {
    const maker = { folder: join(repository, '.venvs'), spawn: start, say };
    await makeEnvironment(client, python, maker).then(
      (own) => pythons.set(client.name, own),
      (error: Error) => say(`${client.name}: ${error.message}`),
    );
  }
  return pythons;
}

/** Starts a server on a new data folder, as a user does; resolves to its URL. */
async function startServer(): Promise<{ url: string; server: ChildProcess }> {
  const args = ['bin/tabularium.js', 'server', '--port', '0', '--data-dir', join(scratch, 'data')];
  const server = start(process.execPath, args);
  let output = '';
  const url = await new Promise<string>((found, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (data) => {
        output = (output + data).slice(-100_000);
        const match = /answers on (http\S+)/.exec(output);
        if (match?.[1]) found(match[1]);
      });
    }
    server.on('close', () => reject(new Error(`The server for the Python clients ended:\n${output}`)));
  });
  return { url, server };
}

/** Above all that the tests of one client take on a slow machine, in milliseconds. */
const clientTime = 10 * 60_000;

async function runClient(name: string, python: string, url: string): Promise<Totals> {
  const report = join(scratch, `${name}.xml`);
  const child = start(
    python,
    [
      '-m',
      'pytest',
      '-q',
      '--disable-warnings',
      '-p',
      'no:cacheprovider',
      `--junit-xml=${report}`,
      join('compat-tests', 'clients'),
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { MLFLOW_TRACKING_URI: url, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' },
      timeout: clientTime,
    },
  );
  const code = await codeOf(child);
  const suite = /<testsuite [^>]*>/.exec(await readFile(report, 'utf8').catch(() => ''))?.[0] ?? '';
  const count = (attribute: string) => Number(new RegExp(` ${attribute}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  return judged({ passed: count('tests') - failed - count('skipped'), failed }, code);
}

/** All clients against one server; a client whose environment could not be made is one failure. */
async function runClients(pythons: Map<string, string>): Promise<Totals[]> {
  const { url, server } = await timed('start of the server', () => startServer());
  const totals: Totals[] = [];
  for (const { name } of clients) {
    const python = pythons.get(name);
    totals.push(python ? await timed(name, () => runClient(name, python, url)) : { passed: 0, failed: 1 });
  }
  await timed('stop of the server', () => stop(server));
  return totals;
}

// ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

async function end(code: number): Promise<void> {
  stopping = true;
  await Promise.all([...running].map(stop));
  await stopPostgres();
  await rm(scratch, { recursive: true, force: true });
  process.exit(code);
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (stopping) return;
    say(`${name}: stopping what was started`);
    void end(130);
  });
}

/** What a part says where it cannot be run at all; it counts as one failure. */
function failed(error: Error): Totals[] {
  say(error.message);
  return [{ passed: 0, failed: 1 }];
}

async function main(): Promise<void> {
  const environments = timed('Python environments', makeEnvironments).catch((error: Error) => error);
  const unit = await timed('vitest', runVitest).then((totals) => [totals], failed);
  const pythons = await environments;
  if (stopping) return;
  const ofClients = pythons instanceof Error ? failed(pythons) : await runClients(pythons).catch(failed);
  if (stopping) return;

  const totals = [...unit, ...ofClients];
  const sum = (key: keyof Totals) => totals.reduce((all, part) => all + part[key], 0);
  say(`seconds: ${seconds.join(', ')}`);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  await end(sum('failed') === 0 ? 0 : 1);
}

await main();
