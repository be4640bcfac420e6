import { randomFillSync } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesOf, type Load, mebibyte } from './artifact-content.ts';
import {
  type ArtifactCell,
  type ArtifactResult,
  lineOfTransfer,
  linesOfHashing,
  type Store,
} from './artifact-report.ts';
import { untilQuiet } from './load.ts';
import type { Cluster } from './postgres.ts';
import { run as runProgram, takenBy } from './processes.ts';
import { findVersitygw, type S3Server, startS3 } from './s3-server.ts';
import {
  type Destination,
  makeMlflowTables,
  type Server,
  startMlflow,
  startPipe,
  startTabularium,
} from './servers.ts';
import { transfer } from './transfer.ts';

/** Bytes up and down, through both servers and straight to an S3 server; with S3 through a bare pipe as well. */

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
  /** Of the server that is measured. */
  readonly pid: number;
  url(direction: 'up' | 'down', key: string): Promise<string>;
}

export async function measureArtifacts(bench: ArtifactBench): Promise<void> {
  const s3 = await startS3(await findVersitygw(), bench.scratch);
  await measureStore(bench, 'local', s3);
  await measureStore(bench, 's3', s3);
  await s3.stop();
}

async function measureStore(bench: ArtifactBench, store: Store, s3: S3Server): Promise<void> {
  const { cluster, python, command } = bench;
  const folder = await mkdtemp(join(bench.scratch, `${store}-`));
  const databases = {
    mlflow: await cluster.createDatabase('bench_mlflow'),
    tabularium: await cluster.createDatabase('bench_tabularium'),
  };
  await makeMlflowTables(python, databases.mlflow);
  const destination = (name: string): Destination =>
    store === 's3' ? s3.destination(name) : { uri: join(folder, name), env: {} };
  const mlflow = await startMlflow(python, databases.mlflow, folder, { destination: destination('mlflow') });
  const tabularium = await startTabularium(command, databases.tabularium, folder, {
    destination: destination('tabularium'),
  });
  const pipe = store === 's3' ? await startPipe(folder) : undefined;
  const sides: Side[] = [
    throughServer('mlflow', mlflow),
    throughServer('tabularium', tabularium),
    {
      target: 'direct',
      pid: s3.pid,
      url: (direction, key) => s3.presign(direction, `direct/${key}`),
    },
    ...(pipe ? [throughPipe(pipe, s3)] : []),
  ];
  await untilQuiet([mlflow.pid, tabularium.pid], 2000);
  for (const load of bench.loads) await measureLoad(bench, store, load, sides, folder);
  if ('hashing'.includes(bench.only))
    await measureHashing(bench, store, tabularium, folder, async (key, file, size) => {
      // Not through our server, which would have hashed it on the way.
      if (store === 'local') return copyTo(file, join(folder, 'tabularium', key));
      const urls = [await s3.presign('up', `tabularium/${key}`)];
      await transfer({ direction: 'up', urls, file, size, atOnce: 1 }, folder);
    });
  await Promise.all([mlflow, tabularium, pipe].map((server) => server?.stop()));
  for (const database of Object.values(databases)) await cluster.dropDatabase(database);
  await runProgram('rm', '-rf', folder);
}

const throughServer = (target: 'mlflow' | 'tabularium', server: Server): Side => ({
  target,
  pid: server.pid,
  url: async (_, key) => `${server.url}/api/2.0/mlflow-artifacts/artifacts/${key}`,
});

const throughPipe = (pipe: Server, s3: S3Server): Side => ({
  target: 'pipe',
  pid: pipe.pid,
  url: async (direction, key) => `${pipe.url}/${await s3.presign(direction, `pipe/${key}`)}`,
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
    const { size, atOnce } = load;
    const move = async (side: Side) => {
      const urls = await Promise.all(keys.map((key) => side.url(direction, key)));
      return () => transfer({ direction, urls, file, size, atOnce }, folder);
    };
    // As before the other measures, code is compiled first; for one file nearly none is.
    if (load.speed && load.files > 1) for (const side of sides) await (await move(side))();
    for (let repeat = 0; repeat < bench.repeats; repeat++) {
      for (const side of repeat % 2 ? sides.toReversed() : sides) {
        const moving = await move(side);
        await rest(side);
        const { value: seconds, growth, cpu } = await takenBy(side.pid, moving);
        const speed = bytesOf(load) / mebibyte / seconds;
        bench.result.cells.push({
          store,
          target: side.target,
          load: load.name,
          direction,
          repeat,
          speed,
          growth,
          cpu: cpu / (bytesOf(load) / mebibyte),
        });
      }
    }
    bench.say(lineOfTransfer(bench.result, store, load, direction));
  }
}

/** Registers a file that is there, and waits until its digest is. */
async function measureHashing(
  bench: ArtifactBench,
  store: Store,
  { url, pid }: Server,
  folder: string,
  place: (key: string, file: string, size: number) => Promise<unknown>,
): Promise<void> {
  const { size } = bench.loads[0] as Load;
  const file = join(folder, 'content');
  const api = `${url}/api/2.0/mlflow`;
  const name = 'bench-hashing';
  await call(`${api}/registered-models/create`, { name });
  for (let repeat = 0; repeat < bench.repeats; repeat++) {
    await writeRandom(file, size);
    const { run } = await call(`${api}/runs/create`, { experiment_id: '0' });
    const { run_id, artifact_uri } = run?.info ?? { run_id: '', artifact_uri: '' };
    const source = `${artifact_uri}/model`;
    await place(`${source.replace(/^mlflow-artifacts:\/+/, '')}/model.bin`, file, size);
    await runProgram('sync');
    await untilQuiet([pid]);
    const sumSeconds = await secondsOf(() => runProgram('sha256sum', file));
    const seconds = await secondsOf(async () => {
      const { model_version } = await call(`${api}/model-versions/create`, { name, source, run_id });
      const digest = `${url}/api/registry/v1/models/${name}/versions/${model_version?.version}/digest`;
      for (let status = 0; status !== 200; await sleep(10)) ({ status } = await fetch(digest));
    });
    const mebibytes = size / mebibyte;
    bench.result.hashing.push({
      store,
      repeat,
      speed: mebibytes / seconds,
      sha256sum: mebibytes / sumSeconds,
    });
  }
  for (const line of linesOfHashing(bench.result, store)) bench.say(line);
}

/** Of what the two calls above answer, that which is needed. */
interface Answer {
  readonly run?: { readonly info: { readonly run_id: string; readonly artifact_uri: string } };
  readonly model_version?: { readonly version: string };
}

async function call(url: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return (performance.now() - since) / 1000;
}

async function copyTo(file: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(file, target);
}

/** What was written before goes to the disk first, so that nobody pays for another. */
async function rest({ pid }: Side): Promise<void> {
  await runProgram('sync');
  await untilQuiet([pid]);
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
