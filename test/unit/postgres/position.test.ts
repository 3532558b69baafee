import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Order, type Position, position } from '../../../src/core/position.ts';
import { forksOf, positionOf, positions } from '../../../src/postgres/position.ts';

const { compare, distance } = positions;
const at = (text: string): Position => position(text);

/** [a, b, how a stands to b] */
const table: [string, string, Order][] = [
  // one timeline
  ['1:0/1000', '1:0/1000', 'equal'],
  ['1:0/FFF', '1:0/1000', 'before'],
  ['1:0/1000', '1:0/fff', 'after'],
  ['1:1/0', '1:0/FFFFFFFF', 'after'],
  ['1:9/0', '1:A/0', 'before'],
  ['1:FFFFFFFF/FFFFFFFE', '1:FFFFFFFF/FFFFFFFF', 'before'],
  ['2:0/1000', '2:0/1000;1@0/500', 'equal'],
  ['2:0/1000;1@0/500', '2:0/2000;1@0/500', 'before'],
  // an ancestor, up to the fork and past it
  ['1:0/1000', '2:0/3000;1@0/2000', 'before'],
  ['1:0/2000', '2:0/3000;1@0/2000', 'before'],
  ['1:0/2000', '2:0/2000;1@0/2000', 'equal'],
  ['1:0/2001', '2:0/3000;1@0/2000', 'diverged'],
  ['1:0/1000', '3:0/5000;1@0/2000,2@0/4000', 'before'],
  ['2:0/4001;1@0/2000', '3:0/5000;1@0/2000,2@0/4000', 'diverged'],
  ['2:0/3000;1@0/2000', '3:0/5000;1@0/2000,2@0/4000', 'before'],
  // a replica that follows a new timeline and has not replayed up to the fork yet
  ['1:0/1800', '2:0/1000;1@0/2000', 'after'],
  ['1:0/9000', '2:0/1000;1@0/2000', 'after'],
  // two branches of one ancestor
  ['2:0/3000;1@0/2000', '3:0/3000;1@0/2500', 'diverged'],
  ['2:0/3000;1@0/2000', '3:0/1500;1@0/2500', 'after'],
  ['2:0/2000;1@0/2000', '3:0/3000;1@0/2500', 'before'],
  // two replicas promoted to the same number
  ['2:0/3000;1@0/2000', '2:0/3000;1@0/2500', 'diverged'],
  ['2:0/1000;1@0/2000', '2:0/3000;1@0/2500', 'before'],
  // ancestors not known: nothing is assumed
  ['1:0/1000', '2:0/3000', 'diverged'],
  ['2:0/1000', '3:0/3000', 'diverged'],
  ['2:0/1000', '3:0/3000;1@0/500,2@0/2000', 'before'],
  ['2:0/2500', '3:0/3000;1@0/500,2@0/2000', 'diverged'],
  ['4:0/1000', '3:0/3000;1@0/500,2@0/2000', 'diverged'],
  // not a position at all
  ['', '1:0/1', 'diverged'],
  ['1:0/1', 'gtid:1-5', 'diverged'],
  ['1:01', '1:0/1', 'diverged'],
];

const mirrored: Record<Order, Order> = {
  before: 'after',
  after: 'before',
  equal: 'equal',
  diverged: 'diverged',
};

describe('a position is (timeline, LSN, fork points); positions on other branches are diverged', () => {
  for (const [a, b, expected] of table) {
    test(`${a} is ${expected} ${b}`, () => {
      assert.equal(compare(at(a), at(b)), expected);
      assert.equal(compare(at(b), at(a)), mirrored[expected]);
    });
  }
});

test('distance is in bytes on one line, 0 where nothing is missing, undefined across branches', () => {
  assert.equal(distance(at('1:0/1000'), at('1:0/1010')), 16);
  assert.equal(distance(at('1:0/FFFFFFFF'), at('1:1/0')), 1);
  assert.equal(distance(at('1:0/1010'), at('1:0/1000')), 0);
  assert.equal(distance(at('1:0/1000'), at('2:0/3000;1@0/2000')), 0x2000);
  assert.equal(distance(at('1:0/2001'), at('2:0/3000;1@0/2000')), undefined);
  assert.equal(distance(at('1:0/1000'), at('2:0/3000')), undefined);
});

test('a timeline history file gives the ancestors and where they were left', () => {
  const history =
    '1\t0/15000000\tno recovery target specified\n\n# a comment\n2\t0/16b3748\tbefore 2000-01-01\n';
  const forks = forksOf(history);
  assert.deepEqual(forks, [
    { timeline: 1, lsn: '0/15000000' },
    { timeline: 2, lsn: '0/16B3748' },
  ]);
  assert.equal(positionOf(3, '0/17000000', forks), '3:0/17000000;1@0/15000000,2@0/16B3748');
  assert.equal(positionOf(3, '0/17000000', undefined), '3:0/17000000');
  assert.equal(positionOf(1, '0/17000000', []), '1:0/17000000;');
});

interface Timeline {
  readonly parent: number;
  readonly from: number;
}

/** A random tree of timelines: each leaves an earlier one at some LSN at or past where that one began. */
const trees = fc
  .array(fc.record({ parent: fc.nat(), ahead: fc.integer({ min: 0, max: 20 }) }), { maxLength: 6 })
  .map((steps) => {
    const tree: Timeline[] = [{ parent: -1, from: 0 }];
    for (const step of steps) {
      const parent = step.parent % tree.length;
      tree.push({ parent, from: (tree[parent]?.from ?? 0) + step.ahead });
    }
    return tree;
  });

/** Every byte of history up to a point, named by the timeline that wrote it: the definition of the order. */
function bytesUpTo(tree: readonly Timeline[], timeline: number, lsn: number): string[] {
  const { parent, from } = tree[timeline] ?? { parent: -1, from: 0 };
  const bytes = parent < 0 ? [] : bytesUpTo(tree, parent, Math.min(from, lsn));
  for (let byte = Math.max(from, bytes.length); byte < lsn; byte += 1) bytes.push(`${timeline}/${byte}`);
  return bytes;
}

function forksIn(tree: readonly Timeline[], timeline: number): { timeline: number; lsn: string }[] {
  const { parent, from } = tree[timeline] ?? { parent: -1, from: 0 };
  if (parent < 0) return [];
  return [...forksIn(tree, parent), { timeline: parent + 1, lsn: `0/${from.toString(16)}` }];
}

function orderOf(a: readonly string[], b: readonly string[]): Order {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (!short.every((byte, i) => byte === long[i])) return 'diverged';
  return a.length === b.length ? 'equal' : a.length < b.length ? 'before' : 'after';
}

test('the order is that of the histories as sets of bytes, for any tree of timelines', () => {
  const point = fc.record({ timeline: fc.nat(), lsn: fc.integer({ min: 0, max: 60 }) });
  fc.assert(
    fc.property(trees, point, point, (tree, p, q) => {
      const [a, b] = [p, q].map(({ timeline, lsn }) => {
        const on = timeline % tree.length;
        return {
          bytes: bytesUpTo(tree, on, lsn),
          position: positionOf(on + 1, `0/${lsn.toString(16)}`, forksIn(tree, on)),
        };
      });
      assert.ok(a !== undefined && b !== undefined);
      assert.equal(compare(a.position, b.position), orderOf(a.bytes, b.bytes));
    }),
    { numRuns: 2_000 },
  );
});
