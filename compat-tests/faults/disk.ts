import { randomBytes } from 'node:crypto';
import { readdir, rename, symlink, utimes } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from './checks.ts';
import { api, artifactsApi } from './load.ts';
import type { Part } from './run.ts';
import { openStage, recovered } from './stage.ts';

const mib = 1024 * 1024;

export async function fullDisks(part: Part): Promise<void> {
  await fullDiskOfPostgres(part);
  await fullDiskOfArtifacts(part);
}

/** Tables that the load writes to, and that are empty before it begins. */
const full = ['metrics', 'model_versions'];

/** Their files become /dev/full, which refuses each byte as a disk does that is full: that needs no rights, and no disk. */
async function fullDiskOfPostgres({ cluster, folder, random, test }: Part): Promise<void> {
  const stage = await openStage({ name: 'disk', cluster, folder, random });
  const { wire, load } = stage;
  await test('the disk of Postgres is full, and has room again', async () => {
    const sql = cluster.connect('disk');
    const files = await sql<{ file: string; size: number }[]>`
      select ${`${cluster.folder}/`}::text || pg_relation_filepath('tabularium.' || name) as file,
        pg_relation_size('tabularium.' || name)::int as size
      from unnest(${full}::text[]) as t (name)`;
    await sql.end();
    const taken = files.filter(({ size }) => size > 0);
    if (taken.length > 0) return [`there are rows already in ${taken.map(({ file }) => file)}`];

    await cluster.stop('fast');
    for (const { file } of files) {
      await rename(file, `${file}.kept`);
      await symlink('/dev/full', file);
    }
    await cluster.start();
    const lasting = await recovered(stage);
    const before = load.journal.answered;
    const work = load.begin();
    await sleep(1500);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        wire.ask('POST', `${api}model-versions/create`, { name: 'shared-0', source: 's3://x/y' }),
      ),
    );
    const away = new Set(answers.map(({ status }) => status));
    const answered = load.journal.answered - before;
    await work.stop();

    await cluster.stop('fast');
    for (const { file } of files) await rename(`${file}.kept`, file);
    await cluster.start();
    const back = await recovered(stage);
    const again = load.begin();
    await sleep(1000);
    await again.stop();
    return [
      ...lasting.wrong,
      ...(away.size === 1 && away.has(503) ? [] : [`versions without room were answered ${[...away]}`]),
      ...(answered > 0 ? [] : ['what needs no new room was not done either']),
      ...back.wrong,
      ...(load.journal.batches.some((batch) => batch.answered)
        ? []
        : ['no batch was logged when there was room']),
      ...(await stage.check({ whole: true })),
    ];
  });
  await stage.close();
}

/** For a process whose files may not grow. */
const fullArtifacts = mib;

async function fullDiskOfArtifacts({ cluster, folder, random, test }: Part): Promise<void> {
  const stage = await openStage({ name: 'artifacts', cluster, folder, random, fileSize: fullArtifacts });
  const { wire, target, artifacts } = stage;
  const put = (path: string, bytes: Buffer) => wire.ask('PUT', artifactsApi + path, bytes);
  const uploads = join(artifacts, '.artifact.uploading.tabularium');

  await test('the disk of the artifacts is full', async () => {
    const wrong: string[] = [];
    const old = randomBytes(1000);
    await put('full/old', old);
    const answers = await Promise.all([
      put('full/old', randomBytes(3 * mib)),
      ...Array.from({ length: 4 }, (_, i) => put(`full/large-${i}`, randomBytes(2 * mib))),
      ...Array.from({ length: 4 }, (_, i) => put(`full/small-${i}`, old)),
    ]);
    const { status, body } = answers[0];
    if (status < 400 || !/^[A-Z].{10,}$/.test(body.message))
      wrong.push(`told ${status} ${JSON.stringify(body)}`);
    const statuses = answers.map((answer) => answer.status).join();
    if (statuses !== [...Array(5).fill(status), ...Array(4).fill(200)].join())
      wrong.push(`answered ${statuses}`);
    const got = await get(wire, `${artifactsApi}full/old`);
    if (!old.equals(got.body)) wrong.push('what was there before is not there any more');
    const { body: listed } = await get(wire, `${artifactsApi.slice(0, -1)}?path=full`);
    const names = listed.files.map(({ path }: { path: string }) => path).join();
    if (names !== 'old,small-0,small-1,small-2,small-3') wrong.push(`the folder lists ${names}`);
    const left = await readdir(uploads);
    if (left.length > 0) wrong.push(`${left.length} broken uploads were left behind`);
    return [...wrong, ...wire.faults.splice(0), ...target.faults()];
  });

  await test('an upload that kill -9 broke off is not shown, and removed by a start a day later', async () => {
    const wrong: string[] = [];
    const upload = request(`${wire.url}${artifactsApi}full/half`, { method: 'PUT' });
    const ended = new Promise((done) => upload.on('error', done));
    upload.write(randomBytes(100_000));
    while ((await readdir(uploads)).length === 0) await sleep(20);
    await target.kill();
    await ended;
    await target.start();
    const [half, ...more] = await readdir(uploads);
    if (half === undefined || more.length > 0) return ['the broken upload is not where it was'];
    const { status } = await wire.ask('GET', `${artifactsApi}full/half`);
    if (status !== 404) wrong.push(`a GET of it was answered ${status}`);
    await target.stop();
    const yesterday = Date.now() / 1000 - 25 * 3600;
    await utimes(join(uploads, half), yesterday, yesterday);
    await target.start();
    // The server removes it beside its first requests.
    const since = Date.now();
    const isThere = async () => (await readdir(uploads)).length > 0;
    while ((await isThere()) && Date.now() - since < 10_000) await sleep(50);
    if (await isThere()) wrong.push('it is still there');
    return [...wrong, ...wire.faults.splice(0), ...target.faults()];
  });
  await stage.close();
}
