import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../../src/core/wire.ts';
import { wire as postgres } from '../../../src/postgres/wire.ts';
import { bind, close, execute, parse, sync } from '../../support/wire-recorder.ts';
import { type Guest, asking as question, Scene } from './scene.ts';

/** More than a lane takes of statements that take a while. */
const MANY = 28;

/** A statement of one form; `number` tells them apart. */
const read = (number: number | string): string => `SELECT '${number}' AS v`;

/** What is asked about a unit right behind it. */
const WHY = "SELECT 'why'";

/** Of another form: the one that will keep the others waiting. */
const odd = (text: string): string => `SELECT '${text}' AS odd`;

/** A scene with `lines` open server connections, on which reads are known to take `ms`. */
async function scene(size: number, ms = 0, lines = size): Promise<Scene> {
  const made = new Scene(size);
  await made.opens(lines);
  await made.learns(read('first'), ms);
  await made.learns(odd('first'), ms);
  return made;
}

/** So many clients that each have asked something; in their order. */
async function asking(on: Scene, ...texts: readonly (readonly string[])[]): Promise<Guest[]> {
  const guests: Guest[] = [];
  for (const asked of texts) {
    const guest = await on.enters();
    guests.push(guest);
    guest.asks(...asked);
  }
  await on.pass();
  return guests;
}

const told = (guests: readonly Guest[]): string[][] => guests.map((guest) => guest.told);

/** Answers everything until nobody asks anything any more. */
async function finish(on: Scene): Promise<void> {
  for (let turn = 0; turn < 50; turn++) {
    for (const line of on.lines) if (!line.closed) line.answerAll();
    await on.pass();
  }
}

