import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The `tabularium` command as a process of its own, seen from outside: what it prints, answers and leaves behind. */

export const repository = resolve(import.meta.dirname, '../..');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Process {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

export interface Server extends Process {
  readonly url: string;
  /** From the start of the process to the first answer of `/health`. */
  readonly secondsToFirstAnswer: number;
}

const started = new Set<Process>();

/** The variables of whoever runs the tests are not those of the server. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(MLFLOW_|OTEL_|PG|npm_)/.test(name)),
);

/** Any command, by itself in the repository and on the Node of the tests; `env` stands over its variables. */
export function run(
  command: string,
  args: readonly string[],
  { env, ...options }: Pick<SpawnOptions, 'cwd' | 'env' | 'detached'> = {},
): Process {
  const child = spawn(command, args, {
    cwd: repository,
    env: { ...environment, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), ...env },
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (data) => {
      output[name] += data;
    });
  }
  const ended = once(child, 'close').then(([code]): Ended => ({ code, ...output }));
  const one = { child, output, ended };
  started.add(one);
  void ended.then(() => started.delete(one));
  return one;
}

/** `tabularium …` to its end. */
export const tabularium = (...args: string[]): Promise<Ended> =>
  run(process.execPath, [join(repository, 'bin/tabularium.js'), ...args]).ended;

/** `tabularium server …` until it answers. */
export const startServer = (...args: string[]): Promise<Server> => untilItAnswers(beginServer(...args));

/** `npm start -- …` until it answers, in a process group of its own as in a terminal. */
export const npmStart = (...args: string[]): Promise<Server> =>
  untilItAnswers(run('npm', ['start', '--', ...args], { detached: true }));

/** `tabularium server …`, not waited for; without the web UI, which it would fetch. */
export const beginServer = (...args: string[]): Process =>
  run(process.execPath, [join(repository, 'bin/tabularium.js'), 'server', '--no-ui', ...args]);

/** Waits until the server of this process answers. Throws with what it printed if it ends instead. */
export async function untilItAnswers(one: Process): Promise<Server> {
  const begin = performance.now();
  const url = await until(() => /answers on (http\S+)/.exec(one.output.stdout)?.[1], one);
  // A certificate of the tests is trusted by the test that made it; that it listens is enough here.
  if (url.startsWith('http:')) await until(async () => (await fetch(`${url}/health`)).ok, one);
  return { ...one, url, secondsToFirstAnswer: (performance.now() - begin) / 1000 };
}

/** Waits until `question` has an answer, as long as the process lives. */
export async function until<T>(
  question: () => T | Promise<T>,
  one: Process,
): Promise<NonNullable<Exclude<T, false>>> {
  for (;;) {
    const answer = await question();
    if (answer) return answer as NonNullable<Exclude<T, false>>;
    if (one.child.exitCode !== null || one.child.signalCode !== null) {
      const { code, stdout, stderr } = await one.ended;
      throw new Error(`It ended with ${code}:\n${stdout}${stderr}`);
    }
    await sleep(20);
  }
}

/** Stops in good order, and says how it ended. */
export async function stopServer(one: Process): Promise<Ended> {
  one.child.kill('SIGTERM');
  return one.ended;
}

/** Ctrl-C, which a terminal sends to every process of the group. */
export async function interrupt(one: Process): Promise<Ended> {
  process.kill(-Number(one.child.pid), 'SIGINT');
  return one.ended;
}

/** For `afterEach`: what a failed test left running. */
export async function stopAll(): Promise<void> {
  await Promise.all([...started].map((one) => stopServer(one)));
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The process of the Postgres under a data folder; undefined where none runs. */
export async function postgresOf(dataDir: string): Promise<number | undefined> {
  const file = join(dataDir, 'postgres', 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const pid = Number((await readFile(file, 'utf8')).split('\n')[0]);
  return isRunning(pid) ? pid : undefined;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** One call of MLflow's REST interface. */
// biome-ignore lint/suspicious/noExplicitAny: what an answer holds is for the test to say
export async function call(url: string, path: string, body?: object): Promise<{ status: number; body: any }> {
  const response = await fetch(`${url}/api/2.0/mlflow/${path}`, {
    ...(body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
}
