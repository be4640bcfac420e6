import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { zip } from '../testing/zip.ts';
import { installUi } from './install.ts';
import { unpackWheel } from './unpack.ts';

let scratch: string;
let wheel: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'tabularium-ui-'));
  wheel = join(scratch, 'mlflow.whl');
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const build = 'mlflow/server/js/build';
const script = 'console.log("twice"); '.repeat(200);
const { signal } = new AbortController();

async function unpack(files: Readonly<Record<string, string>>): Promise<string> {
  await writeFile(wheel, zip(files));
  const folder = join(scratch, 'unpacked');
  await unpackWheel(wheel, folder, () => {}, signal);
  return folder;
}

test('the build is unpacked, with compressed forms of what shrinks, and the licence; nothing else of the wheel', async () => {
  const folder = await unpack({
    'mlflow/server/handlers.py': 'import os',
    [`${build}/index.html`]: '<p>',
    [`${build}/static/js/main.js`]: script,
    'mlflow-3.17.2.dist-info/licenses/LICENSE.txt': 'Apache',
    'mlflow-3.17.2.dist-info/METADATA': 'Name: mlflow',
  });
  const files = await readdir(folder, { recursive: true });
  expect(files.filter((name) => name.includes('.')).toSorted()).toEqual([
    'build/index.html',
    'build/static/js/main.js',
    'build/static/js/main.js.br',
    'build/static/js/main.js.gz',
    'licenses/LICENSE.txt',
  ]);
  const read = (ending: string) => readFile(join(folder, `build/static/js/main.js${ending}`));
  expect(brotliDecompressSync(await read('.br')).toString()).toBe(script);
  expect(gunzipSync(await read('.gz')).toString()).toBe(script);
});

test.each([`${build}/../../../../../stolen.js`, '../stolen.js', '/stolen.js', 'C:/stolen.js'])(
  'an archive that holds %s is refused, before anything is written',
  async (name) => {
    await expect(unpack({ [`${build}/index.html`]: '<p>', [name]: 'x' })).rejects.toThrow(
      /invalid relative path|absolute path/,
    );
    expect(await readdir(scratch)).toEqual(['mlflow.whl']);
  },
);

test('a wheel without a web UI, and what is no wheel, are refused', async () => {
  await expect(unpack({ 'mlflow/version.py': '' })).rejects.toThrow('holds no web UI');
  await writeFile(wheel, 'not found');
  await expect(unpackWheel(wheel, scratch, () => {}, signal)).rejects.toThrow(/end of central directory/i);
});

test('a wheel that is not the pinned one is refused and leaves nothing', async () => {
  await writeFile(wheel, zip({ [`${build}/index.html`]: '<script>alert(1)</script>' }));
  const folder = join(scratch, 'ui');
  // What a process has left that was killed two hours ago.
  const left = join(folder, 'unpacking-left');
  await mkdir(left, { recursive: true });
  await utimes(left, Date.now() / 1000 - 7200, Date.now() / 1000 - 7200);
  await expect(installUi({ folder, wheel, index: undefined }, () => {}, signal)).rejects.toThrow(
    /mlflow\.whl is not mlflow 3\.17\.2 as it was published: its SHA-256 is [0-9a-f]{64}$/,
  );
  expect(await readdir(folder)).toEqual([]);
});
