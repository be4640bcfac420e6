import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { startServer, stopAll, tabularium } from '../start/process.ts';
import { type Chromium, startChromium } from './chromium.ts';

/** What `seed.py` has made; the runs in the order in which they began, `models` are logged models of the first four. */
export interface Seeded {
  readonly experiment: string;
  readonly runs: readonly string[];
  readonly models: readonly string[];
  /** What the tests change. */
  readonly edited: { readonly experiment: string; readonly runs: readonly string[]; readonly model: string };
  /** What has script in its texts and files; `name` is that of its registered model. */
  readonly hostile: Seeded['edited'] & { readonly name: string; readonly files: readonly string[] };
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the server, without a slash at the end. */
    url: string;
    /** Of the browser. */
    endpoint: string;
    /** The Python that has mlflow. */
    python: string;
    seeded: Seeded;
  }
}

const pythons: Record<string, string> = JSON.parse(process.env.PYTHONS ?? '{}');

/**
 * Starts the browser and a server, and fills the server. With `BROWSER_TEST_URL` the tests run on the server there,
 * which must be as fresh: on a real `mlflow server` they show what its own pages say.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const python = pythons['mlflow-3.17.2'];
  if (!python) throw new Error('PYTHONS names no Python for mlflow-3.17.2');
  const folder = await mkdtemp(join(tmpdir(), 'tabularium-browser-'));
  let chromium: Chromium | undefined;
  const end = async () => {
    await Promise.all([chromium?.close(), stopAll()]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const starting = startChromium();
    const url = process.env.BROWSER_TEST_URL ?? (await openServer(folder));
    const seeding = promisify(execFile)(python, [join(import.meta.dirname, 'seed.py'), url], { cwd: folder });
    chromium = await starting;
    const { stdout } = await seeding;
    await rm(screenshots, { recursive: true, force: true });
    await mkdir(screenshots);
    project.provide('url', url);
    project.provide('endpoint', chromium.endpoint);
    project.provide('python', python);
    project.provide('seeded', JSON.parse(stdout));
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

/** Resolves to its URL. */
async function openServer(folder: string): Promise<string> {
  const { code, stderr } = await tabularium('ui', 'install');
  if (code !== 0) throw new Error(stderr);
  const { url } = await startServer('--ui', '--port', '0', '--data-dir', join(folder, 'data'));
  return url;
}

/** Build output, which git does not see. */
export const screenshots = join(import.meta.dirname, 'screenshots');
