import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { connect as tcp } from 'node:net';
import { test } from 'node:test';
import { type ConnectionConfig, createConnection, type UserConnectionConfig } from 'mariadb';
import mysql from 'mysql2/promise';
import { nodeId } from '../../../src/core/node.ts';
import type { Accepted, Gate, Target } from '../../../src/core/wire.ts';
import { findPrograms } from '../../../src/demo/mysql-programs.ts';
import * as can from '../../../src/mysql/capabilities.ts';
import { entered } from '../../../src/mysql/connect.ts';
import { Exchange } from '../../../src/mysql/exchange.ts';
import { loginRequest, requestHead } from '../../../src/mysql/handshake.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { dial } from '../../../src/net/dial.ts';
import { clientTls, serverTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';
import { need, pathOf } from '../../support/need.ts';
import { type Door, openDoor, QUESTION } from './door.ts';

const PASSWORD = 'Gruß Ⅸ';
const certificates = { rsa: selfSigned('rsa-sha384'), ecdsa: selfSigned('ecdsa-sha256') };
const credentials: Readonly<Record<string, string>> = { app: PASSWORD, open: '', two: 'zwei' };
/** Of the door that stands open. */
let port = 0;

const gate = (change: Partial<Gate> = {}): Gate => ({
  tls: undefined,
  tlsRequired: false,
  method: 'caching_sha2_password',
  credential: (user) => credentials[user],
  version: () => Promise.resolve('9.7.4'),
  ...change,
});
const maria: Partial<Gate> = {
  method: 'mysql_native_password',
  version: () => Promise.resolve('10.11.19-MariaDB'),
};
const secure = (name: keyof typeof certificates = 'rsa'): Partial<Gate> => ({
  tls: serverTls(certificates[name]),
});
const GATES: readonly (readonly [string, Partial<Gate>])[] = [
  ['caching_sha2_password', {}],
  ['mysql_native_password', maria],
  ['trust', { method: 'trust' }],
];

async function openFor(given: Partial<Gate>): Promise<Door> {
  const door = await openDoor(gate(given));
  port = door.port;
  return door;
}

/** Who the door took the client for. */
interface Seen {
  readonly user: string;
  readonly schema: string;
  readonly collation: string;
}

/** Comes in by the driver `mysql2`, and as somebody else after that. */
async function byMysql2(
  config: mysql.ConnectionOptions = {},
  next?: mysql.ConnectionOptions,
): Promise<readonly Seen[]> {
  const connection = await mysql.createConnection({
    host: '127.0.0.1',
    port,
    user: 'app',
    password: PASSWORD,
    database: 'db1',
    ...config,
  });
  const ask = async (): Promise<Seen> => {
    const [[row]] = await connection.query<mysql.RowDataPacket[]>(QUESTION);
    return { ...(row as Seen) };
  };
  try {
    const first = await ask();
    if (next === undefined) return [first];
    await connection.changeUser(next);
    return [first, await ask()];
  } finally {
    connection.destroy();
  }
}

/** Comes in by the driver `mariadb`. */
async function byMariadb(
  config: ConnectionConfig = {},
  next?: UserConnectionConfig,
): Promise<readonly Seen[]> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port,
    user: 'app',
    password: PASSWORD,
    database: 'db1',
    allowPublicKeyRetrieval: true,
    ...config,
  });
  const ask = async (): Promise<Seen> => {
    const [row] = await connection.query<Seen[]>(QUESTION);
    return { ...(row as Seen) };
  };
  try {
    const first = await ask();
    if (next === undefined) return [first];
    await connection.changeUser(next);
    return [first, await ask()];
  } finally {
    connection.destroy();
  }
}

const APP: Seen = { user: 'app', schema: 'db1', collation: 'utf8mb4_unicode_ci' };
const unchecked = { ssl: { rejectUnauthorized: false } };
const drivers = [
  ['mysql2', byMysql2],
  ['mariadb', byMariadb],
] as const;

