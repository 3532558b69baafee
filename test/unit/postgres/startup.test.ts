import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Accepted } from '../../../src/core/wire.ts';
import { accept, refuse } from '../../../src/postgres/accept.ts';
import { int32, message } from '../../../src/postgres/messages.ts';
import { parseOptions } from '../../../src/postgres/startup.ts';
import { MemoryChannel, messagesOf } from '../../support/memory-channel.ts';
import {
  code,
  gate,
  loginOf,
  open,
  outcome,
  packet,
  refusalOf,
  sslRequest,
  startup,
  user,
} from '../../support/start-up.ts';

// ---------------------------------------------------------------- what a client asks for

test('the start-up packet gives user, database and settings', async () => {
  const login = await loginOf(
    startup(`${user}database\0shop\0DateStyle\0ISO, MDY\0application_name\0psql\0`),
  );
  assert.equal(login.user, 'app');
  assert.equal(login.database, 'shop');
  assert.equal(login.replication, false);
  assert.deepEqual(
    [...login.settings.values],
    [
      ['application_name', 'psql'],
      ['datestyle', 'ISO, MDY'],
    ],
  );
});

test("without a database the user's own is meant", async () => {
  assert.equal((await loginOf(startup(user))).database, 'app');
  assert.equal((await loginOf(startup(`${user}database\0\0`))).database, 'app');
});

test('settings in `options` are read as the server reads them', () => {
  for (const [text, expected] of [
    ['-c search_path=a', [['search_path', 'a']]],
    [
      '-csearch_path=a  -c\tTimeZone=UTC',
      [
        ['search_path', 'a'],
        ['timezone', 'UTC'],
      ],
    ],
    ['--statement-timeout=5s', [['statement_timeout', '5s']]],
    ['-c search_path=a\\ b\\\\c', [['search_path', 'a b\\c']]],
    ['-c x.y=a=b', [['x.y', 'a=b']]],
    ['-c work_mem=', [['work_mem', '']]],
    ['  ', []],
    ['', []],
  ] as const) {
    assert.deepEqual(parseOptions(text), expected, text);
  }
  for (const text of ['-d 5', '-S 100', 'geqo=off', '-', '-e', '-- -c a=b -B']) {
    assert.throws(() => parseOptions(text), ProxyError, text);
  }
  for (const text of ['-c', '-c x', '--x', '-c =1'])
    assert.throws(() => parseOptions(text), code('BAD_STARTUP'), text);
});

test('a parameter of its own wins over the same name in `options`', async () => {
  const login = await loginOf(startup(`${user}TimeZone\0UTC\0options\0-c timezone=CET -c geqo=off\0`));
  assert.deepEqual(
    [...login.settings.values],
    [
      ['geqo', 'off'],
      ['timezone', 'UTC'],
    ],
  );
});

test('replication connections are known as such', async () => {
  for (const value of ['database', 'true', 'on', 'YES', '1']) {
    assert.equal((await loginOf(startup(`${user}replication\0${value}\0`))).replication, true, value);
  }
  for (const value of ['false', 'off', '0', 'no']) {
    assert.equal((await loginOf(startup(`${user}replication\0${value}\0`))).replication, false, value);
  }
  assert.match(await refusalOf(startup(`${user}replication\0maybe\0`)), /^C08P01 .*"maybe"/);
});

test('protocol 3.0 and 3.2 are spoken, and newer minors are negotiated down', async () => {
  for (const [minor, secret, told] of [
    [0, 4, undefined],
    [2, 32, undefined],
    [3, 32, 0],
    [9999, 32, 0],
  ] as const) {
    const { channel, accepted } = await outcome(startup(user, minor));
    assert.equal(accepted.kind === 'session' && accepted.login.secretLength, secret, `3.${minor}`);
    const [first] = messagesOf(channel.written);
    assert.equal(first?.type, told === undefined ? 'R' : 'v');
    if (told !== undefined) assert.deepEqual(first?.body, Buffer.concat([int32((3 << 16) | 2), int32(told)]));
  }
});

test('protocol options that are not known are named to the client', async () => {
  const { channel, accepted } = await outcome(startup(`${user}_pq_.later\0x\0`));
  const [first, second] = messagesOf(channel.written);
  assert.deepEqual(first, {
    type: 'v',
    body: Buffer.concat([int32(3 << 16), int32(1), Buffer.from('_pq_.later\0')]),
  });
  assert.equal(second?.type, 'R');
  assert.ok(accepted.kind === 'session' && accepted.login.settings.values.size === 0);
});

test('other major versions are refused by name', async () => {
  assert.match(await refusalOf(packet(2 << 16, 'x\0')), /^C0A000 .*2\.0.*3\.0 to 3\.2/);
  assert.match(await refusalOf(packet(4 << 16, 'x\0')), /^C0A000 /);
});

