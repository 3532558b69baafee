import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Connection } from '../../../src/net/connection.ts';
import { dial } from '../../../src/net/dial.ts';
import { type Listener, listen } from '../../../src/net/listener.ts';

/** A handler that keeps what it was given, as it was given. */
class Kept {
  readonly chunks: Buffer[] = [];
  #wake: (() => void) | undefined;
  length = 0;
  over = false;
  bytes(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    this.#wake?.();
  }
  drained(): void {}
  closed(): void {
    this.over = true;
    this.#wake?.();
  }
  async until(reached: () => boolean): Promise<void> {
    while (!reached()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A listener, and what it has taken. */
async function open(t: TestContext): Promise<{ listener: Listener; taken: Connection[] }> {
  const taken: Connection[] = [];
  t.after(async () => {
    for (const connection of taken) connection.destroy();
    await listener.close();
  });
  const serve = (connection: Connection): void => void taken.push(connection);
  const listener = await listen({ host: '127.0.0.1', port: 0, maxClients: 10, serve, refuse: serve });
  return { listener, taken };
}

async function client(listener: Listener): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: listener.address.port });
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Bytes that differ from one place to the next. */
const pattern = (length: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 97 + (at >> 8)) & 0xff));

describe('sockets that read into one buffer', () => {
  test('each keeps its own bytes, short and long ones, whatever others receive meanwhile', async (t) => {
    const { listener, taken } = await open(t);
    const sockets = [await client(listener), await client(listener), await client(listener)];
    while (taken.length < 3) await new Promise((resolve) => setImmediate(resolve));
    const byPort = new Map(sockets.map((socket, at) => [at, socket]));
    const kept = taken.map((connection) => {
      const handler = new Kept();
      connection.attach(handler);
      return handler;
    });
    const sent: Buffer[][] = [[], [], []];
    for (let round = 0; round < 60; round++) {
      const at = round % 3;
      const bytes = pattern(round % 7 === 0 ? 150_000 : 1 + round, round);
      sent[at]?.push(bytes);
      await new Promise((resolve) => byPort.get(at)?.write(bytes, resolve));
    }
    for (const [at, handler] of kept.entries()) {
      const whole = Buffer.concat(sent[at] ?? []);
      await handler.until(() => handler.length >= whole.length);
      assert.ok(Buffer.concat(handler.chunks).equals(whole), `connection ${at}`);
    }
    for (const socket of sockets) socket.end();
    for (const handler of kept) await handler.until(() => handler.over);
  });

  test('one that is paused receives nothing until it is resumed', async (t) => {
    const { listener, taken } = await open(t);
    const socket = await client(listener);
    while (taken.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const [connection] = taken;
    assert.ok(connection !== undefined);
    const handler = new Kept();
    connection.attach(handler);
    connection.pause();
    const bytes = pattern(2_000_000, 1);
    const written = new Promise((resolve) => socket.write(bytes, resolve));
    // All that the kernel takes has come, and nobody has read it.
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(handler.length, 0);
    connection.resume();
    await handler.until(() => handler.length === bytes.length);
    await written;
    assert.ok(Buffer.concat(handler.chunks).equals(bytes));
    socket.destroy();
    await handler.until(() => handler.over);
  });

  test('what was read of an exact length stays what it was, and what follows it comes in order', async (t) => {
    const { listener, taken } = await open(t);
    const dialled = await dial({ host: '127.0.0.1', port: listener.address.port });
    while (taken.length < 1) await new Promise((resolve) => setImmediate(resolve));
    const [accepted] = taken;
    assert.ok(accepted !== undefined);
    for (const [from, to] of [
      [dialled, accepted],
      [accepted, dialled],
    ] as const) {
      from.write(pattern(300, 5));
      const first = await to.read(100);
      from.write(pattern(300, 6));
      const rest = await to.read(500);
      assert.ok(Buffer.concat([first, rest]).equals(Buffer.concat([pattern(300, 5), pattern(300, 6)])));
    }
    dialled.destroy();
    accepted.destroy();
  });
});
