import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Expectation, Outcome, Plan, ServerSide, SessionFacts, Unit } from '../../../src/core/engine.ts';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Intent } from '../../../src/core/intent.ts';
import { changed, type SettingChange, type Settings, settingsOf } from '../../../src/core/settings.ts';
import { MysqlClient } from '../../../src/mysql/client.ts';
import * as com from '../../../src/mysql/commands.ts';
import type { LinkSide } from '../../../src/mysql/link-side.ts';
import { LinkStatements } from '../../../src/mysql/link-statements.ts';
import type { MysqlLogin } from '../../../src/mysql/login.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { HEADER, lengthAt, packet } from '../../../src/mysql/packets.ts';
import { type MysqlEnd, Reply } from '../../../src/mysql/reply.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';

const OK_END: Outcome & MysqlEnd = {
  status: 'idle',
  error: '',
  message: '',
  rolledBack: false,
  settingChanged: false,
  changes: [],
  pin: undefined,
  rows: [],
  affectedRows: 0n,
  insertId: 0n,
  warnings: 0,
  rowCount: -1,
  collationUnknown: false,
};
const end = (facts: Partial<Outcome & MysqlEnd> = {}): Outcome & MysqlEnd => ({ ...OK_END, ...facts });

/** A link that knows the statements it is told of. */
class FakeLink implements LinkSide {
  readonly statements = new LinkStatements();
  readonly reset: Plan = {
    bytes: Buffer.from('RESET'),
    expect: new Reply([
      { shape: 'done', take: 'swallow' },
      { shape: 'result', take: 'swallow' },
    ]),
  };

  adjust(changes: readonly SettingChange[]) {
    const expect = new Reply([{ shape: 'result', take: 'swallow' }]);
    return { bytes: queryCommand(`ADJUST ${JSON.stringify(changes)}`), expect, critical: true };
  }

  get asServer(): ServerSide {
    return this as unknown as ServerSide;
  }
}

/** Commands in these bytes: their first byte and the text behind it. */
function commands(bytes: Buffer): [number, string][] {
  const found: [number, string][] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = lengthAt(bytes, at);
    const body = bytes.subarray(at + HEADER, at + HEADER + length);
    found.push([body[0] as number, body.toString('latin1', 1)]);
    at += HEADER + length;
  }
  return found;
}

function takes(expect: Expectation): string[] {
  assert.ok(expect instanceof Reply);
  return expect.answers.map(({ shape, take }) => `${take} ${shape}`);
}

/** The error number in an ERR packet that was written. */
const errorIn = (bytes: Buffer): number => (bytes[HEADER] === 0xff ? bytes.readUInt16LE(HEADER + 1) : 0);

interface Session {
  readonly channel: MemoryChannel;
  readonly client: MysqlClient;
  readonly link: FakeLink;
  facts: SessionFacts;
}

const BASE: [string, string][] = [
  ['character_set_client', 'utf8mb4'],
  ['character_set_results', 'utf8mb4'],
  ['collation_connection', 'utf8mb4_0900_ai_ci'],
  [':schema', 'demo'],
];

function session(version = '9.7.4', settings: Settings = settingsOf(BASE)): Session {
  const channel = new MemoryChannel();
  const login: MysqlLogin = {
    channel,
    user: 'demo',
    database: 'demo',
    links: { database: '', options: '' },
    settings,
    replication: false,
    secretLength: 0,
    id: 4711,
    capabilities: 0,
    traits: { deprecateEof: true, sessionTrack: true, localFiles: true },
    collation: 255,
    attributes: new Map(),
    version,
    challenge: Buffer.alloc(20),
  };
  const facts: SessionFacts = {
    settings,
    greeting: {
      parameters: new Map([
        ['version', version],
        ['sql_mode', ''],
        ['autocommit', 'ON'],
      ]),
    },
    functions: { allow: new Set(), deny: new Set() },
    catalogue: undefined,
    inTransaction: false,
  };
  return { channel, client: new MysqlClient(login), link: new FakeLink(), facts };
}

/** The next unit of what the client sends, with what it wants. */
function take({ client, facts }: Session, ...bytes: Buffer[]): { unit: Unit; intent: Intent } {
  for (const one of bytes) client.push(one);
  const unit = client.next();
  assert.ok(unit !== undefined, 'a unit');
  return { unit, intent: client.classify(unit, facts) };
}

