import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimedOut, within } from '../../../src/net/deadline.ts';

/** Ends only when its signal does. */
const waiting = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
  });

test('a call that takes too long is aborted after its time, not before', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let ended = false;
  const call = within(100, undefined, waiting).finally(() => {
    ended = true;
  });
  t.mock.timers.tick(99);
  await Promise.resolve();
  assert.equal(ended, false);
  t.mock.timers.tick(1);
  await assert.rejects(call, TimedOut);
});

test('a call that is done leaves no timer behind', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let given: AbortSignal | undefined;
  const answer = await within(100, undefined, async (signal) => {
    given = signal;
    return 42;
  });
  t.mock.timers.tick(1_000);
  assert.equal(answer, 42);
  assert.equal(given?.aborted, false);
});

test('an outer end ends the call, also one that came before', async () => {
  const outer = new AbortController();
  const call = within(60_000, outer.signal, waiting);
  outer.abort(new Error('closing'));
  await assert.rejects(call, /closing/);
  await assert.rejects(within(60_000, outer.signal, waiting), /closing/);
});
