import type { Logger } from 'pino';
import { placesOfCommand } from './artifact-places.ts';
import { besideServers, type StorageConfig } from './beside-servers.ts';
import { everything } from './contract/scope.ts';
import { collectGarbage, type GarbageRequest } from './resources/garbage/collect.ts';

export type GarbageConfig = StorageConfig & { readonly request: GarbageRequest };

/** How long a registration may be under way that has seen a run which is deleted meanwhile, in milliseconds. */
const patience = 5_000;

/** `tabularium gc`; throws a StartError of one sentence for what cannot be done as asked. */
export const runGc = (config: GarbageConfig, log: Logger): Promise<void> =>
  besideServers(config.database, log, async (sql) => {
    const places = placesOfCommand(config);
    const say = (line: string) => process.stdout.write(`${line}\n`);
    await collectGarbage({ sql, scope: everything, places, clock: Date.now, patience, say }, config.request);
  });
