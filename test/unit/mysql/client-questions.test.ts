import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import * as com from '../../../src/mysql/commands.ts';
import { command, queryCommand } from '../../../src/mysql/messages.ts';
import { HEADER, lengthAt } from '../../../src/mysql/packets.ts';
import { Reply } from '../../../src/mysql/reply.ts';
import {
  answer,
  commands,
  end,
  errorIn,
  execute,
  FakeLink,
  prepare,
  run,
  type Session,
  session,
  take,
  takes,
} from './client-side.ts';

let at: Session;
beforeEach(() => {
  at = session();
});

describe('the client half of a session: what it tells of its last statement', () => {
  const value = (text: string): string => {
    const told = answer(at, queryCommand(text));
    // The row is the last packet but one.
    const packets: Buffer[] = [];
    for (let from = 0; from < told.length; from += HEADER + lengthAt(told, from)) {
      packets.push(told.subarray(from + HEADER, from + HEADER + lengthAt(told, from)));
    }
    return packets.at(-2)?.toString('latin1', 1) ?? '';
  };
  const warnings = [
    ['Warning', '1264', 'Out of range'],
    ['Error', '1062', 'Duplicate'],
  ];

  test('a statement with warnings has the server asked for them', () => {
    const { question } = run(at, queryCommand('INSERT IGNORE INTO t VALUES (1)'), { warnings: 2 });
    assert.deepEqual(commands(question?.bytes ?? Buffer.alloc(0)), [[com.COM_QUERY, 'SHOW WARNINGS']]);
    assert.equal(question?.expect.capture, true);
    at.client.learned(end({ rows: warnings }));
    const told = answer(at, queryCommand('SHOW WARNINGS')).toString('latin1');
    assert.match(told, /Warning.1264.Out of range/);
    assert.match(told, /Error.1062.Duplicate/s);
    const errors = answer(at, queryCommand('SHOW ERRORS')).toString('latin1');
    assert.doesNotMatch(errors, /Out of range/);
    assert.match(errors, /Duplicate/);
    assert.doesNotMatch(
      answer(at, queryCommand('SHOW WARNINGS LIMIT 1, 1')).toString('latin1'),
      /Out of range/,
    );
    assert.equal(value('SHOW COUNT(*) WARNINGS'), '2');
    assert.equal(value('SHOW COUNT(*) ERRORS'), '1');
    assert.equal(value('SELECT @@warning_count'), '2');
  });

  test('warnings and LAST_INSERT_ID() are asked together', () => {
    const { question } = run(at, queryCommand('INSERT INTO t VALUES (1)'), { warnings: 1, insertId: 3n });
    assert.deepEqual(commands(question?.bytes ?? Buffer.alloc(0)), [
      [com.COM_QUERY, 'SHOW WARNINGS'],
      [com.COM_QUERY, 'SELECT LAST_INSERT_ID()'],
    ]);
    assert.deepEqual(takes(question?.expect ?? new Reply([])), ['swallow result', 'swallow result']);
    at.client.learned(end({ rows: [['Note', '1', 'n'], ['3']] }));
    assert.equal(value('SELECT @@warning_count'), '1');
    at.link = new FakeLink();
    assert.deepEqual(commands(run(at, queryCommand('SELECT LAST_INSERT_ID()')).plan.bytes)[0], [
      com.COM_QUERY,
      'DO LAST_INSERT_ID(3)',
    ]);
  });

  test('an error is what SHOW WARNINGS shows', () => {
    const { question } = run(at, queryCommand('SELECT x'), { error: '1054', message: 'Unknown column' });
    assert.equal(commands(question?.bytes ?? Buffer.alloc(0))[0]?.[1], 'SHOW WARNINGS');
    assert.match(answer(at, queryCommand('SHOW WARNINGS')).toString('latin1'), /Unknown column/);
    assert.equal(value('SELECT ROW_COUNT()'), '-1');
  });

  test('a server that says goodbye is asked nothing', () => {
    for (const error of ['1053', '1927']) {
      assert.equal(run(at, queryCommand('SELECT 1'), { error, message: 'bye' }).question, undefined);
    }
  });

  test('an error of the proxy’s own is the last statement’s, too', () => {
    take(at, queryCommand('SELECT 1'));
    at.client.fail(new ProxyError('POOL_TIMEOUT', { side: 'proxy', retry: 'safe', tell: 'no link' }));
    assert.equal(errorIn(at.channel.written), 1040);
    assert.match(answer(at, queryCommand('SHOW WARNINGS')).toString('latin1'), /no link/);
  });

  test('in MySQL every statement clears the conditions, in MariaDB one that uses a table', () => {
    for (const [version, left] of [
      ['9.7.4', '0'],
      ['10.11.19-MariaDB', '1'],
    ] as const) {
      at = session(version);
      run(at, queryCommand('INSERT IGNORE INTO t VALUES (1)'), { warnings: 1 });
      run(at, queryCommand('SELECT 1'), { rowCount: 1 });
      assert.equal(value('SHOW COUNT(*) WARNINGS'), left, version);
      run(at, queryCommand('SELECT * FROM t'), { rowCount: 1 });
      assert.equal(value('SHOW COUNT(*) WARNINGS'), '0', version);
    }
  });

  test('ROW_COUNT() and FOUND_ROWS() are those of the session’s last statement', () => {
    run(at, queryCommand('SELECT 1'), { rowCount: 3 });
    assert.equal(value('SELECT FOUND_ROWS()'), '3');
    run(at, queryCommand('UPDATE t SET a = 1'), { affectedRows: 7n });
    assert.equal(value('SELECT ROW_COUNT()'), '7');
    assert.equal(value('SELECT ROW_COUNT()'), '-1');
    assert.equal(value('SELECT FOUND_ROWS()'), '1');
    run(at, queryCommand('UPDATE t SET a = 1'), { affectedRows: 7n });
    answer(at, command(com.COM_PING));
    assert.equal(value('SELECT ROW_COUNT()'), '0');
  });

  test('what SQL_CALC_FOUND_ROWS counts is asked; what nobody can tell is an error and no guess', () => {
    const { question } = run(at, queryCommand('SELECT SQL_CALC_FOUND_ROWS 1 LIMIT 1'), { rowCount: 1 });
    assert.equal(
      commands(question?.bytes ?? Buffer.alloc(0))[0]?.[1],
      'SELECT LAST_INSERT_ID(), FOUND_ROWS()',
    );
    at.client.learned(end({ rows: [['0', '42']] }));
    assert.equal(value('SELECT FOUND_ROWS()'), '42');
    assert.equal(value('SHOW COUNT(*) WARNINGS'), '1', 'MySQL warns of it');
    run(at, queryCommand('SELECT 1 LIMIT 2 OFFSET 1'), { rowCount: 1 });
    assert.equal(errorIn(answer(at, queryCommand('SELECT FOUND_ROWS()'))), 1235);
  });

  test('CONNECTION_ID() is the session’s number', () => {
    assert.equal(value('SELECT CONNECTION_ID()'), '4711');
  });

  test('a question that was prepared is answered in binary', () => {
    run(at, queryCommand('UPDATE t SET a = 1'), { affectedRows: 258n });
    prepare(at, 'SELECT ROW_COUNT()', 11);
    const told = answer(at, execute(1)).toString('hex');
    assert.match(told, /0a000003(0000)(0201000000000000)/);
  });

  test('what only the proxy knows is kept and confirmed', () => {
    assert.equal(errorIn(answer(at, queryCommand("SET pointsman.route = 'primary'"))), 0);
    assert.deepEqual(take(at, queryCommand('SELECT 1')).intent.hint, { to: 'primary' });
  });
});
