import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Accepted, Gate } from '../../../src/core/wire.ts';
import { accept, refuse } from '../../../src/mysql/accept.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import { greet } from '../../../src/mysql/greet.ts';
import type { LoginRequest } from '../../../src/mysql/handshake.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { serverTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';
import { CAPABILITIES, Caller, call, claim, gate, loginAs } from './caller.ts';

const trusting = (change: Partial<Gate> = {}): Gate => gate({ method: 'trust', ...change });
const KEY = { id: 7, secret: Buffer.alloc(0) };

async function loginOf(change: Partial<LoginRequest>, given = trusting()): Promise<MysqlLogin> {
  const accepted = await (await claim(given, { answer: Buffer.alloc(0), ...change })).outcome;
  assert.ok('kind' in accepted && accepted.kind === 'session', String(accepted));
  return accepted.login as MysqlLogin;
}

const codeOf = (outcome: Accepted | Error): string =>
  outcome instanceof ProxyError ? outcome.code : outcome instanceof Error ? outcome.name : outcome.kind;

// ---------------------------------------------------------------- what a session begins with

test('a session begins with the character set of its client', async () => {
  for (const [version, collation, charset, name] of [
    ['9.7.4', 255, 'utf8mb4', 'utf8mb4_0900_ai_ci'],
    ['9.7.4', 8, 'latin1', 'latin1_swedish_ci'],
    ['10.11.19-MariaDB', 245, 'utf8mb4', 'utf8mb4_croatian_mysql561_ci'],
    // What a server does not know it replaces by its own default.
    ['10.11.19-MariaDB', 255, 'utf8mb4', 'utf8mb4_general_ci'],
    ['9.7.4', 17, 'utf8mb4', 'utf8mb4_0900_ai_ci'],
  ] as const) {
    const { settings } = await loginOf({ collation }, trusting({ version: () => Promise.resolve(version) }));
    assert.deepEqual(Object.fromEntries(settings.values), {
      character_set_client: charset,
      character_set_results: charset,
      collation_connection: name,
    });
  }
});

test('a character set that no client can speak is refused in the words of the server', async () => {
  const { caller } = await claim(trusting(), { collation: 35 });
  assert.deepEqual(await caller.refusal(), {
    code: 1231,
    state: '42000',
    message: "Variable 'character_set_client' can't be set to the value of 'ucs2'",
  });
});

test('a schema and several statements in one text are settings; links with and without a schema are kept apart', async () => {
  const bare = await loginOf({});
  assert.deepEqual([bare.database, bare.links], ['', { database: '', options: 'bare' }]);
  const flags = CAPABILITIES | can.CONNECT_WITH_DB | can.MULTI_STATEMENTS | can.FOUND_ROWS;
  const full = await loginOf({ capabilities: flags, schema: 'db1' });
  assert.deepEqual([full.database, full.links], ['db1', { database: '', options: 'found-rows' }]);
  assert.equal(full.settings.values.get(':schema'), 'db1');
  assert.equal(full.settings.values.get(':multi'), 'on');
  assert.equal(bare.settings.values.has(':multi'), false);
  const both = await loginOf({ capabilities: CAPABILITIES | can.FOUND_ROWS });
  assert.equal(both.links.options, 'found-rows bare');
});

test('what a client understands is remembered', async () => {
  const some = await loginOf({ capabilities: CAPABILITIES | can.DEPRECATE_EOF });
  assert.deepEqual(some.traits, { deprecateEof: true, sessionTrack: true, localFiles: false });
  const other = await loginOf({ capabilities: (CAPABILITIES | can.LOCAL_FILES) & ~can.SESSION_TRACK });
  assert.deepEqual(other.traits, { deprecateEof: false, sessionTrack: false, localFiles: true });
  assert.equal(some.id, 7);
});

test('the number that the client is told is the one of its session', async () => {
  const { greeting } = await call();
  assert.equal(greeting.id, 7);
});

// ---------------------------------------------------------------- the end of a log-in

test('a greeted client gets an OK in turn, with its schema if it tracks', async () => {
  for (const [capabilities, expected] of [
    [CAPABILITIES, '0700000200000002000000'],
    [CAPABILITIES | can.CONNECT_WITH_DB, '0f00000200000002400000000601040364' + '6231'],
    [(CAPABILITIES | can.CONNECT_WITH_DB) & ~can.SESSION_TRACK, '0700000200000002000000'],
  ] as const) {
    const { caller, outcome } = await claim(trusting(), {
      capabilities,
      schema: 'db1',
      answer: Buffer.alloc(0),
    });
    const accepted = await outcome;
    assert.ok('kind' in accepted && accepted.kind === 'session');
    const before = caller.channel.written.length;
    greet(accepted.login, { parameters: new Map() }, KEY);
    assert.equal(caller.channel.written.subarray(before).toString('hex'), expected);
  }
});

