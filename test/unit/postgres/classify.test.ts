import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Hint, Intent, PinReason } from '../../../src/core/intent.ts';
import type { SettingChange } from '../../../src/core/settings.ts';
import { combine } from '../../../src/postgres/classify.ts';
import { classified, verdict } from './classified.ts';
import { anyText, statements } from './texts.ts';

const change = (name: string, value: string | null): SettingChange => ({ name, value });

describe('settings', () => {
  const cases: readonly (readonly [sql: string, changes: readonly SettingChange[]])[] = [
    ['SET work_mem = 5', [change('work_mem', '5')]],
    ["SET SESSION Work_Mem TO '64MB'", [change('work_mem', '64MB')]],
    ['SET app.tenant = $$x$$', [change('app.tenant', 'x')]],
    ["SET app.tenant = 'it''s'", [change('app.tenant', "it's")]],
    ['SET statement_timeout TO DEFAULT', [change('statement_timeout', null)]],
    ['SET enable_seqscan = OFF', [change('enable_seqscan', 'off')]],
    ['SET cpu_tuple_cost = -1.5', [change('cpu_tuple_cost', '-1.5')]],
    ['SET search_path TO a, "B", \'c d\', "$user"', [change('search_path', 'a, "B", "c d", "$user"')]],
    ["SET search_path = 'a, b'", [change('search_path', '"a, b"')]],
    ["SET SCHEMA 'a'", [change('search_path', 'a')]],
    ["SET DateStyle = 'ISO, DMY'", [change('datestyle', 'ISO, DMY')]],
    ['SET datestyle TO iso, dmy', [change('datestyle', 'iso, dmy')]],
    ["SET TIME ZONE 'Europe/Paris'", [change('timezone', 'Europe/Paris')]],
    ['SET TIME ZONE -7', [change('timezone', '-7')]],
    ['SET TIME ZONE LOCAL', [change('timezone', null)]],
    ["SET NAMES 'latin1'", [change('client_encoding', 'latin1')]],
    ['SET ROLE "Admin"', [change('role', 'Admin')]],
    ['SET ROLE NONE', [change('role', 'none')]],
    ['RESET ROLE', [change('role', null)]],
    ['SET SESSION AUTHORIZATION bob', [change('session_authorization', 'bob'), change('role', null)]],
    ['SET SESSION AUTHORIZATION DEFAULT', [change('session_authorization', null), change('role', null)]],
    ['RESET TIME ZONE', [change('timezone', null)]],
    ['RESET app.tenant', [change('app.tenant', null)]],
    [
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
      [
        change('default_transaction_isolation', 'repeatable read'),
        change('default_transaction_read_only', 'on'),
      ],
    ],
    ["SELECT set_config('app.tenant', '5', false)", [change('app.tenant', '5')]],
    [
      "SELECT pg_catalog.set_config('a.b', 'c', false) AS x, set_config('d.e', 'f', true)",
      [change('a.b', 'c')],
    ],
    ['SET a = 1; SET b = x', [change('a', '1'), change('b', 'x')]],
  ];
  for (const [sql, changes] of cases) {
    test(`${sql} is what set_config can do again`, () => {
      const { settings, audit, pin } = classified(sql);
      assert.deepEqual(settings, changes);
      assert.equal(audit, false);
      assert.equal(pin, undefined);
    });
  }

  test('what is gone with the transaction is not a setting of the session', () => {
    for (const sql of ['SET LOCAL a = 1', 'SET TRANSACTION READ ONLY', "SELECT set_config('a', $1, true)"]) {
      const { settings, audit, pin } = classified(sql);
      assert.deepEqual([settings, audit, pin], [[], false, undefined], sql);
    }
  });

  test('a value that is not certain is asked for', () => {
    for (const sql of [
      "SET work_mem = E'\\x41'",
      "SET TIME ZONE INTERVAL '1' HOUR TO MINUTE",
      'SET work_mem = 0x10',
      "SET work_mem = 'a' 'b'",
      'SET work_mem FROM CURRENT',
      'RESET ALL',
      'DISCARD ALL',
      'ROLLBACK TO SAVEPOINT a',
      'BEGIN; SET a = 1; ROLLBACK',
      'SET a = 1; COMMIT',
    ]) {
      const { settings, audit } = classified(sql);
      assert.deepEqual([settings, audit], [[], true], sql);
    }
  });

  test('a custom setting whose value nobody can ask for keeps the session where it is', () => {
    for (const sql of [
      'SELECT set_config($1, $2, false)',
      "SET a.b = E'\\x41'",
      "DO $$ BEGIN PERFORM set_config('a.b', 'c', false); END $$",
      'DO $$ BEGIN SET a.b = 1; END $$',
    ]) {
      const { pin, audit, settings } = classified(sql);
      assert.deepEqual([pin, audit, settings], ['session-setting', true, []], sql);
    }
  });

  test('a setting whose name is certain and whose value is not is asked for by name', () => {
    for (const sql of [
      "SELECT set_config('a.b', 'c', $1)",
      "SELECT 1, set_config('a.b', 'c', false)",
      "INSERT INTO t SELECT set_config('A.b', 'c', false)",
      'SET a.b = 1; COMMIT',
    ]) {
      const { pin, audit, settings, asked } = classified(sql);
      assert.deepEqual([pin, audit, settings, asked], [undefined, true, [], ['a.b']], sql);
    }
  });

  test('backslashes are part of a value only where they do not escape', () => {
    const sql = "SET a.b = 'c\\d'";
    assert.deepEqual(classified(sql).settings, [change('a.b', 'c\\d')]);
    assert.deepEqual(classified(sql, { standardConformingStrings: false }).settings, []);
    assert.deepEqual(classified("SET a.b = 'é'").settings, [change('a.b', 'é')]);
    assert.deepEqual(classified("SET a.b = 'é'", { encoding: 'LATIN1' }).settings, []);
  });
});

