import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProxyError } from '../../../src/core/errors.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import {
  greetingPacket,
  type LoginRequest,
  loginRequest,
  newChallenge,
  offered,
  parseChangeUser,
  parseGreeting,
  parseLogin,
} from '../../../src/mysql/handshake.ts';
import { code } from '../../support/start-up.ts';

/** Greetings as the servers sent them, without headers. */
const MYSQL = Buffer.from(
  '0a392e372e342d3200090000004779567844 2f497e00ffffff0200ffdf1500000000000000000000 3a395c0e540a2d617b49155500'.replaceAll(
    ' ',
    '',
  ),
  'hex',
);
const MARIADB = Buffer.from(
  '\n5.5.5-10.11.19-MariaDB-0+deb12u1\0\x04\0\0\0K>5-#fYj\0\xfe\xff\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\x1d\0\0\0,8t`e\\|}|v]M\0mysql_native_password\0',
  'latin1',
);

const request: LoginRequest = {
  capabilities:
    can.PROTOCOL_41 |
    can.SECURE_CONNECTION |
    can.PLUGIN_AUTH |
    can.PLUGIN_AUTH_LENENC |
    can.CONNECT_WITH_DB |
    can.CONNECT_ATTRS,
  collation: 224,
  user: 'größe',
  schema: 'db1',
  plugin: 'caching_sha2_password',
  answer: Buffer.alloc(32, 7),
  attributes: new Map([
    ['_client_name', 'x'],
    ['program_name', ''],
  ]),
};
const ALL = offered('9.7.4', true);

test('the greeting of MariaDB is read, without the prefix of its version', () => {
  const greeting = parseGreeting(MARIADB);
  assert.equal(greeting.version, '10.11.19-MariaDB-0+deb12u1');
  assert.equal(greeting.id, 4);
  assert.equal(greeting.challenge.toString('latin1'), 'K>5-#fYj,8t`e\\|}|v]M');
  assert.equal(greeting.plugin, 'mysql_native_password');
  assert.equal(greeting.capabilities & can.LONG_PASSWORD, 0);
  assert.notEqual(greeting.capabilities & can.DEPRECATE_EOF, 0);
});

test('the greeting of MySQL is read', () => {
  const greeting = parseGreeting(Buffer.concat([MYSQL, Buffer.from('caching_sha2_password\0')]));
  assert.equal(greeting.version, '9.7.4-2');
  assert.equal(greeting.id, 9);
  assert.equal(greeting.plugin, 'caching_sha2_password');
  assert.equal(greeting.challenge.length, 20);
});

test('what is no greeting of protocol 10 is said to be none', () => {
  for (const bytes of [
    Buffer.from('HTTP/1.1 400'),
    Buffer.from([9, 0]),
    Buffer.from('\n5.7'),
    Buffer.alloc(0),
  ]) {
    assert.throws(() => parseGreeting(bytes), RangeError);
  }
});

test('a greeting of ours is read as it was meant, for both kinds of servers', () => {
  for (const [version, plugin] of [
    ['9.7.4', 'caching_sha2_password'],
    ['10.11.19-MariaDB', 'mysql_native_password'],
    ['11.4.2-MariaDB-log', 'mysql_native_password'],
  ] as const) {
    const challenge = newChallenge();
    const capabilities = offered(version, true);
    const greeting = { version, id: 0xfedc_ba98, challenge, capabilities, plugin };
    assert.deepEqual(parseGreeting(greetingPacket(greeting).subarray(4)), greeting);
  }
});

test('MariaDB 10 is announced with the prefix that its clients expect, MariaDB 11 without', () => {
  const said = (version: string): string => {
    const facts = { version, id: 1, challenge: newChallenge(), capabilities: 0, plugin: '' };
    return greetingPacket(facts).toString('latin1', 5).split('\0')[0] ?? '';
  };
  assert.equal(said('10.11.19-MariaDB'), '5.5.5-10.11.19-MariaDB');
  assert.equal(said('11.4.2-MariaDB'), '11.4.2-MariaDB');
  assert.equal(said('9.7.4'), '9.7.4');
});

