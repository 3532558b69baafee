import { randomFillSync } from 'node:crypto';

/** Random bytes made at once. */
const SLAB = 4_096;

let slab = Buffer.alloc(0);
let next = 0;

/**
 * A session's secret: random bytes that no other session has. They are cut from a common piece, for a buffer with
 * memory of its own costs an idle client ten times as much.
 */
export function newSecret(length: number): Buffer {
  if (next + length > slab.length) {
    slab = randomFillSync(Buffer.alloc(Math.max(SLAB, length)));
    next = 0;
  }
  next += length;
  return slab.subarray(next - length, next);
}
