import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Order, position } from '../../../src/core/position.ts';
import {
  formatGtidSet,
  type GtidSet,
  parseGtidSet,
  size,
  subtract,
  union,
} from '../../../src/mysql/gtid-set.ts';
import { capped, formatGtidState, type GtidState, parseGtidState } from '../../../src/mysql/gtid-state.ts';
import { gtidsIn, positionOf, positions } from '../../../src/mysql/position.ts';

const A = '26cd7ced-e56a-11f1-8c22-02fc00000001';
const B = '37de8dfe-f67b-22a2-9d33-13fd00000002';

const setOf = (text: string): GtidSet => {
  const set = parseGtidSet(text);
  if (set === undefined) throw new Error(`not a GTID set: ${text}`);
  return set;
};
const stateOf = (text: string): GtidState => {
  const state = parseGtidState(text);
  if (state === undefined) throw new Error(`not a GTID state: ${text}`);
  return state;
};
const order = (a: string, b: string): Order => positions.compare(position(a), position(b));
const opposite: Readonly<Record<Order, Order>> = {
  before: 'after',
  after: 'before',
  equal: 'equal',
  diverged: 'diverged',
};

describe('positions of MySQL', () => {
  const table: readonly (readonly [string, string, Order])[] = [
    [`${A}:1-5`, `${A}:1-5`, 'equal'],
    [`${A}:1-5:7`, `${A}:1-7`, 'before'],
    [`${A}:1-7`, `${A}:1-5,${B}:1`, 'diverged'],
    [`${A}:1-7`, `${A}:1-5:7`, 'after'],
    [`${A}:1-7`, `${A}:1-7,${B}:1-3`, 'before'],
    [`${A.toUpperCase()}:1-3,\n${B}:1`, `${B}:1, ${A}:1:2-3`, 'equal'],
    [`${A}:1-7:tag_1:1-3`, `${A}:1-7:tag_1:1-4`, 'before'],
    [`${A}:1-7:tag_1:1-3`, `${A}:1-7:tag_2:1-3`, 'diverged'],
    [`${A}:tag_1:1-3`, `${A}:1-3`, 'diverged'],
    ['', `${A}:1`, 'before'],
    [`${A}:1`, '', 'after'],
    ['', `@p=${A}`, 'equal'],
    [`${A}:1-5`, `${A}:7`, 'diverged'],
    [`${A}:5-9`, `${A}:1-100`, 'before'],
    [`${A}:1-9`, 'nonsense', 'diverged'],
    [`${A}:1-9`, '0-1-9', 'diverged'],
  ];
  for (const [a, b, expected] of table) {
    test(`${a.replace(/\s/g, ' ')} is ${expected} to ${b}`, () => {
      assert.equal(order(a, b), expected);
      assert.equal(order(b, a), opposite[expected]);
    });
  }

  test('distance is 1 KiB a transaction, 0 past the goal and undefined off it', () => {
    const distance = (a: string, b: string) => positions.distance(position(a), position(b));
    assert.equal(distance(`${A}:1-5:9`, `${A}:1-10,${B}:1-3`), (4 + 3) * 1_024);
    assert.equal(distance(`@p=${A}`, `${A}:1-10@p=${A}`), 10 * 1_024);
    assert.equal(distance(`${A}:1-10`, `${A}:1-5`), 0);
    assert.equal(distance(`${A}:1-10`, `${B}:1-5`), undefined);
  });

  test('a replica with a transaction of its own has diverged from a primary that has not written since', () => {
    const primary = positionOf(`${A}:1-5`, { writes: true, own: A });
    const own = (gtids: string) => positionOf(gtids, { writes: false, own: B });
    assert.equal(positions.compare(own(`${A}:1-5,${B}:1`), primary), 'diverged');
    assert.equal(positions.compare(primary, own(`${A}:1-5,${B}:1`)), 'diverged');
    assert.equal(positions.compare(own(`${A}:1-5:tag:1,${B}:tag:1`), primary), 'diverged');
    assert.equal(positions.compare(own(`${A}:1-6`), primary), 'after', 'the primary has written more since');
    const promoted = positionOf(`${A}:1-5,${B}:1`, { writes: true, own: B });
    assert.equal(positions.compare(promoted, primary), 'after', 'a new primary writes by right');
    assert.equal(positions.compare(own(`${A}:1-5,${B}:1`), promoted), 'equal');
    const later = positionOf(`${A}:1-9`, { writes: false, own: A });
    assert.equal(positions.compare(later, primary), 'after', 'itself, no longer writable, wrote more before');
    assert.equal(
      positions.compare(own(`${A}:1-5,${B}:1`), position(`${A}:5`)),
      'after',
      'a write is no node',
    );
  });

  test('the mark of a position is not part of its GTIDs', () => {
    assert.equal(gtidsIn(positionOf(`${A}:1-5,\n${B}:1`, { writes: false, own: A })), `${A}:1-5,${B}:1`);
    assert.equal(gtidsIn(position(`${A}:1`)), `${A}:1`);
  });
});

const gtidSets = fc
  .array(
    fc.record({
      source: fc.constantFrom(A, B, `${A}:tag`),
      from: fc.integer({ min: 1, max: 30 }),
      length: fc.integer({ min: 0, max: 6 }),
    }),
    { maxLength: 8 },
  )
  .map((parts) =>
    setOf(parts.map(({ source, from, length }) => `${source}:${from}-${from + length}`).join(',')),
  );

