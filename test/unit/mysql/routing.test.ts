import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TextFacts } from '../../../src/mysql/classify.ts';
import { classified, MARIADB, MYSQL, verdict } from './classified.ts';

/** [text, kind and rule, facts] */
type Row = readonly [text: string, verdict: string, facts?: Partial<TextFacts>];

const check = (rows: readonly Row[]) => (): void => {
  for (const [text, expected, facts] of rows) {
    const versions = facts?.version === undefined ? [MYSQL, MARIADB] : [facts.version];
    for (const version of versions) {
      assert.equal(verdict(text, { ...facts, version }), expected, `${text} on ${version}`);
    }
  }
};

describe('both engines', () => {
  test(
    'comments first, parentheses, WITH … SELECT, TABLE t and VALUES … are reads',
    check([
      ['SELECT 1', 'read R01'],
      ['/* c */ select * from t', 'read R01'],
      ['-- c\n# d\nselect * from t;', 'read R01'],
      ['(SELECT a FROM t)', 'read R01'],
      ['((SELECT a FROM t) UNION (SELECT b FROM u)) ORDER BY 1 LIMIT 2', 'read R01'],
      ['WITH x AS (SELECT 1 AS a) SELECT * FROM x JOIN t ON t.a = x.a', 'read R01'],
      [
        'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT * FROM n',
        'read R01',
      ],
      ['TABLE t', 'read R01'],
      ['TABLE v', 'write W08'],
      ['VALUES ROW(1, 2), ROW(3, 4)', 'read R01'],
      [
        'SELECT a, COUNT(*) FROM app.t AS x LEFT JOIN u y USING (id) WHERE a IN (SELECT b FROM u) GROUP BY a HAVING COUNT(*) > 1 ORDER BY a DESC LIMIT 1, 2',
        'read R01',
      ],
      ['SELECT * FROM (SELECT 1 AS a) AS d, t, (u), (t a JOIN u b ON a.id = b.id)', 'read R01'],
      ['SELECT * FROM t USE INDEX (i) IGNORE INDEX FOR ORDER BY (j), u FORCE KEY (PRIMARY)', 'read R01'],
      ['SELECT * FROM t PARTITION (p0, p1) AS x WHERE x.a = ?', 'read R01'],
      [
        "SELECT SUBSTRING(a FROM 2 FOR 3), TRIM(LEADING 'x' FROM a), EXTRACT(YEAR FROM b), CAST(a AS DECIMAL(10,2)), CONVERT(a USING utf8mb4) FROM t",
        'read R01',
      ],
      [
        'SELECT SUM(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t',
        'read R01',
      ],
      [
        "SELECT j.* FROM t, JSON_TABLE(t.doc, '$[*]' COLUMNS (n FOR ORDINALITY, a VARCHAR(9) PATH '$.a')) AS j",
        'read R01',
      ],
      [
        "SELECT MATCH (a) AGAINST ('x' IN BOOLEAN MODE), GROUP_CONCAT(DISTINCT a ORDER BY b SEPARATOR ','), CASE WHEN a THEN 1 ELSE 2 END FROM t",
        'read R01',
      ],
      [
        "SELECT NOW() + INTERVAL 1 DAY, a DIV 2, a->>\"$.x\", _utf8mb4'x', N'x', x'6162', b'01', 0x1F FROM t",
        'read R01',
      ],
      ['SELECT STRAIGHT_JOIN SQL_NO_CACHE a FROM t STRAIGHT_JOIN u', 'read R01'],
      ['SELECT `a`.`b` FROM `app`.`t` `a`, `other`.`o`', 'read R01'],
      ['SELECT 1 FROM DUAL', 'read R01'],
      ['SELECT * FROM `select`, t.`order`', 'write W08'],
    ]),
  );

  test(
    'a data-changing word anywhere outside quotes sends the whole to the primary',
    check([
      ['INSERT INTO t VALUES (1)', 'write W01'],
      ['WITH x AS (SELECT 1) DELETE FROM t', 'write W01'],
      ['WITH x AS (SELECT 1 AS a) UPDATE t SET a = 1', 'write W01'],
      ['SELECT 1 FROM t WHERE delete = 1', 'write W01'],
      ['REPLACE INTO t VALUES (1)', 'write W01'],
      ['SELECT \'insert\', `delete`, "update" FROM t', 'read R01'],
      ["SELECT REPLACE(a, 'x', 'y'), INSERT(a, 1, 2, 'x'), TRUNCATE(b, 1) FROM t", 'read R01'],
      ['TRUNCATE t', 'write W04'],
    ]),
  );

  test(
    'row locks and sequences at any depth go to the primary',
    check([
      ['SELECT * FROM t FOR UPDATE', 'write W02'],
      ['SELECT * FROM t FOR SHARE SKIP LOCKED', 'write W02'],
      ['SELECT * FROM t LOCK IN SHARE MODE', 'write W02'],
      ['SELECT * FROM (SELECT * FROM t FOR UPDATE) d', 'write W02'],
      ['SELECT (SELECT a FROM t LOCK IN SHARE MODE)', 'write W02'],
      ['SELECT NEXT VALUE FOR s', 'write W02'],
      ['SELECT PREVIOUS VALUE FOR s', 'write W02'],
      ['SELECT * FROM t FOR SYSTEM_TIME ALL', 'write W02'],
      ['SELECT NEXTVAL(s)', 'write W05'],
      ['SELECT s.nextval', 'write W05'],
      ['SELECT * FROM s', 'write W08'],
    ]),
  );

  test(
    'of several statements in one text all are looked at',
    check([
      ['SELECT 1; SELECT 2 FROM t', 'read R01'],
      ['SELECT 1; DELETE FROM t', 'write W01'],
      ['DELETE FROM t; SELECT 1', 'write W01'],
      ['SELECT 1;;', 'read R01'],
      ['SET @a = 1; SELECT 1', 'write W18'],
      ["SET sql_mode = ''; SET NAMES utf8mb4", 'session S01'],
      ['BEGIN; SELECT 1', 'write W12'],
      ['START TRANSACTION READ ONLY; SELECT 1 FROM t', 'read R01'],
      ['SELECT 1; COMMIT', 'write W12'],
      ["SELECT ';'; SELECT 1", 'read R01'],
    ]),
  );

  test(
    'names are looked up: relations, functions, schemas; unknown ones go to the primary',
    check([
      ['SELECT * FROM missing', 'write W08'],
      ['SELECT * FROM T', 'write W08'],
      ['SELECT * FROM T2', 'read R01'],
      ['SELECT * FROM other.o', 'read R01'],
      ['SELECT * FROM o', 'write W08'],
      ['SELECT * FROM o', 'read R01', { schema: 'other' }],
      ['SELECT * FROM t', 'write U03', { schema: '' }],
      ['SELECT * FROM app.t', 'read R01', { schema: '' }],
      ['SELECT * FROM t', 'write U03', { catalogue: undefined }],
      ['SELECT 1 + ABS(2)', 'read R01', { catalogue: undefined }],
      ['SELECT * FROM .t', 'write U01'],
      ['SELECT * FROM.`v`', 'write U01'],
      ['SELECT * FROM . v', 'write U01'],
      ['SELECT t.a, from.b FROM t, t AS `from`', 'read R01'],
      ['SELECT * FROM a.b.c', 'write U03'],
      ['SELECT stored()', 'write W10'],
      ['SELECT app.stored()', 'write W10'],
      ['SELECT nowhere()', 'write W07'],
      ['SELECT app.now()', 'write W07'],
      ['SELECT stored()', 'read R01', { lists: { allow: new Set(['stored']), deny: new Set() } }],
      ['SELECT app.stored()', 'read R01', { lists: { allow: new Set(['app.stored']), deny: new Set() } }],
      ['SELECT ABS(1)', 'write W14', { lists: { allow: new Set(), deny: new Set(['abs']) } }],
    ]),
  );

  test('a name that is not known has the catalogue read again, and so has a change of the schema', () => {
    assert.equal(classified('SELECT * FROM missing').names, 'missed');
    assert.equal(classified('SELECT nowhere()').names, 'missed');
    assert.equal(classified('SELECT * FROM v').names, 'known');
    for (const text of [
      'CREATE TABLE x (a int)',
      'ALTER TABLE t RENAME TO y',
      'DROP VIEW v',
      'RENAME TABLE t TO y',
      'CREATE FUNCTION f() RETURNS INT RETURN 1',
      'CREATE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW w AS SELECT 1',
    ]) {
      assert.equal(classified(text).names, 'changed', text);
      assert.equal(classified(text).pin, undefined, text);
    }
    assert.equal(classified('CREATE USER a@b').names, 'known');
    assert.equal(classified('CREATE TEMPORARY TABLE x (a int)').names, 'known');
  });

  test('a transaction that is declared READ ONLY is one, and SERIALIZABLE is known', () => {
    for (const [text, readOnly] of [
      ['BEGIN', false],
      ['BEGIN WORK', false],
      ['START TRANSACTION', false],
      ['START TRANSACTION READ ONLY', true],
      ['START TRANSACTION READ WRITE', false],
      ['START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', true],
      ['START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */', false],
    ] as const) {
      const { kind, begin } = classified(text);
      assert.equal(kind, 'begin', text);
      assert.deepEqual(begin, { readOnly, alone: true, serializable: false }, text);
    }
    assert.equal(classified('BEGIN', { serializable: true }).begin?.serializable, true);
    assert.equal(verdict('SELECT 1', { serializable: true }), 'write W15');
    assert.equal(verdict('SELECT 1', { autocommit: false }), 'write W17');
    assert.equal(verdict('SELECT 1 FROM t', { autocommit: true }), 'read R01');
    assert.equal(classified('SAVEPOINT a', { autocommit: false }).pin, 'session-state');
    assert.equal(classified('SAVEPOINT a', { autocommit: true }).pin, undefined);
  });

  test(
    'what a transaction does besides beginning or ending is not hidden',
    check([
      ['COMMIT', 'end T02'],
      ['COMMIT WORK AND NO CHAIN NO RELEASE', 'end T02'],
      ['ROLLBACK', 'end T02'],
      ['COMMIT AND CHAIN', 'write T03'],
      ['ROLLBACK RELEASE', 'write T03'],
      ['ROLLBACK TO SAVEPOINT a', 'session S03'],
      ['ROLLBACK WORK TO a', 'session S03'],
      ['SAVEPOINT a', 'session S03'],
      ['RELEASE SAVEPOINT a', 'session S03'],
      ['START TRANSACTION WITH WHAT', 'write T03'],
      ['START REPLICA', 'write W04'],
      ['BEGIN NOT ATOMIC SELECT 1; END', 'write W04'],
    ]),
  );

  test(
    'questions about one server go to the primary',
    check([
      ['SELECT @@server_id', 'session S02'],
      ['SELECT @@version_comment LIMIT 1', 'session S02'],
      ['SELECT @@session.auto_increment_increment AS a, @@sql_mode AS b', 'session S02'],
      ['SELECT VERSION()', 'session S02'],
      ['SELECT a, @@hostname FROM t', 'write W06'],
      ['SELECT * FROM information_schema.processlist', 'write W09'],
      ['SELECT * FROM performance_schema.threads', 'write W09'],
      ['SELECT * FROM mysql.user', 'write W09'],
      ['SELECT * FROM `sys`.x', 'write W09'],
      ['SELECT * FROM tables', 'write W09', { schema: 'information_schema' }],
      ['SHOW PROCESSLIST', 'session S02'],
      ['SHOW REPLICA STATUS', 'session S02'],
      ['SHOW VARIABLES', 'session S02'],
      ['SELECT UUID_SHORT()', 'write W05'],
      ['SELECT CONNECTION_ID() + 1', 'write W06'],
      ["SELECT LOAD_FILE('/etc/passwd')", 'write W05'],
      ['SELECT BENCHMARK(9, 1)', 'write W05'],
      ['SELECT BINLOG_GTID_POS(1, 2)', 'write W06'],
    ]),
  );

  test('a hint in a leading comment, or the setting, says where; a write stays a write', () => {
    assert.deepEqual(classified('/* pointsman: primary */ SELECT 1').hint, { to: 'primary' });
    assert.deepEqual(classified('/*pointsman: node=a-2 */ SELECT 1').hint, { to: 'node', node: 'a-2' });
    assert.equal(classified("SELECT '/* pointsman: primary */'").hint, undefined);
    assert.equal(verdict('/* pointsman: replica */ DELETE FROM t'), 'write W01');
    assert.deepEqual(classified('SELECT 1', { route: 'replica' }).hint, { to: 'replica' });
    const own = classified("SET pointsman.route = 'node=a'");
    assert.deepEqual([own.here, own.own], [true, [{ name: 'pointsman.route', value: 'node=a' }]]);
  });

  test(
    'what cannot be read with certainty goes to the primary',
    check([
      ["SELECT 'open", 'write U01'],
      ['SELECT `open', 'write U01'],
      ['SELECT 1 /* open', 'write U01'],
      ['SELECT (1', 'write U01'],
      ['SELECT 1)', 'write U01'],
      ['SELECT 1 \u0001', 'write U01'],
      ['SELECT 1 FROM', 'write U01'],
      ['SELECT 1e5x', 'write U01'],
      ['SELECT $$x$$', 'write U01'],
      ['SELECT {fn NOW()}', 'write U01'],
      ['', 'session S06'],
      [' ; -- x', 'session S06'],
      ['NONSENSE', 'write W04'],
    ]),
  );
});

