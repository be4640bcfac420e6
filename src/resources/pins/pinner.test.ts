import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ask } from '../../db/ask.ts';
import { createPipeline } from '../../db/transaction.ts';
import { localStore } from '../../objects/local.ts';
import type { ObjectStore } from '../../objects/object-store.ts';
import { type FreshDatabase, freshDatabase } from '../../testing/fresh-database.ts';
import { Pinner } from './pinner.ts';
import { type ClaimedPin, claimPin, findManifest, noteFailed, notePinned } from './store.ts';
import { Uploads } from './uploads.ts';

let database: FreshDatabase;
let folder: string;
let ask: Ask;
beforeAll(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'tabularium-pins-'));
  ask = (question) => question(database.sql);
  await database.sql`insert into tabularium.registered_models (workspace, name, created_at, updated_at, wire)
    values ('default', 'm', 0, 0, '{}')`;
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** A process of its own, on the same database and store. */
const pinner = (changes: Partial<ObjectStore> = {}) =>
  new Pinner({
    ask,
    transaction: createPipeline(database.sql, 1),
    places: { served: { ...localStore(folder), ...changes }, folders: [], buckets: [] },
    uploads: new Uploads(ask),
    log: pino({ level: 'silent' }),
  });

let count = 0;

/** A version that waits for its copy, of whom nobody has been heard for long. */
async function abandoned(source: string, attempt = 1): Promise<{ id: string; version: number }> {
  const id = String(++count).padStart(32, '0');
  const { sql } = database;
  await sql`insert into tabularium.pins (id, base, root, source, attempt, due_at)
    values (${id}, 'mlflow-artifacts:/', 'mlflow-artifacts:', ${source}, ${attempt}, '-infinity')`;
  await sql`insert into tabularium.model_versions
      (workspace, name, version, source, storage_location, created_at, updated_at, status, pin)
    values ('default', 'm', ${count}, 's', ${`mlflow-artifacts:/${source}`}, 0, 0, 'PENDING_REGISTRATION', ${id})`;
  return { id, version: count };
}

async function stored(path: string, text: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), text);
}

const stateOf = async (version: number) =>
  (
    await database.sql`select status, status_message, storage_location, wire, pin from tabularium.model_versions
    where version = ${version}`
  )[0];

const drain = async (one: Pinner) => {
  while (await one.takeUp()) {
    // There is more.
  }
};

test('takes up what a killed process has left, in a folder of its own, and removes what that one had copied', async () => {
  await stored('left/MLmodel', 'bytes');
  const { id, version } = await abandoned('left');
  await stored(`.tabularium/pinned/${id}/1/MLmodel`, 'half');
  await drain(pinner());
  const state = await stateOf(version);
  expect(state).toMatchObject({
    status: 'READY',
    storage_location: `mlflow-artifacts:/.tabularium/pinned/${id}/2`,
  });
  expect(JSON.parse(state?.wire)).toMatchObject({ version: String(version), status: 'READY' });
  expect(await readdir(join(folder, `.tabularium/pinned/${id}`))).toEqual(['2']);
});

test('of many processes one takes a copy up, and one that was given up for dead changes nothing any more', async () => {
  await stored('contended/MLmodel', 'bytes of many');
  const { version } = await abandoned('contended');
  const dead = (await claimPin(database.sql)) as ClaimedPin;
  await database.sql`update tabularium.pins set due_at = '-infinity' where id = ${dead.id}`;
  await Promise.all(Array.from({ length: 4 }, () => drain(pinner())));
  const before = await stateOf(version);
  expect(before).toMatchObject({ status: 'READY' });
  await notePinned(database.sql, dead, '.tabularium/pinned/wrong/1', undefined);
  await noteFailed(database.sql, dead, 'The dead speak.');
  await pinner().settle(dead.id);
  expect(await stateOf(version)).toEqual(before);
});

