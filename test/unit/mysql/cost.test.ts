import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classified, MARIADB, MYSQL } from './classified.ts';

const PLAIN = [
  'SELECT 1',
  'SELECT 1;',
  'SELECT * FROM t WHERE a = 5 ORDER BY b LIMIT 3, 4',
  "SELECT a FROM t WHERE b = 'x;y' UNION SELECT a FROM u",
  '(SELECT a FROM t)',
  'WITH x AS (SELECT 1 AS a) SELECT a FROM x, t',
  'TABLE t',
  'SELECT NOW(), RAND(), UUID(), USER(), DATABASE(), SLEEP(0)',
  '/* pointsman:route=replica */ SELECT 1',
];

/** What depends on its connection, has to be asked about, or is no read. */
const NOT_PLAIN = [
  'SELECT LAST_INSERT_ID()',
  'SELECT LAST_INSERT_ID(5)',
  'SELECT a FROM t WHERE a = @@identity',
  'SELECT FOUND_ROWS()',
  'SELECT FOUND_ROWS() + 1',
  'SELECT ROW_COUNT() AS r, 1',
  'SELECT SQL_CALC_FOUND_ROWS a FROM t LIMIT 1',
  'SELECT CONNECTION_ID()',
  'SELECT CONNECTION_ID() + 0',
  'SELECT @@warning_count',
  'SELECT @@session.error_count + 1',
  'SELECT @@sql_mode',
  'SELECT @a',
  'SELECT @a := 1',
  'SELECT a INTO @a FROM t',
  "SELECT a INTO OUTFILE '/tmp/x' FROM t",
  "SELECT GET_LOCK('a', 0)",
  "SELECT RELEASE_LOCK('a')",
  "SELECT IS_USED_LOCK('a')",
  'SELECT RELEASE_ALL_LOCKS()',
  'SELECT a FROM t FOR UPDATE',
  'SELECT a FROM t FOR SHARE',
  'SELECT a FROM t LOCK IN SHARE MODE',
  'SELECT * FROM information_schema.processlist',
  'SELECT * FROM performance_schema.threads',
  'SELECT * FROM performance_schema.session_variables',
  'SELECT * FROM unknown',
  'SELECT unheard_of(1)',
  'SELECT stored()',
  'SELECT BENCHMARK(1, 1)',
  'SELECT VERSION()',
  'SELECT /*!80000 1, */ 2',
  'SELECT /*M! 1, */ 2',
  "SELECT /*+ SET_VAR(sql_mode = '') */ 1",
  'SELECT 1; SELECT 2',
  'BEGIN; SELECT 1',
  'START TRANSACTION READ ONLY; SELECT 1',
  'EXPLAIN SELECT 1',
  'EXPLAIN ANALYZE SELECT a FROM t',
  'SHOW TABLES',
  'SHOW WARNINGS',
  'SHOW PROCESSLIST',
  'SET @a = 1',
  'DO SLEEP(1)',
  'UPDATE t SET a = 1',
  'CALL p()',
  'HANDLER t OPEN',
];

describe('what a statement has cost', () => {
  for (const version of [MYSQL, MARIADB]) {
    test(`is kept for plain reads of ${version}`, () => {
      for (const text of PLAIN) assert.ok(classified(text, { version }).cost !== undefined, text);
    });

    test(`and for nothing else of ${version}`, () => {
      for (const text of NOT_PLAIN) {
        const { kind, cost } = classified(text, { version });
        assert.ok(kind !== 'read' || cost === undefined, text);
      }
    });
  }

  test('is shared by all who send the same form, whatever its constants and their hints', () => {
    const { cost } = classified('SELECT a FROM t WHERE a = 1');
    assert.ok(cost !== undefined);
    assert.equal(classified('SELECT  a FROM t WHERE a = 2').cost, cost);
    assert.equal(classified('SELECT a FROM t WHERE a = 3', { route: 'primary' }).cost, cost);
    assert.notEqual(classified('SELECT a FROM t WHERE b = 1').cost, cost);
    assert.notEqual(classified('SELECT a FROM t WHERE a = 1', { schema: 'other' }).cost, cost);
  });

  test('says nothing where a read begins a transaction', () => {
    assert.notEqual(classified('SELECT a FROM t', { autocommit: false }).kind, 'read');
    assert.notEqual(classified('SELECT a FROM t', { serializable: true }).kind, 'read');
  });
});
