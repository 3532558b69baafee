import { FULL, HEADER, lengthAt, packet } from './packets.ts';

// "COM_STMT_EXECUTE": command 1, number 4, flags 1, iterations 4; with parameters: which are NULL, whether their
// types follow 1, two bytes of type for each, values. Places are counted from the packet's header.
const NUMBER = HEADER + 1;
const FLAGS = HEADER + 5;
const NULLS = HEADER + 10;
const NOTHING = Buffer.alloc(0);
/** CURSOR_TYPE_READ_ONLY, _FOR_UPDATE, _SCROLLABLE. */
const CURSOR = 7;

/** The statement that a command is about; undefined: it is too short to say. */
export function statementNumber(bytes: Buffer): number | undefined {
  return bytes.length < NUMBER + 4 ? undefined : bytes.readUInt32LE(NUMBER);
}

/** Changes the number in place: the bytes are the proxy's own until they are sent. */
export function renumber(bytes: Buffer, number: number): void {
  bytes.writeUInt32LE(number, NUMBER);
}

/** A command about a statement that has nothing but its number, e.g. COM_STMT_RESET. */
export function aboutStatement(command: number, number: number): Buffer {
  const payload = Buffer.allocUnsafe(5);
  payload[0] = command;
  payload.writeUInt32LE(number, 1);
  return packet(0, payload);
}

/** Does it ask for a cursor? */
export function wantsCursor(bytes: Buffer): boolean {
  return bytes.length > FLAGS && ((bytes[FLAGS] as number) & CURSOR) !== 0;
}

/** Where an EXECUTE has, or would have, its parameters' types. */
export interface Types {
  readonly at: number;
  /** Undefined: it does not say them again. */
  readonly types: Buffer | undefined;
}

/** Undefined: it ends before its types. `parameters`: more than 0. */
export function typesIn(bytes: Buffer, parameters: number): Types | undefined {
  const flag = NULLS + ((parameters + 7) >> 3);
  if (bytes.length <= flag) return undefined;
  const at = flag + 1;
  if (bytes[flag] !== 1) return { at, types: undefined };
  if (bytes.length < at + 2 * parameters) return undefined;
  return { at, types: bytes.subarray(at, at + 2 * parameters) };
}

/** Which parameters are NULL. Only where `typesIn` gives something. */
export const nullsIn = (bytes: Buffer, parameters: number): Buffer =>
  bytes.subarray(NULLS, NULLS + ((parameters + 7) >> 3));

/** It ends before it has said what every EXECUTE says. */
export const isCutShort = (bytes: Buffer): boolean => bytes.length < NULLS;

/** One whole EXECUTE with its types said in it. Fits into one packet, or becomes two. */
export function withTypes(bytes: Buffer, at: number, types: Buffer): Buffer {
  const head = Buffer.from(bytes.subarray(HEADER, at));
  head[head.length - 1] = 1;
  return packet(0, head, types, bytes.subarray(at));
}

/**
 * An EXECUTE that streams by and has its types put in: everything behind them moves back by their length, from one
 * packet into the next.
 */
export class Shifted {
  /** What found no place in the packet under way. */
  #carry: Buffer;
  /** Of the client's packet: bytes still to come, and whether it is the last one. */
  #left: number;
  #last: boolean;
  /** Of the packet it becomes: bytes that still go into it, and whether it is full. */
  #room: number;
  #full: boolean;
  #sequence = 0;
  /** The beginning of a header. */
  #header = NOTHING;
  #ended = false;

  /** The beginning has `at` bytes up to where the types go; `length` is its packet's. */
  constructor(types: Buffer, at: number, length: number) {
    const before = at - HEADER;
    const becomes = Math.min(FULL, length + types.length);
    this.#carry = types;
    this.#left = length - before;
    this.#last = length < FULL;
    this.#room = becomes - before;
    this.#full = becomes === FULL;
  }

  /** What to send instead of these bytes. */
  piece(bytes: Buffer): Buffer {
    const out: Buffer[] = [];
    let at = 0;
    while (!this.#ended) {
      const step = Math.min(this.#left, bytes.length - at);
      this.#fill(bytes.subarray(at, at + step), out);
      at += step;
      this.#left -= step;
      if (this.#left > 0) break;
      if (this.#last) this.#end(out);
      else {
        const taken = this.#next(bytes.subarray(at), out);
        if (taken === undefined) break;
        at += taken;
      }
    }
    return Buffer.concat(out);
  }

  #fill(bytes: Buffer, out: Buffer[]): void {
    const all = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    const now = Math.min(this.#room, all.length);
    out.push(all.subarray(0, now));
    this.#room -= now;
    this.#carry = now === all.length ? NOTHING : Buffer.from(all.subarray(now));
  }

  /** Takes the header of the client's next packet; undefined while not all of it is there. */
  #next(bytes: Buffer, out: Buffer[]): number | undefined {
    const taken = Math.min(HEADER - this.#header.length, bytes.length);
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, taken)]);
    if (this.#header.length < HEADER) return undefined;
    this.#left = lengthAt(this.#header, 0);
    this.#last = this.#left < FULL;
    this.#header = NOTHING;
    this.#open(Math.min(FULL, this.#left + this.#carry.length), out);
    return taken;
  }

  #open(length: number, out: Buffer[]): void {
    this.#sequence = (this.#sequence + 1) & 255;
    const header = Buffer.allocUnsafe(HEADER);
    header.writeUIntLE(length, 0, 3);
    header[3] = this.#sequence;
    out.push(header);
    this.#room = length;
    this.#full = length === FULL;
  }

  /** What is left over behind a packet that became full has one of its own, be it empty. */
  #end(out: Buffer[]): void {
    this.#ended = true;
    if (!this.#full) return;
    this.#open(this.#carry.length, out);
    this.#fill(NOTHING, out);
  }
}

/** The beginning of an EXECUTE that streams by, with types put in at `at`, and what becomes of its other pieces. */
export function shifted(bytes: Buffer, at: number, types: Buffer): { bytes: Buffer; rest: Shifted } {
  const length = lengthAt(bytes, 0);
  const rest = new Shifted(types, at, length);
  const head = Buffer.from(bytes.subarray(0, at));
  head.writeUIntLE(Math.min(FULL, length + types.length), 0, 3);
  head[at - 1] = 1;
  return { bytes: Buffer.concat([head, rest.piece(bytes.subarray(at))]), rest };
}
