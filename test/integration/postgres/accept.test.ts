import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as tls } from 'node:tls';
import pg from 'pg';
import { nodeId } from '../../../src/core/node.ts';
import type { Accepted, Gate } from '../../../src/core/wire.ts';
import { clientTls, serverTls } from '../../../src/net/tls.ts';
import { connect } from '../../../src/postgres/connect.ts';
import { md5Hash } from '../../../src/postgres/md5.ts';
import { int32 } from '../../../src/postgres/messages.ts';
import { selfSigned } from '../../support/certificate.ts';
import { type FrontDoor, openFrontDoor } from '../../support/front-door.ts';
import { need, pathOf } from '../../support/need.ts';

const PASSWORD = 'Gruß Ⅸ';
const certificates = {
  rsa: selfSigned('rsa-sha384'),
  ecdsa: selfSigned('ecdsa-sha256'),
  ed25519: selfSigned('ed25519'),
};
let folder: string;
/** Of the door that stands open. */
let port = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-accept-'));
  for (const [name, { cert }] of Object.entries(certificates))
    await writeFile(join(folder, `${name}.crt`), cert);
});

after(() => rm(folder, { recursive: true, force: true }));

/** `stored` has a verifier of the password `pencil`. */
const credentials: Readonly<Record<string, string>> = {
  app: PASSWORD,
  hashed: md5Hash('hashed', PASSWORD),
  stored:
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
};

const gate = (change: Partial<Gate> = {}): Gate => ({
  tls: undefined,
  tlsRequired: false,
  method: 'scram-sha-256',
  credential: (user) => credentials[user],
  version: () => Promise.resolve('18'),
  ...change,
});
const secure = (name: keyof typeof certificates = 'rsa'): Partial<Gate> => ({
  tls: serverTls(certificates[name]),
});

async function openDoor(given: Gate): Promise<FrontDoor> {
  const door = await openFrontDoor(given);
  port = door.port;
  return door;
}

/** Connects by the driver `pg`, runs one query, and leaves. */
async function driver(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'app', password: PASSWORD, ...config });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('');
  } finally {
    await client.end();
  }
}

/** Connects by psql with these parameters; gives its complaint, '' if it had none. */
function psql(parameters: Record<string, string>): Promise<string> {
  const all: Record<string, string> = {
    host: '127.0.0.1',
    port: String(port),
    user: 'app',
    dbname: 'app',
    password: PASSWORD,
    connect_timeout: '10',
    sslmode: 'disable',
    ...parameters,
  };
  const info = Object.entries(all).map(([name, value]) => `${name}='${value}'`);
  return new Promise((resolve) => {
    execFile(pathOf('psql'), ['-XAtw', '-d', info.join(' '), '-c', ''], (error, _out, complaint) => {
      resolve(error === null ? '' : complaint);
    });
  });
}

const cause = (door: FrontDoor): string => {
  const last = door.outcomes.at(-1);
  return last instanceof Error && 'code' in last ? String(last.code) : ((last as Accepted).kind ?? '');
};

// ---------------------------------------------------------------- the driver

test('the driver comes in by SCRAM, by a stored verifier, by md5 and by trust', async () => {
  for (const [method, config] of [
    ['scram-sha-256', {}],
    ['scram-sha-256', { user: 'stored', password: 'pencil' }],
    ['scram-sha-256', { user: 'hashed' }],
    ['md5', {}],
    ['md5', { user: 'hashed' }],
    ['md5', { user: 'stored', password: 'pencil' }],
    ['trust', { password: undefined }],
  ] as const) {
    await using door = await openDoor(gate({ method }));
    await driver(config);
    assert.equal(door.outcomes.length, 1);
  }
});

