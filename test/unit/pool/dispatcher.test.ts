import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeCounters } from '../../../src/core/counters.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import { nodeId } from '../../../src/core/node.ts';
import type { Opened, Target, Wire } from '../../../src/core/wire.ts';
import { Dispatcher, type PoolLimits } from '../../../src/pool/dispatcher.ts';
import type { Lane } from '../../../src/pool/lane.ts';
import type { Link } from '../../../src/pool/link.ts';
import type { Sharing, Waiter } from '../../../src/pool/queue.ts';
import { Rescues } from '../../../src/pool/rescues.ts';
import { readyForQuery } from '../../../src/postgres/messages.ts';
import { wire as postgres } from '../../../src/postgres/wire.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';
import { ManualClock } from '../failover/clock.ts';

const NODE = nodeId('pg-1');
const limits: PoolLimits = {
  size: 2,
  waiters: 3,
  waitTimeoutMs: 500,
  maxAgeMs: 60_000,
  idleTimeoutMs: 10_000,
  connectTimeoutMs: 1_000,
};
const target: Target = {
  node: NODE,
  endpoint: { host: '127.0.0.1', port: 1 },
  user: 'u',
  password: undefined,
  database: 'd',
  options: '',
  tls: undefined,
};

class Waiting implements Waiter {
  link: Link | undefined;
  lane: Lane | undefined;
  error: ProxyError | undefined;
  leaves = false;
  /** Of a unit that may share a link. */
  shares: Sharing | undefined;
  sharing(): Sharing | undefined {
    return this.shares;
  }
  boarded(lane: Lane): void {
    this.lane = lane;
  }
  granted(link: Link): void {
    this.link = link;
  }
  denied(error: ProxyError): void {
    this.error = error;
  }
  connectFailed(): boolean {
    return this.leaves;
  }
}

/** A dispatcher whose server connects as the test says. */
function pool(more: Partial<PoolLimits> = {}) {
  const clock = new ManualClock();
  const opened: MemoryChannel[] = [];
  const attempts: number[] = [];
  let failure: ProxyError | undefined;
  const wire: Wire = {
    ...postgres,
    connect: (): Promise<Opened> => {
      attempts.push(clock.now());
      if (failure !== undefined) return Promise.reject(failure);
      const channel = new MemoryChannel();
      opened.push(channel);
      return Promise.resolve({ channel, greeting: { parameters: new Map() }, key: Buffer.alloc(8) });
    },
  };
  const heard: string[] = [];
  const dispatcher = new Dispatcher(
    wire,
    target,
    { ...limits, ...more },
    clock,
    {
      opened: () => void heard.push('opened'),
      closed: () => void heard.push('closed'),
      connectFailed: (_node, error) => void heard.push(error.code),
      signal: (_node, kind) => void heard.push(kind),
    },
    { rescues: new Rescues(clock), counters: new NodeCounters(target.node) },
  );
  const fail = (error: ProxyError | undefined): void => {
    failure = error;
  };
  const wait = (): Waiting => {
    const waiting = new Waiting();
    waiting.error = dispatcher.wait(waiting);
    return waiting;
  };
  return { clock, dispatcher, opened, attempts, heard, fail, wait };
}

const refused = (retry: 'safe' | 'no'): ProxyError =>
  new ProxyError('CONNECT_FAILED', { side: 'server', retry, tell: 'refused' });

