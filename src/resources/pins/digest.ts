import { MlflowError, notFound } from '../../contract/error.ts';
import { parseManifest, rootDigest, statementOf } from '../../contract/manifest.ts';
import type { Scope } from '../../contract/scope.ts';
import type { Sql } from '../../contract/sql.ts';
import { parseVersion, versionNotFound } from '../model-versions/rules.ts';
import { findKeeping, knowsPins } from './store.ts';

/**
 * The answer of `…/versions/{version}/digest`: JSON.
 *
 * @throws RESOURCE_DOES_NOT_EXIST where there is no such version, or it is a pointer; RESOURCE_CONFLICT while its files
 *   are copied and hashed; FEATURE_DISABLED where the database is from before there were digests.
 */
export async function versionDigest(sql: Sql, scope: Scope, name: string, text: string): Promise<string> {
  const version = parseVersion(text);
  if (!(await knowsPins(sql)))
    throw new MlflowError('FEATURE_DISABLED', 'The database is not migrated yet: it knows no digests');
  const keeping =
    version.number === undefined ? undefined : await findKeeping(sql, scope, name, version.number);
  if (!keeping) throw versionNotFound(name, version.text);
  const { status, pin, address, manifest } = keeping;
  if (pin === null)
    throw notFound(
      status === 'FAILED_REGISTRATION'
        ? `Model Version (name=${name}, version=${version.text}) has no digest: it could not be registered`
        : `Model Version (name=${name}, version=${version.text}) has no digest: it is a pointer to files that were not ` +
            'copied when it was registered',
    );
  if (manifest === null)
    throw new MlflowError(
      'RESOURCE_CONFLICT',
      `The files of Model Version (name=${name}, version=${version.text}) are still being copied and hashed`,
    );
  const files = parseManifest(manifest);
  const { predicate } = statementOf(name, files);
  return JSON.stringify({
    name,
    version: version.text,
    digest: `sha256:${rootDigest(files)}`,
    address: `sha256:${address}`,
    files,
    manifest: predicate,
  });
}
