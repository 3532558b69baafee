import type { Channel, ChannelHandler } from '../../src/core/channel.ts';
import { ProxyError } from '../../src/core/errors.ts';

/** A channel without a socket: the test is the other side. */
export class MemoryChannel implements Channel {
  readonly remoteAddress = '192.0.2.1';
  readonly encrypted = false;
  closed = false;
  /** Its owner does not read it for now. */
  paused = false;
  /** All that was written to the other side. */
  written = Buffer.alloc(0);
  #received: Buffer = Buffer.alloc(0);
  #byUs = false;
  #handler: ChannelHandler | undefined;
  #pending: { length: number; resolve(bytes: Buffer): void; reject(error: unknown): void } | undefined;

  /** The other side takes nothing. */
  stalled = false;
  unsent = 0;

  get buffered(): number {
    return this.#received.length;
  }

  /** The other side sends. */
  push(bytes: Uint8Array): void {
    if (this.closed) return;
    if (this.#handler !== undefined) this.#handler.bytes(Buffer.from(bytes));
    else this.#received = Buffer.concat([this.#received, bytes]);
    this.#serve();
  }

  /** The other side takes everything again. */
  drain(): void {
    this.stalled = false;
    this.unsent = 0;
    this.#handler?.drained();
  }

  /** The other side closes. */
  hangUp(): void {
    this.#close();
  }

  read(length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#pending = { length, resolve, reject };
      this.#serve();
    });
  }

  attach(handler: ChannelHandler): void {
    this.#handler = handler;
    const received = this.#received;
    this.#received = Buffer.alloc(0);
    if (received.length > 0) handler.bytes(received);
    if (this.closed) handler.closed(undefined);
  }

  detach(unread: Buffer): void {
    this.#handler = undefined;
    this.#received = unread;
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed) return true;
    this.written = Buffer.concat([this.written, bytes]);
    if (this.stalled) this.unsent += bytes.length;
    return !this.stalled;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(bytes?: Uint8Array): void {
    if (bytes !== undefined) this.write(bytes);
    this.destroy();
  }

  destroy(): void {
    this.#byUs = true;
    this.#close();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#serve();
    this.#handler?.closed(undefined);
  }

  #serve(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    if (!this.#byUs && this.#received.length >= pending.length) {
      this.#pending = undefined;
      const bytes = this.#received.subarray(0, pending.length);
      this.#received = this.#received.subarray(pending.length);
      pending.resolve(bytes);
    } else if (this.closed) {
      this.#pending = undefined;
      const side = this.#byUs ? 'proxy' : 'server';
      pending.reject(new ProxyError('LINK_LOST', { side, retry: 'safe', tell: 'the connection was closed' }));
    }
  }
}

/** Splits bytes into messages: type letter and body. */
export function messagesOf(bytes: Buffer): { type: string; body: Buffer }[] {
  const messages: { type: string; body: Buffer }[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    messages.push({
      type: String.fromCharCode(bytes.readUInt8(at)),
      body: bytes.subarray(at + 5, at + 1 + length),
    });
    at += 1 + length;
  }
  return messages;
}
