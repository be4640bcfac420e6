import { statfsSync } from 'node:fs';
import { StartError } from '../contract/start-error.ts';

/** A `StartError` for what the file system refused; every other error as it is. */
export function explain(error: unknown, dataDir: string): unknown {
  if (!(error instanceof Error) || error instanceof StartError) return error;
  const { code, path } = error as NodeJS.ErrnoException;
  const where = path ?? dataDir;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(dataDir, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StartError(
        `Tabularium may not use ${where}: start it as the user that owns the data folder, or choose a folder that ` +
          'this user may write with --data-dir.',
        { cause: error },
      );
    case 'EEXIST':
    case 'ENOTDIR':
      return new StartError(
        `${where} is in the way of the data folder: choose another one with --data-dir.`,
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}

/**
 * One sentence out of what a program of Postgres wrote before it gave up. On a full disk it could perhaps not even
 * write its log, so the disk is asked as well.
 */
export function couldNot(what: string, output: string, dataDir: string, logFile?: string): StartError {
  const full = /No space left on device|[Dd]isk quota exceeded|Check free disk space/.test(output);
  if (full || freeBytes(dataDir) < 65_536) return diskFull(dataDir);
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling =
    lines.find((line) => /\b(FATAL|PANIC|error):/.test(line)) ?? lines.at(-1) ?? 'it gave no reason';
  const reason = telling.replace(/^.*?\b(FATAL|PANIC|error): */, '').replace(/\.$/, '');
  const next = logFile ? `put that right (${logFile} has more)` : 'put that right';
  return new StartError(
    `Postgres could not ${what} (${reason}): ${next} and start again, or choose another folder with --data-dir.`,
  );
}

function diskFull(dataDir: string, cause?: unknown): StartError {
  return new StartError(
    `The disk of ${dataDir} is full: free some space there and start again, or choose another folder with --data-dir.`,
    { cause },
  );
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
