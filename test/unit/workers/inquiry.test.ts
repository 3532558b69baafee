import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Verdict } from '../../../src/core/company.ts';
import { companyOfAll } from '../../../src/workers/companies.ts';
import { Inquiry } from '../../../src/workers/inquiry.ts';
import type { ClusterDown } from '../../../src/workers/messages.ts';
import { ManualClock } from '../failover/clock.ts';

const LEARNED = { ms: 1, bytes: 10, shortRuns: 1, shortRunsAsked: 1 };
const untried: Verdict = { may: 'not yet', because: 'no run of it is known yet' };
const older: Verdict = { may: 'no', because: 'not all names in it are known' };
const short: Verdict = { may: 'yes', because: 'it is known to be short', learned: LEARNED };
const long: Verdict = { may: 'not yet', because: 'it is too long', learned: LEARNED };
const spoiled: Verdict = { may: 'no', because: 'state was left behind by it', learned: LEARNED };

describe('what workers say of a statement is one answer', () => {
  const rows: readonly [
    name: string,
    said: readonly (Verdict | undefined)[],
    silent: number,
    one: Verdict,
  ][] = [
    ['all agree: in the form of one process', [short, short], 0, short],
    ['nobody has seen a run', [untried, undefined], 0, untried],
    [
      'one knows it to be short',
      [undefined, short, long],
      0,
      { ...short, because: `${short.because}; so in 1 of 3 workers` },
    ],
    [
      'one has learned that it is long',
      [untried, long],
      0,
      { ...long, because: `${long.because}; so in 1 of 2 workers` },
    ],
    [
      'it left state behind in one',
      [long, spoiled],
      0,
      { ...spoiled, because: `${spoiled.because}; so in 1 of 2 workers` },
    ],
    ['one has older names', [older, long], 0, { ...long, because: `${long.because}; so in 1 of 2 workers` }],
    ['one did not answer', [short], 1, { ...short, because: `${short.because}; 1 more did not answer` }],
    ['nobody answered', [], 2, { ...untried, because: 'no worker has said what it knows of it' }],
  ];
  for (const [name, said, silent, one] of rows) {
    test(name, () => {
      const { workers, ...company } = companyOfAll(untried, new Map(said.entries()), silent);
      assert.deepEqual(company, one);
      assert.deepEqual(
        workers,
        said.map((verdict, worker) => ({ worker, ...(verdict ?? untried) })),
      );
    });
  }
});

class Scene {
  readonly clock = new ManualClock();
  readonly sent: (readonly [slot: number, message: ClusterDown])[] = [];
  readonly inquiry: Inquiry;

  constructor(ready = [0, 1]) {
    this.inquiry = new Inquiry({
      clock: this.clock,
      crew: { ready, send: (slot, message) => this.sent.push([slot, message]) },
    });
  }

  /** The verdict that comes of it, and of whom. */
  async ask(): Promise<string> {
    const { because, workers } = await this.inquiry.ask('d', 'SELECT 1', untried);
    return `${because} [${workers?.map(({ worker }) => worker)}]`;
  }
}

describe('workers are asked what they have learned', { timeout: 10_000 }, () => {
  test('all of them at once, and the answer comes with the last of theirs', async () => {
    const scene = new Scene();
    const asked = scene.ask();
    assert.deepEqual(
      scene.sent,
      [0, 1].map((slot) => [slot, { kind: 'explain', ask: 1, database: 'd', sql: 'SELECT 1' }]),
    );
    scene.inquiry.answered(1, 1, short);
    scene.inquiry.answered(0, 1, undefined);
    assert.equal(await asked, 'it is known to be short; so in 1 of 2 workers [0,1]');
  });

  test('one that does not answer in time is left out', async () => {
    const scene = new Scene();
    const asked = scene.ask();
    scene.inquiry.answered(1, 1, short);
    scene.clock.advance(1_000);
    assert.equal(await asked, 'it is known to be short; 1 more did not answer [1]');
    scene.inquiry.answered(0, 1, long);
  });

  test('nobody waits for one that has ended', async () => {
    const scene = new Scene();
    const asked = scene.ask();
    scene.inquiry.answered(1, 1, short);
    scene.inquiry.ended(0);
    assert.equal(await asked, 'it is known to be short [1]');
  });

  test('an answer to another question, or a second one, counts for nothing', async () => {
    const scene = new Scene();
    const [first, second] = [scene.ask(), scene.ask()];
    scene.inquiry.answered(0, 1, short);
    scene.inquiry.answered(0, 1, short);
    scene.inquiry.answered(0, 2, long);
    scene.inquiry.answered(1, 2, long);
    assert.equal(await second, 'it is too long [0,1]');
    scene.inquiry.answered(1, 1, short);
    assert.equal(await first, 'it is known to be short [0,1]');
  });

  test('with nobody to be asked, and at the end, there is an answer too', async () => {
    assert.equal(await new Scene([]).ask(), 'no worker has said what it knows of it []');
    const scene = new Scene();
    const asked = scene.ask();
    scene.inquiry.close();
    assert.match(await asked, /^no worker has said/);
  });
});
