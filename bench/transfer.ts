import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Files go up and down by curl, which is the same for every server and costs little CPU beside it. */

export interface Transfer {
  readonly direction: 'up' | 'down';
  /** Where to, or where from, one for each file. */
  readonly urls: readonly string[];
  /** The file that is sent, each time. */
  readonly file: string;
  /** Bytes of each. */
  readonly size: number;
  readonly atOnce: number;
}

/** Moves all files; resolves to the seconds it took. Throws where a file did not go, or did not come whole. */
export async function transfer(
  { direction, urls, file, size, atOnce }: Transfer,
  folder: string,
): Promise<number> {
  const list = join(folder, 'curl.config');
  const what = direction === 'up' ? `upload-file = "${file}"` : 'output = "/dev/null"';
  await writeFile(list, urls.map((url) => `url = "${url}"\n${what}\n`).join(''));
  const parallel = atOnce > 1 ? ['--parallel', '--parallel-immediate', '--parallel-max', `${atOnce}`] : [];
  const format = '%{http_code} %{size_upload} %{size_download}\\n';
  const options = ['--silent', '--show-error', '--globoff', '--header', 'Expect:', '--write-out', format];
  const since = performance.now();
  const { stdout } = await promisify(execFile)('curl', [...options, ...parallel, '--config', list], {
    maxBuffer: 2 ** 24,
  });
  const seconds = (performance.now() - since) / 1000;
  const lines = stdout.trim().split('\n');
  const wrong = lines.find((line) => {
    const [status = '', up, down] = line.split(' ');
    return !status.startsWith('2') || Number(direction === 'up' ? up : down) !== size;
  });
  if (wrong !== undefined || lines.length !== urls.length)
    throw new Error(`A transfer of ${urls.length} files failed: ${wrong ?? `${lines.length} answers`}.`);
  return seconds;
}
