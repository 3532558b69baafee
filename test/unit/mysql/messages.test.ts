import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  columnDefinition,
  command,
  eofPacket,
  errPacket,
  okPacket,
  queryCommand,
  textResult,
} from '../../../src/mysql/messages.ts';
import { FULL, packet } from '../../../src/mysql/packets.ts';
import { FULL_TRAITS } from '../../../src/mysql/reply.ts';

const AUTOCOMMIT = 2;
const PLAIN = { deprecateEof: false, sessionTrack: false, localFiles: false };
const hex = (bytes: Buffer): string => bytes.toString('hex');

/** The only column of `SELECT 1` as MySQL 9.7 defines it for a connection in utf8mb4. */
const one = { name: '1', type: 8, collation: 63, length: 2, flags: 0x81 };

test('an OK packet is what the server sends for a PING', () => {
  assert.equal(hex(okPacket(1, { status: AUTOCOMMIT }, true)), '0700000100000002000000');
});

test('an OK packet tells changes only to clients that track them', () => {
  const facts = { status: AUTOCOMMIT, changes: Buffer.from('01040364623a', 'hex') };
  assert.equal(hex(okPacket(6, facts, true)), '0f00000600000002400000000601040364623a');
  assert.equal(hex(okPacket(6, facts, false)), '0700000600000002000000');
});

test('the text of an OK packet has a length in front only where changes may follow', () => {
  const facts = { status: AUTOCOMMIT, affectedRows: 300, insertId: 2n ** 40n, warnings: 1, info: 'ab' };
  assert.equal(hex(okPacket(1, facts, true)), '14000001' + '00fc2c01fe000000000001000002000100026162');
  assert.equal(hex(okPacket(1, facts, false)), '13000001' + '00fc2c01fe0000000000010000020001006162');
});

test('an ERR packet carries number, SQLSTATE and words', () => {
  const bytes = errPacket(2, { code: 1043, state: '08S01', message: 'Bad handshake' });
  assert.equal(bytes.toString('latin1'), '\x16\0\0\x02\xff\x13\x04#08S01Bad handshake');
});

test('an EOF packet has warnings before status', () => {
  assert.equal(hex(eofPacket(5, { status: AUTOCOMMIT, warnings: 3 })), '05000005fe03000200');
});

test('a column is defined as the server does it', () => {
  const expected = '17000002' + '03646566' + '000000' + '0131' + '00' + '0c3f000200000008810000' + '0000';
  assert.equal(hex(columnDefinition(2, one)), expected);
});

test('a text result set is the one the server sends, to clients of either age', () => {
  const head = `0100000101${hex(columnDefinition(2, one))}`;
  assert.equal(
    hex(textResult([one], [['1']], PLAIN, AUTOCOMMIT)),
    `${head}05000003fe00000200${'020000040131'}05000005fe00000200`,
  );
  assert.equal(
    hex(textResult([one], [['1']], FULL_TRAITS, AUTOCOMMIT)),
    `${head}${'020000030131'}07000004fe000002000000`,
  );
});

test('NULL, empty text and warnings arrive in a text result set', () => {
  const bytes = textResult([one, one], [[null, '']], FULL_TRAITS, AUTOCOMMIT, 2);
  assert.ok(hex(bytes).endsWith('02000004fb0007000005fe000002000200'));
});

test('packet numbers go on from 255 with 0', () => {
  const rows = Array.from({ length: 300 }, () => ['1']);
  const bytes = textResult([one], rows, FULL_TRAITS, AUTOCOMMIT);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUIntLE(at, 3))
    numbers.push(bytes.readUInt8(at + 3));
  assert.deepEqual(
    numbers,
    Array.from({ length: 303 }, (_, n) => (n + 1) % 256),
  );
});

test('a command is one packet with number 0, its text in UTF-8', () => {
  assert.equal(hex(queryCommand('é')), '0300000003c3a9');
  assert.equal(hex(command(2, 'db', Buffer.from([0]))), '0400000002646200');
});

test('a payload of 16 MB is followed by another packet, be it empty', () => {
  const bytes = packet(255, Buffer.alloc(FULL));
  assert.equal(hex(bytes.subarray(0, 4)), 'ffffffff');
  assert.equal(hex(bytes.subarray(-4)), '00000000');
  assert.equal(bytes.length, FULL + 8);
});
