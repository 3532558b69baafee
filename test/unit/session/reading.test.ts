import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Scene } from './scene.ts';

describe('whether a client is read', () => {
  test('a client whose server takes no more is not read until the server does', async () => {
    using on = new Scene(1);
    await on.opens(1);
    const [line] = on.lines;
    const guest = await on.enters();
    assert.ok(line);
    line.stalled = true;
    guest.asks('INSERT INTO t VALUES (1)');
    await on.pass();
    assert.deepEqual(line.open, ['INSERT INTO t VALUES (1)']);
    assert.equal(guest.channel.paused, true);
    line.drain();
    assert.equal(guest.channel.paused, false);
    line.answer();
    await on.pass();
    assert.equal(guest.answers, 1);
  });

  test('a client is read again when its answer is here before the server is heard to take more', async () => {
    using on = new Scene(1);
    await on.opens(1);
    const [line] = on.lines;
    const guest = await on.enters();
    assert.ok(line);
    line.stalled = true;
    guest.asks('INSERT INTO t VALUES (1)');
    await on.pass();
    assert.equal(guest.channel.paused, true);
    // Behind the answer the server may be asked what was left.
    while (line.open.length > 0) {
      line.answer();
      await on.pass();
    }
    assert.equal(guest.answers, 1);
    assert.equal(guest.channel.paused, false);
  });
});