const cause = (door: Door): string => {
  const last = door.outcomes.at(-1);
  return last instanceof Error && 'code' in last ? String(last.code) : ((last as Accepted).kind ?? '');
};

// ---------------------------------------------------------------- drivers

for (const [name, come] of drivers) {
  for (const [method, given] of GATES) {
    test(`${name} comes in by ${method}, plainly and over TLS`, async () => {
      await using _door = await openFor(given);
      assert.deepEqual(await come(), [APP]);
      assert.deepEqual(await come({ user: 'open', password: '' }), [{ ...APP, user: 'open' }]);
      for (const certificate of ['rsa', 'ecdsa'] as const) {
        await using _secure = await openFor({ ...given, ...secure(certificate), tlsRequired: true });
        assert.deepEqual(await come({ ssl: { ca: certificates[certificate].cert } }), [APP]);
        await assert.rejects(come(), { errno: 3159 });
      }
    });

    if (method === 'trust') continue;
    test(`by ${method} ${name} hears the same of a wrong password and an unknown user`, async () => {
      for (const [tls, config] of [
        [{}, {}],
        [secure(), unchecked],
      ] as const) {
        await using _door = await openFor({ ...given, ...tls });
        for (const wrong of [{ password: 'wrong' }, { user: 'nobody' }]) {
          await assert.rejects(come({ ...config, ...wrong }), {
            errno: 1045,
            sqlState: '28000',
            message: new RegExp(
              `Access denied for user '${wrong.user ?? 'app'}'@'127.0.0.1' \\(using password: YES\\)`,
            ),
          });
        }
      }
    });
  }
}

test('a driver becomes somebody else on its connection, plainly and over TLS', async () => {
  const two = { user: 'two', password: 'zwei', database: 'd2' };
  for (const [tls, config] of [
    [{}, {}],
    [secure(), unchecked],
  ] as const) {
    for (const [, given] of GATES) {
      await using _door = await openFor({ ...given, ...tls });
      const [, after] = await byMysql2(config, two);
      assert.deepEqual(after, { ...APP, user: 'two', schema: 'd2' });
    }
    await using _door = await openFor({ ...maria, ...tls });
    const [, after] = await byMariadb(config, two);
    assert.deepEqual([after?.user, after?.schema], ['two', 'd2']);
  }
});

test('a driver that becomes nobody is refused and its connection ended', async () => {
  await using door = await openFor({});
  await assert.rejects(byMysql2({}, { user: 'nobody', password: 'x' }), { errno: 1045 });
  assert.equal(cause(door), 'AUTH_FAILED');
});

test('what the driver says of itself and of its character set arrives', async () => {
  await using door = await openFor({});
  const [seen] = await byMysql2({
    charset: 'LATIN1_SWEDISH_CI',
    connectAttributes: { program_name: 'shop' },
  });
  assert.equal(seen?.collation, 'latin1_swedish_ci');
  const [outcome] = door.outcomes;
  assert.ok(outcome !== undefined && 'kind' in outcome && outcome.kind === 'session');
  assert.ok('attributes' in outcome.login && outcome.login.attributes instanceof Map);
  assert.equal(outcome.login.attributes.get('program_name'), 'shop');
});

test('passwords come in clear text over TLS from drivers that are told so', async () => {
  await using _door = await openFor({ ...secure(), method: 'mysql_clear_password' });
  await assert.rejects(byMysql2(), { errno: 3159 });
  const clear = { ...unchecked, enableCleartextPlugin: true };
  assert.deepEqual(await byMysql2(clear), [APP]);
  await assert.rejects(byMysql2({ ...clear, password: 'wrong' }), { errno: 1045 });
  assert.deepEqual(await byMariadb(unchecked), [APP]);
});

// ---------------------------------------------------------------- programs