describe('reads of several sessions on one server connection', () => {
  test('each session is told its own answer', async () => {
    using on = await scene(2);
    const guests = await asking(on, [read(1)], [read(2)], [read(3)]);
    const before = on.figures.laneUnits;
    const line = on.where(read(1));
    line.answer();
    await on.pass();
    assert.deepEqual(told(guests), [[read(1)], [], []]);
    await finish(on);
    assert.deepEqual(told(guests), [[read(1)], [read(2)], [read(3)]]);
    assert.equal(before, 3);
    assert.equal(line.asked.filter((text) => text.startsWith('SELECT')).length >= 3, true);
  });

  test('an error is told to the session whose unit it is', async () => {
    using on = await scene(1);
    const guests = await asking(on, [read(1)], [read(2)], [read(3)]);
    on.where(read(1)).answer();
    await on.pass();
    on.where(read(2)).answer({ error: '22012' });
    await finish(on);
    assert.deepEqual(told(guests), [[read(1)], ['!22012'], [read(3)]]);
  });

  test('rule 1: a statement of unknown cost, and one that is no plain read, has nobody beside it', async () => {
    using on = await scene(3);
    const guests = await asking(
      on,
      ['SELECT 1 AS unknown'],
      [read(1)],
      ['INSERT INTO t VALUES (1)'],
      [read(2)],
    );
    assert.deepEqual(on.where('SELECT 1 AS unknown').open, ['SELECT 1 AS unknown']);
    assert.deepEqual(on.where('INSERT INTO t VALUES (1)').open, ['INSERT INTO t VALUES (1)']);
    await finish(on);
    assert.deepEqual(told(guests).flat().length, 4);
  });

  test('rule 2: sessions whose settings differ have lanes apart; the name of the application does not matter', async () => {
    using on = await scene(3);
    const one = await on.enters({ application_name: 'one' });
    const two = await on.enters({ application_name: 'two' });
    const tokyo = await on.enters({ timezone: 'Asia/Tokyo' });
    for (const guest of [one, two, tokyo]) guest.asks(read('warm'));
    await on.pass();
    await finish(on);
    one.asks(read(1));
    two.asks(read(2));
    tokyo.asks(read(3));
    await on.pass();
    const shared = on.where(read(1));
    shared.answer();
    await on.pass();
    assert.equal(on.where(read(2)), shared);
    assert.notEqual(on.where(read(3)), shared);
    await finish(on);
    assert.deepEqual(told([one, two, tokyo]), [
      [read('warm'), read(1)],
      [read('warm'), read(2)],
      [read('warm'), read(3)],
    ]);
  });

  for (const size of [1, 2, 4]) {
    test(`rule 2: in a pool of ${size} who waits for a connection of its own gets one although readers keep coming`, async () => {
      using on = await scene(size);
      const readers = await asking(on, ...Array.from({ length: 16 * size + 1 }, (_, at) => [read(`r${at}`)]));
      const writers = await asking(
        on,
        ...Array.from({ length: size }, (_, at) => [`INSERT INTO t VALUES (${at})`]),
      );
      const asked = readers.map(() => 1);
      for (let round = 0; round < 60 && writers.some((writer) => writer.answers === 0); round++) {
        // Whoever has been answered comes again before the others are.
        for (const line of on.lines) if (line.open.length > 0) line.answer();
        for (const [at, reader] of readers.entries()) {
          if (reader.answers < (asked[at] ?? 0)) continue;
          asked[at] = reader.answers + 1;
          reader.asks(read(`again ${round}`));
        }
        await on.pass();
      }
      assert.deepEqual(
        writers.map((writer) => writer.answers),
        writers.map(() => 1),
      );
      assert.equal(on.lines.length, size);
    });
  }

  test('rule 9: nothing is shared where lanes are off', async () => {
    using on = new Scene(2, { shares: false });
    await on.opens(2);
    for (let run = 0; run < 5; run++) await on.learns(read(run));
    const guests = await asking(on, [read(1)], [read(2)], [read(3)]);
    await finish(on);
    assert.deepEqual(told(guests), [[read(1)], [read(2)], [read(3)]]);
    assert.equal(on.figures.laneUnits, 0);
  });

  test('rule 3: who is behind a unit that turns out long runs elsewhere, once; its late answer is dropped', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('long')], [read(1)], [read(2)]);
    const line = on.where(odd('long'));
    await on.pass(40);
    assert.equal(on.figures.laneRescues, 2);
    assert.deepEqual(line.open, [odd('long'), read(1), read(2)], 'what was sent stays sent');
    const second = on.lines.find((one) => one !== line);
    assert.ok(second);
    assert.deepEqual(second.open.slice(0, 1), [read(1)]);
    second.answer({ row: 'elsewhere' });
    await on.pass();
    second.answerAll();
    await on.pass();
    assert.deepEqual(told(guests), [[], ['elsewhere'], [read(2)]]);
    line.answerAll();
    await on.pass();
    assert.deepEqual(told(guests), [[odd('long')], ['elsewhere'], [read(2)]]);
    // Its form has company again only when it has been short for a while.
    const units = on.figures.laneUnits;
    for (let run = 0; run < 8; run++) await on.learns(odd(`${run}`));
    assert.equal(on.figures.laneUnits, units);
    await asking(on, [odd('short again')]);
    assert.equal(on.figures.laneUnits, units + 1);
  });

  test('rule 3: how long a unit took that was taken out of its lane is not counted from an earlier one', async () => {
    using on = await scene(2, 1);
    const [guest] = await asking(on, ['SELECT 1 AS alone']);
    assert.ok(guest);
    await finish(on);
    await on.pass(60_000);
    guest.asks(odd('long'));
    await on.pass(40);
    await finish(on);
    for (let run = 0; run < 8; run++) await on.learns(odd(`${run}`), 1);
    const units = on.figures.laneUnits;
    await asking(on, [odd('short again')]);
    assert.equal(on.figures.laneUnits, units + 1);
  });

  test('rule 3: with the budget of rescues spent all wait; when there is some again, who still waits is moved', async () => {
    using on = await scene(4, 0, 2);
    // Each rescue of up to 255 units: the budget is 256.
    const crowd = await asking(on, ...Array.from({ length: 300 }, (_, at) => [read(at)]));
    await on.pass(40);
    const spent = on.figures.laneRescues;
    assert.ok(spent <= 256, `${spent} moved`);
    await on.pass(3_000);
    assert.ok(on.figures.laneRescues > spent, 'the budget grows');
    assert.ok(on.figures.laneRescues <= 256 + 3 * 128 + 128);
    await finish(on);
    assert.deepEqual(
      told(crowd),
      crowd.map((_, at) => [read(at)]),
    );
  });

  test('rule 4: who does not take its answer keeps the connection, and the others leave it', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('large')], [read(1)]);
    const line = on.where(odd('large'));
    const [slow] = guests;
    assert.ok(slow);
    slow.channel.stalled = true;
    line.answer({ row: 'x'.repeat(300_000), begins: true });
    await on.pass();
    assert.equal(on.figures.laneRescues + 0 >= 0, true);
    const second = on.lines.find((one) => one !== line);
    assert.deepEqual(second?.open, [read(1)]);
    second?.answerAll();
    await on.pass();
    assert.deepEqual(guests[1]?.told, [read(1)]);
    slow.channel.stalled = false;
    line.answerAll();
    await on.pass();
    assert.deepEqual(slow.told.at(-1), odd('large'));
    assert.equal(slow.answers, 1);
  });
});

