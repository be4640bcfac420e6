/**
 * The one error class. It is thrown anywhere below `http/` and rendered once, in `http/error.ts`.
 *
 * Codes, statuses, SQLSTATEs and classes are those that MLflow 3.17.2 answers with
 * (`mlflow/exceptions.py`, `mlflow/error_classification.py`).
 */

interface Classification {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 429 | 500 | 501 | 503;
  readonly sqlstate?: string;
  readonly errorClass?: string;
}

const client = 'KAM00';
const internal = 'XXM00';

const classifications = {
  BAD_REQUEST: { status: 400, sqlstate: client, errorClass: 'INVALID_PARAMETER_VALUE' },
  INVALID_PARAMETER_VALUE: { status: 400, sqlstate: client, errorClass: 'INVALID_PARAMETER_VALUE' },
  RESOURCE_ALREADY_EXISTS: { status: 400, sqlstate: client, errorClass: 'RESOURCE_ALREADY_EXISTS' },
  RESOURCE_DOES_NOT_EXIST: { status: 404, sqlstate: client, errorClass: 'RESOURCE_NOT_FOUND' },
  NOT_FOUND: { status: 404, sqlstate: client, errorClass: 'RESOURCE_NOT_FOUND' },
  ENDPOINT_NOT_FOUND: { status: 404, sqlstate: client, errorClass: 'RESOURCE_NOT_FOUND' },
  PERMISSION_DENIED: { status: 403, sqlstate: client, errorClass: 'PERMISSION_DENIED' },
  CUSTOMER_UNAUTHORIZED: { status: 401, sqlstate: client, errorClass: 'PERMISSION_DENIED' },
  UNAUTHENTICATED: { status: 401 },
  RESOURCE_CONFLICT: { status: 409 },
  REQUEST_LIMIT_EXCEEDED: { status: 429 },
  // MLflow answers 500 here, and its Python client then retries for minutes; 400 ends the call at once.
  INVALID_STATE: { status: 400, sqlstate: internal, errorClass: 'CLIENT_INTERNAL_ERROR' },
  // As MLflow: the code has no status of its own there, so it is answered with 500; 400 for the same reason.
  FEATURE_DISABLED: { status: 400, sqlstate: client, errorClass: 'FEATURE_DISABLED' },
  NOT_IMPLEMENTED: { status: 501 },
  TEMPORARILY_UNAVAILABLE: { status: 503, sqlstate: internal, errorClass: 'CLIENT_INTERNAL_ERROR' },
  INTERNAL_ERROR: { status: 500, sqlstate: internal, errorClass: 'CLIENT_INTERNAL_ERROR' },
} as const satisfies Record<string, Classification>;

export type ErrorCode = keyof typeof classifications;

/** Classes that MLflow gives to single errors in place of their code's, with their SQLSTATEs. */
const ownClasses = { ATTRIBUTE_NOT_FOUND: 'KAM04' } as const;

interface MlflowErrorOptions extends ErrorOptions {
  readonly errorClass?: keyof typeof ownClasses;
}

export class MlflowError extends Error {
  override readonly name = 'MlflowError';
  readonly code: ErrorCode;
  readonly errorClass: MlflowErrorOptions['errorClass'];

  constructor(code: ErrorCode, message: string, options?: MlflowErrorOptions) {
    super(message, options);
    this.code = code;
    this.errorClass = options?.errorClass;
  }

  get status(): Classification['status'] {
    return classifications[this.code].status;
  }

  /** The body as MLflow writes it; `sqlstate` and `error_class` are left out for codes that have none. */
  toJSON(): Record<string, string> {
    const { sqlstate, errorClass }: Classification = this.errorClass
      ? { status: this.status, sqlstate: ownClasses[this.errorClass], errorClass: this.errorClass }
      : classifications[this.code];
    return {
      error_code: this.code,
      message: this.message,
      ...(sqlstate && { sqlstate }),
      ...(errorClass && { error_class: errorClass }),
    };
  }
}

export const invalidParameter = (message: string, options?: MlflowErrorOptions): MlflowError =>
  new MlflowError('INVALID_PARAMETER_VALUE', message, options);

export const notFound = (message: string): MlflowError => new MlflowError('RESOURCE_DOES_NOT_EXIST', message);

export const alreadyExists = (message: string): MlflowError =>
  new MlflowError('RESOURCE_ALREADY_EXISTS', message);
