import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Aside,
  CAPTURE,
  type Expectation,
  FORWARD,
  type Opened,
  type Outcome,
  type ReplySink,
  SWALLOW,
} from '../../../src/core/wire.ts';
import { message, parameterStatus, readyForQuery } from '../../../src/postgres/messages.ts';
import { preparedOf } from '../../../src/postgres/prepared.ts';
import { PostgresServer } from '../../../src/postgres/server.ts';
import { type Step, SteppedReply } from '../../../src/postgres/steps.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

const rowDescription = message('T', Buffer.alloc(2));
const row = (text: string): Buffer => {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(1, 0);
  head.writeInt32BE(Buffer.byteLength(text), 2);
  return message('D', head, text);
};
const complete = (tag: string): Buffer => message('C', `${tag}\0`);
const error = (code: string, severity = 'ERROR'): Buffer =>
  message('E', `S${severity}\0V${severity}\0C${code}\0Mit failed\0\0`);
const ready = readyForQuery;
const reply = (...rows: string[]): Buffer =>
  Buffer.concat([rowDescription, ...rows.map(row), complete(`SELECT ${rows.length}`), ready('idle')]);

/** A link that writes down what it hears. */
class Recorder implements ReplySink {
  readonly queue: Expectation[];
  readonly delivered: Buffer[] = [];
  readonly outcomes: Omit<Outcome, 'rows' | 'changes' | 'pin'>[] = [];
  readonly rows: Outcome['rows'][] = [];
  readonly asides: Aside[] = [];
  copies = 0;
  refusals: string[] = [];
  takesBack = false;

  constructor(...queue: Expectation[]) {
    this.queue = queue;
  }

  get head(): Expectation | undefined {
    return this.queue[0];
  }
  deliver(bytes: Buffer): void {
    this.delivered.push(Buffer.from(bytes));
  }
  refused(code: string): boolean {
    this.refusals.push(code);
    return this.takesBack;
  }

  mend(): void {}

  copyIn(): void {
    this.copies++;
  }
  done({ status, error, message, rolledBack, settingChanged, rows }: Outcome): void {
    this.outcomes.push({ status, error, message, rolledBack, settingChanged });
    this.rows.push(rows);
    this.queue.shift();
  }
  aside(aside: Aside): void {
    this.asides.push(aside);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.delivered);
  }
}

function server(): PostgresServer {
  const opened: Opened = {
    channel: new MemoryChannel(),
    greeting: {
      parameters: new Map([
        ['in_hot_standby', 'on'],
        ['TimeZone', 'UTC'],
      ]),
    },
    key: Buffer.alloc(8),
  };
  return new PostgresServer(opened);
}

function fed(sink: Recorder, bytes: Buffer, size = bytes.length): Recorder {
  const side = server();
  for (let at = 0; at < bytes.length; at += size) side.feed(bytes.subarray(at, at + size), sink);
  return sink;
}

