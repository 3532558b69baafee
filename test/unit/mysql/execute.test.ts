import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COM_STMT_EXECUTE } from '../../../src/mysql/commands.ts';
import {
  renumber,
  shifted,
  statementNumber,
  typesIn,
  wantsCursor,
  withTypes,
} from '../../../src/mysql/execute.ts';
import { FULL, HEADER, lengthAt, packet } from '../../../src/mysql/packets.ts';

const TYPES = Buffer.from([3, 0, 0xfd, 0, 8, 0x80]);

/** An EXECUTE of statement 7 with three parameters. */
function execute(types: Buffer | undefined, values: Buffer): Buffer {
  const head = Buffer.from([COM_STMT_EXECUTE, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, types === undefined ? 0 : 1]);
  return packet(0, head, types ?? Buffer.alloc(0), values);
}

/** The payload of packets that belong together. */
function payload(bytes: Buffer): { payload: Buffer; lengths: number[]; sequences: number[] } {
  const parts: Buffer[] = [];
  const lengths: number[] = [];
  const sequences: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = lengthAt(bytes, at);
    lengths.push(length);
    sequences.push(bytes[at + 3] as number);
    parts.push(bytes.subarray(at + HEADER, at + HEADER + length));
    at += HEADER + length;
  }
  assert.equal(at, bytes.length, 'packets end where the bytes end');
  return { payload: Buffer.concat(parts), lengths, sequences };
}

describe('the bytes of EXECUTE', () => {
  test('its statement has another number on each link', () => {
    const bytes = execute(TYPES, Buffer.from([1]));
    renumber(bytes, 0x01020304);
    assert.equal(statementNumber(bytes), 0x01020304);
    assert.deepEqual(typesIn(bytes, 3)?.types, TYPES);
  });

  test('its flags say whether it opens a cursor', () => {
    const bytes = execute(TYPES, Buffer.alloc(0));
    assert.equal(wantsCursor(bytes), false);
    bytes[9] = 1;
    assert.equal(wantsCursor(bytes), true);
  });

  test('types that it does not say again are put in', () => {
    const values = Buffer.from('values');
    const bytes = execute(undefined, values);
    const found = typesIn(bytes, 3);
    assert.equal(found?.types, undefined);
    assert.deepEqual(withTypes(bytes, found?.at ?? 0, TYPES), execute(TYPES, values));
  });

  test('one that ends before its types has none', () => {
    const bytes = execute(undefined, Buffer.alloc(0));
    assert.equal(typesIn(bytes.subarray(0, -1), 3), undefined);
    assert.equal(typesIn(bytes, 20), undefined);
    bytes[bytes.length - 1] = 1;
    assert.equal(typesIn(bytes, 3), undefined);
  });

  test('types put into one that streams by move everything behind them', () => {
    const before = 12;
    for (const values of [
      FULL - before - 7,
      FULL - before - 6,
      FULL - before - 3,
      FULL - before,
      FULL + 1,
      2 * FULL - before - 6,
      2 * FULL - before,
      2 * FULL,
    ]) {
      const data = Buffer.alloc(values);
      for (let at = 0; at < values; at += 997) data[at] = at & 255;
      const bytes = execute(undefined, data);
      const cuts = [200_000, 1, 3, FULL - 200_000 + 2, 1, 1, 70_000];
      const out: Buffer[] = [];
      const at = typesIn(bytes, 3)?.at ?? 0;
      const begun = shifted(bytes.subarray(0, 150_000), at, TYPES);
      out.push(begun.bytes);
      for (let from = 150_000, turn = 0; from < bytes.length; turn++) {
        const to = from + (cuts[turn % cuts.length] ?? 1);
        out.push(begun.rest.piece(bytes.subarray(from, to)));
        from = to;
      }
      const sent = payload(Buffer.concat(out));
      const wanted = payload(execute(TYPES, data));
      assert.deepEqual(sent.lengths, wanted.lengths, `with ${values} bytes of values`);
      assert.deepEqual(sent.sequences, wanted.sequences);
      assert.ok(sent.payload.equals(wanted.payload), `with ${values} bytes of values`);
    }
  });
});
