import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Opened, Target } from '../../../src/core/wire.ts';
import { Connection } from '../../../src/net/connection.ts';
import { type ClientTls, clientTls } from '../../../src/net/tls.ts';
import { cancel } from '../../../src/postgres/cancel.ts';
import { connect, isThisMachine } from '../../../src/postgres/connect.ts';
import { int32, message, readMessage } from '../../../src/postgres/messages.ts';
import { ScramServer } from '../../../src/postgres/scram.ts';
import { type AuthServer, PASSWORD, startAuthServer } from '../../support/auth-server.ts';
import { selfSigned } from '../../support/certificate.ts';

let server: AuthServer;

before(async () => {
  server = await startAuthServer();
});

after(async () => {
  await server[Symbol.asyncDispose]();
});

const within = (): AbortSignal => AbortSignal.timeout(10_000);
const target = (user: string, change?: Partial<Target>): Target => server.target(user, change);

/** Text of the first column of the last row that a query gives. */
async function ask({ channel }: Opened, sql: string): Promise<string> {
  channel.write(message('Q', `${sql}\0`));
  let value = '';
  for (;;) {
    const { type, body } = await readMessage(channel, 100_000, 'server');
    if (type === 0x45) throw new Error(body.toString());
    if (type === 0x44) value = body.toString('utf8', 6);
    if (type === 0x5a) return value;
  }
}

async function refusal(given: Target, code: string): Promise<ProxyError> {
  const error = await connect(given, within()).then(
    ({ channel }) => {
      channel.destroy();
      return undefined;
    },
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProxyError, `${given.user} came in`);
  assert.equal(error.code, code, error.message);
  return error;
}

// ---------------------------------------------------------------- who we are to the server

test('the proxy logs in by SCRAM, md5, clear text on this machine, and trust', async () => {
  for (const user of ['scrammer', 'md5er', 'clearer', 'truster']) {
    const opened = await connect(target(user), within());
    assert.equal(await ask(opened, 'SELECT current_user'), user);
    // A session's name is its client's: a connection has none of its own.
    assert.equal(await ask(opened, 'SHOW application_name'), '');
    assert.equal(opened.channel.encrypted, false);
    opened.channel.destroy();
  }
});

test('what the server says of itself is kept', async () => {
  const opened = await connect(target('scrammer'), within());
  assert.match(opened.greeting.parameters.get('server_version') ?? '', /^18/);
  assert.equal(opened.greeting.parameters.get('in_hot_standby'), 'off');
  assert.equal(opened.key.length, 8);
  assert.equal(opened.key.readUInt32BE(0), Number(await ask(opened, 'SELECT pg_backend_pid()')));
  opened.channel.destroy();
});

test('over TLS the login is bound to the certificate', async () => {
  const tls = clientTls('verify-full', { ca: server.certificate.cert });
  for (const host of ['127.0.0.1', 'localhost']) {
    const opened = await connect(target('secure', { tls, endpoint: { host, port: server.port } }), within());
    assert.equal(opened.channel.encrypted, true);
    assert.equal(await ask(opened, 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'), 't');
    opened.channel.destroy();
  }
});

test('each TLS mode checks what it promises', async () => {
  const stranger = selfSigned('ecdsa-sha256').cert;
  const own = server.certificate.cert;
  for (const [tls, works] of [
    [clientTls('prefer'), true],
    [clientTls('require'), true],
    [clientTls('require', { ca: own }), true],
    [clientTls('require', { ca: stranger }), false],
    [clientTls('verify-ca', { ca: own }), true],
    [clientTls('verify-ca', { ca: stranger }), false],
    [clientTls('verify-full'), false],
    [clientTls('disable'), false],
  ] as const) {
    const given = target('secure', { tls });
    if (works) (await connect(given, within())).channel.destroy();
    else await refusal(given, tls.mode === 'disable' ? 'NODE_REFUSED' : 'CONNECT_FAILED');
  }
});

// ---------------------------------------------------------------- refusals

test("a server's refusal carries its own code and words", async () => {
  for (const [given, code] of [
    [target('scrammer', { password: 'wrong' }), '28P01'],
    [target('md5er', { password: 'wrong' }), '28P01'],
    [target('nobody'), '28P01'],
    [target('banned'), '28000'],
    [target('scrammer', { database: 'missing' }), '3D000'],
  ] as const) {
    const error = await refusal(given, 'NODE_REFUSED');
    assert.equal(error.server?.code, code);
    assert.notEqual(error.server?.message, '');
    assert.ok(!error.message.includes(PASSWORD));
  }
});

test('a server that asks for a password which is not configured is named', async () => {
  assert.match((await refusal(target('scrammer', { password: undefined }), 'AUTH_METHOD')).message, /pg-1/);
});

test('a closed port is told with its cause', async () => {
  const scripted = await script(() => {});
  await scripted[Symbol.asyncDispose]();
  const error = await refusal(scripted.target, 'CONNECT_FAILED');
  assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});

test('a server that is shutting down or starting says 57P03, and it is passed on', async () => {
  await using scripted = await script((connection) => {
    connection.end(message('E', 'SFATAL\0C57P03\0Mthe database system is starting up\0\0'));
  });
  assert.equal((await refusal(scripted.target, 'NODE_REFUSED')).server?.code, '57P03');
});

// ---------------------------------------------------------------- cancel

test('a cancel request ends what the link runs, plain and over TLS', async () => {
  const tls = clientTls('require');
  for (const given of [target('scrammer'), target('secure', { tls })]) {
    const opened = await connect(given, within());
    const sleeping = assert.rejects(ask(opened, 'SELECT pg_sleep(60)'), /57014/);
    await untilSleeping(given.user);
    await cancel(given, opened, within());
    await sleeping;
    opened.channel.destroy();
  }
});

async function untilSleeping(user: string): Promise<void> {
  for (;;) {
    const rows = await server.cluster.query(
      'pg-1',
      "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'",
      [user],
    );
    if (rows.length > 0) return;
  }
}

test('a cancel that nobody hears ends with its signal', async () => {
  const opened = await connect(target('scrammer'), within());
  await using scripted = await script(() => {});
  await assert.rejects(
    cancel(scripted.target, opened, AbortSignal.timeout(50)),
    (error: unknown) => error instanceof ProxyError && error.code === 'CONNECT_FAILED',
  );
  opened.channel.destroy();
});

// ---------------------------------------------------------------- servers that misbehave

interface Scripted extends AsyncDisposable {
  readonly target: Target;
  /** Resolves when no connection to it is left. */
  idle(): Promise<void>;
}

/** A server that plays `play` to each client. */
async function script(play: (connection: Connection) => unknown, tls?: ClientTls): Promise<Scripted> {
  const sockets = new Set<Socket>();
  const scripted: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const connection = new Connection(socket);
    void Promise.resolve(play(connection)).catch(() => connection.destroy());
  });
  await new Promise<void>((resolve) => scripted.listen(0, '127.0.0.1', resolve));
  const { port } = scripted.address() as AddressInfo;
  return {
    target: target('truster', { endpoint: { host: '127.0.0.1', port }, tls }),
    idle: async () => {
      while (sockets.size > 0) await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => scripted.close(resolve));
    },
  };
}

