import { MlflowError } from '../contract/error.ts';

interface PostgresError extends Error {
  code: string;
  constraint_name?: string;
  routine?: string;
}

const isPostgresError = (error: unknown): error is PostgresError =>
  error instanceof Error && error.name === 'PostgresError';

/** `await insert(…).catch(onUnique(() => alreadyExists(…)))`; every other error passes. */
export const onUnique =
  (translate: (constraint: string | undefined) => Error) =>
  (error: unknown): never => {
    throw isPostgresError(error) && error.code === '23505' ? translate(error.constraint_name) : error;
  };

/** Connection codes of postgres.js and the SQLSTATEs of a server that starts, stops, has no slot left or not the database. */
const unavailable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08000',
  '08003',
  '08006',
  '08001',
  '08004',
  '3D000',
]);

/** PgBouncer calls all that keeps it from serving a protocol violation; Postgres, unlike it, names its routine. */
const isPoolers = (error: Error): boolean =>
  isPostgresError(error) && error.code === '08P01' && error.routine === undefined;

/**
 * What an error of the database means to a client: the database is away (503), or the client sent a value that
 * Postgres cannot hold (400). Anything else is a bug and stays as it is.
 */
export function translateDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof MlflowError) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return error;
  // A file that is missing has the code of a socket that is.
  if (code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall !== 'connect') return error;
  if (unavailable.has(code) || isPoolers(error))
    return new MlflowError(
      'TEMPORARILY_UNAVAILABLE',
      'The database does not answer; try again in a moment.',
      { cause: error },
    );
  if (code === '53100' || code === '53200')
    return new MlflowError(
      'TEMPORARILY_UNAVAILABLE',
      'The database has no room left on its disk or in its memory; try again when there is some.',
      { cause: error },
    );
  // Two writers that wait for each other, of which Postgres ends one.
  if (code === '40P01' || code === '40001')
    return new MlflowError(
      'TEMPORARILY_UNAVAILABLE',
      'Another request changes the same; try again in a moment.',
      {
        cause: error,
      },
    );
  // 22021: a NUL or broken character in text; 22P05: the same in jsonb; 22003: a number out of its column's range.
  if (code === '22021' || code === '22P05')
    return new MlflowError(
      'INVALID_PARAMETER_VALUE',
      'A string literal cannot contain NUL (0x00) characters.',
      { cause: error },
    );
  // 22001: MLflow's column lengths, e.g. `value too long for type character varying(256)`. 2201B: a broken pattern of
  // RLIKE.
  if (code === '22001' || code === '2201B')
    return new MlflowError('INVALID_PARAMETER_VALUE', error.message, { cause: error });
  // More parameters than the protocol counts, or more conditions than Postgres nests.
  if (code === 'MAX_PARAMETERS_EXCEEDED' || code === '54001')
    return new MlflowError('INVALID_PARAMETER_VALUE', 'The request has too many conditions.', {
      cause: error,
    });
  if (code === '22003')
    return new MlflowError('INVALID_PARAMETER_VALUE', 'A number is out of range.', { cause: error });
  return error;
}
