import { Rendered } from '../../contract/operation.ts';
import type { VersionRow } from './store.ts';

/** The document of a version with its aliases, which MLflow gives only where one version is asked for. */
export const withAliases = ({ wire, aliases }: VersionRow): string =>
  aliases === null ? wire : `${wire.slice(0, wire.lastIndexOf('}'))},"aliases":${aliases}}`;

export const answerVersion = (row: VersionRow): Rendered =>
  new Rendered(`{"model_version":${withAliases(row)}}`);
