import { Rendered } from '../../contract/operation.ts';
import type { VersionRow } from './store.ts';

/** The document of a version with its aliases, which MLflow gives only where one version is asked for. */
export const withAliases = ({ wire, aliases }: VersionRow): string =>
  aliases === null ? wire : `${wire.slice(0, wire.lastIndexOf('}'))},"aliases":${aliases}}`;

export const answerVersion = (row: VersionRow): Rendered =>
  new Rendered(`{"model_version":${withAliases(row)}}`);

/** A list of rendered versions; like every empty list on MLflow's wire, an empty one is left out. */
export function answerVersions(versions: readonly string[], nextPageToken?: string): Rendered {
  const fields = versions.length > 0 ? [`"model_versions":[${versions.join(',')}]`] : [];
  if (nextPageToken) fields.push(`"next_page_token":${JSON.stringify(nextPageToken)}`);
  return new Rendered(`{${fields.join(',')}}`);
}
