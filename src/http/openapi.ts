import { readFileSync } from 'node:fs';
import { Hono } from 'hono';

const document = new URL('../../openapi/mlflow.openapi.json', import.meta.url);

/** `/openapi.json`, the document that the wire is generated from, and `/api-docs`, the same as a page to read. */
export function openapiRoutes(staticPrefix: string): Hono {
  const app = new Hono();
  const text = lazily(() => readFileSync(document, 'utf8'));
  const page = lazily(() => renderPage(JSON.parse(text())));
  app.get(`${staticPrefix}/openapi.json`, (c) => c.body(text(), 200, { 'content-type': 'application/json' }));
  app.get(`${staticPrefix}/api-docs`, (c) => c.html(page()));
  // Where a person's browser looks first, until there is a web UI.
  app.get(`${staticPrefix}/`, (c) => c.redirect('api-docs'));
  return app;
}

/** Makes the text when it is first asked for: it costs every start otherwise. */
function lazily(make: () => string): () => string {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

interface Document {
  readonly paths: Record<
    string,
    Record<string, { operationId: string; tags?: string[]; description?: string }>
  >;
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function renderPage({ paths }: Document): string {
  const rows = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs)
      .filter(([, operation]) => operation.operationId)
      .map(
        ([verb, { operationId }]) =>
          `<tr><td>${verb.toUpperCase()}</td><td><code>${escapeHtml(path)}</code></td><td>${escapeHtml(operationId)}</td></tr>`,
      ),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tabularium API</title>
<style>body{font:15px system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}code{font-size:13px}</style></head>
<body><h1>Tabularium API</h1>
<p>Every route of MLflow's REST API. Schemas of requests and answers are in <a href="openapi.json">openapi.json</a>.</p>
<table><thead><tr><th>Verb</th><th>Path</th><th>Operation</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></body></html>`;
}
