import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import mysql from 'mysql2/promise';
import type { Adapter } from '../../engine/adapter.ts';
import { mariadbServer, mysqlServer } from '../../engine/mysql.ts';
import { startAnyCluster } from '../../support/cluster.ts';
import { assertFlat, CONNECTS } from '../../support/flat-memory.ts';
import { SpawnedProxy } from '../../support/spawned.ts';
import type { ConnectionFacts, Stage } from '../../support/stage.ts';

const HOST = '127.0.0.1';
/** A client that has not come through log-in is closed within this. */
const STARTUP_TIMEOUT = 1_000;
const SMALL_HEAP = '--max-old-space-size=64 --max-semi-space-size=4';

/** Numbers of errors ("Server Error Message Reference"). */
const UNKNOWN_COMMAND = 1047;
const BAD_HANDSHAKE = 1043;
/** What servers say to a client that cannot authenticate as they want it. */
const OLD_CLIENT = 1251;
const OUT_OF_ORDER = 1156;
const TOO_LARGE = 1153;
const READ_TIMED_OUT = 1159;
const UNKNOWN_STATEMENT = 1243;

/** A packet: three bytes of length, one of sequence, the payload. */
function packet(sequence: number, payload: Uint8Array, length = payload.length): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

/** The numbers of the ERR packets in what came back, in order. */
function errorsIn(bytes: Buffer): number[] {
  const errors: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4 + bytes.readUIntLE(at, 3)) {
    if (bytes[at + 4] === 0xff) errors.push(bytes.readUInt16LE(at + 5));
  }
  return errors;
}

/** HandshakeResponse41 of a client of `capabilities`; then whatever is given. */
function response(capabilities: number, ...rest: Uint8Array[]): Buffer {
  const head = Buffer.alloc(32);
  head.writeUInt32LE(capabilities, 0);
  head.writeUInt32LE(1 << 24, 4);
  head[8] = 45;
  return packet(1, Buffer.concat([head, ...rest]));
}

const PROTOCOL_41 = 1 << 9;
const SECURE_CONNECTION = 1 << 15;
const PLUGIN_AUTH = 1 << 19;
const CONNECT_ATTRS = 1 << 20;
const PLUGIN_AUTH_LENENC = 1 << 21;
const SSL = 1 << 11;
/** A length of 2 GB, length-encoded. */
const TWO_GB = Buffer.from([0xfe, 0, 0, 0, 0x80, 0, 0, 0, 0]);

for (const adapter of [mysqlServer, mariadbServer]) {
  describe(`bad input from clients of ${adapter.engine}`, { skip: adapter.skip }, () => suite(adapter));
}

