import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { TestProject } from 'vitest/node';
import { startEmbedded } from '../db/embedded.ts';
import { createTrigramIndexes, migrate } from '../db/migrate.ts';
import { connect, type DatabaseOptions } from '../db/pool.ts';
import { templateName } from './fresh-database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Options of postgres.js for the server that the tests run on, without a database. */
    postgres: DatabaseOptions;
  }
}

/** Starts one Postgres for all test files and prepares the template that their databases are copied from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tabularium-test-'));
  const log = pino({ level: 'silent' });
  const server = await startEmbedded({ dataDir, log });
  // A ctrl-C ends vitest without its teardown; Postgres, in a session of its own, would stay.
  process.once('exit', () => killPostgres(dataDir));
  const { database: _, ...options } = server.options;
  const admin = connect({ ...options, database: 'postgres', max: 1 });
  await admin`create database ${admin(templateName)}`;
  const template = connect({ ...options, database: templateName, max: 1 });
  await migrate(template, log);
  await createTrigramIndexes(template);
  await template.end();
  await admin`alter database ${admin(templateName)} allow_connections false`;
  await admin.end();
  project.provide('postgres', options);
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}

function killPostgres(dataDir: string): void {
  try {
    const pid = Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It has ended already.
  }
}
