import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomPiece } from '../../../src/net/random.ts';

test('no two pieces share a byte, and many share one memory', () => {
  const pieces = Array.from({ length: 500 }, () => randomPiece(32));
  assert.equal(new Set(pieces.map((piece) => piece.toString('hex'))).size, 500);
  assert.ok(pieces.every(({ length }) => length === 32));
  const memories = new Set(pieces.map(({ buffer }) => buffer));
  assert.ok(memories.size <= 5, `${memories.size} memories`);
  for (const memory of memories) {
    const starts = pieces.filter(({ buffer }) => buffer === memory).map(({ byteOffset }) => byteOffset);
    assert.ok(starts.every((start, at) => at === 0 || start >= (starts[at - 1] ?? 0) + 32));
  }
});

test('a piece may be larger than what is made at once', () => {
  const piece = randomPiece(10_000);
  assert.equal(piece.length, 10_000);
  assert.ok(piece.subarray(9_900).some((byte) => byte !== 0));
});