function suite(adapter: Adapter): void {
  let cluster: Stage['cluster'];
  let proxy: SpawnedProxy;

  before(async () => {
    cluster = await startAnyCluster(adapter.engine, { replicas: 1 });
    const { client, monitor } = cluster.credentials;
    // What is left in a small heap is no garbage that was merely not yet collected.
    const { NODE_OPTIONS } = process.env;
    process.env['NODE_OPTIONS'] = SMALL_HEAP;
    proxy = await SpawnedProxy.start({
      admin: false,
      clusters: [
        {
          name: 'bad',
          engine: adapter.engine,
          listen: { host: HOST, port: 0, startupTimeout: `${STARTUP_TIMEOUT}ms` },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor },
        },
      ],
    }).finally(() => {
      if (NODE_OPTIONS === undefined) delete process.env['NODE_OPTIONS'];
      else process.env['NODE_OPTIONS'] = NODE_OPTIONS;
    });
  });
  after(async () => {
    await proxy.close();
    await cluster.close();
  });

  /** Sends bytes, behind the greeting or at once, and gives what comes back until the proxy closes. */
  function send(bytes: Uint8Array, { greeted = true, end = false } = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const socket = connect(proxy.port, HOST);
      const received: Buffer[] = [];
      const late = setTimeout(() => {
        socket.destroy();
        reject(new Error('the proxy did not close the connection'));
      }, STARTUP_TIMEOUT * 10);
      const write = (): void => void socket.write(bytes, () => end && socket.end());
      socket.once(greeted ? 'data' : 'connect', write);
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearTimeout(late);
        resolve(Buffer.concat(received));
      });
    });
  }

  const facts = (): ConnectionFacts => {
    const { user, password, database } = cluster.credentials.client;
    return { host: HOST, port: proxy.port, user, password, database };
  };

  async function refusal(change: Partial<ConnectionFacts>): Promise<{ errno?: number; message: string }> {
    try {
      const connection = await mysql.createConnection({ ...facts(), ...change });
      await connection.end();
    } catch (error) {
      return error as Error;
    }
    throw new Error('it was let in');
  }

  /** The proxy serves on: a real client comes in and reads. */
  async function serves(): Promise<void> {
    const connection = await mysql.createConnection(facts());
    const [rows] = await connection.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
    await connection.end();
  }

  /** Sends bytes behind a real log-in; gives the numbers of the errors that come back, and whether it is over. */
  async function sends(bytes: Uint8Array): Promise<{ errors: number[]; closed: boolean }> {
    const connection = await mysql.createConnection(facts());
    connection.on('error', () => undefined);
    // The driver's own socket, without the driver.
    const { stream } = (connection as unknown as { connection: { stream: Socket } }).connection;
    stream.removeAllListeners('data');
    const received: Buffer[] = [];
    let closed = false;
    stream.on('data', (chunk: Buffer) => received.push(chunk));
    stream.on('close', () => {
      closed = true;
    });
    stream.write(bytes);
    await Promise.race([once(stream, 'data'), once(stream, 'close')]);
    // Whether the session goes on is known by the answer to a ping.
    if (!closed) stream.write(packet(0, Buffer.from([0x0e])));
    const answered = (): boolean =>
      Buffer.concat(received).includes(packet(1, Buffer.from([0, 0, 0])).subarray(3));
    while (!closed && !answered()) await Promise.race([once(stream, 'data'), once(stream, 'close')]);
    stream.destroy();
    return { errors: errorsIn(Buffer.concat(received)), closed };
  }

  test('random bytes are answered with an error or a close', async () => {
    for (let n = 0; n < 200; n++) {
      await send(randomBytes(1 + (n % 64)), { greeted: n % 2 === 0, end: true });
    }
    await serves();
  });

  test('an HTTP request is refused in the protocol’s words, and closed at once', async () => {
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    for (const greeted of [true, false]) {
      const began = performance.now();
      const [error = 0] = errorsIn(await send(request, { greeted }));
      assert.ok([OUT_OF_ORDER, BAD_HANDSHAKE].includes(error), `error ${error}`);
      assert.ok(performance.now() - began < STARTUP_TIMEOUT / 2, 'it was not awaited');
    }
    await serves();
  });

  test('a log-in that claims 2 GB in a field, or 16 MB in all, is refused at once, not awaited', async () => {
    const user = Buffer.from('demo\0');
    const answer = response(PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | PLUGIN_AUTH_LENENC, user, TWO_GB);
    const attributes = response(
      PROTOCOL_41 | SECURE_CONNECTION | CONNECT_ATTRS,
      user,
      Buffer.from([0]),
      TWO_GB,
    );
    for (const bytes of [answer, attributes, packet(1, Buffer.alloc(40), 0xff_ffff)]) {
      const began = performance.now();
      const [error = 0] = errorsIn(await send(bytes));
      assert.ok([BAD_HANDSHAKE, TOO_LARGE, OLD_CLIENT].includes(error), `error ${error}`);
      assert.ok(performance.now() - began < STARTUP_TIMEOUT / 2, 'it was not awaited');
    }
    await serves();
  });

  test('a log-in of the protocol before 4.1, or cut short, or asking for TLS that was not offered: bad handshake', async () => {
    for (const bytes of [
      response(SECURE_CONNECTION, Buffer.from('demo\0')),
      packet(1, Buffer.from([0, 2, 0, 0])),
      packet(1, Buffer.alloc(0)),
      response(PROTOCOL_41 | SECURE_CONNECTION, Buffer.from('a name without an end')),
      response(PROTOCOL_41 | SSL),
    ]) {
      const [error = 0] = errorsIn(await send(bytes));
      assert.ok([BAD_HANDSHAKE, OLD_CLIENT].includes(error), `error ${error} to ${bytes.toString('hex')}`);
    }
    await serves();
  });

  test('half a packet held open is closed when the time for log-in has passed', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([100, 0]), packet(1, Buffer.alloc(20), 100)]) {
      const [error = READ_TIMED_OUT] = errorsIn(await send(bytes));
      assert.equal(error, READ_TIMED_OUT);
    }
    assert.ok(proxy.log.some((entry) => entry['code'] === 'STARTUP_TIMEOUT'));
    await serves();
  });

  test('a wrong password and an unknown user are told apart by nothing', async () => {
    const wrong = await refusal({ password: 'wrong' });
    const unknown = await refusal({ user: 'nobody', password: 'wrong' });
    assert.equal(wrong.errno, 1045);
    assert.equal(unknown.errno, 1045);
    assert.equal(unknown.message.replace('nobody', facts().user), wrong.message);
  });

  test('an unknown database is refused in the server’s own words', async () => {
    const [primary] = cluster.nodes;
    const direct = await refusal({ database: 'nowhere', port: primary?.port ?? 0 });
    const proxied = await refusal({ database: 'nowhere' });
    assert.deepEqual([proxied.errno, proxied.message], [direct.errno, direct.message]);
    assert.ok([1044, 1049].includes(proxied.errno ?? 0));
    await serves();
  });

  test('packets out of order end a session with an error, and only that session', async () => {
    const { errors, closed } = await sends(packet(5, Buffer.from([0x03, 0x53])));
    assert.deepEqual(errors, [OUT_OF_ORDER]);
    assert.equal(closed, true);
    await serves();
  });

  test('a command that does not exist is told so, and the session goes on', async () => {
    for (const code of [0x7f, 0xff]) {
      const told = await sends(packet(0, Buffer.from([code, 1, 2, 3])));
      assert.deepEqual(told, { errors: [UNKNOWN_COMMAND], closed: false });
    }
    await serves();
  });

  test('an EXECUTE of a statement that does not exist is told so, and the session goes on', async () => {
    const execute = Buffer.from([0x17, 99, 0, 0, 0, 0, 1, 0, 0, 0]);
    assert.deepEqual(await sends(packet(0, execute)), { errors: [UNKNOWN_STATEMENT], closed: false });
    await serves();
  });

  test('commands cut short, or with nothing in them, are answered with an error or a close', async () => {
    const commands = [0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x04, 0x0c];
    for (const code of commands) {
      // Long data and close have no answer: the ping behind them is the answer then.
      const ping = packet(0, Buffer.from([0x0e]));
      const told = await sends(Buffer.concat([packet(0, Buffer.from([code])), ping]));
      assert.ok(told.closed || told.errors.length <= 1, `command ${code}: ${JSON.stringify(told)}`);
    }
    await serves();
  });

  test(`${CONNECTS} connects and closes leave the memory flat`, async () => {
    await assertFlat(proxy, (bytes) => send(bytes, { greeted: false, end: true }));
    await serves();
    assert.equal(proxy.isRunning, true);
  });
}
