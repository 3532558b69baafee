import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Line } from './line.ts';
import { Scene } from './scene.ts';

const READ = "SELECT 'one' AS first";
const NEXT = "SELECT 'two' AS second, 2 AS other";
const WRITE = 'INSERT INTO t VALUES (1)';
const PRIMARY = 'pg-1';
const REPLICA = 'pg-2';
/** What a replica says that does not know yet what the primary knows: the read goes there. */
const UNKNOWN_TABLE = '42P01';

/** Before a primary and a replica; what the reads cost is known, or not yet. */
async function scene(known: boolean): Promise<Scene> {
  const on = new Scene(1, { replica: true });
  if (known) for (const text of [READ, NEXT]) await on.learns(text);
  return on;
}

/** Answers what is open, and what that leads to. */
async function answered(on: Scene): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    for (const line of on.lines) if (!line.closed) line.answerAll();
    await on.pass();
  }
}

/** The replica has refused a read, and not ended that answer. */
async function refused(on: Scene): Promise<Line> {
  const line = on.where(READ);
  assert.equal(line.node, REPLICA);
  line.refuses(UNKNOWN_TABLE);
  await on.pass();
  return line;
}

describe('between the refusal of a read and the end of that answer', () => {
  for (const [where, known] of [
    ['on a connection of its own', false],
    ['on a lane', true],
  ] as const) {
    test(`${where}: what the session sends meanwhile waits, and is answered behind it`, async () => {
      using on = await scene(known);
      const guest = await on.enters();
      guest.asks(READ);
      await on.pass();
      const line = await refused(on);
      guest.asks(NEXT);
      await on.pass();
      assert.deepEqual(line.open, [READ], 'nothing follows it there');
      line.settles();
      await on.pass();
      assert.equal(on.where(READ).node, PRIMARY);
      await answered(on);
      assert.deepEqual(guest.told, [READ, NEXT]);
    });

    test(`${where}: the connection is lost, and a write that follows is carried out once`, async () => {
      using on = await scene(known);
      const guest = await on.enters();
      guest.asks(READ);
      await on.pass();
      (await refused(on)).hangUp();
      await on.pass();
      await answered(on);
      const before = guest.answers;
      guest.asks(WRITE);
      await on.pass();
      await answered(on);
      const asked = on.lines.flatMap((line) => line.asked).filter((text) => text === WRITE);
      assert.deepEqual([asked.length, guest.answers], [1, before + 1]);
    });
  }
});
