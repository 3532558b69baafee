import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BARS, type Bar, judge, TRIALS, type TrialId } from '../../../bench/bars.ts';
import { type Contestant, type Count, contest, emptyScore, type Score } from '../../../bench/contest.ts';
import { FLOOR, LOGIN_FLOOR, REPLICA_FLOOR, TRANSACTION_FLOOR } from '../../../bench/floor/floor.ts';
import { beside, best } from '../../../bench/readings.ts';
import { REMARKS } from '../../../bench/remarks.ts';
import type { Entrant, Ring } from '../../../bench/ring.ts';
import { TRIAL_RUNS } from '../../../bench/trials.ts';

const score = (name: string, values: Partial<Score>): Score => ({ ...emptyScore(name), ...values });

const SCORES = [
  score('direct', { tps: [10, 20, 30], p99: [4, 4, 4] }),
  score('PgBouncer, pool of 4', { tps: [5, 5, 5], cost: [10, 10, 10] }),
  score('PgBouncer, pool of 20', { tps: [8, 8, 8], cost: [20, 20, 20] }),
  score('Pointsman, reads: primary', { tps: [20, 40, 45], cost: [5, 6, 7], p99: [2, 8, 4] }),
];

test('PgBouncer is taken at its best pool, for each measure by itself', () => {
  assert.equal(best(SCORES, 'PgBouncer', 'tps')?.name, 'PgBouncer, pool of 20');
  assert.equal(best(SCORES, 'PgBouncer', 'cost')?.name, 'PgBouncer, pool of 4');
  assert.equal(best(SCORES, 'Odyssey', 'tps'), undefined);
});

test('ours stands beside every other one, round by round', () => {
  const readings = beside(SCORES);
  assert.deepEqual(readings['tps/direct'], [2, 2, 1.5]);
  assert.deepEqual(readings['tps/PgBouncer'], [2.5, 5, 5.625]);
  assert.deepEqual(readings['cost/PgBouncer'], [0.5, 0.6, 0.7]);
  assert.deepEqual(readings['p99/direct'], [0.5, 2, 1]);
  assert.deepEqual(readings['latency/PgBouncer'], [0.4, 0.2, 8 / 45]);
});

const WITH_FLOOR = [...SCORES, score(FLOOR, { tps: [40, 40, 40], cost: [4, 4, 4] })];

test('the floor is no peer: ours does not stand beside it', () => {
  assert.deepEqual(beside(WITH_FLOOR), beside(SCORES));
});

test('every form of the floor is read as the floor', () => {
  for (const name of [TRANSACTION_FLOOR, LOGIN_FLOOR]) {
    const scores = [...SCORES, score(name, { tps: [40, 40, 40], cost: [4, 4, 4] })];
    assert.deepEqual(beside(scores), beside(SCORES));
    assert.deepEqual(beside(scores, FLOOR), beside(WITH_FLOOR, FLOOR));
  }
});

test('what the floor reached is read in the same way as ours', () => {
  const readings = beside(WITH_FLOOR, FLOOR);
  assert.deepEqual(readings['tps/direct'], [4, 2, 40 / 30]);
  assert.deepEqual(readings['tps/PgBouncer'], [5, 5, 5]);
  assert.deepEqual(readings['cost/PgBouncer'], [0.4, 0.4, 0.4]);
  assert.deepEqual(readings['latency/PgBouncer'], [0.2, 0.2, 0.2]);
  assert.ok(!Object.keys(readings).some((name) => name.includes('Pointsman') || name.includes(FLOOR)));
});

test('the floor is taken at its best pool, for each measure by itself', () => {
  const pools = [
    score(`${TRANSACTION_FLOOR}, pool of 8`, { tps: [30, 30, 30], cost: [4, 4, 4] }),
    score(`${TRANSACTION_FLOOR}, pool of 20`, { tps: [40, 40, 40], cost: [5, 5, 5] }),
  ];
  assert.deepEqual(beside([...SCORES, ...pools], FLOOR), beside(WITH_FLOOR, FLOOR));
});

const bar = (holds: Bar['holds'], bound: number, unit: Bar['unit'] = '×'): Bar => ({
  ...{ trial: 'select-64', reading: 'x', measure: 'a measure' },
  ...{ holds, bound, unit },
});

test('a bar is met on its good side and on itself', () => {
  assert.equal(judge(bar('≥', 1.3), { x: [1.3, 1.4, 1.2] }).met, true);
  assert.equal(judge(bar('≥', 1.3), { x: [1.29, 1.4, 1.2] }).met, false);
  assert.equal(judge(bar('≤', 0.75), { x: [0.7, 0.8, 0.75] }).met, true);
  assert.equal(judge(bar('≤', 0.75), { x: [0.76] }).met, false);
});

test('what was not measured is neither met nor missed', () => {
  assert.equal(judge(bar('≥', 1), undefined).met, undefined);
  assert.equal(judge(bar('≥', 1), { y: [2] }).met, undefined);
  assert.equal(judge(bar('≥', 1), { x: [Number.NaN] }).met, undefined);
});

