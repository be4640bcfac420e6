import type { Answer } from './normalise.ts';

/** Requests that Tabularium answers otherwise than MLflow, on purpose. */
export interface Allowed {
  /** Names of steps, whole or as a pattern. Each must differ: what has become the same is to be deleted here. */
  readonly requests: readonly (string | RegExp)[];
  readonly reason: string;
  /** Where it differs because of copies, which a database from before them does not know. */
  readonly copies?: true;
  /** Our answer, made from MLflow's. */
  readonly ours: (recorded: Answer) => Answer;
}

export const INVALID = 'INVALID_PARAMETER_VALUE';

export const JSON_HEADERS = {
  'content-type': 'application/json',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
};

/** An error as both servers write it. */
export function error(status: number, code: string, message: string): Answer {
  const errorClass: Record<string, string> = {
    RESOURCE_DOES_NOT_EXIST: 'RESOURCE_NOT_FOUND',
    BAD_REQUEST: INVALID,
  };
  return {
    status,
    headers: JSON_HEADERS,
    body: { error_class: errorClass[code] ?? code, error_code: code, message, sqlstate: 'KAM00' },
  };
}
