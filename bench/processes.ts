import { execFile, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Starting, measuring and ending processes with all that they start, by what Linux tells in /proc. */

interface Process {
  readonly pid: number;
  readonly command: string;
  readonly parent: number;
  /** Since the machine started: with the pid it is one process for ever. */
  readonly born: string;
  /** Milliseconds of CPU, with that of children that have ended. */
  readonly cpu: number;
}

/** Linux counts CPU in hundredths of a second here, whatever its own clock. */
const tick = 10;

function readProcess(pid: number): Process | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name stands in parentheses and may hold anything. The fields after it are counted from the third.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number) => fields[number - 3] ?? '';
    const cpu = [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0) * tick;
    const command = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    return { pid, command, parent: Number(field(4)), born: field(22), cpu };
  } catch {
    return undefined;
  }
}

export const commandOf = (pid: number): string | undefined => readProcess(pid)?.command;
export const parentOf = (pid: number): number | undefined => readProcess(pid)?.parent;

/** The process and all its descendants. */
function treeOf(root: number): Process[] {
  const all = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : [],
  );
  const children = Map.groupBy(all, ({ parent }) => parent);
  const tree = all.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Milliseconds of CPU that the process and its descendants have used so far. */
export const cpuOf = (pid: number): number => treeOf(pid).reduce((sum, { cpu }) => sum + cpu, 0);

/** MiB of memory of the process and its descendants; what several share is counted once (PSS). */
export function memoryOf(pid: number): number {
  let kib = 0;
  for (const process of treeOf(pid)) {
    try {
      const text = readFileSync(`/proc/${process.pid}/smaps_rollup`, 'utf8');
      kib += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]);
    } catch {
      // It has ended.
    }
  }
  return kib / 1024;
}

/** What some work took of a process and its descendants. */
export interface Taken<T> {
  readonly value: T;
  /** MiB by which their resident memory grew at most. */
  readonly growth: number;
  /** Milliseconds. */
  readonly cpu: number;
}

export async function takenBy<T>(pid: number, work: () => Promise<T>): Promise<Taken<T>> {
  const pids = treeOf(pid).map((process) => process.pid);
  const before = residentOf(pids);
  const cpuBefore = cpuOf(pid);
  let most = before;
  const look = setInterval(() => {
    most = Math.max(most, residentOf(pids));
  }, 20);
  try {
    const value = await work();
    const growth = Math.max(most, residentOf(pids)) - before;
    return { value, growth, cpu: cpuOf(pid) - cpuBefore };
  } finally {
    clearInterval(look);
  }
}

function residentOf(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) {
    try {
      kib += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It has ended.
    }
  }
  return kib / 1024;
}

/** A process that the bench started, and what it wrote to its log. */
export interface Started {
  readonly pid: number;
  /** Settles when it ends. */
  readonly ended: Promise<unknown>;
  /** The end of its output. */
  tail(): string;
  /** Ends it and its descendants, and waits until they are gone. */
  stop(): Promise<void>;
}

const running = new Set<Started>();
const stopping = new AbortController();

/** Runs a program to its end, or to ours; resolves to its output. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { signal: stopping.signal });
  return stdout;
}

/** Starts a process in a group of its own, so that a ctrl-C comes to us alone; its output goes to the file `log`. */
export function start(
  command: string,
  args: readonly string[],
  { log, ...options }: SpawnOptions & { log: string },
): Started {
  stopping.signal.throwIfAborted();
  const output = openSync(log, 'a');
  const child = spawn(command, args, { detached: true, ...options, stdio: ['ignore', output, output] });
  closeSync(output);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command} cannot be started.`);
  const ended = once(child, 'exit');
  const started: Started = {
    pid,
    ended,
    tail: () => readFileSync(log, 'utf8').slice(-4000),
    stop: () => stop(started),
  };
  running.add(started);
  return started;
}

/** How long what was asked to end may take, in milliseconds. */
const patience = 20_000;

async function stop(started: Started): Promise<void> {
  if (!running.has(started)) return;
  const tree = treeOf(started.pid);
  const left = () => tree.filter(({ pid, born }) => readProcess(pid)?.born === born);
  // What a ctrl-C in a terminal sends; Postgres calls it a fast shutdown.
  signal(-started.pid, 'SIGINT');
  for (let waited = 0; left().length > 0; waited += 50) {
    if (waited >= patience) for (const { pid } of left()) signal(pid, 'SIGKILL');
    await sleep(50);
  }
  running.delete(started);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
  }
}

/** Ends all that was started; nothing starts after that. */
export async function stopAll(): Promise<void> {
  stopping.abort();
  await Promise.all([...running].map((started) => started.stop()));
}
