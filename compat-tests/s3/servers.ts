import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, repository } from '../start/process.ts';

/** S3 servers for the tests, on free ports of this machine. */

export interface S3Server {
  readonly url: string;
  readonly child: ChildProcess;
}

type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess;

/** What the tests sign with; moto believes anything, versitygw is started with these. */
export const credentials = {
  AWS_ACCESS_KEY_ID: 'tests',
  AWS_SECRET_ACCESS_KEY: 'tests-secret',
  AWS_REGION: 'us-east-1',
};

/** @param python of an environment that holds moto. */
export function startMoto(python: string, spawn: Spawn): Promise<S3Server> {
  const child = spawn(python, ['-c', 'from moto.server import main; main()', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return answering(child, /Running on (http\S+)/);
}

const versitygwVersion = 'v1.8.0';

/** What Go makes versitygw of, and the folder of this clone in which the program then stays (GOBIN). */
export const versitygw = {
  module: `github.com/versity/versitygw/cmd/versitygw@${versitygwVersion}`,
  bin: join(repository, '.cache', `versitygw@${versitygwVersion}`),
};

/** @param program the path of versitygw; `folder` holds what it keeps. */
export async function startVersitygw(program: string, folder: string, spawn: Spawn): Promise<S3Server> {
  // It takes a number only.
  const port = await freePort();
  const [data, versions] = [join(folder, 'data'), join(folder, 'versions')];
  for (const one of [data, versions]) await mkdir(one, { recursive: true });
  const store = ['posix', '--versioning-dir', versions, data];
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, ...store], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
      ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
    },
  });
  return answering(child, /(http:\/\/127\.0\.0\.1:\d+)/);
}

/** Resolves when the server has said where it listens; what it says later is not kept. */
function answering(child: ChildProcess, line: RegExp): Promise<S3Server> {
  return new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data) => {
        output = (output + data).slice(-10_000);
        const url = line.exec(output)?.[1];
        if (url) resolve({ url, child });
      });
    child.on('error', reject);
    child.on('close', () => reject(new Error(`The S3 server for the tests ended:\n${output}`)));
  });
}
