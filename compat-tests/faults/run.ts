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
 * itself. `npm run test:faults -- --seed N` makes the same choices again, `--only disk` runs the part of that name.
 */

/** Says what is wrong, a line each. */
type Body = () => Promise<readonly string[]>;
type Test = (name: string, body: Body) => Promise<void>;

export interface Part {
  readonly random: Random;
  /** Of this part alone. */
  readonly folder: string;
  readonly cluster: Cluster;
  readonly test: Test;
  /** Tells whoever looks on. */
  say(line: string): void;
}

type Run = (part: Part) => Promise<void>;

/** The parts of a track follow each other on one Postgres; the tracks run beside each other. */
const tracks: readonly Readonly<Record<string, Run>>[] = [
  { kills: killsOfOutside, restarts: outages, cuts: network },
  { silence, embedded: killsOfEmbedded, disk: fullDisks, clock: clockSetBack },
];

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
// Where root starts this, Postgres runs as another user.
await chmod(scratch, 0o755);
say(`Seed ${seed}`);
const random = makeRandom(seed);
const clusters: Cluster[] = [];

async function end(code: number): Promise<never> {
  await stopAll();
  for (const cluster of clusters) await cluster.stop('immediate');
  await rm(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.exit(code);
}
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => void end(130));

async function runTrack(parts: readonly (readonly [string, Run, Random])[]): Promise<void> {
  const [first] = parts;
  if (!first) return;
  const cluster = await makeCluster(join(scratch, `postgres-of-${first[0]}`));
  clusters.push(cluster);
  for (const [name, run, own] of parts) {
    await cluster.start();
    const folder = await mkdtemp(join(scratch, `${name}-`));
    const part: Part = {
      random: own,
      folder,
      cluster,
      test: (what, body) => test(`${name}: ${what}`, body),
      say: (line) => say(`  ${name}: ${line}`),
    };
    await run(part).catch((error: Error) => test(name, async () => [error.stack ?? error.message]));
    await cluster.stop('fast');
  }
}

const begin = performance.now();
const chosen = tracks.map((parts) =>
  Object.entries(parts)
    .map(([name, run]) => [name, run, random.fork()] as const)
    .filter(([name]) => name.includes(values.only)),
);
await Promise.all(chosen.map(runTrack)).catch((error: Error) =>
  test('the test itself', async () => [error.message]),
);
say(`Seed ${seed}, ${((performance.now() - begin) / 1000).toFixed(0)} s`);
say(`${passed} passed, ${failed} failed`);
await end(failed === 0 ? 0 : 1);
