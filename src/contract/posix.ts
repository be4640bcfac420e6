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
