import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from './database.ts';
import { call, repository, run, startServer, stopAll, tabularium, untilItAnswers } from './process.ts';

/** What is registered stays, whatever the server is killed in the middle of; and `tabularium verify` beside it. */

const time = 180_000;

let database: EmptyDatabase;
let folder: string;
beforeEach(async () => {
  database = await postgresUri(inject('postgres'));
  folder = await mkdtemp(join(tmpdir(), 'tabularium-pins-'));
});
afterEach(async () => {
  await stopAll();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
}, time);

const storage = () => ['--backend-store-uri', database.uri, '--artifacts-destination', folder];

/** Without the launcher, so that a kill is one of the server itself. */
const begin = () =>
  untilItAnswers(
    run(process.execPath, [join(repository, 'src/main.ts'), 'server', '--port', '0', ...storage()], {
      env: { MLFLOW_LOGGING_LEVEL: 'ERROR' },
    }),
  );

/** A run with random files in its folder `model`, by their paths; as a client with the same disk writes them. */
async function writeModel(url: string, count: number, size: number) {
  const { body } = await call(url, 'runs/create', { experiment_id: '0' });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  const path = join(folder, uri.replace('mlflow-artifacts:/', ''), 'model');
  await mkdir(path, { recursive: true });
  const hashes: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const bytes = randomBytes(size);
    hashes[`file-${i}`] = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(path, `file-${i}`), bytes);
  }
  return { id, uri: `${uri}/model`, path, hashes };
}

test(
  'a server that is killed at any moment of a registration leaves it READY and right, or not there',
  async () => {
    let server = await begin();
    await call(server.url, 'registered-models/create', { name: 'm' });
    const expected: Record<string, string>[] = [];
    for (let round = 0; round < 6; round++) {
      const model = await writeModel(server.url, 40, 100_000);
      expected.push(model.hashes);
      const tags = [{ key: 'round', value: String(round) }];
      const body = { name: 'm', source: model.uri, run_id: model.id, tags };
      const registered = call(server.url, 'model-versions/create', body).catch(() => {});
      await sleep(round * 25);
      server.child.kill('SIGKILL');
      await Promise.all([server.ended, registered]);
      server = await begin();
    }

    const all = async () => (await call(server.url, 'model-versions/search')).body.model_versions ?? [];
    // Until the leases of the dead have ended.
    while ((await all()).some(({ status }: { status: string }) => status !== 'READY')) await sleep(200);
    const versions = await all();
    expect(versions.length).toBeGreaterThan(0);
    for (const { version, tags } of versions) {
      const hashes = expected[Number(tags[0].value)] as Record<string, string>;
      const address = `${server.url}/api/registry/v1/models/m/versions/${version}/digest`;
      let digest = await fetch(address);
      for (; digest.status === 409; digest = await fetch(address)) await sleep(200);
      const { files } = (await digest.json()) as { files: { path: string; sha256: string }[] };
      expect(Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]))).toEqual(hashes);
      const { body } = await call(server.url, `model-versions/get-download-uri?name=m&version=${version}`);
      expect(body.artifact_uri).toContain('/.tabularium/pinned/');
    }
    const verified = await tabularium('verify', ...storage());
    expect(verified).toMatchObject({ code: 0 });
    expect(verified.stdout).toContain(
      `${versions.length} as they were registered, 0 not, 0 without a digest.`,
    );
  },
  time,
);

test(
  'tabularium verify says what is not what was registered, and copies pointers where it is told to',
  async () => {
    const { url } = await startServer('--port', '0', ...storage());
    const model = await writeModel(url, 2, 10);
    for (const name of ['good', 'bad', 'pointer']) await call(url, 'registered-models/create', { name });
    const pointed = await writeModel(url, 0, 0);
    const sources: Record<string, typeof model> = {
      good: await writeModel(url, 1, 10),
      bad: model,
      pointer: pointed,
    };
    for (const [name, { uri, id }] of Object.entries(sources))
      await call(url, 'model-versions/create', { name, source: uri, run_id: id });
    const uriOf = async (name: string): Promise<string> =>
      (await call(url, `model-versions/get-download-uri?name=${name}&version=1`)).body.artifact_uri;
    const verify = (...args: string[]) => tabularium('verify', ...args, ...storage());
    while ((await verify('bad')).stdout.includes('is being hashed')) await sleep(100);

    const copy = join(folder, (await uriOf('bad')).replace('mlflow-artifacts:/', ''));
    await writeFile(join(copy, 'file-0'), 'other');
    await rm(join(copy, 'file-1'));
    await writeFile(join(copy, 'file-2'), 'more');
    await writeFile(join(copy, 'registered_model_meta'), 'no part of it');
    const wrong = await verify();
    expect(wrong.code).toBe(1);
    expect(wrong.stdout.split('\n')).toEqual([
      'bad/1: NOT what was registered',
      '  missing: file-1',
      '  changed: file-0',
      '  added: file-2',
      'good/1: as it was registered',
      `pointer/1: a pointer, of which nothing is kept: ${pointed.uri}`,
      '1 as they were registered, 1 not, 1 without a digest.',
      '',
    ]);
    expect(wrong.stderr).toContain('tabularium: 1 of 2 versions is not what was registered.\n');
    expect((await verify('good/1')).code).toBe(0);

    await writeFile(join(pointed.path, 'MLmodel'), 'late');
    expect((await verify('pointer')).stdout).toContain('a pointer');
    const pinned = await verify('models:/pointer/1', '--pin');
    expect(pinned).toMatchObject({ code: 0 });
    expect(pinned.stdout).toContain('pointer/1: as it was registered');
    expect(await uriOf('pointer')).toContain('/.tabularium/pinned/');

    expect((await verify('nobody')).stderr).toContain('Registered Model with name=nobody not found');
    expect((await verify('good/7')).stderr).toContain('Model Version (name=good, version=7) not found');
  },
  time,
);
