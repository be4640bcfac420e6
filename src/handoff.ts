import type { Worker } from 'node:cluster';

/** How Node's cluster passes a connection to a worker, and how the worker confirms it. */
interface Handoff {
  readonly act?: string;
  readonly seq: number;
}
interface Confirmation {
  readonly ack?: number;
}

/**
 * Closes the connections that were on their way to a worker when it died. Node's cluster (24) holds them open until the
 * worker confirms them, so their clients would wait for ever; now they see that the connection broke, as those do whom
 * the worker had.
 */
export function closeUnconfirmed(worker: Worker): void {
  const child = worker.process;
  const unconfirmed = new Map<number | undefined, { close(): void }>();
  const send = child.send.bind(child) as (...sent: unknown[]) => boolean;
  child.send = ((message: Handoff, ...rest: unknown[]) => {
    const [connection] = rest as [{ close(): void } | undefined];
    if (connection && message.act === 'newconn') unconfirmed.set(message.seq, connection);
    return send(message, ...rest);
  }) as typeof child.send;
  child.on('internalMessage', ({ ack }: Confirmation) => unconfirmed.delete(ack));
  worker.on('exit', () => {
    for (const connection of unconfirmed.values()) connection.close();
  });
}
