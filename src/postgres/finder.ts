import { ProxyError } from '../core/errors.ts';
import { type Expectation, type Extent, FORWARD, type Unit } from '../core/wire.ts';
import type { Prepared } from './prepared.ts';

// PostgreSQL manual, 54.7 Message Formats: what a client sends.
const QUERY = 0x51; // Q
const CALL = 0x46; // F
const PARSE = 0x50; // P
const BIND = 0x42; // B
const DESCRIBE = 0x44; // D
const EXECUTE = 0x45; // E
const CLOSE = 0x43; // C
const SYNC = 0x53; // S
const FLUSH = 0x48; // H
const COPY_DATA = 0x64; // d
const COPY_DONE = 0x63; // c
const COPY_FAIL = 0x66; // f
const TERMINATE = 0x58; // X

/** The server's own limit of a message. */
const MESSAGE_LIMIT = 0x3fff_ffff;

const EMPTY = Buffer.alloc(0);
const GOODBYE = Buffer.from([0x58, 0, 0, 0, 4]);

/** `simple`: one Query. `extended`: messages up to a Sync. `call`: a FunctionCall. `data`: copy data. */
export type Shape = 'simple' | 'extended' | 'call' | 'data' | 'goodbye';

/** Client bytes that one ReadyForQuery answers, or a piece of them. */
export class PostgresUnit implements Unit {
  readonly extent: Extent;
  readonly shape: Shape;
  readonly bytes: Buffer;
  readonly expect: Expectation = FORWARD;
  /** The text it runs, the last one of several; empty until it is classified. */
  text: Buffer = EMPTY;
  /** It uses statements that were prepared under a name. Set when it is classified. */
  named = false;
  /** What must come before it, so that the unnamed statement is the session's. Set when it is classified. */
  front: Buffer | undefined;
  /** How often it was planned for a link: what it says of names is not said for the first time, and the last one counts. */
  plans = 0;
  /** Statements that it used then, by their names: what came behind it may have closed them since. */
  used: Map<string, Prepared> | undefined;
  /** A piece from the middle of one message. */
  cut = false;

  constructor(extent: Extent, shape: Shape, bytes: Buffer) {
    this.extent = extent;
    this.shape = shape;
    this.bytes = bytes;
  }
}

/**
 * Finds units in a client's bytes by message headers alone. A unit that cannot be waited for (a Flush in it, or
 * larger than the limit) comes in pieces: `open`, `part` …, `last`.
 */
export class UnitFinder {
  readonly #limit: number;
  #buffer: Buffer = EMPTY;
  /** Chunks behind `#buffer`, until enough is there to go on; an idle client has no list of them. */
  #more: Buffer[] | undefined;
  #size = 0;
  /** Bytes that must be there before looking again is worth it. */
  #wanted = 5;
  /** Where the unit under way begins, and the message to look at next. */
  #start = 0;
  #at = 0;
  /** Messages of an extended batch have been seen since `#start`, or given out as `open`. */
  #batch = false;
  /** An `open` piece was given out and its `last` is still to come. */
  #open: Shape | undefined;
  /** Bytes still to come of a message that is given out in pieces. */
  #bodyLeft = 0;
  /** The message in pieces ends its unit. */
  #bodyEnds = false;
  /** The server takes copy data for an extended unit whose Sync it has passed over. */
  #copying = false;

  /** `limit`: bytes of a unit that are gathered before it is sent on in pieces. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get buffered(): number {
    return this.#size - this.#start;
  }

  /** What was pushed and is in no unit yet ends with a goodbye. */
  get saysGoodbye(): boolean {
    const last = this.#more?.at(-1) ?? this.#buffer;
    return this.buffered >= GOODBYE.length && last.subarray(-GOODBYE.length).equals(GOODBYE);
  }

  push(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#buffer.length === 0) this.#buffer = chunk;
    else {
      this.#more ??= [];
      this.#more.push(chunk);
    }
    this.#gather();
  }

