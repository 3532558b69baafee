import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { companyOf } from '../../../src/core/company.ts';
import { Cost, SHARED_BYTES, SHORT_MS, SMALL_BYTES } from '../../../src/core/cost.ts';
import type { Alone } from '../../../src/core/intent.ts';
import { plainIntent } from '../../../src/core/plain-intent.ts';

const read = (cost: Cost) => plainIntent('read', 'R01', '', { cost });

/** A cost after runs, each by itself. */
function after(...runs: readonly (readonly [ms: number, bytes: number])[]): Cost {
  const cost = new Cost();
  for (const [ms, bytes] of runs) cost.alone(ms, bytes);
  return cost;
}

describe('a plain read and its cost', () => {
  const rows: readonly [name: string, cost: Cost, may: string, because: RegExp][] = [
    [
      'never run',
      new Cost(),
      'not yet',
      /^no run of it is known yet; .* at most 5 ms of work and 32 kB on average$/,
    ],
    [
      'short',
      after([0.125, 90]),
      'yes',
      /^it is known to be short: 0\.13 ms \(0\.13 ms of work\) and 90 B on average$/,
    ],
    [
      'long',
      after([SHORT_MS * 3, 90]),
      'not yet',
      /^it is too long: 15 ms \(15 ms of work\) and 90 B on average; asked for is/,
    ],
    [
      'large',
      after([1, SMALL_BYTES + 1]),
      'not yet',
      /^its answers are too large: 1\.0 ms \(1\.0 ms of work\) and 32769 B/,
    ],
  ];
  for (const [name, cost, may, because] of rows) {
    test(`${name}: ${may}, and isShort agrees`, () => {
      const company = companyOf(read(cost), 10);
      assert.equal(company.may, may);
      assert.match(company.because, because);
      assert.equal(cost.isShort, may === 'yes');
    });
  }

  test('one that disappointed others has to be short several times in a row', () => {
    const cost = after([1, 10]);
    cost.demote();
    cost.alone(1, 10);
    const { may, because, learned } = companyOf(read(cost), 10);
    assert.equal(may, 'not yet');
    assert.equal(because, 'it has been short 1 times in a row by itself, and 8 are asked for');
    assert.deepEqual(learned, { ms: 1, bytes: 10, shortRuns: 1, shortRunsAsked: 8 });
    for (let run = 0; run < 7; run++) cost.alone(1, 10);
    assert.equal(companyOf(read(cost), 10).may, 'yes');
  });

  test('one that left state behind among others never shares again', () => {
    const cost = after([1, 10]);
    cost.never = true;
    assert.equal(companyOf(read(cost), 10).may, 'no');
  });

  test('what has been learned is told in plain numbers, and nothing of what never ran', () => {
    assert.deepEqual(companyOf(read(after([2, 300])), 10).learned, {
      ms: 2,
      bytes: 300,
      shortRuns: 1,
      shortRunsAsked: 1,
    });
    assert.equal(companyOf(read(new Cost()), 10).learned, undefined);
  });
});

describe('what never shares says why', () => {
  test('a long text, however short its runs', () => {
    const cost = after([1, 10]);
    assert.equal(companyOf(read(cost), SHARED_BYTES).may, 'yes');
    const company = companyOf(read(cost), SHARED_BYTES + 1);
    assert.deepEqual(company, { may: 'no', because: 'it is larger than 8 kB' });
  });

  test('a read that is told apart by the classifier', () => {
    const words = new Set<string>();
    const reasons: readonly Alone[] = [
      'unknown-names',
      'leaves-state',
      'begins',
      'several',
      'tells-apart',
      'looks-back',
      'asked-behind',
    ];
    for (const alone of reasons) {
      const { may, because } = companyOf(plainIntent('read', 'R01', '', { alone }), 10);
      assert.equal(may, 'no');
      words.add(because);
    }
    assert.equal(words.size, reasons.length);
  });

  test('a read of a form that is too long to be remembered', () => {
    assert.deepEqual(companyOf(plainIntent('read', 'R01', ''), 10), {
      may: 'no',
      because: 'its form is not remembered',
    });
  });

  test('no write, even where the form has a cost', () => {
    const intent = plainIntent('write', 'W15', '', { cost: after([1, 10]) });
    assert.deepEqual(companyOf(intent, 10), { may: 'no', because: 'it is no plain read' });
  });
});
