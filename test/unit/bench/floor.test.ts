import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { FloorLane, leastOpen, type Outlet, pickLane } from '../../../bench/floor/lane.ts';
import { FloorLeases, newTenant } from '../../../bench/floor/lease.ts';
import { FloorLogin } from '../../../bench/floor/login.ts';
import { mysqlAnswerEnd } from '../../../bench/floor/mysql.ts';
import { isAtRest, postgresAnswerEnd } from '../../../bench/floor/postgres.ts';
import { errPacket, okPacket } from '../../../src/mysql/messages.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { int32, message, SSL_REQUEST, startupMessage } from '../../../src/postgres/messages.ts';
import { deriveKeys, SCRAM, ScramClient } from '../../../src/postgres/scram.ts';

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

test('the floor before several servers takes the connection with the fewest open requests', () => {
  const picked = (...open: number[]): number => leastOpen(open.map((count, id) => ({ id, open: count }))).id;
  assert.deepEqual([picked(0, 0), picked(1, 0), picked(15, 3), picked(17, 17)], [0, 1, 1, 0]);
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

const ended = (text: string, status: 'I' | 'T' | 'E' = 'I'): Buffer =>
  Buffer.concat([message('D', text), message('Z', status)]);

interface Kept extends Outlet {
  readonly writes: string[];
}

/** So many connections, and so many clients that have asked nothing yet. */
function leases(connections: number, clients: number) {
  const pool = new FloorLeases(postgresAnswerEnd, isAtRest);
  const servers = Array.from({ length: connections }, kept);
  const links = servers.map((server) => pool.add(server));
  const tenants = Array.from({ length: clients }, () => newTenant(kept()));
  const ask = (client: number, word: string): void => pool.ask(at(tenants, client), Buffer.from(word));
  const answered = (link: number, bytes: Buffer): void => pool.take(at(links, link), bytes);
  const heard = (client: number): readonly string[] => (at(tenants, client).client as Kept).writes;
  const leave = (client: number): number => links.indexOf(pool.leave(at(tenants, client)) ?? NOBODYS);
  const sent = (): string[][] => servers.map(({ writes }) => [...writes]);
  return { ask, answered, heard, leave, sent };
}

const NOBODYS = { server: kept(), tenant: undefined, unread: undefined };

function at<One>(list: readonly One[], place: number): One {
  const one = list[place];
  assert.ok(one !== undefined);
  return one;
}

test('a client of the floor has a connection to itself until its transaction has ended; others wait in turn', () => {
  const { ask, answered, heard, sent } = leases(1, 3);
  for (const [client, word] of ['begin', 'b', 'c'].entries()) ask(client, word);
  assert.deepEqual(sent(), [['begin']]);
  answered(0, ended('begun', 'T'));
  ask(0, 'wrong');
  answered(0, ended('failed', 'E'));
  ask(0, 'end');
  assert.deepEqual(sent(), [['begin', 'wrong', 'end']]);
  answered(0, ended('done'));
  assert.deepEqual(sent(), [['begin', 'wrong', 'end', 'b']]);
  answered(0, ended('B'));
  answered(0, ended('C'));
  assert.deepEqual(sent(), [['begin', 'wrong', 'end', 'b', 'c']]);
  assert.deepEqual(heard(0), [ended('begun', 'T'), ended('failed', 'E'), ended('done')].map(String));
  assert.deepEqual([heard(1), heard(2)], [[String(ended('B'))], [String(ended('C'))]]);
});

test('clients of the floor in transactions share no connection', () => {
  const { ask, answered, sent } = leases(2, 2);
  ask(0, 'a1');
  ask(1, 'b1');
  answered(1, ended('A', 'T'));
  answered(0, ended('B', 'T'));
  ask(0, 'a2');
  ask(1, 'b2');
  assert.deepEqual(sent(), [
    ['b1', 'b2'],
    ['a1', 'a2'],
  ]);
});

test('the floor gives a connection back when all of an answer is there, wherever the bytes are cut', () => {
  // A row that looks like the end of an answer.
  const whole = ended('Z\0\0\0\x05I');
  for (let cut = 0; cut < whole.length; cut++) {
    const { ask, answered, heard, sent } = leases(1, 2);
    ask(0, 'a');
    ask(1, 'b');
    answered(0, whole.subarray(0, cut));
    assert.deepEqual([sent(), heard(0)], [[['a']], []], String(cut));
    answered(0, whole.subarray(cut));
    assert.deepEqual([sent(), heard(0)], [[['a', 'b']], [whole.toString('latin1')]], String(cut));
  }
});

test('a client that leaves the floor waits no more, and takes the connection of its transaction with it', () => {
  const { ask, answered, leave, sent } = leases(1, 3);
  for (const [client, word] of ['begin', 'b', 'c'].entries()) ask(client, word);
  assert.equal(leave(1), -1);
  answered(0, ended('done'));
  assert.deepEqual(sent(), [['begin', 'c']]);
  answered(0, ended('C', 'T'));
  assert.equal(leave(2), 0);
  ask(0, 'again');
  assert.deepEqual(sent(), [['begin', 'c']]);
});

const SALT = { salt: Buffer.from('salt'), iterations: 1 };

/** What a client says to the floor that logs in with this password, and what it is told. */
async function loggedIn(password: string) {
  const client = kept();
  const verifier = { ...SALT, ...(await deriveKeys('right', SALT)) };
  const login = new FloorLogin(client, verifier, 'nonce');
  const exchange = new ScramClient([SCRAM], 'mine', undefined);
  const said = (): string => client.writes.at(-1) ?? '';
  assert.ok(login.take(Buffer.concat([int32(8), int32(SSL_REQUEST)])));
  assert.equal(said(), 'N');
  assert.ok(login.take(startupMessage({ user: 'anybody', database: 'any' })));
  assert.match(said(), /^R.*SCRAM-SHA-256\0\0$/s);
  const first = Buffer.from(exchange.first);
  assert.ok(login.take(message('p', `${SCRAM}\0`, int32(first.length), first)));
  const keys = await deriveKeys(password, exchange.challenged(said().slice(9)));
  const stays = login.take(message('p', exchange.final(keys)));
  return { stays, exchange, said: said(), login };
}

test('the floor of log-ins proves that it knows the password, and says that it is ready', async () => {
  const { stays, exchange, said, login } = await loggedIn('right');
  assert.ok(stays);
  assert.equal(said.at(0), 'R');
  exchange.verify(/v=[A-Za-z\d+/]+=*/.exec(said)?.[0] ?? '');
  assert.ok(said.endsWith(message('Z', 'I').toString('latin1')));
  assert.equal(login.take(message('X')), false);
});

test('the floor of log-ins lets nobody in with another password', async () => {
  const { stays, said } = await loggedIn('wrong');
  assert.equal(stays, false);
  assert.ok(!said.includes('Z'));
});
