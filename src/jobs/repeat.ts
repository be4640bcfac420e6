import { setTimeout as sleep } from 'node:timers/promises';

/** Hears of failures; a pino logger will do. */
interface JobLog {
  warn(detail: object, message: string): void;
}

/**
 * Does a job again and again, each time a while after the last; at once where it says that there is more to do. A
 * failure is logged, and tried again.
 *
 * @param pause milliseconds.
 * @returns ends it: resolves when what is under way is done.
 */
export function repeat(
  name: string,
  pause: number,
  log: JobLog,
  job: () => Promise<boolean>,
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rounds = (async () => {
    while (!signal.aborted) {
      const more = await job().catch((err) => {
        log.warn({ err, job: name }, 'a job failed; it is tried again');
        return false;
      });
      if (!more) await sleep(pause, undefined, { signal, ref: false }).catch(() => {});
    }
  })();
  return async () => {
    stopping.abort();
    await rounds;
  };
}
