import { Buffer } from 'node:buffer';
import type { Channel, ChannelHandler } from '../../../src/core/channel.ts';
import type { Aside, Expectation, Opened, Plan, ReplySink, Target } from '../../../src/core/wire.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import { COM_STATISTICS } from '../../../src/mysql/commands.ts';
import { connect } from '../../../src/mysql/connect.ts';
import { Exchange } from '../../../src/mysql/exchange.ts';
import { loginRequest, parseGreeting } from '../../../src/mysql/handshake.ts';
import { command, EOF, ERR, queryCommand } from '../../../src/mysql/messages.ts';
import { HEADER, lengthAt } from '../../../src/mysql/packets.ts';
import type { Answer, Traits } from '../../../src/mysql/reply.ts';
import { Reply } from '../../../src/mysql/reply.ts';
import { ReplyState } from '../../../src/mysql/reply-state.ts';
import { MysqlServer } from '../../../src/mysql/server.ts';
import { dial } from '../../../src/net/dial.ts';

/** How a reply ended, kept. */
export type End = Pick<
  ReplyState,
  | 'status'
  | 'error'
  | 'errorState'
  | 'message'
  | 'changes'
  | 'pin'
  | 'rows'
  | 'affectedRows'
  | 'insertId'
  | 'warnings'
  | 'rowCount'
  | 'collationUnknown'
>;

/** A server half on a real link: plans go out one by one, and what a session would get is kept. */
export class Linked implements ChannelHandler, ReplySink {
  readonly server: MysqlServer;
  readonly opened: Opened;
  readonly asides: Aside[] = [];
  /** What was delivered of the reply under way. */
  delivered: Buffer[] = [];
  head: Expectation | undefined;
  /** The file that the server is sent when it asks for one: content, and the packet that ends it. */
  file: Buffer = Buffer.alloc(0);
  #answered: ((end: End) => void) | undefined;
  #failed: ((thrown: unknown) => void) | undefined;
  #gone: (() => void) | undefined;
  readonly gone: Promise<void>;

  constructor(opened: Opened) {
    this.opened = opened;
    this.server = new MysqlServer(opened);
    this.gone = new Promise((resolve) => {
      this.#gone = resolve;
    });
    opened.channel.attach(this);
  }

  static async open(target: Target): Promise<Linked> {
    return new Linked(await connect(target, AbortSignal.timeout(10_000)));
  }

  run(plan: Plan): Promise<End> {
    return new Promise((resolve, reject) => {
      this.head = plan.expect;
      this.delivered = [];
      this.#answered = resolve;
      this.#failed = reject;
      this.opened.channel.write(plan.bytes);
    });
  }

  /** Bytes that a client with these traits gets as the answer to a command. */
  async answer(bytes: Buffer, answer: Answer, traits: Traits): Promise<Buffer> {
    await this.run({ bytes, expect: new Reply([answer], { traits }) });
    return Buffer.concat(this.delivered);
  }

  close(): void {
    this.opened.channel.destroy();
  }

  bytes(chunk: Buffer): void {
    try {
      this.server.feed(chunk, this);
    } catch (thrown) {
      this.#failed?.(thrown);
    }
  }
  drained(): void {}
  closed(): void {
    this.#gone?.();
    this.#failed?.(new Error('the link was closed'));
  }
  deliver(bytes: Buffer): void {
    this.delivered.push(bytes);
  }
  refused(): boolean {
    return false;
  }

  mend(): void {}

  copyIn(): void {
    this.opened.channel.write(this.file);
  }
  done(outcome: unknown): void {
    if (!(outcome instanceof ReplyState)) throw new TypeError('not the end of a reply');
    const { changes, rows } = outcome;
    this.head = undefined;
    this.#answered?.({ ...outcome, changes: [...changes], rows: [...rows] });
  }
  aside(aside: Aside): void {
    this.asides.push(aside);
  }
}

/** COM_STATISTICS changes nothing, and no packet of another answer begins as its answer does. */
const MARKER = command(COM_STATISTICS);
const MARK = Buffer.from('Uptime: ');

/** A client on a server without anything between, with the capabilities that it wants. */
export class Direct implements ChannelHandler {
  readonly #channel: Channel;
  #read: Buffer[] = [];
  #length = 0;
  #wake: (() => void) | undefined;

  private constructor(channel: Channel) {
    this.#channel = channel;
    channel.attach(this);
  }

  /** `user` has no password. */
  static async open(port: number, user: string, traits: Traits): Promise<Direct> {
    const channel = await dial({ host: '127.0.0.1', port }, { timeoutMs: 5_000 });
    const exchange = new Exchange(channel, 'server');
    const { plugin } = parseGreeting(await exchange.read());
    const capabilities =
      can.LONG_PASSWORD |
      can.LONG_FLAG |
      can.PROTOCOL_41 |
      can.TRANSACTIONS |
      can.SECURE_CONNECTION |
      can.MULTI_RESULTS |
      can.PS_MULTI_RESULTS |
      can.PLUGIN_AUTH |
      can.CONNECT_ATTRS |
      can.PLUGIN_AUTH_LENENC |
      (traits.localFiles ? can.LOCAL_FILES : 0) |
      (traits.deprecateEof ? can.DEPRECATE_EOF : 0) |
      (traits.sessionTrack ? can.SESSION_TRACK : 0);
    const answer = Buffer.alloc(0);
    exchange.send(
      loginRequest({ capabilities, collation: 45, user, schema: '', plugin, answer, attributes: new Map() }),
    );
    for (;;) {
      const payload = await exchange.read();
      if (payload[0] === ERR) throw new Error(payload.toString());
      if (payload[0] !== EOF) return Direct.#plain(channel);
      exchange.send(answer);
    }
  }

  /** In the server's own character set, as links begin. */
  static async #plain(channel: Channel): Promise<Direct> {
    const direct = new Direct(channel);
    await direct.answer(queryCommand('SET NAMES DEFAULT'));
    return direct;
  }

  /** The bytes of the answer to a command. `file`: sent when the server has asked for it. */
  async answer(bytes: Buffer, file = Buffer.alloc(0)): Promise<Buffer> {
    this.#channel.write(bytes);
    const packets: Buffer[] = [];
    if (file.length > 0) {
      packets.push(await this.#packet());
      this.#channel.write(file);
    }
    this.#channel.write(MARKER);
    for (;;) {
      const next = await this.#packet();
      if (next.subarray(HEADER, HEADER + MARK.length).equals(MARK)) return Buffer.concat(packets);
      packets.push(next);
    }
  }

  async #packet(): Promise<Buffer> {
    const head = await this.#take(HEADER);
    const length = lengthAt(head, 0);
    return length === 0 ? head : Buffer.concat([head, await this.#take(length)]);
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#length < length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const all = this.#read.length === 1 ? (this.#read[0] as Buffer) : Buffer.concat(this.#read);
    this.#read = [all.subarray(length)];
    this.#length -= length;
    return all.subarray(0, length);
  }

  bytes(chunk: Buffer): void {
    this.#read.push(chunk);
    this.#length += chunk.length;
    this.#wake?.();
  }
  drained(): void {}
  closed(): void {}

  close(): void {
    this.#channel.destroy();
  }
}