interface Program {
  readonly name: string;
  readonly skip: string | false;
  readonly command: () => readonly [string, ...string[]];
  /** Without TLS, and with it. */
  readonly plain: readonly string[];
  readonly secure: readonly string[];
}

const root = findPrograms('mysql')?.root;
const programs: readonly Program[] = [
  {
    name: 'the mysql of MariaDB',
    skip: need('mysql'),
    command: () => [pathOf('mysql')],
    plain: ['--skip-ssl'],
    secure: ['--ssl'],
  },
  {
    name: 'the mysql of MySQL',
    skip: root === undefined ? 'its program is not installed on this machine' : false,
    command: () => ['chroot', root ?? '/', 'mysql'],
    plain: ['--ssl-mode=DISABLED'],
    secure: ['--ssl-mode=REQUIRED'],
  },
];

/** Its output, and what it complained of. */
function runProgram({ command }: Program, ...more: readonly string[]): Promise<string> {
  const [file, ...before] = command();
  const options = [
    '--no-defaults',
    '-h127.0.0.1',
    `-P${port}`,
    '-uapp',
    `-p${PASSWORD}`,
    '-N',
    '-e',
    QUESTION,
  ];
  return new Promise((resolve) => {
    execFile(file, [...before, ...options, ...more], (_error, output, complaint) => {
      resolve(`${output}${complaint.replace(/^.*can be insecure\.\n/, '')}`);
    });
  });
}

for (const program of programs) {
  test(`${program.name} comes in by every method, plainly and over TLS`, { skip: program.skip }, async () => {
    for (const [method, given] of GATES) {
      await using _door = await openFor({ ...given, ...secure() });
      for (const tls of [program.plain, program.secure]) {
        assert.match(await runProgram(program, ...tls, 'db1'), /^app\tdb1\tutf8mb\w+\n$/, `${method} ${tls}`);
      }
    }
  });

  test(`${program.name} is told why it may not come in`, { skip: program.skip }, async () => {
    for (const [, given] of GATES.slice(0, 2)) {
      await using _door = await openFor({ ...given, ...secure(), tlsRequired: true });
      assert.match(
        await runProgram(program, ...program.secure, '-pwrong'),
        /ERROR 1045 \(28000\): Access denied/,
      );
      assert.match(
        await runProgram(program, ...program.secure, '-unobody'),
        /ERROR 1045 \(28000\): Access denied/,
      );
      assert.match(
        await runProgram(program, ...program.plain),
        /ERROR 3159 \(HY000\): .*--ssl-mode=REQUIRED/,
      );
    }
  });
}

test('the mysql of MySQL proves a password by the key of the proxy', {
  skip: programs[1]?.skip,
}, async () => {
  await using _door = await openFor({});
  const [, program] = programs;
  assert.ok(program !== undefined);
  const options = ['--ssl-mode=DISABLED', '--get-server-public-key'];
  assert.match(await runProgram(program, ...options, '-pwrong'), /ERROR 1045/);
});

// ---------------------------------------------------------------- this house, and scripted clients

test('the two halves of this house understand each other', async () => {
  for (const [, given] of GATES) {
    for (const tls of [undefined, clientTls('verify-full', { ca: certificates.rsa.cert })]) {
      await using door = await openFor({ ...given, ...secure() });
      const endpoint = { host: '127.0.0.1', port };
      const target: Target = {
        node: nodeId('door'),
        endpoint,
        user: 'app',
        password: PASSWORD,
        database: 'db1',
        options: 'found-rows',
        tls,
      };
      await entered(target, endpoint, AbortSignal.timeout(10_000), async ({ channel, greeting }) => {
        assert.equal(greeting.id, 1);
        channel.destroy();
      });
      const [outcome] = door.outcomes;
      assert.ok(outcome !== undefined && 'kind' in outcome && outcome.kind === 'session');
      assert.equal(outcome.login.links.options, 'found-rows');
    }
  }
});