/** Takes a start-up packet. */
async function startup(connection: Connection): Promise<void> {
  await connection.read((await connection.read(4)).readUInt32BE(0) - 4);
}

const ok = message('R', int32(0));
const sasl = message('R', int32(10), 'SCRAM-SHA-256\0\0');

for (const [what, bytes, code] of [
  ['lets the proxy in before it has proven that it knows the password', [sasl, ok], 'PROTOCOL'],
  ['asks for a method that is not spoken', [message('R', int32(7))], 'AUTH_METHOD'],
  ['offers mechanisms that are not spoken', [message('R', int32(10), 'SCRAM-SHA-1\0\0')], 'AUTH_METHOD'],
  ['claims a message of 2 GB', [Buffer.from('R\x7f\xff\xff\xff', 'latin1')], 'PROTOCOL'],
  ['speaks HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'PROTOCOL'],
  ['sends rows before it is ready', [ok, message('D', '\0\0')], 'PROTOCOL'],
  ['hangs up', [], 'CONNECT_FAILED'],
] as const) {
  test(`a server that ${what} is left`, async () => {
    await using scripted = await script(async (connection) => {
      await startup(connection);
      if (bytes.length === 0) connection.end();
      else connection.write(Buffer.concat(bytes));
    });
    await refusal(scripted.target, code);
    await scripted.idle();
  });
}

test('a server that does not prove that it knows the password is left', async () => {
  await using scripted = await script(async (connection) => {
    await startup(connection);
    connection.write(sasl);
    const { body } = await readMessage(connection, 1_000, 'client');
    const clientFirst = body.toString('utf8', body.indexOf('n,,'));
    const exchange = new ScramServer({ salt: Buffer.alloc(16), iterations: 4096 }, 'more', undefined);
    connection.write(message('R', int32(11), exchange.first('SCRAM-SHA-256', clientFirst)));
    await readMessage(connection, 1_000, 'client');
    connection.write(Buffer.concat([ok, message('Z', 'I')]));
  });
  await refusal(scripted.target, 'PROTOCOL');
  await scripted.idle();
});

test('a server that refuses TLS is spoken to plainly only where that is allowed', async () => {
  const play = async (connection: Connection): Promise<void> => {
    assert.equal((await connection.read(8)).readUInt32BE(4), 80877103);
    connection.write(Buffer.from('N'));
    await startup(connection);
    connection.write(Buffer.concat([ok, message('S', 'a\0b\0'), message('Z', 'I')]));
  };
  await using scripted = await script(play, clientTls('prefer'));
  const opened = await connect(scripted.target, within());
  assert.deepEqual([...opened.greeting.parameters], [['a', 'b']]);
  opened.channel.destroy();
  await refusal({ ...scripted.target, tls: clientTls('require') }, 'TLS_REQUIRED');
});

test('bytes sent before TLS begins are an error', async () => {
  await using scripted = await script(async (connection) => {
    await connection.read(8);
    connection.write(Buffer.from('SE'));
  }, clientTls('require'));
  await refusal(scripted.target, 'PROTOCOL');
  await scripted.idle();
});

test('a password in clear text goes to this machine or over TLS, never over a network that can be read', () => {
  for (const [address, local] of [
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.1', false],
    ['::ffff:10.0.0.1', false],
    ['fe80::1', false],
    ['127.example.com', false],
    ['unknown', false],
  ] as const) {
    assert.equal(isThisMachine(address), local, address);
  }
});

test('a server that says nothing is left when the signal fires, and no socket stays', async () => {
  for (const tls of [undefined, clientTls('require')]) {
    await using scripted = await script(() => {}, tls);
    const giveUp = new AbortController();
    const ended = refusalBy(scripted.target, giveUp.signal);
    setImmediate(() => giveUp.abort());
    assert.equal((await ended).code, 'CONNECT_FAILED');
    await scripted.idle();
  }
});

async function refusalBy(given: Target, signal: AbortSignal): Promise<ProxyError> {
  const error: unknown = await connect(given, signal).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ProxyError);
  return error;
}

test('after the login the signal has no hold on the link', async () => {
  const signal = new AbortController();
  const opened = await connect(target('truster'), signal.signal);
  signal.abort();
  assert.equal(await ask(opened, 'SELECT 1'), '1');
  opened.channel.destroy();
});
