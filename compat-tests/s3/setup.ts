import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findPython, makeEnvironment, moto } from '../clients/environments.ts';
import { credentials, startMoto } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of an S3 server that believes any credentials. */
    s3: string;
  }
}

/** Starts one moto for all test files; each makes itself buckets of its own. */
export default async function setup(project: TestProject): Promise<() => void> {
  Object.assign(process.env, credentials);
  const python = await makeEnvironment(moto, await findPython(), {
    folder: join(import.meta.dirname, '../../.venvs'),
    spawn: (command, args) => spawn(command, args),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  const { url, child } = await startMoto(python, spawn);
  project.provide('s3', url);
  return () => {
    child.kill();
  };
}
