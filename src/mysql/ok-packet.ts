import { STATUS_SESSION_STATE } from './capabilities.ts';

/** Kinds of entries in the state information ("Session State Information"). */
const SYSTEM_VARIABLES = 0;
const SCHEMA = 1;
const STATE_CHANGE = 2;

/** An EOF packet, where a server sends one instead of an OK packet: header, warnings, status. */
const EOF_LENGTH = 5;

/** MySQL counts statements in a variable and reports it with every one of them. */
const STATEMENT_ID = Buffer.from('statement_id');

/** Hears what trackers report, in their order. */
export interface Report {
  variable(name: string, value: string): void;
  /** The default schema is `name` now; '': there is none. */
  schema(name: string): void;
  /** State has changed; which is not said. */
  state(): void;
}

/**
 * One OK packet, or the EOF packet in its place, as a server sends it to a connection with SESSION_TRACK. Positions
 * are those in the bytes that were read. One object reads them all.
 */
export class OkPacket {
  affectedRows = 0n;
  insertId = 0n;
  status = 0;
  warnings = 0;
  statusAt = 0;
  /** The info text with its length in front; empty if there is none. */
  infoAt = 0;
  infoEnd = 0;
  /** What the trackers say, without its length. */
  stateAt = 0;
  stateEnd = 0;
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;

  /** Reads the payload from `at` to `end`. Throws RangeError where it ends before its content. */
  read(bytes: Buffer, at: number, end: number): void {
    this.#bytes = bytes;
    this.#at = at + 1;
    this.#end = end;
    const short = end - at === EOF_LENGTH && bytes[at] === 0xfe;
    this.affectedRows = short ? 0n : this.#big();
    this.insertId = short ? 0n : this.#big();
    const first = this.#two();
    const second = this.#two();
    this.status = short ? second : first;
    this.warnings = short ? first : second;
    this.statusAt = this.#at - (short ? 2 : 4);
    this.infoAt = this.#at;
    this.#skip();
    this.infoEnd = this.#at;
    this.stateAt = end;
    this.stateEnd = end;
    if ((this.status & STATUS_SESSION_STATE) === 0 || this.#at >= end) return;
    const length = this.#length();
    this.stateAt = this.#at;
    this.stateEnd = this.#at + length;
    if (this.stateEnd > end) throw ended();
  }

  /** Goes through what the trackers say. Throws RangeError. */
  report(to: Report): void {
    this.#at = this.stateAt;
    while (this.#at < this.stateEnd) {
      const kind = this.#byte();
      const length = this.#length();
      const end = this.#at + length;
      if (end > this.stateEnd) throw ended();
      if (kind === SYSTEM_VARIABLES) this.#variables(end, to);
      else if (kind === SCHEMA) to.schema(this.#text());
      else if (kind === STATE_CHANGE) to.state();
      this.#at = end;
    }
  }

  #variables(end: number, to: Report): void {
    while (this.#at < end) {
      if (this.#counts()) {
        this.#skip();
        this.#skip();
      } else {
        const name = this.#text().toLowerCase();
        to.variable(name, this.#text());
      }
    }
  }

  /** The name that begins here is `statement_id`. */
  #counts(): boolean {
    if (this.#bytes[this.#at] !== STATEMENT_ID.length) return false;
    for (let n = 0; n < STATEMENT_ID.length; n++) {
      if (this.#bytes[this.#at + 1 + n] !== STATEMENT_ID[n]) return false;
    }
    return true;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw ended();
    return this.#bytes[this.#at++] as number;
  }

  #two(): number {
    const low = this.#byte();
    return low | (this.#byte() << 8);
  }

  /** A length-encoded integer that fits a number. */
  #length(): number {
    const first = this.#byte();
    if (first < 0xfb) return first;
    if (first === 0xfc) return this.#two();
    if (first === 0xfd) return this.#two() | (this.#byte() << 16);
    if (first === 0xfe) {
      const low = this.#two() + this.#two() * 65_536;
      return low + (this.#two() + this.#two() * 65_536) * 4_294_967_296;
    }
    throw new RangeError('not a length-encoded integer');
  }

  #big(): bigint {
    const first = this.#bytes[this.#at];
    if (first === 0) {
      this.#byte();
      return 0n;
    }
    if (first !== 0xfe) return BigInt(this.#length());
    if (this.#at + 9 > this.#end) throw ended();
    this.#at += 9;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }

  /** A text with its length in front, if the payload has one more. */
  #skip(): void {
    if (this.#at >= this.#end) return;
    const length = this.#length();
    this.#at += length;
    if (this.#at > this.#end) throw ended();
  }

  #text(): string {
    const length = this.#length();
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw ended();
    return this.#bytes.toString('utf8', from, this.#at);
  }
}

const NOTHING = Buffer.alloc(0);

function ended(): RangeError {
  return new RangeError('an OK packet ends before its content');
}
