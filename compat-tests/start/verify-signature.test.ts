import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call, repository, startServer, stopAll, tabularium } from './process.ts';

/** `tabularium verify-signature`, with what Python's model-signing has signed (src/signing/record_signatures.py). */

const time = 120_000;

interface Signed {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly key: string;
}

let scratch: string;
let signed: Signed;
let key: string;
let otherKey: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'tabularium-signature-'));
  const cases: Signed[] = JSON.parse(await readFile(join(repository, 'src/signing/recorded.json'), 'utf8'));
  const named = (name: string) => cases.find((one) => one.name === name) as Signed;
  signed = named('a key on secp256r1');
  key = join(scratch, 'key.pem');
  otherKey = join(scratch, 'other.pem');
  await writeFile(key, signed.key);
  await writeFile(otherKey, named('a key on secp384r1').key);
});
afterEach(async () => {
  await stopAll();
  await rm(scratch, { recursive: true, force: true });
}, time);

const all = () => Object.entries({ ...signed.files, 'model.sig': signed.signature });
const verify = (...args: string[]) => tabularium('verify-signature', ...args);

test(
  'a registered version, beside the server',
  async () => {
    const dataDir = join(scratch, 'data');
    const { url } = await startServer('--port', '0', '--data-dir', dataDir);
    const { body } = await call(url, 'runs/create', { experiment_id: '0' });
    const { run_id, artifact_uri: uri } = body.run.info;
    const path = `${uri.replace('mlflow-artifacts:/', '')}/model`;
    for (const [name, content] of all()) {
      const file = `${url}/api/2.0/mlflow-artifacts/artifacts/${path}/${encodeURIComponent(name).replaceAll('%2F', '/')}`;
      expect((await fetch(file, { method: 'PUT', body: content })).status).toBe(200);
    }
    await call(url, 'registered-models/create', { name: 'fraud' });
    await call(url, 'model-versions/create', { name: 'fraud', source: `${uri}/model`, run_id });

    const good = await verify('models:/fraud/1', '--public-key', key, '--data-dir', dataDir);
    expect(good).toMatchObject({ code: 0 });
    expect(good.stdout).toMatch(
      /^models:\/fraud\/1 is what the key [0-9a-f]{64} has signed: 5 files\.\nRoot digest: sha256:/,
    );

    expect(await verify('models:/fraud/1', '--public-key', otherKey, '--data-dir', dataDir)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'tabularium: The signature was made with another key.\n',
    });
    const absent = await verify('models:/fraud/2', '--public-key', key, '--data-dir', dataDir);
    expect(absent).toMatchObject({ code: 1, stdout: '' });
    expect(absent.stderr).toContain('Model Version (name=fraud, version=2) not found');

    await call(url, 'model-versions/create', { name: 'fraud', source: `${uri}/model/data`, run_id });
    expect(await verify('models:/fraud/2', '--public-key', key, '--data-dir', dataDir)).toMatchObject({
      code: 1,
      stderr: 'tabularium: There is no model.sig that can be read in models:/fraud/2.\n',
    });
  },
  time,
);

test(
  'a folder',
  async () => {
    const folder = join(scratch, 'model');
    for (const [name, content] of all()) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    const check = () => verify(folder, '--public-key', key);
    expect(await check()).toMatchObject({ code: 0, stderr: '' });

    await mkdir(join(folder, '.git'));
    await writeFile(join(folder, '.git', 'HEAD'), 'x');
    expect((await check()).stdout).toContain('The signature leaves out 1 file:\n  left out: .git/HEAD\n');

    await writeFile(join(folder, 'MLmodel'), 'other');
    await rm(join(folder, 'data', 'empty'));
    await writeFile(join(folder, 'code', 'a\nb\u202e.py'), '');
    expect(await check()).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^tabularium: .*\/model is not what the key [0-9a-f]{64} has signed\.\n {2}changed: MLmodel\n {2}missing: data\/empty\n {2}not signed: code\/a\\u\{a\}b\\u\{202e\}\.py\n$/,
      ),
    });

    await symlink(key, join(folder, 'data', 'empty'));
    expect((await check()).stderr).toMatch(
      /data\/empty is a link or device, which a signed model may not hold\.\n$/,
    );
    expect((await verify(scratch, '--public-key', key)).stderr).toBe(
      `tabularium: There is no model.sig that can be read in ${scratch}.\n`,
    );
  },
  time,
);
