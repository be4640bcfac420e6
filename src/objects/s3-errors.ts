import { type ErrorCode, invalidParameter, MlflowError } from '../contract/error.ts';
import { behindEnd, changed, noSuch, telling } from './every-store.ts';

/** What S3 says by the names of its errors, in MLflow's codes where it has one for it (`BOTO_TO_MLFLOW_ERROR`). */
const byName: Readonly<Record<string, ErrorCode>> = {
  AccessDenied: 'PERMISSION_DENIED',
  NoSuchBucket: 'RESOURCE_DOES_NOT_EXIST',
  NoSuchUpload: 'RESOURCE_DOES_NOT_EXIST',
  InvalidAccessKeyId: 'UNAUTHENTICATED',
  SignatureDoesNotMatch: 'UNAUTHENTICATED',
  ExpiredToken: 'UNAUTHENTICATED',
  InvalidToken: 'UNAUTHENTICATED',
  SlowDown: 'TEMPORARILY_UNAVAILABLE',
};

/** A connection that could not be made, or broke. */
const unreachable = new Set(
  (
    'ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ' +
    'ERR_STREAM_PREMATURE_CLOSE'
  ).split(' '),
);

interface S3Error extends Error {
  readonly code?: string;
  readonly cause?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/**
 * One sentence for what S3, or the way to it, refused. What may pass by itself is TEMPORARILY_UNAVAILABLE, which
 * clients try again; what somebody has to mend is not.
 */
export function explained(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof MlflowError) return cause;
  const error = cause as S3Error;
  const status = error.$metadata?.httpStatusCode;
  if (error.name === 'NoSuchKey' || error.name === 'NotFound') return noSuch(path);
  const code = byName[error.name];
  if (code) return new MlflowError(code, `S3 refused: ${sentence(error)}`, { cause });
  if (error.name === 'PreconditionFailed' || status === 412) return changed(path);
  if (error.name === 'KeyTooLongError') return invalidParameter('Invalid path: it is too long', { cause });
  if (error.name === 'InvalidRange') return behindEnd(path, cause);
  if (error.name === 'CredentialsProviderError')
    return new MlflowError('INVALID_STATE', 'The server has no credentials for S3', { cause });
  if (status === 507 || /StorageFull|QuotaExceeded/.test(error.name))
    return new MlflowError('INVALID_STATE', 'The S3 server that holds the artifacts is full', { cause });
  if (status === 403)
    return new MlflowError('PERMISSION_DENIED', `S3 refused: ${sentence(error)}`, { cause });
  if (status === 404) return noSuch(path);
  if (status !== undefined && status >= 400 && status < 500)
    return invalidParameter(`S3 refused: ${sentence(error)}`, { cause });
  if ((status !== undefined && status >= 500) || error.name === 'TimeoutError' || isUnreachable(error))
    return new MlflowError('TEMPORARILY_UNAVAILABLE', 'S3, which holds the artifacts, does not answer', {
      cause,
    });
  return cause;
}

const isUnreachable = (error: S3Error): boolean =>
  unreachable.has(error.code ?? '') ||
  (error.cause instanceof Error && isUnreachable(error.cause as S3Error)) ||
  (error instanceof AggregateError && error.errors.some(isUnreachable));

/** HEAD has no body to say more than a status. */
const sentence = ({ name, message }: S3Error): string =>
  message === '' || message === 'UnknownError' ? name : message;

export const told = telling(explained);
