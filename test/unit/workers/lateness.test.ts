import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lateness } from '../../../src/workers/lateness.ts';
import { ManualClock } from '../failover/clock.ts';

/** Delays in nanoseconds since the last reset; the percentile is the greatest. */
class Told {
  #worst = 0;

  add(seconds: number): void {
    this.#worst = Math.max(this.#worst, seconds * 1e9);
  }

  percentile(percent: number): number {
    assert.equal(percent, 99);
    return this.#worst;
  }

  reset(): void {
    this.#worst = 0;
  }
}

test('a stall of the event loop is told for a window at least, however often it is asked, and then forgotten', () => {
  const clock = new ManualClock();
  const delays = new Told();
  const lateness = new Lateness(clock, delays);
  /** What is told in so many seconds, asked each second. */
  const toldIn = (seconds: number): number[] => {
    const told = Array.from({ length: seconds }, () => {
      clock.advance(1_000);
      return lateness.read();
    });
    return [...new Set(told)];
  };
  assert.deepEqual(toldIn(14), [0]);
  delays.add(0.25);
  assert.deepEqual(toldIn(16), [0.25]);
  assert.deepEqual(toldIn(1), [0]);
});
