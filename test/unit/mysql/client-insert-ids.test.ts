import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Plan } from '../../../src/core/wire.ts';
import * as com from '../../../src/mysql/commands.ts';
import { queryCommand } from '../../../src/mysql/messages.ts';
import { commands, end, FakeLink, run, type Session, session, takes } from './client-side.ts';

let at: Session;
beforeEach(() => {
  at = session();
});

describe('the client half of a session: LAST_INSERT_ID()', () => {
  const SELECT_ID = [[com.COM_QUERY, 'SELECT LAST_INSERT_ID()']];
  const asked = (question: Plan | undefined) => (question === undefined ? [] : commands(question.bytes));
  const learn = (id: number) => at.client.learned(end({ rows: [[String(id)]] }));

  test('an INSERT that tells a value has the server asked: the value may have been given and not generated', () => {
    const { plan, question } = run(at, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n });
    assert.equal(commands(plan.bytes).length, 1);
    assert.deepEqual(asked(question), SELECT_ID);
    learn(5);
    at.link = new FakeLink();
    assert.deepEqual(commands(run(at, queryCommand('SELECT LAST_INSERT_ID()')).plan.bytes), [
      [com.COM_QUERY, 'DO LAST_INSERT_ID(5)'],
      [com.COM_QUERY, 'SELECT LAST_INSERT_ID()'],
    ]);
  });

  test('a value that was given changes nothing, whatever the link had', () => {
    run(at, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n });
    learn(5);
    at.link = new FakeLink();
    assert.deepEqual(
      asked(run(at, queryCommand('INSERT INTO t VALUES (7)'), { insertId: 7n }).question),
      SELECT_ID,
    );
    at.client.learned(end({ rows: [['99']] }));
    at.link = new FakeLink();
    const { plan } = run(at, queryCommand('SELECT LAST_INSERT_ID()'));
    assert.deepEqual(commands(plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(5)']);
  });

  test('a link that has gone on to others after an error is nobody’s own, though the error looked like a transaction', () => {
    const link = new FakeLink();
    at.link = link;
    // An ERR packet has no status: without autocommit it may stand for a transaction.
    run(at, queryCommand('SELEKT'), { error: '1064', status: 'transaction' });
    at.client.learned(end({ rows: [['0']] }));
    const other = session();
    other.link = link;
    run(other, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n });
    other.client.learned(end({ rows: [['5']] }));
    at.link = new FakeLink();
    const { question } = run(at, queryCommand('SELECT 1'), { rowCount: 1 });
    if (question !== undefined) at.client.learned(end({ rows: [['0']] }));
    const fresh = session();
    fresh.link = link;
    const { plan } = run(fresh, queryCommand('SELECT LAST_INSERT_ID()'));
    assert.deepEqual(commands(plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(0)']);
  });

  test('where nothing can have changed nothing is asked', () => {
    for (const text of [
      'INSERT INTO t VALUES (5)',
      'UPDATE t SET a = 1',
      'DELETE FROM t',
      'ALTER TABLE t ADD b INT',
    ]) {
      assert.deepEqual(asked(run(at, queryCommand(text)).question), [], text);
    }
    assert.deepEqual(asked(run(at, queryCommand('SELECT 1'), { rowCount: 1 }).question), []);
  });

  test('what changes it without a word has the link told it first, and asked afterwards', () => {
    for (const text of ['CALL p()', "LOAD DATA INFILE 'x' INTO TABLE t", 'DO LAST_INSERT_ID(5)']) {
      at = session();
      const { plan, question } = run(at, queryCommand(text));
      assert.deepEqual(commands(plan.bytes), [
        [com.COM_QUERY, 'DO LAST_INSERT_ID(0)'],
        [com.COM_QUERY, text],
      ]);
      assert.deepEqual(takes(plan.expect), ['swallow result', 'forward result']);
      assert.deepEqual(asked(question), SELECT_ID, text);
    }
  });

  test('UPDATE … LAST_INSERT_ID(expr) tells it', () => {
    const { question } = run(at, queryCommand('UPDATE t SET a = LAST_INSERT_ID(a + 1)'), { insertId: 9n });
    assert.deepEqual(asked(question), []);
    at.link = new FakeLink();
    const { plan } = run(at, queryCommand('SELECT LAST_INSERT_ID()'));
    assert.deepEqual(commands(plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(9)']);
  });

  test('within a transaction the link knows it, and is asked at the end', () => {
    at.facts = { ...at.facts, inTransaction: true };
    const status = 'transaction';
    const first = run(at, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n, status });
    assert.deepEqual(commands(first.plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(0)']);
    assert.deepEqual(asked(first.question), []);
    const second = run(at, queryCommand('INSERT INTO t VALUES (LAST_INSERT_ID())'), { insertId: 6n, status });
    assert.equal(commands(second.plan.bytes).length, 1);
    assert.deepEqual(asked(second.question), []);
    assert.deepEqual(asked(run(at, queryCommand('COMMIT')).question), SELECT_ID);
    learn(6);
    assert.deepEqual(asked(run(at, queryCommand('SELECT 1'), { rowCount: 1 }).question), []);
  });

  test('a link that holds the value already is told nothing', () => {
    run(at, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n });
    learn(5);
    assert.equal(commands(run(at, queryCommand('SELECT LAST_INSERT_ID()')).plan.bytes).length, 1);
    at.link.statements.clear();
    assert.equal(
      commands(run(at, queryCommand('SELECT LAST_INSERT_ID()')).plan.bytes).length,
      2,
      'but after a reset',
    );
  });

  test('another session that uses the link does not see it', () => {
    run(at, queryCommand('INSERT INTO t VALUES (5)'), { insertId: 5n });
    learn(5);
    const other = { ...session(), link: at.link };
    const { plan } = run(other, queryCommand('SELECT LAST_INSERT_ID()'), { rowCount: 1 });
    assert.deepEqual(commands(plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(0)']);
  });
});
