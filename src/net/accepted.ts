import { type Server, Socket } from 'node:net';
import { onread } from './shared-read.ts';

/** What Node's server keeps of the system: it is called with each connection, before there is a socket. */
interface ServerHandle extends Tunable {
  onconnection?: (this: ServerHandle, error: number | undefined, client: Tunable | undefined) => void;
}

interface Tunable {
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, seconds: number): number;
}

export interface AcceptOptions {
  /** After so long a silence, in ms, the system asks whether the client is still there. */
  readonly keepAliveMs: number;
  /** Connections that the system keeps until they are accepted. */
  readonly backlog: number;
}

/**
 * Hands on what a server that has just begun to listen accepts, as sockets that read into the shared buffer and send at
 * once. Node's own way from a connection to its socket has no place for such an option.
 */
export function acceptShared(
  server: Server,
  { keepAliveMs, backlog }: AcceptOptions,
  taken: (socket: Socket) => void,
): void {
  const { _handle: handle } = server as unknown as { _handle: ServerHandle };
  const usual = handle.onconnection;
  const tune = (one: Tunable): void => {
    one.setNoDelay(true);
    one.setKeepAlive(true, keepAliveMs / 1_000);
  };
  if (usual === undefined) {
    takeOver(server, tune, taken);
    return;
  }
  // On Linux a connection has the options of what listened for it: that is six system calls less for each. Those that
  // came before these were set are still in the backlog.
  let untuned = Number.POSITIVE_INFINITY;
  if (process.platform === 'linux') {
    tune(handle);
    untuned = backlog;
  }
  handle.onconnection = function (error, client) {
    if (client === undefined) {
      usual.call(this, error, client);
      return;
    }
    if (untuned > 0) {
      untuned--;
      tune(client);
    }
    taken(socketOf(client));
  };
}

/** For a Node that keeps it elsewhere: the sockets that its server makes are taken over. */
function takeOver(server: Server, tune: (one: Tunable) => void, taken: (socket: Socket) => void): void {
  server.on('connection', (accepted) => {
    const inner = accepted as unknown as { _handle: Tunable | null };
    const client = inner._handle;
    // Its client has left already.
    if (client === null) return;
    inner._handle = null;
    tune(client);
    taken(socketOf(client));
  });
}

function socketOf(handle: Tunable): Socket {
  const options: unknown = { handle, onread, noDelay: true };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}