test('a wrong password and an unknown user get the same refusal in every method', async () => {
  for (const method of ['scram-sha-256', 'md5']) {
    await using _door = await openDoor(gate({ method }));
    for (const config of [
      { password: 'wrong' },
      { user: 'nobody' },
      { user: 'stored' },
      { user: 'hashed', password: 'x' },
    ]) {
      await assert.rejects(driver(config), {
        code: '28P01',
        severity: 'FATAL',
        message: `password authentication failed for user "${config.user ?? 'app'}"`,
      });
    }
  }
});

test('the driver comes in over TLS, with every kind of certificate', async () => {
  for (const name of ['rsa', 'ecdsa', 'ed25519'] as const) {
    await using door = await openDoor(gate({ ...secure(name), tlsRequired: true }));
    await driver({ ssl: { ca: certificates[name].cert } });
    assert.equal(door.outcomes.length, 1);
  }
});

test('where TLS is required a plain connection is refused, and told how to come in', async () => {
  await using _door = await openDoor(gate({ ...secure(), tlsRequired: true }));
  await assert.rejects(driver({}), { code: '28000', hint: /sslmode=require/ });
});

test('the settings of the start-up packet arrive', async () => {
  await using door = await openDoor(gate());
  await driver({ application_name: 'shop', options: '-c search_path=a\\ b', database: 'other' });
  const [outcome] = door.outcomes;
  assert.ok(outcome !== undefined && 'kind' in outcome && outcome.kind === 'session');
  assert.equal(outcome.login.database, 'other');
  assert.equal(outcome.login.settings.values.get('application_name'), 'shop');
  assert.equal(outcome.login.settings.values.get('search_path'), 'a b');
});

test('the two halves of this house understand each other, bound to the certificate', async () => {
  await using _door = await openDoor(gate({ ...secure(), tlsRequired: true }));
  const opened = await connect(
    {
      node: nodeId('door'),
      endpoint: { host: '127.0.0.1', port },
      user: 'app',
      password: PASSWORD,
      database: 'app',
      options: '',
      tls: clientTls('verify-full', { ca: certificates.rsa.cert }),
    },
    AbortSignal.timeout(10_000),
  );
  assert.equal(opened.greeting.parameters.get('server_version'), '18.4');
  opened.channel.destroy();
});

// ---------------------------------------------------------------- psql

const withPsql = { skip: need('psql') };

test('psql comes in plainly and over TLS, with and without channel binding', withPsql, async () => {
  for (const [given, parameters] of [
    [{}, {}],
    [{}, { sslmode: 'prefer', gssencmode: 'prefer' }],
    [{ method: 'md5' }, {}],
    [{ method: 'trust' }, { password: '' }],
    [secure(), { sslmode: 'require' }],
    [secure(), { sslmode: 'require', channel_binding: 'disable' }],
    [secure(), { sslmode: 'verify-full', sslrootcert: join(folder, 'rsa.crt'), host: 'localhost' }],
    [secure(), { sslmode: 'require', channel_binding: 'require' }],
    [secure('ecdsa'), { sslmode: 'require', channel_binding: 'require' }],
    [secure('ecdsa'), { sslmode: 'require', channel_binding: 'require', user: 'stored', password: 'pencil' }],
    [secure('ed25519'), { sslmode: 'require', channel_binding: 'disable' }],
  ] as const) {
    await using _door = await openDoor(gate(given));
    assert.equal(await psql(parameters), '', JSON.stringify(parameters));
  }
});

test('psql is told why it may not come in', withPsql, async () => {
  for (const [given, parameters, expected] of [
    [{}, { password: 'wrong' }, /password authentication failed for user "app"/],
    [{}, { user: 'nobody' }, /password authentication failed for user "nobody"/],
    [{}, { sslmode: 'require' }, /server does not support SSL/],
    [{ ...secure(), tlsRequired: true }, {}, /encrypted connections only/],
    [{}, { options: '-S 5' }, /"-S" is not taken/],
    [{}, { replication: 'maybe' }, /invalid value for parameter "replication"/],
  ] as const) {
    await using _door = await openDoor(gate(given));
    assert.match(await psql(parameters), expected);
  }
});

