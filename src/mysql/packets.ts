/**
 * The frame of every packet: three bytes of length, one of sequence, then the payload. A payload of 2^24 - 1 bytes
 * is continued in the next packet, whose sequence is one more ("MySQL Packets").
 */
export const HEADER = 4;
export const FULL = 0xff_ffff;

/** Payload length of the packet whose header begins at `at`. */
export function lengthAt(bytes: Buffer, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
}

/** One payload as packets, the first with sequence `sequence`. */
export function packet(sequence: number, ...parts: readonly Uint8Array[]): Buffer {
  const payload = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  const count = Math.floor(payload.length / FULL) + 1;
  const bytes = Buffer.allocUnsafe(payload.length + count * HEADER);
  let from = 0;
  let to = 0;
  for (let n = 0; n < count; n++) {
    const length = Math.min(FULL, payload.length - from);
    bytes.writeUIntLE(length, to, 3);
    bytes[to + 3] = (sequence + n) & 255;
    bytes.set(payload.subarray(from, from + length), to + HEADER);
    from += length;
    to += HEADER + length;
  }
  return bytes;
}

/** A whole number in length encoding ("Integer Types"). */
export function lenenc(value: number | bigint): Buffer {
  if (value < 251) return Buffer.from([Number(value)]);
  if (value < 65_536) {
    const bytes = Buffer.from([0xfc, 0, 0]);
    bytes.writeUInt16LE(Number(value), 1);
    return bytes;
  }
  if (value < 16_777_216) {
    const bytes = Buffer.from([0xfd, 0, 0, 0]);
    bytes.writeUIntLE(Number(value), 1, 3);
    return bytes;
  }
  const bytes = Buffer.alloc(9, 0xfe);
  bytes.writeBigUInt64LE(BigInt(value), 1);
  return bytes;
}

/** Text or bytes with their length in front; null as the NULL of a text row. */
export function lenencText(value: string | Uint8Array | null): Buffer {
  if (value === null) return Buffer.from([0xfb]);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([lenenc(bytes.length), bytes]);
}

/** Reads a payload from front to back. Throws RangeError past its end; whoever reads makes that a ProxyError. */
export class PayloadReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  #take(length: number): number {
    if (length < 0 || length > this.left) throw new RangeError('the payload ends before its content');
    const from = this.at;
    this.at += length;
    return from;
  }

  /** Little-endian, up to six bytes. */
  int(length: number): number {
    return this.bytes.readUIntLE(this.#take(length), length);
  }

  /** A lengths-encoded integer; null for NULL (0xfb). */
  lenenc(): bigint | null {
    const first = this.int(1);
    if (first < 0xfb) return BigInt(first);
    if (first === 0xfb) return null;
    if (first === 0xfc) return BigInt(this.int(2));
    if (first === 0xfd) return BigInt(this.int(3));
    if (first === 0xfe) return this.bytes.readBigUInt64LE(this.#take(8));
    throw new RangeError('not a length-encoded integer');
  }

  take(length: number): Buffer {
    const from = this.#take(length);
    return this.bytes.subarray(from, from + length);
  }

  lenencBytes(): Buffer | null {
    const length = this.lenenc();
    return length === null ? null : this.take(Number(length));
  }

  /** Up to and without the next null byte, which is taken too. */
  terminated(): Buffer {
    const zero = this.bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) throw new RangeError('a text without its end');
    const value = this.bytes.subarray(this.at, zero);
    this.at = zero + 1;
    return value;
  }

  rest(): Buffer {
    return this.take(this.left);
  }
}
