import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { repository, run, startServer, stopAll, untilItAnswers } from '../start/process.ts';
import { openVisitor } from './visitor.ts';

/** What the browser shows until the UI is there, and where it is not wanted. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabularium-serving-'));
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The program in a folder of its own, where no UI has been installed; resolves to its command. */
async function freshProgram(): Promise<string> {
  const clone = join(folder, 'clone');
  for (const part of ['bin', 'src', 'migrations', 'openapi', 'package.json'])
    await cp(join(repository, part), join(clone, part), { recursive: true });
  await symlink(join(repository, 'node_modules'), join(clone, 'node_modules'));
  return join(clone, 'bin/tabularium.js');
}

test('the page says why there is no UI, and turns into it when a wheel is brought', async () => {
  const command = await freshProgram();
  const missing = join(folder, 'missing.whl');
  const args = ['--port', '0', '--data-dir', join(folder, 'data'), '--ui-wheel', missing];
  const server = await untilItAnswers(run(process.execPath, [command, 'server', ...args]));
  const visitor = await openVisitor({ url: server.url });
  const { page } = visitor;
  await page.goto(server.url);
  await page.getByText(`The web UI could not be installed (ENOENT`).waitFor();
  await page.getByText('The API answers meanwhile.').waitFor();
  await visitor.look('progress');
  // That the page answers 503, and why.
  visitor.problems();
  expect(server.output.stderr).toMatch(/^tabularium: The web UI could not be installed \(ENOENT.*$/m);

  const download = ['-m', 'pip', 'download', '--no-deps', '--dest', folder, 'mlflow==3.17.2'];
  await promisify(execFile)(inject('python'), download);
  const wheel = join(folder, 'mlflow-3.17.2-py3-none-any.whl');
  const installed = await run(process.execPath, [command, 'ui', 'install', '--ui-wheel', wheel]).ended;
  expect(installed).toMatchObject({ code: 0, stderr: '' });
  await page.getByText('Welcome to MLflow').waitFor();
  await visitor.settled();
  expect(visitor.problems().filter((one) => !one.includes('503'))).toEqual([]);
  await visitor.close();
});

test('without the UI the API shows itself', async () => {
  const server = await startServer('--no-ui', '--port', '0', '--data-dir', join(folder, 'without'));
  const visitor = await openVisitor({ url: server.url });
  await visitor.page.goto(server.url);
  await visitor.page.getByText('/api/2.0/mlflow/registered-models/create').first().waitFor();
  await visitor.look('without-ui');
  expect(visitor.problems()).toEqual([]);
  await visitor.close();
});