/** Sends one command and ends it; gives what was planned, and what must be asked. */
function run(
  at: Session,
  bytes: Buffer,
  outcome: Partial<Outcome & MysqlEnd> = {},
): { plan: Plan; question: Plan | undefined } {
  const { unit } = take(at, bytes);
  const plan = at.client.plan(unit, at.link.asServer, false);
  assert.ok(plan !== undefined && plan.before !== true);
  return { plan, question: at.client.completed(unit, end(outcome)) };
}

/** What the proxy itself answers. */
function answer(at: Session, bytes: Buffer): Buffer {
  const { unit, intent } = take(at, bytes);
  assert.equal(intent.here, true);
  at.channel.written = Buffer.alloc(0);
  at.client.supply(unit, 'idle');
  return at.channel.written;
}

/** Prepares a text as the server would: with the numbers that it has for it. */
function prepare(at: Session, text: string, id: number, parameters = 0): void {
  const { unit } = take(at, command(com.COM_STMT_PREPARE, text));
  const plan = at.client.plan(unit, at.link.asServer, false);
  assert.ok(plan?.expect instanceof Reply);
  plan.expect.answers[0]?.prepared?.(id, parameters);
  at.client.completed(unit, end());
}

const execute = (number: number, ...more: Buffer[]): Buffer =>
  command(com.COM_STMT_EXECUTE, uint32(number), Buffer.from([0, 1, 0, 0, 0]), ...more);

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

