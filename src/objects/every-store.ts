import { invalidParameter, MlflowError, notFound } from '../contract/error.ts';
import type { StoredEntry } from './object-store.ts';

/** What all stores do and say alike. */

/**
 * The names in a path; empty ones and dots mean nothing. Whoever calls has checked the path; that it does not lead
 * upwards is made sure here.
 */
export function namesIn(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.some((name) => name === '..' || /[\0\\]/.test(name))) throw invalidParameter('Invalid path');
  return names;
}

/** UTF-8 orders by code point, as MLflow does; JavaScript's own order differs outside the basic plane. */
export const byCodePoint = (a: StoredEntry, b: StoredEntry): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));

export const noSuch = (path: string): MlflowError => notFound(`No such artifact: '${path}'`);

/** A file that was to be copied as long as it is known by an etag. */
export const changed = (path: string): MlflowError =>
  new MlflowError('RESOURCE_CONFLICT', `The artifact '${path}' has changed meanwhile`);

export const behindEnd = (path: string, cause?: unknown): MlflowError =>
  invalidParameter(`The range begins behind the end of '${path}'`, { cause });

export const brokeOff = (size: number, length: number): MlflowError =>
  invalidParameter(`The upload broke off: ${size} of ${length} bytes came.`);

/** All of a body that is short. */
export const whole = async (body: AsyncIterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> =>
  Buffer.concat(await Array.fromAsync(body));

/** Has failures told as a store words them: `one` those of a promise, `each` those of a walk. */
export const telling = (explained: (path: string, cause: unknown) => unknown) => ({
  async one<T>(path: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw explained(path, error);
    }
  },
  async *each<T>(path: string, items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      throw explained(path, error);
    }
  },
});
