import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Channel, ChannelHandler } from '../core/channel.ts';
import { ProxyError } from '../core/errors.ts';
import { hearLastWords } from './last-words.ts';
import { beforeRead } from './reclaim.ts';

/** How long the other side may take to read what is left after `end`, in ms. */
const END_WITHIN = 2_000;

/** Nobody reads exact lengths this large at start-up: past it the socket rests until somebody takes the bytes. */
const EARLY_LIMIT = 65_536;

/** Chooses the protocol of a TLS connection among those that the client offers (ALPN); undefined: none fits, it ends. */
export type ChooseProtocol = (offer: { readonly protocols: readonly string[] }) => string | undefined;

/** A read of an exact length that waits for its bytes. */
interface PendingRead {
  readonly length: number;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: ProxyError) => void;
}

/**
 * One socket as a Channel. Start-up reads exact lengths; after `attach` chunks go to the handler as they come.
 * Owns the socket and its listeners; the listeners find their connection by a property of the socket, so that
 * an idle connection costs no closures.
 */
export class Connection implements Channel {
  #socket: Socket;
  #handler: ChannelHandler | undefined;
  #pending: PendingRead | undefined;
  /** Received and not yet read; only before `attach`. */
  #early: Buffer | undefined;
  /** Written during start-up and not yet sent: what is said in one turn leaves at once. */
  #said: Uint8Array | undefined;
  #closed = false;
  /** `end` was called: what still comes is dropped, so that the other side can read our last words. */
  #ending = false;
  #error: Error | undefined;
  readonly #gone: (() => void) | undefined;

  /** `gone`: the socket has closed; one function may serve all connections. */
  constructor(socket: Socket, gone?: () => void) {
    this.#socket = socket;
    this.#gone = gone;
    socket.setNoDelay(true);
    // Its own listener only takes `write` away after the other side's end, and then there is nobody to write to.
    // Two listeners of one event would cost every idle client an array. (All at once would cost it a hash table.)
    for (const listener of socket.listeners('end')) socket.off('end', listener as () => void);
    this.#listen();
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? 'unknown';
  }

