import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Ledger } from '../../../src/workers/ledger.ts';
import type { ClusterDown, ClusterUp } from '../../../src/workers/messages.ts';
import { type Holder, Shares } from '../../../src/workers/shares.ts';
import { ManualClock } from '../failover/clock.ts';

const KEY = 'pg-1/app';

/** What a share limits in a worker: connections that are wanted, lent and given back. */
class Links implements Holder {
  wanted = 0;
  open = 0;
  busy = 0;
  limit: () => number = () => 0;
  needed = true;
  over = false;

  get taken(): number {
    return this.open;
  }

  get short(): number {
    return Math.max(0, this.wanted - this.busy - Math.max(0, this.limit() - this.busy));
  }

  resized(): void {
    while (this.open > this.limit() && this.open > this.busy) this.open--;
    while (this.busy < this.wanted && this.busy < this.limit()) {
      this.busy++;
      this.open = Math.max(this.open, this.busy);
    }
  }

  /** So many are in use from now on, as far as the limit allows. */
  use(count: number): void {
    this.wanted = count;
    this.busy = Math.min(this.busy, count);
    this.resized();
  }
}

/** Workers and their parent; messages arrive when they are delivered, in the order of their sending. */
class House {
  readonly clock = new ManualClock();
  readonly size: number;
  readonly links: Links[] = [];
  readonly shares: Shares[] = [];
  readonly ledger: Ledger;
  readonly up: ClusterUp[][] = [];
  readonly down: ClusterDown[][] = [];

  constructor(workers: number, size: number) {
    this.size = size;
    this.ledger = new Ledger(workers, (slot, message) => this.down[slot]?.push(message));
    for (let slot = 0; slot < workers; slot++) {
      this.up.push([]);
      this.down.push([]);
      this.links.push(new Links());
      this.shares.push(this.#begin(slot, workers));
    }
  }

  #begin(slot: number, workers: number): Shares {
    const links = this.links[slot] ?? assert.fail();
    const shares = new Shares(this.clock, workers, (message) => this.up[slot]?.push(message));
    const share = shares.share(KEY, this.size, links);
    links.limit = () => share.limit;
    return shares;
  }

  want(slot: number, count: number): void {
    const links = this.links[slot] ?? assert.fail();
    links.use(count);
    const shares = this.shares[slot] ?? assert.fail();
    if (links.short > 0) shares.want(shares.share(KEY, this.size, links));
  }

  deliverUp(slot: number): void {
    const message = this.up[slot]?.shift();
    if (message?.kind === 'want') this.ledger.wanted(slot, message);
    if (message?.kind === 'given') this.ledger.given(slot, message.key, message.count, message.asked);
    if (message?.kind === 'left') this.ledger.left(slot, message.key, message.count);
  }

  deliverDown(slot: number): void {
    const message = this.down[slot]?.shift();
    if (message?.kind === 'granted') this.shares[slot]?.granted(message.key, message.more);
    if (message?.kind === 'give') this.shares[slot]?.give(message.key, message.most, message.fair);
  }

  /** All messages and all that is waited for. */
  settle(rounds = 60): void {
    for (let round = 0; round < rounds; round++) {
      for (let slot = 0; slot < this.up.length; slot++) {
        for (let left = 50; left > 0 && this.up[slot]?.length; left--) this.deliverUp(slot);
        for (let left = 50; left > 0 && this.down[slot]?.length; left--) this.deliverDown(slot);
        // Waiting units are looked after again when a connection comes back.
        this.links[slot]?.resized();
      }
      this.clock.advance(25);
    }
  }

  get open(): number {
    return this.links.reduce((sum, { open }) => sum + open, 0);
  }

  get served(): number[] {
    return this.links.map(({ busy }) => busy);
  }
}

