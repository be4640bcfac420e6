import { getMimeType } from 'hono/utils/mime';

/** Endings, and whole names without one, that MLflow's UI shows as text (`mlflow/utils/mime_type_utils.py`). */
const text = new Set(
  (
    'txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst ipynb ' +
    'MLmodel mlproject'
  ).split(' '),
);

/** What Python's `mimetypes` knows and Hono's table does not, or knows otherwise. */
const others: Readonly<Record<string, string>> = {
  h5: 'application/x-hdf5',
  tar: 'application/x-tar',
  tgz: 'application/x-tar',
};

const unknown = 'application/octet-stream';

/**
 * Headers by which a browser saves an artifact instead of showing it: shown, HTML or SVG would run as a page of this
 * server. Content-Type is what MLflow answers.
 */
export function attachmentHeaders(path: string, size: number): Record<string, string> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return {
    'Content-Type': mimeType(name),
    'Content-Length': String(size),
    'Content-Disposition': attachment(name),
    // In the spelling of the header that most answers have: two spellings would be two headers.
    'x-content-type-options': 'nosniff',
    // Where something shows it all the same, it has no origin, no script and nothing to load.
    'Content-Security-Policy': "sandbox; default-src 'none'",
  };
}

export function mimeType(name: string): string {
  const ending = endingOf(name);
  if (text.has(ending === '' ? name : ending)) return 'text/plain';
  return guessedType(name);
}

/** What Python's `mimetypes` guesses, without the endings that MLflow shows as text. */
export function guessedType(name: string): string {
  // To Python these endings are an encoding, and the type is that of the name before it.
  const compressed = /^(.+)\.(gz|bz2|xz|Z|br)$/.exec(name)?.[1];
  if (compressed !== undefined) return typeOf(compressed);
  return typeOf(name);
}

function typeOf(name: string): string {
  return others[endingOf(name).toLowerCase()] ?? getMimeType(name)?.split(';')[0] ?? unknown;
}

/** Without its dot; a name that only begins with a dot has none. */
function endingOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1) : '';
}

/** RFC 6266, with an ASCII name beside the encoded one for what is not ASCII. */
function attachment(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  const ascii = name.normalize('NFKD').replace(/[^\u0000-\u007f]/g, '');
  if (ascii === name) return `attachment; filename=${quoted(name)}`;
  const encoded = encodeURIComponent(name.toWellFormed())
    .replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(23|24|26|2B|5E|60|7C)/g, decodeURIComponent);
  return `attachment; filename=${quoted(ascii || 'download')}; filename*=UTF-8''${encoded}`;
}

/** As it is if it is a token (RFC 9110), else as a quoted string. */
function quoted(value: string): string {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}
