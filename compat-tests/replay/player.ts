import { type Answer, type Captured, normalise, parseExactly } from './normalise.ts';
import type { Step } from './step.ts';

/** Answers one request: `fetch` for a server, or an app in this process. */
export type Send = (request: Request) => Promise<Response>;

/** Sends the steps one after another to `base` (`http://127.0.0.1:5000`); the answers by the names of the steps. */
export async function play(steps: readonly Step[], send: Send, base: string): Promise<Map<string, Answer>> {
  const values = new Map<string, string>();
  const answers = new Map<string, Answer>();
  for (const step of steps) {
    if (answers.has(step.name)) throw new Error(`two steps have the name ${step.name}`);
    const response = await send(requestOf(step, base, values));
    const text = await response.text();
    capture(step, text, values);
    const names: Captured = new Map([...values].map(([name, value]) => [value, name]));
    answers.set(step.name, normalise(response, text, names, step.unordered));
  }
  return answers;
}

function requestOf(step: Step, base: string, values: ReadonlyMap<string, string>): Request {
  const url = new URL(fill(step.path, values), base);
  for (const [key, value] of Object.entries(step.query ?? {})) {
    for (const one of [value].flat()) url.searchParams.append(key, fill(one, values));
  }
  const text = step.raw ?? (step.body === undefined ? undefined : JSON.stringify(step.body));
  const headers = new Headers();
  if (text !== undefined) headers.set('content-type', 'application/json');
  for (const [key, value] of Object.entries(step.headers ?? {})) {
    if (value === null) headers.delete(key);
    else headers.set(key, value);
  }
  // Bytes, since a string as body would bring a content type of its own.
  const body = text === undefined ? undefined : new TextEncoder().encode(fill(text, values));
  return new Request(url, { method: step.method, headers, body, redirect: 'manual' });
}

function fill(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\{\{(\w+)\}\}/g, (_all, name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`no step before this one captures ${name}`);
    return value;
  });
}

function capture(step: Step, text: string, values: Map<string, string>): void {
  for (const [name, path] of Object.entries(step.capture ?? {})) {
    // Where the answer lacks it, the script goes on and the differences tell.
    values.set(name, pick(text, path) ?? `missing-${name}`);
  }
}

function pick(text: string, path: string): string | undefined {
  try {
    let value: unknown = parseExactly(text);
    for (const key of path.split('.')) {
      // Records of datasets are JSON in a text.
      const object = typeof value === 'string' ? parseExactly(value) : value;
      value = (object as Record<string, unknown>)[key];
    }
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
