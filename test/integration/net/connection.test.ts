import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { mock, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { ProxyError } from '../../../src/core/errors.ts';
import { Connection } from '../../../src/net/connection.ts';
import { serverTls } from '../../../src/net/tls.ts';
import { selfSigned } from '../../support/certificate.ts';

interface Pair extends AsyncDisposable {
  readonly connection: Connection;
  /** The other side of it. */
  readonly peer: Socket;
}

async function pair(): Promise<Pair> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const taken = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  peer.on('error', () => {});
  const connection = new Connection(await taken);
  return {
    connection,
    peer,
    [Symbol.asyncDispose]: async () => {
      connection.destroy();
      peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const closed = (connection: Connection): Promise<Error | undefined> =>
  new Promise((resolve) => connection.attach({ bytes: () => {}, drained: () => {}, closed: resolve }));

test('exact lengths are read, whatever the pieces, also when more was sent than is kept', async () => {
  await using both = await pair();
  const sent = Buffer.alloc(500_000, 'pointsman');
  both.peer.write(sent);
  while (both.connection.buffered <= 65_536) await new Promise((resolve) => setImmediate(resolve));
  const read: Buffer[] = [];
  for (let left = sent.length; left > 0; left -= 50_000) read.push(await both.connection.read(50_000));
  assert.ok(Buffer.concat(read).equals(sent));
  assert.equal(both.connection.buffered, 0);
});

test('a read that waits ends when the other side leaves, and at once when this side does', async () => {
  for (const [leave, side] of [
    [({ peer }: Pair) => peer.end(), 'server'],
    [({ connection }: Pair) => connection.destroy(), 'proxy'],
    [({ connection }: Pair) => connection.end(), 'proxy'],
  ] as const) {
    await using both = await pair();
    const read = both.connection.read(1);
    leave(both);
    await assert.rejects(
      read,
      (error: unknown) => error instanceof ProxyError && error.code === 'LINK_LOST' && error.side === side,
    );
    await assert.rejects(both.connection.read(1), ProxyError);
  }
});

test('last words reach a client that goes on sending', async () => {
  await using both = await pair();
  let heard = '';
  both.peer.on('data', (chunk) => {
    heard += chunk.toString();
  });
  const gone = new Promise((resolve) => both.peer.once('close', resolve));
  both.peer.write(Buffer.alloc(1_000_000));
  await both.connection.read(1);
  both.connection.end(Buffer.from('goodbye'));
  await gone;
  assert.equal(heard, 'goodbye');
  assert.equal(both.connection.buffered, 0);
});

test('a client that does not read its last words is closed within the bound', async () => {
  await using both = await pair();
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const gone = closed(both.connection);
    both.peer.pause();
    both.connection.end(Buffer.alloc(50_000_000));
    mock.timers.tick(2_000);
    await gone;
    assert.ok(both.connection.closed);
  } finally {
    mock.timers.reset();
  }
});

test('bytes received before encryption begins are refused', async () => {
  await using both = await pair();
  both.peer.write('early');
  await both.connection.read(1);
  await assert.rejects(both.connection.secureAsServer(serverTls(selfSigned()).context), /before encryption/);
});

/** A client under TLS whose bytes pass through `peer`, so that they can be falsified. */
function through(peer: Socket, falsify: () => boolean): Promise<{ write(text: string): void; end(): void }> {
  return new Promise((resolve, reject) => {
    const relay = createServer((inner) => {
      peer.pipe(inner);
      inner.on('data', (chunk) => {
        if (falsify()) chunk.writeUInt8(chunk.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1);
        peer.write(chunk);
      });
      inner.on('error', () => {});
    });
    relay.listen(0, '127.0.0.1', () => {
      const { port } = relay.address() as AddressInfo;
      const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
      client.on('error', reject);
      client.once('secureConnect', () => {
        resolve({
          write: (text) => client.write(text),
          end: () => {
            client.destroy();
            relay.close();
          },
        });
      });
    });
  });
}

test('a falsified record closes an encrypted connection', async () => {
  await using both = await pair();
  let falsify = false;
  const secured = both.connection.secureAsServer(serverTls(selfSigned()).context);
  const client = await through(both.peer, () => falsify);
  await secured;
  client.write('right');
  assert.equal((await both.connection.read(5)).toString(), 'right');
  assert.equal(both.connection.encrypted, true);
  const gone = closed(both.connection);
  falsify = true;
  client.write('wrong');
  assert.match((await gone)?.message ?? '', /mac/);
  client.end();
});

test('what is said in one turn of start-up leaves in one write, in order, also before the last words', async () => {
  await using both = await pair();
  const heard: Buffer[] = [];
  both.peer.on('data', (chunk: Buffer) => heard.push(chunk));
  const ended = new Promise((resolve) => both.peer.once('end', resolve));
  both.connection.write(Buffer.from('one '));
  both.connection.write(Buffer.from('two '));
  assert.equal(both.connection.unsent, 8);
  await Promise.resolve();
  both.connection.write(Buffer.from('three '));
  assert.equal(both.connection.unsent, 14);
  while (Buffer.concat(heard).length < 14) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(Buffer.concat(heard).toString(), 'one two three ');
  both.connection.write(Buffer.from('four '));
  both.connection.end(Buffer.from('five'));
  await ended;
  assert.equal(Buffer.concat(heard).toString(), 'one two three four five');
});

test('an end with nothing left to say closes at once, whether the other side reads or not', async () => {
  await using both = await pair();
  // Without the bound for those that do not read.
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const gone = closed(both.connection);
    both.connection.write(Buffer.from('reply'));
    both.connection.end();
    await gone;
    assert.equal(await textOf(both.peer), 'reply');
  } finally {
    mock.timers.reset();
  }
});

test('an end sends all that waits first', async () => {
  await using both = await pair();
  const gone = closed(both.connection);
  const much = 'x'.repeat(20_000_000);
  both.connection.write(Buffer.from(much));
  assert.ok(both.connection.unsent > 0);
  both.connection.end();
  const text = await textOf(both.peer);
  assert.equal(text.length, much.length);
  await gone;
});

function textOf(peer: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => peer.once('end', () => resolve(Buffer.concat(chunks).toString())));
}
