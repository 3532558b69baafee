import { createServer, type Server, type Socket } from 'node:net';
import { ProxyError } from '../core/errors.ts';
import type { Endpoint } from '../core/node.ts';
import { type AcceptOptions, acceptShared } from './accepted.ts';
import { Connection } from './connection.ts';

/** How clients are accepted. */
export const ACCEPTING: AcceptOptions = { keepAliveMs: 60_000, backlog: 4_096 };

export interface ListenOptions {
  /** IPv4 or IPv6 address or a name; `::` takes both families. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Other processes may listen on the same port; the system shares the connections out among them. */
  readonly reusePort?: boolean;
  /** Connections open at once; one over it goes to `refuse`. Read anew for each. */
  readonly maxClients: number;
  /** Connections in `refuse` at once; what comes beyond is closed without a word. Default 64. */
  readonly maxRefusals?: number;
  serve(connection: Connection): void;
  /** Tells a client that there is no room, and closes it; cancel requests may still be served. */
  refuse(connection: Connection): void;
  /** Accepting failed (out of descriptors); the listener goes on. */
  failed?(error: Error): void;
}

/** A listening socket. It owns the port, not the connections: their takers close them. */
export class Listener {
  readonly address: Endpoint;
  #server: Server;
  #options: ListenOptions;
  #open = 0;
  // One closure for all sockets: an idle client costs none.
  #closed = (): void => {
    this.#open -= 1;
  };

  constructor(server: Server, options: ListenOptions) {
    this.#server = server;
    this.#options = options;
    const bound = server.address();
    this.address =
      bound === null || typeof bound === 'string'
        ? { host: options.host, port: options.port }
        : { host: bound.address, port: bound.port };
    acceptShared(server, ACCEPTING, (socket) => this.#take(socket));
    server.on('error', (error) => options.failed?.(error));
  }

  /** Connections open now, refused ones included while they close. */
  get open(): number {
    return this.#open;
  }

  /** Stops accepting and gives the port back; connections stay as they are. */
  async close(): Promise<void> {
    this.#server.close();
    // The handle leaves the port in the loop's closing phase.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #take(socket: Socket): void {
    const { maxClients, maxRefusals = 64 } = this.#options;
    this.#open += 1;
    if (this.#open > maxClients + maxRefusals) {
      socket.on('close', this.#closed);
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.#closed);
    if (this.#open > maxClients) this.#options.refuse(connection);
    else this.#options.serve(connection);
  }
}

/** Listens. Rejects with ProxyError PORT_TAKEN where another process has the port, CONFIG for any other cause. */
export function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer({ pauseOnConnect: true });
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, options));
    server.once('error', onError);
    const { host, port, reusePort = false } = options;
    server.listen({ host, port, backlog: ACCEPTING.backlog, reusePort }, () => {
      server.off('error', onError);
      resolve(new Listener(server, options));
    });
  });
}

/**
 * Makes sure that nobody listens there: ports that are shared would be shared with strangers, too, without a word.
 * Rejects with ProxyError PORT_TAKEN, or CONFIG for any other cause.
 */
export async function probePort(host: string, port: number): Promise<void> {
  const nobody = (connection: Connection): void => connection.destroy();
  const listener = await listen({ host, port, maxClients: 0, serve: nobody, refuse: nobody });
  await listener.close();
}

function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port, reusePort = false }: ListenOptions,
): ProxyError {
  if (error.code === 'EADDRINUSE') {
    return new ProxyError('PORT_TAKEN', {
      side: 'proxy',
      retry: 'no',
      tell: `port ${port} on ${host} is taken by another process; choose another port or end that process`,
      cause: error,
    });
  }
  const unshared = reusePort && (error.code === 'ENOTSUP' || error.code === 'EINVAL');
  return new ProxyError('CONFIG', {
    side: 'proxy',
    retry: 'no',
    tell: unshared
      ? `this system cannot share the port ${port} among processes (${error.code}); set workers: 1`
      : `cannot listen on ${host} port ${port}: ${error.message}`,
    cause: error,
  });
}