describe('replies of a PostgreSQL server', () => {
  test('a forwarded reply is the same bytes, however they arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.string({ maxLength: 50 }), { maxLength: 4 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 300 }),
        (replies, size) => {
          const bytes = Buffer.concat(replies.map((rows) => reply(...rows)));
          const sink = fed(new Recorder(...replies.map(() => FORWARD)), bytes, size);
          assert.deepEqual(sink.bytes, bytes);
          assert.equal(sink.outcomes.length, replies.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a swallowed reply is nobody’s, and the next one is whole', () => {
    for (let size = 1; size < 60; size++) {
      const sink = fed(new Recorder(SWALLOW, FORWARD), Buffer.concat([reply('mine'), reply('yours')]), size);
      assert.deepEqual(sink.bytes, reply('yours'), `in pieces of ${size}`);
    }
  });

  test('a captured reply gives its rows', () => {
    for (let size = 1; size < 60; size++) {
      const sink = fed(new Recorder(CAPTURE), reply('a', 'b'), size);
      assert.deepEqual(sink.rows, [[['a'], ['b']]]);
      assert.equal(sink.bytes.length, 0);
    }
  });

  /** Notes what became of each step by its name. */
  function steps(...plan: readonly (readonly [take: Step['take'], name: string, answer?: Buffer])[]): {
    expect: Expectation;
    fates: string[];
  } {
    const fates: string[] = [];
    const expect = new SteppedReply(
      plan.map(([take, name, answer]) => ({
        take,
        ...(answer === undefined ? {} : { answer }),
        done: () => void fates.push(`${name} done`),
        undone: () => void fates.push(`${name} undone`),
      })),
    );
    return { expect, fates };
  }
  const [parsed, bound, closed] = [message('1'), message('2'), message('3')];
  const ran = [row('x'), complete('SELECT 1')];

  test('the answer to a Parse that was put in front is left out', () => {
    const bytes = Buffer.concat([parsed, bound, ...ran, ready('idle')]);
    for (let size = 1; size < 60; size++) {
      const { expect, fates } = steps(['swallow', 'parse'], ['forward', 'bind'], ['forward', 'execute']);
      assert.deepEqual(fed(new Recorder(expect), bytes, size).bytes, bytes.subarray(5));
      assert.deepEqual(fates, ['parse done', 'bind done', 'execute done']);
    }
  });

  test('what the server was not asked is supplied in its place', () => {
    const bytes = Buffer.concat([bound, rowDescription, ...ran, ready('idle')]);
    const whole = Buffer.concat([parsed, bound, rowDescription, ...ran, closed, ready('idle')]);
    for (let size = 1; size < 60; size++) {
      const { expect, fates } = steps(
        ['supply', 'parse', parsed],
        ['forward', 'bind'],
        ['forward', 'describe'],
        ['forward', 'execute'],
        ['supply', 'close', closed],
      );
      assert.deepEqual(fed(new Recorder(expect), bytes, size).bytes, whole, `in pieces of ${size}`);
      assert.equal(fates.length, 5);
    }
  });

  test('an error comes behind what was supplied ahead of it, and undoes what follows', () => {
    const failed = Buffer.concat([error('22012'), ready('idle')]);
    const { expect, fates } = steps(
      ['supply', 'parse', parsed],
      ['forward', 'bind'],
      ['supply', 'close', closed],
    );
    assert.deepEqual(fed(new Recorder(expect), failed).bytes, Buffer.concat([parsed, failed]));
    assert.deepEqual(fates, ['parse done', 'bind undone', 'close undone']);
  });

  test('the error of an injected Parse is the client’s error', () => {
    const failed = Buffer.concat([error('42601'), ready('idle')]);
    const { expect, fates } = steps(['swallow', 'parse'], ['forward', 'bind']);
    assert.deepEqual(fed(new Recorder(expect), failed).bytes, failed);
    assert.deepEqual(fates, ['parse undone', 'bind undone']);
  });

  test('DISCARD ALL and DEALLOCATE ALL make the link forget what was prepared on it', () => {
    for (const tag of ['DISCARD ALL', 'DEALLOCATE ALL']) {
      const side = server();
      const prepared = preparedOf(Buffer.from('SELECT 1\0\0\0'), 8);
      side.statements.sent(prepared);
      side.statements.parsed(prepared);
      side.feed(Buffer.concat([complete(tag), ready('idle')]), new Recorder(FORWARD));
      assert.equal(side.statements.state(prepared), 'unknown');
    }
  });

  test('the status byte and the first error tell how a reply ended', () => {
    const bytes = Buffer.concat([error('23505'), ready('failed'), complete('ROLLBACK'), ready('idle')]);
    const sink = fed(new Recorder(FORWARD, FORWARD), bytes);
    assert.deepEqual(
      sink.outcomes.map(({ status, error, rolledBack }) => ({ status, error, rolledBack })),
      [
        { status: 'failed', error: '23505', rolledBack: false },
        { status: 'idle', error: '', rolledBack: true },
      ],
    );
  });

  test('a reply that begins with an error can be taken back whole', () => {
    const sink = new Recorder(FORWARD, FORWARD);
    sink.takesBack = true;
    fed(sink, Buffer.concat([message('1'), message('2'), error('25006'), ready('idle'), reply('next')]));
    assert.deepEqual(sink.refusals, ['25006']);
    assert.deepEqual(sink.bytes, reply('next'));
  });

  test('an error behind rows that were delivered is not offered to be taken back', () => {
    const sink = new Recorder(FORWARD);
    sink.takesBack = true;
    const side = server();
    side.feed(Buffer.concat([rowDescription, row('a')]), sink);
    side.feed(Buffer.concat([error('40001'), ready('idle')]), sink);
    assert.deepEqual(sink.refusals, []);
    assert.equal(sink.bytes.includes('40001'), true);
  });

  test('the last words of a server are not the client’s', () => {
    const sink = fed(new Recorder(FORWARD), error('57P01', 'FATAL'));
    assert.equal(sink.bytes.length, 0);
    assert.deepEqual(sink.asides, [
      { kind: 'terminating', code: '57P01', message: 'it failed', orderly: true },
    ]);
  });

  test('a postmaster that died is no shutdown in good order, though it has the same code', () => {
    const words = 'terminating connection due to unexpected postmaster exit';
    const sink = fed(new Recorder(FORWARD), message('E', `SFATAL\0VFATAL\0C57P01\0M${words}\0\0`));
    assert.deepEqual(sink.asides, [{ kind: 'terminating', code: '57P01', message: words, orderly: false }]);
  });

  test('a setting that changes unasked is told, and the role of the node is kept from the client', () => {
    const changed = Buffer.concat([parameterStatus('TimeZone', 'CET'), reply('x')]);
    const sink = fed(new Recorder(FORWARD, FORWARD), Buffer.concat([changed, reply('y')]));
    assert.deepEqual(sink.bytes, Buffer.concat([changed, reply('y')]));
    assert.deepEqual(
      sink.outcomes.map(({ settingChanged }) => settingChanged),
      [true, false],
    );
    const promoted = Buffer.concat([rowDescription, parameterStatus('in_hot_standby', 'off'), row('x')]);
    const other = fed(new Recorder(FORWARD), Buffer.concat([promoted, complete('SELECT 1'), ready('idle')]));
    assert.deepEqual(other.bytes, reply('x'));
    assert.deepEqual(other.asides, [{ kind: 'role-changed' }]);
  });

  test('a notification in the middle of a swallowed reply still reaches the session', () => {
    const notification = message('A', Buffer.alloc(4), 'channel\0payload\0');
    const sink = fed(new Recorder(SWALLOW), Buffer.concat([notification, ready('idle')]));
    assert.deepEqual(sink.asides, [{ kind: 'message', bytes: notification }]);
  });

  test('a server that waits for copy data says so after its bytes were passed on', () => {
    const sink = fed(new Recorder(FORWARD), message('G', Buffer.alloc(3)));
    assert.equal(sink.copies, 1);
    assert.equal(sink.bytes[0], 0x47);
  });

  test('an answer that nobody asked for ends the link', () => {
    assert.throws(() => fed(new Recorder(), reply('x')), { code: 'PROTOCOL' });
    assert.throws(() => fed(new Recorder(FORWARD), Buffer.from([0x44, 0, 0, 0, 1, 9])), { code: 'PROTOCOL' });
  });
});