describe('rule 5: the shared connection is lost', () => {
  for (const how of ['in good order', 'with its server', 'of whatever ran there'] as const) {
    test(`with thirty units under way, ${how}: all that were behind the first one run elsewhere`, async () => {
      using on = await scene(4);
      const guests = await asking(on, ...Array.from({ length: 31 }, (_, at) => [read(at)]));
      const line = on.where(read(0));
      const units = on.figures.laneUnits;
      assert.ok(units >= 31);
      if (how === 'in good order') line.ends();
      else if (how === 'with its server') line.crashes();
      else line.hangUp();
      await on.seen();
      await finish(on);
      const [first, ...others] = guests;
      // There is no replica, and the primary may have died of it.
      const head = how === 'in good order' ? [read(0)] : ['!08006'];
      assert.deepEqual(first?.told, head);
      assert.deepEqual(
        told(others),
        others.map((_, at) => [read(at + 1)]),
      );
      if (how !== 'in good order') assert.equal(on.figures.laneUnits, units, 'they run alone');
    });
  }

  test('a unit whose answer had begun fails, and nobody else does', async () => {
    using on = await scene(3);
    const guests = await asking(on, [odd('begun')], [read(1)], [read(2)]);
    const line = on.where(odd('begun'));
    line.answer({ row: 'half', begins: true });
    await on.pass();
    line.hangUp();
    await on.seen();
    await finish(on);
    assert.deepEqual(told(guests), [['half', '!08006', 'closed'], [read(1)], [read(2)]]);
  });

  test('what kills its server is repeated at most once, and takes nobody along', async () => {
    using on = await scene(4);
    const guests = await asking(on, [odd('kills')], [read(1)], [read(2)]);
    let killed = 0;
    for (let round = 0; round < 20; round++) {
      for (const line of on.lines) {
        if (line.closed) continue;
        if (line.open[0] === odd('kills')) {
          killed++;
          line.hangUp();
        } else line.answerAll();
      }
      await on.pass(5);
      await on.seen();
    }
    assert.ok(killed >= 1 && killed <= 2, `${killed} servers died of it`);
    assert.deepEqual(told(guests).slice(1), [[read(1)], [read(2)]]);
    assert.deepEqual(guests[0]?.told, ['!08006']);
  });

  test('who was left alone on it by a rescue runs again, and never what others had left there', async () => {
    using on = await scene(3);
    const guests = await asking(on, [odd('long')], [read(1)], [read(2)]);
    const line = on.where(odd('long'));
    await on.pass(40);
    line.ends();
    await on.seen();
    await finish(on);
    assert.deepEqual(told(guests), [[odd('long')], [read(1)], [read(2)]]);
  });

  test('who has its answer is told nothing more when what others had left there is lost', async () => {
    using on = await scene(3);
    const guests = await asking(on, [odd('long')], [read('secret')]);
    const line = on.where(odd('long'));
    await on.pass(40);
    line.answer();
    await on.pass();
    assert.deepEqual(line.open, [read('secret')]);
    line.ends();
    await on.seen();
    await finish(on);
    assert.deepEqual(told(guests), [[odd('long')], [read('secret')]]);
    guests[0]?.asks(read('next'));
    await on.pass();
    await finish(on);
    assert.deepEqual(guests[0]?.told, [odd('long'), read('next')]);
  });
});

