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
 * server of its own that is started as a user starts it.
 */

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

await runTests(async () => {
  const environments = timed('Python environments', () => makeEnvironments()).catch((error: Error) => error);
  const unit = await timed('vitest', runVitest).then((totals) => [totals], failed);
  const pythons = await environments;
  const dataDir = join(scratch, 'data');
  const ofClients =
    pythons instanceof Error
      ? failed(pythons)
      : await runClients(pythons, '--data-dir', dataDir).catch(failed);
  return [...unit, ...ofClients];
});
