import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Line } from './line.ts';
import { type Guest, Scene } from './scene.ts';

/** Clients of a scene that all send the same text at the same time. */
async function crowd(on: Scene, count: number, text: string): Promise<Guest[]> {
  const guests: Guest[] = [];
  for (let at = 0; at < count; at++) guests.push(await on.enters());
  for (const guest of guests) guest.asks(text);
  await on.pass();
  return guests;
}

/** A server answers what a client asked, and what the proxy asks behind it. */
async function answerAs(on: Scene, line: Line): Promise<void> {
  do {
    line.answer();
    await on.pass();
  } while (line.open[0]?.startsWith("SELECT 's', name"));
}

/** Answers all there is, round after round; how many rounds it took. */
async function answered(on: Scene): Promise<number> {
  for (let rounds = 0; ; rounds++) {
    const busy = on.lines.filter(({ closed, open }) => !closed && open.length > 0);
    if (busy.length === 0) return rounds;
    for (const line of busy) line.answerAll();
    await on.pass();
  }
}

describe('a crowd that waits for few links', () => {
  test('shares one as soon as it is known that its statement is short', async () => {
    using on = new Scene(2);
    const guests = await crowd(on, 64, 'SELECT 1');
    assert.equal(on.lines.length, 2);
    on.lines[0]?.answer();
    await on.pass();
    assert.equal(on.lines[0]?.open.length, 62, 'all who waited are on the link that came free');
    await answered(on);
    assert.deepEqual(new Set(guests.map(({ answers }) => answers)), new Set([1]));
    assert.equal(on.figures.laneUnits, 62);
  });

  test('is served in its order where one of it needs a link of its own', async () => {
    using on = new Scene(2);
    await on.learns('SELECT 1');
    const busy = await crowd(on, 2, 'INSERT INTO t VALUES (1)');
    const before = await crowd(on, 3, 'SELECT 1');
    const [writer] = await crowd(on, 1, 'INSERT INTO t VALUES (2)');
    const after = await crowd(on, 3, 'SELECT 1');
    const [first, second] = on.lines;
    assert.ok(first && second && writer);
    await answerAs(on, first);
    // The readers behind the writer take nothing from it: it is next at the other link.
    assert.deepEqual(first.open, ['SELECT 1', 'SELECT 1', 'SELECT 1']);
    await answerAs(on, second);
    assert.deepEqual(second.open, ['INSERT INTO t VALUES (2)']);
    await answered(on);
    const answers = [...busy, ...before, writer, ...after].map((guest) => guest.answers);
    assert.deepEqual(new Set(answers), new Set([1]));
  });

  test('a writer is not kept waiting by readers who come and go', async () => {
    using on = new Scene(1);
    await on.learns('SELECT 1');
    const readers = await crowd(on, 4, 'SELECT 1');
    const [writer] = await crowd(on, 1, 'INSERT INTO t VALUES (1)');
    const [line] = on.lines;
    assert.ok(line && writer);
    for (let round = 0; round < 3; round++) {
      for (const reader of readers) reader.asks('SELECT 1');
      await on.pass();
    }
    assert.deepEqual(new Set(line.open), new Set(['SELECT 1']));
    line.answer();
    line.answer();
    line.answer();
    line.answer();
    await on.pass();
    assert.equal(line.open[0], 'INSERT INTO t VALUES (1)', 'its turn came before theirs');
    await answered(on);
    assert.equal(writer.answers, 1);
    assert.deepEqual(new Set(readers.map(({ answers }) => answers)), new Set([4]));
  });

  test('one whose settings no lane has is not kept waiting by readers who come and go', async () => {
    using on = new Scene(1);
    await on.learns('SELECT 1');
    const other = await on.enters({ TimeZone: 'Asia/Tokyo' });
    const readers = await crowd(on, 4, 'SELECT 1');
    other.asks('SELECT 1');
    await on.pass();
    const [line] = on.lines;
    assert.ok(line);
    for (let round = 0; round < 40 && other.answers === 0; round++) {
      const reader = readers[round % readers.length];
      line.answer();
      await on.pass();
      if (reader !== undefined && reader.answers > 0) reader.asks('SELECT 1');
      await on.pass();
    }
    assert.equal(other.answers, 1, 'it had its turn');
  });

  for (const [whom, count, atOnce] of [
    ['lighter readers who come and go', 12, 1],
    ['a lighter reader who always has several under way', 1, 12],
  ] as const) {
    test(`a heavier read, and the writer behind it, are not kept waiting by ${whom}`, async () => {
      using on = new Scene(1);
      const [light, heavy, write] = ['SELECT 1', "SELECT 'heavy' AS v", 'INSERT INTO t VALUES (1)'];
      await on.learns(light, 1);
      await on.learns(heavy, 4);
      const readers = await crowd(on, count, light);
      for (const reader of readers) for (let more = 1; more < atOnce; more++) reader.asks(light);
      const told = readers.map(({ answers }) => answers);
      const [slow] = await crowd(on, 1, heavy);
      const [writer] = await crowd(on, 1, write);
      const [line] = on.lines;
      assert.ok(line && slow && writer);
      for (let round = 0; round < 200 && writer.answers === 0; round++) {
        await on.pass(1);
        await answerAs(on, line);
        readers.forEach((reader, at) => {
          for (let more = told[at] ?? 0; more < reader.answers; more++) reader.asks(light);
          told[at] = reader.answers;
        });
        await on.pass();
      }
      assert.deepEqual([slow.answers, writer.answers], [1, 1], 'both had their turn');
    });
  }

  test('opens one more link when its lanes are full, as far as the pool goes', async () => {
    using on = new Scene(3);
    await on.learns('SELECT 1');
    assert.equal(on.lines.length, 1);
    await crowd(on, 200, 'SELECT 1');
    assert.equal(on.lines.length, 2, 'one at a time');
    await crowd(on, 200, 'SELECT 1');
    assert.equal(on.lines.length, 2, 'so light that one process keeps no more busy');
    await crowd(on, 200, 'SELECT 1');
    assert.equal(on.lines.length, 3, 'no more go on one');
    await crowd(on, 50, 'SELECT 1');
    assert.equal(on.lines.length, 3);
    await answered(on);
  });

  test('boards a full lane as soon as there is room on it, not when it has ended', async () => {
    using on = new Scene(1);
    await on.learns('SELECT 1', 4);
    await crowd(on, 5, 'SELECT 1');
    const [line] = on.lines;
    assert.ok(line);
    const full = line.open.length;
    assert.ok(full > 1 && full < 5, `${full} fill it`);
    line.answer();
    await on.pass();
    assert.equal(line.open.length, full);
    await answered(on);
  });

  test('opens no more links while there is one that only others can use', async () => {
    using on = new Scene(4);
    const guests: Guest[] = [];
    for (let at = 0; at < 60; at++) guests.push(await on.enters({ TimeZone: 'Asia/Tokyo' }));
    const [first] = guests;
    first?.asks('SELECT 1');
    await on.pass();
    await answered(on);
    for (let at = 0; at < guests.length; at++) {
      guests[at]?.asks('SELECT 1');
      await on.pass();
    }
    assert.equal(on.lines.length, 2, 'the second came as the server has it, and has no use for another');
    await answered(on);
  });

  test('who leaves the crowd is not waited for', async () => {
    using on = new Scene(1);
    await on.learns('SELECT 1');
    const [busy] = await crowd(on, 1, 'INSERT INTO t VALUES (1)');
    const guests = await crowd(on, 5, 'SELECT 1');
    guests[1]?.channel.hangUp();
    guests[3]?.channel.hangUp();
    await answered(on);
    assert.equal(busy?.answers, 1);
    assert.deepEqual(
      guests.map(({ answers }) => answers),
      [1, 0, 1, 0, 1],
    );
  });
});