describe('rule 6: a cancel request', () => {
  test('of a unit that is behind others is answered here, and no server is asked', async () => {
    using on = await scene(1);
    const guests = await asking(on, [read(1)], [read(2)], [read(3)]);
    assert.ok(guests[1]);
    await on.cancels(guests[1]);
    await on.pass();
    assert.deepEqual(told(guests), [[], ['!57014'], []]);
    guests[1].asks(read('next'));
    await finish(on);
    assert.equal(on.strikes.length, 0);
    assert.deepEqual(told(guests), [[read(1)], ['!57014', read('next')], [read(3)]]);
  });

  test('of the unit that runs reaches the server when all others have left', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('running')], [read(1)]);
    const line = on.where(odd('running'));
    assert.ok(guests[0]);
    await on.cancels(guests[0]);
    await on.pass();
    assert.equal(on.strikes.length, 1);
    assert.equal(on.figures.laneRescues, 1);
    line.answer({ error: '57014' });
    await finish(on);
    assert.deepEqual(told(guests), [['!57014'], [read(1)]]);
  });

  const ones = (word: string, count: number): string[][] =>
    Array.from({ length: count }, (_, at) => [read(`${word} ${at}`)]);

  test('of a unit whose answer has begun waits for the budget of rescues, and strikes when all others have left', async () => {
    using on = await scene(1);
    await asking(on, [odd('long')], ...ones('first', 240));
    await on.pass(40);
    assert.equal(on.figures.laneRescues, 240);
    await finish(on);
    const [canceller, ...others] = await asking(on, [read('begun')], ...ones('second', 40));
    assert.ok(canceller);
    const line = on.where(read('begun'));
    line.answer({ row: 'half', begins: true });
    await on.pass();
    await on.cancels(canceller);
    await on.pass(40);
    assert.equal(on.strikes.length, 0, 'the budget is spent');
    await on.pass(300);
    assert.equal(on.strikes.length, 1);
    assert.equal(on.figures.laneRescues, 280);
    line.answer({ error: '57014' });
    on.strikes.shift()?.();
    await finish(on);
    assert.deepEqual(canceller.told, ['half', '!57014']);
    assert.deepEqual(told(others), ones('second', 40));
  });

  test('of a unit whose answer has begun is forgotten when that ends before others have left', async () => {
    using on = await scene(1);
    await asking(on, [odd('long')], ...ones('first', 240));
    await on.pass(40);
    await finish(on);
    const [canceller, ...others] = await asking(on, [read('begun')], ...ones('second', 40));
    assert.ok(canceller);
    const line = on.where(read('begun'));
    line.answer({ row: 'half', begins: true });
    await on.pass();
    await on.cancels(canceller);
    line.answer();
    canceller.asks(read('next'));
    await on.pass();
    await on.pass(2_000);
    assert.ok(on.figures.laneRescues > 240, 'the next one is late');
    await finish(on);
    assert.equal(on.strikes.length, 0);
    assert.deepEqual(canceller.told, ['half', read('begun'), read('next')]);
    assert.deepEqual(told(others), ones('second', 40));
  });

  test('strikes neither its session’s next unit nor anybody who comes after it', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('running')], [read(1)]);
    const [canceller] = guests;
    assert.ok(canceller);
    const line = on.where(odd('running'));
    await on.cancels(canceller);
    await on.pass();
    line.answer();
    canceller.asks(read('next'));
    await on.pass();
    assert.equal(line.asked.includes(read('next')), false, 'the request may still strike there');
    line.answerAll();
    await on.pass();
    assert.equal(line.asked.includes(read('next')), false, 'the request may still strike there');
    on.strikes.shift()?.();
    await finish(on);
    assert.deepEqual(told(guests), [[odd('running'), read('next')], [read(1)]]);
  });

  test('under way while more of its session is: all of that is answered, in order', async () => {
    using on = await scene(2);
    const [canceller] = await asking(on, [odd('running')]);
    const [neighbour] = await asking(on, [read(1)]);
    assert.ok(canceller);
    canceller.asks(read(2), 'INSERT INTO t VALUES (3)');
    await on.pass();
    const line = on.where(odd('running'));
    await on.cancels(canceller);
    await on.pass();
    assert.equal(on.strikes.length, 1);
    for (let answer = 0; answer < 3; answer++) {
      line.answer();
      await on.pass();
    }
    on.strikes.shift()?.();
    await finish(on);
    assert.deepEqual(canceller.told, [odd('running'), read(2), 'INSERT INTO t VALUES (3)']);
    assert.deepEqual(neighbour?.told, [read(1)]);
  });

  test('of a unit that has been answered does nothing', async () => {
    using on = await scene(1);
    const guests = await asking(on, [read(1)], [read(2)]);
    on.where(read(1)).answer();
    await on.pass();
    assert.ok(guests[0]);
    await on.cancels(guests[0]);
    await finish(on);
    assert.equal(on.strikes.length, 0);
    assert.deepEqual(told(guests), [[read(1)], [read(2)]]);
  });
});

