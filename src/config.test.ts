import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Config, type Environment, parseCommand } from './config.ts';
import { StartError } from './contract/start-error.ts';

const home = { HOME: '/home/ada' };

function start(args: string, env: Environment = home): { config: Config; warnings: readonly string[] } {
  const command = parseCommand(['server', ...args.split(' ').filter(Boolean)], env);
  if (command.kind !== 'server') throw new Error(`not a server but ${command.kind}`);
  return command;
}

const config = (args: string, env?: Environment): Config => start(args, env).config;

/** The one sentence with which a start is refused. */
function refusal(args: string, env: Environment = home): string {
  try {
    start(args, env);
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error('it starts');
}

test('without any option', () => {
  const { config: defaults, warnings } = start('');
  expect(defaults).toMatchObject({
    database: { kind: 'embedded', dataDir: '/home/ada/.local/share/tabularium' },
    host: '127.0.0.1',
    port: 5000,
    workers: 1,
    staticPrefix: '',
    artifactsOnly: false,
    serveArtifacts: true,
    artifactsDestination: '/home/ada/.local/share/tabularium/artifacts',
    corsAllowedOrigins: [],
    xFrameOptions: 'SAMEORIGIN',
    securityMiddleware: true,
    ui: { folder: resolve(import.meta.dirname, '../.ui'), wheel: undefined, index: undefined },
    exposePrometheus: false,
    tls: undefined,
    rootPath: '',
    keepAliveSeconds: 5,
    settings: {
      defaultArtifactRoot: 'mlflow-artifacts:',
      trustedArtifactUris: ['mlflow-artifacts:'],
      allowedHostAddressedSchemes: [],
      sourceRegex: undefined,
      presignedSeconds: 300,
    },
    allowedSourceRoots: [],
    strictSources: false,
    logLevel: 'info',
    telemetry: false,
  });
  expect(defaults.allowedHosts).toContain('[[]::1]:*');
  expect(defaults.allowedHosts).toContain('172.31.*');
  expect(defaults.allowedHosts).not.toContain('*');
  expect(warnings).toEqual([]);
  expect(Object.isFrozen(defaults)).toBe(true);
});

test('a flag goes before a variable, a variable before the default, and an empty variable is none', () => {
  const env = { ...home, MLFLOW_PORT: '7000', MLFLOW_HOST: '', MLFLOW_WORKERS: '3' };
  expect(config('-p 6000 -h ::1', env)).toMatchObject({ port: 6000, host: '::1', workers: 3 });
  expect(config('', env)).toMatchObject({ port: 7000, host: '127.0.0.1' });
  expect(config('--port=6001').port).toBe(6001);
});

test('the web UI', () => {
  expect(config('--no-ui').ui).toBeUndefined();
  expect(config('--artifacts-only').ui).toBeUndefined();
  const wheel = resolve('mlflow.whl');
  expect(config('--ui-wheel mlflow.whl').ui).toMatchObject({ wheel });
  expect(parseCommand(['ui', 'install', '--ui-wheel', 'mlflow.whl'], home)).toMatchObject({
    kind: 'ui install',
    place: { wheel },
  });
});

describe('flags of mlflow server', () => {
  test.each([
    ['--host 0.0.0.0', { host: '0.0.0.0' }],
    ['--workers 4', { workers: 4 }],
    ['--static-prefix /mlflow', { staticPrefix: '/mlflow' }],
    ['--allowed-hosts a.com,b.*', { allowedHosts: ['a.com', 'b.*'] }],
    ['--cors-allowed-origins https://a.com', { corsAllowedOrigins: ['https://a.com'] }],
    ['--x-frame-options deny', { xFrameOptions: 'deny' }],
    ['--disable-security-middleware', { securityMiddleware: false }],
    ['--expose-prometheus /tmp/p', { exposePrometheus: true }],
    ['--no-serve-artifacts', { serveArtifacts: false }],
    ['--no-serve-artifacts --serve-artifacts', { serveArtifacts: true }],
    ['--artifacts-only', { artifactsOnly: true }],
    ['--artifacts-destination /srv/a', { artifactsDestination: '/srv/a' }],
    [
      '--allowed-source-roots /srv/a/,s3://bucket/b/,file:///srv/c --strict-sources',
      { allowedSourceRoots: ['/srv/a', 's3://bucket/b', '/srv/c'], strictSources: true },
    ],
    ['--disable-workspaces', {}],
  ])('%s', (args, expected) => {
    const { config: found, warnings } = start(args);
    expect(found).toMatchObject(expected);
    expect(warnings.filter((warning) => warning.includes('no effect'))).toEqual([]);
  });

  test.each([
    ['--gunicorn-opts --timeout=60', 'gunicorn'],
    ['--waitress-opts --threads=4', 'waitress'],
    ['--dev', 'mode'],
    ['--read-replica-backend-store-uri postgresql://u:hunter2@replica/db', 'backend store'],
    ['--trace-archival-config a.yaml', 'archived'],
    ['--secrets-cache-ttl 30', 'cache'],
    ['--secrets-cache-max-size 10', 'cache'],
    ['--workspace-store-uri postgresql://u:hunter2@w/db', 'workspaces'],
  ])('%s warns and starts', (args, word) => {
    const { warnings } = start(args);
    expect(warnings).toEqual([
      expect.stringMatching(new RegExp(`^${args.split(' ')[0]} has no effect: .*${word}`)),
    ]);
    expect(warnings.join()).not.toContain('hunter2');
  });

  test('what would weaken the server is refused', () => {
    expect(refusal('--app-name basic-auth')).toContain('--app-name basic-auth is not served yet');
    expect(refusal('--enable-workspaces')).toContain('Workspaces are not served yet');
    expect(refusal('', { ...home, MLFLOW_ENABLE_WORKSPACES: 'true' })).toContain(
      'Workspaces are not served yet',
    );
    expect(config('', { ...home, MLFLOW_ENABLE_WORKSPACES: 'false' }).port).toBe(5000);
  });

  test('booleans in the environment', () => {
    expect(config('', { ...home, MLFLOW_SERVE_ARTIFACTS: 'False' }).serveArtifacts).toBe(false);
    expect(config('--serve-artifacts', { ...home, MLFLOW_SERVE_ARTIFACTS: '0' }).serveArtifacts).toBe(true);
    expect(config('', { ...home, MLFLOW_ARTIFACTS_ONLY: '1' }).artifactsOnly).toBe(true);
    expect(
      config('', { ...home, MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE: 'true' }).securityMiddleware,
    ).toBe(false);
    expect(refusal('', { ...home, MLFLOW_SERVE_ARTIFACTS: 'maybe' })).toBe(
      '--serve-artifacts must be true or false, not maybe.',
    );
  });

  test('numbers', () => {
    expect(refusal('--port 65536')).toBe('--port must be a whole number from 0 to 65535, not 65536.');
    expect(refusal('--port x')).toContain('not x');
    expect(refusal('--workers 0')).toContain('from 1');
    expect(refusal('--workers 1.5')).toContain('1.5');
  });

  test('static prefixes', () => {
    for (const prefix of ['mlflow', '/mlflow/', '/', '/a{b}', '/a b']) {
      expect(refusal('', { ...home, MLFLOW_STATIC_PREFIX: prefix })).toContain(
        '--static-prefix must begin with /',
      );
    }
    expect(config('--static-prefix /a').staticPrefix).toBe('/a');
  });

  test('open doors are named', () => {
    expect(start('--allowed-hosts *').warnings).toEqual([expect.stringContaining('Host')]);
    expect(start('--cors-allowed-origins *').warnings).toEqual([expect.stringContaining('Origin')]);
    expect(start('--disable-security-middleware --allowed-hosts *').warnings).toHaveLength(1);
  });
});

describe('command line', () => {
  test('what cannot be read is one sentence, and repeats no value', () => {
    expect(refusal('--prot 1')).toBe(
      "Unknown option '--prot' (Did you mean --port?); see tabularium --help.",
    );
    expect(refusal('--database=postgresql://u:secret@h/d')).not.toContain('secret');
    expect(refusal('postgresql://u:secret@h/d')).toBe(
      'Only options may follow the command; see tabularium --help.',
    );
    expect(refusal('--port')).toContain('argument missing');
    expect(() => parseCommand(['serve'], home)).toThrow(StartError);
  });

  test('version and help', () => {
    expect(parseCommand(['--version'], home)).toEqual({
      kind: 'text',
      text: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      exitCode: 0,
    });
    expect(parseCommand(['server', '--help'], home)).toMatchObject({
      text: expect.stringMatching(/--backend-store-uri.*--data-dir/s),
      exitCode: 0,
    });
    expect(parseCommand([], home)).toMatchObject({ text: expect.stringContaining('migrate'), exitCode: 2 });
  });

  test('migrate', () => {
    const embedded = { kind: 'embedded', dataDir: '/data' };
    const external = { kind: 'external', display: 'postgresql://u@h:5432/d' };
    const uri = 'postgresql://u:p@h/d';
    expect(parseCommand(['migrate', '--data-dir', '/data'], home)).toMatchObject({ database: embedded });
    expect(parseCommand(['migrate', uri], home)).toMatchObject({ kind: 'migrate', database: external });
    expect(parseCommand(['migrate'], { MLFLOW_BACKEND_STORE_URI: uri })).toMatchObject({
      database: external,
    });
    expect(parseCommand(['db', 'upgrade', uri], home)).toMatchObject({ kind: 'migrate', database: external });
    expect(() => parseCommand(['db', 'upgrade'], home)).toThrow("Missing required argument 'uri'");
  });

  test('import and export', () => {
    const uri = 'postgresql://u:p@h/d';
    const imported = (from: string, ...more: string[]) =>
      parseCommand(['import', '--from', from, ...more], home);
    expect(imported('postgresql+psycopg2://u:p@h/m', '--data-dir', '/data')).toMatchObject({
      kind: 'import',
      from: { kind: 'external', display: 'postgresql://u@h:5432/m' },
      dryRun: false,
      database: { kind: 'embedded', dataDir: '/data' },
    });
    expect(imported('sqlite:////srv/m.db', '--dry-run', '--backend-store-uri', uri)).toMatchObject({
      from: { kind: 'sqlite', path: '/srv/m.db' },
      dryRun: true,
      database: { kind: 'external' },
    });
    expect(imported('sqlite:///m.db')).toMatchObject({ from: { path: resolve('m.db') } });
    expect(imported('all.jsonl.gz')).toMatchObject({ from: { kind: 'file', path: resolve('all.jsonl.gz') } });
    for (const from of ['sqlite://', 'mysql://u:secret@h/d', 'http://localhost:5000', 'postgresql+x://h/d'])
      expect(() => imported(from)).toThrow(StartError);
    expect(() => parseCommand(['import'], home)).toThrow('--from');
    expect(parseCommand(['export'], { MLFLOW_BACKEND_STORE_URI: uri })).toMatchObject({
      kind: 'export',
      to: '-',
      database: { kind: 'external' },
    });
    expect(parseCommand(['export', '--to', 'x.gz'], home)).toMatchObject({ to: resolve('x.gz') });
  });
});

describe('where things lie', () => {
  test('the data folder', () => {
    expect(config('', { XDG_DATA_HOME: '/xdg' }).database).toEqual({
      kind: 'embedded',
      dataDir: '/xdg/tabularium',
    });
    expect(config('', { ...home, XDG_DATA_HOME: 'relative' }).database).toMatchObject({
      dataDir: '/home/ada/.local/share/tabularium',
    });
    expect(config('--data-dir ./here')).toMatchObject({
      database: { dataDir: resolve('here') },
      artifactsDestination: resolve('here/artifacts'),
    });
  });

  test('with a database of the user', () => {
    const { config: found, warnings } = start(
      '--backend-store-uri postgresql://u:secret@h/d --data-dir /data',
    );
    expect(found.database).toMatchObject({ kind: 'external', display: 'postgresql://u@h:5432/d' });
    expect(found.artifactsDestination).toBe(resolve('mlartifacts'));
    expect(warnings).toEqual([expect.stringContaining('--data-dir has no effect')]);
  });

  test('a registry store must be the backend store', () => {
    const backend = '--backend-store-uri postgresql+psycopg2://u:p@h/d';
    expect(config(`${backend} --registry-store-uri postgresql://u:p@h:5432/d`).database.kind).toBe(
      'external',
    );
    expect(refusal(`${backend} --registry-store-uri postgresql://u:p@other/d`)).toContain(
      'leave --registry-store-uri out',
    );
    expect(refusal('--registry-store-uri postgresql://u:p@h/d')).toContain('leave --registry-store-uri out');
  });

  test('artifacts only', () => {
    expect(refusal('--artifacts-only --backend-store-uri postgresql://h/d')).toContain(
      'leave --backend-store-uri out',
    );
  });

  test('artifacts that are not served', () => {
    const unserved = config('--no-serve-artifacts --artifacts-destination s3://bucket');
    expect(unserved.settings.defaultArtifactRoot).toBe(resolve('mlruns'));
    const { config: onS3, warnings } = start('--default-artifact-root s3://bucket/path/');
    expect(onS3.settings.defaultArtifactRoot).toBe('s3://bucket/path');
    expect(warnings).toEqual([]);
    expect(config('--artifacts-destination s3://bucket/').artifactsDestination).toBe('s3://bucket');
    expect(refusal('--artifacts-destination gs://bucket')).toContain(
      '--artifacts-destination cannot be a gs: root',
    );
  });
});

describe('environment', () => {
  test('sources of model versions', () => {
    const { settings } = config('', {
      ...home,
      MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES: 'HDFS, https',
      MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX: '^s3://(?P<bucket>a|b)/',
    });
    expect(settings.allowedHostAddressedSchemes).toEqual(['hdfs', 'https']);
    expect(settings.sourceRegex?.test('s3://b/x')).toBe(true);
    expect(refusal('', { MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX: '(' })).toContain(
      'cannot be read',
    );
  });

  // As MLflow 3.17.2 takes them, where NOTSET is the level of Python's root.
  test.each([
    ['', 'info'],
    ['DEBUG', 'debug'],
    ['info', 'info'],
    ['Warning', 'warn'],
    ['WARN', 'warn'],
    ['NOTSET', 'warn'],
    ['error', 'error'],
    ['CRITICAL', 'fatal'],
    ['FATAL', 'fatal'],
  ])('the log level %j is %s', (name, level) => {
    expect(config('', { ...home, MLFLOW_LOGGING_LEVEL: name }).logLevel).toBe(level);
  });

  test.each(['loud', '10', ' DEBUG'])('the log level %j is refused', (name) => {
    expect(refusal('', { MLFLOW_LOGGING_LEVEL: name })).toBe(
      `MLFLOW_LOGGING_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not ${name}.`,
    );
  });

  test.each<[boolean, Environment]>([
    [true, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }],
    [true, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }],
    [true, { OTEL_TRACES_EXPORTER: 'otlp' }],
    [true, { OTEL_TRACES_EXPORTER: 'none', OTEL_METRICS_EXPORTER: 'otlp' }],
    [true, { OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }],
    [true, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'false' }],
    [false, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'True' }],
    [false, { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: 'none' }],
    [
      false,
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'none',
      },
    ],
    [false, { OTEL_SERVICE_NAME: 'registry', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
  ])('OpenTelemetry is asked for: %j, by %j', (asked, env) => {
    expect(config('', { ...home, ...env }).telemetry).toBe(asked);
  });

  test('options of uvicorn', () => {
    const env = {
      ...home,
      MLFLOW_UVICORN_OPTS: '--log-level debug --timeout-keep-alive 75 --root-path /proxy/',
    };
    const { config: found, warnings } = start('', env);
    expect(found).toMatchObject({ keepAliveSeconds: 75, rootPath: '/proxy' });
    expect(warnings).toEqual([expect.stringContaining('--log-level in --uvicorn-opts')]);
    expect(config('--uvicorn-opts=', env).keepAliveSeconds).toBe(5);
  });
});

