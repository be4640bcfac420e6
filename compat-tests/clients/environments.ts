import { type ChildProcess, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A Python environment with what pip installs for the requirements. */
export interface Environment {
  readonly name: string;
  readonly requirements: readonly string[];
  /** What pip finds under the requirements changes from day to day, so it is asked each time. */
  readonly moves: boolean;
}

export const mlflow3: Environment = {
  name: 'mlflow-3.17.2',
  // With boto3 it goes to S3 by itself, where it is told to.
  requirements: ['mlflow==3.17.2', 'psycopg2-binary', 'pytest', 'boto3'],
  moves: false,
};

/** The released MLflow clients that are tested unchanged. */
export const clients: readonly Environment[] = [
  // As a store, and not only a client, it needs the SQLAlchemy of its time.
  { name: 'mlflow-2.22', requirements: ['mlflow==2.22.*', 'pytest', 'sqlalchemy<2.1'], moves: false },
  mlflow3,
  { name: 'mlflow-newest', requirements: ['mlflow', 'pytest'], moves: true },
];

/** A server that answers as S3 does; the everyday tests run on it. */
export const moto: Environment = { name: 'moto', requirements: ['moto[server]==5.*'], moves: false };

/** Starts a process of the test command, which knows to stop it; its output is for us to read. */
export type Spawn = (command: string, args: readonly string[]) => ChildProcess;

/** What the making of an environment needs of the test command; `folder` holds them all. */
interface Maker {
  readonly folder: string;
  readonly spawn: Spawn;
  readonly say: (line: string) => void;
}

/** The newest Python that all three clients run on. Throws one sentence that says what to install. */
export async function findPython(): Promise<string> {
  let withoutVenv: string | undefined;
  for (const name of ['python3.13', 'python3.12', 'python3.11', 'python3.10', 'python3', 'python']) {
    const answer = await ask(
      name,
      'import sys; print(sys.version_info.major * 100 + sys.version_info.minor)',
    );
    const version = Number(answer);
    if (!(version >= 310 && version <= 313)) continue;
    // Debian ships venv and pip apart from Python.
    if ((await ask(name, 'import ensurepip, venv; print("there")')) === 'there') return name;
    withoutVenv ??= name;
  }
  throw new Error(
    withoutVenv
      ? `${withoutVenv} lacks the module venv, which MLflow needs: install it (on Debian: apt install python3-venv).`
      : 'MLflow needs Python 3.10 to 3.13, and none is on the path: install one from https://www.python.org.',
  );
}

const ask = (python: string, program: string): Promise<string | undefined> =>
  promisify(execFile)(python, ['-c', program]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );

/** Makes the environment, or takes the one that is there; resolves to its Python. */
export async function makeEnvironment(
  environment: Environment,
  python: string,
  maker: Maker,
): Promise<string> {
  const home = join(maker.folder, environment.name);
  const own = join(home, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
  const stampFile = join(home, 'requirements.stamp');
  const { requirements, moves } = environment;
  const stamp = `${requirements.join('\n')}\n`;
  const made = existsSync(own) && (await readFile(stampFile, 'utf8').catch(() => '')) === stamp;
  if (!made) {
    maker.say(`${environment.name}: making an environment with ${python}`);
    await follow(environment, [python, '-m', 'venv', '--clear', home], maker);
  }
  if (!made || moves) {
    const quiet = ['--disable-pip-version-check', '--no-input', '--progress-bar', 'off'];
    await follow(
      environment,
      [own, '-m', 'pip', 'install', '--upgrade', ...quiet, ...requirements],
      maker,
    ).catch((error: Error) => {
      if (!made) throw error;
      maker.say(`${environment.name}: not looked for a newer one, the package index did not answer`);
    });
    await writeFile(stampFile, stamp);
  }
  return own;
}

/** How often a command that takes its time says where it is, in milliseconds. */
const pulse = 15_000;

async function follow(environment: Environment, command: readonly string[], maker: Maker): Promise<void> {
  const [program = '', ...args] = command;
  const child = maker.spawn(program, args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      output += data;
    });
  }
  const timer = setInterval(() => {
    const line = output.trim().split('\n').at(-1)?.trim() ?? '';
    maker.say(`${environment.name}: ${line.length > 100 ? `${line.slice(0, 100)}…` : line}`);
  }, pulse);
  try {
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`${command.join(' ')} failed:\n${output}`);
  } finally {
    clearInterval(timer);
  }
}
