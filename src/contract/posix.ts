/** What Python's `posixpath.normpath` answers, by which MLflow tells whether a name would lead to another path. */
export function normalPath(path: string): string {
  if (path === '') return '.';
  // POSIX lets exactly two leading slashes mean something of their own.
  const root = /^\/\/(?!\/)/.test(path) ? '//' : path.startsWith('/') ? '/' : '';
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..' || (root === '' && (parts.length === 0 || parts.at(-1) === '..'))) parts.push(part);
    else parts.pop();
  }
  return root + parts.join('/') || '.';
}

/** Why a name may not be used where MLflow could take it for a file's: it leads elsewhere. Undefined where it may. */
export function pathRefusal(name: string): string | undefined {
  if (/^[^./][^/]*$/.test(name)) return undefined;
  const normal = normalPath(name);
  if (normal === name && normal !== '.' && !normal.startsWith('..') && !normal.startsWith('/'))
    return undefined;
  return (
    'Names may be treated as files in certain cases, and must not resolve to other names when treated as such. ' +
    `This name would resolve to '${normal}'`
  );
}
