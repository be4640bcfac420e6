import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeEnvironments, runClients } from './clients/run.ts';
import {
  codeOf,
  failed,
  judged,
  repository,
  runTests,
  scratch,
  start,
  type Totals,
  timed,
} from './processes.ts';

/**
 * `npm test`: the tests of vitest beside the making of the Python environments, then each Python client against a
 * server of its own that is started as a user starts it, and those tests of vitest that need the environments.
 */

async function runVitest(name: string, args: readonly string[] = [], env: object = {}): Promise<Totals> {
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

await runTests(async () => {
  const environments = timed('Python environments', () => makeEnvironments()).catch((error: Error) => error);
  const unit = await timed('vitest', () => runVitest('vitest')).then((totals) => [totals], failed);
  const pythons = await environments;
  if (pythons instanceof Error) return [...unit, ...failed(pythons)];
  const dataDir = join(scratch, 'data');
  const ofClients = await runClients(pythons, '--data-dir', dataDir).catch(failed);
  const withPythons = (name: string, folder: string) =>
    timed(name, () =>
      runVitest(folder, ['--config', `compat-tests/${folder}/vitest.config.ts`], {
        PYTHONS: JSON.stringify(Object.fromEntries(pythons)),
      }),
    ).then((totals) => [totals], failed);
  const ofTransfer = await withPythons('import and export', 'transfer');
  const ofBrowser = await withPythons('browser', 'browser');
  return [...unit, ...ofClients, ...ofTransfer, ...ofBrowser];
});