test('the status of the OK is the one of the server', async () => {
  for (const [parameters, status] of [
    [{}, 2],
    [{ autocommit: 'ON', sql_mode: 'ANSI,NO_BACKSLASH_ESCAPES' }, 514],
    [{ autocommit: 'OFF' }, 0],
  ] as const) {
    const login = await loginOf({});
    const channel = login.channel as Caller['channel'];
    const before = channel.written.length;
    greet(login, { parameters: new Map(Object.entries(parameters)) }, KEY);
    assert.equal(channel.written.readUInt16LE(before + 7), status);
  }
});

test('a session that is refused before it was greeted hears so in turn', async () => {
  const made = await claim(gate());
  await made.caller.next();
  const accepted = await made.outcome;
  assert.ok('kind' in accepted && accepted.kind === 'session');
  const server = { code: '1049', message: "Unknown database 'x'" };
  refuse(
    accepted.login.channel,
    new ProxyError('NODE_REFUSED', { side: 'server', retry: 'no', tell: 'x', server }),
  );
  assert.deepEqual(await made.caller.refusal(3), { code: 1049, state: '42000', message: server.message });
});

test('a client that there is no room for hears so instead of a greeting', async () => {
  const caller = new Caller();
  refuse(
    caller.channel,
    new ProxyError('CLIENT_LIMIT', { side: 'proxy', retry: 'safe', tell: 'too many clients' }),
  );
  assert.deepEqual(await caller.refusal(0), { code: 1040, state: '08004', message: 'too many clients' });
});

// ---------------------------------------------------------------- bad input

test('TLS is refused where it is not offered, and demanded where it is required', async () => {
  const tls = serverTls(selfSigned());
  const asks = loginAs({ capabilities: CAPABILITIES | can.SSL }).subarray(0, 32);
  const { caller } = await call(trusting());
  caller.send(asks);
  assert.equal((await caller.refusal()).code, 1043);
  const plain = await claim(trusting({ tls, tlsRequired: true }), { answer: Buffer.alloc(0) });
  assert.equal((await plain.caller.refusal()).code, 3159);
});

for (const [what, bytes, code] of [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 1156],
  ['a length of 2 GB', Buffer.from('7fffffff00030000', 'hex'), 1156],
  ['random bytes', Buffer.from('8f3a6b1cd2e4f5a607', 'hex'), 1156],
  ['a packet of 16 MB', Buffer.from('ffffff01', 'hex'), 1153],
  ['a packet of 64 kB and one byte', Buffer.from('01000101', 'hex'), 1153],
  ['an empty packet', Buffer.from('00000001', 'hex'), 1043],
  ['a packet of five bytes', Buffer.from('0500000100026162636465', 'hex'), 1043],
] as const) {
  test(`${what} is answered with ${code} and the end`, async () => {
    const { caller, outcome } = await call();
    caller.channel.push(bytes);
    // Whatever was in turn has been counted.
    const { code: said } = await caller.refusal(code === 1156 ? 1 : 2);
    assert.equal(said, code);
    assert.equal(codeOf(await outcome), 'BAD_STARTUP');
  });
}

test('who speaks HTTP is told what is spoken here', async () => {
  const { caller } = await call();
  caller.channel.push(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  assert.match((await caller.refusal()).message, /MySQL protocol, not HTTP/);
});

test('a method that is not known is told to the operator and to the client', async () => {
  const caller = new Caller();
  await assert.rejects(accept(caller.channel, gate({ method: 'md5' }), 1), { code: 'CONFIG' });
  assert.match((await caller.refusal(0)).message, /"md5" is not known/);
});

// ---------------------------------------------------------------- clients that leave

test('a client that leaves without a word is no failure, before and after the greeting', async () => {
  const { caller, outcome } = await call();
  caller.channel.hangUp();
  assert.equal(codeOf(await outcome), 'done');
  const early = new Caller();
  const never = new Promise<string>(() => undefined);
  const waiting = accept(early.channel, gate({ version: () => never }), 1);
  early.channel.hangUp();
  assert.equal((await waiting).kind, 'done');
});

test('a client that speaks before the greeting is none of this protocol', async () => {
  const caller = new Caller();
  const never = new Promise<string>(() => undefined);
  caller.channel.push(Buffer.from('GET '));
  await assert.rejects(accept(caller.channel, gate({ version: () => never }), 1), { code: 'BAD_STARTUP' });
  assert.equal((await caller.refusal(0)).code, 1156);
});

test('a client that leaves in the middle is reported', async () => {
  for (const bytes of [Buffer.from([0x20]), Buffer.from('20000001', 'hex')]) {
    const { caller, outcome } = await call();
    caller.channel.push(bytes);
    // Its bytes must have been read before it leaves.
    while (caller.channel.buffered > 0) await new Promise((resolve) => setImmediate(resolve));
    caller.channel.hangUp();
    assert.equal(codeOf(await outcome), 'LINK_LOST');
  }
});

test('a deadline that destroys the channel ends whatever is waited for', async () => {
  const never = new Promise<string>(() => undefined);
  for (const given of [gate(), gate({ version: () => never })]) {
    const caller = new Caller();
    const outcome = accept(caller.channel, given, 1).catch((error: Error) => error);
    caller.channel.destroy();
    assert.equal(codeOf(await outcome), 'LINK_LOST');
  }
});
