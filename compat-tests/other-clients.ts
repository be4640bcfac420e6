import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Environment, mlflow3 } from './clients/environments.ts';
import { makeEnvironments, startServer } from './clients/run.ts';
import {
  codeOf,
  failed,
  judged,
  junitTotals,
  repository,
  runTests,
  runVitest,
  scratch,
  start,
  stop,
  type Totals,
  timed,
} from './processes.ts';
import { runClientsOnS3 } from './s3/clients.ts';
import { startVersitygw, versitygw } from './s3/servers.ts';
import { runSchemathesis } from './schemathesis/run.ts';

/**
 * `npm run test:clients`: the Java client, a Go client, curl and schemathesis, one after the other, against one server
 * that is started as a user does. Schemathesis comes last, since it changes and deletes what it finds. Then the Python
 * client on S3, which versitygw plays.
 */

const schemathesis: Environment = {
  name: 'schemathesis',
  requirements: ['schemathesis==4.32.5'],
  moves: false,
};

/** Ends as the program does. Throws the sentence where the program is not on the path. */
function ends(child: ChildProcess, absent: string): Promise<number | null> {
  return codeOf(child).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(absent, { cause: error }) : error;
  });
}

/** A program that prints a line for each test; `passed` and `failed` are how these begin. */
async function runPrinting(
  [program = '', ...args]: readonly string[],
  { passed, failed, absent, ...options }: SpawnOptions & { passed: RegExp; failed: RegExp; absent: string },
): Promise<Totals> {
  const child = start(program, args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout?.on('data', (data) => {
    process.stdout.write(data);
    output += data;
  });
  const code = await ends(child, absent);
  const count = (line: RegExp) => output.match(line)?.length ?? 0;
  return judged({ passed: count(passed), failed: count(failed) }, code);
}

/** The client sends and fetches artifacts by a Python that has MLflow. */
async function runJava(url: string, python: string): Promise<Totals> {
  const cwd = join(repository, 'compat-tests/clients-java');
  const reports = join(cwd, 'target/surefire-reports');
  await rm(reports, { recursive: true, force: true });
  const child = start('mvn', ['--batch-mode', '--no-transfer-progress', '--quiet', 'test'], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { MLFLOW_TRACKING_URI: url, MLFLOW_PYTHON_EXECUTABLE: python },
  });
  const code = await ends(
    child,
    'The Java client needs Java 17 and Maven, and mvn is not on the path: install it (on Debian: apt install maven).',
  );
  return junitTotals(await Array.fromAsync(glob(join(reports, '*.xml'))), code);
}

const noGo =
  'The Go client and versitygw need Go 1.24 or newer, and go is not on the path: install it from https://go.dev/dl.';

const runGo = (url: string): Promise<Totals> =>
  runPrinting(['go', 'test', '-count=1', '-v', './...'], {
    cwd: join(repository, 'compat-tests/clients-go'),
    env: { MLFLOW_TRACKING_URI: url },
    passed: /^--- PASS: /gm,
    failed: /^--- FAIL: /gm,
    absent: noGo,
  });

const runCurl = (url: string): Promise<Totals> =>
  runPrinting(['bash', join(repository, 'compat-tests/curl/scenario.sh')], {
    env: { MLFLOW_TRACKING_URI: url },
    passed: /^ok /gm,
    failed: /^not ok /gm,
    absent: 'The scenario by curl needs bash, and it is not on the path: install it.',
  });

/** S3 by a server that checks signatures and their age; `go install` leaves it in the cache of this clone. */
async function runOnVersitygw(python: string): Promise<Totals[]> {
  const { module, bin } = versitygw;
  const program = join(bin, 'versitygw');
  if (!existsSync(program)) {
    const code = await timed('versitygw', () =>
      ends(start('go', ['install', module], { env: { GOBIN: bin } }), noGo),
    );
    if (code !== 0) throw new Error('versitygw could not be installed.');
  }
  const store = await timed('S3 on versitygw', () =>
    runVitest('s3', ['--config', 'compat-tests/s3/vitest.config.ts'], { VERSITYGW: program }),
  );
  const folder = join(scratch, 'versitygw');
  await mkdir(folder);
  const { url, child } = await startVersitygw(program, folder, start);
  const totals = await runClientsOnS3('versitygw', url, python);
  await stop(child);
  return [store, ...totals];
}

await runTests(async () => {
  const pythons = await timed('Python environments', () => makeEnvironments([mlflow3, schemathesis]));
  const pythonOf = ({ name }: Environment): string => {
    const python = pythons.get(name);
    if (python === undefined) throw new Error(`The environment of ${name} could not be made.`);
    return python;
  };
  const { url, server } = await timed('start of the server', () =>
    startServer('--data-dir', join(scratch, 'data')),
  );
  const totals: Totals[] = [];
  const part = async (name: string, run: () => Promise<Totals>) =>
    totals.push(...(await timed(name, run).then((sum) => [sum], failed)));
  await part('Java', async () => runJava(url, pythonOf(mlflow3)));
  await part('Go', () => runGo(url));
  await part('curl', () => runCurl(url));
  await part('schemathesis', async () => runSchemathesis(url, pythonOf(schemathesis)));
  await timed('stop of the server', () => stop(server));
  totals.push(...(await runOnVersitygw(pythonOf(mlflow3)).catch(failed)));
  return totals;
});
