import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProbeFailure } from '../../../src/core/node.ts';
import { table } from '../../../src/failover/rules.ts';
import { type Move, places, type Timed, trial } from './trial.ts';

const node = fc.nat({ max: 2 });
const failures: readonly ProbeFailure[] = ['refused', 'refused', 'reset', 'timeout', 'starting', 'denied'];
/** Mostly what leads on: random garbage alone seldom reaches a promotion. */
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('seen' as const),
      node,
      role: fc.nat({ max: 5 }),
      place: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 1 }) }, fc.nat({ max: places.length - 1 })),
      receiving: fc.oneof({ weight: 8, arbitrary: fc.boolean() }, fc.constant(undefined)),
      sync: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: 2 })),
      other: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.boolean()),
      foreign: fc.oneof({ weight: 20, arbitrary: fc.constant(false) }, fc.boolean()),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('unseen' as const),
      node,
      failure: fc.constantFrom(...failures),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('signal' as const), node }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ack' as const), back: fc.nat({ max: 3 }), all: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat({ max: 5 }),
      ok: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('command' as const), node, waive: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const) }) },
);

const loose: fc.Arbitrary<Timed[]> = fc
  .record({ move, pause: fc.constantFrom(1, 1, 10, 60, 200, 2_000) })
  .map((one) => [one]);

const replica = (index: number, place: number): Extract<Move, { kind: 'seen' }> => ({
  kind: 'seen',
  node: index,
  role: 1,
  place,
  receiving: false,
  sync: 0,
  other: false,
  foreign: false,
});

/** A node is lost, the others say so, and what is asked for is done: random moves alone seldom get that far. */
const loss: fc.Arbitrary<Timed[]> = fc
  .record({ lost: node, place: fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 1 })), ok: fc.boolean() })
  .map(({ lost, place, ok }) => {
    const others = [0, 1, 2].filter((index) => index !== lost);
    const refused: Move = { kind: 'unseen', node: lost, failure: 'refused' };
    const word = others.map((index, i) => replica(index, place[i] ?? 0));
    const ack: Move = { kind: 'ack', back: 0, all: true };
    const answer: Move = { kind: 'answer', which: 0, ok };
    const moves = [refused, refused, refused, ...word, ...word, ack, answer, answer, answer];
    return moves.map((one) => ({ move: one, pause: 60 }));
  });
const answers: fc.Arbitrary<Timed[]> = fc.constant(
  Array.from({ length: 6 }, () => ({ move: { kind: 'answer', which: 0, ok: true }, pause: 10 }) as const),
);
const run = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: loose },
      { weight: 1, arbitrary: loss },
      { weight: 1, arbitrary: answers },
    ),
    { maxLength: 60, size: 'max' },
  )
  .map((parts) => parts.flat());

/** Found by chance: the candidate turns out to be of another cluster while its promotion fails. */
const foreignCandidate: Timed[] = [
  replica(0, 0),
  { ...replica(1, 0), role: 0 },
  ...Array.from({ length: 3 }, (): Move => ({ kind: 'unseen', node: 1, failure: 'refused' })),
  ...[0, 2, 0, 2].map((index) => replica(index, 0)),
  { kind: 'ack', back: 0, all: true } as const,
  ...Array.from({ length: 3 }, (): Move => ({ kind: 'answer', which: 0, ok: true })),
  ...[0, 2].map((index): Move => ({ ...replica(index, 0), role: 0, foreign: true })),
  { kind: 'answer', which: 0, ok: false } as const,
].map((one) => ({ move: one as Move, pause: 60 }));

test('whatever is observed, acknowledged and answered in whatever order, I1, I2, I4 and I6 hold', () => {
  fc.assert(
    fc.property(run, (moves) => void trial(moves)),
    { numRuns: 5_000, examples: [[foreignCandidate]] },
  );
});

test('the random runs do reach promotions, and every rule', () => {
  const fired = new Set<string>();
  let promotions = 0;
  for (const moves of fc.sample(run, { numRuns: 8_000, seed: 7 })) {
    const made = trial(moves);
    promotions += made.promotions;
    for (const rule of made.fired) fired.add(rule);
  }
  assert.ok(promotions > 100, `${promotions} promotions`);
  const all = new Set(
    Object.values(table)
      .flat()
      .map((rule) => rule.id),
  );
  assert.deepEqual([...fired].sort(), [...all].sort());
});
