import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { mock, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Connection } from '../../../src/net/connection.ts';
import { dial } from '../../../src/net/dial.ts';
import { type Listener, type ListenOptions, listen } from '../../../src/net/listener.ts';

const host = '127.0.0.1';
const nobody = (connection: Connection): void => connection.destroy();
const open = (change: Partial<ListenOptions> = {}): Promise<Listener> =>
  listen({ host, port: 0, maxClients: 100, serve: nobody, refuse: nobody, ...change });

/** One turn of the event loop, again and again, until it holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function client(listener: Listener): Promise<Socket> {
  const socket = connect({ host, port: listener.address.port });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

test('a taken port is named', async () => {
  const first = await open();
  const { port } = first.address;
  await assert.rejects(
    open({ port }),
    (error: unknown) =>
      error instanceof ProxyError && error.code === 'PORT_TAKEN' && error.message.includes(`port ${port}`),
  );
  await first.close();
});

test('an address that is not this machine’s is a matter of configuration', async () => {
  await assert.rejects(
    open({ host: '192.0.2.1' }),
    (error: unknown) => error instanceof ProxyError && error.code === 'CONFIG',
  );
});

test('IPv6 is listened on as well', async (context) => {
  const listener = await open({ host: '::1' }).catch(() => undefined);
  if (listener === undefined) {
    context.skip('this machine has no IPv6');
    return;
  }
  (await dial({ host: '::1', port: listener.address.port })).destroy();
  await listener.close();
});

test('clients over the bound are refused politely, and many of those are closed', async () => {
  const served: Connection[] = [];
  const refused: Connection[] = [];
  const listener = await open({
    maxClients: 2,
    maxRefusals: 1,
    serve: (connection) => served.push(connection),
    refuse: (connection) => refused.push(connection),
  });
  const clients: Socket[] = [];
  for (let count = 0; count < 3; count += 1) clients.push(await client(listener));
  await until(() => served.length + refused.length === 3);
  assert.deepEqual([served.length, refused.length], [2, 1]);
  const fourth = await client(listener);
  await new Promise((resolve) => fourth.resume().once('close', resolve));
  for (const socket of clients) socket.destroy();
  await until(() => listener.open === 0);
  const next = await client(listener);
  await until(() => served.length === 3);
  next.destroy();
  await until(() => listener.open === 0);
  await listener.close();
});

test('closing gives the port back and leaves the connections', async () => {
  const served: Connection[] = [];
  const listener = await open({ serve: (connection) => served.push(connection) });
  const socket = await client(listener);
  await until(() => served.length === 1);
  await listener.close();
  const second = await open({ port: listener.address.port });
  const echoed = new Promise((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())));
  served[0]?.write(Buffer.from('still here'));
  assert.equal(await echoed, 'still here');
  served[0]?.destroy();
  await second.close();
});

// ---------------------------------------------------------------- dial

const failed = (code: string) => (error: unknown) =>
  error instanceof ProxyError &&
  error.code === 'CONNECT_FAILED' &&
  (error.cause as NodeJS.ErrnoException).code === code;

test('a dialled connection that is refused says so with its cause', async () => {
  const listener = await open();
  await listener.close();
  await assert.rejects(dial(listener.address), failed('ECONNREFUSED'));
});

test('a dial that is given up, or late, leaves no socket', async () => {
  const listener = await open();
  const given = new AbortController();
  const first = dial(listener.address, { signal: given.signal });
  given.abort();
  await assert.rejects(first, failed('ABORT_ERR'));
  await assert.rejects(dial(listener.address, { signal: given.signal }), failed('ABORT_ERR'));
  mock.timers.enable({ apis: ['setTimeout'] });
  const late = dial(listener.address, { timeoutMs: 1_000 });
  mock.timers.tick(1_000);
  mock.timers.reset();
  await assert.rejects(late, failed('ETIMEDOUT'));
  await until(() => listener.open === 0);
  await listener.close();
});

test('after it is open, a dialled connection does not end by its signal', async () => {
  const listener = await open({ serve: (connection) => void connection.write(Buffer.from('x')) });
  const given = new AbortController();
  const connection = await dial(listener.address, { signal: given.signal });
  given.abort();
  assert.equal((await connection.read(1)).toString(), 'x');
  connection.destroy();
  await until(() => listener.open === 0);
  await listener.close();
});