  get encrypted(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get buffered(): number {
    return this.#early?.length ?? 0;
  }

  read(length: number): Promise<Buffer> {
    if (this.#pending !== undefined) throw new Error('two reads at once on one channel');
    return new Promise((resolve, reject) => {
      this.#pending = { length, resolve, reject };
      this.#serve();
      if (this.#pending === undefined) return;
      if (this.#closed || this.#ending) this.#rejectPending();
      else this.#socket.resume();
    });
  }

  attach(handler: ChannelHandler): void {
    this.#handler = handler;
    this.flush();
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) handler.bytes(early);
    if (this.#closed) handler.closed(this.#error);
    else this.#socket.resume();
  }

  detach(unread: Buffer): void {
    this.#handler = undefined;
    if (unread.length > 0) this.#early = unread;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#ending) return true;
    if (this.#handler !== undefined) return this.#socket.write(bytes);
    if (this.#said === undefined) {
      this.#said = bytes;
      process.nextTick(flush, this);
    } else this.#said = Buffer.concat([this.#said, bytes]);
    return true;
  }

  /** Sends what was written during start-up. */
  flush(): void {
    const said = this.#said;
    this.#said = undefined;
    if (said !== undefined && !this.#closed && !this.#ending) this.#socket.write(said);
  }

  get unsent(): number {
    return this.#socket.writableLength + (this.#said?.length ?? 0);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(bytes?: Uint8Array): void {
    if (this.#closed || this.#ending) return;
    this.flush();
    this.#ending = true;
    this.#early = undefined;
    this.#rejectPending();
    const socket = this.#socket;
    // All that was said is with the kernel, which sends it on after the end as well.
    if (bytes === undefined && socket.writableLength === 0 && !this.encrypted) {
      socket.destroy();
      return;
    }
    if (bytes === undefined) socket.end();
    else socket.end(bytes);
    socket.resume();
    const bound = setTimeout(() => socket.destroy(), END_WITHIN);
    bound.unref();
    socket.once('close', () => clearTimeout(bound));
  }

  destroy(): void {
    this.#ending = true;
    this.#early = undefined;
    this.#rejectPending();
    this.#socket.destroy();
  }

  /**
   * Answers as a TLS server from here on. Bytes received before are an error, for they were not protected;
   * unless `opening` is given: the bytes already read of a handshake that the client began unasked.
   */
  async secureAsServer(context: SecureContext, choose?: ChooseProtocol, opening?: Uint8Array): Promise<void> {
    if (opening === undefined) this.#refuseEarlyBytes();
    // Around a socket that is closing TLS would never hear of its end.
    if (this.#socket.destroyed) throw this.#lost();
    const plain = this.#unlisten();
    if (opening !== undefined) {
      plain.unshift(Buffer.concat([opening, this.#early ?? Buffer.alloc(0)]));
      this.#early = undefined;
    }
    this.#socket = new TLSSocket(plain, {
      isServer: true,
      secureContext: context,
      // A list of names would be copied for every client.
      ...(choose === undefined ? {} : { ALPNCallback: choose }),
    });
    this.#listen();
    await this.#event('secure');
  }

  /** Replaces the socket by a TLS client socket that `wrap` makes around it; resolves when it is secure. */
  async secureAsClient(wrap: (plain: Socket) => TLSSocket): Promise<void> {
    this.#refuseEarlyBytes();
    this.#socket = hearLastWords(wrap(this.#unlisten()));
    this.#listen();
    await this.#event('secureConnect');
  }

  /** The TLS socket, for channel binding and certificates; undefined when plain. */
  get tls(): TLSSocket | undefined {
    return this.#socket instanceof TLSSocket ? this.#socket : undefined;
  }

  #refuseEarlyBytes(): void {
    if (this.buffered === 0) return;
    throw new ProxyError('PROTOCOL', {
      side: 'client',
      retry: 'no',
      tell: 'bytes were sent before encryption began',
    });
  }

  #event(name: 'secure' | 'secureConnect'): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const onClose = (): void => {
        reject(this.#lost());
      };
      socket.once('close', onClose);
      socket.once(name, () => {
        socket.off('close', onClose);
        resolve();
      });
    });
  }

  #listen(): void {
    const socket = this.#socket as OwnedSocket;
    socket[owner] = this;
    socket.on('data', onData);
    socket.on('drain', onDrain);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    // A server-side TLSSocket made without a tls.Server keeps errors after the handshake to itself.
    if (socket instanceof TLSSocket) socket.on('_tlsError', onTlsError);
  }

  /** The bare socket, paused, for TLS to take over. */
  #unlisten(): Socket {
    this.flush();
    const socket = this.#socket as OwnedSocket;
    socket.pause();
    socket.off('data', onData);
    socket.off('drain', onDrain);
    socket.off('close', onClose);
    socket.off('end', onEnd);
    return socket;
  }

  /** Gives the pending read its bytes, if they are there. */
  #serve(): void {
    const pending = this.#pending;
    const early = this.#early;
    if (pending === undefined || (early?.length ?? 0) < pending.length) return;
    this.#pending = undefined;
    if (pending.length === 0 || early === undefined) {
      pending.resolve(Buffer.alloc(0));
      return;
    }
    this.#early = early.length === pending.length ? undefined : early.subarray(pending.length);
    pending.resolve(early.subarray(0, pending.length));
  }

  #rejectPending(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(this.#lost());
  }

  /** `proxy`: this side closed it. */
  #lost(): ProxyError {
    return new ProxyError('LINK_LOST', {
      side: this.#ending ? 'proxy' : 'server',
      retry: 'safe',
      tell: this.#error?.message ?? 'the connection was closed',
      cause: this.#error,
    });
  }

  received(chunk: Buffer): void {
    beforeRead(chunk.length);
    if (this.#ending) return;
    if (this.#handler !== undefined) {
      this.#handler.bytes(chunk);
      return;
    }
    this.#early = this.#early === undefined ? chunk : Buffer.concat([this.#early, chunk]);
    this.#serve();
    if (this.buffered > EARLY_LIMIT) this.#socket.pause();
  }

  drained(): void {
    this.#handler?.drained();
  }

  failed(error: Error): void {
    this.#error ??= error;
  }

  gone(): void {
    this.ended();
    this.#gone?.();
  }

  ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rejectPending();
    this.#handler?.closed(this.#error);
  }
}

const owner = Symbol('connection');
type OwnedSocket = Socket & { [owner]: Connection };

function flush(connection: Connection): void {
  connection.flush();
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[owner].received(chunk);
}
function onDrain(this: Socket): void {
  (this as OwnedSocket)[owner].drained();
}
function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[owner].failed(error);
  (this as OwnedSocket)[owner].ended();
}
function onTlsError(this: Socket, error: Error): void {
  (this as OwnedSocket)[owner].failed(error);
  this.destroy();
}
function onEnd(this: Socket): void {
  // A half-closed peer gets nothing more from us: both protocols say goodbye with a message. The owner hears of it
  // now: the socket's own `close` comes a turn later, after writes that would be lost on it.
  (this as OwnedSocket)[owner].ended();
  this.destroy();
}
function onClose(this: Socket): void {
  (this as OwnedSocket)[owner].gone();
}
