import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { StorageConfig } from './beside-servers.ts';
import { artifactRoot, ownRoot } from './config-artifacts.ts';
import { type ExternalDatabase, parseDatabaseUri } from './config-database.ts';
import { type ImportSource, importSourceOf } from './config-import.ts';
import { type Given, parseCommandLine } from './config-options.ts';
import { pythonRegExp } from './config-python-regex.ts';
import { s3OptionsOf } from './config-s3.ts';
import { signedModel, trustOf } from './config-signature.ts';
import { graphqlLimitsOf, uiPlaceOf } from './config-ui.ts';
import { parseUvicornOptions, type Tls } from './config-uvicorn.ts';
import type { Settings } from './contract/operation.ts';
import { StartError } from './contract/start-error.ts';
import type { GarbageConfig } from './gc.ts';
import type { GraphqlLimits } from './http/graphql-limits.ts';
import type { S3Options } from './objects/s3-client.ts';
import { longestPresigned } from './resources/artifacts/rules.ts';
import { parseAge } from './resources/garbage/rules.ts';
import type { VerifyRequest } from './resources/pins/verify.ts';
import type { Signed } from './signature-command.ts';
import type { TrustedPem } from './signing/verify.ts';
import type { UiPlace } from './ui/install.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Everything the start decides, parsed once. Paths are absolute. */
export interface Config {
  /** Not opened when `artifactsOnly`. */
  readonly database: Database;
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
  readonly artifactsOnly: boolean;
  readonly serveArtifacts: boolean;
  /** What is behind `mlflow-artifacts:`, a local folder or `s3://bucket/prefix`; not used if artifacts are not served. */
  readonly artifactsDestination: string;
  /** Folders, and `s3://bucket/prefix`, that versions and experiments may point into besides, to be read. */
  readonly allowedSourceRoots: readonly string[];
  /** Whether sources and locations anywhere else are refused. */
  readonly strictSources: boolean;
  readonly s3: S3Options;
  /** Host patterns as MLflow writes them; `*` among them allows every host. */
  readonly allowedHosts: readonly string[];
  /** Origins besides those of localhost; `*` among them allows every origin. */
  readonly corsAllowedOrigins: readonly string[];
  /** As given; `NONE` sends no header. */
  readonly xFrameOptions: string;
  readonly securityMiddleware: boolean;
  /** Where the web UI lies, or is to be brought to; undefined if it is not served. */
  readonly ui: UiPlace | undefined;
  readonly graphqlLimits: GraphqlLimits;
  readonly exposePrometheus: boolean;
  readonly tls: Tls | undefined;
  /** The path below which a proxy shows this server, for links only: empty, or without a trailing slash. */
  readonly rootPath: string;
  readonly keepAliveSeconds: number;
  readonly settings: Settings;
  readonly logLevel: LogLevel;
  /** Whether OpenTelemetry is asked for. */
  readonly telemetry: boolean;
}

export type Database = EmbeddedDatabase | ExternalDatabase;

/** Our own Postgres, with all that belongs to it under `dataDir`. */
export interface EmbeddedDatabase {
  readonly kind: 'embedded';
  readonly dataDir: string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export type Command =
  | { readonly kind: 'server'; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly kind: 'ui install'; readonly place: UiPlace }
  | { readonly kind: 'migrate'; readonly database: Database; readonly logLevel: LogLevel }
  | {
      readonly kind: 'gc';
      readonly config: GarbageConfig;
      readonly warnings: readonly string[];
      readonly logLevel: LogLevel;
    }
  | {
      readonly kind: 'verify';
      readonly request: VerifyRequest;
      readonly storage: StorageConfig;
      readonly logLevel: LogLevel;
    }
  | {
      readonly kind: 'verify-signature';
      readonly signed: Signed;
      readonly trust: TrustedPem;
      readonly logLevel: LogLevel;
    }
  | {
      readonly kind: 'import';
      readonly from: ImportSource;
      readonly dryRun: boolean;
      readonly database: Database;
      readonly logLevel: LogLevel;
    }
  | {
      readonly kind: 'export';
      /** The absolute path of a file, or `-`. */
      readonly to: string;
      readonly database: Database;
      readonly logLevel: LogLevel;
    }
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number };

/**
 * Reads the command line (without the program's name) and the environment, a flag before a variable before the
 * default. Reads the certificate files that they name, too. What cannot be served throws a StartError of one
 * sentence without any password.
 */
