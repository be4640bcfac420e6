import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import type { Rpc } from '../contract/operation.ts';
import type { Absent } from './mount.ts';

const folder = new URL('../../openapi/', import.meta.url);

/**
 * `/openapi.json`, what this server serves, in OpenAPI 3.1, and `/api-docs`, the same as a page to read. `rootPath` is
 * what a proxy before the server takes off each path.
 */
export function openapiRoutes(staticPrefix: string, rootPath: string, absent: Absent): Hono {
  const app = new Hono();
  const document = lazily(() => servedDocument(rootPath + staticPrefix, absent));
  const text = lazily(() => JSON.stringify(document()));
  const page = lazily(() => renderPage(document()));
  app.get(`${staticPrefix}/openapi.json`, (c) => c.body(text(), 200, { 'content-type': 'application/json' }));
  app.get(`${staticPrefix}/api-docs`, (c) => c.html(page()));
  // Where a person's browser looks first, until there is a web UI.
  app.get(`${staticPrefix}/`, (c) => c.redirect('api-docs'));
  return app;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly 'x-mlflow-rpc'?: Rpc;
  readonly 'x-mlflow-not-implemented'?: true;
}

const read = (name: string): Document => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

/**
 * The document that the wire is generated from, without what answers as not implemented, and with what is written by
 * hand: the routes that no descriptor has, those described as JSON that carry bytes, and those that MLflow has not.
 */
function servedDocument(prefix: string, absent: Absent): Document {
  const described = read('mlflow.openapi.json');
  const paths = { ...read('by-hand.openapi.json').paths, ...read('governance.openapi.json').paths };
  for (const [path, operations] of Object.entries(described.paths)) {
    const served = Object.entries(operations).filter(
      ([, { 'x-mlflow-rpc': rpc, 'x-mlflow-not-implemented': dead }]) =>
        !dead && !(rpc && isAbsent(rpc, absent)),
    );
    if (served.length > 0) paths[path] = { ...Object.fromEntries(served), ...paths[path] };
  }
  return { ...described, servers: [{ url: prefix || '/' }], paths } as Document;
}

const isAbsent = (rpc: Rpc, absent: Absent): boolean => {
  const operation = absent[rpc];
  return operation !== undefined && !operation.answer;
};

/** Makes it when it is first asked for: it costs every start otherwise. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function renderPage({ paths }: Document): string {
  const rows = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(
      ([verb, { operationId }]) =>
        `<tr><td>${verb.toUpperCase()}</td><td><code>${escapeHtml(path)}</code></td><td>${escapeHtml(operationId)}</td></tr>`,
    ),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tabularium API</title>
<style>body{font:15px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}code{font-size:13px}</style></head>
<body><h1>Tabularium API</h1>
<p>Every route that is served. Schemas of requests and answers are in <a href="openapi.json">openapi.json</a>.</p>
<table><thead><tr><th>Verb</th><th>Path</th><th>Operation</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></body></html>`;
}