describe('rule 7: a unit that turns out to change its session', () => {
  test('keeps what it has changed to itself; those behind run again elsewhere; it never has company again', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('changes')], [read(1)], [read(2)]);
    const line = on.where(odd('changes'));
    line.answer({ parameter: ['TimeZone', 'Asia/Tokyo'] });
    await on.pass();
    assert.equal(on.figures.lanePoisoned, 1);
    line.answerAll();
    await on.pass();
    assert.deepEqual(told(guests), [[odd('changes')], [], []], 'what ran behind it is not told');
    await finish(on);
    assert.deepEqual(told(guests), [[odd('changes')], [read(1)], [read(2)]]);
    const units = on.figures.laneUnits;
    for (let run = 0; run < 20; run++) await on.learns(odd(`${run}`));
    assert.equal(on.figures.laneUnits, units);
    await asking(on, [read('innocent')]);
    assert.equal(on.figures.laneUnits, units + 1);
  });

  test('of two, one behind the other, the first loses its connection, and the other is told its own answer', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('changes')], [odd('changes as well')], [read(1)]);
    const line = on.where(odd('changes'));
    line.answer({ parameter: ['TimeZone', 'Asia/Tokyo'] });
    await on.pass();
    // It was in the server's hands already. What the first has left there can no longer be told from it.
    line.answer({ parameter: ['TimeZone', 'Europe/Rome'] });
    await on.pass();
    assert.equal(line.closed, true);
    await finish(on);
    assert.deepEqual(told(guests), [
      [odd('changes'), '!08006', 'closed'],
      [odd('changes as well')],
      [read(1)],
    ]);
  });
});

