import { join } from 'node:path';
import { clients, mlflow3, moto } from './clients/environments.ts';
import { makeEnvironments, runClients } from './clients/run.ts';
import { failed, runTests, runVitest, scratch, start, stop, type Totals, timed } from './processes.ts';
import { runClientsOnS3 } from './s3/clients.ts';
import { startMoto } from './s3/servers.ts';

/**
 * `npm test`: the tests of vitest beside the making of the Python environments, then each Python client against a
 * server of its own that is started as a user starts it, those tests of vitest that need the environments, and all that
 * needs S3, on moto.
 */

/** The tests of the store on S3, and the newest of the Python clients that are pinned, on a moto of their own. */
async function runOnMoto(pythons: Map<string, string>): Promise<Totals[]> {
  const store = await runVitest('s3', ['--config', 'compat-tests/s3/vitest.config.ts']);
  const [python, motoPython] = [pythons.get(mlflow3.name), pythons.get(moto.name)];
  if (!python || !motoPython) throw new Error('The environments for S3 could not be made.');
  const server = await startMoto(motoPython, start);
  const ofClients = await runClientsOnS3('moto', server.url, python);
  await stop(server.child);
  return [store, ...ofClients];
}

await runTests(async () => {
  const environments = timed('Python environments', () => makeEnvironments([...clients, moto])).catch(
    (error: Error) => error,
  );
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
  const onS3 = await timed('S3', () => runOnMoto(pythons)).catch(failed);
  return [...unit, ...ofClients, ...ofTransfer, ...ofBrowser, ...onS3];
});
