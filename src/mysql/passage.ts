import type { ReplySink } from '../core/wire.ts';
import { STATUS_SESSION_STATE } from './capabilities.ts';
import type { OkPacket } from './ok-packet.ts';
import { FULL, HEADER, lengthAt } from './packets.ts';
import { END, ERR } from './payloads.ts';
import type { Traits } from './reply.ts';
import type { ReplyState } from './reply-state.ts';
import { EOF_PACKET, translateOk, writeEof } from './translation.ts';

/** An answer up to this size is copied once to put a packet into it; a larger one is passed on in pieces. */
const COPIED_LIMIT = 16 * 1024;
/** Packets that are looked at to find where it ends. */
const LOOKED_AT = 64;

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
  /** What was read, where only the beginning of it was copied into `chunk`; and where the rest of it begins. */
  #read: Buffer | undefined;
  #readAt = 0;
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

  /** All of `chunk` has been read: goes on with what was not copied into it. False: that was all. */
  goBack(sink: ReplySink): boolean {
    if (this.#read === undefined || this.at < this.chunk.length) return false;
    this.flush(sink);
    this.chunk = this.#read;
    this.at = this.#readAt;
    this.#from = this.at;
    this.#read = undefined;
    return true;
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
    const number = sequence + this.shift;
    this.shift++;
    const end = this.#answerEnd();
    const kept = end - this.#from;
    if (kept > COPIED_LIMIT) {
      const eof = Buffer.allocUnsafe(EOF_PACKET);
      writeEof(eof, 0, number, status, 0);
      this.insert(eof, sink);
      return;
    }
    const { chunk } = this;
    const longer = Buffer.allocUnsafe(kept + EOF_PACKET);
    const at = this.at - this.#from;
    chunk.copy(longer, 0, this.#from, this.at);
    chunk.copy(longer, writeEof(longer, at, number, status, 0), this.at, end);
    // What follows is another's, and may be much; behind what was copied already, nothing was left out.
    if (end < chunk.length) {
      this.#read = chunk;
      this.#readAt = end;
    }
    this.chunk = longer;
    this.#from = 0;
    this.at = at + EOF_PACKET;
    this.#eofStatusAt = this.at - 2;
  }

  /** Behind the packet that ends the rows that come next, if it is there and near; otherwise the end of all. */
  #answerEnd(): number {
    const { chunk } = this;
    if (this.#read !== undefined) return chunk.length;
    let at = this.at;
    for (let looked = 0; looked < LOOKED_AT && at + HEADER < chunk.length; looked++) {
      const length = lengthAt(chunk, at);
      const type = chunk[at + HEADER] as number;
      at += HEADER + length;
      if (at > chunk.length) break;
      if (type === ERR || (type === END && length < FULL)) return at;
    }
    return chunk.length;
  }
}
