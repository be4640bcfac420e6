import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchWheel, type Say } from './fetch.ts';
import { uiVersion } from './wheel.ts';

export interface UiPlace {
  /** What is unpacked lies in a folder of its own in this one, by its version. */
  readonly folder: string;
  /** A wheel that is here already, for machines without a network. */
  readonly wheel: string | undefined;
  /** The package index to ask where there is no pip, which knows its own: the URL of its simple API. */
  readonly index: string | undefined;
}

/** The folder of the pinned version: `build` and `licenses`. It is there whole or not at all. */
export const installedUi = (folder: string): string => join(folder, `mlflow-${uiVersion}`);

/**
 * Brings the pinned version's web UI to its place, if it is not there. Several may do so at once: the first stays.
 * An error has one line that says why.
 */
export async function installUi(
  { folder, wheel, index }: UiPlace,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const target = installedUi(folder);
  if (existsSync(target)) return;
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);
  const work = await mkdtemp(join(folder, unpacking));
  try {
    // Loaded once in the life of an installation, not in that of each server.
    const { checkWheel, unpackWheel } = await import('./unpack.ts');
    const archive = wheel ?? (await fetchWheel(work, index, say, signal));
    say('Checking the wheel');
    await checkWheel(archive);
    const unpacked = join(work, 'ui');
    await unpackWheel(archive, unpacked, say, signal);
    await rename(unpacked, target).catch((error: unknown) => {
      if (!existsSync(target)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const unpacking = 'unpacking-';

/** Milliseconds; no installation takes as long. */
const longest = 60 * 60 * 1000;

/** Removes what a killed process has left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(unpacking)) continue;
    const path = join(folder, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (mtimeMs < Date.now() - longest) await rm(path, { recursive: true, force: true });
  }
}
