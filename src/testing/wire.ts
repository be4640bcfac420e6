import type { TestApp } from './make-app.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: an answer's shape is what the test is about
  readonly body: any;
}

/** Speaks MLflow's REST API to an app in process: `await api.post('registered-models/create', { name })`. */
export function wire(app: Pick<TestApp, 'request'>) {
  const send = async (method: string, path: string, body?: object): Promise<Answer> => {
    const response = await app.request(`/api/2.0/mlflow/${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  return {
    get: (path: string, query: Record<string, string> = {}) =>
      send('GET', `${path}?${new URLSearchParams(query).toString()}`),
    post: (path: string, body: object) => send('POST', path, body),
    patch: (path: string, body: object) => send('PATCH', path, body),
    delete: (path: string, body: object) => send('DELETE', path, body),
  };
}

/** Runs the same thing many times at once. */
export const atOnce = <T>(times: number, one: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, i) => one(i)));
