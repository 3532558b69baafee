import { Buffer } from 'node:buffer';
import type { Aside, Expectation, Opened, Outcome, ReplySink } from '../../../src/core/wire.ts';
import { STATUS_AUTOCOMMIT } from '../../../src/mysql/capabilities.ts';
import { columnDefinition, eofPacket, errPacket, okPacket } from '../../../src/mysql/messages.ts';
import { lenenc, lenencText, packet } from '../../../src/mysql/packets.ts';
import { type Answer, type MysqlEnd, Reply, type ReplyFacts } from '../../../src/mysql/reply.ts';
import { MysqlServer } from '../../../src/mysql/server.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

export const AC = STATUS_AUTOCOMMIT;

/** What a server half has said of a reply. */
export type Said = Outcome & MysqlEnd;

/** A link that writes down what it hears. */
export class Recorder implements ReplySink {
  readonly queue: Expectation[];
  readonly delivered: Buffer[] = [];
  readonly said: Said[] = [];
  readonly asides: Aside[] = [];
  readonly refusals: string[] = [];
  copies = 0;
  takesBack = false;

  constructor(...queue: Expectation[]) {
    this.queue = queue;
  }
  get head(): Expectation | undefined {
    return this.queue[0];
  }
  deliver(bytes: Buffer): void {
    this.delivered.push(Buffer.from(bytes));
  }
  refused(code: string): boolean {
    this.refusals.push(code);
    return this.takesBack;
  }

  mend(): void {}

  copyIn(): void {
    this.copies++;
  }
  done(outcome: Outcome): void {
    this.said.push({ ...(outcome as Said), changes: [...outcome.changes], rows: [...outcome.rows] });
    this.queue.shift();
  }
  aside(aside: Aside): void {
    this.asides.push(aside);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.delivered);
  }
}

export interface Side {
  readonly server: MysqlServer;
  readonly channel: MemoryChannel;
}

export function side(parameters: Record<string, string> = {}): Side {
  const channel = new MemoryChannel();
  const greeting = { parameters: new Map(Object.entries({ version: '9.7.0', ...parameters })) };
  const opened: Opened = { channel, greeting, key: Buffer.alloc(4) };
  return { server: new MysqlServer(opened), channel };
}

/** Feeds bytes in pieces; each piece is memory of its own, as sockets give it. */
export function feed({ server }: Side, sink: Recorder, bytes: Buffer, size = bytes.length): Recorder {
  for (let at = 0; at < bytes.length; at += size)
    server.feed(Buffer.from(bytes.subarray(at, at + size)), sink);
  return sink;
}

export const forwarded = (shape: Answer['shape'], facts: Partial<ReplyFacts> = {}): Reply =>
  new Reply([{ shape, take: 'forward' }], facts);
export const swallowed = (shape: Answer['shape'], facts: Partial<ReplyFacts> = {}): Reply =>
  new Reply([{ shape, take: 'swallow' }], facts);

// ---------------------------------------------------------------- what servers say

type Make = (sequence: number) => Buffer;

/** Packets in a row, the first with sequence 1. */
export function answer(...packets: readonly Make[]): Buffer {
  return Buffer.concat(packets.map((make, at) => make((at + 1) & 255)));
}

export const ok =
  (status = AC, facts: Partial<Parameters<typeof okPacket>[1]> = {}): Make =>
  (sequence) =>
    okPacket(sequence, { status, ...facts }, true);
/** An OK packet at the end of rows. */
export const end = (status = AC, facts: Partial<Parameters<typeof okPacket>[1]> = {}): Make =>
  ok(status, { header: 0xfe, ...facts });
export const eof =
  (status = AC, warnings = 0): Make =>
  (sequence) =>
    eofPacket(sequence, { status, warnings });
export const err =
  (code: number, message = 'it failed', state = 'HY000'): Make =>
  (sequence) =>
    errPacket(sequence, { code, state, message });
export const count =
  (columns: number): Make =>
  (sequence) =>
    packet(sequence, lenenc(columns));
export const column =
  (name: string): Make =>
  (sequence) =>
    columnDefinition(sequence, { name, type: 0xfd, collation: 45, length: 100 });
export const row =
  (...values: (string | null)[]): Make =>
  (sequence) =>
    packet(sequence, ...values.map(lenencText));
export const payload =
  (...bytes: number[]): Make =>
  (sequence) =>
    packet(sequence, Buffer.from(bytes));
/** What a server answers to PREPARE. */
export const preparedOk =
  (id: number, columns: number, parameters: number): Make =>
  (sequence) => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt32LE(id, 1);
    bytes.writeUInt16LE(columns, 5);
    bytes.writeUInt16LE(parameters, 7);
    return packet(sequence, bytes);
  };

/** Entries of the trackers. */
export const tracked = {
  variable: (name: string, value: string): Buffer => entry(0, lenencText(name), lenencText(value)),
  schema: (name: string): Buffer => entry(1, lenencText(name)),
  state: (): Buffer => entry(2, lenencText('1')),
  transaction: (): Buffer => entry(5, lenencText('T_______')),
};

function entry(kind: number, ...parts: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([kind]), lenencText(Buffer.concat(parts))]);
}

/** An OK packet on which trackers report. */
export const reporting = (...entries: Buffer[]): Make => ok(AC, { changes: Buffer.concat(entries) });
