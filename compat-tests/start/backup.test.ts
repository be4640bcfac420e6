import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call, repository, startServer, stopAll, stopServer } from './process.ts';

/** The commands of "With the Postgres that Tabularium brings" in docs/operations.md, word for word. */

let scratch: string;
beforeEach(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'tabularium backup ')));
  // Where root starts this, Postgres runs as another user.
  await chmod(scratch, 0o755);
});
afterEach(async () => {
  await stopAll();
  await rm(scratch, { recursive: true, force: true });
});

async function documented(name: string): Promise<string> {
  const text = await readFile(join(repository, 'docs/operations.md'), 'utf8');
  const [, script] = new RegExp(`<!-- ${name} -->\n\`\`\`sh\n(.*?)\`\`\``, 's').exec(text) ?? [];
  if (!script) throw new Error(`There is no block ${name}.`);
  return script;
}

async function bash(script: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { env: { ...process.env, ...env } });
  return stdout;
}

test('a copy of the data folder is a backup, and the socket leads others to the database', async () => {
  const data = join(scratch, 'data');
  const copy = join(scratch, 'copy');
  const options = (folder: string) => ['--port', '0', '--data-dir', folder];
  const server = await startServer(...options(data));
  await call(server.url, 'registered-models/create', { name: 'kept' });
  const { body } = await call(server.url, 'runs/create', { experiment_id: '0' });
  const { artifact_uri: folder, run_id } = body.run.info;
  const bytes = (url: string) =>
    `${url}/api/2.0/mlflow-artifacts/artifacts/${folder.slice('mlflow-artifacts:/'.length)}/model/MLmodel`;
  await fetch(bytes(server.url), { method: 'PUT', body: 'flavors: {}' });
  await call(server.url, 'model-versions/create', { name: 'kept', source: `${folder}/model`, run_id });

  const migrate = `"${process.execPath}" "${join(repository, 'bin/tabularium.js')}" migrate "$DATABASE"; ls "$ARTIFACTS"`;
  const said = await bash(`${await documented('embedded-uri')}\n${migrate}`, { DATA_DIR: data });
  expect(said).toContain('is up to date');

  await stopServer(server);
  await bash(await documented('backup-folder'), { DATA_DIR: data, BACKUP: copy });
  const restored = await startServer(...options(copy));
  const { body: version } = await call(restored.url, 'model-versions/get?name=kept&version=1');
  expect(version.model_version.source).toBe(`${folder}/model`);
  expect(await (await fetch(bytes(restored.url))).text()).toBe('flavors: {}');
}, 120_000);
