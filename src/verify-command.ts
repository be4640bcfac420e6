import type { Logger } from 'pino';
import { placesOfCommand } from './artifact-places.ts';
import type { Command } from './config.ts';
import { MlflowError } from './contract/error.ts';
import { everything } from './contract/scope.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import type { Ask } from './db/ask.ts';
import { connect } from './db/pool.ts';
import type { Pipeline } from './db/transaction.ts';
import { openBesideServers } from './gc.ts';
import { Pinner } from './resources/pins/pinner.ts';
import { Uploads } from './resources/pins/uploads.ts';
import { verifyVersions } from './resources/pins/verify.ts';
import { prepareFully } from './server.ts';
import { createProgress } from './transfer/progress.ts';

/** `tabularium verify`; throws a StartError of one sentence where a version is not what was registered. */
export async function runVerify(
  { request, storage }: Extract<Command, { kind: 'verify' }>,
  log: Logger,
): Promise<void> {
  const opened = await openBesideServers(storage.database, log);
  const sql = connect({ ...opened.options, max: 2 });
  const progress = createProgress(process.stdout, 'bytes');
  try {
    await prepareFully(sql, opened.place, log);
    const places = placesOfCommand(storage);
    const ask: Ask = (question) => question(sql);
    const transaction: Pipeline = (changes) => sql.begin((tx) => [...changes(tx as unknown as Sql)]);
    const pinner = new Pinner({ ask, transaction, places, uploads: new Uploads(ask), log });
    const say = (line: string) => {
      progress.end();
      process.stdout.write(`${line}\n`);
    };
    const verifier = { ask, scope: everything, places, pinner, say, progress: progress.show };
    const { right, wrong, unknown } = await verifyVersions(verifier, request);
    say(`${right} as they were registered, ${wrong} not, ${unknown} without a digest.`);
    if (wrong > 0)
      throw new StartError(
        `${wrong} of ${right + wrong} versions ${wrong === 1 ? 'is' : 'are'} not what was registered.`,
      );
  } catch (error) {
    throw error instanceof MlflowError ? new StartError(error.message, { cause: error }) : error;
  } finally {
    progress.end();
    await sql.end({ timeout: 5 });
    await opened.stop();
  }
}
