import type { ReplySink } from '../core/engine.ts';
import { STATUS_SESSION_STATE } from './capabilities.ts';
import type { OkPacket } from './ok-packet.ts';
import { FULL, HEADER, lengthAt } from './packets.ts';
import type { Traits } from './reply.ts';
import type { ReplyState } from './reply-state.ts';
import { EOF_PACKET, translateOk, writeEof } from './translation.ts';

/** An answer up to this size is copied once to put a packet into it; a larger one is passed on in pieces. */
const COPIED_LIMIT = 16 * 1024;

const EMPTY = Buffer.alloc(0);

/**
 * The bytes of one read on their way to a client: what is passed on stays the memory that was read, delivered in as few
 * pieces as can be. Changes are made in place, and only to what has not been delivered.
 */
export class Passage {
  chunk: Buffer = EMPTY;
  /** The packet that comes next. */
  at = 0;
  /** The answer that is read goes to a client. */
  passes = false;
  /** By how much the client's sequence numbers are ahead of the server's. */
  shift = 0;
  /** The last packet was a full one: the next goes on with its payload. */
  continued = false;
  readonly #reply: ReplyState;
  /** Where the bytes begin that are still to deliver. */
  #from = 0;
  /** The beginning of a packet that must be seen whole, or of a header. */
  #stash: Buffer | undefined;
  /** Bytes still to come of a packet that is passed on in pieces. */
  #bodyLeft = 0;
  /** Where in `chunk` the status of an EOF packet is that was put in and not delivered yet; -1: nowhere. */
  #eofStatusAt = -1;

  constructor(reply: ReplyState) {
    this.#reply = reply;
  }

  begin(read: Buffer): void {
    this.chunk = this.#stash === undefined ? read : Buffer.concat([this.#stash, read]);
    this.#stash = undefined;
    this.at = Math.min(this.#bodyLeft, this.chunk.length);
    this.#bodyLeft -= this.at;
    this.#from = this.passes ? 0 : this.at;
  }

  /** All packets that are there have been read. */
  end(sink: ReplySink): void {
    this.flush(sink);
    if (this.at < this.chunk.length) this.#stash = Buffer.from(this.chunk.subarray(this.at));
    this.chunk = EMPTY;
  }

  /** A packet, as it is. Its end may be still to come. */
  pass(end: number): void {
    this.#renumber();
    const there = Math.min(end, this.chunk.length);
    this.#bodyLeft = end - there;
    this.at = there;
  }

  /** A packet that goes on with the payload of the one before. */
  goOn(): void {
    const length = lengthAt(this.chunk, this.at);
    this.continued = length === FULL;
    this.pass(this.at + HEADER + length);
  }

  /** A packet that the client does not get. */
  skip(end: number, sink: ReplySink): void {
    this.flush(sink);
    this.at = end;
    this.#from = end;
  }

  /** What comes and what is not delivered yet is nobody's. */
  drop(): void {
    this.passes = false;
    this.#from = this.at;
    this.#eofStatusAt = -1;
  }

  #renumber(): void {
    if (this.shift === 0 || !this.passes) return;
    this.chunk[this.at + 3] = ((this.chunk[this.at + 3] as number) + this.shift) & 255;
  }

  /** Delivers what has been read. */
  flush(sink: ReplySink): void {
    this.#deliver(this.at, sink);
  }

  #deliver(end: number, sink: ReplySink): void {
    if (this.passes && this.#from < end) {
      this.#reply.delivered = true;
      sink.deliver(this.chunk.subarray(this.#from, end));
    }
    this.#from = end;
    this.#eofStatusAt = -1;
  }

  /** Something that stands in for a packet of the server. */
  insert(bytes: Buffer, sink: ReplySink): void {
    if (!this.passes) return;
    this.flush(sink);
    this.#reply.delivered = true;
    sink.deliver(bytes);
  }

  /** The packet from `at` to `end` is an OK packet: the client gets what the server would have sent it. */
  passOk(end: number, ok: OkPacket, traits: Traits, sink: ReplySink): void {
    if (!this.passes) {
      this.pass(end);
      return;
    }
    const { chunk, at } = this;
    // The EOF packet between columns and rows has the same status, as far as anybody could know it.
    if (this.#eofStatusAt >= 0) chunk.writeUInt16LE(ok.status & ~STATUS_SESSION_STATE, this.#eofStatusAt);
    this.#eofStatusAt = -1;
    this.#renumber();
    const to = translateOk(chunk, at, end, ok, traits);
    if (to !== end) this.#deliver(to, sink);
    this.at = end;
    if (to !== end) this.#from = end;
  }

  /**
   * Puts an EOF packet in front of what comes next. `sequence`: the server's number of the packet that stands there,
   * or would.
   */
  insertEof(sequence: number, flags: number, sink: ReplySink): void {
    const status = flags & ~STATUS_SESSION_STATE;
    const kept = this.chunk.length - this.#from;
    const number = sequence + this.shift;
    this.shift++;
    if (kept > COPIED_LIMIT) {
      const eof = Buffer.allocUnsafe(EOF_PACKET);
      writeEof(eof, 0, number, status, 0);
      this.insert(eof, sink);
      return;
    }
    const longer = Buffer.allocUnsafe(kept + EOF_PACKET);
    const at = this.at - this.#from;
    this.chunk.copy(longer, 0, this.#from, this.at);
    this.chunk.copy(longer, writeEof(longer, at, number, status, 0), this.at);
    this.chunk = longer;
    this.#from = 0;
    this.at = at + EOF_PACKET;
    this.#eofStatusAt = this.at - 2;
  }
}
