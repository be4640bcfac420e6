import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** A way to the database on which connections get lost, as they do in a network. */
export interface Proxy {
  readonly port: number;
  /** How many connections it carries. */
  readonly size: number;
  /**
   * Cuts each connection, at the next bytes that the server sends on it:
   * `before` they reach the database; in their `middle`; `after` the database has got them, when its answer comes.
   */
  cut(moment: Moment): void;
  /** Lets live those that it has not cut yet. */
  spare(): void;
  /** From now on nothing passes, and nobody is told; connections are accepted all the same. */
  swallow(): void;
  /** Ends what was swallowed, and lets new connections pass. */
  heal(): void;
  close(): Promise<void>;
}

export const moments = ['before', 'middle', 'after'] as const;
export type Moment = (typeof moments)[number];

interface Pair {
  /** To the server, and to the database. */
  readonly near: Socket;
  readonly far: Socket;
  cut: Moment | undefined;
}

export async function makeProxy(target: number): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let swallowing = false;

  const end = ({ near, far }: Pair) => {
    near.destroy();
    far.destroy();
  };
  const server = createServer((near) => {
    const pair: Pair = { near, far: createConnection(target, '127.0.0.1'), cut: undefined };
    const { far } = pair;
    pairs.add(pair);
    for (const socket of [near, far]) {
      socket.setNoDelay();
      socket.on('error', () => {});
      socket.on('close', () => {
        // What was swallowed stays open on the other side, which nobody has told.
        if (swallowing) return;
        end(pair);
        pairs.delete(pair);
      });
    }
    near.on('data', (data) => {
      if (swallowing) return;
      if (pair.cut === 'before') return end(pair);
      if (pair.cut === 'middle') {
        far.end(data.subarray(0, data.length >> 1));
        near.destroy();
        return;
      }
      far.write(data);
    });
    far.on('data', (data) => {
      if (swallowing) return;
      if (pair.cut === 'after') return void near.resetAndDestroy();
      near.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get size() {
      return pairs.size;
    },
    cut(moment) {
      for (const pair of pairs) pair.cut = moment;
    },
    spare() {
      for (const pair of pairs) pair.cut = undefined;
    },
    swallow() {
      swallowing = true;
    },
    heal() {
      swallowing = false;
      for (const pair of pairs) end(pair);
      pairs.clear();
    },
    async close() {
      server.close();
      for (const pair of pairs) end(pair);
    },
  };
}
