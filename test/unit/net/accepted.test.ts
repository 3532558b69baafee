import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { acceptShared } from '../../../src/net/accepted.ts';

/** A server that hands its connections on as asked, and how each is asked after; `from`: what takes them. */
async function accepting(
  t: TestContext,
  from: (server: Server) => Server | Promise<Server> = (server) => server,
) {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken: Socket[] = [];
  acceptShared(await from(server), { keepAliveMs: 50_000, backlog: 1 }, (socket) => void taken.push(socket));
  t.after(() => {
    for (const socket of taken) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, taken };
}

async function come(port: number, taken: readonly Socket[]): Promise<Socket> {
  const count = taken.length;
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  while (taken.length === count) await new Promise((resolve) => setImmediate(resolve));
  return socket;
}

/** proc(5), net/tcp: of each open connection to a port, seconds until the system asks after it; undefined: never. */
async function askedAfter(port: number): Promise<(number | undefined)[]> {
  const local = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  return lines
    .filter(([, address, , state]) => address?.endsWith(`:${local}`) && state === '01')
    .map(([, , , , , timer = '']) => {
      const [kind, ticks = ''] = timer.split(':');
      return kind === '02' ? Number.parseInt(ticks, 16) / 100 : undefined;
    });
}

describe('connections that a server accepts', () => {
  const skip = process.platform !== 'linux' && 'what the system does is read from /proc';

  test('the first and all later ones are asked after when they are silent', { skip }, async (t) => {
    const { port, taken } = await accepting(t);
    const clients = [await come(port, taken), await come(port, taken), await come(port, taken)];
    const asked = await askedAfter(port);
    assert.equal(asked.length, 3);
    for (const seconds of asked)
      assert.ok(seconds !== undefined && seconds > 30 && seconds <= 50, `${seconds}`);
    for (const client of clients) client.destroy();
  });

  test('one that came before that was said is asked after, too', { skip }, async (t) => {
    const early: Socket[] = [];
    const { port, taken } = await accepting(t, async (server) => {
      early.push(connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }));
      // In a later turn of the event loop it would have been accepted.
      await new Promise((resolve) => process.nextTick(resolve));
      return server;
    });
    while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [seconds = 0] = await askedAfter(port);
    assert.ok(seconds > 30, `${seconds}`);
    for (const client of early) client.destroy();
  });

  test('a Node whose server cannot be asked for them has its sockets taken over', { skip }, async (t) => {
    const { port, taken } = await accepting(t, (server) => {
      const other = Object.assign(new EventEmitter(), { _handle: {} });
      server.on('connection', (socket) => other.emit('connection', socket));
      return other as unknown as Server;
    });
    const client = await come(port, taken);
    const [socket = assert.fail()] = taken;
    const heard = once(socket, 'data');
    client.write('hello');
    assert.deepEqual(await heard, [Buffer.from('hello')]);
    const [seconds = 0] = await askedAfter(port);
    assert.ok(seconds > 30, `${seconds}`);
    client.destroy();
  });

  test('an error is the server’s', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => void server.close());
    acceptShared(server, { keepAliveMs: 50_000, backlog: 1 }, () => assert.fail('there is no client'));
    const failed = once(server, 'error');
    const inner = server as unknown as { _handle: { onconnection(error: number): void } };
    inner._handle.onconnection(-24);
    assert.match(String(await failed), /EMFILE/);
  });
});
