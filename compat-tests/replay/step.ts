/** One request of the script. `{{name}}` in path, query or body stands for a value captured before. */
export interface Step {
  /** Unique: `METHOD path: what is tried`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  /** `content-type` is application/json where there is a body, unless given here; null sends none. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  /** Name of the value → where it stands in the answer's JSON, e.g. `{ run1: 'run.info.run_id' }`. */
  readonly capture?: Readonly<Record<string, string>>;
  /** A list in the answer whose order MLflow does not promise. */
  readonly unordered?: string;
}

type Query = Readonly<Record<string, string | readonly string[]>>;
type More = Partial<Pick<Step, 'headers' | 'capture' | 'raw' | 'query' | 'unordered'>>;

/** A GET of an MLflow path (`registered-models/get`), or of an absolute one (`/health`). */
export function get(path: string, what: string, query: Query = {}, more: More = {}): Step {
  return { ...step('GET', path, what, more), query };
}

export function post(path: string, what: string, body?: unknown, more: More = {}): Step {
  return { ...step('POST', path, what, more), body };
}

export function patch(path: string, what: string, body?: unknown, more: More = {}): Step {
  return { ...step('PATCH', path, what, more), body };
}

export function del(path: string, what: string, body?: unknown, more: More = {}): Step {
  return { ...step('DELETE', path, what, more), body };
}

/** Any verb; the body, if any, is given as `raw`. */
export function step(method: string, path: string, what: string, more: More = {}): Step {
  return {
    name: `${method} ${path}: ${what}`,
    method,
    path: path.startsWith('/') ? path : `/api/2.0/mlflow/${path}`,
    ...more,
  };
}
