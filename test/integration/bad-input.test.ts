import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { startCluster } from '../support/cluster.ts';
import { assertFlat, CONNECTS } from '../support/flat-memory.ts';
import { SpawnedProxy } from '../support/spawned.ts';

const HOST = '127.0.0.1';
/** A client that has not come through start-up is closed within this. */
const STARTUP_TIMEOUT = 1_000;

describe('bad input from clients', () => {
  let cluster: EmbeddedCluster;
  let proxy: SpawnedProxy;

  before(async () => {
    cluster = await startCluster({ replicas: 1 });
    const { client, monitor } = cluster.credentials;
    proxy = await SpawnedProxy.start({
      admin: false,
      clusters: [
        {
          name: 'bad',
          engine: 'postgres',
          listen: { host: HOST, port: 0, startupTimeout: `${STARTUP_TIMEOUT}ms` },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, database: client.database },
        },
      ],
    });
  });
  after(async () => {
    await proxy.close();
    await cluster.close();
  });

  /** Sends bytes and gives what comes back until the proxy closes. Rejects if it does not within a bound. */
  function send(bytes: Uint8Array, then: (socket: Socket) => void = () => undefined): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const socket = connect(proxy.port, HOST);
      const received: Buffer[] = [];
      const late = setTimeout(() => {
        socket.destroy();
        reject(new Error('the proxy did not close the connection'));
      }, STARTUP_TIMEOUT * 10);
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        clearTimeout(late);
        resolve(Buffer.concat(received));
      });
      socket.write(bytes, () => then(socket));
    });
  }

  async function fails(change: Partial<pg.ClientConfig>): Promise<{ code?: string; message: string }> {
    const { user, password, database } = cluster.credentials.client;
    const client = new pg.Client({ host: HOST, port: proxy.port, user, password, database, ...change });
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      return error as Error;
    }
    await client.end();
    throw new Error('it was let in');
  }

  /** The proxy serves on: a real client comes in and reads. */
  async function serves(): Promise<void> {
    const { user, password, database } = cluster.credentials.client;
    const client = new pg.Client({ host: HOST, port: proxy.port, user, password, database });
    await client.connect();
    const { rows } = await client.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
    await client.end();
  }

  const startUp = (length: number, code: number): Buffer => {
    const packet = Buffer.alloc(8);
    packet.writeUInt32BE(length, 0);
    packet.writeUInt32BE(code, 4);
    return packet;
  };

  test('random bytes are answered with an error or a close', async () => {
    for (let n = 0; n < 200; n++) await send(randomBytes(1 + (n % 64)), (socket) => socket.end());
    await serves();
  });

  test('an HTTP request is told that this is no web server, and closed', async () => {
    const answer = await send(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    assert.match(answer.toString('latin1'), /08P01/);
    await serves();
  });

  test('a start-up packet that claims 2 GB is refused at once, not awaited', async () => {
    const answer = await send(startUp(0x7fff_ffff, 3 << 16));
    assert.match(answer.toString('latin1'), /08P01/);
    await serves();
  });

  test('half a packet held open is closed when the time for start-up has passed', async () => {
    await send(startUp(100, 3 << 16).subarray(0, 6));
    await send(startUp(100, 3 << 16));
    assert.ok(proxy.log.some((entry) => entry['code'] === 'STARTUP_TIMEOUT'));
    await serves();
  });

  test('a wrong password and an unknown user are told apart by nothing', async () => {
    const wrong = await fails({ password: 'wrong' });
    const unknown = await fails({ user: 'nobody', password: 'wrong' });
    assert.equal(wrong.code, '28P01');
    assert.equal(unknown.code, '28P01');
    assert.equal(wrong.message.replace(/"\w+"/, ''), unknown.message.replace(/"\w+"/, ''));
  });

  test('an unknown database is refused in the server’s own words', async () => {
    const refused = await fails({ database: 'nowhere' });
    assert.equal(refused.code, '3D000');
    assert.match(refused.message, /database "nowhere" does not exist/);
    await serves();
  });

  test('bytes that are no message end a session with an error, and only that session', async () => {
    const { user, password, database } = cluster.credentials.client;
    const client = new pg.Client({ host: HOST, port: proxy.port, user, password, database });
    await client.connect();
    const told = new Promise<Error & { code?: string }>((resolve) => client.on('error', resolve));
    // The driver's own socket, so that the bytes come behind a real start-up.
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    stream.write(Buffer.from([0x51, 0, 0, 0, 1]));
    assert.equal((await told).code, '08P01');
    await serves();
  });

  test(`${CONNECTS} connects and closes leave the memory flat`, async () => {
    await assertFlat(proxy, (bytes) => send(bytes, (socket) => socket.end()));
    await serves();
    assert.equal(proxy.isRunning, true);
  });
});
