import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FloorLane, type Outlet, pickLane } from '../../../bench/floor/lane.ts';
import { mysqlAnswerEnd } from '../../../bench/floor/mysql.ts';
import { postgresAnswerEnd } from '../../../bench/floor/postgres.ts';
import { errPacket, okPacket } from '../../../src/mysql/messages.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { message } from '../../../src/postgres/messages.ts';

/** An outlet that keeps what was written, write by write. */
function kept(): Outlet & { readonly writes: string[] } {
  const writes: string[] = [];
  return { writes, write: (bytes) => void writes.push(bytes.toString('latin1')) };
}

const answer = (text: string): Buffer => Buffer.concat([message('D', text), message('Z', 'I')]);

test('the floor writes at once if nothing is open, else all of one turn in one write', async () => {
  const server = kept();
  const lane = new FloorLane(server, postgresAnswerEnd);
  for (const word of ['a', 'b', 'c']) lane.ask(Buffer.from(word), kept());
  assert.deepEqual(server.writes, ['a']);
  await turn();
  assert.deepEqual(server.writes, ['a', 'bc']);
  assert.equal(lane.open, 3);
});

test('the floor gives every client its own answer, wherever the bytes are cut', () => {
  const all = Buffer.concat(['first', 'second', 'Z'].map(answer));
  for (let cut = 0; cut <= all.length; cut++) {
    const lane = new FloorLane(kept(), postgresAnswerEnd);
    const clients = [kept(), kept(), kept()];
    for (const client of clients) lane.ask(Buffer.from('q'), client);
    lane.take(all.subarray(0, cut));
    lane.take(all.subarray(cut));
    assert.deepEqual(
      clients.map(({ writes }) => writes),
      ['first', 'second', 'Z'].map((word) => [answer(word).toString('latin1')]),
    );
    assert.equal(lane.open, 0);
  }
});

test('the floor still finds its clients after thousands of answers', () => {
  const lane = new FloorLane(kept(), postgresAnswerEnd);
  for (let at = 0; at < 3_000; at++) {
    const client = kept();
    lane.ask(Buffer.from('q'), client);
    lane.take(answer(String(at)));
    assert.deepEqual(client.writes, [answer(String(at)).toString('latin1')]);
  }
});

test('the floor fills one connection before it takes the next, then takes the one with fewer', () => {
  const picked = (...open: number[]): number => pickLane(open.map((count, id) => ({ id, open: count }))).id;
  assert.deepEqual(
    [picked(0, 0), picked(15, 0), picked(16, 3), picked(20, 17), picked(17, 17)],
    [0, 0, 1, 1, 0],
  );
});

const eof = (sequence: number): Buffer => packet(sequence, Buffer.from([0xfe, 0, 0, 2, 0]));
const MYSQL_ANSWERS: Readonly<Record<string, Buffer>> = {
  OK: okPacket(1, { status: 2 }, false),
  ERR: errPacket(1, { code: 1064, state: '42000', message: 'no' }),
  'no rows': Buffer.concat([packet(1, Buffer.from([1])), packet(2, Buffer.from('\x03def')), eof(3), eof(4)]),
  // A row that begins like an OK, and one so long that it begins like an EOF.
  rows: Buffer.concat([
    ...[packet(1, Buffer.from([1])), packet(2, Buffer.from('\x03def')), eof(3)],
    ...[packet(4, Buffer.from([0])), packet(5, Buffer.from([0xfe, 1, 0, 0, 0, 0, 0, 0, 0, 65])), eof(6)],
  ]),
};

test('the floor finds the end of every kind of answer of MySQL, wherever the bytes are cut', () => {
  for (const [kind, bytes] of Object.entries(MYSQL_ANSWERS)) {
    const all = Buffer.concat([bytes, bytes]);
    assert.equal(mysqlAnswerEnd(all, 0), bytes.length, kind);
    assert.equal(mysqlAnswerEnd(all, bytes.length), all.length, kind);
    for (let cut = 0; cut < bytes.length; cut++)
      assert.equal(mysqlAnswerEnd(bytes.subarray(0, cut), 0), -1, `${kind}, ${cut}`);
  }
});