export function parseCommand(argv: readonly string[], env: Environment = process.env): Command {
  const line = parseCommandLine(argv, env, packageVersion());
  if (line.command === 'text') return { kind: 'text', text: line.text, exitCode: line.exitCode };
  if (line.command === 'gc') return parseGc(line.given, env);
  if (line.command === 'verify') return parseVerify(line.model, line.given, env);
  if (line.command === 'verify-signature') return parseVerifySignature(line.model, line.given, env);
  if (line.command === 'ui install')
    return { kind: 'ui install', place: uiPlaceOf(line.wheel, embedded(line.dataDir, env).dataDir, env) };
  if (line.command !== 'server') {
    const database: Database = line.uri ? parseDatabaseUri(line.uri, env) : embedded(line.dataDir, env);
    const common = { database, logLevel: logLevelOf(env) };
    if (line.command === 'migrate') return { kind: 'migrate', ...common };
    if (line.command === 'export')
      return { kind: 'export', to: line.to === '-' ? '-' : resolve(line.to), ...common };
    return { kind: 'import', from: importSourceOf(line.from, env), dryRun: line.dryRun, ...common };
  }

  refuseWhatWouldWeaken(line.given);
  const warnings: string[] = [];
  const config = configOf(line.given, env, warnings);
  return { kind: 'server', config, warnings };
}

function parseGc(given: Given, env: Environment): Command {
  for (const name of ['workspace', 'all-workspaces'])
    if (given[name]) throw new StartError(`Workspaces are not served yet: leave --${name} out.`);
  const ids = (name: string) => list(given[name])?.filter((id, i, all) => all.indexOf(id) === i);
  const config: GarbageConfig = {
    ...storageOf(given, env),
    request: {
      olderThan: ageOf(given),
      runIds: ids('run-ids'),
      experimentIds: ids('experiment-ids'),
      modelIds: ids('logged-model-ids'),
      dryRun: given['dry-run'] !== undefined,
    },
  };
  const warnings = Object.entries(gcWithoutEffect)
    .filter(([name]) => given[name] !== undefined)
    .map(([name, why]) => `--${name} has no effect: ${why}.`);
  return { kind: 'gc', config, warnings, logLevel: logLevelOf(env) };
}

function parseVerifySignature(model: string, given: Given, env: Environment): Command {
  const signed = signedModel(model, () => storageOf(given, env));
  return { kind: 'verify-signature', signed, trust: trustOf(given), logLevel: logLevelOf(env) };
}

function parseVerify(model: string | undefined, given: Given, env: Environment): Command {
  const [, name, version] = /^(?:models:\/)?([^/]+)(?:\/(\d{1,9}))?$/.exec(model ?? '') ?? [];
  if (model !== undefined && name === undefined)
    throw new StartError(`What is verified is named as in name or name/3, not ${model}.`);
  const request = {
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version: Number(version) }),
    pin: given.pin !== undefined,
  };
  return { kind: 'verify', request, storage: storageOf(given, env), logLevel: logLevelOf(env) };
}

/** Where a server that was started with these options keeps what it has. */
function storageOf(given: Given, env: Environment): StorageConfig {
  const database = databaseOf(given, env);
  return {
    database,
    artifactsDestination: destinationOf(given, database),
    defaultArtifactRoot: artifactRoot(given['default-artifact-root'] ?? 'mlflow-artifacts:/'),
    s3: s3OptionsOf(env),
  };
}

const gcWithoutEffect: Readonly<Record<string, string>> = {
  'tracking-uri': 'the database says where artifacts lie, no server is asked',
  jobs: 'there are no jobs to delete',
  'job-ids': 'there are no jobs to delete',
};

function ageOf({ 'older-than': age }: Given): bigint {
  if (age === undefined) return 0n;
  try {
    return parseAge(age);
  } catch (cause) {
    throw new StartError((cause as Error).message, { cause });
  }
}