test('what the floor reached stands beside a bar and does not judge it', () => {
  assert.equal(judge(bar('≥', 1.3), { x: [1] }, { x: [1.4, 1.1, 1.2] }).floor, 1.2);
  assert.equal(judge(bar('≥', 1.3), { x: [1] }, { x: [1.4] }).met, false);
  assert.equal(judge(bar('≥', 1.3), { x: [1] }, beside(SCORES, FLOOR)).floor, Number.NaN);
});

test('an error in a single round misses a bar of none', () => {
  assert.equal(judge(bar('≤', 0, 'errors'), { x: [0, 0, 1, 0, 0] }).met, false);
  assert.equal(judge(bar('≤', 0, 'errors'), { x: [0, 0, 0] }).met, true);
});

test('every trial of the table can be run, and every remark belongs to a bar', () => {
  for (const trial of TRIALS) assert.ok(Object.hasOwn(TRIAL_RUNS, trial), trial);
  const names = BARS.map(({ trial, reading }) => `${trial} ${reading}`);
  assert.equal(new Set(names).size, BARS.length);
  for (const name of Object.keys(REMARKS)) assert.ok(names.includes(name), name);
});

test('a form of the floor takes part in the trials of the loads that it can serve, and in no other', async () => {
  const entered: Partial<Record<TrialId, readonly Entrant[]>> = {};
  for (const trial of TRIALS.filter((id) => !['mixed', 'large', 'idle', 'crowd'].includes(id))) {
    const contestants = async (entrants: readonly Entrant[]): Promise<Contestant[]> => {
      const floors = entrants.filter((entrant) => entrant.startsWith(FLOOR));
      if (floors.length > 0) entered[trial] = floors;
      return [];
    };
    const ring = { arena: { signal: new AbortController().signal }, contestants } as unknown as Ring;
    await TRIAL_RUNS[trial].run(ring, { rounds: 1, seconds: 1, quick: false });
  }
  assert.deepEqual(entered, {
    'select-1': [FLOOR],
    'select-4': [FLOOR],
    'select-16': [FLOOR],
    'select-64': [FLOOR],
    'select-200': [FLOOR],
    'split-32': [REPLICA_FLOOR],
    'mysql-64': [FLOOR],
    'mariadb-64': [FLOOR],
    'tpcb-16': [TRANSACTION_FLOOR],
    connects: [LOGIN_FLOOR],
  });
});

const AIM = { port: 1, user: '', password: '', database: '' };
const contestants: readonly Contestant[] = ['a', 'b', 'c'].map((name, at) => ({
  name,
  aim: { ...AIM, port: at },
  process: undefined,
}));

test('contestants are measured in turn, and each round begins one further on', async () => {
  const order: number[] = [];
  const scores = await contest(
    contestants,
    async ({ port }, seconds) => {
      order.push(port);
      return { transactions: 10, tps: 10 * (port + 1), seconds };
    },
    { rounds: 3, seconds: 1, warmUp: 0 },
  );
  assert.deepEqual(order, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
  assert.deepEqual(
    scores.map(({ name, tps }) => [name, tps]),
    [
      ['a', [10, 10, 10]],
      ['b', [20, 20, 20]],
      ['c', [30, 30, 30]],
    ],
  );
});

test('everybody carries the load for three seconds before it counts, unless it is said otherwise', async () => {
  const runs: string[] = [];
  const measured = async ({ port }: Contestant['aim'], seconds: number): Promise<Count> => {
    runs.push(`${port}: ${seconds} s`);
    return { transactions: 10, tps: 10, seconds };
  };
  await contest(contestants, measured, { rounds: 1, seconds: 5 });
  assert.deepEqual(runs, ['0: 3 s', '1: 3 s', '2: 3 s', '0: 5 s', '1: 5 s', '2: 5 s']);
});

test('a run that fails is a round without values whose reason is kept; the others go on', async (t) => {
  t.mock.method(process.stderr, 'write', () => true);
  let runs = 0;
  const [first, second] = await contest(
    contestants.slice(0, 2),
    async ({ port }, seconds) => {
      if (port === 0 && runs++ === 1) throw new Error('refused');
      return { transactions: 10, tps: 10, seconds };
    },
    { rounds: 3, seconds: 1, warmUp: 0 },
  );
  assert.deepEqual(first?.tps, [10, Number.NaN, 10]);
  assert.deepEqual(first?.failures, ['refused']);
  assert.deepEqual(second?.tps, [10, 10, 10]);
});

test('a signal ends a contest', async () => {
  const ended = AbortSignal.abort(new Error('enough'));
  const count = { transactions: 1, tps: 1, seconds: 1 };
  await assert.rejects(
    contest(contestants, async () => count, { rounds: 1, seconds: 1 }, ended),
    /enough/,
  );
});
