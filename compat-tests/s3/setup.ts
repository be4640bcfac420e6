import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findPython, makeEnvironment, moto } from '../clients/environments.ts';
import { credentials, type S3Server, startMoto, startVersitygw } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of an S3 server that believes any credentials. */
    s3: string;
  }
}

/** Starts one moto, or the versitygw that VERSITYGW names, for all test files; each makes itself buckets of its own. */
export default async function setup(project: TestProject): Promise<() => void> {
  Object.assign(process.env, credentials);
  const { url, child } = await (process.env.VERSITYGW ? versitygw(process.env.VERSITYGW) : motoOfOurs());
  project.provide('s3', url);
  return () => {
    child.kill();
  };
}

async function versitygw(program: string): Promise<S3Server> {
  return startVersitygw(program, await mkdtemp(join(tmpdir(), 'versitygw-')), spawn);
}

async function motoOfOurs(): Promise<S3Server> {
  const python = await makeEnvironment(moto, await findPython(), {
    folder: join(import.meta.dirname, '../../.venvs'),
    spawn: (command, args) => spawn(command, args),
    say: (line) => process.stdout.write(`${line}\n`),
  });
  return startMoto(python, spawn);
}
