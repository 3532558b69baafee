import type { Extent } from '../core/wire.ts';
import {
  COM_CHANGE_USER,
  COM_QUERY,
  COM_QUIT,
  COM_STMT_EXECUTE,
  COM_STMT_PREPARE,
  COM_STMT_SEND_LONG_DATA,
} from './commands.ts';
import { clientError } from './errors.ts';
import { FULL, HEADER, lengthAt } from './packets.ts';
import { MysqlUnit, NO_COMMAND } from './unit.ts';

const EMPTY = Buffer.alloc(0);
const GOODBYE = Buffer.from([1, 0, 0, 0, 1]);

/** What must be there of a command that is passed on in pieces: enough to judge it, and to rewrite its head. */
const QUERY_HEAD = 16 * 1024;
/** Number, flags, and for 65,535 parameters which are NULL and of which type ("COM_STMT_EXECUTE"). */
const EXECUTE_HEAD = 160 * 1024;

/** What becomes of the packets under way: pieces of an open unit, data for a copy, nothing. */
type Stream = 'open' | 'data' | 'skip';

/**
 * Finds commands in a client's bytes by packet headers alone ("MySQL Packets"). A command above the limit comes in
 * pieces (`open`, `part` …, `last`), but for PREPARE, EXECUTE and long data, which are gathered as long as they fit
 * into one packet.
 */
export class UnitFinder {
  readonly #limit: number;
  #buffer: Buffer = EMPTY;
  /** Chunks behind `#buffer`, until enough is there to go on. */
  #more: Buffer[] = [];
  #size = 0;
  /** Where the next packet, or the next piece, begins. */
  #at = 0;
  /** Bytes that must be there before looking again is worth it. */
  #wanted = HEADER;
  #stream: Stream | undefined;
  /** Of what is streamed: bytes still to come of its packet, whether another packet follows, and its sequence. */
  #left = 0;
  #goesOn = false;
  #sequence = 0;
  /** The beginning of what is thrown away, to be given out when its end has come. */
  #skipped: MysqlUnit | undefined;

  /** `limit`: bytes of a command that are gathered before it is sent on in pieces. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get buffered(): number {
    return this.#size - this.#at;
  }

  /** What was pushed and is in no unit yet ends with a goodbye. */
  get saysGoodbye(): boolean {
    const last = this.#more.at(-1) ?? this.#buffer;
    return this.buffered >= GOODBYE.length && last.subarray(-GOODBYE.length).equals(GOODBYE);
  }

  push(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#buffer.length === 0) this.#buffer = chunk;
    else this.#more.push(chunk);
    this.#gather();
  }

