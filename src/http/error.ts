import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from 'pino';
import { MlflowError } from '../contract/error.ts';

/** Turns what the database threw into what the client may see; handed in, because `http/` knows no database. */
export type TranslateError = (error: unknown) => unknown;

/**
 * The one place where an error becomes an answer. What is no `MlflowError` is a bug: it is logged with the request's
 * id, and the client gets the id and nothing else.
 */
export function renderError(error: unknown, c: Context, log: Logger, requestId: string): Response {
  if (error instanceof MlflowError) {
    // What is not implemented is no failure: a client may ask for it at will.
    if (error.status >= 500 && error.code !== 'NOT_IMPLEMENTED')
      log.error({ requestId, err: error.cause ?? error }, error.message);
    return c.json(error.toJSON(), error.status as ContentfulStatusCode);
  }
  log.error({ requestId, err: error }, 'unexpected error');
  const internal = new MlflowError(
    'INTERNAL_ERROR',
    `The server met an unexpected error; its log has more under request id ${requestId}.`,
  );
  return c.json(internal.toJSON(), 500);
}

const page = (title: string, text: string): string =>
  `<!doctype html>\n<html lang=en>\n<title>${title}</title>\n<h1>${title.slice(4)}</h1>\n<p>${text}</p>\n`;

/** An unknown path, as MLflow's web server shows it; one with doubled slashes leads to the path without. */
export const notFoundPage =
  (rootPath: string) =>
  (c: Context): Response => {
    if (c.req.path.includes('//')) return redirectPage(c, rootPath);
    return c.html(
      page(
        '404 Not Found',
        'The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.',
      ),
      404,
    );
  };

function redirectPage(c: Context, rootPath: string): Response {
  const url = new URL(c.req.url);
  url.pathname = rootPath + url.pathname.replace(/\/{2,}/g, '/');
  const link = url.href.replaceAll('&', '&amp;');
  const text = `You should be redirected automatically to the target URL: <a href="${link}">${link}</a>. If not, click the link.`;
  return c.html(
    `<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n<p>${text}\n`,
    308,
    { location: url.href },
  );
}

/** A known path with a verb it does not have, and the verbs it has. */
export const methodNotAllowedPage = (c: Context, allow: string): Response =>
  c.html(page('405 Method Not Allowed', 'The method is not allowed for the requested URL.'), 405, { allow });

/** What an endpoint says that a flag of the server has switched off. */
export const disabled = (rule: string, why: string): string => `Endpoint: ${rule} disabled due to ${why}`;

export const trackingless =
  'the mlflow server running in `--artifacts-only` mode. To enable tracking server functionality, run ' +
  '`mlflow server` without `--artifacts-only`';

export const unserved =
  'the mlflow server running with `--no-serve-artifacts`. To enable artifacts server functionality, ' +
  'run `mlflow server` with `--serve-artifacts`';
