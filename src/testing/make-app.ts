import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { type AppConfig, buildApp } from '../app.ts';
import type { Sql } from '../contract/sql.ts';
import { operationsWith } from '../operations.ts';
import { ensureDefaultExperiment } from '../resources/experiments/store.ts';
import type { Keeper } from '../resources/model-versions/create.ts';
import { type FreshDatabase, freshDatabase } from './fresh-database.ts';
import { noS3 } from './no-s3.ts';

export interface TestApp {
  readonly sql: Sql;
  /** The RPCs whose success is recorded in the audit log. */
  readonly recorded: readonly string[];
  /** The folder behind `mlflow-artifacts:`. */
  readonly artifacts: string;
  request(input: string | Request, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** A clock that gives each request a time of its own, so that lists by time have one order. */
export function everLater(): () => number {
  let last = 0;
  return () => {
    last = Math.max(last + 1, Date.now());
    return last;
  };
}

/** The whole server in process, on a database and an artifact folder of its own. */
export async function makeApp(
  changes: Partial<AppConfig> = {},
  given?: Pick<FreshDatabase, 'sql' | 'drop'>,
  clock: () => number = Date.now,
): Promise<TestApp> {
  const database = given ?? (await freshDatabase());
  const artifacts = await mkdtemp(join(tmpdir(), 'tabularium-artifacts-'));
  const config: AppConfig = {
    staticPrefix: '',
    rootPath: '',
    artifactsOnly: false,
    serveArtifacts: true,
    artifactsDestination: artifacts,
    allowedSourceRoots: [],
    strictSources: false,
    s3: noS3,
    allowedHosts: ['*'],
    corsAllowedOrigins: [],
    xFrameOptions: 'SAMEORIGIN',
    securityMiddleware: true,
    exposePrometheus: false,
    telemetry: false,
    ui: undefined,
    graphqlLimits: { rootFields: 10, aliases: 10 },
    settings: {
      defaultArtifactRoot: 'mlflow-artifacts:',
      allowedHostAddressedSchemes: [],
      trustedArtifactUris: ['mlflow-artifacts:/'],
      sourceRegex: undefined,
      presignedSeconds: 300,
    },
    ...changes,
  };
  await ensureDefaultExperiment(database.sql, config.settings);
  const app = buildApp({ sql: database.sql, config, clock, log: pino({ level: 'silent' }) });
  return {
    sql: database.sql,
    recorded: recordedOperations(),
    artifacts,
    request: async (input, init) => app.request(input, init),
    async close() {
      await database.drop();
      await rm(artifacts, { recursive: true, force: true });
    },
  };
}

function recordedOperations(): string[] {
  const operations = Object.entries(
    operationsWith({ served: undefined, folders: [], buckets: [] }, {} as Keeper),
  );
  return operations.filter(([, { recorded }]) => recorded).map(([rpc]) => rpc);
}