describe('MySQL and MariaDB', () => {
  test(
    'functions: unqualified builtins only; stored ones, CALL, DO, HANDLER and NEXTVAL go to the primary',
    check([
      [
        "SELECT CONCAT(a, 'x'), JSON_EXTRACT(b, '$.a'), ST_X(c), NOW(6), RAND(), UUID(), IF(a, 1, 2) FROM t",
        'read R01',
      ],
      ['SELECT USER(), CURRENT_USER, DATABASE(), SCHEMA(), SLEEP(1)', 'read R01'],
      ['SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t', 'read R01'],
      ['SELECT count (*) FROM t', 'read R01'],
      ['SELECT count (*)', 'write U03', { catalogue: undefined }],
      ['SELECT `count`(*)', 'write U03', { catalogue: undefined }],
      ['SELECT count_all (1)', 'write W10'],
      ['SELECT lateral (1)', 'write W10'],
      ['SELECT DEFAULT(a) FROM t', 'write W05'],
      ['SELECT JSON_PRETTY(a) FROM t', 'read R01', { version: MYSQL }],
      ['SELECT JSON_PRETTY(a) FROM t', 'write W07', { version: MARIADB }],
      ['SELECT NVL(a, 1) FROM t', 'write W07', { version: MYSQL }],
      ['SELECT NVL(a, 1) FROM t', 'read R01', { version: MARIADB }],
      ['SELECT MD5(a) FROM t', 'read R01', { version: '8.4.3' }],
      ['SELECT MD5(a) FROM t', 'write W07', { version: MYSQL }],
      ['CALL p(1)', 'write W04'],
      ['DO SLEEP(1)', 'write W04'],
      ['HANDLER t OPEN', 'write W16'],
      ['SELECT a FROM t PROCEDURE ANALYSE()', 'write W04'],
    ]),
  );

  test(
    'views go to the primary, wherever the grammar lets them stand',
    check([
      ['SELECT * FROM v', 'write W08'],
      ['SELECT * FROM t, v', 'write W08'],
      ['SELECT * FROM t JOIN u ON t.a = u.a, v', 'write W08'],
      ['SELECT * FROM t JOIN (u, v)', 'write W08'],
      ['SELECT * FROM ((v))', 'write W08'],
      ['SELECT (SELECT 1 FROM v)', 'write W08'],
      ['SELECT EXISTS(SELECT 1 FROM v)', 'write W08'],
      ['SELECT SUBSTRING((SELECT a FROM v) FROM 2)', 'write W08'],
      ['SELECT 1 UNION SELECT * FROM v', 'write W08'],
      ['SELECT 1 UNION TABLE v', 'write W08'],
      ['SELECT * FROM t USE INDEX FOR ORDER BY (i), v', 'write W08'],
      ['SELECT * FROM t PARTITION (p), v', 'write W08'],
      ['SELECT * FROM t window, v', 'write W08'],
      ['SELECT * FROM t offset, v', 'write W08'],
      ['SELECT * FROM t intersect, v', 'write W08'],
      ['SELECT * FROM t AS `order` JOIN u ON order.a = 1, v', 'write W08'],
      ['SELECT * FROM t JOIN u ON t.order = 1, v', 'write W08'],
      ['WITH v AS (SELECT 1) SELECT * FROM v', 'read R01'],
      ['WITH v AS (SELECT * FROM v) SELECT * FROM v', 'write W08'],
      ['WITH v AS (SELECT 1) SELECT * FROM app.v', 'write W08'],
      ['SELECT * FROM (WITH v AS (SELECT 1) SELECT * FROM v) d, v', 'write W08'],
    ]),
  );

  test(
    'executable comments are looked at as code and as comments',
    check([
      ['SELECT /*!40001 SQL_NO_CACHE */ * FROM t', 'read R01'],
      ['SELECT 1 /*!50001 + 1 */', 'read R01'],
      ['SELECT 1 /*!50001 INTO @a */', 'write U04'],
      ['SELECT 1 /*M! INTO OUTFILE "x" */', 'write U04'],
      ['SELECT 1 /*!99999 FOR UPDATE */ FROM t', 'write U04'],
      ['/*!50001 SELECT 1 */', 'write U04'],
      ['/*!50001 DELETE FROM t */', 'write W01'],
      ['/*!50001 SELECT 1 */ /*M!100100 DELETE FROM t */', 'write U04'],
      ["SELECT /*!50001 '*/ 1 -- '*/ , GET_LOCK('a', 1)", 'write U04'],
      ["SELECT 1 /*!50001 /* */ , GET_LOCK('a', 1) -- */", 'write U01'],
      ["SELECT 1 /*!99999 /* */ ' */ , GET_LOCK('a', 1) -- ' */", 'write U01'],
      ['SELECT 1 /*!50001', 'write U01'],
      ['SELECT 1 /*!50001SELECT*/', 'write U01'],
      ['SELECT 1 /*! */', 'read R01'],
      ["SELECT '/*!50001 '", 'read R01'],
      ['/*!40101 SET NAMES utf8 */', 'session S01'],
      ['/*!40000 ALTER TABLE t DISABLE KEYS */', 'write W04'],
    ]),
  );

  test(
    'hints for the optimizer are comments, but not those that set something',
    check([
      ['SELECT /*+ MAX_EXECUTION_TIME(1000) */ * FROM t', 'read R01'],
      ['SELECT /*+ BKA(t@qb1) */ * FROM t', 'read R01'],
      ['SELECT /*+ SET_VAR(sort_buffer_size = 1M) */ 1', 'write W19'],
      ["SELECT /*+ SET_VAR(sql_mode = '') */ 1", 'write U01'],
      ['SELECT /*+ RESOURCE_GROUP(a) */ 1', 'write W19'],
      ['SELECT /*+ QB_NAME(`*/ , GET_LOCK(1,1) -- `) */ 1', 'write U01'],
    ]),
  );

  test(
    '-- needs the space, # does not',
    check([
      ['SELECT 5--1', 'read R01'],
      ["SELECT 5--1, GET_LOCK('a', 1)", 'write W05'],
      ["SELECT 5 --\tGET_LOCK('a', 1)", 'read R01'],
      ["SELECT 5 --\u0001GET_LOCK('a', 1)", 'read R01'],
      ["SELECT 5 --\n, GET_LOCK('a', 1)", 'write W05'],
      ["SELECT 5 #GET_LOCK('a', 1)", 'read R01'],
      ["SELECT 5 #\n, GET_LOCK('a', 1)", 'write W05'],
      ["SELECT 5 #\r, GET_LOCK('a', 1)", 'read R01'],
      ['SELECT 5 # \u0000 , 1', 'write U01'],
    ]),
  );

  test(
    'backslashes and double quotes follow the sql_mode',
    check([
      ["SELECT 'a\\', GET_LOCK(1, 1), ' #'", 'read R01'],
      ["SELECT 'a\\', GET_LOCK(1, 1), ' #'", 'write W05', { sqlMode: 'NO_BACKSLASH_ESCAPES' }],
      ["SELECT 'a''', GET_LOCK(1, 1), ''' '", 'write W05'],
      ['SELECT "a\\", GET_LOCK(1, 1), " #"', 'read R01'],
      ['SELECT "a\\", GET_LOCK(1, 1), " #"', 'write W05', { sqlMode: 'ANSI_QUOTES' }],
      ['SELECT * FROM "v"', 'write W08', { sqlMode: 'ANSI_QUOTES' }],
      ['SELECT * FROM "t"', 'read R01', { sqlMode: 'REAL_AS_FLOAT,ANSI' }],
      ['SELECT * FROM "t"', 'write W08'],
      ['SELECT 1', 'write U02', { sqlMode: 'PIPES_AS_CONCAT,ORACLE' }],
    ]),
  );

  test('a character set whose second bytes are ASCII proves nothing; one byte a character does', () => {
    const hidden = Buffer.from("SELECT '\xbf\\', GET_LOCK(1, 1), ' '", 'latin1');
    for (const charset of ['gbk', 'sjis', 'big5', 'cp932', 'gb18030', 'swe7', 'ucs2', 'new']) {
      assert.equal(verdict(hidden, { charset }), 'write U02', charset);
      assert.equal(classified(hidden, { charset }).pin, 'session-state', charset);
    }
    assert.equal(verdict('SELECT 1', { charset: 'gbk' }), 'write U02');
    assert.equal(verdict(Buffer.from("SELECT '\xe9'", 'latin1'), { charset: 'latin1' }), 'read R01');
    assert.equal(verdict(Buffer.from('SELECT \xa01', 'latin1'), { charset: 'latin1' }), 'write U01');
    assert.equal(verdict(Buffer.from('SELECT 1 --\xa0x', 'latin1'), { charset: 'latin1' }), 'write U01');
    assert.equal(verdict('SELECT é FROM t'), 'read R01');
    assert.equal(verdict(Buffer.from('SELECT `\xff` FROM t', 'latin1')), 'write U01');
  });

  test('SELECT … INTO, := and every user variable go to the primary; variables pin', () => {
    for (const text of [
      'SELECT @a',
      "SELECT @'a b'",
      'SELECT @`a`',
      'SELECT @"a"',
      'SELECT @a := 1',
      'SELECT 1 INTO @a',
      'SET @a = 1',
      "SET NAMES utf8mb4, @a = 'x'",
      'INSERT INTO t (a) VALUES (@a)',
      'CALL p(@a)',
      'EXPLAIN FORMAT=JSON INTO @a SELECT 1',
    ]) {
      const { kind, pin } = classified(text);
      assert.deepEqual([kind, pin], ['write', 'user-variable'], text);
    }
    assert.equal(verdict("SELECT 1 INTO OUTFILE '/tmp/x'"), 'write W03');
    assert.equal(verdict("TABLE t INTO DUMPFILE '/tmp/x'"), 'write W03');
    assert.equal(classified("SELECT '@a' FROM t").kind, 'read');
    assert.equal(classified("SHOW GRANTS FOR 'a'@'b'").pin, undefined);
    assert.equal(classified("GRANT SELECT ON t TO 'a'@'b'").pin, undefined);
  });

  test('locks go to the primary and pin until they are released', () => {
    for (const [text, pin] of [
      ["SELECT GET_LOCK('a', 1)", 'advisory-lock'],
      ['SELECT a, GET_LOCK(@x, 1) FROM t', 'advisory-lock'],
      ["SELECT 1 FROM t WHERE get_lock ('a', 1)", 'advisory-lock'],
      ["DO GET_LOCK('a', 1)", 'advisory-lock'],
      ["SET sql_mode = GET_LOCK('a', 1)", 'advisory-lock'],
      ["SET @a = GET_LOCK('a', 1)", 'advisory-lock'],
      ["INSERT INTO t (a) VALUES (GET_LOCK('a', 1))", 'advisory-lock'],
      ["UPDATE t SET a = GET_LOCK('a', 1)", 'advisory-lock'],
      ["CALL p(GET_LOCK('a', 1))", 'advisory-lock'],
      ["SHOW TABLES WHERE GET_LOCK('a', 1)", 'advisory-lock'],
      ["CREATE TABLE x AS SELECT GET_LOCK('a', 1)", 'advisory-lock'],
      ["LOAD DATA INFILE 'x' INTO TABLE t SET a = GET_LOCK('a', 1)", 'advisory-lock'],
      ["EXPLAIN ANALYZE SELECT GET_LOCK('a', 1)", 'advisory-lock'],
      ["SELECT 1; SELECT GET_LOCK('a', 1); SET @a = 1", 'advisory-lock'],
      ['LOCK TABLES t READ', 'table-lock'],
      ['LOCK TABLES t READ /*!32311 LOCAL */', 'table-lock'],
      ['FLUSH TABLES WITH READ LOCK', 'table-lock'],
      ['FLUSH TABLES t FOR EXPORT', 'table-lock'],
      ['LOCK INSTANCE FOR BACKUP', 'session-state'],
      ['BACKUP STAGE START', 'session-state'],
      ['HANDLER t OPEN', 'session-state'],
    ] as const) {
      const intent = classified(text);
      assert.deepEqual([intent.kind, intent.pin], ['write', pin], text);
    }
    assert.equal(classified('UNLOCK TABLES').unpin, 'table-lock');
    assert.equal(classified('UNLOCK INSTANCE').unpin, undefined);
    assert.equal(classified('SELECT RELEASE_ALL_LOCKS()').unpin, 'advisory-lock');
    assert.equal(classified('DO RELEASE_ALL_LOCKS()').unpin, 'advisory-lock');
    assert.equal(classified("SELECT RELEASE_ALL_LOCKS(), GET_LOCK('a', 1)").unpin, undefined);
    assert.equal(classified('FLUSH TABLES').pin, undefined);
    for (const text of ["SELECT RELEASE_LOCK('a')", "SELECT IS_FREE_LOCK('a')", "SELECT IS_USED_LOCK('a')"]) {
      assert.equal(classified(text).kind, 'write', text);
    }
  });

  test('stored code that may take locks pins, and what is known not to does not', () => {
    assert.equal(classified('CALL p()').pin, undefined);
    assert.equal(classified('SELECT stored()').pin, undefined);
    assert.equal(classified('CALL p()', { catalogue: undefined }).pin, 'advisory-lock');
    assert.equal(classified('SELECT nowhere()').pin, 'advisory-lock');
    assert.equal(classified('INSERT INTO t (a, b) VALUES (1, 2)').pin, undefined);
    assert.equal(classified('INSERT INTO t (a) SELECT a FROM u').pin, undefined);
    assert.equal(
      classified('INSERT INTO x.t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)').pin,
      undefined,
    );
    assert.equal(classified('INSERT INTO t (a) VALUES (nowhere())').pin, 'advisory-lock');
    assert.equal(classified("LOAD DATA LOCAL INFILE 'x' INTO TABLE t (a, b)").pin, undefined);
  });

  test('LAST_INSERT_ID() is a read that asks for it; with a value it is a write', () => {
    for (const text of ['SELECT LAST_INSERT_ID()', 'SELECT a FROM t WHERE id = last_insert_id()']) {
      const { kind, insertId } = classified(text);
      assert.deepEqual([kind, insertId], ['read', true], text);
    }
    for (const text of ['SELECT @@identity', 'SELECT @@last_insert_id', 'SELECT @@session.`identity`']) {
      const { kind, insertId } = classified(text);
      assert.deepEqual([kind, insertId], ['session', true], text);
    }
    assert.equal(classified('INSERT INTO t VALUES (LAST_INSERT_ID())').insertId, true);
    const set = classified('SELECT LAST_INSERT_ID(5)');
    assert.deepEqual([set.kind, set.pin], ['write', 'session-state']);
    const update = classified('UPDATE t SET a = LAST_INSERT_ID(a + 1)');
    assert.deepEqual([update.kind, update.pin], ['write', undefined]);
    assert.equal(classified('SELECT 1 FROM t').insertId, false);
  });

  test('the session answers what only it can know, alone; within more it looks back', () => {
    for (const [text, about, column] of [
      ['SELECT ROW_COUNT()', 'row-count', 'ROW_COUNT()'],
      ['SELECT  found_rows( )', 'found-rows', 'found_rows( )'],
      ['SELECT FOUND_ROWS() AS n', 'found-rows', 'n'],
      ["SELECT FOUND_ROWS() 'my n'", 'found-rows', 'my n'],
      ['SELECT CONNECTION_ID()', 'connection-id', 'CONNECTION_ID()'],
      ['SELECT @@warning_count', 'warning-count', '@@warning_count'],
      ['SELECT @@session.error_count AS `E`', 'error-count', 'E'],
      ['SHOW WARNINGS', 'warnings', ''],
      ['SHOW ERRORS', 'errors', ''],
      ['SHOW COUNT(*) WARNINGS', 'warning-count', '@@session.warning_count'],
    ] as const) {
      const { here, question } = classified(text);
      assert.deepEqual([here, question?.about, question?.column], [true, about, column], text);
    }
    const limited = classified('SHOW WARNINGS LIMIT 5, 10').question;
    assert.deepEqual([limited?.offset, limited?.limit], [5, 10]);
    const turned = classified('SHOW ERRORS LIMIT 10 OFFSET 5').question;
    assert.deepEqual([turned?.offset, turned?.limit], [5, 10]);
    for (const text of [
      'SELECT ROW_COUNT() + 1',
      'SELECT a, FOUND_ROWS() FROM t',
      'SELECT @@warning_count, 1',
      'SELECT @@warning_count; SELECT 1',
      'SET @a = ROW_COUNT()',
      'INSERT INTO t VALUES (ROW_COUNT())',
      'GET DIAGNOSTICS @n = NUMBER',
    ]) {
      const { kind, here, looksBack } = classified(text);
      assert.deepEqual([kind, here, looksBack], ['write', false, true], text);
    }
    assert.equal(classified('SELECT CONNECTION_ID(), 1').looksBack, undefined);
  });

  test('SQL_CALC_FOUND_ROWS is a read of which FOUND_ROWS() can be asked', () => {
    const { kind, countsRows } = classified('SELECT SQL_CALC_FOUND_ROWS * FROM t LIMIT 1');
    assert.deepEqual([kind, countsRows], ['read', true]);
  });

  test('XA pins through PREPARE to COMMIT', () => {
    assert.equal(classified("XA START 'a'").pin, 'two-phase');
    assert.equal(classified("XA PREPARE 'a'").pin, 'two-phase');
    assert.equal(classified("XA COMMIT 'a'").unpin, 'two-phase');
    assert.equal(classified('XA RECOVER').pin, undefined);
  });

  test(
    'EXPLAIN is as the inner statement',
    check([
      ['EXPLAIN SELECT * FROM t', 'read R02'],
      ['EXPLAIN ANALYZE SELECT * FROM t', 'read R02'],
      ['EXPLAIN FORMAT=JSON SELECT * FROM t', 'read R02'],
      ['ANALYZE FORMAT=JSON SELECT * FROM t', 'read R02'],
      ['EXPLAIN (SELECT 1)', 'read R02'],
      ['EXPLAIN SELECT stored()', 'write W10'],
      ['EXPLAIN ANALYZE DELETE FROM t', 'write W04'],
      ['EXPLAIN UPDATE t SET a = 1', 'write W04'],
      ['EXPLAIN FOR CONNECTION 5', 'write W04'],
      ['DESCRIBE t', 'session S02'],
      ['DESC t a', 'session S02'],
      ['EXPLAIN t', 'session S02'],
      ['ANALYZE TABLE t', 'write W04'],
    ]),
  );

  test(
    'LOAD DATA, and all that is not known, goes to the primary',
    check([
      ["LOAD DATA LOCAL INFILE 'x' INTO TABLE t", 'write W04'],
      ["LOAD XML INFILE 'x' INTO TABLE t", 'write W04'],
      ['FLUSH TABLES', 'write W04'],
      ['PURGE BINARY LOGS BEFORE NOW()', 'write W04'],
      ['SHUTDOWN', 'write W04'],
      ['RESET MASTER', 'write W04'],
      ["BINLOG 'x'", 'write W16'],
      ['SHOW TABLES', 'session S02'],
      ["SHOW TABLES LIKE 'x'", 'session S02'],
      ["SHOW VARIABLES WHERE Variable_name = 'a'", 'session S02'],
      ['SHOW TABLES WHERE stored()', 'write W10'],
      ['USE other', 'session S01'],
    ]),
  );

  test('what is prepared, temporary or asked of a role stays with its link', () => {
    for (const [text, pin] of [
      ["PREPARE s FROM 'SELECT 1'", 'prepared-statement'],
      ['PREPARE s FROM @a', 'prepared-statement'],
      ["EXECUTE IMMEDIATE 'SELECT 1'", 'session-state'],
      ['CREATE TEMPORARY TABLE x (a int)', 'temporary-object'],
      ['CREATE OR REPLACE TEMPORARY TABLE x (a int)', 'temporary-object'],
      ['SET ROLE NONE', 'session-state'],
      ['SET RESOURCE GROUP a', 'session-state'],
      ['SET STATEMENT max_statement_time = 1 FOR SELECT 1', 'session-state'],
    ] as const) {
      const intent = classified(text);
      assert.deepEqual([intent.kind, intent.pin], ['write', pin], text);
    }
    assert.equal(verdict('EXECUTE s'), 'write W13');
    assert.equal(verdict('DEALLOCATE PREPARE s'), 'write W04');
  });

  test('KILL is answered here, and never sent', () => {
    assert.deepEqual(classified('KILL 5').strikes, { session: 5, what: 'session' });
    assert.deepEqual(classified('KILL CONNECTION 5').strikes, { session: 5, what: 'session' });
    assert.deepEqual(classified('KILL HARD QUERY 5;').strikes, { session: 5, what: 'statement' });
    for (const text of [
      'KILL 5',
      'KILL 2 + 3',
      'KILL CONNECTION_ID()',
      'KILL QUERY ID 5',
      'KILL USER a',
      'KILL 5; SELECT 1',
      'SELECT 1; /* x */ KILL 5',
      "KILL 5 'open",
      '/*!50000 KILL */ /*!50000 5 */',
    ]) {
      assert.equal(classified(text).here, true, text);
    }
    assert.equal(classified('KILL 5', { charset: 'gbk' }).here, true);
    assert.notEqual(classified('KILL 5; SELECT 1').refused, undefined);
    assert.equal(classified("INSERT INTO t VALUES ('kill 5')", { charset: 'gbk' }).here, false);
  });
});

