import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProxyError } from '../../../src/core/errors.ts';
import { type Held, Holds } from '../../../src/hold/holds.ts';
import { ManualClock } from '../failover/clock.ts';

class Request implements Held {
  said = 'waits';
  readonly name: string;
  readonly order: string[];
  constructor(name: string, order: string[] = []) {
    this.name = name;
    this.order = order;
  }
  released(): void {
    this.said = 'released';
    this.order.push(this.name);
  }
  expired(error: ProxyError): void {
    this.said = error.code;
  }
}

const limits = { requests: 100, bytes: 1_000, timeoutMs: 500 };

describe('I8: held requests are bounded in count, bytes and time', () => {
  test('one too many is refused at once', () => {
    const holds = new Holds({ ...limits, requests: 1 }, new ManualClock(), () => undefined);
    assert.equal(holds.add(new Request('a'), 1, 'lost', 0), undefined);
    assert.equal(holds.add(new Request('b'), 1, 'lost', 0)?.code, 'HOLD_FULL');
    holds.close();
  });

  test('too many bytes are refused at once', () => {
    const holds = new Holds(limits, new ManualClock(), () => undefined);
    assert.equal(holds.add(new Request('a'), 900, 'lost', 0), undefined);
    assert.equal(holds.add(new Request('b'), 101, 'lost', 0)?.code, 'HOLD_FULL');
    assert.equal(holds.add(new Request('c'), 100, 'lost', 0), undefined);
    holds.close();
  });

  test('after the time limit a request is told that nothing was executed', async () => {
    const clock = new ManualClock();
    const holds = new Holds(limits, clock, () => undefined);
    const early = new Request('early');
    const late = new Request('late');
    holds.add(early, 1, 'lost', clock.now());
    await clock.run(300);
    holds.add(late, 1, 'lost', clock.now());
    await clock.run(300);
    assert.deepEqual([early.said, late.said, holds.count, holds.bytes], ['HOLD_TIMEOUT', 'waits', 1, 1]);
    await clock.run(300);
    assert.deepEqual([late.said, holds.count, holds.bytes], ['HOLD_TIMEOUT', 0, 0]);
  });

  test('requests are let out in the order they came, some in each turn', async () => {
    const clock = new ManualClock();
    const holds = new Holds({ ...limits, requests: 1_000 }, clock, () => undefined);
    const order: string[] = [];
    const names = Array.from({ length: 200 }, (_, n) => String(n));
    for (const name of names) holds.add(new Request(name, order), 1, 'lost', clock.now());
    holds.release();
    assert.ok(order.length < names.length, 'not all in one turn');
    await clock.run(1);
    assert.deepEqual(order, names);
    assert.equal(holds.count, 0);
  });

  test('one that comes back waits for the next change, and not for longer than the first time', async () => {
    const clock = new ManualClock();
    const holds = new Holds(limits, clock, () => undefined);
    const since = clock.now();
    const request = new Request('again');
    request.released = () => void holds.add(request, 1, 'still lost', since);
    holds.add(request, 1, 'lost', since);
    await clock.run(400);
    holds.release();
    assert.equal(holds.count, 1);
    await clock.run(101);
    assert.equal(request.said, 'HOLD_TIMEOUT');
  });
});