/** Ours; `/version` answers MLflow's. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}

function configOf(given: Given, env: Environment, warnings: string[]): Config {
  const database = databaseOf(given, env);
  const artifactsOnly = flag(given, 'artifacts-only', false);
  if (artifactsOnly && given['backend-store-uri']) {
    throw new StartError('--artifacts-only uses no database: leave --backend-store-uri out.');
  }
  const serveArtifacts = flag(given, 'serve-artifacts', true);
  const uvicorn = parseUvicornOptions(given['uvicorn-opts'] ?? '');

  const config: Config = Object.freeze({
    database,
    host: given.host ?? '127.0.0.1',
    port: wholeNumber(given, 'port', 5000, 0, 65535),
    workers: wholeNumber(given, 'workers', 1, 1, 1024),
    staticPrefix: staticPrefixOf(given),
    artifactsOnly,
    serveArtifacts,
    // The destination of a server that serves none is not looked at, as in MLflow.
    artifactsDestination: destinationOf(serveArtifacts ? given : {}, database),
    allowedSourceRoots: (list(given['allowed-source-roots']) ?? []).map((uri) =>
      ownRoot('--allowed-source-roots', uri),
    ),
    strictSources: given['strict-sources'] !== undefined,
    s3: s3OptionsOf(env),
    allowedHosts: list(given['allowed-hosts']) ?? localHosts,
    corsAllowedOrigins: list(given['cors-allowed-origins']) ?? [],
    xFrameOptions: xFrameOptionsOf(given),
    securityMiddleware: !flag(given, 'disable-security-middleware', false),
    ui:
      artifactsOnly || !flag(given, 'ui', true)
        ? undefined
        : uiPlaceOf(given['ui-wheel'], embedded(given['data-dir'], env).dataDir, env),
    graphqlLimits: graphqlLimitsOf(env),
    exposePrometheus: given['expose-prometheus'] !== undefined,
    tls: uvicorn.tls,
    rootPath: uvicorn.rootPath,
    keepAliveSeconds: uvicorn.keepAliveSeconds,
    settings: settingsOf(given, env, serveArtifacts),
    logLevel: logLevelOf(env),
    telemetry: telemetryOf(env),
  });
  warnings.push(...warningsOf(given, config, uvicorn.ignored));
  return config;
}

function destinationOf({ 'artifacts-destination': uri }: Given, database: Database): string {
  return ownRoot(
    '--artifacts-destination',
    uri ?? (database.kind === 'embedded' ? join(database.dataDir, 'artifacts') : './mlartifacts'),
  );
}

function settingsOf(given: Given, env: Environment, serveArtifacts: boolean): Settings {
  const root = given['default-artifact-root'] ?? (serveArtifacts ? 'mlflow-artifacts:/' : './mlruns');
  const defaultArtifactRoot = artifactRoot(root);
  return Object.freeze({
    defaultArtifactRoot,
    // The other root of a server, the destination, is a folder or a bucket and names no host.
    trustedArtifactUris: [defaultArtifactRoot],
    allowedHostAddressedSchemes: (list(env.MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES) ?? []).map(
      (scheme) => scheme.toLowerCase(),
    ),
    sourceRegex: sourceRegexOf(env),
    presignedSeconds: presignedSecondsOf(env),
  });
}

function databaseOf(given: Given, env: Environment): Database {
  const { 'backend-store-uri': backend, 'registry-store-uri': registry } = given;
  const database = backend ? parseDatabaseUri(backend, env) : embedded(given['data-dir'], env);
  if (
    registry &&
    registry !== backend &&
    !(backend && sameDatabase(parseDatabaseUri(registry, env), database))
  ) {
    throw new StartError(
      'A registry in a database of its own is not served: leave --registry-store-uri out.',
    );
  }
  return database;
}

function sameDatabase(one: Database, other: Database): boolean {
  // As text: the function that checks the host of a certificate is made anew for each.
  return JSON.stringify(one) === JSON.stringify(other);
}

function embedded(dataDir: string | undefined, env: Environment): EmbeddedDatabase {
  if (dataDir) return { kind: 'embedded', dataDir: resolve(dataDir) };
  // The XDG specification has a relative XDG_DATA_HOME ignored.
  const { XDG_DATA_HOME: xdg } = env;
  const base = xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.local', 'share');
  return { kind: 'embedded', dataDir: join(base, 'tabularium') };
}

/** Options that a user relies on for protection: a warning would be overlooked. */
function refuseWhatWouldWeaken(given: Given): void {
  if (given['app-name']) {
    throw new StartError(
      `--app-name ${given['app-name']} is not served yet, and without it every caller would be let in: leave it out only where that is wanted.`,
    );
  }
  if (flag(given, 'enable-workspaces', false)) {
    throw new StartError(
      'Workspaces are not served yet, and without them everybody would see everything: leave --enable-workspaces out only where that is wanted.',
    );
  }
}

const withoutEffect: Readonly<Record<string, string>> = {
  'gunicorn-opts': 'this server does not run on gunicorn',
  'waitress-opts': 'this server does not run on waitress',
  dev: 'there is no such mode',
  'read-replica-backend-store-uri': 'all reads go to the backend store',
  'trace-archival-config': 'traces are not archived',
  'secrets-cache-ttl': 'there is no secrets cache',
  'secrets-cache-max-size': 'there is no secrets cache',
  'workspace-store-uri': 'workspaces are off',
};