/** A client that answers the challenge wrongly and sends this when it is asked for the password itself, under TLS. */
async function wholePassword(password: string): Promise<Buffer> {
  const endpoint = { host: '127.0.0.1', port };
  const channel = await dial(endpoint);
  const exchange = new Exchange(channel, 'server');
  await exchange.read();
  const capabilities =
    can.PROTOCOL_41 | can.SECURE_CONNECTION | can.PLUGIN_AUTH | can.PLUGIN_AUTH_LENENC | can.SSL;
  exchange.send(requestHead(capabilities, 45));
  await channel.secureAsClient((plain) => clientTls('require').wrap(plain, endpoint.host));
  const attributes = new Map<string, string>();
  const answer = Buffer.alloc(32, 1);
  const plugin = 'caching_sha2_password';
  exchange.send(
    loginRequest({ capabilities, collation: 45, user: 'app', schema: '', plugin, answer, attributes }),
  );
  assert.deepEqual([...(await exchange.read())], [1, 4]);
  exchange.send(Buffer.from(`${password}\0`));
  const last = await exchange.read();
  channel.destroy();
  return last;
}

test('under TLS the password itself is enough', async () => {
  await using _door = await openFor(secure());
  assert.equal((await wholePassword(PASSWORD))[0], 0);
  assert.equal((await wholePassword('wrong'))[0], 0xff);
});

/** Sends bytes, gives what came back until the end. */
function converse(...parts: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = tcp({ host: '127.0.0.1', port });
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(got));
    for (const part of parts) socket.write(part);
  });
}

const asksTls = packet(1, requestHead(can.PROTOCOL_41 | can.SSL, 45));

test('random bytes, HTTP and a claim of 2 GB are answered with an error and a close', async () => {
  await using door = await openFor(secure());
  for (const [bytes, expected] of [
    [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), /#08S01Got packets out of order/],
    [Buffer.from('7fffffff00030000', 'hex'), /#08S01Got packets out of order/],
    [Buffer.from('8f3a6b1cd2e4f5a607', 'hex'), /#08S01Got packets out of order/],
    [Buffer.alloc(1_000_000, 0x41), /#08S01Got packets out of order/],
    [Buffer.concat([Buffer.from('ffffff01', 'hex'), Buffer.alloc(1_000_000)]), /#08S01Got a packet bigger/],
  ] as const) {
    assert.match(await converse(bytes), expected);
    assert.equal(cause(door), 'BAD_STARTUP');
  }
});

test('what is no TLS where TLS was agreed is closed', async () => {
  await using door = await openFor(secure());
  for (const parts of [[asksTls, Buffer.from('not TLS at all')], [Buffer.concat([asksTls, asksTls])]]) {
    await converse(...parts);
    assert.equal(cause(door), 'BAD_STARTUP');
    assert.match(String(door.outcomes.at(-1)), /TLS handshake failed/);
  }
});

test('half a packet is held until the deadline closes it, and then ends cleanly', async () => {
  await using door = await openFor(secure());
  const sockets = [asksTls, asksTls.subarray(0, 20), asksTls.subarray(0, 3)].map((bytes) => {
    const socket = tcp({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.write(bytes);
    return socket;
  });
  await door.opened(sockets.length);
  door.destroyAll();
  await door.until(sockets.length);
  for (const outcome of door.outcomes) assert.ok(outcome instanceof Error && 'code' in outcome);
});

test('a thousand clients that connect and close leave nothing', async () => {
  await using door = await openFor({});
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 100 }, () => {
        const socket = tcp({ host: '127.0.0.1', port });
        socket.on('connect', () => socket.end());
        socket.resume();
        return new Promise((resolve) => socket.on('close', resolve));
      }),
    );
  }
  await door.until(1_000);
  assert.ok(door.outcomes.every((outcome) => 'kind' in outcome && outcome.kind === 'done'));
});
