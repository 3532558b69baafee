import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan } from '../../../src/core/wire.ts';
import * as com from '../../../src/mysql/commands.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { HEADER } from '../../../src/mysql/packets.ts';
import { FULL_TRAITS, Reply, type Traits } from '../../../src/mysql/reply.ts';
import { commands, end as ended, execute, prepare, run, type Session, session, take } from './client-side.ts';
import {
  AC,
  answer,
  column,
  count,
  end,
  err,
  feed,
  forwarded,
  ok,
  preparedOk,
  Recorder,
  reporting,
  row,
  type Said,
  side,
  swallowed,
  tracked,
} from './replies.ts';

const OLD: Traits = { deprecateEof: false, sessionTrack: false, localFiles: false };
const rows = (...values: string[]) => [count(1), column('a'), ...values.map((value) => row(value)), end()];

/** Answers of a server, each with what it is to its session. */
const ANSWERS: readonly (readonly [Buffer, Reply])[] = [
  [answer(...rows('one')), forwarded('result', { traits: OLD })],
  [answer(...rows('two', 'three')), forwarded('result', { traits: FULL_TRAITS })],
  [answer(count(1), column('a'), end(AC, { warnings: 3 })), forwarded('result', { traits: OLD })],
  [answer(err(1054)), forwarded('result', { traits: OLD })],
  [answer(count(1), column('a'), row('half'), err(1317)), forwarded('result', { traits: OLD })],
  [answer(ok(AC, { affectedRows: 7n, insertId: 9n, warnings: 1 })), forwarded('result')],
  [answer(preparedOk(5, 2, 1), column('?'), column('a'), column('b')), forwarded('prepare', { traits: OLD })],
  [answer(preparedOk(6, 1, 0), column('a')), swallowed('prepare')],
  [answer(reporting(tracked.variable('time_zone', '+01:00'))), forwarded('result', { traits: OLD })],
  [answer(reporting(tracked.state())), forwarded('result')],
  [answer(...rows('x'.repeat(9_000))), forwarded('result', { traits: OLD })],
  [answer(...rows('y'.repeat(20_000))), forwarded('result', { traits: OLD })],
  [
    answer(count(1), column('a'), row('1'), end(AC | 8), ok(AC)),
    forwarded('result', { traits: FULL_TRAITS }),
  ],
];

interface Heard {
  readonly bytes: Buffer;
  readonly said: Said | undefined;
}

/** What a session hears of its answer where nobody else is on the link. */
function alone([bytes, expect]: readonly [Buffer, Reply]): Heard {
  const sink = feed(side(), new Recorder(expect), bytes);
  return { bytes: sink.bytes, said: sink.said[0] };
}

/** Writes down apart what each session hears. */
class Apart extends Recorder {
  readonly heard: Heard[] = [];
  override done(outcome: Said): void {
    super.done(outcome);
    this.heard.push({ bytes: this.bytes, said: this.said.at(-1) });
    this.delivered.length = 0;
  }
}

describe('the server half of a link that sessions share', () => {
  test('every session hears of its answer what it would hear alone, whoever stands beside it', () => {
    const expected = ANSWERS.map(alone);
    const all = Buffer.concat(ANSWERS.map(([bytes]) => bytes));
    for (const size of [all.length, 16_384, 4_099, 997, 64, 5, 1]) {
      const sink = new Apart(...ANSWERS.map(([, expect]) => expect));
      feed(side(), sink, all, size);
      for (const [at, { bytes, said }] of expected.entries()) {
        assert.deepEqual(sink.heard[at]?.said, said, `${at} in pieces of ${size}`);
        assert.equal(
          sink.heard[at]?.bytes.toString('hex'),
          bytes.toString('hex'),
          `${at} in pieces of ${size}`,
        );
      }
    }
  });

  test('in any order', () => {
    const expected = ANSWERS.map(alone);
    for (let turn = 1; turn < ANSWERS.length; turn++) {
      const order = ANSWERS.map((_, at) => (at * turn + turn) % ANSWERS.length);
      const sink = new Apart(...order.map((at) => ANSWERS[at]?.[1] as Reply));
      feed(side(), sink, Buffer.concat(order.map((at) => ANSWERS[at]?.[0] as Buffer)));
      for (const [at, which] of order.entries()) {
        assert.deepEqual(sink.heard[at]?.said, expected[which]?.said);
        assert.deepEqual(sink.heard[at]?.bytes, expected[which]?.bytes);
      }
    }
  });

  test('a statement without room is not closed while others may be about to run it', () => {
    const at = side();
    at.server.statements.set('a', 1);
    at.server.statements.forget('a');
    const sink = new Recorder(swallowed('prepare'), forwarded('result'));
    feed(at, sink, answer(preparedOk(2, 0, 0)));
    assert.equal(at.channel.written.length, 0);
    assert.deepEqual(at.server.statements.takeClosing(), command(com.COM_STMT_CLOSE, uint32(1)));
  });
});

