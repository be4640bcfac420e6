import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import {
  codeOf,
  junitTotals,
  repository,
  say,
  scratch,
  start,
  stop,
  type Totals,
  timed,
} from '../processes.ts';
import { clients, type Environment, findPython, makeEnvironment } from './environments.ts';

/** The Python clients, each with its tests against a server that is started as a user starts it. */

/** The environments of those clients that could be made: the name of each with its Python. */
export async function makeEnvironments(
  wanted: readonly Environment[] = clients,
): Promise<Map<string, string>> {
  const python = await findPython();
  const pythons = new Map<string, string>();
  for (const client of wanted) {
    const maker = { folder: join(repository, '.venvs'), spawn: start, say };
    await makeEnvironment(client, python, maker).then(
      (own) => pythons.set(client.name, own),
      (error: Error) => say(`${client.name}: ${error.message}`),
    );
  }
  return pythons;
}

/** Starts `tabularium server` with these arguments on a free port; resolves to its URL when it answers. */
export const startServer = (...args: string[]): Promise<{ url: string; server: ChildProcess }> =>
  startServerWith({}, args);

/** The same, with variables of the environment. */
export async function startServerWith(
  env: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<{ url: string; server: ChildProcess }> {
  const server = start(process.execPath, ['bin/tabularium.js', 'server', '--port', '0', ...args], { env });
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

/** @param files which of the tests, by default all; `env` says where they go. */
export async function runClient(
  name: string,
  python: string,
  env: NodeJS.ProcessEnv,
  files: readonly string[] = [''],
): Promise<Totals> {
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
      ...files.map((file) => join('compat-tests', 'clients', file)),
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONUNBUFFERED: '1',
        ...env,
      },
      timeout: clientTime,
    },
  );
  const code = await codeOf(child);
  return junitTotals([report], code);
}

/**
 * All clients against one server, which is started with these arguments; a client whose environment could not be made
 * is one failure.
 */
export async function runClients(pythons: Map<string, string>, ...args: string[]): Promise<Totals[]> {
  const { url, server } = await timed('start of the server', () => startServer(...args));
  // gc takes what says where the database and the artifacts are, but serves nobody.
  const places = args.filter((arg, i) => ![arg, args[i - 1]].includes('--workers'));
  const gc = [process.execPath, 'bin/tabularium.js', 'gc', ...places];
  const env = { MLFLOW_TRACKING_URI: url, TABULARIUM_GC: JSON.stringify(gc) };
  const totals: Totals[] = [];
  for (const { name } of clients) {
    const python = pythons.get(name);
    totals.push(python ? await timed(name, () => runClient(name, python, env)) : { passed: 0, failed: 1 });
  }
  await timed('stop of the server', () => stop(server));
  return totals;
}
