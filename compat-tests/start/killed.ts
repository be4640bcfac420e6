import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { call, repository, run, untilItAnswers } from './process.ts';

/** Where servers keep their things, and how a client writes there by another way than through them. */
export interface Storage {
  readonly options: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** @param path below the root of the artifacts. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** `tabularium …` without the launcher, so that a kill is one of the server itself. */
const ours = ({ options, env }: Storage, ...command: string[]) =>
  run(process.execPath, [join(repository, 'src/main.ts'), ...command, ...options], {
    env: { MLFLOW_LOGGING_LEVEL: 'ERROR', ...env },
  });

const begin = (storage: Storage) => untilItAnswers(ours(storage, 'server', '--no-ui', '--port', '0'));

/** A run with random files in its folder `model`, by their paths. */
export async function writeModel(url: string, storage: Storage, count: number, size: number) {
  const { body } = await call(url, 'runs/create', { experiment_id: '0' });
  const { run_id: id, artifact_uri: uri } = body.run.info;
  const path = `${uri.replace('mlflow-artifacts:/', '')}/model`;
  const hashes: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const bytes = randomBytes(size);
    hashes[`file-${i}`] = createHash('sha256').update(bytes).digest('hex');
    await storage.write(`${path}/file-${i}`, bytes);
  }
  return { id, uri: `${uri}/model`, path, hashes };
}

/** A body that comes slowly and never ends. */
const endless = (size: number) =>
  new ReadableStream({
    async pull(controller) {
      await sleep(5);
      controller.enqueue(randomBytes(size));
    },
  });

/**
 * Kills servers in the middle of a registration and of an upload, each `pause` milliseconds later than the one before.
 * What was being registered is READY and right then, or not there; what was being uploaded is not there.
 */
export async function killAgainAndAgain(storage: Storage, pause: number): Promise<void> {
  let server = await begin(storage);
  await call(server.url, 'registered-models/create', { name: 'm' });
  const expected: Record<string, string>[] = [];
  const uploads: string[] = [];
  for (let round = 0; round < 6; round++) {
    const model = await writeModel(server.url, storage, 40, 100_000);
    expected.push(model.hashes);
    uploads.push(`${model.path}-late/half`);
    const upload = fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${uploads.at(-1)}`, {
      method: 'PUT',
      body: endless(200_000),
      duplex: 'half',
    } as RequestInit).catch(() => {});
    const tags = [{ key: 'round', value: String(round) }];
    const body = { name: 'm', source: model.uri, run_id: model.id, tags };
    const registered = call(server.url, 'model-versions/create', body).catch(() => {});
    await sleep(round * pause);
    server.child.kill('SIGKILL');
    await Promise.all([server.ended, registered, upload]);
    server = await begin(storage);
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
  for (const path of uploads) {
    const { status } = await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${path}`);
    expect(status).toBe(404);
  }
  const verified = await ours(storage, 'verify').ended;
  expect(verified).toMatchObject({ code: 0 });
  expect(verified.stdout).toContain(`${versions.length} as they were registered, 0 not, 0 without a digest.`);
}
