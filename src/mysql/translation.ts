import { STATUS_SESSION_STATE } from './capabilities.ts';
import type { OkPacket } from './ok-packet.ts';
import { HEADER } from './packets.ts';
import type { Traits } from './reply.ts';

/** What a server tells a client of its own accord (default of session_track_system_variables). */
const SHOWN: ReadonlySet<string> = new Set([
  'time_zone',
  'autocommit',
  'character_set_client',
  'character_set_results',
  'character_set_connection',
]);

const SYSTEM_VARIABLES = 0;
/** Kinds that links report no more of than a client would hear: the schema, characteristics and state of a transaction. */
const PASSED: ReadonlySet<number> = new Set([1, 4, 5]);
const EOF_PAYLOAD = 5;

/** Length of an EOF packet with its header. */
export const EOF_PACKET = HEADER + EOF_PAYLOAD;

/**
 * Makes of an OK packet what this client would get from the server itself, in place: it never grows. `at`: where its
 * header begins; gives where it ends now.
 */
export function translateOk(bytes: Buffer, at: number, end: number, ok: OkPacket, traits: Traits): number {
  if (bytes[at + HEADER] === 0xfe && !traits.deprecateEof) {
    const status = ok.status & ~STATUS_SESSION_STATE;
    return writeEof(bytes, at, bytes[at + 3] as number, status, ok.warnings);
  }
  if ((ok.status & STATUS_SESSION_STATE) === 0) return end;
  const shown = traits.sessionTrack ? shownLength(bytes, ok) : 0;
  // The text stands alone only if it is not empty.
  let to = shown > 0 || ok.infoEnd - ok.infoAt > 1 ? ok.infoEnd : ok.infoAt;
  if (shown > 0) to = writeShown(bytes, to, ok, shown);
  else bytes.writeUInt16LE(ok.status & ~STATUS_SESSION_STATE, ok.statusAt);
  bytes.writeUIntLE(to - at - HEADER, at, 3);
  return to;
}

/** Writes a whole EOF packet; gives where it ends. */
export function writeEof(
  bytes: Buffer,
  at: number,
  sequence: number,
  status: number,
  warnings: number,
): number {
  bytes.writeUIntLE(EOF_PAYLOAD, at, 3);
  bytes[at + 3] = sequence & 255;
  bytes[at + HEADER] = 0xfe;
  bytes.writeUInt16LE(warnings, at + HEADER + 1);
  bytes.writeUInt16LE(status, at + HEADER + 3);
  return at + EOF_PACKET;
}

/** Bytes of the entries that the client may see. */
function shownLength(bytes: Buffer, ok: OkPacket): number {
  let sum = 0;
  for (let at = ok.stateAt; at < ok.stateEnd; at = entryEnd(bytes, at)) {
    if (isShown(bytes, at)) sum += entryEnd(bytes, at) - at;
  }
  return sum;
}

function writeShown(bytes: Buffer, from: number, ok: OkPacket, length: number): number {
  let to = from;
  // Shorter than what stood here, so that its length takes as many bytes at most.
  if (length < 251) bytes[to++] = length;
  else {
    bytes[to] = 0xfc;
    bytes.writeUInt16LE(length, to + 1);
    to += 3;
  }
  for (let at = ok.stateAt, end = at; at < ok.stateEnd; at = end) {
    end = entryEnd(bytes, at);
    if (!isShown(bytes, at)) continue;
    bytes.copyWithin(to, at, end);
    to += end - at;
  }
  return to;
}

/** An entry is its kind, a length and so many bytes; kinds that are shown are shorter than 64 kB. */
function entryEnd(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] as number;
  if (first < 251) return at + 2 + first;
  if (first === 0xfc) return at + 4 + bytes.readUInt16LE(at + 2);
  if (first === 0xfd) return at + 5 + bytes.readUIntLE(at + 2, 3);
  return at + 10 + Number(bytes.readBigUInt64LE(at + 2));
}

/** Servers put one variable into an entry. */
function isShown(bytes: Buffer, at: number): boolean {
  const kind = bytes[at] as number;
  if (PASSED.has(kind)) return true;
  if (kind !== SYSTEM_VARIABLES || (bytes[at + 1] as number) >= 251) return false;
  const length = bytes[at + 2] as number;
  return SHOWN.has(bytes.toString('latin1', at + 3, at + 3 + length));
}
