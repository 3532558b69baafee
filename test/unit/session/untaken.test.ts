import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { message } from '../../../src/postgres/messages.ts';
import { UNTAKEN_BYTES } from '../../../src/session/backlog.ts';
import { type Guest, Scene } from './scene.ts';

const READ = "SELECT 'short' AS v";
const ROW = 'x'.repeat(10_000);
const ASKED = 100;
/** So many that what waits is more than may gather before the client is no longer read. */
const PAIRS = 4_000;

/** Answers all that is open with a row of 10 kB, until there is nothing. */
async function answered(on: Scene): Promise<void> {
  for (let open = true; open; await on.pass()) {
    open = false;
    for (const line of on.lines) {
      while (!line.closed && line.open.length > 0) {
        open = true;
        line.answer({ row: ROW });
      }
    }
  }
}

/** A client that has stopped to read what it is told. */
async function stalled(on: Scene): Promise<Guest> {
  const guest = await on.enters();
  guest.channel.stalled = true;
  return guest;
}

describe('a client that sends and does not read', () => {
  for (const [how, shares] of [
    ['on connections of its own', false],
    ['on lanes', true],
  ] as const) {
    test(`${how} is told no more than it may leave untaken, and the rest when it reads again`, async () => {
      using on = new Scene(1, { shares });
      await on.learns(READ);
      const guest = await stalled(on);
      for (let at = 0; at < ASKED; at++) {
        guest.asks(READ);
        await on.pass();
        await answered(on);
      }
      const { unsent } = guest.channel;
      assert.ok(unsent > UNTAKEN_BYTES && unsent < UNTAKEN_BYTES + 40 * ROW.length, `${unsent} bytes`);
      guest.channel.drain();
      await on.pass();
      await answered(on);
      assert.equal(guest.answers, ASKED);
    });
  }

  test('is not told by the proxy itself, either', async () => {
    using on = new Scene(1);
    const guest = await stalled(on);
    guest.channel.unsent = UNTAKEN_BYTES - 1_000;
    guest.asks(...Array.from({ length: PAIRS }, () => ['BEGIN', 'COMMIT']).flat());
    assert.ok(guest.channel.unsent < UNTAKEN_BYTES + 100, `${guest.channel.unsent} bytes`);
    assert.equal(guest.channel.paused, true);
    guest.channel.drain();
    assert.equal(guest.channel.paused, false);
    assert.equal(guest.answers, 2 * PAIRS);
  });

  test('does not send its neighbours away again and again', async () => {
    using on = new Scene(2);
    await on.learns(READ);
    const [slow, neighbour] = [await stalled(on), await on.enters()];
    slow.channel.unsent = UNTAKEN_BYTES + 1;
    for (let at = 0; at < 10; at++) {
      slow.asks(READ);
      neighbour.asks(READ);
      await on.pass();
      await answered(on);
    }
    assert.deepEqual([slow.answers, neighbour.answers], [0, 10]);
    const asked = on.lines.flatMap((line) => line.asked).filter((text) => text === READ);
    assert.equal(asked.length, 11, 'each of the neighbour’s once, and the one by which its cost was learned');
  });

  test('and goes, is over, whether it says goodbye or not', async () => {
    for (const goodbye of [true, false]) {
      using on = new Scene(1);
      const guest = await stalled(on);
      guest.channel.unsent = UNTAKEN_BYTES + 1;
      guest.asks(READ);
      if (goodbye) guest.sends(message('X'));
      guest.channel.hangUp();
      await on.pass();
      await answered(on);
      assert.equal(on.events.filter(({ kind }) => kind === 'client-closed').length, 1, `goodbye: ${goodbye}`);
    }
  });
});
