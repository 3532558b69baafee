import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cost, SHORT_MS, SMALL_BYTES } from '../../../src/core/cost.ts';

/** Runs it alone so often. */
function ran(cost: Cost, times: number, ms = 0.2, bytes = 100): Cost {
  for (let run = 0; run < times; run++) cost.alone(ms, bytes);
  return cost;
}

describe('rule 3: what is expected of a statement', () => {
  test('one that never ran is not short, one short run makes it so', () => {
    assert.equal(new Cost().isShort, false);
    assert.equal(ran(new Cost(), 1).isShort, true);
  });

  test('one that was long, or large, is not short', () => {
    assert.equal(ran(new Cost(), 1, SHORT_MS + 1).isShort, false);
    assert.equal(ran(new Cost(), 1, 0.2, SMALL_BYTES + 1).isShort, false);
  });

  test('the average has to fall again after long runs, however short the last one was', () => {
    const cost = ran(new Cost(), 1, 100);
    ran(cost, 3);
    assert.equal(cost.isShort, false);
    ran(cost, 60);
    assert.equal(cost.isShort, true);
  });

  test('large answers among others count', () => {
    const cost = ran(new Cost(), 1);
    for (let answer = 0; answer < 20; answer++) cost.sent(4 * SMALL_BYTES);
    assert.equal(cost.isShort, false);
  });

  test('a clock that sees no time makes no statement cost nothing', () => {
    const cost = ran(new Cost(), 100, 0, 0);
    for (let turn = 0; turn < 100; turn++) cost.together(0, 1);
    assert.ok(cost.ms > 0);
  });

  test('each time it kept others waiting it has to be short for longer, in a row and alone', () => {
    const cost = ran(new Cost(), 1);
    const needed: number[] = [];
    for (let time = 0; time < 5; time++) {
      cost.demote();
      let runs = 0;
      while (!cost.isShort) {
        ran(cost, 1);
        runs++;
      }
      needed.push(runs);
    }
    assert.deepEqual(needed, [8, 64, 512, 4_096, 4_096]);
    cost.demote();
    ran(cost, 4_095);
    cost.alone(100, 0);
    ran(cost, 4_095);
    assert.equal(cost.isShort, false, 'a long run in between begins the count anew');
  });

  test('what it does on several connections at the same time is held against it once', () => {
    const cost = ran(new Cost(), 1);
    for (let lane = 0; lane < 4; lane++) cost.demote();
    assert.equal(cost.asked, 8);
  });

  test('where every run takes long for the work in it, one that takes somewhat longer is still short', () => {
    const cost = ran(new Cost(), 1, 0.1);
    cost.demote();
    for (let run = 0; run < 100; run++) cost.alone(5, 100, 20);
    assert.ok(cost.work < 0.15, `${cost.work}`);
    assert.equal(cost.patience, 8);
    cost.demote();
    for (let run = 0; run < 64; run++) cost.alone(run % 2 === 0 ? 5 : 150, 100, 20);
    assert.equal(cost.isShort, true);
  });

  test('a few runs that take very long make nobody patient', () => {
    const cost = ran(new Cost(), 100, 0.1);
    for (let run = 0; run < 1_000; run++) cost.alone(run % 20 === 0 ? 100 : 0.1, 100, 20);
    assert.ok(cost.ms > 1, `${cost.ms}`);
    assert.equal(cost.patience, 1);
  });

  test('alone on a busy server a statement does not become heavy either', () => {
    const cost = ran(new Cost(), 20, 0.1);
    for (let run = 0; run < 1_000; run++) cost.alone(2, 100, 20);
    assert.ok(cost.work < 0.15, `${cost.work}`);
    for (let run = 0; run < 1_000; run++) cost.alone(2, 100, 1);
    assert.ok(cost.work > 1, `${cost.work}`);
  });

  test('after many runs in company without a disappointment half the caution is given up', () => {
    const cost = ran(new Cost(), 1);
    cost.demote();
    ran(cost, 8);
    cost.demote();
    ran(cost, 64);
    assert.equal(cost.asked, 64);
    for (let run = 0; run < 1_024; run++) cost.together(1, 1);
    assert.equal(cost.asked, 32);
    for (let run = 0; run < 100 * 1_024; run++) cost.together(1, 1);
    assert.equal(cost.asked, 1);
  });

  test('what is spoiled stays so', () => {
    const cost = ran(new Cost(), 1);
    cost.never = true;
    assert.equal(ran(cost, 10_000).isShort, false);
  });

  test('one that had to be asked about has to prove itself; again and again, and it never has company again', () => {
    const cost = ran(new Cost(), 1);
    cost.recalled();
    assert.equal(cost.isShort, false);
    assert.equal(ran(cost, 8).isShort, true);
    cost.recalled();
    assert.equal(ran(cost, 64).isShort, true);
    cost.recalled();
    assert.equal(ran(cost, 10_000).isShort, false);
    assert.equal(cost.doubt, 'spoiled');
  });

  test('one that had to be asked about now and then is forgiven in between', () => {
    const cost = ran(new Cost(), 1);
    for (let time = 0; time < 10; time++) {
      cost.recalled();
      ran(cost, 4_096);
      for (let run = 0; run < 1_024; run++) cost.together(0.1, 1);
    }
    assert.equal(cost.isShort, true);
  });

  test('the work behind it falls at once and rises slowly: a busy server makes no statement heavy', () => {
    const cost = ran(new Cost(), 20, 0.1);
    for (let turn = 0; turn < 1_000; turn++) cost.together(1, 10);
    assert.ok(cost.ms > 0.9);
    assert.ok(cost.work < 0.15, `${cost.work}`);
    cost.together(60_000, 10);
    assert.ok(cost.work < 0.15, `${cost.work}: one that took long is one among many`);
    ran(cost, 20, 0.05);
    assert.ok(cost.work < 0.06, `${cost.work}`);
  });

  test('the work rises faster where the number of connections does not explain the time', () => {
    const cost = ran(new Cost(), 20, 0.1);
    for (let turn = 0; turn < 400; turn++) cost.together(10, 2);
    assert.ok(cost.work > 2, `${cost.work}`);
    for (let turn = 0; turn < 4_000; turn++) cost.together(10, 1);
    assert.equal(cost.work, 10);
    assert.equal(cost.isShort, false);
  });

  test('of too few that ran in a row nothing is learned about the work', () => {
    const cost = ran(new Cost(), 20, 0.1);
    for (let turn = 0; turn < 100; turn++) cost.together(0.001, 0);
    assert.ok(Math.abs(cost.work - 0.1) < 1e-9);
  });
});
