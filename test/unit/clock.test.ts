import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedClock } from '../../src/clock.ts';

test('what one process read before another did is less: early is never after late', () => {
  const [early, late] = [sharedClock('early'), sharedClock('late')];
  for (let times = 0; times < 1_000; times++) {
    const first = early.now();
    const second = late.now();
    assert.ok(first <= second, `${first} is after ${second}`);
  }
});

test('the clock is the one that the system has for all processes', () => {
  const [seconds, nanoseconds] = process.hrtime();
  const now = sharedClock('late').now();
  assert.ok(now >= seconds * 1e3 + nanoseconds / 1e6);
});
