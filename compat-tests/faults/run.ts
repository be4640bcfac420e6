import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stopAll } from '../start/process.ts';
import { clockSetBack } from './clocks.ts';
import { type Cluster, makeCluster } from './cluster.ts';
import { fullDisks } from './disk.ts';
import { killsOfEmbedded, killsOfOutside } from './kills.ts';
import { network, silence } from './network.ts';
import { outages } from './outages.ts';
import { makeRandom, newSeed, type Random } from './random.ts';

/**
 * `npm run test:faults`: servers under load, whose processes, connections, disk and clock fail at random moments. After
 * each fault, what was answered is there whole, what was not is there whole or not at all, and the server goes on by
 * itself. `npm run test:faults -- --seed N` makes the same choices again, `--only kills` runs the parts of that name.
 */

/** One test of a part: `test` says what is wrong, a line each. */
export type Test = (name: string, test: () => Promise<readonly string[]>) => Promise<void>;

export interface Part {
  readonly random: Random;
  /** Of this part alone; root's Postgres, which is another user, may enter it. */
  readonly folder: string;
  readonly cluster: Cluster;
  readonly test: Test;
}

const parts: Readonly<Record<string, (part: Part) => Promise<void>>> = {
  'kills-outside': killsOfOutside,
  'kills-embedded': killsOfEmbedded,
  outages,
  network,
  silence,
  disk: fullDisks,
  clock: clockSetBack,
};

const { values } = parseArgs({
  options: { seed: { type: 'string' }, only: { type: 'string', default: '' } },
});
const seed = values.seed === undefined ? newSeed() : Number(values.seed);
const say = (line: string) => process.stdout.write(`${line}\n`);

let passed = 0;
let failed = 0;

const test: Test = async (name, body) => {
  const begin = performance.now();
  const wrong = await body().catch((error: Error) => [error.stack ?? error.message]);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  say(`${wrong.length === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  for (const line of wrong.slice(0, 10)) say(`    ${line}`);
  if (wrong.length > 10) say(`    and ${wrong.length - 10} more`);
  if (wrong.length === 0) passed++;
  else failed++;
};

const scratch = await mkdtemp(join(tmpdir(), 'tabularium-faults-'));
await chmod(scratch, 0o755);
say(`Seed ${seed}`);
const random = makeRandom(seed);
const cluster = await makeCluster(join(scratch, 'cluster'));

async function end(code: number): Promise<never> {
  await stopAll();
  await cluster.stop('immediate');
  await rm(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit(code);
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => void end(130));

const begin = performance.now();
for (const [name, run] of Object.entries(parts)) {
  const own = random.fork();
  if (!name.includes(values.only)) continue;
  await cluster.start();
  const folder = await mkdtemp(join(scratch, `${name}-`));
  await chmod(folder, 0o755);
  await run({ random: own, folder, cluster, test }).catch((error: Error) =>
    test(name, async () => [error.stack ?? error.message]),
  );
  await cluster.stop('fast');
}
say(`Seed ${seed}, ${((performance.now() - begin) / 1000).toFixed(0)} s`);
say(`${passed} passed, ${failed} failed`);
await end(failed === 0 ? 0 : 1);
