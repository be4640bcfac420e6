import {
  type Attributes,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import type { Context, MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { MlflowError } from '../contract/error.ts';
import type { WatchDatabase } from './call.ts';
import { unmeasuredPaths } from './health.ts';

export interface Tracing {
  /** Leaves a span, and a value of `http.server.request.duration`, for each request but those of machines. */
  readonly trace: MiddlewareHandler;
  /** Leaves a span for each use of the database, below that of the request. */
  readonly watch: WatchDatabase;
}

/** The trace that a client's headers continue. */
const headers: TextMapGetter<Context> = {
  get: (c, name) => c.req.header(name),
  keys: (c) => Object.keys(c.req.header()),
};

/** The boundaries that the semantic conventions advise, in seconds. */
const explicitBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/**
 * Spans by OpenTelemetry's semantic conventions for HTTP servers and databases, without what may be confidential: the
 * query of a URL holds filters and names, headers hold credentials, statements hold values. Call it when the SDK runs.
 */
export function createTracing({ staticPrefix, version }: { staticPrefix: string; version: string }): Tracing {
  const tracer = trace.getTracer('tabularium', version);
  const duration = metrics.getMeter('tabularium', version).createHistogram('http.server.request.duration', {
    description: 'Duration of HTTP server requests.',
    unit: 's',
    advice: { explicitBucketBoundaries },
  });
  const untraced = unmeasuredPaths(staticPrefix);

  return {
    trace: async (c, next) => {
      const { method, path, url } = c.req;
      if (untraced.has(path)) return next();
      const start = performance.now();
      const known = { 'http.request.method': method, 'url.scheme': url.slice(0, url.indexOf(':')) };
      const attributes = { ...known, 'url.path': path, 'user_agent.original': c.req.header('user-agent') };
      const parent = propagation.extract(ROOT_CONTEXT, c, headers);
      return tracer.startActiveSpan(method, { kind: SpanKind.SERVER, attributes }, parent, async (span) => {
        await next();
        const operation = c.get('operation');
        const answered: Attributes = { 'http.response.status_code': c.res.status };
        if (operation !== undefined) {
          span.updateName(operation);
          answered['http.route'] = routePath(c, -1);
        }
        if (c.res.status >= 500) {
          span.setStatus({ code: SpanStatusCode.ERROR });
          answered['error.type'] = String(c.res.status);
        }
        span.setAttributes({ ...answered, 'http.response.header.x-request-id': [c.get('requestId')] });
        if (c.error instanceof MlflowError) span.setAttribute('mlflow.error_code', c.error.code);
        span.end();
        duration.record((performance.now() - start) / 1000, { ...known, ...answered });
      });
    },
    watch: (verb, use) =>
      tracer.startActiveSpan(
        verb,
        { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'postgresql' } },
        async (span) => {
          try {
            return await use();
          } catch (error) {
            // What the client did wrong is no failure of the database.
            if (!(error instanceof MlflowError)) {
              span.setStatus({ code: SpanStatusCode.ERROR });
              span.setAttribute('error.type', String((error as { code?: unknown }).code ?? '_OTHER'));
            }
            throw error;
          } finally {
            span.end();
          }
        },
      ),
  };
}
