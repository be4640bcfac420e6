import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { uiVersion, wheelName } from './wheel.ts';

/** Says what is being done, for a person who waits. */
export type Say = (text: string) => void;

/** What package indexes answer to this type (PEP 691), as far as it is read here. */
const indexType = 'application/vnd.pypi.simple.v1+json';
interface Index {
  readonly files: readonly { readonly filename: string; readonly url: string; readonly size?: number }[];
}

/**
 * Brings the wheel into the folder: by the pip of this machine, which knows the index that its owner uses, or, where
 * there is none, from the index at `index`. An error has one line that says why.
 *
 * @returns the path of the wheel, unchecked.
 */
export async function fetchWheel(
  folder: string,
  index: string | undefined,
  say: Say,
  signal: AbortSignal,
): Promise<string> {
  const python = await findPip(signal);
  if (python) {
    say(`Fetching mlflow ${uiVersion} with pip`);
    await runPip(python, folder, signal);
  } else if (index !== undefined) await fetchFromIndex(folder, index, say, signal);
  else throw new Error('there is no pip here, and PIP_INDEX_URL names no package index');
  return join(folder, wheelName);
}

/** The name of a Python that has pip. */
async function findPip(signal: AbortSignal): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const { code } = await run(python, ['-m', 'pip', '--version'], signal);
    if (code === 0) return python;
  }
  return undefined;
}

async function runPip(python: string, folder: string, signal: AbortSignal): Promise<void> {
  const options = ['--no-deps', '--only-binary=:all:', '--ignore-requires-python', '--no-input'];
  const { code, stderr } = await run(
    python,
    ['-m', 'pip', 'download', ...options, '--dest', folder, `mlflow==${uiVersion}`],
    signal,
  );
  if (code === 0) return;
  const last = stderr.match(/^ERROR: .*$/gm)?.at(-1) ?? `ERROR: it ended with ${code}`;
  throw new Error(`pip: ${last.slice('ERROR: '.length)}`);
}

/** Runs a program to its end; one that is not there ends with no code. */
async function run(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ code: number | undefined; stderr: string }> {
  signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], signal });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    stderr += part;
  });
  try {
    const [code] = await once(child, 'close');
    return { code, stderr };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { code: undefined, stderr };
    throw error;
  }
}

async function fetchFromIndex(folder: string, index: string, say: Say, signal: AbortSignal): Promise<void> {
  say('Asking the package index');
  const url = `${index.replace(/\/*$/, '')}/mlflow/`;
  const { files } = (await (await get(url, signal, indexType)).json()) as Index;
  const file = files.find(({ filename }) => filename === wheelName);
  if (!file) throw new Error(`${url} does not have ${wheelName}`);
  const { body } = await get(file.url, signal);
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      say(
        `Fetching mlflow ${uiVersion}: ${megabytes(bytes)} of ${file.size ? megabytes(file.size) : '?'} MB`,
      );
      done(null, chunk);
    },
  });
  await pipeline(
    Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]),
    counted,
    createWriteStream(join(folder, wheelName)),
    { signal },
  );
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

async function get(url: string, signal: AbortSignal, accept = '*/*'): Promise<Response> {
  const answer = await fetch(url, { signal, headers: { accept } }).catch((error: Error) => {
    const cause = error.cause as Error | undefined;
    throw new Error(`${new URL(url).host}: ${cause?.message || error.message}`);
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}
