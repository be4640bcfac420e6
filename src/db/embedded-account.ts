import { lchown, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../contract/start-error.ts';

/** The user that Postgres runs as, where that is not the user of this process. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Postgres refuses to run as root. Root runs it as the owner of the cluster, so that the choice stays what it was
 * when users come and go, and at first as `postgres` or else `nobody`. Everybody else runs it as themselves:
 * undefined. A cluster that root owns, which a copy made by root does, is given to that user.
 */
export async function accountFor(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = findAccount(await readFile('/etc/passwd', 'utf8'));
  if (!account) {
    throw new StartError(
      'Postgres does not run as root, and this machine has no user `postgres` or `nobody` to run it as: ' +
        'start Tabularium as an ordinary user, or give it a Postgres with --backend-store-uri.',
    );
  }
  if (owner) await chownTree(cluster, account);
  return account;
}

/** The first of `postgres` and `nobody` in the text of an `/etc/passwd`. */
export function findAccount(passwd: string): Account | undefined {
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(passwd) ?? [];
    if (uid !== undefined && uid !== '0') return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

export async function chownTree(folder: string, { uid, gid }: Account): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) await lchown(join(folder, entry), uid, gid);
  await lchown(folder, uid, gid);
}

/**
 * How a program of Postgres is run in `folder`, and by which name it knows that folder. The child enters it while it
 * is still root and becomes `account` after that, so on Linux the folder may lie where `account` may not go, such as
 * under /root. It gets nothing of our environment, which may hold secrets and PG… variables.
 */
export function runAs(account: Account | undefined, folder: string) {
  return {
    path: account && process.platform === 'linux' ? '/proc/self/cwd' : folder,
    spawn: { cwd: folder, env: { LC_ALL: 'C' }, windowsHide: true, ...account },
  };
}
