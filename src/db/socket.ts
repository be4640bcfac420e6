import { createConnection, type Socket } from 'node:net';

/** What postgres.js hands to its option `socket`: several hosts are tried in turn, each with its port. */
interface Address {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false;
}

/**
 * How long Postgres may be silent on a connection, in milliseconds: longer than statements take, and shorter than
 * MLflow's clients wait for an answer (120 s).
 */
const patience = 60_000;
const looks = 12;

/**
 * Opens connections that are closed when Postgres has been silent for a minute, or two where it is not known whether it
 * was asked: a network that swallows what is sent, or a machine that stands still, would hold requests for ever.
 */
export function createConnector(): (address: Address) => Socket {
  let turn = 0;
  return ({ host, port, path }) => {
    const at = turn++ % host.length;
    const socket = path ? createConnection(path) : createConnection(port[at] ?? 5432, host[at]);
    closeWhenSilent(socket);
    // For TLS and for its messages, postgres.js reads them here.
    return Object.assign(socket, { host: host[at], port: port[at] });
  };
}

/** Looks at the counters, because postgres.js takes all listeners off a socket when it wraps it in TLS. */
function closeWhenSilent(socket: Socket): void {
  let read = 0;
  let written = 0;
  let silent = 0;
  let asked = false;
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    const { bytesRead, bytesWritten } = socket;
    if (bytesRead !== read) {
      // Whether the last of what was written came before it or after it, the counters do not tell.
      silent = 0;
      asked = false;
    } else if (bytesWritten !== written && !asked) {
      silent = 1;
      asked = true;
    } else if (++silent >= looks) socket.destroy();
    read = bytesRead;
    written = bytesWritten;
  }, patience / looks).unref();
}