describe('the client half of a session: prepared statements', () => {
  const NUMBER = HEADER + 1;

  test('the client gets its own number, the link is known by the server’s', () => {
    const { unit } = take(at, command(com.COM_STMT_PREPARE, 'SELECT 1'));
    const plan = at.client.plan(unit, at.link.asServer, false);
    assert.ok(plan?.expect instanceof Reply);
    const [only] = plan.expect.answers;
    assert.deepEqual([only?.shape, only?.take, only?.number], ['prepare', 'forward', 1]);
    only?.prepared?.(77, 0);
    at.client.completed(unit, end());
    assert.equal(run(at, execute(1)).plan.bytes.readUInt32LE(NUMBER), 77);
  });

  test('a link that does not know it prepares it first', () => {
    prepare(at, 'SELECT 1', 11);
    at.link.statements.clear();
    const { unit } = take(at, execute(1));
    const first = at.client.plan(unit, at.link.asServer, false);
    assert.deepEqual(first?.before, true);
    assert.deepEqual(commands(first.bytes), [[com.COM_STMT_PREPARE, 'SELECT 1']]);
    assert.ok(first.expect instanceof Reply);
    assert.equal(first.expect.mode, 'swallow');
    first.expect.answers[0]?.prepared?.(55, 0);
    const then = at.client.plan(unit, at.link.asServer, false);
    assert.equal(then?.before, undefined);
    assert.equal(then?.bytes.readUInt32LE(NUMBER), 55);
  });

  test('it is prepared on another link as it was when the client did', () => {
    prepare(at, 'SELECT 1', 11);
    const now = changed(at.facts.settings, [
      { name: ':schema', value: 'other' },
      { name: 'sql_mode', value: 'ANSI' },
    ]);
    at.facts = { ...at.facts, settings: now };
    at.link.statements.clear();
    const { unit } = take(at, execute(1));
    const first = at.client.plan(unit, at.link.asServer, false);
    assert.ok(first !== undefined);
    assert.deepEqual(commands(first.bytes), [
      [com.COM_QUERY, 'ADJUST [{"name":":schema","value":"demo"},{"name":"sql_mode","value":null}]'],
      [com.COM_STMT_PREPARE, 'SELECT 1'],
      [com.COM_QUERY, 'ADJUST [{"name":":schema","value":"other"},{"name":"sql_mode","value":"ANSI"}]'],
    ]);
    assert.ok(first.expect instanceof Reply);
    const [, , back] = first.expect.answers;
    assert.throws(
      () => back?.failed?.('1049'),
      { code: 'PROTOCOL' },
      'a link that is somewhere else is given up',
    );
  });

  test('sessions that differ in schema or sql_mode do not share a statement', () => {
    prepare(at, 'SELECT 1', 11);
    const other = session('9.7.4', settingsOf([...BASE, ['sql_mode', 'ANSI']]));
    const shared = { ...other, link: at.link };
    const { unit } = take(shared, command(com.COM_STMT_PREPARE, 'SELECT 1'));
    const plan = shared.client.plan(unit, at.link.asServer, false);
    assert.ok(plan?.expect instanceof Reply);
    plan.expect.answers[0]?.prepared?.(12, 0);
    shared.client.completed(unit, end());
    assert.equal(run(shared, execute(1)).plan.bytes.readUInt32LE(NUMBER), 12);
    assert.equal(run(at, execute(1)).plan.bytes.readUInt32LE(NUMBER), 11);
  });

  test('types are said in every EXECUTE, for another session may have said others', () => {
    prepare(at, 'SELECT ?', 11, 1);
    const nulls = Buffer.from([0]);
    const types = Buffer.from([3, 0]);
    const value = Buffer.from([5, 0, 0, 0]);
    const said = execute(1, nulls, Buffer.from([1]), types, value);
    assert.deepEqual(
      run(at, Buffer.from(said)).plan.bytes,
      execute(11, nulls, Buffer.from([1]), types, value),
    );
    const again = run(at, execute(1, nulls, Buffer.from([0]), value)).plan.bytes;
    assert.deepEqual(again, execute(11, nulls, Buffer.from([1]), types, value));
  });

  test('an EXECUTE that says no types when none are known never reaches a server', () => {
    prepare(at, 'SELECT ?', 11, 1);
    assert.equal(errorIn(answer(at, execute(1, Buffer.from([0, 0]), Buffer.from([5, 0, 0, 0])))), 1835);
    assert.equal(errorIn(answer(at, execute(1))), 1835);
    assert.equal(errorIn(answer(at, command(com.COM_STMT_EXECUTE, uint32(1)))), 1835);
  });

  test('long data is sent in front of the EXECUTE, once', () => {
    prepare(at, 'SELECT ?', 11, 1);
    const long = command(com.COM_STMT_SEND_LONG_DATA, uint32(1), Buffer.from([0, 0]), Buffer.from('abc'));
    const run1 = execute(1, Buffer.from([0, 1, 0xfc, 0]));
    assert.equal(at.client.next(), undefined);
    at.client.push(long);
    assert.equal(at.client.next(), undefined, 'it is no unit');
    const { plan } = run(at, Buffer.from(run1));
    assert.deepEqual(
      commands(plan.bytes).map(([code]) => code),
      [com.COM_STMT_SEND_LONG_DATA, com.COM_STMT_EXECUTE],
    );
    assert.equal(plan.bytes.readUInt32LE(NUMBER), 11, 'under the server’s number');
    assert.deepEqual(takes(plan.expect), ['forward result'], 'it has no answer');
    assert.deepEqual(
      commands(run(at, Buffer.from(run1)).plan.bytes).map(([code]) => code),
      [com.COM_STMT_EXECUTE],
    );
  });

  test('COM_STMT_RESET without a cursor is answered here and drops long data', () => {
    prepare(at, 'SELECT ?', 11, 1);
    at.client.push(command(com.COM_STMT_SEND_LONG_DATA, uint32(1), Buffer.from([0, 0, 0x61])));
    assert.equal(errorIn(answer(at, command(com.COM_STMT_RESET, uint32(1)))), 0);
    const { plan } = run(at, execute(1, Buffer.from([0, 1, 0xfc, 0])));
    assert.equal(commands(plan.bytes).length, 1);
  });

  test('a statement that was closed, or never was, is not known in the server’s words', () => {
    prepare(at, 'SELECT 1', 11);
    at.client.push(command(com.COM_STMT_CLOSE, uint32(1)));
    const told = answer(at, execute(1)).toString('latin1');
    assert.match(told, /Unknown prepared statement handler \(1\) given to mysql_stmt_precheck$/);
    at = session('10.11.19-MariaDB');
    for (const [code, word] of [
      [com.COM_STMT_EXECUTE, 'execute'],
      [com.COM_STMT_RESET, 'reset'],
      [com.COM_STMT_FETCH, 'fetch'],
    ] as const) {
      const refusal = answer(at, command(code, uint32(9), Buffer.alloc(5)));
      assert.equal(errorIn(refusal), 1243);
      assert.match(refusal.toString('latin1'), new RegExp(`\\(9\\) given to mysqld_stmt_${word}$`));
    }
  });

  test('a FETCH without a cursor is refused, with one it goes where the cursor is', () => {
    prepare(at, 'SELECT 1', 11);
    assert.equal(errorIn(answer(at, command(com.COM_STMT_FETCH, uint32(1), uint32(5)))), 1421);
    const cursor = execute(1);
    cursor[9] = 1;
    run(at, cursor, { pin: 'cursor', rowCount: 0 });
    const { plan } = run(at, command(com.COM_STMT_FETCH, uint32(1), uint32(5)));
    assert.deepEqual(takes(plan.expect), ['forward rows']);
    assert.equal(plan.bytes.readUInt32LE(NUMBER), 11);
  });

  test('a cursor whose statement is closed is closed ahead of the next statement, and the session let go', () => {
    prepare(at, 'SELECT 1', 11);
    const cursor = execute(1);
    cursor[9] = 1;
    run(at, cursor, { pin: 'cursor', rowCount: 0 });
    at.client.push(command(com.COM_STMT_CLOSE, uint32(1)));
    const { unit, intent } = take(at, queryCommand('SELECT 1'));
    assert.equal(intent.unpin, 'cursor');
    const plan = at.client.plan(unit, at.link.asServer, false);
    assert.ok(plan !== undefined);
    assert.deepEqual(
      commands(plan.bytes).map(([code]) => code),
      [com.COM_STMT_RESET, com.COM_QUERY],
    );
    assert.deepEqual(takes(plan.expect), ['swallow done', 'forward result']);
  });

  test('each client has its own numbers from 1, and -1 is the last one', () => {
    prepare(at, 'SELECT 1', 30);
    prepare(at, 'SELECT 2', 31);
    const other = session();
    prepare(other, 'SELECT 3', 90);
    assert.equal(run(other, execute(1)).plan.bytes.readUInt32LE(NUMBER), 90);
    assert.equal(run(at, execute(0xffff_ffff)).plan.bytes.readUInt32LE(NUMBER), 31);
  });

  test('a PREPARE that failed leaves no statement', () => {
    const { unit } = take(at, command(com.COM_STMT_PREPARE, 'SELECT 1'));
    at.client.plan(unit, at.link.asServer, false);
    at.client.completed(unit, end({ error: '1064', message: 'no' }));
    assert.equal(errorIn(answer(at, execute(1))), 1243);
  });

  test('COM_RESET_CONNECTION forgets all of them; on a link the server is reset with its trackers', () => {
    prepare(at, 'SELECT 1', 11);
    const { plan } = run(at, command(com.COM_RESET_CONNECTION));
    assert.equal(plan.bytes.toString(), 'RESET');
    assert.deepEqual(takes(plan.expect), ['forward done', 'swallow result']);
    assert.equal(errorIn(answer(at, execute(1))), 1243);
  });

  test('a client may have only so many', () => {
    for (let n = 0; n < 16_382; n++) {
      at.client.push(command(com.COM_STMT_PREPARE, `SELECT ${n % 3}`));
      const unit = at.client.next();
      assert.ok(unit !== undefined);
      at.client.classify(unit, at.facts);
    }
    const refused = answer(at, command(com.COM_STMT_PREPARE, 'SELECT 1'));
    assert.equal(errorIn(refused), 1461);
    assert.match(refused.toString('latin1'), /current value: 16382\)$/);
  });
});

