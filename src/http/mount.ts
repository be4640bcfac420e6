import { randomUUID } from 'node:crypto';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import { MlflowError } from '../contract/error.ts';
import { type OperationTable, Rendered, type Rpc } from '../contract/operation.ts';
import { type Route, routes } from '../generated/routes.ts';
import type { Rpcs } from '../generated/rpcs.ts';
import { readBody } from './body.ts';
import { type CallContext, RunningCall } from './call.ts';
import { decode, type Incoming } from './decode.ts';
import { encodeResponse } from './encode.ts';
import {
  disabled,
  methodNotAllowedPage,
  renderError,
  type TranslateError,
  trackingless,
  unserved,
} from './error.ts';
import { takeHeaders, withHeaders } from './standing-headers.ts';

/** An RPC that is not written. */
export interface AbsentOperation<R extends Rpc> {
  /** Why, for a person. */
  readonly reason: string;
  /** What an MLflow answers in which nobody has used it; without this it answers as one that is not implemented. */
  answer?(request: Rpcs[R]['request']): object;
}
export type Absent = { readonly [R in Rpc]?: AbsentOperation<R> };

export interface MountOptions extends CallContext {
  readonly operations: Partial<OperationTable<Rpc>>;
  readonly absent: Absent;
  readonly staticPrefix: string;
  readonly artifactsOnly: boolean;
  readonly serveArtifacts: boolean;
}

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
    /** The name of the route that was reached, for metrics, traces and the log: its RPC, or what `named` says. */
    operation: string | undefined;
  }
}

/** RPCs whose bodies are files: they are mounted by `artifacts.ts`. */
const streamedRpcs = [
  'downloadArtifact',
  'uploadArtifact',
  'deleteArtifact',
  'listArtifactsMlflowArtifacts',
] as const;
export type StreamedRpc = (typeof streamedRpcs)[number];
const streamed: ReadonlySet<Rpc> = new Set(streamedRpcs);

/** Bytes. MLflow has no limit; the largest value that it stores is the profile of a dataset, 16 MB before escaping. */
const bodyLimit = 32 * 1024 * 1024;

/** What MLflow's descriptors have at an address that answers nothing, and MLflow serves at another. */
const elsewhere: readonly Route[] = [
  {
    rpc: 'searchDatasets',
    service: 'MlflowService',
    method: 'POST',
    path: '/ajax-api/2.0/mlflow/experiments/search-datasets',
  },
];

/** Mounts every route of the generated table at `/api/…` and `/ajax-api/…`, below the static prefix. */
export function mountOperations(app: Hono, options: MountOptions): void {
  // As in MLflow, `datasets/search` is the search, not the dataset of that name.
  const fixedFirst = [...routes, ...elsewhere].toSorted(
    (a, b) => Number(hasParameter(a.path)) - Number(hasParameter(b.path)),
  );
  for (const route of fixedFirst) {
    if (streamed.has(route.rpc)) continue;
    const why = whyDisabled(route, options);
    const handle = makeHandler(route, options);
    for (const path of pathsOf(route, options.staticPrefix)) {
      const answer: Handler = async (c) => {
        c.set('operation', route.rpc);
        return why === undefined ? handle(c) : c.html(disabled(ruleOf(path), why), 503);
      };
      app.on(route.method, path, answer);
    }
  }
}

function whyDisabled(
  { service }: Route,
  { artifactsOnly, serveArtifacts }: MountOptions,
): string | undefined {
  if (service === 'MlflowArtifactsService') return serveArtifacts ? undefined : unserved;
  return artifactsOnly ? trackingless : undefined;
}

