import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call, repository, run, startServer, stopAll, tabularium } from './process.ts';

/** `tabularium gc` beside a server, on the Postgres that the server has started. */

const time = 120_000;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tabularium-gc-'));
});
afterEach(async () => {
  await stopAll();
  await rm(dataDir, { recursive: true, force: true });
}, time);

test(
  'a deleted run goes beside a running server; killed in between, nothing is half there and the next gc goes on',
  async () => {
    const { url } = await startServer('--port', '0', '--data-dir', dataDir);
    const { body } = await call(url, 'runs/create', { experiment_id: '0', run_name: 'doomed' });
    const { run_id: id, artifact_uri: uri } = body.run.info;
    const path = uri.replace('mlflow-artifacts:/', '');
    const file = `${url}/api/2.0/mlflow-artifacts/artifacts/${path}/model.bin`;
    expect((await fetch(file, { method: 'PUT', body: 'bytes' })).status).toBe(200);
    await call(url, 'runs/delete', { run_id: id });

    const dry = await tabularium('gc', '--data-dir', dataDir, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: `Run with ID ${id} would be permanently deleted.\n` });

    const killed = run(process.execPath, [join(repository, 'src/main.ts'), 'gc', '--data-dir', dataDir]);
    while (!killed.output.stdout.includes('has been permanently deleted')) await sleep(20);
    killed.child.kill('SIGKILL');
    await killed.ended;
    expect((await call(url, 'runs/restore', { run_id: id })).status).toBe(404);
    expect(existsSync(join(dataDir, 'artifacts', path, 'model.bin'))).toBe(true);

    expect(await tabularium('gc', '--data-dir', dataDir)).toMatchObject({ code: 0, stdout: '' });
    expect(existsSync(join(dataDir, 'artifacts', '0', id))).toBe(false);
  },
  time,
);

test(
  'what cannot be done is one sentence',
  async () => {
    const nowhere = await tabularium('gc', '--data-dir', join(dataDir, 'nothing'));
    expect(nowhere).toMatchObject({ code: 1, stdout: '' });
    expect(nowhere.stderr).toContain('tabularium: There is no database in');
    await startServer('--port', '0', '--data-dir', dataDir);
    const nobody = await tabularium('gc', '--data-dir', dataDir, '--run-ids', 'nobody');
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toContain('tabularium: Run with id=nobody not found\n');
  },
  time,
);
