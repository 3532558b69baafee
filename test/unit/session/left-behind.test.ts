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
