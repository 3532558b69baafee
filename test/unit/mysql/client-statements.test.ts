import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { changed, settingsOf } from '../../../src/core/settings.ts';
import * as com from '../../../src/mysql/commands.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { HEADER } from '../../../src/mysql/packets.ts';
import { Reply } from '../../../src/mysql/reply.ts';
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

  test('a link that could not become what it was keeps nothing that it prepared all the same', () => {
    prepare(at, 'SELECT 1', 11);
    at.facts = {
      ...at.facts,
      settings: changed(at.facts.settings, [{ name: ':schema', value: 'other' }]),
    };
    at.link.statements.clear();
    const { unit } = take(at, execute(1));
    const first = at.client.plan(unit, at.link.asServer, false);
    assert.ok(first?.expect instanceof Reply);
    const [there, prepared] = first.expect.answers;
    there?.failed?.('1049');
    prepared?.prepared?.(55, 0);
    assert.equal(at.link.statements.size, 0);
    assert.deepEqual(at.link.statements.takeClosing(), command(com.COM_STMT_CLOSE, uint32(55)));
  });

  test('what one wants is judged as its server reads it: under the settings of its PREPARE', () => {
    // A text and nothing else; or, where a backslash is a character like others, a text and a function.
    const text = "SELECT 'a\\', unknown() -- '";
    const plain = at.facts.settings;
    const literal = changed(plain, [{ name: 'sql_mode', value: 'NO_BACKSLASH_ESCAPES' }]);
    const wants = (number: number): string => {
      const { unit, intent } = take(at, execute(number));
      at.client.plan(unit, at.link.asServer, false);
      at.client.completed(unit, end());
      return intent.kind;
    };
    at.facts = { ...at.facts, settings: literal };
    prepare(at, text, 11);
    assert.equal(wants(1), 'write');
    at.facts = { ...at.facts, settings: plain };
    assert.equal(wants(1), 'write', 'still the function');
    prepare(at, text, 12);
    assert.equal(wants(2), 'read');
    at.facts = { ...at.facts, settings: literal };
    assert.equal(wants(2), 'read', 'still the text');
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

  describe('and the types of its parameters', () => {
    const TEXT = 'SELECT ?';
    const given = (type: number, ...value: number[]): Buffer =>
      execute(1, Buffer.from(value.length === 0 ? [1] : [0]), Buffer.from([1, type, 0, ...value]));
    const number = given(3, 5, 0, 0, 0);
    const double = given(5, 0, 0, 0, 0, 0, 0, 0, 0);
    const text = given(0xfd, 1, 0x61);
    const nothing = given(6);
    /** The name of a text that was prepared under the settings of these tests. */
    const keyOf = (text: string): string => {
      const other = session();
      let name = '';
      other.link.statements.set = (key) => {
        name = key;
      };
      prepare(other, text, 1, 1);
      return name;
    };
    /** The number that it runs by, the PREPARE ahead of it answered with `id`. */
    const runs = (on: Session, bytes: Buffer, id = 0): number => {
      const { unit } = take(on, Buffer.from(bytes));
      const first = on.client.plan(unit, on.link.asServer, false);
      if (first?.before === true && first.expect instanceof Reply) first.expect.answers[0]?.prepared?.(id, 1);
      const then = first?.before === true ? on.client.plan(unit, on.link.asServer, false) : first;
      on.client.completed(unit, end());
      assert.ok(then !== undefined && then.before !== true);
      return then.bytes.subarray(-bytes.length).readUInt32LE(NUMBER);
    };

    test('MySQL keeps a type that a parameter has had: nobody meets there what another has begun with', () => {
      prepare(at, TEXT, 11, 1);
      const other = { ...session(), link: at.link };
      prepare(other, TEXT, 12, 1);
      assert.equal(runs(at, number), 12, 'one that has not run yet is anybody’s');
      assert.equal(runs(other, text, 13), 13);
      assert.equal(runs(at, number), 12);
      assert.equal(runs(other, text), 13);
      assert.equal(at.link.statements.size, 2);
    });

    test('who mixes them takes the statement along that it ran before, as on a connection of its own', () => {
      prepare(at, TEXT, 11, 1);
      assert.deepEqual([runs(at, number), runs(at, text), runs(at, number)], [11, 11, 11]);
      const other = { ...session(), link: at.link };
      prepare(other, TEXT, 12, 1);
      assert.equal(runs(other, text), 12, 'and leaves it to nobody who does not');
      assert.equal(runs(other, number), 11);
      assert.equal(runs(other, text), 11);
    });

    test('NULL is of any type', () => {
      prepare(at, TEXT, 11, 1);
      assert.deepEqual([runs(at, nothing), runs(at, text), runs(at, nothing)], [11, 11, 11]);
      const other = { ...session(), link: at.link };
      prepare(other, TEXT, 12, 1);
      assert.deepEqual([runs(other, text), runs(other, nothing)], [12, 12]);
      assert.deepEqual([runs(other, number), runs(other, nothing)], [12, 12]);
    });

    /** What is sent for a run on a link that knows the statement and has not run it. */
    const sent = (on: Session, bytes: Buffer): [number, string][] => {
      const { unit } = take(on, Buffer.from(bytes));
      const plan = on.client.plan(unit, on.link.asServer, false);
      assert.ok(plan !== undefined && plan.before !== true);
      on.client.completed(unit, end());
      assert.ok(plan.expect instanceof Reply);
      return commands(plan.bytes);
    };

    test('a read behind runs of another type has one of that type ahead of it on a new link, once', () => {
      prepare(at, TEXT, 11, 1);
      runs(at, number);
      at.link = new FakeLink();
      at.link.statements.set(keyOf(TEXT), 21);
      const [first, second, ...none] = sent(at, text);
      assert.deepEqual(none, []);
      assert.deepEqual([first?.[0], second?.[0]], [com.COM_STMT_EXECUTE, com.COM_STMT_EXECUTE]);
      assert.equal(second?.[1].endsWith('a'), true, 'the client’s own comes last');
      assert.equal(sent(at, text).length, 1);
    });

    test('what has an effect is never run twice', () => {
      const change = 'UPDATE own SET v = ?';
      prepare(at, change, 11, 1);
      runs(at, number);
      at.link = new FakeLink();
      at.link.statements.set(keyOf(change), 21);
      assert.equal(sent(at, text).length, 1);
    });

    test('an EXECUTE that the server could not read leaves no type behind, here or for others', () => {
      prepare(at, TEXT, 11, 1);
      const { unit } = take(at, Buffer.from(number));
      const plan = at.client.plan(unit, at.link.asServer, false);
      assert.ok(plan?.expect instanceof Reply);
      plan.expect.answers.at(-1)?.failed?.('1835');
      at.client.completed(unit, end({ error: '1835' }));
      assert.equal(at.link.statements.size, 0);
      at.link.statements.set(keyOf(TEXT), 21);
      assert.deepEqual(
        sent(at, text).map(([name]) => name),
        [com.COM_STMT_CLOSE, com.COM_STMT_EXECUTE],
        'a text is a text',
      );
    });

    test('MariaDB takes every parameter as it comes', () => {
      const maria = { ...session('10.11.6-MariaDB'), link: at.link };
      prepare(maria, TEXT, 11, 1);
      const other = { ...session('10.11.6-MariaDB'), link: at.link };
      assert.equal(runs(maria, number), 11);
      prepare(other, TEXT, 12, 1);
      assert.deepEqual([runs(other, text), runs(maria, nothing)], [12, 12]);
    });

    test('a cursor of the statement that is left behind is closed', () => {
      const mixed = { ...session(), link: at.link };
      prepare(mixed, TEXT, 21, 1);
      for (const bytes of [number, double]) runs(mixed, bytes);
      prepare(at, TEXT, 11, 1);
      run(at, Buffer.from(number), { pin: 'cursor' });
      const { unit } = take(at, Buffer.from(double));
      const then = at.client.plan(unit, at.link.asServer, false);
      assert.ok(then !== undefined);
      assert.deepEqual(
        commands(then.bytes).map(([name, body]) => [name, Buffer.from(body, 'latin1').readUInt32LE(0)]),
        [
          [com.COM_STMT_RESET, 11],
          [com.COM_STMT_EXECUTE, 21],
        ],
      );
    });

    test('many parameters have a name of bounded length', () => {
      const many = 65_535;
      prepare(at, TEXT, 11, many);
      const types = Buffer.alloc(many * 2, Buffer.from([3, 0]));
      const bytes = execute(1, Buffer.alloc((many + 7) >> 3, 0xff), Buffer.from([1]), types);
      assert.equal(runs(at, bytes), 11);
      const statement = at.link.statements;
      assert.equal(statement.size, 1);
    });
  });

  test('an EXECUTE that says no types when none are known never reaches a server', () => {
    prepare(at, 'SELECT ?', 11, 1);
    assert.equal(errorIn(answer(at, execute(1, Buffer.from([0, 0]), Buffer.from([5, 0, 0, 0])))), 1210);
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

  test('of long data over the bound nothing is kept, and its EXECUTE is refused in the server’s words', () => {
    prepare(at, 'SELECT ?', 11, 1);
    const bound = Buffer.from([0, 1, 0xfc, 0]);
    for (let sent = 0; sent < 5; sent++) {
      at.client.push(command(com.COM_STMT_SEND_LONG_DATA, uint32(1), Buffer.alloc(16_000_000)));
      assert.equal(at.client.next(), undefined);
    }
    assert.equal(errorIn(answer(at, execute(1, bound))), 1105);
    assert.equal(commands(run(at, execute(1, bound)).plan.bytes).length, 1);
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

  test('a PREPARE that a replica refuses and the primary takes leaves its statement', () => {
    const { unit } = take(at, command(com.COM_STMT_PREPARE, 'SELECT 1'));
    const refused = at.client.plan(unit, at.link.asServer, false);
    assert.ok(refused?.expect instanceof Reply);
    refused.expect.answers[0]?.failed?.('1146');
    at.link = new FakeLink();
    const taken = at.client.plan(unit, at.link.asServer, false);
    assert.ok(taken?.expect instanceof Reply);
    taken.expect.answers[0]?.prepared?.(77, 0);
    at.client.completed(unit, end());
    assert.equal(run(at, execute(1)).plan.bytes.readUInt32LE(NUMBER), 77);
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