describe('a unit about which the server has to be asked right behind it', () => {
  test('runs once more alone for that; its form has company again when it has been short for a while', async () => {
    const completed = (_unit: unknown, { error }: Outcome) => (error === '' ? undefined : question(WHY));
    using on = new Scene(2, {
      wire: { client: (login) => Object.assign(postgres.client(login), { completed }) },
    });
    await on.opens(2);
    await on.learns(odd('first'));
    const [guest] = await asking(on, [odd('fails')]);
    const line = on.where(odd('fails'));
    line.answer({ error: '22012' });
    await on.pass();
    const again = on.where(odd('fails'));
    again.answer({ error: '22012' });
    await on.pass();
    assert.deepEqual(again.open, [WHY]);
    await finish(on);
    assert.deepEqual(guest?.told, ['!22012'], 'its second answer is told to nobody');
    const units = on.figures.laneUnits;
    for (let run = 0; run < 8; run++) await on.learns(odd(`${run}`));
    assert.equal(on.figures.laneUnits, units);
    await asking(on, [odd('short again')]);
    assert.equal(on.figures.laneUnits, units + 1);
  });
});

describe('rule 8: units of one session', () => {
  test('that were moved away twice are told in their order, with all that waited behind them', async () => {
    // Each is expected to take so long that a lane takes no more than a few.
    using on = await scene(3, 1, 2);
    const [first, second, many, third] = await asking(
      on,
      [odd('long a')],
      [odd('long b')],
      Array.from({ length: MANY }, (_, at) => read(at)),
      [odd('c'), odd('d')],
    );
    await on.pass(40);
    await on.pass(40);
    await finish(on);
    assert.deepEqual(
      many?.told,
      Array.from({ length: MANY }, (_, at) => read(at)),
    );
    assert.deepEqual(first?.told, [odd('long a')]);
    assert.deepEqual(second?.told, [odd('long b')]);
    assert.deepEqual(third?.told, [odd('c'), odd('d')]);
    assert.ok(on.figures.laneRescues > 6, 'some were moved twice');
  });

  test('a write behind reads that are under way waits for them, also when they are moved', async () => {
    using on = await scene(3);
    const [, guest] = await asking(on, [odd('long')], [read(1), 'INSERT INTO t VALUES (7)', read(2)]);
    await on.pass(40);
    await finish(on);
    assert.deepEqual(guest?.told, [read(1), 'INSERT INTO t VALUES (7)', read(2)]);
  });

  test('behind one that became alone on its connection the settings are its session’s', async () => {
    using on = new Scene(2);
    await on.opens(2);
    const mine = await on.enters({ application_name: 'mine' });
    const another = await on.enters({ application_name: 'other' });
    for (const text of [read('learn'), odd('learn')]) {
      another.asks(text);
      await finish(on);
    }
    mine.asks(odd('long'), 'SHOW application_name');
    another.asks(read(1));
    await on.pass(40);
    const line = on.where(odd('long'));
    line.answer();
    await on.pass();
    await finish(on);
    const asked = on.lines.find((one) => one.asked.includes('SHOW application_name'))?.asked ?? [];
    const at = asked.indexOf('SHOW application_name');
    assert.match(
      asked
        .slice(0, at)
        .filter((text) => text.includes('set_config'))
        .at(-1) ?? '',
      /mine/,
    );
  });
});

describe('who leaves', () => {
  test('takes nothing along: the answers of the others are theirs', async () => {
    using on = await scene(1);
    const guests = await asking(on, [read(1)], [read(2)], [read(3)]);
    guests[0]?.channel.hangUp();
    guests[1]?.channel.hangUp();
    await on.pass();
    await finish(on);
    assert.deepEqual(guests[2]?.told, [read(3)]);
    const [next] = await asking(on, [read(4)]);
    await finish(on);
    assert.deepEqual(next?.told, [read(4)]);
  });

  test('while its long unit keeps a connection: that is cancelled, and the others run elsewhere', async () => {
    using on = await scene(2);
    const guests = await asking(on, [odd('long')], [read(1)]);
    guests[0]?.channel.hangUp();
    await on.pass(40);
    assert.equal(on.strikes.length >= 1, true);
    on.lines.find((line) => line.open[0] === read(1))?.answerAll();
    await on.pass();
    assert.deepEqual(guests[1]?.told, [read(1)]);
  });
});