describe('gc', () => {
  const gc = (args: string, env: Environment = home) => {
    const command = parseCommand(['gc', ...args.split(' ').filter(Boolean)], env);
    if (command.kind !== 'gc') throw new Error(`not gc but ${command.kind}`);
    return command;
  };

  test('without any option it is about all that is deleted, where a server without any keeps its things', () => {
    expect(gc('').config).toEqual({
      s3: expect.objectContaining({ endpoint: undefined }),
      database: { kind: 'embedded', dataDir: '/home/ada/.local/share/tabularium' },
      artifactsDestination: '/home/ada/.local/share/tabularium/artifacts',
      defaultArtifactRoot: 'mlflow-artifacts:',
      request: {
        olderThan: 0n,
        runIds: undefined,
        experimentIds: undefined,
        modelIds: undefined,
        dryRun: false,
      },
    });
  });

  test('ids are lists, an age has units, and the variables of the server count', () => {
    const env = {
      ...home,
      MLFLOW_ARTIFACTS_DESTINATION: '/art',
      MLFLOW_DEFAULT_ARTIFACT_ROOT: 'file:///runs',
    };
    expect(gc('--run-ids a,b,a --experiment-ids 1 --older-than 1d --dry-run', env).config).toMatchObject({
      artifactsDestination: '/art',
      defaultArtifactRoot: 'file:///runs',
      request: { olderThan: 86_400_000n, runIds: ['a', 'b'], experimentIds: ['1'], dryRun: true },
    });
  });

  test('what has no effect is warned of, what cannot be is refused', () => {
    expect(gc('--tracking-uri http://x --jobs').warnings).toEqual([
      '--tracking-uri has no effect: the database says where artifacts lie, no server is asked.',
      '--jobs has no effect: there are no jobs to delete.',
    ]);
    expect(() => gc('--older-than soon')).toThrow("Could not parse any time information from 'soon'.");
    expect(() => gc('--all-workspaces')).toThrow(
      'Workspaces are not served yet: leave --all-workspaces out.',
    );
    expect(() => gc('--artifacts-destination gs://b')).toThrow('cannot be a gs: root');
  });
});

