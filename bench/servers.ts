import { once } from 'node:events';
import { cp, glob } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, type Started, start } from './processes.ts';

const repository = resolve(import.meta.dirname, '..');

/** A started server. */
export interface Server extends Started {
  readonly url: string;
  /** Seconds from its start to its first answer. */
  readonly startSeconds: number;
}

/** Makes the package that users install, below `folder`, which lies in the repository; resolves to its command. */
export async function makePackage(folder: string): Promise<string> {
  await run('npm', '--prefix', repository, 'pack', repository, '--pack-destination', folder);
  const [tarball = ''] = await Array.fromAsync(glob('*.tgz', { cwd: folder }));
  await run('tar', '-xzf', join(folder, tarball), '-C', folder);
  return join(folder, 'package', 'bin', 'tabularium.js');
}

/** Puts the web UI beside the program, as the image has it. */
export async function addUi(command: string): Promise<void> {
  await run(process.execPath, join(repository, 'bin', 'tabularium.js'), 'ui', 'install');
  await cp(join(repository, '.ui'), join(command, '../../.ui'), { recursive: true });
}

/** Where a server's artifacts go, and what it must find in its environment for that. */
export interface Destination {
  readonly uri: string;
  readonly env: Readonly<Record<string, string>>;
}

/** As users start it, by what `makePackage` made. What servers write goes to `folder`. */
export async function startTabularium(
  command: string,
  database: string,
  folder: string,
  { destination, ui = false }: { destination?: Destination; ui?: boolean } = {},
): Promise<Server> {
  const port = await freePort();
  const { uri, env } = destination ?? { uri: join(folder, 'tabularium'), env: {} };
  const options = ['--backend-store-uri', database, '--artifacts-destination', uri];
  if (!ui) options.push('--no-ui');
  return untilAnswer(port, () =>
    start(process.execPath, [command, 'server', ...options, '--port', `${port}`], {
      cwd: folder,
      log: join(folder, 'tabularium.log'),
      env: { ...process.env, ...env },
    }),
  );
}

/** With MLflow's default number of workers, or as many as are said. */
export async function startMlflow(
  python: string,
  database: string,
  folder: string,
  { workers, destination }: { workers?: number; destination?: Destination } = {},
): Promise<Server> {
  const port = await freePort();
  const { uri, env } = destination ?? { uri: join(folder, 'mlflow'), env: {} };
  const options = ['--backend-store-uri', mlflowUri(database), '--artifacts-destination', uri];
  if (workers !== undefined) options.push('--workers', `${workers}`);
  return untilAnswer(port, () =>
    start(join(dirname(python), 'mlflow'), ['server', ...options, '--port', `${port}`], {
      cwd: folder,
      log: join(folder, 'mlflow.log'),
      env: {
        ...process.env,
        ...env,
        PATH: `${dirname(python)}:${process.env.PATH}`,
        MLFLOW_DISABLE_TELEMETRY: 'true',
      },
    }),
  );
}

/** Makes MLflow's tables in an empty database. */
export async function makeMlflowTables(python: string, database: string): Promise<void> {
  const program = `import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
SqlAlchemyStore(sys.argv[1], "mlflow-artifacts:/")`;
  await run(python, '-c', program, mlflowUri(database));
}

/** The bare routes of bare.ts, under the flags that our launcher gives Node. */
export async function startBare(database: string, folder: string): Promise<Server> {
  const port = await freePort();
  const program = [join(import.meta.dirname, 'bare.ts'), database, `${port}`];
  return untilAnswer(port, () =>
    start(process.execPath, ['--max-semi-space-size=8', ...program], { log: join(folder, 'bare.log') }),
  );
}

/** The server that only passes on, of pipe.ts. */
export async function startPipe(folder: string): Promise<Server> {
  const port = await freePort();
  const program = [join(import.meta.dirname, 'pipe.ts'), `${port}`];
  return untilAnswer(port, () => start(process.execPath, program, { log: join(folder, 'pipe.log') }));
}

/** The URI by which SQLAlchemy knows the database. */
const mlflowUri = (database: string): string => database.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:');

/** A first answer is one that needed the database; bare.ts knows one route only, any answer will do. */
const firstRequest = '/api/2.0/mlflow/experiments/get?experiment_id=0';

async function untilAnswer(port: number, begin: () => Started): Promise<Server> {
  const url = `http://127.0.0.1:${port}`;
  const since = performance.now();
  const started = begin();
  let ended = false;
  started.ended.then(() => {
    ended = true;
  });
  for (;;) {
    const answer = await fetch(url + firstRequest).catch(() => undefined);
    if (answer && answer.status < 500) {
      await answer.body?.cancel();
      return { ...started, url, startSeconds: (performance.now() - since) / 1000 };
    }
    if (ended) throw new Error(`A server ended before it answered:\n${started.tail()}`);
    await sleep(10);
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}
