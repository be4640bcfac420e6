/**
 * Works while a lease is held, which is asked to be prolonged again and again.
 *
 * @param every milliseconds between two of these; several must fit into the lease.
 * @param extend says whether the lease is still held; one that fails is tried again at its next turn.
 * @param work gets a signal that is aborted when the lease is lost.
 */
export async function whileLeased<T>(
  every: number,
  extend: () => Promise<boolean>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lost = new AbortController();
  const timer = setInterval(() => {
    extend().then(
      (held) => {
        if (!held) lost.abort();
      },
      () => {},
    );
  }, every);
  try {
    return await work(lost.signal);
  } finally {
    clearInterval(timer);
  }
}
