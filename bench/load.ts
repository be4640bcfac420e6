import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Operation, type Request, unique } from './operations.ts';
import { cpuOf, run } from './processes.ts';
import type { Server } from './servers.ts';

/** Sending requests: one by one to compare the answers, and as a load by wrk. */

/** What one server did under one operation's load for some seconds. Times are in milliseconds. */
export interface Cell {
  readonly requests: number;
  readonly seconds: number;
  /** Answers below 400 per second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Answers of 400 and above, and requests that came to no answer. */
  readonly errors: number;
  /** CPU per request: of the server, and of Postgres where it runs on this machine. */
  readonly serverCpu: number;
  readonly postgresCpu: number | null;
}

/** Throws one sentence where wrk is not there. */
export async function findWrk(): Promise<void> {
  await run('wrk', '--version').catch(({ code }: { code?: unknown }) => {
    // It tells its version, and exits with 1.
    if (code === 'ENOENT')
      throw new Error(
        'The bench needs wrk, which is not on the path: install it (on Debian: apt install wrk).',
      );
  });
}

/** Begins above the numbers of every earlier run on the same database, and has as many digits as `unique`. */
let number = Date.now() * 1000;

const api = '/api/2.0/mlflow/';

/** Method, path and body, as replay.lua reads them. */
function lineOf({ method, path, fields }: Request): string {
  if (method === 'POST')
    return `POST\t${api}${path}\t${JSON.stringify(fields).replaceAll(`"${unique}"`, unique)}`;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
  return `GET\t${api}${path}?${query}\t`;
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(server: Server, line: string): Promise<Answer> {
  const [method = '', path = '', body = ''] = line.replaceAll(unique, String(++number)).split('\t');
  const response = await fetch(server.url + path, {
    method,
    ...(body && { body, headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : { text } };
}

/** The requests of an operation as lines; where it asks for next pages, the server gives the tokens first. */
export async function linesFor(
  server: Server,
  requests: readonly Request[],
  pages?: Operation['pages'],
): Promise<string[]> {
  if (!pages) return requests.map(lineOf);
  const lines: string[] = [];
  for (const request of requests) {
    let fields = request.fields;
    for (let page = 2; page <= pages.last; page++) {
      const { body } = await send(server, lineOf({ ...request, fields }));
      if (!body.next_page_token)
        throw new Error(`${request.path} has no page ${page}: ${JSON.stringify(request)}`);
      fields = { ...request.fields, page_token: body.next_page_token };
      if (page >= pages.first) lines.push(lineOf({ ...request, fields }));
    }
  }
  return lines;
}

/** How many requests are compared before an operation is measured. */
const compared = 3;

/**
 * Sends the first requests to all servers. Reads must be answered alike, writes with the same status and fields, or
 * it throws, as it does where an answer is an error. Resolves to milliseconds per request of each server.
 */
export async function compareAnswers(
  kind: Operation['kind'],
  sides: readonly { readonly server: Server; readonly lines: readonly string[] }[],
): Promise<Map<Server, number>> {
  const normalise = kind === 'read' ? contentOf : shapeOf;
  const times = new Map<Server, number>();
  for (let i = 0; i < compared; i++) {
    const answers: Answer[] = [];
    for (const { server, lines } of sides) {
      const since = performance.now();
      answers.push(await send(server, lines[i % lines.length] as string));
      times.set(server, performance.now() - since);
    }
    const [first, ...others] = answers.map(({ status, body }) => [status, normalise(body)]);
    const alike = others.every((other) => isDeepStrictEqual(other, first));
    if (!alike || answers.some(({ status }) => status >= 400)) {
      const shown = answers.map(({ status, body }) => `${status} ${JSON.stringify(body).slice(0, 1000)}`);
      throw new Error(
        `The servers do not answer alike to ${sides[0]?.lines[i % sides[0].lines.length]}\n${shown.join('\n')}`,
      );
    }
  }
  return times;
}

/** An answer without what may differ: the tokens of pages, and the order of lists inside of what is listed. */
function contentOf(body: Record<string, unknown>): unknown {
  const { next_page_token: _, ...content } = body;
  return Object.fromEntries(
    Object.entries(content).map(([key, value]) => [
      key,
      Array.isArray(value) ? value.map(sorted) : sorted(value),
    ]),
  );
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => JSON.stringify(sorted(one))).sort();
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([key, field]) => [key, sorted(field)] as const);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Which fields an answer has, and of which types. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, shapeOf(field)]));
}

interface Load {
  readonly connections: number;
  readonly seconds: number;
}

/** Loads a server with the lines of `file` in turn; `postgres` is the postmaster's pid, if it is on this machine. */
export async function measure(
  server: Server,
  file: string,
  { connections, seconds }: Load,
  postgres: number | undefined,
): Promise<Cell> {
  number += 1_000_000;
  const cpu = () => [cpuOf(server.pid), postgres === undefined ? undefined : cpuOf(postgres)] as const;
  const before = cpu();
  const output = await run(
    'wrk',
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '60s'],
    ...['-s', join(import.meta.dirname, 'replay.lua'), server.url, '--', file, String(number)],
  );
  const after = cpu();
  const result = JSON.parse(/^RESULT (.*)$/m.exec(output)?.[1] ?? '') as WrkResult;
  const { requests, p50, p99, failed, broken } = result;
  const perRequest = (from?: number, to?: number) =>
    from === undefined || to === undefined ? null : (to - from) / requests;
  return {
    requests,
    seconds: result.seconds,
    rate: (requests - failed) / result.seconds,
    p50,
    p99,
    errors: failed + broken,
    serverCpu: perRequest(before[0], after[0]) as number,
    postgresCpu: perRequest(before[1], after[1]),
  };
}

/** In milliseconds. */
const longestUnrest = 60_000;

/**
 * Waits until the processes use less than a tenth of a core for `window` milliseconds. A server may still be busy with
 * its start, or with what wrk left behind, and the next one would pay for it.
 */
export async function untilQuiet(pids: readonly (number | undefined)[], window = 100): Promise<void> {
  const cpu = () => pids.reduce<number>((sum, pid) => sum + (pid === undefined ? 0 : cpuOf(pid)), 0);
  const until = performance.now() + longestUnrest;
  for (let before = cpu(); performance.now() < until; ) {
    await sleep(window);
    const now = cpu();
    if (now - before <= window / 10) return;
    before = now;
  }
}

/** What replay.lua prints. */
interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
  readonly broken: number;
}

export const writeLines = (file: string, lines: readonly string[]): Promise<void> =>
  writeFile(file, lines.map((line) => `${line}\n`).join(''));