describe('server connections shared out among workers', () => {
  test('one worker alone gets what it needs, another takes the rest', () => {
    const house = new House(2, 8);
    house.want(0, 6);
    house.settle();
    assert.deepEqual(house.served, [6, 0]);
    house.want(1, 2);
    house.settle();
    assert.deepEqual(house.served, [6, 2]);
    assert.equal(house.ledger.granted, 8);
  });

  test('what one does not use moves to the other, but for one connection', () => {
    const house = new House(2, 8);
    house.want(0, 8);
    house.settle();
    house.want(0, 0);
    house.want(1, 8);
    house.settle();
    assert.deepEqual(house.served, [0, 7]);
    house.want(0, 1);
    house.settle();
    assert.deepEqual(house.served, [1, 7]);
  });

  test('a worker without sessions gives all', () => {
    const house = new House(2, 4);
    house.want(0, 4);
    house.settle();
    house.want(0, 0);
    for (const links of house.links) links.needed = false;
    house.want(1, 4);
    house.settle();
    assert.deepEqual(house.served, [0, 4]);
  });

  test('when both want all, each ends up with half as connections become free', () => {
    const house = new House(2, 8);
    house.want(0, 20);
    house.settle();
    assert.deepEqual(house.served, [8, 0]);
    house.want(1, 20);
    house.settle();
    // In use, and promised: nothing is taken away that runs.
    assert.deepEqual(house.served, [8, 0]);
    house.want(0, 0);
    house.want(0, 20);
    house.settle();
    assert.deepEqual(house.served, [4, 4]);
  });

  test('fewer connections than workers go round', () => {
    const house = new House(3, 1);
    for (const slot of [0, 1, 2, 0]) {
      for (const links of house.links) links.use(0);
      house.want(slot, 1);
      house.settle();
      assert.deepEqual(
        house.served,
        [0, 1, 2].map((one) => (one === slot ? 1 : 0)),
      );
    }
  });

  test('what a worker had is free when its process has ended', () => {
    const house = new House(2, 4);
    house.want(0, 4);
    house.settle();
    house.ledger.ended(0);
    house.want(1, 4);
    house.up[0]?.splice(0);
    for (let round = 0; round < 10; round++) {
      house.deliverUp(1);
      house.deliverDown(1);
    }
    assert.equal(house.links[1]?.busy, 4);
  });

  test('a name that nobody uses any more is forgotten on both sides', () => {
    const house = new House(2, 4);
    house.want(0, 3);
    house.settle();
    assert.equal(house.ledger.keys, 1);
    for (const links of house.links) {
      links.use(0);
      links.open = 0;
      links.needed = false;
      links.over = true;
    }
    house.clock.advance(6_000);
    house.settle();
    assert.equal(house.ledger.keys, 0);
  });

  test('never more than the whole are open, in whatever order messages arrive; and all want in the end are served', () => {
    const slot = fc.nat({ max: 2 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('want' as const), slot, count: fc.nat({ max: 9 }) }),
      fc.record({ kind: fc.constant('up' as const), slot }),
      fc.record({ kind: fc.constant('down' as const), slot }),
      fc.record({ kind: fc.constant('all' as const) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 120 }) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.array(step, { maxLength: 120 }), (size, steps) => {
        const house = new House(3, size);
        for (const one of steps) {
          if (one.kind === 'want') house.want(one.slot, one.count);
          else if (one.kind === 'up') house.deliverUp(one.slot);
          else if (one.kind === 'down') house.deliverDown(one.slot);
          else if (one.kind === 'all') house.settle(2);
          else house.clock.advance(one.ms);
          for (const links of house.links) links.resized();
          assert.ok(house.open <= size, `${house.open} of ${size}`);
        }
        for (const which of [0, 1, 2]) {
          for (const links of house.links) links.use(0);
          house.want(which, 1);
          house.settle();
          assert.equal(house.links[which]?.busy, 1, `worker ${which} is not served`);
          assert.ok(house.open <= size, `${house.open} of ${size}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('clients shared out among workers', () => {
  test('each that begins has its part, the remainder goes to the first', () => {
    const ledger = new Ledger(3, () => undefined);
    assert.deepEqual(
      [0, 1, 2].map((slot) => ledger.reserve(slot, 'clients', 10)),
      [4, 3, 3],
    );
    ledger.ended(1);
    assert.equal(ledger.reserve(1, 'clients', 10), 3);
  });

  test('one that takes the place of another has what the others have left', () => {
    const ledger = new Ledger(2, () => undefined);
    for (const slot of [0, 1]) ledger.reserve(slot, 'clients', 10);
    ledger.wanted(0, { kind: 'want', key: 'clients', size: 10, want: 3 });
    ledger.ended(1);
    assert.equal(ledger.held(0, 'clients'), 8);
    assert.equal(ledger.reserve(1, 'clients', 10), 2);
  });
});