describe('SET', () => {
  test('session variables are session settings and nothing else', () => {
    for (const text of [
      "SET NAMES utf8mb4 COLLATE 'utf8mb4_bin'",
      'SET CHARACTER SET utf8mb4',
      "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
      "SET sql_mode = (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))",
      'SET @@session.time_zone = "+00:00", @@autocommit = 1, LOCAL wait_timeout = 5',
      'SET autocommit = 0',
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY',
      'SET foreign_key_checks = OFF',
      "SET transaction_isolation = 'SERIALIZABLE'",
      'SET NET_READ_TIMEOUT= 700, SESSION NET_WRITE_TIMEOUT= 700',
      'USE other',
    ]) {
      const { kind, settingsOnly, pin, here } = classified(text);
      assert.deepEqual([kind, settingsOnly, pin, here], ['session', true, undefined, false], text);
    }
  });

  test('what is global, persists or is a password is a write', () => {
    for (const text of [
      'SET GLOBAL max_connections = 5',
      'SET sql_mode = 5, GLOBAL max_connections = 5',
      'SET @@global.max_connections = 5',
      'SET PERSIST max_connections = 5',
      'SET @@persist_only.max_connections = 5',
      "SET PASSWORD = 'x'",
      'SET DEFAULT ROLE a TO b',
      'SET GLOBAL TRANSACTION READ ONLY',
      'SET sql_mode = stored()',
    ]) {
      const { kind, settingsOnly } = classified(text);
      assert.deepEqual([kind, settingsOnly], ['write', false], text);
    }
  });

  test('what means this connection or its next statement pins', () => {
    for (const text of [
      'SET timestamp = 5',
      'SET insert_id = 5',
      'SET @@session.rand_seed1 = 5',
      'SET SQL_LOG_BIN = 0',
      "SET gtid_next = 'AUTOMATIC'",
      'SET last_insert_id = 5',
      'SET pseudo_thread_id = 5',
      'SET names = 5, timestamp = 5',
      "SET session_track_schema = 1, sql_mode = ''",
    ]) {
      assert.deepEqual([classified(text).kind, classified(text).pin], ['write', 'session-state'], text);
    }
  });

  test('modes of the next transaction and the proxy’s own settings stay here', () => {
    const next = (readOnly: boolean | undefined, serializable: boolean | undefined) => ({
      readOnly,
      serializable,
    });
    for (const [text, modes] of [
      ['SET TRANSACTION READ ONLY', next(true, undefined)],
      ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', next(undefined, true)],
      ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE', next(false, false)],
      ["SET @@transaction_isolation = 'SERIALIZABLE'", next(undefined, true)],
      ['SET @@transaction_read_only = 1', next(true, undefined)],
    ] as const) {
      const intent = classified(text);
      assert.deepEqual([intent.here, intent.nextTransaction], [true, modes], text);
    }
    const own = classified("SET SESSION session_track_schema = ON, session_track_gtids = 'OWN_GTID'");
    assert.deepEqual(own.own, [
      { name: 'session_track_schema', value: 'on' },
      { name: 'session_track_gtids', value: 'OWN_GTID' },
    ]);
    assert.equal(own.here, true);
    assert.equal(classified('SET TRANSACTION READ ONLY; SELECT 1').here, false);
    assert.equal(classified('SET TRANSACTION READ ONLY; SELECT 1').pin, 'session-state');
  });
});
