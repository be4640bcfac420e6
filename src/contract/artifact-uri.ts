/**
 * Appends a path to a URI, before its query: `s3://b/c?q=1` and `x/y` give `s3://b/c/x/y?q=1`. What has no scheme is a
 * file's path, in which `?` means nothing.
 */
export function appendToUri(uri: string, path: string): string {
  const hasScheme = /^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri);
  const end = hasScheme ? uri.search(/[?#]/) : -1;
  const base = end < 0 ? uri : uri.slice(0, end);
  const rest = end < 0 ? '' : uri.slice(end);
  return `${base.endsWith('/') ? base : `${base}/`}${path}${rest}`;
}