const members = (set: GtidSet): Set<string> => {
  const all = new Set<string>();
  for (const [source, intervals] of set) {
    for (let i = 0; i < intervals.length; i += 2) {
      for (let n = intervals[i] ?? 0; n <= (intervals[i + 1] ?? 0); n++) all.add(`${source}#${n}`);
    }
  }
  return all;
};

describe('GTID sets', () => {
  test('order, difference, union and size are those of the sets of their members', () => {
    fc.assert(
      fc.property(gtidSets, gtidSets, (a, b) => {
        const one = members(a);
        const other = members(b);
        assert.deepEqual(members(subtract(a, b)), new Set([...one].filter((gtid) => !other.has(gtid))));
        assert.deepEqual([...members(union(a, b))].sort(), [...new Set([...one, ...other])].sort());
        assert.equal(size(a), one.size);
        const ahead = [...one].some((gtid) => !other.has(gtid));
        const behind = [...other].some((gtid) => !one.has(gtid));
        const expected = ahead ? (behind ? 'diverged' : 'after') : behind ? 'before' : 'equal';
        assert.equal(order(formatGtidSet(a), formatGtidSet(b)), expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('text and set say the same', () => {
    fc.assert(
      fc.property(gtidSets, (set) => {
        assert.deepEqual(members(setOf(formatGtidSet(set))), members(set));
      }),
    );
  });

  test('what is no GTID set is told', () => {
    for (const text of ['x', `${A}`, `${A}:`, `${A}:a-b`, `${A}:1-2:`, '0-1-2'])
      assert.equal(parseGtidSet(text), undefined, text);
  });
});

describe('positions of MariaDB', () => {
  const table: readonly (readonly [string, string, Order])[] = [
    ['0-1-5', '0-1-5', 'equal'],
    ['0-1-5', '0-1-7', 'before'],
    ['0-1-5,1-2-7', '0-1-5', 'after'],
    ['0-1-5,1-2-7', '0-1-6', 'diverged'],
    ['0-1-5', '0-2-5', 'diverged'],
    ['0-1-5', '0-1-5,0-2-6', 'before'],
    ['0-1-6', '0-1-5,0-2-7', 'diverged'],
    ['0-1-5', '0-2-7', 'diverged'],
    ['', '0-1-5', 'before'],
    ['0-1-107', '0-1-110,0-2-50', 'before'],
    ['0-1-107', '0-1-106,0-2-120', 'diverged'],
  ];
  for (const [a, b, expected] of table) {
    test(`${a || 'nothing'} is ${expected} to ${b}`, () => {
      assert.equal(order(a, b), expected);
      assert.equal(order(b, a), opposite[expected]);
    });
  }

  test('what a replica has written itself parts it from its primary, newer or older', () => {
    const primary = positionOf('0-1-105,0-2-50', { writes: true, own: '1' });
    const own = (gtids: string, server: string) => positionOf(gtids, { writes: false, own: server });
    assert.equal(positions.compare(own('0-1-105,0-3-106', '3'), primary), 'diverged');
    assert.equal(positions.compare(own('0-1-105,0-3-101', '3'), primary), 'diverged');
    assert.equal(positions.compare(own('0-1-105,0-2-50', '2'), primary), 'equal', 'an earlier primary');
    assert.equal(positions.compare(own('0-1-106,0-2-50', '2'), primary), 'after');
  });

  test('distance counts sequence numbers over all domains', () => {
    const distance = (a: string, b: string) => positions.distance(position(a), position(b));
    assert.equal(distance('0-1-5', '0-1-9,1-1-3'), 7 * 1_024);
    assert.equal(distance('@p=1', '0-1-9'), 9 * 1_024);
    assert.equal(distance('0-1-9', '0-1-5'), 0);
    assert.equal(distance('0-1-6', '0-1-5,0-2-7'), undefined);
  });

  test('a replica shows what it has applied, not what it has only logged, and what it wrote itself', () => {
    const seen = capped(stateOf('0-1-110,0-2-50,0-3-120,1-1-4'), stateOf('0-1-107'), '3');
    assert.equal(formatGtidState(seen), '0-1-107,0-2-50,0-3-120,1-1-4');
  });

  test('one server that writes orders all of its positions', () => {
    const sequence = fc.integer({ min: 1, max: 1_000 });
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const expected = a < b ? 'before' : a > b ? 'after' : 'equal';
        assert.equal(order(`0-1-${a}`, `0-1-${b}`), expected);
      }),
    );
  });

  test('comparing the other way round gives the opposite', () => {
    const states = fc
      .array(
        fc.tuple(
          fc.integer({ min: 0, max: 1 }),
          fc.integer({ min: 1, max: 3 }),
          fc.integer({ min: 1, max: 20 }),
        ),
        { maxLength: 5 },
      )
      .map((gtids) => gtids.map((gtid) => gtid.join('-')).join(','));
    fc.assert(
      fc.property(states, states, (a, b) => assert.equal(order(b, a), opposite[order(a, b)])),
      { numRuns: 1_000 },
    );
  });
});
