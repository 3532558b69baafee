import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Rescues } from '../../../src/pool/rescues.ts';
import { ManualClock } from '../failover/clock.ts';

/** How many of so many rescues of one unit are granted. */
const granted = (rescues: Rescues, of: number): number => {
  let count = 0;
  for (let at = 0; at < of; at++) if (rescues.spend(1)) count++;
  return count;
};

describe('rule 3: the budget of all rescues', () => {
  test('is 256 units at once, and 128 more each second', async () => {
    const clock = new ManualClock();
    const rescues = new Rescues(clock);
    assert.equal(granted(rescues, 1_000), 256);
    await clock.run(1_000);
    assert.equal(granted(rescues, 1_000), 128);
    await clock.run(500);
    assert.equal(granted(rescues, 1_000), 64);
  });

  test('does not pile up beyond what may be moved at once', async () => {
    const clock = new ManualClock();
    const rescues = new Rescues(clock);
    await clock.run(3_600_000);
    assert.equal(granted(rescues, 1_000), 256);
  });

  test('is given whole or not at all, and nobody to move costs nothing', () => {
    const rescues = new Rescues(new ManualClock());
    assert.equal(rescues.spend(257), false);
    assert.equal(rescues.spend(200), true);
    assert.equal(rescues.spend(100), false);
    assert.equal(rescues.spend(56), true);
    assert.equal(rescues.spend(0), true);
    assert.equal(rescues.spend(1), false);
  });
});
