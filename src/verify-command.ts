import type { Logger } from 'pino';
import { placesOfCommand } from './artifact-places.ts';
import { besideServers } from './beside-servers.ts';
import type { Command } from './config.ts';
import { everything } from './contract/scope.ts';
import type { Sql } from './contract/sql.ts';
import { StartError } from './contract/start-error.ts';
import type { Ask } from './db/ask.ts';
import type { Pipeline } from './db/transaction.ts';
import { Pinner } from './resources/pins/pinner.ts';
import { Uploads } from './resources/pins/uploads.ts';
import { verifyVersions } from './resources/pins/verify.ts';
import { createProgress } from './transfer/progress.ts';

/** `tabularium verify`; throws a StartError of one sentence where a version is not what was registered. */
export async function runVerify(
  { request, storage }: Extract<Command, { kind: 'verify' }>,
  log: Logger,
): Promise<void> {
  const progress = createProgress(process.stdout, 'bytes');
  const verify = async (sql: Sql) => {
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
  };
  await besideServers(storage.database, log, verify).finally(progress.end);
}
