import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from './database.ts';
import { killAgainAndAgain, type Storage, writeModel } from './killed.ts';
import { call, startServer, stopAll, tabularium } from './process.ts';

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

const storage = (): Storage => ({
  options: ['--backend-store-uri', database.uri, '--artifacts-destination', folder],
  // As a client with the same disk writes.
  async write(path, bytes) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  },
});

test(
  'a server that is killed at any moment of a registration leaves it READY and right, or not there',
  () => killAgainAndAgain(storage(), 25),
  time,
);

test(
  'tabularium verify says what is not what was registered, and copies pointers where it is told to',
  async () => {
    const { options } = storage();
    const { url } = await startServer('--port', '0', ...options);
    const model = (files: number) => writeModel(url, storage(), files, 10);
    const bad = await model(2);
    for (const name of ['good', 'bad', 'pointer']) await call(url, 'registered-models/create', { name });
    const pointed = await model(0);
    const sources = { good: await model(1), bad, pointer: pointed };
    for (const [name, { uri, id }] of Object.entries(sources))
      await call(url, 'model-versions/create', { name, source: uri, run_id: id });
    const uriOf = async (name: string): Promise<string> =>
      (await call(url, `model-versions/get-download-uri?name=${name}&version=1`)).body.artifact_uri;
    const verify = (...args: string[]) => tabularium('verify', ...args, ...options);
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

    await storage().write(`${pointed.path}/MLmodel`, Buffer.from('late'));
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
