import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Intent } from '../../../src/core/intent.ts';
import { changed, settingsOf } from '../../../src/core/settings.ts';
import * as com from '../../../src/mysql/commands.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { FULL, HEADER, packet } from '../../../src/mysql/packets.ts';
import {
  answer,
  BASE,
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

describe('the client half of a session: what commands want', () => {
  test('a text is judged by what it says', () => {
    assert.equal(take(at, queryCommand('SELECT 1')).intent.kind, 'read');
    assert.equal(take(at, queryCommand('INSERT INTO t VALUES (1)')).intent.kind, 'write');
  });

  test('a PREPARE of a read may go where reads go, another stays where the session is', () => {
    assert.equal(take(at, command(com.COM_STMT_PREPARE, 'SELECT ?')).intent.kind, 'read');
    assert.equal(take(at, command(com.COM_STMT_PREPARE, 'DELETE FROM t')).intent.kind, 'session');
  });

  test('an EXECUTE wants what its text wants', () => {
    prepare(at, 'SELECT 1', 11);
    prepare(at, 'DELETE FROM t', 12);
    assert.equal(take(at, execute(1)).intent.kind, 'read');
    assert.equal(take(at, execute(2)).intent.kind, 'write');
  });

  test('a cursor stays on the primary', () => {
    prepare(at, 'SELECT 1', 11);
    const cursor = execute(1);
    cursor[9] = 1;
    assert.equal(take(at, cursor).intent.kind, 'write');
  });

  test('with autocommit off, or serializable transactions, a read goes to the primary', () => {
    for (const [name, value] of [
      ['autocommit', 'OFF'],
      ['transaction_isolation', 'SERIALIZABLE'],
      ['tx_isolation', 'SERIALIZABLE'],
    ] as const) {
      const settings = settingsOf([...BASE, [name, value]]);
      at = session('9.7.4', settings);
      assert.equal(take(at, queryCommand('SELECT 1')).intent.kind, 'write', name);
    }
  });

  test('COM_SET_OPTION is a setting of the session', () => {
    assert.deepEqual(take(at, command(com.COM_SET_OPTION, Buffer.from([0, 0]))).intent.settings, [
      { name: ':multi', value: 'on' },
    ]);
    assert.deepEqual(take(at, command(com.COM_SET_OPTION, Buffer.from([1, 0]))).intent.settings, [
      { name: ':multi', value: null },
    ]);
    assert.deepEqual(take(at, command(com.COM_SET_OPTION, Buffer.from([7, 0]))).intent.settings, []);
  });

  test('COM_RESET_CONNECTION keeps the schema and takes back the character set of the log-in', () => {
    const { intent } = take(at, command(com.COM_RESET_CONNECTION));
    assert.equal(intent.resets, true);
    assert.deepEqual([...changed(at.facts.settings, intent.settings).values], [[':schema', 'demo']]);
  });

  test('COM_PROCESS_KILL strikes the session with the number that clients know', () => {
    const { intent } = take(at, command(com.COM_PROCESS_KILL, uint32(99)));
    assert.deepEqual([intent.here, intent.strikes], [true, { session: 99, what: 'session' }]);
  });

  test('what the server itself does not know is refused in its words', () => {
    for (const code of [0, 0x0b, 0x1d, 0x50, com.COM_STMT_BULK_EXECUTE]) {
      assert.equal(errorIn(answer(at, command(code))), 1047, String(code));
    }
    assert.equal(errorIn(answer(at, packet(0, Buffer.alloc(0)))), 1047);
  });

  test('a replica is told to connect to the server itself', () => {
    const told = answer(at, command(0x12));
    assert.equal(errorIn(told), 1235);
    assert.match(told.toString(), /COM_BINLOG_DUMP is not passed on/);
  });

  test('a text over the limit goes to the primary, and stays there if it may hold a lock', () => {
    const large = (text: string): Intent => {
      at = session();
      const { unit, intent } = take(at, queryCommand(text));
      assert.equal(unit.extent, 'open');
      at.client.plan(unit, at.link.asServer, false);
      for (let piece = at.client.next(); piece !== undefined; piece = at.client.next());
      return intent;
    };
    const values = ',(1)'.repeat(400_000);
    assert.deepEqual(
      [
        large(`INSERT INTO t VALUES (1)${values}`),
        large(`INSERT INTO t VALUES (1)${values},(Get_LOCK('a', 1))`),
        large(`/*!50000 SET */ @a = 1${values}`),
      ].map(({ kind, pin }) => [kind, pin]),
      [
        ['write', undefined],
        ['write', 'streamed-text'],
        ['write', 'streamed-text'],
      ],
    );
  });

  test('a lock whose name is cut in two is seen', () => {
    const text = queryCommand(`INSERT INTO t VALUES (1)${' '.repeat(1_100_000)}, (get_lock('a', 1))`);
    const cut = text.indexOf('_lock');
    at.client.push(text.subarray(0, cut));
    const unit = at.client.next();
    assert.ok(unit !== undefined);
    const intent = at.client.classify(unit, at.facts);
    at.client.plan(unit, at.link.asServer, false);
    assert.equal(intent.pin, undefined);
    for (let from = cut; from < text.length; from += 2) at.client.push(text.subarray(from, from + 2));
    while (at.client.next() !== undefined);
    assert.equal(intent.pin, 'streamed-text');
  });
});

describe('the client half of a session: one command after another', () => {
  test('what comes behind a command that runs is not looked at before it has ended', () => {
    const { unit } = take(at, Buffer.concat([queryCommand('USE other'), queryCommand('SELECT 1')]));
    at.client.plan(unit, at.link.asServer, false);
    assert.equal(at.client.next(), undefined);
    at.client.completed(unit, end());
    assert.equal(at.client.next()?.bytes.toString('latin1', 5), 'SELECT 1');
  });

  test('the goodbye behind a command that runs is seen at once', () => {
    const { unit } = take(at, Buffer.concat([queryCommand('DELETE FROM t'), command(com.COM_QUIT)]));
    at.client.plan(unit, at.link.asServer, false);
    assert.equal(at.client.next()?.extent, 'quit');
  });

  test('a client that sends on and on while a command runs is no longer read', () => {
    let paused = 0;
    at.channel.pause = () => {
      paused++;
    };
    at.channel.resume = () => {
      paused--;
    };
    const { unit } = take(at, queryCommand('DELETE FROM t'));
    at.client.plan(unit, at.link.asServer, false);
    for (let sent = 0; sent < 10; sent++) at.client.push(queryCommand('x'.repeat(20_000)));
    assert.equal(paused, 1);
    at.client.completed(unit, end());
    assert.ok(at.client.next() !== undefined);
    assert.equal(paused, 0);
  });

  test('a unit waits while the link owes something', () => {
    const { unit } = take(at, queryCommand('SELECT 1'));
    assert.equal(at.client.plan(unit, at.link.asServer, true), undefined);
  });

  test('a lone command is sent as the memory that was read', () => {
    const bytes = queryCommand('SELECT 1');
    const { plan } = run(at, bytes);
    assert.equal(plan.bytes.buffer, bytes.buffer);
    assert.deepEqual(takes(plan.expect), ['forward result']);
  });

  test('data for a file that the server asked for comes as data, up to its end', () => {
    const { unit } = take(at, queryCommand("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"));
    at.client.plan(unit, at.link.asServer, false);
    at.client.copying(unit, true);
    at.client.push(
      Buffer.concat([packet(2, Buffer.from('a\n')), packet(3, Buffer.alloc(0)), queryCommand('SELECT 1')]),
    );
    assert.equal(at.client.next()?.extent, 'data');
    assert.equal(at.client.next(), undefined);
    at.client.copying(unit, false);
    at.client.completed(unit, end());
    assert.equal(at.client.next()?.extent, 'whole');
  });
});

describe('the client half of a session: transactions', () => {
  test('a BEGIN that is held back is answered as begun, and sent later', () => {
    const { unit } = take(at, queryCommand('BEGIN'));
    at.client.supply(unit, 'transaction');
    assert.equal(at.channel.written.toString('hex', 0, 11), '140000010000000340000000'.slice(0, 22));
    assert.equal(at.channel.written.toString('latin1', 11), '\0\x0b\x05\x09\x08T_______');
    const plan = at.client.opening(unit);
    assert.deepEqual(commands(plan.bytes), [[com.COM_QUERY, 'BEGIN']]);
    assert.deepEqual(takes(plan.expect), ['swallow result']);
  });

  test('START TRANSACTION READ ONLY says so in its status', () => {
    const { unit } = take(at, queryCommand('START TRANSACTION READ ONLY'));
    at.client.supply(unit, 'transaction');
    assert.equal(at.channel.written.readUInt16LE(HEADER + 3) & 0x2003, 0x2003);
  });

  test('SET TRANSACTION goes ahead of the BEGIN', () => {
    answer(at, queryCommand('SET TRANSACTION READ ONLY'));
    answer(at, queryCommand('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE'));
    const { unit, intent } = take(at, queryCommand('BEGIN'));
    assert.equal(intent.begin?.serializable, true);
    at.client.supply(unit, 'transaction');
    assert.deepEqual(commands(at.client.opening(unit).bytes), [
      [com.COM_QUERY, 'SET TRANSACTION READ ONLY'],
      [com.COM_QUERY, 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE'],
      [com.COM_QUERY, 'BEGIN'],
    ]);
    assert.deepEqual(takes(at.client.opening(unit).expect), [
      'swallow result',
      'swallow result',
      'swallow result',
    ]);
  });

  test('SET TRANSACTION goes ahead of the next lone statement, whose link must not keep it', () => {
    answer(at, queryCommand('SET TRANSACTION READ ONLY'));
    run(at, queryCommand('SHOW TABLES'));
    const { plan, question } = run(at, queryCommand('SELECT 1'), { rowCount: 1 });
    assert.deepEqual(commands(plan.bytes), [
      [com.COM_QUERY, 'SET TRANSACTION READ ONLY'],
      [com.COM_QUERY, 'SELECT 1'],
    ]);
    assert.deepEqual(takes(plan.expect), ['swallow result', 'forward result']);
    assert.ok(question !== undefined);
    assert.deepEqual(commands(question.bytes), [[com.COM_QUERY, 'COMMIT']]);
    assert.equal(commands(run(at, queryCommand('SELECT 1')).plan.bytes).length, 1);
  });

  test('SET TRANSACTION within a transaction is for the server to refuse', () => {
    at.facts = { ...at.facts, inTransaction: true };
    assert.equal(take(at, queryCommand('SET TRANSACTION READ ONLY')).intent.here, false);
  });

  test('a statement that runs in front of the next ones sees its SET TRANSACTION on whichever link it runs', () => {
    answer(at, queryCommand('SET TRANSACTION READ ONLY'));
    const { unit } = take(at, queryCommand('SELECT 1'));
    const once = at.client.plan(unit, at.link.asServer, false);
    const again = at.client.plan(unit, new FakeLink().asServer, false);
    assert.deepEqual(once?.bytes, again?.bytes);
  });
});

describe('the client half of a session: its end', () => {
  test('an error that ends the session is numbered as the answer it is, or as the server’s own', () => {
    const error = new ProxyError('SHUTDOWN', {
      side: 'proxy',
      retry: 'safe',
      tell: 'the proxy is shutting down',
    });
    at.client.die(error);
    assert.deepEqual([at.channel.written[3], errorIn(at.channel.written)], [0, 1053]);
    at = session();
    take(at, queryCommand('SELECT 1'));
    at.client.die(error);
    assert.deepEqual([at.channel.written[3], errorIn(at.channel.written)], [1, 1053]);
  });

  test('behind a command of more than one packet it is numbered by those that have come', () => {
    const large = packet(0, Buffer.from([com.COM_QUERY]), Buffer.alloc(FULL + 10, 0x20));
    for (let from = 0; from < large.length - 1; from += 4_000_000) {
      at.client.push(large.subarray(from, Math.min(from + 4_000_000, large.length - 1)));
    }
    const unit = at.client.next();
    assert.ok(unit !== undefined);
    at.client.classify(unit, at.facts);
    at.client.plan(unit, at.link.asServer, false);
    assert.equal(at.client.next()?.extent, 'part');
    at.client.die(new ProxyError('LINK_LOST', { side: 'server', retry: 'unknown', tell: 'lost' }));
    assert.equal(at.channel.written[3], 2);
  });
});