/** Everything that is ready has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('links of one node, user and database', () => {
  test('as many as asked for, within the limit; the rest wait in order', async () => {
    const { dispatcher, opened, wait } = pool();
    const [a, b, c, d] = [wait(), wait(), wait(), wait()];
    await settled();
    assert.equal(opened.length, 2);
    assert.ok(a.link !== undefined && b.link !== undefined && c.link === undefined);
    assert.equal(d.error?.code, 'POOL_FULL');
    dispatcher.give(a.link);
    assert.equal(c.link, a.link);
    dispatcher.close(refused('safe'));
  });

  test('a warm link is lent at once, the most recently used first', async () => {
    const { dispatcher, wait } = pool();
    const [a, b] = [wait(), wait()];
    await settled();
    assert.ok(a.link !== undefined && b.link !== undefined);
    dispatcher.give(a.link);
    dispatcher.give(b.link);
    assert.equal(dispatcher.take(), b.link);
    assert.equal(dispatcher.take(), a.link);
    assert.equal(dispatcher.take(), undefined);
    dispatcher.close(refused('safe'));
  });

  test('lanes that are full get a link that has been idle for long, although it counts as open', async () => {
    const { clock, dispatcher, opened, wait } = pool();
    const [a, b] = [wait(), wait()];
    await settled();
    assert.ok(a.link !== undefined && b.link !== undefined);
    dispatcher.give(a.link);
    dispatcher.give(b.link);
    await clock.run(6_000);
    assert.deepEqual([dispatcher.free, dispatcher.taken], [0, 2]);
    const c = wait();
    await settled();
    assert.ok(c.link !== undefined);
    dispatcher.widen();
    await settled();
    assert.deepEqual([dispatcher.free, dispatcher.taken, opened.length], [1, 2, 2]);
    dispatcher.close(refused('safe'));
  });

  test('who has waited too long is told, and what to do about it', async () => {
    const { clock, dispatcher, wait } = pool({ size: 1 });
    const [a, b] = [wait(), wait()];
    await settled();
    assert.ok(a.link !== undefined);
    await clock.run(600);
    assert.equal(b.error?.code, 'POOL_TIMEOUT');
    assert.match(b.error?.message ?? '', /pool\.size/);
    dispatcher.close(refused('safe'));
  });

  test('the limit of a wait holds also while a free link is watched for its age', async () => {
    const { clock, dispatcher, wait } = pool({ size: 1, idleTimeoutMs: 40_000 });
    const a = wait();
    await settled();
    assert.ok(a.link !== undefined);
    dispatcher.give(a.link);
    const again = dispatcher.take();
    const b = wait();
    await clock.run(600);
    assert.equal(b.error?.code, 'POOL_TIMEOUT');
    assert.ok(again !== undefined);
    dispatcher.close(refused('safe'));
  });

  test('a server that refuses is asked again later each time, and only while somebody waits', async () => {
    const { clock, dispatcher, attempts, fail, wait } = pool({ size: 1, waitTimeoutMs: 5_000 });
    fail(refused('safe'));
    const a = wait();
    await clock.run(4_000);
    const gaps = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    assert.deepEqual(gaps.slice(0, 4), [100, 200, 400, 800]);
    await clock.run(2_000);
    assert.equal(a.error?.code, 'CONNECT_FAILED');
    assert.match(a.error?.message ?? '', /no connection to pg-1 could be opened .*: refused/);
    const before = attempts.length;
    await clock.run(30_000);
    assert.ok(attempts.length <= before + 1, 'nobody waits: nothing is tried');
    dispatcher.close(refused('safe'));
  });

  test('the server’s final word ends every wait at once', async () => {
    const { dispatcher, fail, wait } = pool();
    fail(refused('no'));
    const [a, b] = [wait(), wait()];
    await settled();
    assert.deepEqual([a.error?.retry, b.error?.retry], ['no', 'no']);
    dispatcher.close(refused('safe'));
  });

  test('who would rather go elsewhere leaves when a connection fails', async () => {
    const { dispatcher, fail, wait } = pool();
    fail(refused('safe'));
    const a = wait();
    a.leaves = true;
    await settled();
    assert.equal(dispatcher.waiting, 0);
    assert.equal(a.error, undefined);
    dispatcher.close(refused('safe'));
  });

  test('a link past its age, a dirty one and a closed one are not lent again', async () => {
    const { clock, dispatcher, opened, wait } = pool({ maxAgeMs: 1_000 });
    const a = wait();
    await settled();
    assert.ok(a.link !== undefined);
    dispatcher.give(a.link);
    await clock.run(1_100);
    assert.equal(dispatcher.take(), undefined);
    const b = wait();
    await settled();
    assert.ok(b.link !== undefined && b.link !== a.link);
    b.link.dirty = true;
    dispatcher.give(b.link);
    assert.equal(dispatcher.take(), undefined);
    const c = wait();
    await settled();
    assert.ok(c.link !== undefined);
    dispatcher.give(c.link);
    opened.at(-1)?.hangUp();
    assert.equal(dispatcher.take(), undefined);
    dispatcher.close(refused('safe'));
  });

  test('a link whose cancel request is under way is not lent before that has ended and one round trip has passed', async () => {
    const { dispatcher, opened, wait } = pool({ size: 1 });
    const a = wait();
    await settled();
    assert.ok(a.link !== undefined);
    let ended = (): void => undefined;
    const cancelled = new Promise<void>((resolve) => {
      ended = resolve;
    });
    a.link.cancels.ask({ ...postgres, cancel: () => cancelled }, new AbortController().signal);
    dispatcher.give(a.link);
    assert.equal(dispatcher.take(), undefined, 'the request may still strike');
    ended();
    await settled();
    assert.equal(dispatcher.take(), undefined, 'it may have struck what comes next');
    opened[0]?.push(readyForQuery('idle'));
    assert.equal(dispatcher.take(), a.link);
    dispatcher.close(refused('safe'));
  });

  test('closing ends links in use before it returns, and sends waiters away', async () => {
    const { dispatcher, wait } = pool({ size: 1 });
    const [a, b] = [wait(), wait()];
    await settled();
    assert.ok(a.link !== undefined);
    let lost = '';
    a.link.holder = {
      linkLost: (_link, loss) => {
        lost = loss.error.message;
      },
      linkAside: () => undefined,
      linkDrained: () => undefined,
      linkAnswered: () => undefined,
      linkRead: () => undefined,
      linkIdle: () => undefined,
    };
    dispatcher.close(refused('safe'));
    assert.equal(lost, 'refused');
    assert.equal(b.error?.message, 'refused');
    assert.equal(dispatcher.wait(new Waiting())?.code, 'SHUTDOWN');
  });
});