  /** The next command or piece; undefined: more bytes are needed. */
  next(): MysqlUnit | undefined {
    if (this.#stream !== undefined) {
      const piece = this.#piece();
      if (piece !== undefined || this.#stream !== undefined) return piece;
    }
    if (!this.#has(HEADER)) return undefined;
    const length = lengthAt(this.#buffer, this.#at);
    if (this.#buffer[this.#at + 3] !== 0) throw outOfOrder();
    if (length === 0) return this.#take(HEADER, 'whole', NO_COMMAND);
    if (!this.#has(HEADER + 1)) return undefined;
    const command = this.#buffer[this.#at + HEADER] as number;
    if (length > this.#most(command)) return this.#begin(command, length);
    if (!this.#has(HEADER + length)) return undefined;
    return this.#take(HEADER + length, extentOf(command), command);
  }

  /**
   * The server has asked for a file: packets are data up to the empty one that ends it ("LOCAL INFILE Request"). The
   * client sends that one even if the server has given up, so nothing else ends it.
   */
  copying(): void {
    if (this.#stream !== undefined) return;
    this.#stream = 'data';
    this.#left = 0;
    this.#goesOn = false;
  }

  /** Is what comes next more of what came before, or the client's goodbye? Neither depends on how anything ends. */
  get nextDependsOnNothing(): boolean {
    if (this.#stream !== undefined) return true;
    return this.#buffer.length - this.#at > HEADER && this.#buffer[this.#at + HEADER] === COM_QUIT;
  }

  /** Takes out all that has not become a unit. */
  unread(): Buffer {
    const bytes = Buffer.concat([this.#buffer.subarray(this.#at), ...this.#more]);
    this.#more = [];
    this.#forget();
    return bytes;
  }

  /** Payload bytes of a command that are waited for. A packet that is full is followed by another. */
  #most(command: number): number {
    switch (command) {
      case COM_STMT_PREPARE:
      case COM_STMT_EXECUTE:
      case COM_STMT_SEND_LONG_DATA:
        return FULL - 1;
      default:
        return this.#limit;
    }
  }

  /** Gives out the beginning of a command that is too large to wait for. */
  #begin(command: number, length: number): MysqlUnit | undefined {
    const head = this.#head(command, length);
    if (!this.#has(head)) return undefined;
    this.#left = length;
    this.#goesOn = length === FULL;
    this.#sequence = 0;
    this.#stream = command === COM_QUERY || command === COM_STMT_EXECUTE ? 'open' : 'skip';
    if (this.#stream === 'open') {
      // One byte at least is left for the piece that ends it.
      const end = Math.min(this.#buffer.length, this.#at + HEADER + length - 1);
      this.#left -= end - this.#at - HEADER;
      return this.#take(end - this.#at, 'open', command);
    }
    this.#left -= head - HEADER;
    this.#skipped = this.#take(head, 'whole', command, true);
    return this.next();
  }

  #head(command: number, length: number): number {
    switch (command) {
      case COM_QUERY:
        return HEADER + Math.min(length - 1, QUERY_HEAD);
      case COM_STMT_EXECUTE:
        return HEADER + Math.min(length, EXECUTE_HEAD);
      case COM_STMT_PREPARE:
        return HEADER + 1;
      case COM_STMT_SEND_LONG_DATA:
        // Number and parameter.
        return HEADER + 7;
      default:
        throw clientError('PROTOCOL', 1153, "Got a packet bigger than 'max_allowed_packet' bytes");
    }
  }

  /** More of what is streamed: as many packets as are there, headers included. */
  #piece(): MysqlUnit | undefined {
    this.#gather(true);
    const from = this.#at;
    let at = from;
    let ended = false;
    while (at < this.#buffer.length) {
      if (this.#left === 0) {
        if (this.#buffer.length - at < HEADER) break;
        const length = lengthAt(this.#buffer, at);
        this.#begun(this.#buffer[at + 3] as number);
        at += HEADER;
        ended = length === 0 && this.#stream === 'data' && !this.#goesOn;
        this.#goesOn = length === FULL;
        this.#left = length;
      }
      const step = Math.min(this.#left, this.#buffer.length - at);
      at += step;
      this.#left -= step;
      ended ||= this.#stream !== 'data' && this.#left === 0 && !this.#goesOn;
      if (ended) break;
    }
    if (!ended && at < this.#buffer.length) this.#wanted = HEADER;
    const kind = this.#stream;
    if (ended) this.#stream = undefined;
    if (at === from) return undefined;
    const unit = this.#take(at - from, kind === 'data' ? 'data' : ended ? 'last' : 'part', NO_COMMAND);
    return kind === 'skip' ? this.#skip(ended) : unit;
  }

  #skip(ended: boolean): MysqlUnit | undefined {
    const unit = this.#skipped;
    if (!ended || unit === undefined) return undefined;
    unit.sequence = this.nextSequence;
    this.#skipped = undefined;
    return unit;
  }

  /** Of the packet that follows what has been seen of a command in pieces. */
  get nextSequence(): number {
    return (this.#sequence + 1) & 255;
  }

  /** Another packet of a command in pieces. */
  #begun(sequence: number): void {
    if (this.#stream === 'data') return;
    if (sequence !== this.nextSequence) throw outOfOrder();
    this.#sequence = sequence;
  }

  /** Gives out the next `length` bytes. */
  #take(length: number, extent: Extent, command: number, cut = false): MysqlUnit {
    const end = this.#at + length;
    const bytes = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    if (end === this.#buffer.length && this.#more.length === 0) this.#forget();
    else this.#wanted = HEADER;
    return new MysqlUnit(extent, command, bytes, cut);
  }

  /** Are `length` bytes there? If not they are waited for. */
  #has(length: number): boolean {
    if (this.#buffer.length - this.#at >= length) return true;
    this.#wanted = length;
    if (this.#gather() && this.#buffer.length - this.#at >= length) return true;
    this.#compact();
    return false;
  }

  /** Joins what has come, once enough is there, or `now`; true if the buffer grew. */
  #gather(now = false): boolean {
    if (this.#more.length === 0) return false;
    if (!now && this.#stream === undefined && this.#size - this.#at < this.#wanted) return false;
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), ...this.#more]);
    this.#more = [];
    this.#at = 0;
    this.#size = this.#buffer.length;
    return true;
  }

  /** Keeps a copy of a small remainder instead of the whole chunk it came in. */
  #compact(): void {
    if (this.#at === 0 || this.#more.length > 0) return;
    this.#buffer = Buffer.from(this.#buffer.subarray(this.#at));
    this.#size = this.#buffer.length;
    this.#at = 0;
  }

  #forget(): void {
    this.#buffer = EMPTY;
    this.#size = 0;
    this.#at = 0;
    this.#wanted = HEADER;
  }
}

function extentOf(command: number): Extent {
  if (command === COM_QUIT) return 'quit';
  return command === COM_CHANGE_USER ? 'relogin' : 'whole';
}

const outOfOrder = () => clientError('PROTOCOL', 1156, 'Got packets out of order');