describe('pins and audits', () => {
  const pins: readonly (readonly [PinReason | undefined, boolean, string])[] = [
    ['prepared-statement', false, 'PREPARE p (int) AS SELECT $1'],
    [undefined, false, "PREPARE TRANSACTION 'x'"],
    ['temporary-object', true, 'CREATE TEMP TABLE x (a int)'],
    ['temporary-object', true, 'CREATE OR REPLACE LOCAL TEMPORARY VIEW x AS SELECT 1'],
    ['temporary-object', true, 'CREATE TABLE pg_temp.x (a int)'],
    [undefined, true, 'CREATE TEMP TABLE x (a int) ON COMMIT DROP'],
    ['temporary-object', true, 'SELECT 1 INTO TEMP x'],
    ['listen', false, 'LISTEN a'],
    ['cursor', false, 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'],
    ['loaded-library', false, "LOAD 'x'"],
    ['advisory-lock', false, 'SELECT pg_advisory_lock(1)'],
    ['advisory-lock', false, 'SELECT a FROM t WHERE pg_advisory_lock_shared(1, 2) IS NULL'],
    [undefined, false, 'SELECT pg_advisory_xact_lock(1)'],
    [undefined, true, 'SELECT pg_try_advisory_lock(1)'],
    [undefined, true, 'SELECT pg_advisory_unlock_all()'],
    [undefined, true, 'UNLISTEN *'],
    [undefined, true, 'DEALLOCATE ALL'],
    [undefined, true, 'CLOSE ALL'],
    [undefined, true, 'DROP TABLE x'],
    [undefined, true, 'CALL p()'],
    [undefined, true, 'EXECUTE p'],
    ['session-setting', false, 'SELECT setseed(0.5)'],
    [undefined, false, 'SELECT pg_backend_pid()'],
    [undefined, false, 'SELECT 1'],
  ];
  for (const [pin, audit, sql] of pins) {
    test(`${sql}: ${pin ?? 'no pin'}${audit ? ', audited' : ''}`, () => {
      const intent = classified(sql);
      assert.deepEqual([intent.pin, intent.audit], [pin, audit]);
    });
  }

  test('a change of rows is audited only where code of the users can run', () => {
    const audited = (sql: string): boolean => classified(sql).audit;
    assert.equal(
      audited('INSERT INTO t (a, b) VALUES (1, lower($1)) ON CONFLICT (a) DO UPDATE SET b = 2'),
      false,
    );
    assert.equal(
      audited('UPDATE t AS x SET a = (SELECT max(a) FROM u), b = DEFAULT FROM a WHERE a.id = x.id'),
      false,
    );
    assert.equal(audited('DELETE FROM ONLY t USING u WHERE t.id = u.id RETURNING *'), false);
    assert.equal(audited('WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x'), false);
    assert.equal(
      audited('MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET a = 1, b = 2'),
      false,
    );
    assert.equal(audited('TRUNCATE t, u'), false);
    assert.equal(audited('COPY t (a, b) FROM STDIN'), false);
    assert.equal(audited('INSERT INTO audited VALUES (1)'), true);
    assert.equal(audited('INSERT INTO new_table VALUES (1)'), true);
    assert.equal(audited('WITH audited AS (SELECT 1) INSERT INTO audited SELECT 1'), true);
    assert.equal(audited('INSERT INTO t SELECT vol(1)'), true);
    assert.equal(audited('UPDATE t SET a = new_function(a)'), true);
    assert.equal(audited('DELETE FROM t USING view'), true);
    assert.equal(audited('TRUNCATE t, audited'), true);
    assert.equal(audited('COPY audited FROM STDIN'), true);
  });

  test('names that are not in the catalogue are missed, changes of the schema are told', () => {
    assert.equal(classified('SELECT * FROM new_table').names, 'missed');
    assert.equal(classified('SELECT new_function()').names, 'missed');
    assert.equal(classified('SELECT * FROM view').names, 'known');
    assert.equal(classified('SELECT vol(1)').names, 'known');
    assert.equal(classified('CREATE TABLE x (a int)').names, 'changed');
    assert.equal(classified('SELECT 1; ALTER TABLE t ENABLE ROW LEVEL SECURITY').names, 'changed');
    assert.equal(classified('CREATE TEMP TABLE x (a int)').names, 'known');
  });
});

describe('transactions', () => {
  const begun = (sql: string): Intent['begin'] => classified(sql).begin;

  test('the modes of a BEGIN are read exactly', () => {
    assert.deepEqual(begun('BEGIN'), { readOnly: false, serializable: false, alone: true });
    assert.deepEqual(begun('BEGIN READ ONLY'), { readOnly: true, serializable: false, alone: true });
    assert.equal(begun('BEGIN READ ONLY, READ WRITE')?.readOnly, false);
    assert.equal(begun('BEGIN READ WRITE, READ ONLY')?.readOnly, false);
    assert.deepEqual(begun('START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE'), {
      readOnly: true,
      serializable: true,
      alone: true,
    });
    assert.equal(begun('BEGIN READ'), undefined);
    assert.equal(begun('BEGIN ISOLATION LEVEL'), undefined);
    assert.equal(begun('BEGIN;')?.alone, true);
  });

  test('a transaction that several statements leave open is told, one that they end is not', () => {
    assert.deepEqual(begun('BEGIN; SELECT 1'), { readOnly: false, serializable: false, alone: false });
    assert.equal(begun('BEGIN; SELECT 1; COMMIT'), undefined);
    assert.equal(begun('COMMIT; BEGIN READ ONLY')?.readOnly, true);
  });

  test('a session whose default is SERIALIZABLE begins such transactions', () => {
    assert.equal(classified('BEGIN READ ONLY', { serializable: true }).begin?.serializable, true);
  });

  test('messages of one batch are judged together', () => {
    const of = (...texts: string[]): string => combine(texts.map((sql) => classified(sql))).kind;
    assert.equal(of('SELECT 1', 'SELECT 2'), 'read');
    assert.equal(of('BEGIN READ ONLY', 'SELECT 2'), 'read');
    assert.equal(of('SELECT 1', 'DELETE FROM t'), 'write');
    assert.equal(of('SELECT 1', 'SET a = 1'), 'write');
    assert.equal(of('', 'SELECT 1'), 'read');
    assert.equal(of(), 'session');
  });
});

describe('hints', () => {
  const hinted = (sql: string, route?: string): Hint | undefined => classified(sql, { route }).hint;

  test('a comment before the statement gives one, a comment elsewhere does not', () => {
    assert.deepEqual(hinted('/* pointsman: primary */ SELECT 1'), { to: 'primary' });
    assert.deepEqual(hinted('-- x\n/* y */ /*Pointsman:REPLICA*/ SELECT 1'), { to: 'replica' });
    assert.deepEqual(hinted('/* pointsman: node = pg-2 */ SELECT 1'), { to: 'node', node: 'pg-2' });
    assert.equal(hinted('SELECT /* pointsman: replica */ 1'), undefined);
    assert.equal(hinted("SELECT '/* pointsman: replica */'"), undefined);
    assert.equal(hinted('/* for pointsman */ SELECT 1'), undefined);
  });

  test('one that is not understood asks for the primary', () => {
    assert.deepEqual(hinted('/* pointsman: level=global */ SELECT 1'), { to: 'primary' });
    assert.deepEqual(hinted('/* pointsman: relpica */ SELECT 1'), { to: 'primary' });
  });

  test('the session gives one to statements without one of their own', () => {
    assert.deepEqual(hinted('SELECT 1', 'replica'), { to: 'replica' });
    assert.deepEqual(hinted('/* pointsman: primary */ SELECT 1', 'replica'), { to: 'primary' });
    assert.equal(hinted('SELECT 1', ''), undefined);
  });

  test('it makes no read of a write', () => {
    assert.equal(verdict('/* pointsman: replica */ DELETE FROM t'), 'write W01');
    assert.equal(verdict('/* pointsman: replica */ SELECT new_function()'), 'write W07');
  });

  test('texts that differ in nothing else are told apart', () => {
    assert.equal(hinted('SELECT 17'), undefined);
    assert.deepEqual(hinted('/* pointsman: node=a */ SELECT 17')?.to, 'node');
    assert.deepEqual(hinted('/* pointsman: replica */ SELECT 17')?.to, 'replica');
  });
});

describe('properties', () => {
  const changing = [
    'INSERT',
    'update',
    'Delete',
    'MERGE',
    'truncate',
    'DROP',
    'alter',
    'create',
    'grant',
    'revoke',
    'call',
  ];

  test('comments, white space and the case of words never change what a statement is', () => {
    const gap = fc.constantFrom(
      ' ',
      '\n',
      '\t ',
      ' /* a */ ',
      '/*/* b */*/',
      ' -- c\n',
      "/* ' */",
      '/* $$ */',
    );
    const casing = fc.func(fc.boolean());
    fc.assert(
      fc.property(
        fc.constantFrom(...statements),
        fc.array(gap, { minLength: 1 }),
        casing,
        (sql, gaps, upper) => {
          const words = sql.split(' ').map((word, at) => {
            if (word.includes("'")) return word;
            return upper(at) ? word.toUpperCase() : word.toLowerCase();
          });
          const other = words.map((word, at) => word + gaps[at % gaps.length]).join('');
          assert.equal(verdict(other), verdict(sql), other);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('what a constant holds never changes what a statement is', () => {
    const inside = fc.oneof(fc.string(), anyText, fc.constantFrom(...changing, '; DELETE FROM t; --'));
    const quoted = inside.chain((text) =>
      fc.constantFrom(
        `'${text.replaceAll("'", "''")}'`,
        `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
        `$tag$${text.replaceAll('$', '')}$tag$`,
        `U&'${text.replaceAll('\\', '').replaceAll("'", "''")}'`,
      ),
    );
    fc.assert(
      fc.property(quoted, (constant) => {
        if (constant.includes('\0')) return;
        assert.equal(
          verdict(`SELECT a FROM t WHERE b = ${constant} OR c IN (${constant}, 'x')`),
          'read R01',
          constant,
        );
        assert.equal(verdict(`SELECT nextval(${constant})`), 'write W05', constant);
      }),
      { numRuns: 3_000 },
    );
  });

  test('a statement with a data-changing word outside quotes is never a read', () => {
    fc.assert(
      fc.property(fc.constantFrom(...statements), fc.constantFrom(...changing), fc.nat(), (sql, word, at) => {
        const words = sql.split(' ');
        words.splice(at % (words.length + 1), 0, word);
        assert.notEqual(classified(words.join(' ')).kind, 'read', words.join(' '));
      }),
      { numRuns: 2_000 },
    );
  });

  test('an answer from the cache is the answer without it', () => {
    fc.assert(
      fc.property(anyText, (sql) => {
        // A text longer than the cache takes is classified from its tokens.
        const uncached = classified(`${sql}\n;${';'.repeat(20_000)}`);
        const {
          cost: _learned,
          alone: _why,
          sample: _kept,
          ...cached
        } = classified(sql) as Intent & { sample?: unknown };
        assert.deepEqual(cached, uncached);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes get an answer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), anyText), fc.boolean(), (sql, standard) => {
        assert.ok(classified(sql, { standardConformingStrings: standard }).because.length > 0);
      }),
      { numRuns: 3_000 },
    );
  });

  test('deep nesting gets an answer in time', () => {
    for (const text of [
      '(',
      'explain ',
      'copy (',
      'declare c cursor for ',
      'set_config(',
      'with x(a) as (',
      '+',
      'a.',
    ]) {
      assert.notEqual(classified(`SELECT 1; ${text.repeat(50_000)}`).kind, 'read');
    }
  });

  test('the cost of a statement whose form is known', (context) => {
    const rounds = 300_000;
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const begin = performance.now();
      for (let at = 0; at < rounds; at++)
        classified('SELECT abalance FROM pgbench_accounts WHERE aid = 12345');
      best = Math.min(best, (performance.now() - begin) / rounds);
    }
    context.diagnostic(`${Math.round(best * 1e6)} ns for a cached statement, its buffer and facts included`);
  });
});