function warningsOf(given: Given, config: Config, uvicornIgnored: readonly string[]): string[] {
  const warnings = Object.entries(withoutEffect)
    .filter(([name]) => given[name] !== undefined)
    .map(([name, why]) => `--${name} has no effect: ${why}.`);
  for (const name of uvicornIgnored)
    warnings.push(`${name} in --uvicorn-opts has no effect: this server does not run on uvicorn.`);
  if (given['data-dir'] && config.database.kind === 'external') {
    warnings.push('--data-dir has no effect: the database is the one of --backend-store-uri.');
  }
  if (!config.securityMiddleware) {
    warnings.push(
      'Neither Host nor Origin is checked (--disable-security-middleware): any web page may use this server.',
    );
  } else {
    if (config.allowedHosts.includes('*'))
      warnings.push('Every Host is accepted: DNS rebinding attacks become possible.');
    if (config.corsAllowedOrigins.includes('*'))
      warnings.push('Every Origin is accepted: any web page may use this server.');
  }
  return warnings;
}

/** What a Host header may be when `--allowed-hosts` is not given (`mlflow/server/security_utils.py`). */
const localHosts: readonly string[] = [
  ...['localhost', '127.0.0.1', '[::1]', '0.0.0.0'],
  // A bracket opens a class of characters in these patterns; the class of one bracket is the bracket.
  ...['localhost:*', '127.0.0.1:*', '[[]::1]:*', '0.0.0.0:*'],
  ...['192.168.*', '10.*', 'fc00:*', 'fd00:*'],
  ...Array.from({ length: 16 }, (_, i) => `172.${16 + i}.*`),
];

function list(text: string | undefined): string[] | undefined {
  return text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The words that click, MLflow's command-line library, takes for a boolean in the environment. */
function flag(given: Given, name: string, otherwise: boolean): boolean {
  const text = given[name];
  if (text === undefined) return otherwise;
  if (/^\s*(1|t|true|y|yes|on)\s*$/i.test(text)) return true;
  if (/^\s*(0|f|false|n|no|off)\s*$/i.test(text)) return false;
  throw new StartError(`--${name} must be true or false, not ${text}.`);
}

function wholeNumber(given: Given, name: string, otherwise: number, lowest: number, highest: number): number {
  const text = given[name] ?? String(otherwise);
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < lowest || number > highest) {
    throw new StartError(`--${name} must be a whole number from ${lowest} to ${highest}, not ${text}.`);
  }
  return number;
}

function staticPrefixOf(given: Given): string {
  const prefix = given['static-prefix'] ?? '';
  if (prefix !== '' && !/^\/[^{}?#\s]*[^{}?#\s/]$/.test(prefix)) {
    throw new StartError(
      `--static-prefix must begin with /, must not end with it and be a plain path, not ${prefix}.`,
    );
  }
  return prefix;
}

function xFrameOptionsOf(given: Given): string {
  const value = given['x-frame-options'] ?? 'SAMEORIGIN';
  if (!/^[\x20-\x7e]+$/.test(value))
    throw new StartError('--x-frame-options must be a value that a header can hold.');
  return value;
}

function sourceRegexOf(env: Environment): RegExp | undefined {
  const pattern = env.MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX;
  if (!pattern) return undefined;
  try {
    return pythonRegExp(pattern);
  } catch (cause) {
    throw new StartError(
      'MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX holds an expression that cannot be read here.',
      { cause },
    );
  }
}

/** MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS. S3 takes no more than seven days. */
function presignedSecondsOf({
  MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS: text = '300',
}: Environment): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestPresigned)
    throw new StartError(
      `MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS must be a whole number from 1 to ${longestPresigned}, not ${text}.`,
    );
  return seconds;
}

const logLevels: Readonly<Record<string, LogLevel>> = {
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'fatal',
  FATAL: 'fatal',
  // In Python "not set" takes the root's level.
  NOTSET: 'warn',
};

/** MLFLOW_LOGGING_LEVEL, by the names of Python's levels. */
function logLevelOf(env: Environment): LogLevel {
  const name = env.MLFLOW_LOGGING_LEVEL || 'INFO';
  const level = logLevels[name.toUpperCase()];
  if (!level)
    throw new StartError(
      `MLFLOW_LOGGING_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not ${name}.`,
    );
  return level;
}

/** By the standard variables of OpenTelemetry, whose SDK reads them, too: is there a place to send to? */
function telemetryOf(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  const exporters = [env.OTEL_TRACES_EXPORTER, env.OTEL_METRICS_EXPORTER].map(
    (text) => text?.trim() || undefined,
  );
  if (exporters.every((name) => name === 'none')) return false;
  const endpoints = ['ENDPOINT', 'TRACES_ENDPOINT', 'METRICS_ENDPOINT'];
  return (
    exporters.some((name) => name !== undefined && name !== 'none') ||
    endpoints.some((name) => env[`OTEL_EXPORTER_OTLP_${name}`]?.trim())
  );
}
