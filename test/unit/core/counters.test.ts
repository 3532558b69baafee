import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters, NodeCounters } from '../../../src/core/counters.ts';
import { nodeId } from '../../../src/core/node.ts';

const a = nodeId('a');

test('a tally is one object: counting is an addition to what was fetched once', () => {
  const counters = new Counters([a, nodeId('b')]);
  const tally = counters.of(a).units('R01');
  tally.count++;
  counters.of(a).units('R01').count++;
  assert.equal(tally.count, 2);
  assert.equal(counters.nodes[0]?.unitsByRule.get('R01')?.count, 2);
  assert.equal(counters.nodes[1]?.unitsByRule.size, 0);
});

test('rules without end share one tally', () => {
  const counters = new NodeCounters(a);
  for (let n = 0; n < 1000; n++) counters.units(`rule ${n}`).count++;
  assert.equal(counters.unitsByRule.size, 201);
  assert.equal(counters.units('other').count, 800);
});

test('a node that is not configured has no counters', () => {
  assert.throws(() => new Counters([a]).of(nodeId('z')), /no counters for node z/);
});

test('pins rise and fall by reason', () => {
  const counters = new Counters([a]);
  counters.pinned('listen').count++;
  counters.pinned('listen').count++;
  counters.pinned('listen').count--;
  assert.equal(counters.pinnedByReason.get('listen')?.count, 1);
});