/** A path as Flask writes it: what may hold slashes is a `path`. */
const ruleOf = (path: string): string =>
  path.replace(/:(\w+)(\{)?[^/]*/g, (_, name, slashes) => `<${slashes ? 'path:' : ''}${name}>`);

const hasParameter = (path: string): boolean => path.includes(':');

/** `/api/…` is described; MLflow answers at `/ajax-api/…` as well, which its web UI uses. */
const pathsOf = (route: Route, prefix: string): Set<string> =>
  new Set([prefix + route.path, prefix + route.path.replace(/^\/api\//, '/ajax-api/')]);

/**
 * Answers every verb that a mounted path does not have: OPTIONS with the list of those it has, any other with 405 and
 * the same list. Call it when all routes are mounted. `logged-models/search` has the verbs of `logged-models/:model_id`,
 * too.
 */
export function refuseOtherVerbs(app: Hono): void {
  const verbs = new Map<string, Set<string>>();
  for (const { method, path } of app.routes)
    if (method !== 'ALL') verbs.set(path, (verbs.get(path) ?? new Set(['OPTIONS'])).add(method));
  const patterns = [...verbs]
    .filter(([path]) => hasParameter(path))
    .map(([path, methods]) => ({ expression: expressionOf(path), methods }));
  for (const [path, methods] of verbs) {
    for (const pattern of patterns)
      if (pattern.expression.test(path)) for (const method of pattern.methods) methods.add(method);
    if (methods.has('GET')) methods.add('HEAD');
    const allow = [...methods].join(', ');
    app.all(path, (c) => {
      if (c.req.method !== 'OPTIONS') return methodNotAllowedPage(c, allow);
      return c.body('', 200, { allow, 'content-type': 'text/html; charset=utf-8' });
    });
  }
}

/** What Hono's pattern stands for. */
const expressionOf = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/:\w+(?:\{([^}]+)\})?/g, (_, own) => own ?? '[^/]+')}$`);

type Handler = (c: Context) => Response | Promise<Response>;

/** Names a route that is mounted elsewhere; it stands before the route's handler. */
export const named =
  (operation: string): MiddlewareHandler =>
  (c, next) => {
    c.set('operation', operation);
    return next();
  };

/** A handler that with `--artifacts-only` says so instead. @param rule the path as it is told to the client. */
export const unlessArtifactsOnly =
  (artifactsOnly: boolean, rule: string, handler: Handler): Handler =>
  (c) =>
    artifactsOnly ? c.html(disabled(rule, trackingless), 503) : handler(c);

function makeHandler(route: Route, options: MountOptions): Handler {
  const operation = options.operations[route.rpc];
  if (!operation || route.notImplemented) {
    const absent = options.absent[route.rpc] as AbsentOperation<Rpc> | undefined;
    if (!absent?.answer || route.notImplemented) return async (c) => notImplemented(c);
    return async (c) => c.json(absent.answer?.(decode(route.rpc, await readRequest(c))));
  }
  // The table is keyed by RPC; inside one handler request and response are those of that RPC.
  const run = operation.run as (request: unknown, call: unknown) => Promise<object>;
  return async (c) => {
    const incoming = await readRequest(c);
    const call = new RunningCall(options, route.rpc, c.get('requestId'));
    const result = await run(decode(route.rpc, incoming), call);
    if (call.recorded.size !== Number(operation.recorded))
      throw new Error(`${route.rpc} left ${call.recorded.size} audit rows`);
    const body = result instanceof Rendered ? result.json : encodeResponse(route.rpc, result);
    return new Response(body, { headers: { 'content-type': 'application/json', ...takeHeaders(c) } });
  };
}

/** What MLflow answers for a route without a handler. */
export const notImplemented = (c: Context): Response =>
  c.body(null, 404, { 'content-type': 'text/html; charset=utf-8' });

/** What `decode` reads. */
export async function readRequest(c: Context): Promise<Incoming> {
  const { method, url } = c.req;
  const question = url.indexOf('?');
  const query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
  return {
    method,
    query,
    pathParams: c.req.param() as Record<string, string>,
    contentType: c.req.header('content-type'),
    body: method === 'GET' && question >= 0 ? '' : await readBody(c, bodyLimit),
  };
}

/**
 * Gives each request its id, which the client sees as `x-request-id` and every line of the log carries, and answers
 * whatever is thrown on its way. Requests that go well are logged at level debug.
 */
export function identifyRequests(app: Hono, log: Logger, translateError: TranslateError): void {
  app.use(async (c, next) => {
    const requestId = randomUUID();
    c.set('requestId', requestId);
    const start = performance.now();
    await withHeaders(c, { 'x-request-id': requestId }, next);
    if (!log.isLevelEnabled('debug')) return;
    const { method, path } = c.req;
    const operation = c.get('operation');
    const ms = Math.round(performance.now() - start);
    log.debug({ requestId, method, path, operation, status: c.res.status, ms }, 'request');
  });
  app.onError((error, c) => {
    const told = translateError(error);
    // For those who look at the answer on its way out.
    if (told instanceof Error) c.error = told;
    return renderError(told, c, log, c.get('requestId'));
  });
}

/** While workspaces are off, a request that names one is refused on every path but server-info. */
export const refuseWorkspaces: MiddlewareHandler = (c, next) => {
  if (!c.req.header('x-mlflow-workspace')?.trim() || c.req.path.endsWith('/mlflow/server-info'))
    return next();
  throw new MlflowError(
    'FEATURE_DISABLED',
    'Workspace APIs are not available: workspaces are not enabled on this server',
  );
};
