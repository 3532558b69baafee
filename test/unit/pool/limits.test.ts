import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeCounters } from '../../../src/core/counters.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId } from '../../../src/core/node.ts';
import type { Wire } from '../../../src/core/wire.ts';
import { Dispatcher, type PoolLimits } from '../../../src/pool/dispatcher.ts';
import type { Link } from '../../../src/pool/link.ts';
import { Rescues } from '../../../src/pool/rescues.ts';
import { wire as postgres } from '../../../src/postgres/wire.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';
import { ManualClock } from '../failover/clock.ts';

const NODE = nodeId('pg-1');

/** A dispatcher whose limit the test changes. */
class Scene implements Disposable {
  size: number;
  starved = 0;
  opened = 0;
  readonly links: Link[] = [];
  readonly clock = new ManualClock();
  readonly dispatcher: Dispatcher;

  constructor(size: number) {
    this.size = size;
    const scene = this;
    const wire: Wire = {
      ...postgres,
      connect: () => {
        this.opened++;
        const opened = { channel: new MemoryChannel(), greeting: { parameters: new Map() } };
        return Promise.resolve({ ...opened, key: Buffer.alloc(8) });
      },
    };
    const limits: PoolLimits = {
      get size() {
        return scene.size;
      },
      most: 4,
      starved: () => {
        this.starved++;
      },
      waiters: 10,
      waitTimeoutMs: 5_000,
      maxAgeMs: 60_000,
      idleTimeoutMs: 10_000,
      connectTimeoutMs: 1_000,
    };
    const endpoint = { host: '127.0.0.1', port: 1 };
    const account = { user: 'u', password: undefined, database: 'd', options: '', tls: undefined };
    const events = { opened() {}, closed() {}, connectFailed() {}, signal() {} };
    const support = { rescues: new Rescues(this.clock), counters: new NodeCounters(NODE) };
    this.dispatcher = new Dispatcher(
      wire,
      { node: NODE, endpoint, ...account },
      limits,
      this.clock,
      events,
      support,
    );
  }

  /** A unit waits for a link; what it gets is kept in `links`. */
  async wait(): Promise<void> {
    this.dispatcher.wait({
      sharing: () => undefined,
      boarded: () => undefined,
      granted: (link) => void this.links.push(link),
      denied: () => undefined,
      connectFailed: () => false,
    });
    await settled();
  }

  async resize(size: number): Promise<void> {
    this.size = size;
    this.dispatcher.resized();
    await settled();
  }

  give(): void {
    this.dispatcher.give(this.links.shift() ?? assert.fail('nothing is lent'));
  }

  [Symbol.dispose](): void {
    this.dispatcher.close(new ProxyError('LINK_LOST', { side: 'proxy', retry: 'safe', tell: 'over' }));
  }
}

/** Everything that is ready has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a limit that changes', () => {
  test('of nothing: a unit waits, and says so; a greater one serves it', async () => {
    using scene = new Scene(0);
    await scene.wait();
    assert.deepEqual([scene.opened, scene.starved, scene.dispatcher.short], [0, 1, 1]);
    await scene.resize(1);
    assert.equal(scene.links.length, 1);
    assert.deepEqual([scene.dispatcher.taken, scene.dispatcher.short], [1, 0]);
  });

  test('nobody is called starved while a connection for it is on its way', async () => {
    using scene = new Scene(2);
    await scene.wait();
    await scene.wait();
    assert.equal(scene.starved, 0);
  });

  test('that falls closes idle connections at once', async () => {
    using scene = new Scene(3);
    for (let time = 0; time < 3; time++) await scene.wait();
    scene.give();
    scene.give();
    await scene.resize(1);
    assert.deepEqual([scene.dispatcher.taken, scene.dispatcher.free], [1, 0]);
  });

  test('that falls closes those in use when they are given back, though units wait', async () => {
    using scene = new Scene(2);
    for (let time = 0; time < 3; time++) await scene.wait();
    await scene.resize(1);
    assert.equal(scene.dispatcher.taken, 2);
    assert.ok(scene.dispatcher.crowded);
    scene.give();
    await settled();
    assert.equal(scene.dispatcher.taken, 1);
    assert.equal(scene.links.length, 1, 'the third still waits');
    scene.give();
    assert.equal(scene.links.length, 1, 'it has the one that is left');
    assert.equal(scene.opened, 2);
  });

  test('that falls closes those, too, that rest unused for long', async () => {
    using scene = new Scene(2);
    for (let time = 0; time < 2; time++) await scene.wait();
    scene.give();
    scene.give();
    await scene.clock.run(6_000);
    assert.deepEqual([scene.dispatcher.taken, scene.dispatcher.free], [2, 0]);
    await scene.resize(1);
    assert.equal(scene.dispatcher.taken, 1);
    assert.equal(scene.dispatcher.take(), undefined);
    await scene.wait();
    assert.deepEqual([scene.links.length, scene.opened], [1, 2]);
  });
});
