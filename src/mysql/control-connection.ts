import { connect as connectSocket, type Socket } from 'node:net';
import { type Connection, createConnection, type QueryError, type SslOptions } from 'mysql2';
import type { Target } from '../core/wire.ts';
import { ClientTls } from '../net/tls.ts';

/** A row as text, by column name. */
export type Row = Readonly<Record<string, string | null>>;

export interface OpenOptions {
  readonly applicationName: string;
  /** No statement waits for another's lock on a table longer than this. */
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** How long a goodbye may take, in ms. */
const GOODBYE_WITHIN = 500;

/**
 * One `mysql2` connection for the control plane. Owns its socket: whatever becomes of the protocol, `destroy`
 * ends it. Its sql_mode is empty, so that literals mean what `quoting.ts` writes.
 */
export class ControlConnection {
  readonly #connection: Connection;
  readonly #socket: Socket;
  #broken = false;

  private constructor(connection: Connection, socket: Socket) {
    this.#connection = connection;
    this.#socket = socket;
    connection.on('error', () => this.destroy());
    connection.on('end', () => this.destroy());
  }

  /** Rejects with the system's, the TLS or the server's own error; when aborted, with the signal's reason. */
  static async open(target: Target, options: OpenOptions): Promise<ControlConnection> {
    try {
      return await ControlConnection.#open(target, options, secureOptions(target.tls));
    } catch (error) {
      const plainWillDo = target.tls instanceof ClientTls && target.tls.mode === 'prefer';
      if (!plainWillDo || !hasNoTls(error)) throw error;
      return await ControlConnection.#open(target, options, undefined);
    }
  }

  static async #open(
    target: Target,
    options: OpenOptions,
    ssl: SslOptions | undefined,
  ): Promise<ControlConnection> {
    const { signal, applicationName, lockTimeoutMs } = options;
    signal.throwIfAborted();
    const socket = connectSocket({ ...target.endpoint, noDelay: true, keepAlive: true });
    // Errors reach whoever waits below; between the waits nobody else must be needed to listen.
    socket.on('error', () => undefined);
    const onAbort = (): void => {
      socket.destroy(reasonOf(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const driver = createConnection({
        ...target.endpoint,
        stream: socket,
        user: target.user,
        password: target.password ?? '',
        ...(target.database === '' ? {} : { database: target.database }),
        ...(ssl === undefined ? {} : { ssl }),
        // The signal bounds it.
        connectTimeout: 0,
        // Not what a server could use to read files of this machine.
        flags: ['-LOCAL_FILES', '-FOUND_ROWS'],
        connectAttributes: { program_name: applicationName },
        charset: 'utf8mb4_general_ci',
        typeCast: (field) => field.string('utf8'),
      });
      const connection = new ControlConnection(driver, socket);
      await new Promise<void>((resolve, reject) => {
        driver.connect((error) => (error === null || error === undefined ? resolve() : reject(error)));
      });
      const seconds = Math.max(1, Math.ceil(lockTimeoutMs / 1000));
      await connection.query(`SET SESSION sql_mode = '', SESSION lock_wait_timeout = ${seconds}`, signal);
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

  /** The server's number of this connection. */
  get id(): string {
    return String(this.#connection.threadId ?? '');
  }

  /** One statement, one round trip. An abort destroys the connection: what it did is then unknown. */
  async query(text: string, signal: AbortSignal): Promise<Row[]> {
    if (signal.aborted) throw reasonOf(signal);
    if (this.#broken)
      throw Object.assign(new Error('the connection is lost'), { code: 'PROTOCOL_CONNECTION_LOST' });
    const onAbort = (): void => this.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#ask(text);
    } catch (error) {
      throw signal.aborted ? reasonOf(signal) : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #ask(text: string): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      const lost = (): void =>
        reject(
          Object.assign(new Error('the server closed the connection'), { code: 'PROTOCOL_CONNECTION_LOST' }),
        );
      this.#socket.once('close', lost);
      this.#connection.query(text, (error: QueryError | null, rows: unknown) => {
        this.#socket.off('close', lost);
        if (error !== null) reject(error);
        else resolve(Array.isArray(rows) ? (rows as Row[]) : []);
      });
    });
  }

  /** Says goodbye, within a bound. */
  async close(): Promise<void> {
    if (this.#broken) return;
    await new Promise<void>((resolve) => {
      const bound = setTimeout(resolve, GOODBYE_WITHIN);
      this.#connection.end(() => {
        clearTimeout(bound);
        resolve();
      });
    });
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

const hasNoTls = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'HANDSHAKE_NO_SSL_SUPPORT';

/** One object a configuration: the driver keeps what it has made of it. */
const secured = new WeakMap<ClientTls, SslOptions>();

function secureOptions(tls: unknown): SslOptions | undefined {
  if (!(tls instanceof ClientTls) || tls.mode === 'disable') return undefined;
  const known = secured.get(tls);
  if (known !== undefined) return known;
  const options: SslOptions = {
    ...tls.pems,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: tls.checks,
    verifyIdentity: tls.mode === 'verify-full',
  };
  secured.set(tls, options);
  return options;
}
