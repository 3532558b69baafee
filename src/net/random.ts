import { randomFillSync } from 'node:crypto';

/** Random bytes made at once. */
const SLAB = 4_096;

let slab = Buffer.alloc(0);
let next = 0;

/**
 * Random bytes for a secret or a nonce, given out once. Cut from a common piece: a buffer with memory of its own
 * costs an idle client ten times as much, and to ask for a few bytes costs as much as for thousands.
 */
export function randomPiece(length: number): Buffer {
  if (next + length > slab.length) {
    slab = randomFillSync(Buffer.alloc(Math.max(SLAB, length)));
    next = 0;
  }
  next += length;
  return slab.subarray(next - length, next);
}
