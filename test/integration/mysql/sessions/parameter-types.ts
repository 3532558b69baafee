import assert from 'node:assert/strict';
import {
  closeStatement,
  execute,
  type Given,
  longData,
  ping,
  prepare,
  query,
  resetConnection,
  resetStatement,
  type Typed,
} from '../../../support/mysql-commands.ts';
import { MysqlWire } from '../../../support/mysql-recorder.ts';
import { assertNothingLeft, LINKS, primaryOf } from '../../../support/mysql-sameness.ts';
import type { ConnectionFacts } from '../../../support/stage.ts';
import type { Suite } from './suite.ts';

const double = (value: number): Typed => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return { type: 5, value: bytes };
};
const typed = (type: number, ...value: number[]): Typed => ({ type, value: Buffer.from(value) });
/** One of each type that a server tells apart. */
const KINDS: readonly Given[] = [
  7,
  typed(0x8008, 9, 0, 0, 0, 0, 0, 0, 0),
  double(1.5),
  typed(246, 4, 0x33, 0x2e, 0x32, 0x35),
  typed(10, 4, 0xe8, 7, 3, 2),
  typed(12, 7, 0xe8, 7, 3, 2, 4, 5, 6),
  typed(11, 8, 0, 0, 0, 0, 0, 4, 5, 6),
  '12abc',
  null,
];
/** Of those that it does not; YEAR and INT24, which MySQL refuses. */
const OTHERS: readonly Given[] = [
  typed(1, 3),
  typed(0x8001, 200),
  typed(2, 3, 1),
  typed(3, 3, 1, 0, 0),
  typed(13, 3, 1),
  typed(9, 3, 1, 0, 0),
  typed(4, 0, 0, 0x20, 0x40),
  typed(0, 4, 0x33, 0x2e, 0x32, 0x35),
  typed(7, 7, 0xe8, 7, 3, 2, 4, 5, 6),
  typed(0xfc, 1, 0x62),
  typed(0xfe, 1, 0x63),
];

/** Commands that run on one link. */
type Step = readonly Buffer[];

const ONE = 'SELECT ?, v FROM own WHERE k = 1';
const one = (...values: readonly Given[]): Step[] => [
  [prepare(ONE)],
  ...values.map((value): Step => [execute(1, [value])]),
];
const many = (text: string, ...runs: readonly (readonly Given[])[]): Step[] => [
  [prepare(text)],
  ...runs.map((given): Step => [execute(1, given)]),
];

/** Each step in a transaction of its own; `between` is done behind each. */
async function told(door: ConnectionFacts, steps: readonly Step[], between: () => Promise<void>) {
  await using client = await MysqlWire.open(door);
  for (const step of steps) {
    await client.ask(query('BEGIN'), ...step, query('COMMIT'));
    await between();
  }
  return client.heard;
}

/** Somebody who holds a link to the primary. */
async function holder(door: ConnectionFacts): Promise<MysqlWire> {
  const client = await MysqlWire.open(door);
  await client.texts('BEGIN', 'SELECT COUNT(*) FROM neighbours');
  return client;
}

