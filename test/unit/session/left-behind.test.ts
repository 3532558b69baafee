import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Scene } from './scene.ts';

/** Longer than what is called short may take, and than the next look at it is away, in ms. */
const LATE = 40;

describe('a link of a replica that still owes what others left on it', () => {
  test('keeps no write: it goes to the primary, once the link is done', async () => {
    using on = new Scene(1, { replica: true });
    await on.learns('SELECT 1');
    const link = on.lines.find(({ node }) => node === 'pg-2');
    const [first, second] = [await on.enters(), await on.enters()];
    first.asks('SELECT 1');
    second.asks('SELECT 1');
    await on.pass();
    assert.equal(link?.open.length, 2, 'both are on one link');
    await on.pass(LATE);
    link?.answer();
    await on.pass();
    assert.deepEqual(first.told, ['SELECT 1']);
    assert.equal(link?.open.length, 1, 'the answer of one that was moved away is still owed');
    first.asks('INSERT INTO t VALUES (1)');
    await on.pass();
    link?.answer();
    await on.pass();
    const writes = on.lines.filter(({ asked }) => asked.includes('INSERT INTO t VALUES (1)'));
    assert.deepEqual(
      writes.map(({ node }) => node),
      ['pg-1'],
    );
    for (const line of on.lines) line.answerAll();
    await on.pass();
    assert.deepEqual(first.told, ['SELECT 1', 'INSERT INTO t VALUES (1)']);
    assert.deepEqual(second.told, ['SELECT 1']);
  });
});

describe('what a unit leaves on a link', () => {
  const LOCK = 'SELECT pg_advisory_lock(1); SELECT 1/0';
  const AUDIT = /^SELECT 's', name/;

  for (const [how, texts] of [
    ['failed', [LOCK]],
    ['failed in a transaction', ['BEGIN', LOCK, 'ROLLBACK']],
  ] as const) {
    test(`a lock of one that ${how} is asked for before anybody else has the link`, async () => {
      using on = new Scene(1);
      const [guest, other] = [await on.enters(), await on.enters()];
      guest.asks(...texts);
      await on.pass();
      other.asks('INSERT INTO t VALUES (1)');
      await on.pass();
      const [line] = on.lines;
      assert.ok(line);
      for (let open = line.open[0] ?? ''; open !== '' && !AUDIT.test(open); open = line.open[0] ?? '') {
        assert.notEqual(open, 'INSERT INTO t VALUES (1)', 'nobody has asked what was left');
        line.answer(open.includes(LOCK) ? { error: '22012' } : {});
        await on.pass();
      }
      assert.match(line.open[0] ?? '', AUDIT);
    });
  }

  test('settings that may be reset are waited for, also behind the end of a unit in front', async () => {
    using on = new Scene(1);
    const guest = await on.enters({ search_path: 'mine' });
    guest.asks('INSERT INTO t VALUES (1)');
    await on.pass();
    const line = on.where('INSERT INTO t VALUES (1)');
    guest.asks('RESET search_path', 'INSERT INTO t VALUES (2)');
    await on.pass();
    assert.deepEqual(line.open, ['INSERT INTO t VALUES (1)', 'RESET search_path']);
    line.answer();
    assert.deepEqual(
      line.open,
      ['RESET search_path'],
      'it would run under settings that are not the session’s',
    );
    for (let turn = 0; turn < 10; turn++) {
      await on.pass();
      line.answerAll();
    }
    assert.equal(guest.answers, 3);
  });
});
