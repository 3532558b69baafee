import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  STATUS_CURSOR,
  STATUS_IN_TRANSACTION,
  STATUS_MORE_RESULTS,
} from '../../../src/mysql/capabilities.ts';
import { packet } from '../../../src/mysql/packets.ts';
import { type Answer, FULL_TRAITS, Reply, type Traits } from '../../../src/mysql/reply.ts';
import {
  AC,
  answer,
  column,
  count,
  end,
  eof,
  err,
  feed,
  forwarded,
  ok,
  payload,
  preparedOk,
  Recorder,
  reporting,
  row,
  side,
  swallowed,
  tracked,
} from './replies.ts';

const OLD: Traits = { deprecateEof: false, sessionTrack: false, localFiles: false };
const MORE = AC | STATUS_MORE_RESULTS;

/** One column, these rows. */
const rows = (...values: (string | null)[]) => [
  count(1),
  column('a'),
  ...values.map((value) => row(value)),
  end(),
];

describe('answers of a server', () => {
  test('a forwarded answer is the same bytes, however they arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.option(fc.string({ maxLength: 300 })), { maxLength: 5 }), {
          minLength: 1,
          maxLength: 6,
        }),
        fc.integer({ min: 1, max: 400 }),
        (results, size) => {
          const bytes = Buffer.concat(results.map((values) => answer(...rows(...values))));
          const sink = feed(side(), new Recorder(...results.map(() => forwarded('result'))), bytes, size);
          assert.deepEqual(sink.bytes, bytes);
          assert.deepEqual(
            sink.said.map(({ rowCount }) => rowCount),
            results.map(({ length }) => length),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('what came together is delivered together', () => {
    const bytes = answer(...rows(...Array.from({ length: 500 }, (_, n) => String(n))));
    const sink = feed(side(), new Recorder(forwarded('result')), bytes);
    assert.equal(sink.delivered.length, 1);
  });

  test('a swallowed answer is nobody’s, and the next one is whole', () => {
    const bytes = Buffer.concat([answer(...rows('mine')), answer(...rows('yours'))]);
    for (let size = 1; size < bytes.length; size++) {
      const sink = feed(side(), new Recorder(swallowed('result'), forwarded('result')), bytes, size);
      assert.deepEqual(sink.bytes, answer(...rows('yours')), `in pieces of ${size}`);
    }
  });

  test('a captured answer gives its rows', () => {
    const bytes = answer(...rows('one', null, '', 'four'));
    for (let size = 1; size < bytes.length; size++) {
      const sink = feed(side(), new Recorder(swallowed('result', { capture: true })), bytes, size);
      assert.deepEqual(sink.said[0]?.rows, [['one'], [null], [''], ['four']]);
      assert.equal(sink.delivered.length, 0);
    }
  });

  test('of several answers to one plan exactly the forwarded one is delivered', () => {
    const reply = new Reply([
      { shape: 'result', take: 'swallow' },
      { shape: 'result', take: 'forward' },
      { shape: 'done', take: 'swallow' },
    ]);
    const mine = answer(ok(AC, { affectedRows: 7, insertId: 70_000, warnings: 2 }));
    const bytes = Buffer.concat([answer(...rows('x')), mine, answer(ok(AC, { affectedRows: 9 }))]);
    for (let size = 1; size < bytes.length; size++) {
      const sink = feed(side(), new Recorder(reply), bytes, size);
      assert.deepEqual(sink.bytes, mine);
      const [said] = sink.said;
      assert.deepEqual(
        [said?.affectedRows, said?.insertId, said?.warnings, said?.rowCount],
        [7n, 70_000n, 2, -1],
      );
    }
  });

  test('a value of 16 MB and its continuations are one row', () => {
    for (const length of [0xff_ffff - 5, 0xff_ffff - 4, 2 * 0xff_ffff]) {
      const big = 'v'.repeat(length);
      const sequence = { next: 3 };
      const value = row(big, 'w')(sequence.next);
      const packets = Math.floor((length + 9 + 2) / 0xff_ffff) + 1;
      const bytes = Buffer.concat([
        answer(count(2), column('a')).subarray(0),
        column('b')(3),
        row(big, 'w')(4),
        row('next', null)(4 + packets),
        end()(5 + packets),
      ]);
      assert.ok(value.length > length);
      const sink = feed(side(), new Recorder(forwarded('result')), bytes, 65_536);
      assert.ok(sink.bytes.equals(bytes));
      assert.equal(sink.said[0]?.rowCount, 2);
    }
  });

  test('the end of rows is told from a row by its length, an OK packet from a row by its place', () => {
    // A binary row begins with 0x00 as an OK packet does, a text row whose first value is NULL with 0xfb.
    const bytes = answer(count(1), column('a'), payload(0, 0, 1, 2), row(null), end());
    const sink = feed(side(), new Recorder(forwarded('result')), bytes, 3);
    assert.equal(sink.said[0]?.rowCount, 2);
    assert.deepEqual(sink.bytes, bytes);
  });

  test('as long as the flags announce more, the answer goes on', () => {
    const packets = [
      count(1),
      column('a'),
      row('1'),
      end(MORE),
      ok(MORE, { affectedRows: 3 }),
      ...rows('2', '3'),
    ];
    const bytes = answer(...packets);
    for (let size = 1; size < bytes.length; size++) {
      const sink = feed(side(), new Recorder(forwarded('result')), bytes, size);
      assert.equal(sink.said.length, 1);
      assert.deepEqual(sink.bytes, bytes);
      assert.equal(sink.said[0]?.rowCount, 2);
    }
  });

  test('a transaction is open as long as the flags say so', () => {
    const sink = new Recorder(forwarded('result'), forwarded('result'));
    feed(side(), sink, Buffer.concat([answer(ok(AC | STATUS_IN_TRANSACTION)), answer(ok())]));
    assert.deepEqual(
      sink.said.map(({ status }) => status),
      ['transaction', 'idle'],
    );
  });

  test('COM_STATISTICS is one packet of text, COM_FIELD_LIST definitions up to their end', () => {
    const text = packet(1, Buffer.from('Uptime: 1'));
    assert.deepEqual(feed(side(), new Recorder(forwarded('line')), text).bytes, text);
    const fields = answer(column('a'), column('b'), end());
    const sink = feed(side(), new Recorder(forwarded('columns')), fields, 5);
    assert.deepEqual(sink.bytes, fields);
    const old = feed(side(), new Recorder(forwarded('columns', { traits: OLD })), fields, 5);
    assert.deepEqual(old.bytes, answer(column('a'), column('b'), eof()));
  });

  test('what cannot be followed ends the link', () => {
    const feeding =
      (bytes: Buffer, ...queue: Reply[]) =>
      () =>
        feed(side(), new Recorder(...queue), bytes);
    const protocol = { code: 'PROTOCOL' };
    assert.throws(feeding(answer(ok())), protocol, 'nobody asked');
    assert.throws(feeding(answer(payload(0x03)), forwarded('done')), protocol);
    assert.throws(feeding(answer(payload(0x00, 0xfc)), forwarded('done')), protocol, 'cut short');
    assert.throws(feeding(answer(payload()), forwarded('result')), protocol);
    assert.throws(feeding(answer(count(1), column('a'), payload(), row('1')), forwarded('result')), protocol);
    const cut = ok(AC, { changes: Buffer.from([0, 9, 1]) });
    assert.throws(feeding(answer(cut), forwarded('result')), protocol);
    const beyond = payload(0, 0, 0, 2, 0x40, 0, 0, 0, 9, 2, 1);
    assert.throws(feeding(answer(beyond), forwarded('result')), protocol);
  });

  test('whatever bytes come, they are followed or the link ends in good order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('result', 'done', 'prepare', 'columns', 'rows', 'line'),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.boolean(),
        (shape, payloads, old) => {
          const bytes = answer(...payloads.map((each) => payload(...each)));
          try {
            feed(side(), new Recorder(forwarded(shape, { traits: old ? OLD : FULL_TRAITS })), bytes, 7);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'PROTOCOL', String(error));
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('what clients of less are told', () => {
  const inPieces = (traits: Traits, given: Buffer, expected: Buffer): void => {
    for (let size = 1; size <= given.length; size++) {
      const sink = feed(side(), new Recorder(forwarded('result', { traits })), given, size);
      assert.deepEqual(sink.bytes, expected, `in pieces of ${size}`);
    }
  };

  test('an EOF packet stands between columns and rows, another ends them, and all are in sequence', () => {
    const given = answer(...rows('1', '2').slice(0, -1), end(AC, { warnings: 3 }));
    inPieces(OLD, given, answer(count(1), column('a'), eof(), row('1'), row('2'), eof(AC, 3)));
  });

  test('every result of several has its own EOF packets', () => {
    const one = [count(1), column('a'), row('1')];
    const expected = answer(count(1), column('a'), eof(MORE), row('1'), eof(MORE), ok(AC, { info: 'done' }));
    const whole = answer(...one, end(MORE), ok(AC, { info: 'done' }));
    assert.deepEqual(feed(side(), new Recorder(forwarded('result', { traits: OLD })), whole).bytes, expected);
  });

  test('sequence numbers wrap behind a packet that was put in', () => {
    const values = Array.from({ length: 300 }, (_, n) => String(n));
    const given = answer(...rows(...values));
    const expected = answer(count(1), column('a'), eof(), ...values.map((value) => row(value)), eof());
    for (const size of [given.length, 1000, 7]) {
      assert.deepEqual(
        feed(side(), new Recorder(forwarded('result', { traits: OLD })), given, size).bytes,
        expected,
      );
    }
  });

  test('the next answer begins its own sequence', () => {
    const given = Buffer.concat([answer(...rows('1')), answer(...rows('2'))]);
    const expected = ['1', '2'].map((value) => answer(count(1), column('a'), eof(), row(value), eof()));
    const both = new Recorder(forwarded('result', { traits: OLD }), forwarded('result', { traits: OLD }));
    assert.deepEqual(feed(side(), both, given).bytes, Buffer.concat(expected));
  });

  test('an answer too large to be copied gets its EOF packet all the same', () => {
    const values = Array.from({ length: 100 }, () => 'x'.repeat(1000));
    const expected = answer(count(1), column('a'), eof(), ...values.map((value) => row(value)), eof());
    assert.deepEqual(
      feed(side(), new Recorder(forwarded('result', { traits: OLD })), answer(...rows(...values))).bytes,
      expected,
    );
  });

  test('a cursor that was opened has one EOF packet alone', () => {
    inPieces(
      OLD,
      answer(count(1), column('a'), end(AC | STATUS_CURSOR)),
      answer(count(1), column('a'), eof(AC | STATUS_CURSOR)),
    );
  });

  test('an error instead of rows comes behind the EOF packet', () => {
    inPieces(OLD, answer(count(1), column('a'), err(1242)), answer(count(1), column('a'), eof(), err(1242)));
  });

  test('what trackers report is taken out, what stands beside it stays', () => {
    const changes = Buffer.concat([tracked.variable('statement_id', '7'), tracked.state()]);
    const without = answer(ok(AC, { affectedRows: 300, info: 'Rows matched: 3' }));
    const given = answer(ok(AC, { affectedRows: 300, info: 'Rows matched: 3', changes }));
    inPieces({ ...OLD, deprecateEof: true }, given, without);
    inPieces(OLD, given, without);
    inPieces(FULL_TRAITS, given, without);
    inPieces(FULL_TRAITS, answer(ok(AC, { changes })), answer(ok()));
  });

  test('a client with session tracking hears what it would hear of the server itself', () => {
    const shown = Buffer.concat([
      tracked.variable('time_zone', '+03:00'),
      tracked.schema('d'),
      tracked.transaction(),
    ]);
    const changes = Buffer.concat([
      tracked.variable('time_zone', '+03:00'),
      tracked.variable('sql_mode', 'ANSI_QUOTES,'.repeat(40)),
      tracked.schema('d'),
      tracked.variable('last_gtid', '0-1-2'),
      tracked.state(),
      tracked.transaction(),
    ]);
    inPieces(FULL_TRAITS, answer(ok(AC, { changes })), answer(ok(AC, { changes: shown })));
    const schema = tracked.schema('ü'.repeat(64));
    const long = Buffer.concat([schema, tracked.schema('ü'.repeat(64))]);
    const longer = Buffer.concat([tracked.state(), schema, tracked.variable('sql_mode', 'x'), schema]);
    inPieces(FULL_TRAITS, answer(ok(AC, { changes: longer })), answer(ok(AC, { changes: long })));
    const result = answer(count(1), column('a'), end(AC, { changes }));
    inPieces(FULL_TRAITS, result, answer(count(1), column('a'), end(AC, { changes: shown })));
    inPieces({ ...FULL_TRAITS, deprecateEof: false }, result, answer(count(1), column('a'), eof(), eof()));
  });

  test('a prepared statement has the client’s number, and its definitions end with EOF packets', () => {
    const numbers: number[][] = [];
    const answers: Answer[] = [
      {
        shape: 'prepare',
        take: 'forward',
        number: 5,
        prepared: (id, parameters) => numbers.push([id, parameters]),
      },
    ];
    const given = answer(preparedOk(70_000, 2, 1), column('?'), column('a'), column('b'));
    const expected = answer(preparedOk(5, 2, 1), column('?'), eof(), column('a'), column('b'), eof());
    for (let size = 1; size <= given.length; size++) {
      assert.deepEqual(
        feed(side(), new Recorder(new Reply(answers, { traits: OLD })), given, size).bytes,
        expected,
      );
    }
    const modern = feed(side(), new Recorder(new Reply(answers)), given, 11);
    assert.deepEqual(modern.bytes, answer(preparedOk(5, 2, 1), column('?'), column('a'), column('b')));
    assert.deepEqual(numbers.at(-1), [70_000, 1]);
    const bare = feed(side(), new Recorder(new Reply(answers, { traits: OLD })), answer(preparedOk(9, 0, 0)));
    assert.deepEqual(bare.bytes, answer(preparedOk(5, 0, 0)));
    assert.equal(bare.said.length, 1);
  });
});

describe('errors', () => {
  test('an error has its number, SQLSTATE and words, and fails its answer', () => {
    const failures: string[] = [];
    const failing = new Reply([{ shape: 'result', take: 'forward', failed: (code) => failures.push(code) }]);
    const bytes = answer(err(1062, 'Duplicate entry', '23000'));
    const sink = feed(side(), new Recorder(failing), bytes, 3);
    assert.deepEqual(sink.bytes, bytes);
    const [said] = sink.said;
    assert.deepEqual([said?.error, said?.message, said?.status], ['1062', 'Duplicate entry', 'idle']);
    assert.deepEqual(failures, ['1062']);
  });

  test('a read that was refused is taken back, if nothing of it was delivered', () => {
    const sink = new Recorder(forwarded('result'), forwarded('result'));
    sink.takesBack = true;
    feed(side(), sink, Buffer.concat([answer(count(1), column('a'), err(1146)), answer(ok())]));
    assert.deepEqual(sink.refusals, ['1146']);
    assert.deepEqual(sink.bytes, answer(ok()));
    const late = new Recorder(forwarded('result'));
    late.takesBack = true;
    const bytes = answer(...rows('1').slice(0, -1), err(1317));
    feed(side(), late, bytes, bytes.length - 20);
    assert.deepEqual(late.refusals, []);
    assert.deepEqual(late.bytes, bytes);
  });

  test('an error of what went ahead is not the unit’s', () => {
    const failures: string[] = [];
    const reply = new Reply([
      { shape: 'result', take: 'swallow', failed: (code) => failures.push(code) },
      { shape: 'result', take: 'forward' },
    ]);
    const sink = feed(side(), new Recorder(reply), Buffer.concat([answer(err(1568)), answer(ok())]));
    assert.deepEqual([sink.said[0]?.error, failures], ['', ['1568']]);
    assert.deepEqual(sink.bytes, answer(ok()));
  });

  test('without autocommit a failed statement may have begun a transaction', () => {
    const one = side({ autocommit: 'OFF' });
    assert.equal(
      feed(one, new Recorder(forwarded('result')), answer(err(1062))).said[0]?.status,
      'transaction',
    );
    const other = side({ autocommit: 'ON' });
    assert.equal(feed(other, new Recorder(forwarded('result')), answer(err(1062))).said[0]?.status, 'idle');
    feed(other, new Recorder(forwarded('result')), answer(ok(AC | STATUS_IN_TRANSACTION)));
    assert.equal(
      feed(other, new Recorder(forwarded('result')), answer(err(1062))).said[0]?.status,
      'transaction',
    );
  });

  test('a server that ends the connection while it answers leaves the end of the unit open', () => {
    for (const code of [1053, 1927]) {
      const one = side();
      const sink = feed(
        one,
        new Recorder(forwarded('result')),
        Buffer.concat([answer(err(code)), answer(ok())]),
      );
      assert.deepEqual(sink.asides, [
        { kind: 'terminating', code: String(code), message: 'it failed', orderly: true },
      ]);
      assert.equal(sink.said.length, 0);
      assert.equal(sink.bytes.length, 0);
      assert.ok(one.channel.closed);
    }
  });

  test('last words that nobody asked for end the link', () => {
    const one = side();
    const sink = feed(one, new Recorder(), err(4031, 'too long idle')(0), 5);
    assert.deepEqual(sink.asides, [
      { kind: 'terminating', code: '4031', message: 'too long idle', orderly: true },
    ]);
    assert.equal(feed(side(), new Recorder(), err(1105)(0)).asides[0]?.kind, 'terminating');
  });

  test('a write that a read-only server refuses says that it is no primary', () => {
    const asides = (code: number, message: string) =>
      feed(side(), new Recorder(forwarded('result')), answer(err(code, message))).asides;
    const option = (name: string) =>
      `The MySQL server is running with the --${name} option so it cannot execute`;
    assert.deepEqual(asides(1290, option('super-read-only')), [{ kind: 'role-changed' }]);
    assert.deepEqual(asides(1290, option('secure-file-priv')), []);
    assert.deepEqual(asides(1836, 'Running in read-only mode'), [{ kind: 'role-changed' }]);
    assert.deepEqual(asides(1792, 'Cannot execute statement in a READ ONLY transaction.'), []);
  });
});

describe('LOAD DATA LOCAL', () => {
  const request = payload(0xfb, 0x2f, 0x78);

  test('a client that takes part is asked for its file', () => {
    const one = side();
    const sink = feed(one, new Recorder(forwarded('result')), answer(request));
    assert.deepEqual([sink.copies, sink.bytes], [1, answer(request)]);
    const last = ok(AC, { affectedRows: 2 })(4);
    feed(one, sink, last);
    assert.deepEqual(sink.bytes, Buffer.concat([answer(request), last]));
    assert.equal(sink.said[0]?.affectedRows, 2n);
  });

  test('for any other client the server gets an empty file, and the client an error', () => {
    const one = side();
    const sink = feed(one, new Recorder(forwarded('result', { traits: OLD })), answer(request));
    assert.deepEqual(one.channel.written, packet(2, Buffer.alloc(0)));
    assert.equal(sink.copies, 0);
    assert.equal(sink.bytes[4], 0xff);
    const before = sink.bytes;
    feed(one, sink, ok(AC)(3));
    assert.deepEqual(sink.bytes, before);
    assert.equal(sink.said[0]?.error, '3948');
  });
});

describe('what trackers report', () => {
  const report = (settingsOnly: boolean, ...entries: Buffer[]) =>
    feed(side(), new Recorder(forwarded('result', { settingsOnly })), answer(reporting(...entries))).said[0];

  test('variables and the schema are facts, counters of the server are not', () => {
    const said = report(
      true,
      tracked.variable('statement_id', '7'),
      tracked.variable('last_gtid', '0-1-2'),
      tracked.variable('session_track_schema', 'ON'),
      tracked.variable('TIME_ZONE', '+03:00'),
      tracked.variable('last_insert_id', '5'),
      tracked.schema('d'),
      tracked.state(),
    );
    assert.deepEqual(said?.changes, [
      { name: 'time_zone', value: '+03:00' },
      { name: ':schema', value: 'd' },
    ]);
    assert.equal(said?.pin, undefined);
    assert.deepEqual(report(true, tracked.schema(''))?.changes, [{ name: ':schema', value: null }]);
  });

  test('a change of state pins, unless the unit can change nothing but settings', () => {
    assert.equal(report(false, tracked.state())?.pin, 'session-state');
    assert.equal(report(true, tracked.state())?.pin, undefined);
    assert.equal(report(false, tracked.variable('time_zone', 'UTC'))?.pin, undefined);
    assert.equal(report(true, tracked.variable('timestamp', '1000'))?.pin, 'session-setting');
    assert.equal(report(false, tracked.variable('timestamp', '1000'), tracked.state())?.pin, 'session-state');
  });

  test('an open cursor pins', () => {
    const bytes = answer(count(1), column('a'), end(AC | STATUS_CURSOR));
    assert.equal(feed(side(), new Recorder(forwarded('result')), bytes).said[0]?.pin, 'cursor');
    const marked = answer(count(1), column('a'), end(AC | STATUS_CURSOR, { changes: tracked.state() }));
    assert.equal(feed(side(), new Recorder(forwarded('result')), marked).said[0]?.pin, 'session-state');
    const fetched = answer(row('1'), end(AC | STATUS_CURSOR));
    assert.equal(feed(side(), new Recorder(forwarded('rows')), fetched).said[0]?.pin, undefined);
  });

  test('a character set without its collation is not known until the server says the collation', () => {
    const names = reporting(
      tracked.variable('character_set_client', 'latin1'),
      tracked.variable('character_set_connection', 'latin1'),
      tracked.variable('character_set_results', 'latin1'),
    );
    const [alone] = feed(side(), new Recorder(forwarded('result')), answer(names)).said;
    assert.equal(alone?.collationUnknown, true);
    assert.deepEqual(alone?.changes, [
      { name: 'character_set_client', value: 'latin1' },
      { name: 'character_set_results', value: 'latin1' },
    ]);
    const both = new Reply([
      { shape: 'result', take: 'forward' },
      { shape: 'result', take: 'swallow', settingsOnly: true },
    ]);
    const collation = reporting(tracked.variable('collation_connection', 'latin1_bin'), tracked.state());
    const [said] = feed(side(), new Recorder(both), Buffer.concat([answer(names), answer(collation)])).said;
    assert.deepEqual([said?.collationUnknown, said?.pin], [false, undefined]);
    assert.deepEqual(said?.changes.at(-1), { name: 'collation_connection', value: 'latin1_bin' });
  });

  test('a variable that takes another one along leaves no stale value of that', () => {
    const one = side();
    const say = (...entries: Buffer[]) =>
      feed(one, new Recorder(forwarded('result')), answer(reporting(...entries))).said[0]?.changes;
    assert.deepEqual(say(tracked.variable('collation_server', 'latin1_bin')), [
      { name: 'collation_server', value: 'latin1_bin' },
    ]);
    assert.deepEqual(say(tracked.variable('character_set_server', 'utf8mb4')), [
      { name: 'character_set_server', value: 'utf8mb4' },
      { name: 'collation_server', value: null },
    ]);
  });
});

describe('what the proxy asks itself', () => {
  const texts = (bytes: Buffer): string => bytes.toString('latin1');

  test('an adjustment that was carried out in part leaves the link as nobody knows it', () => {
    const { server, channel } = side();
    const plan = server.adjust([
      { name: 'time_zone', value: 'UTC' },
      { name: ':schema', value: 'd' },
    ]);
    assert.ok(plan !== undefined);
    assert.equal(plan.critical, true);
    const status = (...answers: Buffer[]) =>
      feed({ server, channel }, new Recorder(plan.expect), Buffer.concat(answers)).said[0]?.status;
    assert.equal(status(answer(ok()), answer(err(1049))), 'failed');
    assert.equal(status(answer(err(1298)), answer(err(1049))), 'idle');
    assert.equal(status(answer(ok()), answer(ok())), 'idle');
  });

  test('after a reset nothing is left but the schema and several statements in one text', () => {
    const { server, channel } = side();
    const adjusted = server.adjust([
      { name: ':schema', value: 'd' },
      { name: ':multi', value: 'on' },
    ]);
    assert.ok(adjusted !== undefined);
    const schema = answer(reporting(tracked.schema('d')));
    feed({ server, channel }, new Recorder(adjusted.expect), Buffer.concat([schema, answer(end())]));
    server.statements.set('text', 7);
    const zone = answer(reporting(tracked.variable('time_zone', 'UTC')));
    feed({ server, channel }, new Recorder(forwarded('result')), zone);
    const audit = () =>
      Object.fromEntries(
        server.audited(
          feed({ server, channel }, new Recorder(server.audit().expect), answer(ok())).said[0] ?? never(),
        ).settings.values,
      );
    assert.deepEqual(audit(), { ':multi': 'on', ':schema': 'd', time_zone: 'UTC' });
    feed({ server, channel }, new Recorder(server.reset.expect), Buffer.concat([answer(ok()), answer(ok())]));
    assert.deepEqual(audit(), { ':multi': 'on', ':schema': 'd' });
    assert.equal(server.statements.get('text'), undefined);
  });

  test('a link whose trackers cannot be switched on again is given up', () => {
    const one = side();
    const bytes = Buffer.concat([answer(ok()), answer(err(1193))]);
    assert.throws(() => feed(one, new Recorder(one.server.reset.expect), bytes), { code: 'PROTOCOL' });
    assert.match(texts(one.server.reset.bytes), /SET .*session_track_system_variables='\*'/);
  });

  test('a schema cannot be taken away from a link', () => {
    assert.equal(side().server.adjust([{ name: ':schema', value: null }]), undefined);
  });

  test('statements that a link has no room for are closed there once a PREPARE was answered', () => {
    const one = side();
    for (let id = 1; id <= 251; id++) one.server.statements.set(`text ${id}`, id);
    assert.equal(one.server.statements.get('text 1'), undefined);
    feed(one, new Recorder(forwarded('prepare')), answer(preparedOk(252, 0, 0)));
    assert.deepEqual(one.channel.written, packet(0, Buffer.from([0x19, 1, 0, 0, 0])));
  });
});

function never(): never {
  throw new Error('there was no answer');
}