export function parameterTypes({ stage, test, flavour }: Suite): void {
  /** What the steps are told where each one runs on another link than the one before. */
  async function movingOn(steps: readonly Step[]): Promise<string[]> {
    assert.equal(LINKS, 2, 'somebody holds one link, the other one is free');
    const door = stage().proxied;
    let other = await holder(door);
    try {
      return await told(door, steps, async () => {
        const next = await holder(door);
        await other.close();
        other = next;
      });
    } finally {
      await other.close();
    }
  }

  async function assertSameMovingOn(steps: readonly Step[]): Promise<void> {
    const direct = await told(stage().direct(primaryOf(stage())), steps, () => Promise.resolve());
    assert.deepEqual(await movingOn(steps), direct);
  }

  const same = (name: string, ...scripts: readonly (readonly Step[])[]): void =>
    test(name, async () => {
      for (const steps of scripts) await assertSameMovingOn(steps);
      await assertNothingLeft(stage());
    });

  same(
    'a text is on every link what the server makes of it where a number was before',
    one(7, '12abc', 7),
    one(7, '12abc', '12abc', double(1.5), '12abc', 7, '12abc'),
    one('12abc', 7, '12abc'),
    one(null, '12abc', null, 7, null, '12abc'),
  );

  test('of any two types the second is taken on another link as the server takes it', async () => {
    const pairs = [
      ...KINDS.flatMap((first) => KINDS.map((second) => [first, second] as const)),
      ...OTHERS.flatMap((value) => [[value, 7] as const, [7, value] as const]),
    ];
    const steps = pairs.flatMap(([first, second], at): Step[] => [
      [prepare(ONE)],
      [execute(at + 1, [first])],
      [execute(at + 1, [second]), execute(at + 1, ['12abc'])],
      [closeStatement(at + 1), ping],
    ]);
    await assertSameMovingOn(steps);
  });

  same(
    'a run that gives one parameter another type gives it to all',
    many('SELECT ?, ?', [7, 'a'], ['a', 7], ['b', 'b'], [7, null], ['a', 'a']),
    many('SELECT ?, ?', [7, null], [null, 7], ['a', null], ['a', 'a']),
    many('SELECT ?, ?', [7, 7], [null, 7], ['a', 'a'], [null, double(1.5)], ['a', 'a']),
    many('SELECT ?, ?', [7, 'a'], ['a', 7], ['a', double(1)], [7, 7], ['a', 'a']),
    many(
      'SELECT ?, ?, ?',
      [7, 'a', 7],
      ['a', 7, double(1)],
      ['a', 'a', 7],
      [null, 7, 'a'],
      [double(1), 'a', 'a'],
    ),
    many('SELECT COALESCE(?, ?)', [7, 7], [null, 7], [null, 'a'], ['a', 7]),
    many('SELECT k FROM own WHERE v = ? OR k = ? LIMIT ?', [7, 1, 5], ['one', '1', 5], ['two', double(2), 1]),
  );

  same(
    'character sets, modes and a reset of the statement do not change the type',
    [...one(7), [resetStatement(1)], [execute(1, ['12abc'])]],
    [...one(7), [query('SET NAMES latin1')], [execute(1, ['12abc'])], [execute(1, [7])], [execute(1, ['a'])]],
    [...one(7), [query('SET NAMES latin1'), query('SET NAMES utf8mb4')], [execute(1, ['12abc'])]],
    [...one(7), [query("SET sql_mode='ANSI_QUOTES'")], [execute(1, ['12abc'])]],
    [...one(7), [query("SET time_zone='+03:00'")], [execute(1, ['12abc'])]],
  );

  same(
    'the type is gone with the statement and with what the session was',
    [...one(7), [closeStatement(1), prepare(ONE)], [execute(2, ['12abc'])], [execute(2, ['12abc'])]],
    [...one(7), [resetConnection], [prepare(ONE)], [execute(2, ['12abc'])], [execute(2, ['12abc'])]],
  );

  same(
    'runs that do not say their types again',
    [...one(7), [execute(1, [8], { types: false })], [execute(1, ['12abc'])]],
    [...one(7, '12abc'), [execute(1, ['a'], { types: false })], [execute(1, ['b'], { types: false })]],
    [...one(7, '12abc', 7), [execute(1, ['b'])], [execute(1, ['b'], { types: false })]],
  );

  // MariaDB answers such data with other bytes behind a number.
  if (flavour === 'mysql') {
    same('long data', [
      ...one(7),
      [longData(1, 0, '12abc'), execute(1, [['long']])],
      [execute(1, ['12abc'])],
    ]);
  }

  test('what other sessions have given the same text is theirs', async () => {
    const door = stage().proxied;
    const direct = stage().direct(primaryOf(stage()));
    const alone = () => Promise.resolve();
    const lives = [
      one(double(1.5), '12abc'),
      one(7, '12abc'),
      one('12abc', '12abc'),
      one(typed(10, 4, 0xe8, 7, 3, 2), 7),
    ];
    const expected: string[][] = [];
    for (const life of lives) expected.push(await told(direct, life, alone));
    for (let round = 0; round < 5; round++) {
      assert.deepEqual(await Promise.all(lives.map((life) => told(door, life, alone))), expected);
    }
  });
}
