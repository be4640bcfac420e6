import type { Context, Next } from 'hono';

/**
 * Headers of an answer that are known before it is made. Who makes the answer may take them (`takeHeaders`) and write
 * them with its own; where nobody does, they are added to the finished answer, for which Node's server must make a
 * `Headers` of what was a plain record: of a read by key that is a tenth.
 */

declare module 'hono' {
  interface ContextVariableMap {
    standingHeaders: Readonly<Record<string, string>> | undefined;
  }
}

/** Runs what follows and sees to it that its answer has these headers. */
export async function withHeaders(
  c: Context,
  headers: Readonly<Record<string, string>>,
  next: Next,
): Promise<void> {
  c.set('standingHeaders', { ...c.get('standingHeaders'), ...headers });
  await next();
  if (!c.get('standingHeaders')) return;
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'vary') c.res.headers.append(name, value);
    else c.res.headers.set(name, value);
  }
}

/** The headers that the answer must have; who takes them puts them on it. */
export function takeHeaders(c: Context): Readonly<Record<string, string>> {
  const headers = c.get('standingHeaders') ?? {};
  c.set('standingHeaders', undefined);
  return headers;
}