test('clients are not offered what is not translated for them', () => {
  for (const capability of [can.COMPRESS, 1 << 25, 1 << 26, 1 << 27, 1 << 28]) {
    assert.equal(ALL & capability, 0);
    assert.equal(offered('10.11.19-MariaDB', true) & capability, 0);
  }
  assert.equal(offered('9.7.4', false) & can.SSL, 0);
});

test('a challenge has no zero, no dollar sign and seven bits a byte', () => {
  for (let round = 0; round < 200; round += 1) {
    for (const byte of newChallenge()) assert.ok(byte > 0 && byte < 128 && byte !== 0x24);
  }
});

test('a request is read as it was written', () => {
  assert.deepEqual(parseLogin(loginRequest(request), ALL), request);
});

test('capabilities that were not offered are not taken', () => {
  const bytes = loginRequest({ ...request, capabilities: request.capabilities | can.COMPRESS | (1 << 27) });
  assert.equal(parseLogin(bytes, ALL)?.capabilities, request.capabilities);
});

test('a request of 32 bytes with the flag asks for TLS', () => {
  const bytes = loginRequest({ ...request, capabilities: request.capabilities | can.SSL });
  assert.equal(parseLogin(bytes.subarray(0, 32), ALL), undefined);
  assert.equal(parseLogin(bytes, ALL)?.user, 'größe');
});

/** The fixed part with these capabilities, and then these bytes. */
const old = (capabilities: number, rest: string): Buffer => {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities >>> 0, 0);
  return Buffer.concat([head, Buffer.from(rest, 'latin1')]);
};

test('clients without plugins, attributes or a schema are read', () => {
  const bytes = old(can.PROTOCOL_41 | can.SECURE_CONNECTION, 'app\0\x02ab');
  const { user, schema, plugin, answer } = parseLogin(bytes, ALL) ?? assert.fail();
  assert.deepEqual([user, schema, plugin, answer.toString()], ['app', '', '', 'ab']);
});

test('a name at the very end may come without its zero byte', () => {
  const flags = can.PROTOCOL_41 | can.SECURE_CONNECTION | can.CONNECT_WITH_DB | can.PLUGIN_AUTH;
  assert.equal(parseLogin(old(flags, 'app\0\0db'), ALL)?.schema, 'db');
  assert.equal(parseLogin(old(flags, 'app\0\0db\0plug'), ALL)?.plugin, 'plug');
});

test('clients from before 4.1 are told that they are too old', () => {
  for (const bytes of [
    old(0, ''),
    old(can.PROTOCOL_41, 'app\0\0'),
    Buffer.from([0x85, 0, 0, 0, 0, 0x61, 0, 0]),
  ]) {
    assert.throws(() => parseLogin(bytes, ALL), code('AUTH_METHOD'));
  }
});

test('a request that is cut off anywhere before its plugin is a bad handshake', () => {
  const bytes = loginRequest(request);
  const named = bytes.indexOf('db1');
  for (let length = 0; length < named; length += 1) {
    if (length < 2) continue;
    assert.throws(() => parseLogin(bytes.subarray(0, length), ALL), code('BAD_STARTUP'), `${length} bytes`);
  }
});

test('no bytes make the readers fail otherwise than by an error that the client is told', () => {
  const attempt = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      assert.ok(error instanceof ProxyError, String(error));
    }
  };
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE((request.capabilities | can.SESSION_TRACK) >>> 0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
      const bytes = Buffer.from(random);
      attempt(() => parseLogin(bytes, ALL));
      attempt(() => parseLogin(Buffer.concat([flags, bytes]), ALL));
      attempt(() => parseChangeUser(bytes, request.capabilities));
    }),
    { numRuns: 2_000 },
  );
});

test('COM_CHANGE_USER is read, with and without what newer clients add', () => {
  const head = Buffer.from('\x11two\0\x02abd2\0', 'latin1');
  const bare = parseChangeUser(head, request.capabilities);
  assert.deepEqual(
    [bare.user, bare.answer.toString(), bare.schema, bare.collation, bare.plugin],
    ['two', 'ab', 'd2', 0, ''],
  );
  const more = Buffer.concat([head, Buffer.from('\x2d\x01some_plugin\0\x04\x01a\x01b', 'latin1')]);
  const full = parseChangeUser(more, request.capabilities);
  assert.deepEqual([full.collation, full.plugin, full.attributes.get('a')], [0x12d, 'some_plugin', 'b']);
});