// ---------------------------------------------------------------- scripted clients

/** Sends bytes, gives what came back until the end. */
function converse(bytes: Buffer | string): Promise<string> {
  return new Promise((resolve) => {
    const socket = tcp({ host: '127.0.0.1', port });
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
    socket.write(bytes);
  });
}

const sslRequest = Buffer.concat([int32(8), int32(80877103)]);
const startup = (minor: number): Buffer => {
  const text = Buffer.from('user\0app\0\0');
  return Buffer.concat([int32(text.length + 8), int32((3 << 16) | minor), text]);
};

test('random bytes, HTTP and a claim of 2 GB are answered with an error and a close', async () => {
  await using door = await openDoor(gate(secure()));
  for (const [bytes, expected] of [
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /SFATAL.*C08P01.*not HTTP/s],
    ['\x7f\xff\xff\xff\0\x03\0\0', /C08P01.*2147483647/s],
    [Buffer.from('8f3a6b1cd2e4f5a607', 'hex'), /C08P01/],
    ['A'.repeat(1_000_000), /C08P01/],
  ] as const) {
    assert.match(await converse(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes), expected);
    await door.until(1);
    assert.equal(cause(door), 'BAD_STARTUP');
  }
});

test('bytes sent before TLS begins are an error', async () => {
  await using door = await openDoor(gate(secure()));
  assert.match(await converse(Buffer.concat([sslRequest, startup(0)])), /^E.*C08P01.*before encryption/s);
  assert.equal(cause(door), 'BAD_STARTUP');
});

test('what is no TLS where TLS was agreed is closed', async () => {
  await using door = await openDoor(gate(secure()));
  const socket = tcp({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.on('data', () => socket.write(startup(0)));
  socket.write(sslRequest);
  await door.until(1);
  assert.equal(cause(door), 'BAD_STARTUP');
  assert.match((door.outcomes[0] as Error).message, /TLS handshake failed/);
  socket.destroy();
});

/** Direct TLS: a handshake from the first byte on. Gives what the server said first, '' if it closed. */
function direct(protocols: string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = tls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ...(protocols.length > 0 ? { ALPNProtocols: protocols } : {}),
    });
    socket.on('secureConnect', () => socket.write(startup(2)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(''));
    socket.on('data', (chunk) => {
      resolve(chunk.toString('latin1'));
      socket.destroy();
    });
  });
}

test('direct TLS is taken from clients that name the protocol by ALPN, and from no others', async () => {
  await using _door = await openDoor(gate(secure()));
  assert.match(await direct(['postgresql']), /^R.*SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0$/s);
  assert.match(await direct([]), /^E.*C08P01.*ALPN/s);
  assert.equal(await direct(['http/1.1']), '');
});

test('direct TLS is closed where TLS is not offered', async () => {
  await using door = await openDoor(gate());
  assert.equal(await direct(['postgresql']), '');
  assert.equal(cause(door), 'BAD_STARTUP');
});

test('half a packet is held until the deadline closes it, and then ends cleanly', async () => {
  await using door = await openDoor(gate(secure()));
  const sockets = [startup(0).subarray(0, 9), sslRequest.subarray(0, 3), Buffer.from([0x16])].map((bytes) => {
    const socket = tcp({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.write(bytes);
    return socket;
  });
  await door.opened(sockets.length);
  door.destroyAll();
  await door.until(sockets.length);
  for (const outcome of door.outcomes) assert.ok(outcome instanceof Error && 'code' in outcome);
});

test('a thousand clients that connect and close leave nothing', async () => {
  await using door = await openDoor(gate());
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(
      Array.from({ length: 100 }, () => {
        const socket = tcp({ host: '127.0.0.1', port });
        socket.on('connect', () => socket.end());
        return new Promise((resolve) => socket.on('close', resolve));
      }),
    );
  }
  await door.until(1_000);
  assert.ok(door.outcomes.every((outcome) => 'kind' in outcome && outcome.kind === 'done'));
});
