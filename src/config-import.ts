import { resolve } from 'node:path';
import { schemeOf } from './config-artifacts.ts';
import { type ExternalDatabase, parseDatabaseUri } from './config-database.ts';
import { StartError } from './contract/start-error.ts';

/** What `tabularium import --from` names; paths are absolute. */
export type ImportSource =
  | ExternalDatabase
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string };

/** @throws StartError for what cannot be imported from. */
export function importSourceOf(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): ImportSource {
  // A driver stands behind the scheme, as in postgresql+psycopg2.
  const scheme = schemeOf(text)?.replace(/\+.*/, '');
  if (scheme === 'postgresql' || scheme === 'postgres') return parseDatabaseUri(text, env);
  if (scheme === 'sqlite') {
    // Behind the three slashes is a path, which has another one where it is absolute.
    const path = /^[^:]*:\/\/\/([^?]+)/.exec(text)?.[1];
    if (!path) throw new StartError('--from names no file: write the URI as sqlite:///path/to/mlflow.db.');
    return { kind: 'sqlite', path: resolve(path) };
  }
  if (scheme === undefined) return { kind: 'file', path: resolve(text) };
  throw new StartError(
    scheme === 'http' || scheme === 'https'
      ? '--from takes the database of an MLflow server, not its address: give its --backend-store-uri.'
      : `--from cannot be a ${scheme}: source: give a postgresql:// or sqlite:/// URI, or the file of an export.`,
  );
}