test('tells versions of a copy whose maker was killed before it told them', async () => {
  await stored('untold/MLmodel', 'told late');
  const { id, version } = await abandoned('untold');
  await stored(`.tabularium/pinned/${id}/2/MLmodel`, 'told late');
  const pin = (await claimPin(database.sql)) as ClaimedPin;
  const entries = [{ path: 'MLmodel', size: 9, sha256: 'f'.repeat(64) }];
  await notePinned(database.sql, pin, `.tabularium/pinned/${id}/2`, entries);
  expect(await stateOf(version)).toMatchObject({ status: 'PENDING_REGISTRATION' });
  await drain(pinner());
  expect(await stateOf(version)).toMatchObject({ status: 'READY' });
});

test('tries again while files change, and fails with the reason in the end', async () => {
  await stored('restless/MLmodel', 'before');
  const { id, version } = await abandoned('restless');
  const store = localStore(folder);
  const restless = pinner({
    copy: async (from, to, etag) => {
      await stored('restless/MLmodel', `${Math.random()}`);
      return store.copy(from, to, etag);
    },
  });
  for (let attempt = 0; attempt < 8; attempt++) {
    expect(await stateOf(version)).toMatchObject({ status: 'PENDING_REGISTRATION' });
    await database.sql`update tabularium.pins set due_at = '-infinity' where id = ${id} and due_at is not null`;
    await drain(restless);
  }
  expect(await stateOf(version)).toMatchObject({
    status: 'FAILED_REGISTRATION',
    status_message: "The artifact 'restless/MLmodel' has changed meanwhile",
    storage_location: 'mlflow-artifacts:/restless',
    pin: null,
  });
});

test('reads nothing again that it has read to copy it', async () => {
  await stored('once/a', 'a');
  await stored('once/b', 'b');
  const { id, version } = await abandoned('once');
  const store = localStore(folder);
  const read: string[] = [];
  const once = pinner({
    // As on a disk that shares no blocks.
    copy: async (from, to, etag, hashing) => ({
      ...(await store.copy(from, to, etag)),
      ...(hashing && { sha256: createHash('sha256').update(from.slice(-1)).digest('hex') }),
    }),
    get: (path) => {
      read.push(path);
      return store.get(path);
    },
  });
  await once.takeUp();
  expect(await stateOf(version)).toMatchObject({ status: 'READY' });
  expect(read).toEqual([]);
  const entries = await findManifest(database.sql, id);
  expect(entries?.map(({ path, sha256 }) => [path, sha256])).toEqual(
    ['a', 'b'].map((text) => [text, createHash('sha256').update(text).digest('hex')]),
  );
});

test('sees a file that comes or goes while the others are copied', async () => {
  await stored('growing/a', 'a');
  const { version } = await abandoned('growing');
  const store = localStore(folder);
  let grown = false;
  const growing = pinner({
    copy: async (from, to, etag) => {
      if (!grown) await stored('growing/b', 'b');
      grown = true;
      return store.copy(from, to, etag);
    },
  });
  await growing.takeUp();
  expect(await stateOf(version)).toMatchObject({ status: 'PENDING_REGISTRATION' });
  await database.sql`update tabularium.pins set due_at = '-infinity' where due_at is not null`;
  await growing.takeUp();
  const state = await stateOf(version);
  expect(state).toMatchObject({ status: 'READY' });
  expect(
    (await readdir(join(folder, state?.storage_location.replace('mlflow-artifacts:/', '')))).sort(),
  ).toEqual(['a', 'b']);
});

test('fails where the files are gone before anybody copied them', async () => {
  const { version } = await abandoned('nothing');
  await drain(pinner());
  expect(await stateOf(version)).toMatchObject({
    status: 'FAILED_REGISTRATION',
    status_message: 'Its files were deleted before they were copied.',
  });
});

test('puts back what it works on when it is stopped', async () => {
  await stored('stopped/a', 'a');
  const { id, version } = await abandoned('stopped');
  const one = pinner({
    copy: async () => {
      one.stop();
      throw new Error('cut off');
    },
  });
  await one.takeUp();
  const [pin] = await database.sql`select due_at <= now() as due from tabularium.pins where id = ${id}`;
  expect(pin?.due).toBe(true);
  await drain(pinner());
  expect(await stateOf(version)).toMatchObject({ status: 'READY' });
});
