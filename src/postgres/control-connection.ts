import { connect as connectSocket, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Client } from 'pg';
import type { Target } from '../core/wire.ts';
import { ClientTls } from '../net/tls.ts';
import { shownName } from './application-name.ts';

/** A row as text, by column name. */
export type Row = Readonly<Record<string, string | null>>;

export interface OpenOptions {
  readonly applicationName: string;
  /** The server itself ends a statement after so many ms. */
  readonly statementTimeoutMs: number;
  /** Asks for a connection that streams WAL instead of one that takes statements of SQL. */
  readonly replication?: boolean;
  readonly signal: AbortSignal;
}

/** How long a goodbye may take, in ms. */
const GOODBYE_WITHIN = 500;

/**
 * One `pg` connection for the control plane. Owns its socket: whatever becomes of the protocol, `destroy`
 * ends it. Takes nothing from the environment (PGPASSWORD, PGOPTIONS, PGSSLMODE) or from ~/.pgpass.
 */
export class ControlConnection {
  #client: Client;
  #socket: Socket;
  #broken = false;

  private constructor(client: Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    client.on('error', () => this.destroy());
    client.on('end', () => this.destroy());
  }

  /** Rejects with the system's, the TLS or the server's own error; when aborted, with the signal's reason. */
  static async open(target: Target, options: OpenOptions): Promise<ControlConnection> {
    const { signal } = options;
    signal.throwIfAborted();
    const socket = connectSocket({ ...target.endpoint, noDelay: true, keepAlive: true });
    // Errors reach whoever waits below; between the waits nobody else must be needed to listen.
    socket.on('error', () => undefined);
    const onAbort = (): void => {
      socket.destroy(reasonOf(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await happened(socket, 'connect');
      const stream = await secured(socket, target);
      const client = new Client(clientConfig(target, stream, options));
      const connection = new ControlConnection(client, socket);
      await client.connect();
      return connection;
    } catch (error) {
      socket.destroy();
      throw signal.aborted ? reasonOf(signal) : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** True: it takes no more questions. */
  get broken(): boolean {
    return this.#broken;
  }

  /** One statement, one round trip. An abort destroys the connection: what it did is then unknown. */
  async query(text: string, values: readonly string[], signal: AbortSignal): Promise<Row[]> {
    if (signal.aborted) throw reasonOf(signal);
    const onAbort = (): void => this.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await this.#client.query<Row>(text, values.length === 0 ? undefined : [...values]);
      return result.rows;
    } catch (error) {
      throw signal.aborted ? reasonOf(signal) : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Says goodbye, within a bound. */
  async close(): Promise<void> {
    if (this.#broken) return;
    const bound = setTimeout(() => this.destroy(), GOODBYE_WITHIN);
    await this.#client.end().catch(() => undefined);
    clearTimeout(bound);
    this.destroy();
  }

  destroy(): void {
    this.#broken = true;
    this.#socket.destroy();
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('given up');
}

/** Resolves at `event`; rejects when the socket closes first. */
function happened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed: Error | undefined;
    socket.once('error', (error) => {
      failed = error;
    });
    socket.once('close', () => reject(failed ?? new Error('Connection terminated unexpectedly')));
    socket.once(event, resolve);
  });
}

/** SSLRequest: length 8, code 1234.5679. PostgreSQL manual 55.7. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The stream to speak on: TLS where the target wants it and the server has it. */
async function secured(socket: Socket, { tls, endpoint }: Target): Promise<Socket> {
  if (!(tls instanceof ClientTls) || tls.mode === 'disable') return socket;
  socket.write(SSL_REQUEST);
  const answer = await oneByte(socket);
  if (answer === 'S') {
    const secure: TLSSocket = tls.wrap(socket, endpoint.host);
    secure.on('error', () => undefined);
    await happened(secure, 'secureConnect');
    return secure;
  }
  if (answer !== 'N') throw new Error('the server answered the TLS request with something else');
  if (tls.required) throw new Error('the server does not offer TLS, which the configuration requires');
  return socket;
}

/** The answer to SSLRequest. More than a byte before TLS begins was not protected: refused (CVE-2021-23222). */
function oneByte(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let failed: Error | undefined;
    const onError = (error: Error): void => {
      failed = error;
    };
    const onClose = (): void => reject(failed ?? new Error('Connection terminated unexpectedly'));
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once('data', (chunk: Buffer) => {
      socket.pause();
      socket.off('error', onError);
      socket.off('close', onClose);
      if (chunk.length === 1) resolve(chunk.toString('latin1'));
      else reject(new Error('the server sent more than the answer to the TLS request'));
    });
  });
}

function clientConfig(target: Target, stream: Socket, options: OpenOptions) {
  return {
    ...target.endpoint,
    user: target.user,
    // A function: with '' or undefined the driver would look into the environment and ~/.pgpass.
    password: () => target.password ?? '',
    database: target.database,
    stream: () => alreadyConnected(stream),
    ssl: false,
    enableChannelBinding: stream instanceof TLSSocket,
    application_name: shownName(options.applicationName).name,
    // Names mean what the server's own catalogue says, whatever a database's owner has put into `public`.
    options: `-c search_path=pg_catalog -c statement_timeout=${Math.max(1, Math.ceil(options.statementTimeoutMs))}`,
    ...(options.replication === true ? { replication: 'true' } : {}),
    types: { getTypeParser: () => (text: string | Buffer) => text.toString() },
  };
}

/** The driver wants to connect its stream itself; this one is connected, and secure where it must be. */
function alreadyConnected(stream: Socket): Socket {
  return Object.assign(stream, {
    connect: () => {
      queueMicrotask(() => {
        // Paused since the answer to the TLS request; the driver listens by now.
        stream.resume();
        stream.emit('connect');
      });
      return stream;
    },
  });
}
