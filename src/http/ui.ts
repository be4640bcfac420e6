import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Context, Hono } from 'hono';
import { getMimeType } from 'hono/utils/mime';
import { namesEtag } from './conditional.ts';
import { mlflowVersion } from './health.ts';
import { named } from './mount.ts';
import { takeHeaders } from './standing-headers.ts';

export interface UiRoutes {
  /** Empty, or `/…` without a trailing slash. */
  readonly staticPrefix: string;
  /** The path below which a proxy shows this server: empty, or without a trailing slash. */
  readonly rootPath: string;
  /** Where the build of the web UI lies, once it is there. */
  readonly folder: string;
  /** What is done about it until then, or why it will not come, in one sentence. */
  readonly progress: () => string;
}

/** The endings of a file's compressed forms, by their names on the wire, the smallest first. */
const encodings = { br: '.br', gzip: '.gz' } as const;
type Encoding = keyof typeof encodings;

interface UiFile {
  readonly path: string;
  readonly type: string;
  readonly cacheControl: string;
  readonly encodings: readonly Encoding[];
}

/**
 * What the page may do: run the scripts that come from here and no others, so that those in names, descriptions and
 * artifacts stay text. Its styles are made by its scripts; pictures in descriptions may come from anywhere, the one
 * video in it from MLflow's site.
 */
const policy = [
  "default-src 'none'",
  // The plot of parallel coordinates makes code of text that its library brings.
  "script-src 'self' 'unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob: https:",
  "font-src 'self' data:",
  "media-src 'self' blob: data: https://mlflow.org",
  "connect-src 'self'",
  "frame-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
].join('; ');

/** Mounts MLflow's web UI as MLflow does: the page at `/`, all that belongs to it below `/static-files/`. */
export function mountUi(app: Hono, { staticPrefix, rootPath, folder, progress }: UiRoutes): void {
  let found: ReadonlyMap<string, UiFile> | undefined;
  const files = () => {
    found ??= listFiles(folder);
    return found;
  };
  if (staticPrefix !== '')
    app.get(staticPrefix, named('ui'), (c) => c.redirect(`${rootPath}${staticPrefix}/`, 308));
  app.get(`${staticPrefix}/`, named('ui'), async (c) => {
    const index = files()?.get('index.html');
    return index ? send(c, index) : c.html(waitingPage(progress()), 503, waitingHeaders);
  });
  app.get(`${staticPrefix}/static-files/:path{.+}`, named('static-files'), async (c) => {
    const file = files()?.get(c.req.param('path'));
    return file ? send(c, file) : c.notFound();
  });
}

/** The files of the build by their path in it; undefined where it is not there. Read once: nothing changes it. */
function listFiles(folder: string): Map<string, UiFile> | undefined {
  if (!statSync(folder, { throwIfNoEntry: false })) return undefined;
  const names = new Set(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/')),
  );
  const forms = Object.entries(encodings) as [Encoding, string][];
  const isForm = (name: string) =>
    forms.some(([, ending]) => name.endsWith(ending) && names.has(name.slice(0, -ending.length)));
  return new Map(
    [...names]
      .filter((name) => !isForm(name))
      .map((name) => [
        name,
        {
          path: join(folder, name),
          type: getMimeType(name) ?? 'application/octet-stream',
          cacheControl: hashedName.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
          encodings: forms.filter(([, ending]) => names.has(name + ending)).map(([encoding]) => encoding),
        },
      ]),
  );
}

/** A name with a hash of what is in the file: under it there will never be anything else. */
const hashedName = /\.[0-9a-f]{8,32}\.[^/]+$/;

async function send(c: Context, file: UiFile): Promise<Response> {
  const { vary, ...standing } = takeHeaders(c);
  const encoding = file.encodings.find((one) => accepts(c.req.header('accept-encoding'), one));
  // One build belongs to one version, whose wheel is pinned.
  const etag = `"${mlflowVersion}${encoding ? `-${encoding}` : ''}"`;
  const headers = {
    ...standing,
    'content-security-policy': policy,
    'cache-control': file.cacheControl,
    vary: vary ? `Accept-Encoding, ${vary}` : 'Accept-Encoding',
    etag,
  };
  if (namesEtag(c.req.header('if-none-match') ?? '', etag))
    return new Response(null, { status: 304, headers });
  const bytes = await readFile(encoding ? file.path + encodings[encoding] : file.path);
  return new Response(bytes, {
    headers: {
      ...headers,
      'content-type': file.type,
      'content-length': String(bytes.length),
      ...(encoding && { 'content-encoding': encoding }),
    },
  });
}

/** Whether `Accept-Encoding` names it, and not with the weight of none. */
const accepts = (header: string | undefined, encoding: Encoding): boolean =>
  new RegExp(`(^|[\\s,])${encoding}\\s*(,|$|;(?!\\s*q=0(\\.0*)?\\s*(,|$)))`, 'i').test(header ?? '');

const waitingHeaders = {
  'cache-control': 'no-store',
  'retry-after': '1',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
};

const waitingPage = (text: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<title>Tabularium</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 20vh auto 0; padding: 0 1em }</style>
<h1>Tabularium</h1>
<p>${text.replace(/[<&]/g, (sign) => (sign === '<' ? '&lt;' : '&amp;'))}</p>
<p>The API answers meanwhile. This page looks again every second.</p>
</html>
`;
