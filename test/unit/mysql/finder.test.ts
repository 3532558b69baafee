import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import * as com from '../../../src/mysql/commands.ts';
import { UnitFinder } from '../../../src/mysql/finder.ts';
import { command, queryCommand } from '../../../src/mysql/messages.ts';
import { FULL, packet } from '../../../src/mysql/packets.ts';
import type { MysqlUnit } from '../../../src/mysql/unit.ts';

const LIMIT = 2_000;

function all(finder: UnitFinder): MysqlUnit[] {
  const units: MysqlUnit[] = [];
  for (let unit = finder.next(); unit !== undefined; unit = finder.next()) units.push(unit);
  return units;
}

function found(...parts: Uint8Array[]): MysqlUnit[] {
  const finder = new UnitFinder(LIMIT);
  finder.push(Buffer.concat(parts));
  return all(finder);
}

/** What comes out when the bytes arrive in pieces of these sizes. */
function inPieces(finder: UnitFinder, bytes: Buffer, sizes: readonly number[]): MysqlUnit[] {
  const units: MysqlUnit[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    finder.push(bytes.subarray(at, at + size));
    at += size;
    units.push(...all(finder));
  }
  return units;
}

describe('the finder of commands', () => {
  test('one command is one unit', () => {
    const units = found(queryCommand('SELECT 1'), command(com.COM_PING), queryCommand('SELECT 2'));
    assert.deepEqual(
      units.map((unit) => [unit.extent, unit.command, unit.body.toString()]),
      [
        ['whole', com.COM_QUERY, 'SELECT 1'],
        ['whole', com.COM_PING, ''],
        ['whole', com.COM_QUERY, 'SELECT 2'],
      ],
    );
  });

  test('the goodbye and the log-in anew have extents of their own', () => {
    const units = found(command(com.COM_CHANGE_USER, 'demo\0'), command(com.COM_QUIT));
    assert.deepEqual(
      units.map(({ extent }) => extent),
      ['relogin', 'quit'],
    );
  });

  test('an empty packet is a command that nobody knows', () => {
    assert.deepEqual(
      found(packet(0, Buffer.alloc(0)), command(com.COM_PING)).map((unit) => unit.command),
      [-1, com.COM_PING],
    );
  });

  test('a command whose sequence is not 0 is an error in the words of the server', () => {
    assert.throws(() => found(packet(1, Buffer.from([com.COM_PING]))), {
      code: 'PROTOCOL',
      server: { code: '1156', message: 'Got packets out of order' },
    });
  });

  test('a text over the limit goes on in pieces', () => {
    const large = queryCommand(`SELECT '${'x'.repeat(40_000)}'`);
    const units = inPieces(new UnitFinder(LIMIT), Buffer.concat([large, command(com.COM_PING)]), [7_001]);
    assert.deepEqual(
      units.map(({ extent }) => extent).filter((extent, at, list) => extent !== list[at - 1]),
      ['open', 'part', 'last', 'whole'],
    );
    assert.deepEqual(Buffer.concat(units.slice(0, -1).map(({ bytes }) => bytes)), large);
    assert.ok((units[0]?.bytes.length ?? 0) > 16_000, 'enough of it to judge it');
  });

  test('a text of more than one packet ends with its last packet, be it empty', () => {
    for (const length of [FULL - 1, FULL, FULL + 10]) {
      const large = packet(0, Buffer.from([com.COM_QUERY]), Buffer.alloc(length - 1, 0x20));
      const units = inPieces(new UnitFinder(LIMIT), Buffer.concat([large, command(com.COM_PING)]), [65_536]);
      assert.deepEqual(Buffer.concat(units.slice(0, -1).map(({ bytes }) => bytes)), large);
      assert.deepEqual(
        [units[0]?.extent, units.at(-2)?.extent, units.at(-1)?.command],
        ['open', 'last', com.COM_PING],
      );
    }
  });

  test('the packets of one command are numbered one after another', () => {
    const large = packet(0, Buffer.from([com.COM_QUERY]), Buffer.alloc(FULL + 10, 0x20));
    large[4 + FULL + 3] = 9;
    assert.throws(() => inPieces(new UnitFinder(LIMIT), large, [65_536]), { code: 'PROTOCOL' });
  });

  test('PREPARE, EXECUTE and long data above the limit are gathered', () => {
    for (const code of [com.COM_STMT_PREPARE, com.COM_STMT_EXECUTE, com.COM_STMT_SEND_LONG_DATA]) {
      const units = inPieces(new UnitFinder(LIMIT), command(code, Buffer.alloc(50_000)), [1_000]);
      assert.deepEqual(
        units.map((unit) => [unit.extent, unit.cut]),
        [['whole', false]],
      );
    }
  });

  test('an EXECUTE of more than one packet is open, its beginning long enough for all types', () => {
    const large = packet(0, Buffer.from([com.COM_STMT_EXECUTE]), Buffer.alloc(FULL + 5));
    const [first, ...others] = inPieces(new UnitFinder(LIMIT), large, [30_000]);
    assert.equal(first?.extent, 'open');
    assert.ok((first?.bytes.length ?? 0) >= 150_000);
    assert.equal(others.at(-1)?.extent, 'last');
  });

  test('of a PREPARE or long data of more than one packet the rest is thrown away', () => {
    for (const code of [com.COM_STMT_PREPARE, com.COM_STMT_SEND_LONG_DATA]) {
      const large = packet(0, Buffer.from([code]), Buffer.alloc(FULL + 5));
      const finder = new UnitFinder(LIMIT);
      const units = inPieces(finder, Buffer.concat([large, command(com.COM_PING)]), [40_000]);
      assert.deepEqual(
        units.map((unit) => [unit.command, unit.cut]),
        [
          [code, true],
          [com.COM_PING, false],
        ],
      );
      assert.equal(finder.buffered, 0);
      assert.equal(units[0]?.sequence, 2, 'it is answered behind its last packet');
    }
  });

  test('another command over the limit is refused as a server does', () => {
    const tooLarge = {
      code: 'PROTOCOL',
      server: { code: '1153', message: "Got a packet bigger than 'max_allowed_packet' bytes" },
    };
    assert.throws(() => found(command(com.COM_INIT_DB, Buffer.alloc(5_000))), tooLarge);
    assert.throws(() => found(Buffer.from('\xff\xff\x7f\x00\x0e', 'latin1')), tooLarge);
  });

  test('while the server takes a file, packets are data up to the empty one', () => {
    const finder = new UnitFinder(LIMIT);
    finder.push(queryCommand("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"));
    assert.equal(all(finder).length, 1);
    finder.copying();
    const file = [
      packet(2, Buffer.from('a\tb\n')),
      packet(3, Buffer.alloc(5_000, 0x61)),
      packet(4, Buffer.alloc(0)),
    ];
    const units = inPieces(finder, Buffer.concat([...file, command(com.COM_PING)]), [97]);
    assert.deepEqual([...new Set(units.slice(0, -1).map(({ extent }) => extent))], ['data']);
    assert.deepEqual(Buffer.concat(units.slice(0, -1).map(({ bytes }) => bytes)), Buffer.concat(file));
    assert.equal(units.at(-1)?.command, com.COM_PING);
  });

  test('what has not become a unit can be taken out', () => {
    const finder = new UnitFinder(LIMIT);
    const login = command(com.COM_CHANGE_USER, 'demo\0');
    const after = Buffer.from([3, 0, 0, 1, 1, 2, 3]);
    finder.push(Buffer.concat([login, after.subarray(0, 2)]));
    assert.equal(finder.next()?.extent, 'relogin');
    finder.push(after.subarray(2));
    assert.deepEqual(finder.unread(), after);
    assert.equal(finder.buffered, 0);
  });

  const anyCommand = fc.oneof(
    fc.string({ maxLength: 60 }).map((text) => queryCommand(text)),
    fc.integer({ min: 1_500, max: 60_000 }).map((length) => queryCommand('x'.repeat(length))),
    fc.integer({ max: 30_000, min: 0 }).map((length) => command(com.COM_STMT_EXECUTE, Buffer.alloc(length))),
    fc.constant(command(com.COM_PING)),
    fc.constant(packet(0, Buffer.alloc(0))),
  );

  test('however the bytes arrive, every byte comes out once and in order, and commands keep their ends', () => {
    fc.assert(
      fc.property(
        fc.array(anyCommand, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 20 }),
        (commands, cuts) => {
          const finder = new UnitFinder(LIMIT);
          const units = inPieces(finder, Buffer.concat(commands), cuts);
          assert.deepEqual(Buffer.concat(units.map((unit) => unit.bytes)), Buffer.concat(commands));
          assert.equal(finder.buffered, 0);
          const ends = units.filter(({ extent }) => extent === 'whole' || extent === 'last').length;
          assert.equal(ends, commands.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('random bytes end in an error or in waiting, never in a loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        try {
          found(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof Error);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
