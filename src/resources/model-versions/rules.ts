import { invalidParameter, MlflowError, notFound } from '../../contract/error.ts';
import { readInteger } from '../../contract/python.ts';

export interface ParsedVersion {
  /** The number as MLflow prints it in its messages. */
  readonly text: string;
  /** undefined where no version can have that number: zero, negative, or past the column's range. */
  readonly number: number | undefined;
}

/** Reads a version number as Python's `int()` does. */
export function parseVersion(text = ''): ParsedVersion {
  const value = readInteger(text);
  if (value === undefined) throw invalidParameter(`Parameter 'version' must be an integer, got '${text}'.`);
  return { text: String(value), number: value > 0n && value <= 2_147_483_647n ? Number(value) : undefined };
}

export const versionNotFound = (name: string, version: string | number): MlflowError =>
  notFound(`Model Version (name=${name}, version=${version}) not found`);

export const versionLabel = (name: string, version: string | number): string => `${name}/${version}`;

/** Refuses to hand out or to copy what could not be kept: nobody knows what lies there. */
export function refuseFailed(
  name: string,
  {
    version,
    status,
    status_message: why,
  }: { version: number; status: string; status_message: string | null },
): void {
  if (status !== 'FAILED_REGISTRATION') return;
  throw new MlflowError(
    'INVALID_STATE',
    `Model Version (name=${name}, version=${version}) could not be registered${why ? `: ${why}` : ''}`,
  );
}
