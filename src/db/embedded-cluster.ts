import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../contract/start-error.ts';
import { type Account, chownTree, runAs } from './embedded-account.ts';
import { couldNot } from './embedded-explain.ts';

/** The role that owns everything in the cluster. */
export const superuser = 'tabularium';

const passwordFile = 'tabularium-password';
const halfMade = 'postgres-initdb-';

/** The major of Postgres that wrote the cluster, e.g. `18`; undefined if there is none yet. */
export async function clusterMajor(cluster: string): Promise<string | undefined> {
  try {
    return (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function password(cluster: string): Promise<string> {
  const file = join(cluster, passwordFile);
  return await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new StartError(
      `${cluster} is a database that Tabularium did not make (it has no ${passwordFile}): choose another folder with ` +
        '--data-dir, or start that database yourself and give it with --backend-store-uri.',
    );
  });
}

/**
 * Makes the cluster with initdb in a folder beside it, and gives it its name only when it is whole and on the disk:
 * whatever is killed on the way leaves nothing that a later start could take for a cluster.
 */
export async function makeCluster(request: {
  dataDir: string;
  cluster: string;
  binaries: string;
  account: Account | undefined;
}): Promise<void> {
  const { dataDir, cluster, binaries, account } = request;
  const half = await mkdtemp(join(dataDir, halfMade));
  try {
    const made = join(half, 'cluster');
    await mkdir(made, { mode: 0o700 });
    const secret = randomBytes(24).toString('base64url');
    await writeFile(join(half, 'password'), secret, { mode: 0o600 });
    if (account) await chownTree(half, account);
    const { path, spawn } = runAs(account, made);
    const initdb = promisify(execFile)(
      join(binaries, 'bin', 'initdb'),
      [
        ['--pgdata', path, '--username', superuser],
        // `join` would take the `..` as text, but `path` may be a link.
        ['--auth=scram-sha-256', '--pwfile', `${path}/../password`],
        // The default collation must fold more than ASCII, for ILIKE, and be the same on every machine.
        ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ].flat(),
      spawn,
    );
    await initdb.catch((error: Error & { stderr?: string }) => {
      throw couldNot(`make its database in ${dataDir}`, error.stderr || error.message, dataDir);
    });
    const kept = join(made, passwordFile);
    await writeFile(kept, secret, { mode: 0o600, flush: true });
    if (account) await chown(kept, account.uid, account.gid);
    await giveName(made, cluster);
    await syncFolder(dataDir);
  } finally {
    await removeHalfMade(half);
  }
}

/** Folders of an initdb that was killed. Only the holder of the lock may call this. */
export async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(halfMade)) await removeHalfMade(join(dataDir, name));
  }
}

/** Of two first starts at once, the slower one's initdb may still write here while the faster one clears up. */
const removeHalfMade = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });

/** If another first start on the same folder was faster, its cluster is as good as this one. */
async function giveName(made: string, cluster: string): Promise<void> {
  try {
    await rename(made, cluster);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    if ((await clusterMajor(cluster)) === undefined) {
      throw new StartError(
        `${cluster} holds files but no Postgres database: move them away, or choose another folder with --data-dir.`,
      );
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