describe('the client half of a session: transactions', () => {
  test('a BEGIN that is held back is answered as begun, and sent later', () => {
    const { unit } = take(at, queryCommand('BEGIN'));
    at.client.supply(unit, 'transaction');
    assert.equal(at.channel.written.toString('hex'), '0700000100000003000000');
    const plan = at.client.opening(unit);
    assert.deepEqual(commands(plan.bytes), [[com.COM_QUERY, 'BEGIN']]);
    assert.deepEqual(takes(plan.expect), ['swallow result']);
  });

  test('START TRANSACTION READ ONLY says so in its status', () => {
    const { unit } = take(at, queryCommand('START TRANSACTION READ ONLY'));
    at.client.supply(unit, 'transaction');
    assert.equal(at.channel.written.readUInt16LE(HEADER + 3), 0x2003);
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
    assert.deepEqual(
      asked(run(at, queryCommand('INSERT INTO t VALUES (7)'), { insertId: 7n }).question),
      SELECT_ID,
    );
    at.client.learned(end({ rows: [['99']] }));
    at.link = new FakeLink();
    const { plan } = run(at, queryCommand('SELECT LAST_INSERT_ID()'));
    assert.deepEqual(commands(plan.bytes)[0], [com.COM_QUERY, 'DO LAST_INSERT_ID(5)']);
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
    assert.match(told, /Warning\x041264\x0cOut of range/);
    assert.match(told, /Error\x041062\x09Duplicate/);
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
});
