import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Counters } from '../../../src/core/counters.ts';
import { nodeId } from '../../../src/core/node.ts';
import { type Figures, figuresOf, type PoolFigures, Sum } from '../../../src/workers/figures.ts';

const NODE = nodeId('pg-1');

function counted(clients: number, units: number, waits = 0): Figures {
  const counters = new Counters([NODE]);
  counters.clientsNow = clients;
  counters.bytesToClients = 10 * units;
  counters.pinned('session-pooling').count = clients;
  const node = counters.of(NODE);
  node.units('R01').count = units;
  node.waits = waits;
  node.busyNow = clients;
  return figuresOf(counters, []);
}

const pool = (open: number): PoolFigures => ({
  node: NODE,
  user: 'app',
  database: 'shop',
  open,
  busy: 1,
  waiting: 0,
  lanes: 0,
  laneOwed: 0,
});

describe('the counters of all workers', () => {
  test('are added up, by node, rule and reason', () => {
    const sum = new Sum([NODE]);
    sum.told(0, counted(3, 100, 1));
    sum.told(1, counted(2, 50, 4));
    const all = sum.counters();
    assert.equal(all.clientsNow, 5);
    assert.equal(all.bytesToClients, 1500);
    assert.equal(all.of(NODE).unitsByRule.get('R01')?.count, 150);
    assert.equal(all.of(NODE).waits, 5);
    assert.equal(all.pinnedByReason.get('session-pooling')?.count, 5);
  });

  test('every number of a counter is carried over', () => {
    const counters = new Counters([NODE]);
    const fill = (object: object): void => {
      for (const [name, value] of Object.entries(object)) {
        if (typeof value === 'number') Reflect.set(object, name, 7);
      }
    };
    fill(counters);
    fill(counters.of(NODE));
    const sum = new Sum([NODE]);
    sum.told(0, figuresOf(counters, []));
    sum.told(1, figuresOf(counters, []));
    for (const [name, value] of [
      ...Object.entries(sum.counters()),
      ...Object.entries(sum.counters().of(NODE)),
    ]) {
      if (typeof value === 'number') assert.equal(value, 14, name);
    }
  });

  test('what only grows never falls: neither with the end of a worker nor while one is silent', () => {
    const sum = new Sum([NODE]);
    sum.told(0, counted(3, 100));
    sum.told(1, counted(2, 50));
    const silent = sum.counters(new Set([1]));
    assert.equal(silent.clientsNow, 3);
    assert.equal(silent.of(NODE).unitsByRule.get('R01')?.count, 150);
    sum.ended(1);
    sum.told(1, counted(1, 5));
    sum.ended(1);
    const after = sum.counters();
    assert.equal(after.clientsNow, 3);
    assert.equal(after.of(NODE).busyNow, 3);
    assert.equal(after.pinnedByReason.get('session-pooling')?.count, 3);
    assert.equal(after.bytesToClients, 1550);
    assert.equal(after.of(NODE).unitsByRule.get('R01')?.count, 155);
  });

  test('pools of the same node, user and database are one', () => {
    const sum = new Sum([NODE]);
    const nothing = counted(0, 0);
    sum.told(0, { ...nothing, pools: [pool(3), { ...pool(1), user: 'other' }] });
    sum.told(1, { ...nothing, pools: [pool(2)] });
    assert.deepEqual(
      sum.pools().map(({ user, open, busy }) => [user, open, busy]),
      [
        ['app', 5, 2],
        ['other', 1, 1],
      ],
    );
    assert.deepEqual(
      sum.pools(new Set([0])).map(({ open }) => open),
      [2],
    );
  });
});
