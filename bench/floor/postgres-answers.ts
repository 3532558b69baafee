const READY = 0x5a; // Z
const HEADER = 5;

/** PG 54.7: a type byte and a length that counts itself; ReadyForQuery ends the answer to a simple query. */
export function postgresAnswerEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes.length - at >= HEADER) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) return -1;
    if (bytes[at] === READY) return end;
    at = end;
  }
  return -1;
}
