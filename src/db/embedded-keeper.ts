import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '../contract/start-error.ts';
import { type Postmaster, runsOn } from './embedded-postmaster.ts';

/** How often Postgres is started again before we give up; after a calm time (milliseconds) they count anew. */
const mostRestarts = 5;
const calm = 60_000;

/** Starts Postgres again when it has ended by itself. */
export interface Keeper {
  /** The one that runs, or ran last. */
  readonly postmaster: Postmaster;
  /** Call it, again and again, when Postgres does not answer. Throws `StartError` when it gives up. */
  revive(): Promise<void>;
}

/** `start` starts Postgres at the address of the one that ended, which everybody goes on using. */
export function createKeeper(
  first: Postmaster,
  start: (ended: Postmaster) => Promise<Postmaster>,
  { dataDir, cluster, log }: { dataDir: string; cluster: string; log: { warn(message: string): void } },
): Keeper {
  let postmaster = first;
  let restarts = 0;
  let last = 0;
  return {
    get postmaster() {
      return postmaster;
    },
    async revive() {
      if (await runsOn(postmaster.pid, cluster)) return;
      if (Date.now() - last > calm) restarts = 0;
      last = Date.now();
      restarts++;
      if (restarts > mostRestarts)
        throw new StartError(
          `Postgres on ${dataDir} ended ${restarts} times within minutes: put right what ` +
            `${join(dataDir, 'postgres.log')} tells, and start again.`,
        );
      log.warn(`Postgres (process ${postmaster.pid}) has ended unexpectedly; it is started again.`);
      try {
        postmaster = await start(postmaster);
      } catch (error) {
        log.warn((error as Error).message);
        // Processes of the one that ended may still be there, which it does not start beside.
        await sleep(1_000);
      }
    },
  };
}
