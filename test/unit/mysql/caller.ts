import assert from 'node:assert/strict';
import type { Accepted, Gate } from '../../../src/core/wire.ts';
import { accept } from '../../../src/mysql/accept.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import { parseErr } from '../../../src/mysql/errors.ts';
import {
  type LoginRequest,
  loginRequest,
  parseGreeting,
  type ServerGreeting,
} from '../../../src/mysql/handshake.ts';
import type { ErrFacts } from '../../../src/mysql/messages.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { sha2Answer } from '../../../src/mysql/scrambles.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

export const PASSWORD = 'Gruß Ⅸ';

/** Lets in `app`, and `open` who has no password, by caching_sha2_password. */
export const gate = (change: Partial<Gate> = {}): Gate => ({
  tls: undefined,
  tlsRequired: false,
  method: 'caching_sha2_password',
  credential: (user) => (user === 'app' ? PASSWORD : user === 'open' ? '' : undefined),
  version: () => Promise.resolve('9.7.4'),
  ...change,
});

export const CAPABILITIES =
  can.PROTOCOL_41 | can.SECURE_CONNECTION | can.PLUGIN_AUTH | can.PLUGIN_AUTH_LENENC | can.SESSION_TRACK;

/** Turns of the loop until a packet must be there: making a key takes the most. */
const MOST_TURNS = 3_000_000;

/** A scripted client: reads what was written to its channel packet by packet. */
export class Caller {
  readonly channel = new MemoryChannel();
  #at = 0;
  /** Of the packet that was read last. */
  sequence = -1;

  /** Bytes that came and were not read. */
  get unread(): number {
    return this.channel.written.length - this.#at;
  }

  /** The next packet's payload. Throws when the channel was closed without one. */
  async next(): Promise<Buffer> {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const { written, closed } = this.channel;
      const length = written.length >= this.#at + 4 ? written.readUIntLE(this.#at, 3) : Infinity;
      if (written.length >= this.#at + 4 + length) {
        const payload = written.subarray(this.#at + 4, this.#at + 4 + length);
        this.sequence = written.readUInt8(this.#at + 3);
        this.#at += 4 + length;
        return payload;
      }
      if (closed) throw new Error('the channel was closed without another packet');
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('no packet came');
  }

  /** An error packet comes, in turn, and then the end. */
  async refusal(sequence = this.sequence + 1): Promise<ErrFacts> {
    const payload = await this.next();
    assert.equal(payload[0], 0xff, `not an error: ${payload.toString('latin1')}`);
    assert.equal(this.sequence, sequence);
    assert.ok(this.channel.closed);
    return parseErr(payload);
  }

  /** Answers the last packet. */
  send(payload: Uint8Array): void {
    this.sequence += 1;
    this.channel.push(packet(this.sequence, payload));
  }
}

export interface Call {
  readonly caller: Caller;
  readonly greeting: ServerGreeting;
  readonly outcome: Promise<Accepted | Error>;
}

/** Connects and reads the greeting. */
export async function call(given: Gate = gate()): Promise<Call> {
  const caller = new Caller();
  const outcome = accept(caller.channel, given, 7).catch((error: Error) => error);
  const greeting = parseGreeting(await caller.next());
  return { caller, greeting, outcome };
}

/** The request of `app` without an answer, unless told otherwise. */
export function loginAs(change: Partial<LoginRequest> = {}): Buffer {
  return loginRequest({
    capabilities: CAPABILITIES,
    collation: 45,
    user: 'app',
    schema: '',
    plugin: 'caching_sha2_password',
    answer: Buffer.alloc(0),
    attributes: new Map(),
    ...change,
  });
}

/** Claims to be `app`, with the right answer by caching_sha2_password unless told otherwise. */
export async function claim(given: Gate, change: Partial<LoginRequest> = {}): Promise<Call> {
  const made = await call(given);
  made.caller.send(loginAs({ answer: sha2Answer(PASSWORD, made.greeting.challenge), ...change }));
  return made;
}
