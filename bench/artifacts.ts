import { randomFillSync } from 'node:crypto';
import { mkdtemp, open } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOf, type Load, mebibyte } from './artifact-content.ts';
import { type ArtifactCell, type ArtifactResult, lineOfTransfer, type Store } from './artifact-report.ts';
import { untilQuiet } from './load.ts';
import type { Cluster } from './postgres.ts';
import { growthDuring, run } from './processes.ts';
import { findVersitygw, type S3Server, startS3 } from './s3-server.ts';
import { type Destination, makeMlflowTables, type Server, startMlflow, startTabularium } from './servers.ts';
import { transfer } from './transfer.ts';

/** Bytes up and down, through both servers and, for S3, straight to the S3 server as well. */

export interface ArtifactBench {
  readonly loads: readonly Load[];
  /** Only transfers that have this in their name. */
  readonly only: string;
  readonly repeats: number;
  readonly cluster: Cluster;
  readonly python: string;
  readonly command: string;
  readonly scratch: string;
  readonly result: ArtifactResult;
  readonly say: (line: string) => void;
}

/** What files go to and come from. */
interface Side {
  readonly target: ArtifactCell['target'];
  /** Of the server that is measured; undefined for the S3 server itself. */
  readonly server: Server | undefined;
  url(direction: 'up' | 'down', key: string): Promise<string>;
}

export async function measureArtifacts(bench: ArtifactBench): Promise<void> {
  const s3 = await startS3(await findVersitygw(), bench.scratch);
  await measureStore(bench, 's3', s3);
  await measureStore(bench, 'local', undefined);
  await s3.stop();
}

async function measureStore(bench: ArtifactBench, store: Store, s3: S3Server | undefined): Promise<void> {
  const { cluster, python, command } = bench;
  const folder = await mkdtemp(join(bench.scratch, `${store}-`));
  const databases = {
    mlflow: await cluster.createDatabase('bench_mlflow'),
    tabularium: await cluster.createDatabase('bench_tabularium'),
  };
  await makeMlflowTables(python, databases.mlflow);
  const destination = (name: string): Destination =>
    s3?.destination(name) ?? { uri: join(folder, name), env: {} };
  const mlflow = await startMlflow(python, databases.mlflow, folder, { destination: destination('mlflow') });
  const tabularium = await startTabularium(command, databases.tabularium, folder, destination('tabularium'));
  const sides: Side[] = [throughServer('mlflow', mlflow), throughServer('tabularium', tabularium)];
  if (s3)
    sides.push({
      target: 'direct',
      server: undefined,
      url: (direction, key) => s3.presign(direction, `direct/${key}`),
    });
  await untilQuiet([mlflow.pid, tabularium.pid], 2000);
  for (const load of bench.loads) await measureLoad(bench, store, load, sides, folder);
  await Promise.all([mlflow.stop(), tabularium.stop()]);
  for (const database of Object.values(databases)) await cluster.dropDatabase(database);
  await run('rm', '-rf', folder);
}

const throughServer = (target: 'mlflow' | 'tabularium', server: Server): Side => ({
  target,
  server,
  url: async (_, key) => `${server.url}/api/2.0/mlflow-artifacts/artifacts/${key}`,
});

/** Up, then down again, the sides in turns: A B C, C B A. */
async function measureLoad(
  bench: ArtifactBench,
  store: Store,
  load: Load,
  sides: readonly Side[],
  folder: string,
): Promise<void> {
  const file = join(folder, 'content');
  await writeRandom(file, load.size);
  const keys = Array.from({ length: load.files }, (_, i) => `${load.name.replaceAll(/\W/g, '-')}/${i}.bin`);
  for (const direction of ['up', 'down'] as const) {
    const name = `${direction}, ${load.name}`;
    // What comes down has to be up.
    if (!name.includes(bench.only) && !`down, ${load.name}`.includes(bench.only)) continue;
    for (let repeat = 0; repeat < bench.repeats; repeat++) {
      for (const side of repeat % 2 ? sides.toReversed() : sides) {
        const urls = await Promise.all(keys.map((key) => side.url(direction, key)));
        const { size, atOnce } = load;
        const move = () => transfer({ direction, urls, file, size, atOnce }, folder);
        await rest(side);
        const { value: seconds, growth } = side.server
          ? await growthDuring(side.server.pid, move)
          : { value: await move(), growth: undefined };
        const speed = bytesOf(load) / mebibyte / seconds;
        bench.result.cells.push({
          store,
          target: side.target,
          load: load.name,
          direction,
          repeat,
          speed,
          growth,
        });
      }
    }
    bench.say(lineOfTransfer(bench.result, store, load, direction));
  }
}

/** What was written before goes to the disk first, so that nobody pays for another. */
async function rest({ server }: Side): Promise<void> {
  await run('sync');
  if (server) await untilQuiet([server.pid]);
}

/** Bytes that no file system can squeeze. */
async function writeRandom(path: string, size: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    const block = Buffer.allocUnsafe(Math.min(size, 8 * mebibyte));
    for (let written = 0; written < size; written += block.length) await file.write(randomFillSync(block));
  } finally {
    await file.close();
  }
}
