import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { message, SSL_REQUEST, startupMessage } from '../src/postgres/messages.ts';
import { NONCE_BYTES, SCRAM, ScramClient } from '../src/postgres/scram.ts';
import { loginKeys } from '../src/postgres/scram-keys.ts';
import type { Aim } from './pgbench.ts';

const HOST = '127.0.0.1';
const AUTHENTICATION = 0x52; // R
const ERROR = 0x45; // E
const READY = 0x5a; // Z
const OK = 0;
const SASL = 10;
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;
const GOODBYE = message('X');

/** Opens a connection and says nothing on it. */
export async function openSocket(port: number, tls: boolean): Promise<Socket> {
  const socket = connect({ port, host: HOST, noDelay: true });
  await once(socket, 'connect');
  if (!tls) return socket;
  return secured(socket);
}

async function secured(plain: Socket): Promise<Socket> {
  // What is measured is the proxy; its certificate was made a moment ago.
  const socket = connectTls({ socket: plain, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}

/**
 * A PostgreSQL client that costs the machine as little as it can, so that what is measured is the proxy: it derives
 * the keys of a password once for all, and reads of the answers only what it must. SCRAM-SHA-256 and trust.
 */
export class Visitor {
  readonly socket: Socket;
  #unread: Buffer = Buffer.alloc(0);
  #waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #lost: Error | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
      this.#wake();
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** Logs in; resolves when the server is ready for a query. Rejects with the server's words. */
  static async logIn(aim: Aim, tls = false): Promise<Visitor> {
    const socket = await openSocket(aim.port, false);
    if (!tls) return Visitor.logInOn(socket, aim);
    const asked = once(socket, 'data');
    socket.write(Buffer.concat([Buffer.from([0, 0, 0, 8]), numbered(SSL_REQUEST)]));
    const [answer] = (await asked) as [Buffer];
    if (answer.toString('latin1') !== 'S') throw new Error('the server does not offer TLS');
    return Visitor.logInOn(await secured(socket), aim);
  }

  /** The same over a connection that was made already. */
  static logInOn(socket: Socket, aim: Aim): Promise<Visitor> {
    return greeted(new Visitor(socket), aim);
  }

  /** Runs a simple query; resolves when all of its answer is there. */
  async query(text: string): Promise<void> {
    this.socket.write(message('Q', `${text}\0`));
    await this.ready();
  }

  /** Reads up to ReadyForQuery. Rejects with an error of the server. */
  async ready(): Promise<void> {
    let failed: string | undefined;
    for (;;) {
      const { type, body } = await this.next();
      if (type === ERROR) failed = wordsOf(body);
      if (type !== READY) continue;
      if (failed !== undefined) throw new Error(failed);
      return;
    }
  }

  /** The next message. */
  async next(): Promise<{ type: number; body: Buffer }> {
    for (;;) {
      const bytes = this.#unread;
      const length = bytes.length < 5 ? Number.POSITIVE_INFINITY : bytes.readUInt32BE(1) + 1;
      if (bytes.length >= length) {
        this.#unread = bytes.subarray(length);
        return { type: bytes.readUInt8(0), body: bytes.subarray(5, length) };
      }
      if (this.#lost !== undefined) throw this.#lost;
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    }
  }

  /** Says goodbye; resolves when the connection is gone. */
  async leave(): Promise<void> {
    const closed = this.#lost === undefined ? once(this.socket, 'close') : undefined;
    this.socket.end(GOODBYE);
    await closed;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve();
  }

  #fail(error: Error): void {
    this.#lost ??= error;
    this.#waiting?.reject(this.#lost);
    this.#waiting = undefined;
  }
}

async function greeted(visitor: Visitor, aim: Aim): Promise<Visitor> {
  try {
    await authenticated(visitor, aim);
    await visitor.ready();
    return visitor;
  } catch (error) {
    visitor.socket.destroy();
    throw error;
  }
}

async function authenticated(visitor: Visitor, { user, password, database }: Aim): Promise<void> {
  visitor.socket.write(startupMessage({ user, database }));
  const exchange = new ScramClient([SCRAM], randomBytes(NONCE_BYTES).toString('base64'), undefined);
  for (;;) {
    const { type, body } = await visitor.next();
    if (type === ERROR) throw new Error(wordsOf(body));
    if (type !== AUTHENTICATION) throw new Error('the server does not ask for a password as expected');
    const said = body.toString('utf8', 4);
    switch (body.readUInt32BE(0)) {
      case OK:
        return;
      case SASL: {
        const first = Buffer.from(exchange.first);
        visitor.socket.write(message('p', `${SCRAM}\0`, numbered(first.length), first));
        break;
      }
      case SASL_CONTINUE: {
        const keys = await loginKeys(password, exchange.challenged(said));
        visitor.socket.write(message('p', exchange.final(keys)));
        break;
      }
      case SASL_FINAL:
        exchange.verify(said);
        break;
      default:
        throw new Error('the server asks for a password in a way that is not spoken here');
    }
  }
}

function numbered(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** The message in an ErrorResponse. */
const wordsOf = (body: Buffer): string => /\0M([^\0]*)\0/.exec(body.toString('utf8'))?.[1] ?? 'an error';
