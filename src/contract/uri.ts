import { invalidParameter, type MlflowError } from './error.ts';

export interface Uri {
  /** Lower case, '' where there is none. */
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

const schemesWithParameters = new Set([
  '',
  'ftp',
  'http',
  'https',
  'rtsp',
  'rtspu',
  'sip',
  'sips',
  'mms',
  'sftp',
  'tel',
]);

/** Splits a URI as Python's `urllib.parse.urlparse` does, which decides what MLflow takes for a scheme or a path. */
export function parseUri(text: string): Uri {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what urlparse strips
  let rest = text.replace(/^[\u0000-\u0020]+/, '').replace(/[\t\r\n]/g, '');
  let scheme = '';
  const found = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(rest);
  if (found) {
    scheme = (found[1] as string).toLowerCase();
    rest = rest.slice(found[0].length);
  }
  let authority = '';
  if (rest.startsWith('//')) {
    const end = rest.slice(2).search(/[/?#]/);
    authority = end < 0 ? rest.slice(2) : rest.slice(2, 2 + end);
    rest = end < 0 ? '' : rest.slice(2 + end);
  }
  rest = rest.replace(/#.*$/s, '').replace(/\?.*$/s, '');
  if (schemesWithParameters.has(scheme)) rest = rest.replace(/;[^/]*$/, '');
  return { scheme, authority, path: rest };
}

/** Undoes percent-encoding once; what is no valid encoding stays as it is, as in Python's `unquote`. */
export function unquote(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/** Undoes percent-encoding until nothing changes, so that a doubly encoded `..` is seen. */
export function unquoteFully(text: string, once: (text: string) => string = unquote): string {
  let current = text;
  for (;;) {
    const next = once(current);
    if (next === current) return current;
    current = next;
  }
}

const defaultPorts: Record<string, readonly number[]> = {
  ftp: [21],
  sftp: [22],
  http: [80],
  https: [443],
  'mlflow-artifacts': [80, 443],
  r2: [443],
  b2: [443],
  abfss: [443],
  hdfs: [],
  viewfs: [],
};
const families: Record<string, string> = { viewfs: 'hdfs', https: 'http', 'mlflow-artifacts': 'http' };

/** The `family host port` targets that a URI would make a server connect to; undefined where it names no host. */
function targets({ scheme, authority }: Uri): Set<string> | undefined {
  const ports = defaultPorts[scheme];
  if (!ports || (scheme === 'mlflow-artifacts' && authority === '')) return undefined;
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const [, name, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) ?? [];
  if (/[\\\s]/.test(authority) || name === undefined || Number(port) > 65535)
    return new Set([`malformed ${authority}`]);
  const family = families[scheme] ?? scheme;
  const wanted = port ? [Number(port)] : ports.length > 0 ? ports : [undefined];
  return new Set(wanted.map((p) => `${family} ${name.toLowerCase()} ${p}`));
}

export interface HostPolicy {
  /** MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES, lower case. */
  readonly allowedHostAddressedSchemes: readonly string[];
  /** The server's own roots: a location on one of their hosts is always accepted. */
  readonly trustedArtifactUris: readonly string[];
}

/**
 * Refuses a location whose scheme would make a server connect to a host that the client names
 * (`mlflow/store/artifact/host_policy.py`).
 */
export function refuseHostAddressed(uri: string, field: string, policy: HostPolicy): void {
  const parsed = parseUri(uri);
  const wanted = targets(parsed);
  if (!wanted || policy.allowedHostAddressedSchemes.includes(parsed.scheme)) return;
  for (const trusted of policy.trustedArtifactUris)
    for (const target of targets(parseUri(trusted)) ?? []) if (wanted.has(target)) return;
  throw invalidParameter(
    `'${field}' cannot use the '${parsed.scheme}' scheme: the '${parsed.scheme}' scheme addresses a host other than ` +
      "the tracking server's configured artifact storage, so the server would connect to the host named in the URI. " +
      'Set the MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES environment variable on the server to allow it.',
  );
}

/** The refusal of a `file:` URI that names another machine. */
export const foreignFile = (uri: string): MlflowError =>
  invalidParameter(
    `${uri} is not a valid remote uri. For remote access on windows, please consider using a different scheme ` +
      'such as SMB (e.g. smb://<hostname>/<path>).',
  );