const NUMBER = HEADER + 1;

/** Two sessions on one link. */
function pair(): [Session, Session] {
  const one = session();
  return [one, { ...session(), link: one.link }];
}

const planned = (at: Session, unit: Parameters<Session['client']['plan']>[0]): Plan => {
  const plan = at.client.plan(unit, at.link.asServer, false);
  assert.ok(plan !== undefined);
  return plan;
};

const answeredPrepare = ({ expect }: Plan, id: number, parameters = 0): void => {
  assert.ok(expect instanceof Reply);
  for (const { prepared } of expect.answers) prepared?.(id, parameters);
};

describe('the client half on a link that sessions share', () => {
  const mayShare = (at: Session, bytes: Buffer): boolean => at.client.mayShare(take(at, bytes).unit);

  test('a read may be among others', () => {
    const at = session();
    assert.equal(mayShare(at, queryCommand('SELECT 1')), true);
    at.client.completed(take(at, queryCommand('SELECT 1')).unit, ended());
    prepare(at, 'SELECT 1', 11);
    assert.equal(mayShare(at, execute(1)), true);
  });

  test('what is not all of its unit may not', () => {
    for (const text of [
      'SELECT LAST_INSERT_ID()',
      "SET NAMES 'latin1'",
      'UPDATE t SET a = 1',
      'SELECT CONNECTION_ID()',
      'BEGIN',
    ])
      assert.equal(mayShare(session(), queryCommand(text)), false, text);
    assert.equal(mayShare(session(), command(com.COM_STMT_PREPARE, 'SELECT 1')), false, 'PREPARE');
    assert.equal(mayShare(session(), command(com.COM_STATISTICS)), false);
  });

  test('nor a read that has something ahead of it', () => {
    const held = session();
    const { unit } = take(held, queryCommand('SET TRANSACTION READ ONLY'));
    held.client.supply(unit, 'idle');
    assert.equal(mayShare(held, queryCommand('SELECT 1')), false, 'a SET TRANSACTION');

    const long = session();
    prepare(long, 'SELECT ?', 11, 1);
    long.client.push(
      command(com.COM_STMT_SEND_LONG_DATA, uint32(1), Buffer.from([0, 0]), Buffer.from('long')),
    );
    assert.equal(mayShare(long, execute(1, Buffer.from([0, 1, 0xfc, 0]))), false, 'long data');

    const cursor = session();
    prepare(cursor, 'SELECT 1', 11);
    const opens = command(com.COM_STMT_EXECUTE, uint32(1), Buffer.from([1, 1, 0, 0, 0]));
    assert.equal(mayShare(cursor, opens), false, 'a cursor');
  });

  test('nor one that is prepared under settings that are no longer those of its session', () => {
    const at = session();
    prepare(at, 'SELECT 1', 11);
    const { client, link, facts } = at;
    const settings = { ...at.facts.settings };
    const values = new Map([...settings.values, ['sql_mode', 'ANSI'] as const]);
    const now = { client, link, channel: at.channel, facts: { ...facts, settings: { ...settings, values } } };
    assert.equal(mayShare(now, execute(1)), false);
  });

  test('bytes that were given out stay as they are when the unit is planned for another link', () => {
    const at = session();
    const { link } = at;
    prepare(at, 'SELECT 1', 11);
    const { unit } = take(at, execute(1));
    const first = planned(at, unit);
    const before = Buffer.from(first.bytes);
    at.link = session().link;
    answeredPrepare(planned(at, unit), 77);
    const second = planned(at, unit);
    assert.equal(second.bytes.readUInt32LE(NUMBER), 77);
    assert.deepEqual(first.bytes, before);
    assert.equal(first.bytes.readUInt32LE(NUMBER), 11);
    assert.deepEqual(second.expect, first.expect);
    // And once more where it began.
    at.link = link;
    assert.equal(planned(at, unit).bytes.readUInt32LE(NUMBER), 11);
    assert.equal(second.bytes.readUInt32LE(NUMBER), 77);
  });

  test('a unit that was moved ends once, and the next one is taken', () => {
    const at = session();
    const { unit } = take(at, queryCommand('SELECT 1'), queryCommand('SELECT 2'));
    planned(at, unit);
    assert.equal(at.client.next(), undefined);
    at.link = session().link;
    planned(at, unit);
    assert.equal(at.client.next(), undefined);
    assert.equal(at.client.completed(unit, ended()), undefined);
    assert.ok(at.client.next() !== undefined);
  });

  test('two sessions that prepare the same text at once both run it, and the second statement is closed', () => {
    const [one, two] = pair();
    for (const at of [one, two]) prepare(at, 'SELECT 1', 11);
    one.link.statements.clear();
    const a = take(one, execute(1)).unit;
    const b = take(two, execute(1)).unit;
    const first = planned(one, a);
    const second = planned(two, b);
    assert.deepEqual([first.before, second.before], [true, true]);
    answeredPrepare(first, 21);
    const runs = planned(one, a);
    answeredPrepare(second, 22);
    const behind = planned(two, b);
    assert.equal(runs.bytes.readUInt32LE(NUMBER), 21);
    const sent = commands(behind.bytes);
    assert.deepEqual(
      sent.map(([name]) => name),
      [com.COM_STMT_CLOSE, com.COM_STMT_EXECUTE],
    );
    assert.deepEqual(
      sent.map(([, text]) => Buffer.from(text, 'latin1').readUInt32LE(0)),
      [22, 21],
    );
  });

  test('what is asked behind a unit is asked again when it has run once more', () => {
    const at = session();
    const { plan, question } = run(at, queryCommand('SELECT 1'), { rowCount: 1, warnings: 2 });
    assert.ok(plan !== undefined && question !== undefined);
    const { unit } = take(at, queryCommand('SELECT 2'));
    const end = ended({ rowCount: 1, warnings: 2 });
    planned(at, unit);
    assert.ok(at.client.completed(unit, end) !== undefined);
    at.link = session().link;
    planned(at, unit);
    const again = at.client.completed(unit, end);
    assert.deepEqual(commands(again?.bytes ?? Buffer.alloc(0)), [[com.COM_QUERY, 'SHOW WARNINGS']]);
  });

  test('a unit that ends otherwise when it runs once more is not asked about: its client has the other answer', () => {
    const at = session();
    const { unit } = take(at, queryCommand('SELECT 1'));
    planned(at, unit);
    assert.ok(at.client.completed(unit, ended({ error: '1317', message: 'interrupted' })) !== undefined);
    planned(at, unit);
    assert.equal(at.client.completed(unit, ended({ rowCount: 1 })), undefined);
    at.client.learned(ended());
    const shown = take(at, queryCommand('SHOW WARNINGS')).unit;
    at.channel.written = Buffer.alloc(0);
    at.client.supply(shown, 'idle');
    assert.match(at.channel.written.toString('latin1'), /1317.*interrupted/s);
  });
});
