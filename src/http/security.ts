import type { Context, MiddlewareHandler } from 'hono';
import { probePaths } from './health.ts';
import { withHeaders } from './standing-headers.ts';

export interface SecurityOptions {
  /** Host patterns; `*` among them turns the check off. */
  readonly allowedHosts: readonly string[];
  /** Origins besides those of localhost; `*` among them allows every origin, then without credentials. */
  readonly corsAllowedOrigins: readonly string[];
  /** `NONE` in any case sends no header. */
  readonly xFrameOptions: string;
  readonly staticPrefix: string;
}

// What a page of these origins may read; whatever names these hosts may write, whichever its scheme and port.
const localOrigin = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$/;
const localHosts = new Set(['localhost', '127.0.0.1', '[::1]']);
/** The one page that is made to be framed, by notebooks. MLflow looks for it without a prefix. */
const framed = '/static-files/lib/notebook-trace-renderer/';
const changing = new Set(['POST', 'PUT', 'DELETE', 'PATCH']);

/**
 * The three walls of MLflow 3.17.2 against web pages (`mlflow/server/fastapi_security.py`), with its statuses,
 * words and order: the Host must be expected (DNS rebinding); a page of a foreign origin may change nothing, and
 * read only if it is allowed (as Starlette's CORSMiddleware answers); nobody frames the UI or guesses content types.
 */
export function createSecurity(options: SecurityOptions): MiddlewareHandler {
  const { corsAllowedOrigins, staticPrefix } = options;
  const everyOrigin = corsAllowedOrigins.includes('*');
  const hostAllowed = options.allowedHosts.includes('*') ? () => true : matcher(options.allowedHosts);
  const mayRead = (origin: string) =>
    everyOrigin || localOrigin.test(origin) || corsAllowedOrigins.includes(origin);
  const inPatterns = matcher(corsAllowedOrigins);
  const mayWrite = (origin: string) => everyOrigin || isLocal(origin) || inPatterns(origin);
  const frames = options.xFrameOptions.toUpperCase();
  const unframed = { 'x-content-type-options': 'nosniff' };
  const standing = { ...unframed, ...(frames !== 'NONE' && { 'x-frame-options': frames }) };

  const probes = probePaths(staticPrefix);
  const apis = [`${staticPrefix}/api/`, `${staticPrefix}/ajax-api/`];
  // MLflow serves these without the prefix, too.
  apis.push('/api/2.0/mlflow-artifacts/artifacts', '/ajax-api/2.0/mlflow-artifacts/artifacts');
  const isApi = (path: string) => apis.some((start) => path.startsWith(start));
  // MLflow leaves GraphQL out, though it changes nothing there either.
  const isGuarded = (path: string) => path === `${staticPrefix}/graphql` || isApi(path);

  return async (c, next) => {
    const { method, path } = c.req;
    if (!probes.has(path) && !hostAllowed(c.req.header('host') ?? '')) {
      return plain(c, 403, 'Invalid Host header - possible DNS rebinding attack detected');
    }

    const origin = c.req.header('origin');
    if (origin && method === 'OPTIONS' && c.req.header('access-control-request-method') !== undefined) {
      return preflight(c, origin, mayRead(origin), everyOrigin);
    }

    const access = accessOf(origin, mayRead, everyOrigin);
    if (origin && changing.has(method) && isGuarded(path) && !mayWrite(origin))
      return plain(c, 403, 'Cross-origin request blocked', access);
    await withHeaders(c, { ...(path.startsWith(framed) ? unframed : standing), ...access }, next);
    if (method === 'OPTIONS' && c.res.status === 200 && isApi(path)) {
      c.res = new Response(null, { status: 204, headers: c.res.headers });
    }
    return undefined;
  };
}

/** What a page of the origin may do with the answer. */
function accessOf(
  origin: string | undefined,
  mayRead: (origin: string) => boolean,
  everyOrigin: boolean,
): Record<string, string> {
  const vary = { vary: 'Origin' };
  if (!origin) return vary;
  const exposed = { ...vary, 'access-control-expose-headers': '*' };
  if (everyOrigin) return { ...exposed, 'access-control-allow-origin': '*' };
  return {
    ...exposed,
    'access-control-allow-credentials': 'true',
    ...(mayRead(origin) && { 'access-control-allow-origin': origin }),
  };
}

const listedMethods = ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const everyMethod = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY'];

function preflight(c: Context, origin: string, allowed: boolean, everyOrigin: boolean): Response {
  const methods = everyOrigin ? everyMethod : listedMethods;
  const wanted = c.req.header('access-control-request-headers');
  const refused = [
    ...(allowed ? [] : ['origin']),
    ...(methods.includes(c.req.header('access-control-request-method') ?? '') ? [] : ['method']),
    ...(c.req.header('access-control-request-private-network') === undefined ? [] : ['private-network']),
  ];
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network',
    'access-control-allow-methods': methods.join(', '),
    'access-control-max-age': '600',
    ...(everyOrigin
      ? { 'access-control-allow-origin': '*' }
      : { 'access-control-allow-credentials': 'true' }),
    ...(!everyOrigin && allowed && { 'access-control-allow-origin': origin }),
    ...(wanted !== undefined && { 'access-control-allow-headers': wanted }),
  };
  return refused.length === 0
    ? c.body('OK', 200, headers)
    : c.body(`Disallowed CORS ${refused.join(', ')}`, 400, headers);
}

function plain(c: Context, status: 403, text: string, headers: Record<string, string> = {}): Response {
  return c.body(text, status, { 'content-type': 'text/plain', ...headers });
}

function isLocal(origin: string): boolean {
  return URL.canParse(origin) && localHosts.has(new URL(origin).hostname);
}

/** Whether a text is one of the patterns: with a `*` in it as Python's `fnmatch` reads it, without one literally. */
function matcher(patterns: readonly string[]): (text: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*')).map(fnmatchSource);
  const expression = wild.length > 0 ? new RegExp(`^(?:${wild.join('|')})$`, 's') : undefined;
  return (text) => exact.has(text) || (expression?.test(text) ?? false);
}

function fnmatchSource(pattern: string): string {
  return pattern.replace(/\*|\?|\[!?\]?[^\]]*\]|[\s\S]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    if (token.length === 1) return token.replace(/[\\^$.+?()[\]{}|]/, '\\$&');
    const negated = token[1] === '!';
    const members = token.slice(negated ? 2 : 1, -1).replace(/[\\[\]^]/g, '\\$&');
    return `[${negated ? '^' : ''}${members}]`;
  });
}