  /** The next unit or piece; undefined: more bytes are needed. */
  next(): PostgresUnit | undefined {
    if (this.#bodyLeft > 0) {
      if (this.#open !== undefined) return this.#piece(this.#open);
      if (this.#buffer.length === 0) return undefined;
      this.#skipBody();
    }
    while (this.#buffer.length - this.#at >= 5) {
      const type = this.#buffer[this.#at] as number;
      const isCopy = type === COPY_DATA && !this.#batch;
      if (!isCopy && this.#hasCopied) return this.#take(this.#at, 'data', 'data');
      const length = this.#buffer.readUInt32BE(this.#at + 1) + 1;
      if (length < 5 || length > MESSAGE_LIMIT) throw badMessage(type, length - 1);
      const end = this.#at + length;
      if (end > this.#buffer.length) {
        if (end - this.#start > this.#limit || type === COPY_DATA) return this.#begin(type, length);
        this.#wanted = end;
        if (this.#gather()) continue;
        this.#compact();
        return undefined;
      }
      // Copy data leave together, however small the client cuts them.
      const unit = isCopy ? this.#pass(end) : this.#message(type, end);
      if (unit !== undefined) return unit;
    }
    if (this.#hasCopied) return this.#take(this.#at, 'data', 'data');
    this.#wanted = this.#at + 5;
    if (this.#gather()) return this.next();
    this.#compact();
    return undefined;
  }

  /** Copy data that have been looked at and not been given out. */
  get #hasCopied(): boolean {
    return this.#at > this.#start && !this.#batch;
  }

  #pass(end: number): undefined {
    this.#at = end;
  }

  /** Passes the rest of copy data whose beginning was given out. */
  #skipBody(): void {
    const end = Math.min(this.#start + this.#bodyLeft, this.#buffer.length);
    this.#bodyLeft -= end - this.#start;
    this.#at = end;
  }

  /** The server has begun (true) or ended (false) to take copy data for an extended unit. */
  copying(active: boolean): void {
    this.#copying = active;
  }

  /** Looks at the message that ends at `end`; gives a unit if it completes one. */
  #message(type: number, end: number): PostgresUnit | undefined {
    switch (type) {
      case QUERY:
      case CALL:
        if (this.#batch) throw mixed();
        return this.#take(end, 'whole', type === QUERY ? 'simple' : 'call');
      case PARSE:
      case BIND:
      case DESCRIBE:
      case EXECUTE:
      case CLOSE:
        this.#batch = true;
        break;
      case SYNC:
        return this.#sync(end);
      case FLUSH:
        this.#batch = true;
        return this.#take(end, this.#open === undefined ? 'open' : 'part', 'extended', true);
      case COPY_DATA:
      case COPY_DONE:
      case COPY_FAIL:
        // Between the messages of a batch it belongs to the batch.
        if (!this.#batch) return this.#take(end, 'data', 'data');
        break;
      case TERMINATE:
        return this.#take(end, 'quit', 'goodbye');
      default:
        throw badMessage(type, end - this.#at - 1);
    }
    this.#at = end;
    if (end - this.#start > this.#limit) {
      return this.#take(end, this.#open === undefined ? 'open' : 'part', 'extended', true);
    }
    return undefined;
  }

  #sync(end: number): PostgresUnit {
    if (this.#open !== undefined) return this.#take(end, 'last', 'extended');
    if (this.#copying && !this.#batch) {
      // Its ReadyForQuery is that of the unit that began the copy.
      this.#copying = false;
      return this.#take(end, 'data', 'data');
    }
    return this.#take(end, 'whole', 'extended');
  }

  /** Gives out all bytes up to `end`. `goesOn`: the unit has not ended. */
  #take(end: number, extent: Extent, shape: Shape, goesOn = false): PostgresUnit {
    const bytes = this.#buffer.subarray(this.#start, end);
    this.#start = end;
    this.#at = end;
    if (goesOn) this.#open = shape;
    else if (shape !== 'data') {
      this.#open = undefined;
      this.#batch = false;
    }
    if (end === this.#buffer.length && this.#more === undefined) this.#forget();
    return new PostgresUnit(extent, shape, bytes);
  }

  /** Gives out the beginning of a message that is too large to wait for. */
  #begin(type: number, length: number): PostgresUnit {
    const all = this.#buffer.length;
    this.#bodyLeft = this.#at + length - all;
    if (type === COPY_DATA && !this.#batch) {
      this.#bodyEnds = false;
      return this.#take(all, 'data', 'data');
    }
    const simple = type === QUERY || type === CALL;
    if (simple && this.#batch) throw mixed();
    if (!simple && type !== PARSE && type !== BIND && type !== COPY_DATA) throw badMessage(type, length - 1);
    this.#bodyEnds = simple;
    this.#batch = !simple;
    return this.#take(all, this.#open === undefined ? 'open' : 'part', simple ? 'simple' : 'extended', true);
  }

  /** More of a message that is given out in pieces, other than copy data. */
  #piece(shape: Shape): PostgresUnit | undefined {
    if (this.#buffer.length === 0) return undefined;
    const end = Math.min(this.#start + this.#bodyLeft, this.#buffer.length);
    this.#bodyLeft -= end - this.#start;
    const ends = this.#bodyLeft === 0 && this.#bodyEnds;
    if (ends) this.#bodyEnds = false;
    const unit = this.#take(end, ends ? 'last' : 'part', shape, !ends);
    unit.cut = true;
    return unit;
  }

  /** Joins what has come, once enough is there; true if the buffer grew. */
  #gather(): boolean {
    if (this.#more === undefined || (this.#size < this.#wanted && this.#bodyLeft === 0)) return false;
    const kept = this.#start;
    this.#buffer = Buffer.concat([this.#buffer.subarray(kept), ...this.#more]);
    this.#more = undefined;
    this.#start = 0;
    this.#at -= kept;
    this.#wanted = Math.max(5, this.#wanted - kept);
    this.#size = this.#buffer.length;
    return true;
  }

  /** Keeps a copy of a small remainder instead of the whole chunk it came in. */
  #compact(): void {
    if (this.#start === 0 || this.#more !== undefined) return;
    this.#buffer = Buffer.from(this.#buffer.subarray(this.#start));
    this.#at -= this.#start;
    this.#wanted -= this.#start;
    this.#size = this.#buffer.length;
    this.#start = 0;
  }

  #forget(): void {
    this.#buffer = EMPTY;
    this.#size = 0;
    this.#start = 0;
    this.#at = 0;
    this.#wanted = 5;
  }
}

function badMessage(type: number, length: number): ProxyError {
  return new ProxyError('PROTOCOL', {
    side: 'client',
    retry: 'no',
    tell: `a message of type ${JSON.stringify(String.fromCharCode(type))} with length ${length} is not part of the protocol here`,
  });
}

function mixed(): ProxyError {
  return new ProxyError('UNSUPPORTED', {
    side: 'client',
    retry: 'no',
    tell: 'a simple query between extended-protocol messages without a Sync before it is not supported; send Sync first',
  });
}
