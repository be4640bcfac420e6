import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Sql } from 'postgres';
import { freePort } from '../start/process.ts';
import { check } from './checks.ts';
import type { Cluster } from './cluster.ts';
import { api, type Load, makeLoad } from './load.ts';
import type { Random } from './random.ts';
import { makeTarget, type Target, type TargetOptions } from './server.ts';
import { makeWire, type Wire } from './wire.ts';

/** A server with a database of its own and clients that write to it: where one part of the test happens. */
export interface Stage {
  readonly target: Target;
  readonly wire: Wire;
  readonly load: Load;
  readonly artifacts: string;
  /** What is wrong, when nobody writes; settles what was open. */
  check(options?: { whole?: boolean }): Promise<string[]>;
  close(): Promise<void>;
}

export interface StageOptions extends TargetOptions {
  readonly name: string;
  /** The Postgres that is used as an outside one, else the server's own under `folder`. */
  readonly cluster?: Cluster;
  /** Where the server finds that Postgres, if that is not its own port. */
  readonly databasePort?: number;
  readonly folder: string;
  readonly random: Random;
  readonly flags?: readonly string[];
  /** Milliseconds after which a request hangs. */
  readonly patience?: number;
}

export async function openStage(options: StageOptions): Promise<Stage> {
  const { name, cluster, databasePort, folder, random, flags = [], patience } = options;
  const port = await freePort();
  const artifacts = join(folder, `${name}-artifacts`);
  const data = join(folder, `${name}-data`);
  if (cluster) await cluster.createDatabase(name);
  const target = makeTarget(
    [
      ...['--port', String(port), '--artifacts-destination', artifacts],
      ...(cluster ? ['--backend-store-uri', cluster.uri(name, databasePort)] : ['--data-dir', data]),
      ...flags,
    ],
    options,
  );
  await target.start();
  const wire = makeWire(`http://127.0.0.1:${port}`, patience);
  const load = makeLoad(wire, random.fork());
  await load.prepare();
  return {
    target,
    wire,
    load,
    artifacts,
    async check({ whole = false } = {}) {
      // Past the server, and past a proxy.
      const sql = cluster ? cluster.connect(name) : await connectEmbedded(data);
      const wrong = await check(wire, sql, load.journal, whole).catch((error: Error) => [String(error)]);
      await sql.end({ timeout: 1 });
      return [...target.faults(), ...wire.faults.splice(0), ...wrong];
    },
    async close() {
      await target.stop();
    },
  };
}

/** To the server's own Postgres, which each start of a server puts elsewhere: the file says where. */
async function connectEmbedded(data: string): Promise<Sql> {
  const cluster = join(data, 'postgres');
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n');
  return postgres({
    host: String(lines[4]).trim(),
    port: Number(lines[3]),
    user: 'tabularium',
    password: await readFile(join(cluster, 'tabularium-password'), 'utf8'),
    database: 'postgres',
    max: 2,
    onnotice: () => {},
  });
}

/** Longer than any recovery takes (milliseconds): what is not back by then does not come back. */
const recoveryTime = 30_000;

const read = `${api}registered-models/get?name=shared-0`;

/**
 * Waits until the server answers again, and looks whether it does so for good: requests that come now, on all of its
 * connections, find nothing left of the outage.
 *
 * @returns what is wrong, and the milliseconds it took
 */
export async function recovered({ wire }: Stage): Promise<{ wrong: string[]; took: number }> {
  const begin = performance.now();
  const took = () => Math.round(performance.now() - begin);
  while ((await wire.ask('GET', read)).status !== 200) {
    if (took() > recoveryTime)
      return { wrong: [`the server has not recovered in ${took()} ms`], took: took() };
    await sleep(20);
  }
  const first = took();
  const reads = await Promise.all(Array.from({ length: 40 }, () => wire.ask('GET', read)));
  const tag = (i: number) => ({ name: 'shared-0', key: `recovered-${i}`, value: 'x' });
  const writes = await Promise.all(
    Array.from({ length: 20 }, (_, i) => wire.ask('POST', `${api}registered-models/set-tag`, tag(i))),
  );
  const wrong = [reads, writes].flatMap((answers, i) => {
    const refused = answers.filter(({ status }) => status >= 400);
    if (refused.length === 0) return [];
    const first = JSON.stringify(refused[0]?.body).slice(0, 200);
    const kind = i === 0 ? 'reads' : 'writes';
    return [
      `after the server had recovered, ${refused.length} of ${answers.length} ${kind} were refused: ${first}`,
    ];
  });
  return { wrong, took: first };
}

/** While the database is away, a read and a write are answered 503, each with its sentence, and do not hang. */
export async function refuses({ wire }: Stage): Promise<string[]> {
  const answers = await Promise.all([
    wire.ask('GET', read),
    wire.ask('POST', `${api}registered-models/set-tag`, { name: 'shared-0', key: 'away', value: 'x' }),
  ]);
  return answers
    .filter(({ status }) => status !== 503)
    .map(
      ({ status, body }) =>
        `while the database was away came ${status} ${JSON.stringify(body).slice(0, 200)}`,
    );
}