describe('prepared statements', () => {
  const define = (name: string, text: string): Buffer =>
    Buffer.concat([parse(name, text), bind('', name), execute(), sync]);
  const use = (name: string): Buffer => Buffer.concat([bind('', name), execute(), sync]);

  test('that are closed behind a use of them are there when the use has to run again elsewhere', async () => {
    using on = await scene(2);
    const text = "SELECT 'named' AS closing";
    const guest = await on.enters();
    guest.sends(define('s', text));
    await finish(on);
    // On a lane, so that it is known to both.
    for (let run = 0; run < 3; run++) {
      guest.sends(use('s'));
      await finish(on);
    }
    const [long] = await asking(on, [odd('long')]);
    const before = guest.answers;
    guest.sends(use('s'), close('S', 's'), parse('', read(1)), bind('', ''), execute(), sync);
    await on.pass(40);
    await finish(on);
    assert.deepEqual(guest.told.slice(before), [text, read(1)]);
    assert.deepEqual(long?.told, [odd('long')]);
  });

  test('keep their names when what they were sent with fails late, where it was left behind', async () => {
    using on = await scene(2);
    // Of one form, whose cost is known, and no server has prepared it yet.
    const text = "SELECT 'named' AS moving";
    const first = await on.enters();
    first.sends(define('s', "SELECT 'known' AS moving"));
    await finish(on);
    for (let run = 0; run < 3; run++) {
      first.sends(use('s'));
      await finish(on);
    }
    await asking(on, [odd('long')]);
    const late = on.where(odd('long'));
    const guest = await on.enters();
    guest.sends(define('s', text));
    await on.pass();
    assert.equal(late.open.length, 2, 'it is behind the long one');
    await on.pass(40);
    for (const line of on.lines) if (line !== late) line.answerAll();
    await on.pass();
    assert.deepEqual(guest.told, [text], 'it ran elsewhere');
    late.answer();
    late.answer({ error: '57014' });
    await on.pass();
    guest.sends(use('s'));
    await finish(on);
    assert.deepEqual(guest.told, [text, text]);
  });

  test('are kept under their names also where the proxy answers for them: BEGIN and COMMIT', async () => {
    using on = await scene(1);
    const guest = await on.enters();
    const begin = [bind('', 'begin'), execute(), sync];
    const commit = [bind('', 'commit'), execute(), sync];
    guest.sends(parse('begin', 'BEGIN'), ...begin);
    guest.sends(parse('commit', 'COMMIT'), ...commit);
    guest.sends(...begin, ...commit);
    guest.sends(...begin);
    guest.asks('INSERT INTO t VALUES (1)');
    guest.sends(...commit);
    await finish(on);
    // The server of these tests says its text to everything, to BEGIN too.
    const words = guest.told.filter((word) => word !== 'BEGIN');
    assert.deepEqual(words, ['INSERT INTO t VALUES (1)', 'COMMIT']);
    assert.equal(guest.answers, 7);
  });

  test('of sessions that differ in the name of the application run although all wait for one connection', async () => {
    using on = await scene(1);
    const busy = await on.enters();
    const guests: Guest[] = [];
    for (const name of ['a', 'b', 'c']) guests.push(await on.enters({ application_name: name }));
    busy.asks('INSERT INTO t VALUES (1)');
    await on.pass();
    for (const [at, guest] of guests.entries())
      guest.sends(define(`s${at}`, `SELECT 'named' AS waiting_${at}`));
    await finish(on);
    assert.deepEqual(
      told(guests),
      guests.map((_, at) => [`SELECT 'named' AS waiting_${at}`]),
    );
  });
});
