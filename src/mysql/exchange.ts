import type { Channel } from '../core/channel.ts';
import { ProxyError, type Side } from '../core/errors.ts';
import { clientError } from './errors.ts';
import { FULL, HEADER, packet } from './packets.ts';

/** The other side's part of a log-in: at most this many bytes a packet. */
const LONGEST: Readonly<Record<Side, number>> = { client: 65_536, server: 1_048_576, proxy: 0 };

/** Packets to and fro during a log-in, numbered in one row by both sides. */
export class Exchange {
  readonly channel: Channel;
  /** Of the next packet, whoever sends it. */
  sequence: number;
  /** Who is on the other side. */
  readonly #side: 'client' | 'server';

  constructor(channel: Channel, side: 'client' | 'server', sequence = 0) {
    this.channel = channel;
    this.#side = side;
    this.sequence = sequence;
  }

  /**
   * The payload of the next packet. `begun`: a read of its first byte. Rejects with ProxyError LINK_LOST, or
   * BAD_STARTUP (a client) or PROTOCOL (a server) where it is out of order or too long.
   */
  async read(begun?: Promise<Buffer>): Promise<Buffer> {
    const head =
      begun === undefined
        ? await this.channel.read(HEADER)
        : Buffer.concat([await begun, await this.channel.read(HEADER - 1)]);
    const length = head.readUIntLE(0, 3);
    if (head[3] !== this.sequence) throw this.#outOfOrder(head);
    this.sequence = (this.sequence + 1) & 255;
    if (length > LONGEST[this.#side]) throw this.#tooLong(length);
    return length === 0 ? Buffer.alloc(0) : await this.channel.read(length);
  }

  /** Sends one packet; of no log-in is it a full one. */
  send(...parts: readonly Uint8Array[]): void {
    this.write(packet(this.sequence, ...parts));
  }

  /** Sends a packet that was built with the sequence of this exchange. */
  write(bytes: Buffer): void {
    this.sequence = (this.sequence + 1) & 255;
    this.channel.write(bytes);
  }

  #outOfOrder(head: Buffer): ProxyError {
    const what = `expected packet ${this.sequence}, got ${head[3]}`;
    if (this.#side === 'server') return this.#protocol(`sent packets out of order: ${what}`);
    const http = /^(?:GET |POST|HEAD|PUT |OPTI|DELE|PATC|CONN|TRAC|PRI )$/.test(head.toString('latin1'));
    const mend = http ? ', not HTTP' : '';
    return clientError(
      'BAD_STARTUP',
      1156,
      `Got packets out of order: this port speaks the MySQL protocol${mend}`,
    );
  }

  #tooLong(length: number): ProxyError {
    if (this.#side === 'server') return this.#protocol(`sent a packet of ${length} bytes at log-in`);
    const size = length === FULL ? '16 MB or more' : `${length} bytes`;
    return clientError(
      'BAD_STARTUP',
      1153,
      `Got a packet bigger than a log-in may be: ${size}, and at most ${LONGEST.client} bytes are taken`,
    );
  }

  #protocol(what: string): ProxyError {
    return new ProxyError('PROTOCOL', { side: 'server', retry: 'safe', tell: `the server ${what}` });
  }
}