describe('verify', () => {
  const verify = (...args: string[]) => parseCommand(['verify', ...args], home);

  test('takes all versions, those of a model or one', () => {
    expect(verify()).toMatchObject({ kind: 'verify', request: { pin: false } });
    expect(verify('a model', '--pin')).toMatchObject({ request: { name: 'a model', pin: true } });
    for (const one of ['a model/3', 'models:/a model/3'])
      expect(verify(one)).toMatchObject({ request: { name: 'a model', version: 3 } });
    expect(verify('--artifacts-destination', '/a')).toMatchObject({
      storage: { artifactsDestination: '/a' },
    });
    for (const wrong of ['a/b/3', 'a/latest', 'models:/a@b/1/2'])
      expect(() => verify(wrong)).toThrow('What is verified is named as in name or name/3');
  });
});

describe('verify-signature', () => {
  const verify = (...args: string[]) => parseCommand(['verify-signature', ...args], home);
  const key = join(mkdtempSync(join(tmpdir(), 'key-')), 'key.pem');
  writeFileSync(key, 'what it says');

  test('a version where a server without any option keeps its things, or a folder', () => {
    expect(verify('models:/a model/3', '--public-key', key)).toMatchObject({
      kind: 'verify-signature',
      signed: {
        kind: 'version',
        name: 'a model',
        version: '3',
        database: { kind: 'embedded', dataDir: '/home/ada/.local/share/tabularium' },
        artifactsDestination: '/home/ada/.local/share/tabularium/artifacts',
      },
      trust: { kind: 'key', pem: 'what it says' },
    });
    expect(verify('models/x', '--public-key', key)).toMatchObject({
      signed: { kind: 'folder', folder: resolve('models/x') },
    });
  });

  test('what cannot be', () => {
    expect(() => verify('models:/x/latest', '--public-key', key)).toThrow(
      'as in models:/name/3, not models:/x/latest',
    );
    expect(() => verify('x')).toThrow('Say whose signature is believed');
    expect(() => verify('x', '--public-key', key, '--certificate-chain', key)).toThrow('Say whose');
    expect(() => verify('x', '--public-key', '/nowhere')).toThrow('/nowhere cannot be read (ENOENT).');
    expect(() => verify()).toThrow("Missing required argument 'model'");
  });
});
