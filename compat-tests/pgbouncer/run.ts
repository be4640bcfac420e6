import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { makeEnvironments, runClients, startServer } from '../clients/run.ts';
import { failed, runTests, say, scratch, stop, type Totals, timed } from '../processes.ts';
import { expectedAnswer } from '../replay/expected.ts';
import { play } from '../replay/player.ts';
import { steps } from '../replay/steps.ts';
import { findPgbouncer, type Pooled, startPooled } from './pgbouncer.ts';

/**
 * `npm run test:pgbouncer`: every Python client, and every request that was recorded from MLflow, against servers whose
 * database is behind a PgBouncer in transaction mode; one server of a single process and one of two.
 */

async function runReplay(options: readonly string[]): Promise<Totals> {
  const { url, server } = await startServer(...options);
  const answers = await play(steps, fetch, url);
  await stop(server);
  const wrong = steps.filter(({ name }) => !isDeepStrictEqual(answers.get(name), expectedAnswer(name)));
  for (const { name } of wrong) say(`${name}: ${JSON.stringify(answers.get(name))}`);
  return { passed: steps.length - wrong.length, failed: wrong.length };
}

async function runAll(workers: number, pooled: Pooled, pythons: Map<string, string>): Promise<Totals[]> {
  say(`--workers ${workers}`);
  const optionsOn = async (name: string) => {
    const uri = await pooled.create(`${name}_${workers}`);
    const artifacts = join(scratch, `artifacts-${name}-${workers}`);
    return [
      ...['--backend-store-uri', uri, '--artifacts-destination', artifacts],
      ...['--workers', String(workers)],
    ];
  };
  const replay = await timed('replay', async () => runReplay(await optionsOn('replay'))).then(
    (totals) => [totals],
    failed,
  );
  return [...replay, ...(await runClients(pythons, ...(await optionsOn('clients'))).catch(failed))];
}

await runTests(async () => {
  say(await findPgbouncer());
  const pythons = await timed('Python environments', makeEnvironments);
  const pooled = await timed('Postgres and PgBouncer', startPooled);
  return [...(await runAll(1, pooled, pythons)), ...(await runAll(2, pooled, pythons))];
});
