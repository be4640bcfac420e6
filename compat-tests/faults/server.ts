import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Process,
  postgresOf,
  repository,
  run,
  type Server,
  stopServer,
  untilItAnswers,
} from '../start/process.ts';
import { childrenOf } from './cluster.ts';

/** A server of the test, which is killed and started again at the same address with the same flags. */
export interface Target {
  readonly args: readonly string[];
  start(): Promise<Server>;
  /** The process that serves, or the primary; and the workers, if there are any. */
  processes(): Promise<{ server: number; workers: number[] }>;
  /** `kill -9` of all of it at once, and with its launcher; resolves when it is gone. */
  kill(): Promise<void>;
  /** In good order. */
  stop(): Promise<void>;
  /** That it has ended by itself; what its log holds that it must not: bugs, and whatever is not a line of JSON. */
  faults(): string[];
}

export interface TargetOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes that a file it writes may have, as a disk that is full would not let it grow. */
  readonly fileSize?: number;
}

export function makeTarget(args: readonly string[], { env, fileSize }: TargetOptions = {}): Target {
  const begun: Process[] = [];
  const running = () => {
    const last = begun.at(-1);
    if (!last?.child.pid) throw new Error('The server has not been started.');
    return last;
  };
  return {
    args,
    async start() {
      // The shell counts in blocks of 512 bytes.
      const limit = fileSize === undefined ? '' : `ulimit -f ${Math.floor(fileSize / 512)}; `;
      const command = [process.execPath, join(repository, 'bin/tabularium.js'), 'server', '--no-ui', ...args];
      const one = run('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, ...command], { env });
      begun.push(one);
      return await untilItAnswers(one);
    },
    async processes() {
      const [server] = await childrenOf(Number(running().child.pid));
      if (!server) throw new Error('The server is not there.');
      // Its Postgres is a child as well.
      const children = await childrenOf(server);
      const lines = await Promise.all(
        children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      );
      return { server, workers: children.filter((_, i) => lines[i]?.includes('src/main.ts')) };
    },
    async kill() {
      const { server, workers } = await this.processes();
      for (const pid of [server, ...workers]) process.kill(pid, 'SIGKILL');
      await running().ended;
    },
    async stop() {
      await stopServer(running());
    },
    faults() {
      const { exitCode } = running().child;
      const ended = exitCode === null ? [] : [`the server has ended by itself with ${exitCode}`];
      const lines = begun.flatMap(({ output }) => output.stderr.split('\n').filter(isFault));
      for (const { output } of begun) output.stderr = '';
      return [...ended, ...lines];
    },
  };
}

function isFault(line: string): boolean {
  if (line === '') return false;
  try {
    return JSON.parse(line).msg === 'unexpected error';
  } catch {
    return true;
  }
}

/** Ends the Postgres that a killed server left behind, if it did. */
export async function endPostgresOf(dataDir: string): Promise<void> {
  const pid = await postgresOf(dataDir);
  if (pid) process.kill(pid, 'SIGINT');
  while (await postgresOf(dataDir)) await new Promise((done) => setTimeout(done, 50));
}