test('a cancel request gives its key, with the secrets of 3.0 and 3.2', async () => {
  for (const secret of [Buffer.from([1, 2, 3, 4]), Buffer.alloc(32, 7)]) {
    const { accepted, channel } = await outcome(packet(80877102, Buffer.concat([int32(77), secret])));
    assert.deepEqual(accepted, { kind: 'cancel', key: { id: 77, secret } });
    assert.equal(channel.closed, false, 'its client waits for the end of file');
  }
  assert.match(await refusalOf(packet(80877102, int32(77))), /^C08P01 .*cancel/);
});

// ---------------------------------------------------------------- encryption

test('without TLS the requests for encryption are answered with no, each once', async () => {
  const { channel } = await outcome(Buffer.concat([packet(80877104), sslRequest, startup(user)]));
  assert.equal(channel.written.toString('latin1', 0, 2), 'NN');
  assert.match(await refusalOf(Buffer.concat([sslRequest, sslRequest]), open), /^C08P01 .*twice/);
});

test('where TLS is required, plain connections are told so', async () => {
  assert.match(await refusalOf(startup(user), { ...open, tlsRequired: true }), /^C28000 .*encrypted/);
});

// ---------------------------------------------------------------- bad input

test('what is no start-up packet gets a clear error and a close', async () => {
  for (const [bytes, expected] of [
    [Buffer.from('GET / HTTP/1.1\r\n\r\n'), /^C08P01 .*not HTTP/],
    [Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0]), /^C08P01 .*2147483647/],
    [Buffer.from([0, 0, 0, 4]), /^C08P01 .*claims 4/],
    [Buffer.from([0xff, 0xff, 0xff, 0xff]), /^C08P01 /],
    [packet(3 << 16, 'user\0app'), /^C08P01 .*end properly/],
    [packet(3 << 16, 'user\0app\0\0\0'), /^C08P01 .*end properly/],
    [packet(3 << 16, ''), /^C08P01 /],
    [startup('database\0x\0'), /^C08P01 .*no user/],
    [startup(`${user}options\0-S 5\0`), /^C0A000 .*"-S"/],
  ] as const) {
    assert.match(await refusalOf(bytes), expected);
  }
});

test('a TLS handshake where TLS is not offered is closed', async () => {
  const channel = new MemoryChannel();
  channel.push(Buffer.from([0x16, 3, 1, 0, 200]));
  await assert.rejects(accept(channel, open), code('BAD_STARTUP'));
  assert.ok(channel.closed);
  assert.equal(channel.written.length, 0);
});

test('a client that leaves before it says anything, or when asked for a password, is no error', async () => {
  for (const bytes of [Buffer.alloc(0), startup(user)]) {
    const channel = new MemoryChannel();
    channel.push(bytes);
    const accepted = accept(channel, gate);
    await new Promise((resolve) => setImmediate(resolve));
    channel.hangUp();
    assert.deepEqual(await accepted, { kind: 'done' });
  }
});

test('half a packet ends when the caller says so, with words or without', async () => {
  for (const end of [
    (channel: MemoryChannel) => channel.destroy(),
    (channel: MemoryChannel) =>
      refuse(channel, new ProxyError('STARTUP_TIMEOUT', { side: 'client', retry: 'no', tell: 'too slow' })),
  ]) {
    const channel = new MemoryChannel();
    channel.push(startup(user).subarray(0, 10));
    const accepted = assert.rejects(accept(channel, gate), code('LINK_LOST'));
    end(channel);
    await accepted;
  }
});

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(
    sslRequest,
    packet(80877104),
    startup(user),
    startup(user, 2),
    message('p', 'SCRAM-SHA-256\0', int32(9), 'n,,n=,r=a'),
    message('p', 'c=biws,r=a,p=AAAA'),
    message('p', 'SCRAM-SHA-256\0', int32(-1)),
    Buffer.from('GET / HTTP/1.0\r\n'),
  ),
);

test('no bytes, in any pieces, hang a start-up beyond the close or end it otherwise than by an answer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), fc.boolean(), async (pieces, byUs) => {
      const channel = new MemoryChannel();
      const ended = accept(channel, gate).catch((error: unknown) => error);
      for (const bytes of pieces) {
        channel.push(bytes);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (byUs) channel.destroy();
      else channel.hangUp();
      const how = await ended;
      if (how instanceof Error) assert.ok(how instanceof ProxyError, String(how));
      else assert.notEqual((how as Accepted).kind, 'session', 'nobody knows the password');
    }),
    { numRuns: 300 },
  );
});
