import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verdict } from './classified.ts';

/** What each statement is, by rule. The names of the tests are rows of the specification of routing. */
type Table = readonly (readonly [verdict: string, sql: string])[];

function rows(name: string, table: Table): void {
  test(name, () => {
    assert.deepEqual(
      table.map(([, sql]) => [verdict(sql), sql]),
      table.map(([expected, sql]) => [expected, sql]),
    );
  });
}

describe('both engines', () => {
  rows('comments first, parentheses, WITH … SELECT, TABLE t, VALUES … are reads', [
    ['read R01', 'SELECT 1'],
    ['read R01', '/* a /* nested */ comment */ -- and a line\nSELECT * FROM t'],
    ['read R01', '((SELECT a FROM t))'],
    ['read R01', '(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1 LIMIT 1'],
    ['read R01', 'WITH x AS (SELECT * FROM t) SELECT * FROM x'],
    ['read R01', 'WITH x (n, m) AS MATERIALIZED (SELECT 1, 2), y AS (SELECT * FROM x) SELECT * FROM y, x'],
    [
      'read R01',
      'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r',
    ],
    ['read R01', 'TABLE t'],
    ['read R01', 'TABLE ONLY t'],
    ['read R01', 'VALUES (1, 2), (3, 4)'],
    ['read R01', 'select a from t;'],
    ['read R01', ';;SELECT 1;;'],
  ]);

  rows('everyday reads are reads', [
    ['read R01', 'SELECT abalance FROM pgbench_accounts WHERE aid = 12345'],
    ['read R01', 'SELECT count(*), max(a) FROM t JOIN u USING (id) LEFT OUTER JOIN a AS x ON x.id = u.id, b'],
    ['read R01', "SELECT extract(epoch FROM x), substring(x FROM 2 FOR 3), trim(BOTH 'x' FROM y) FROM t"],
    ['read R01', "SELECT overlay(x PLACING 'y' FROM 1 FOR 2), position('x' IN y) FROM t"],
    ['read R01', "SELECT x::numeric(10, 2), CAST(y AS timestamp with time zone), interval '1 day' FROM t"],
    ['read R01', "SELECT * FROM t WHERE a IS NOT DISTINCT FROM b AND ts > now() - interval '1' day"],
    ['read R01', 'SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.id = t.id) AS l (x, y)'],
    ['read R01', 'SELECT * FROM generate_series(1, 10) WITH ORDINALITY AS g (i, n)'],
    ['read R01', "SELECT * FROM ROWS FROM (generate_series(1, 2), unnest('{}'::int[])) AS r (x, y)"],
    [
      'read R01',
      'SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS 1 PRECEDING) FROM t WINDOW w AS (ORDER BY d)',
    ],
    [
      'read R01',
      'SELECT a FROM t GROUP BY ROLLUP (a), GROUPING SETS ((a), ()) HAVING count(*) FILTER (WHERE b) > 1',
    ],
    ['read R01', "SELECT mode() WITHIN GROUP (ORDER BY a), a ->> 'x', a @> '{}', b[1:2], (c).d FROM t"],
    ['read R01', 'SELECT * FROM (a JOIN b ON true) TABLESAMPLE bernoulli (10) REPEATABLE (1)'],
    [
      'read R01',
      "SELECT CASE WHEN a LIKE 'x%' THEN coalesce(b, 'y') ELSE nullif(c, $1) END FROM t FETCH FIRST 5 ROWS ONLY",
    ],
    [
      'read R01',
      "SELECT 'happy'::mood, similarity(a, 'b') FROM t WHERE EXISTS (SELECT FROM u) AND a = ANY ($1)",
    ],
    [
      'read R01',
      "SELECT a AT TIME ZONE 'utc', b COLLATE \"C\", date '2020-01-01', array[1], row(1, 2) FROM public.t AS x",
    ],
    ['read R01', 'SELECT "Orders"."a" FROM "Orders"'],
    [
      'read R01',
      'SELECT current_user, current_date, localtimestamp(0), random(), clock_timestamp(), gen_random_uuid()',
    ],
  ]);

  rows('a data-changing word anywhere outside quotes goes to the primary', [
    ['write W01', 'INSERT INTO t VALUES (1)'],
    ['write W01', 'WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x'],
    ['write W01', 'WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x'],
    ['write W01', 'SELECT (((SELECT 1 WHERE update))) FROM t'],
    ['write W01', 'MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE'],
    ['write W01', 'TRUNCATE t'],
    ['write W03', 'SELECT a INTO x FROM t'],
    ['write W03', 'SELECT a INTO TEMP x FROM t'],
    ['read R01', 'SELECT \'insert\', "delete", $$update$$ FROM t -- truncate\n/* merge */'],
  ]);

  rows('FOR UPDATE / SHARE / NO KEY UPDATE / KEY SHARE at any depth go to the primary', [
    ['write W02', 'SELECT * FROM t FOR UPDATE'],
    ['write W02', 'SELECT * FROM t FOR SHARE OF t NOWAIT'],
    ['write W02', 'SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED'],
    ['write W02', 'SELECT * FROM (SELECT * FROM (SELECT * FROM t FOR KEY SHARE) x) y'],
    ['write W02', 'SELECT * FROM t for/**/update'],
    ['read R01', 'SELECT substring(a FOR 2), collation for (a) FROM t'],
  ]);

  rows('of several statements any that is not a read sends the whole to the primary', [
    ['read R01', 'SELECT 1; SELECT * FROM t'],
    ['write W01', 'SELECT 1; DELETE FROM t'],
    ['write W05', "SELECT 1; SELECT nextval('s'); SELECT 2"],
    ['write W12', 'SET a = 1; SELECT 1'],
    ['write W12', 'SELECT 1; COMMIT'],
    ['write W12', 'BEGIN; SELECT 1'],
    ['write W12', 'BEGIN READ ONLY; SELECT 1; COMMIT'],
    ['read R01', 'BEGIN READ ONLY; SELECT 1'],
    ['write W12', 'BEGIN READ ONLY ISOLATION LEVEL SERIALIZABLE; SELECT 1'],
  ]);

  rows('a name that is not known to have no effect goes to the primary', [
    ['write W07', 'SELECT new_function(1)'],
    ['write W07', 'SELECT public.new_function(1)'],
    ['write W07', 'SELECT "Now"()'],
    ['write W10', 'SELECT vol(1)'],
    ['write W10', 'SELECT upper(a) FROM t'],
    ['write W10', 'SELECT public.sneaky()'],
    ['read R01', 'SELECT pg_catalog.upper(a), "now"() FROM t'],
    ['write W08', 'SELECT * FROM new_table'],
    ['write W08', 'SELECT * FROM t, view'],
    ['write W08', 'SELECT * FROM t JOIN unlogged_t ON true'],
    ['write W08', 'SELECT * FROM foreign_t'],
    ['write W08', 'SELECT last_value FROM seq'],
    ['write W08', 'SELECT * FROM "orderS"'],
    ['write W08', 'SELECT * FROM pg_temp.t'],
    ['write W08', 'SELECT * FROM t WHERE a IN (SELECT a FROM (u CROSS JOIN view))'],
    ['write W10', "SELECT a #<# 'x' FROM t"],
    ['write W10', 'SELECT a OPERATOR(public.+) b FROM t'],
    ['read R01', 'SELECT a OPERATOR(pg_catalog.+) b FROM t'],
    ['write W11', "SELECT '5'::positive"],
    ['write W11', "SELECT positive '5'"],
    ['write W11', "SELECT CAST('5' AS new_type)"],
    ['write W11', "SELECT '5'::public.new_type"],
    ['write W11', "SELECT new_type '5'"],
    ['write W11', "SELECT jsonb_populate_record(NULL::t, '{}')"],
    ['write W11', "SELECT * FROM json_to_record('{}') AS j (a int, b positive)"],
  ]);

  rows('a WITH name hides a relation only where it is defined', [
    ['read R01', 'WITH view AS (SELECT 1) SELECT * FROM view'],
    ['write W08', 'WITH view AS (SELECT * FROM view) SELECT * FROM view'],
    ['read R01', 'WITH RECURSIVE view AS (SELECT 1 UNION SELECT * FROM view) SELECT * FROM view'],
    ['write W08', 'SELECT * FROM (WITH view AS (SELECT 1) SELECT * FROM view) x, view'],
    ['write W08', 'WITH view AS (SELECT 1) SELECT * FROM public.view'],
    ['write W08', 'WITH a AS (SELECT * FROM view), view AS (SELECT 1) SELECT * FROM a'],
  ]);

  rows('a comma or a join behind any condition names another relation', [
    ['write W08', 'SELECT * FROM t JOIN u ON CASE WHEN true THEN true END, view'],
    ['write W08', 'SELECT * FROM t JOIN u ON t.order = u.order, view'],
    ['write W08', "SELECT * FROM t JOIN u ON collation for (t.a) = 'x', view"],
    ['write W08', 'SELECT * FROM t JOIN u ON (mode() WITHIN GROUP (ORDER BY a)) = 1, view'],
    ['write W08', 'SELECT * FROM t JOIN u ON mode() WITHIN GROUP (ORDER BY a) = 1, view'],
    ['write W08', 'SELECT a AS where FROM t x (y, z), view'],
    ['write W08', 'SELECT * FROM t NATURAL JOIN LATERAL (view JOIN u ON true)'],
    ['write W08', 'SELECT (SELECT extract(day FROM (SELECT max(d) FROM view)))'],
  ]);

  rows('BEGIN and its end are recognized exactly, everything unusual goes to the primary as it is', [
    ['begin T01', 'BEGIN'],
    ['begin T01', 'BEGIN WORK ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE'],
    ['begin T01', 'START TRANSACTION READ WRITE'],
    ['write T03', 'BEGIN EVENTUALLY'],
    ['write W04', 'START WORK'],
    ['end T02', 'COMMIT'],
    ['end T02', 'END WORK'],
    ['end T02', 'ABORT TRANSACTION'],
    ['end T02', 'ROLLBACK AND NO CHAIN'],
    ['write T03', 'COMMIT AND CHAIN'],
    ['write T03', "COMMIT PREPARED 'x'"],
    ['write T03', "ROLLBACK PREPARED 'x'"],
    ['write T03', "PREPARE TRANSACTION 'x'"],
    ['session S03', 'ROLLBACK TO SAVEPOINT a'],
    ['session S03', 'SAVEPOINT a'],
    ['session S03', 'RELEASE a'],
    ['write T03', 'SET TRANSACTION READ WRITE'],
    ['write T03', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE'],
    ['write T03', "SET transaction_isolation = 'serializable'"],
    ['session S01', 'SET TRANSACTION READ ONLY'],
  ]);

  rows('node-specific questions go to the primary', [
    ['write W06', 'SELECT pg_backend_pid()'],
    ['write W06', 'SELECT inet_server_addr()'],
    ['write W06', 'SELECT pg_is_in_recovery()'],
    ['write W06', 'SELECT version()'],
    ['write W09', 'SELECT * FROM pg_stat_activity'],
    ['write W09', 'SELECT * FROM pg_catalog.pg_locks'],
    ['write W09', 'SELECT * FROM information_schema.tables'],
    ['write W09', 'SELECT * FROM pg_toast.t'],
  ]);

  rows('unknown and unparsable texts go to the primary', [
    ['write W04', 'FROBNICATE'],
    ['write W04', '(DELETE FROM t)'],
    ['write U01', "SELECT 'open"],
    ['write U01', 'SELECT "open'],
    ['write U01', 'SELECT 1 /* open /* nested */'],
    ['write U01', 'SELECT $tag$ open'],
    ['write U01', 'SELECT (1'],
    ['write U01', 'SELECT 1)'],
    ['write U01', 'SELECT 1 \\ 2'],
    ['write U01', 'SELECT 1\0; DELETE FROM t'],
    ['write U01', `SELECT ${'x'.repeat(64)} FROM t`],
    ['write U01', 'SELECT U&"\\0061" FROM t'],
    ['session S06', ''],
    ['session S06', ' ; -- nothing'],
  ]);

  test('the configuration allows functions and denies them', () => {
    const lists = { allow: new Set(['sneaky', 'app.fresh']), deny: new Set(['lower', 't_fn']) };
    assert.equal(verdict('SELECT sneaky(1), app.fresh()', { lists }), 'read R01');
    assert.equal(verdict('SELECT fresh()', { lists }), 'write W07');
    assert.equal(verdict('SELECT lower(a) FROM t', { lists }), 'write W14');
    assert.equal(verdict('SELECT t.t_fn FROM t', { lists }), 'write W14');
  });

  test('without a catalogue only what has no names is a read', () => {
    const nothing = { catalogue: undefined };
    assert.equal(verdict('SELECT 1', nothing), 'read R01');
    assert.equal(verdict("SELECT $1::int, 'x'", nothing), 'read R01');
    assert.equal(verdict('SELECT * FROM t', nothing), 'write U03');
    assert.equal(verdict('SELECT lower(1)', nothing), 'write U03');
    assert.equal(verdict('SELECT 1 + 1', nothing), 'write U03');
    assert.equal(verdict('SELECT (1).abs', nothing), 'write U03');
  });

  test('a session whose default is SERIALIZABLE stays on the primary', () => {
    assert.equal(verdict('SELECT 1', { serializable: true }), 'write W15');
  });
});

describe('PostgreSQL', () => {
  rows('a function without parentheses is found behind a dot', [
    ['write W10', 'SELECT t.vol FROM t'],
    ['write W10', 'SELECT (t).vol FROM t'],
    ['write W05', "SELECT r.nextval FROM to_regclass('s') r"],
    ['write W05', "SELECT ('s'::regclass).nextval"],
    ['write W05', 'SELECT (5::bigint).pg_advisory_lock'],
    ['read R01', 'SELECT vol FROM t'],
  ]);

  rows('harmless volatile builtins are allowed', [
    ['read R01', 'SELECT random(), clock_timestamp(), gen_random_uuid(), timeofday(), uuidv7(), pg_sleep(0)'],
  ]);

  for (const call of [
    "nextval('s')",
    "setval('s', 1)",
    "currval('s')",
    'lastval()',
    'pg_advisory_lock(1)',
    'pg_try_advisory_xact_lock(1)',
    "pg_notify('a', 'b')",
    "set_config('a.b', 'c', true)",
    'lo_create(0)',
    'pg_export_snapshot()',
    'txid_current()',
    'pg_current_wal_lsn()',
    'pg_is_in_recovery()',
    'inet_client_addr()',
    'pg_backend_pid()',
    'pg_my_temp_schema()',
    'pg_listening_channels()',
    "current_setting('a.b')",
    'pg_prepared_statement()',
    'pg_cursor()',
    'pg_stat_get_activity(NULL)',
    'pg_lock_status()',
    "query_to_xml('delete from t', true, true, '')",
    "ts_stat('select 1')",
    "pg_read_file('x')",
    'setseed(0.5)',
  ]) {
    test(`${call} goes to the primary, at every depth and in every spelling`, () => {
      for (const sql of [
        `SELECT ${call}`,
        `SELECT pg_catalog.${call}`,
        `SELECT "pg_catalog" . /**/ ${call.replace(/^(\w+)/, '"$1"')}`,
        `SELECT * FROM ${call}`,
        `SELECT 1 FROM t WHERE a = (SELECT max(${call.toUpperCase()}) FROM u)`,
        `COPY (SELECT ${call}) TO STDOUT`,
        `EXPLAIN ANALYZE SELECT ${call}`,
        `WITH x AS (SELECT ${call}) SELECT 1`,
        `VALUES (${call})`,
      ]) {
        assert.match(verdict(sql), /^write W0[56]/, sql);
      }
    });
  }

  rows('EXPLAIN ANALYZE is what it explains; EXPLAIN EXECUTE goes to the primary', [
    ['read R02', 'EXPLAIN SELECT * FROM t'],
    ['read R02', 'EXPLAIN ANALYZE VERBOSE SELECT * FROM t'],
    ['read R02', 'EXPLAIN (ANALYZE, BUFFERS, FORMAT json) (SELECT 1) UNION SELECT 2'],
    ['read R02', 'EXPLAIN (SELECT 1)'],
    ['write W01', 'EXPLAIN ANALYZE DELETE FROM t'],
    ['write W01', 'EXPLAIN UPDATE t SET a = 1'],
    ['write W13', 'EXPLAIN EXECUTE p'],
    ['write W04', 'EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1'],
    ['write W02', 'EXPLAIN ANALYZE SELECT * FROM t FOR UPDATE'],
  ]);

  rows('COPY (read) TO STDOUT is a read, every other COPY goes to the primary', [
    ['read R03', 'COPY (SELECT * FROM t) TO STDOUT WITH (FORMAT csv)'],
    ['read R03', 'COPY (TABLE t) TO STDOUT'],
    ['write W01', 'COPY (DELETE FROM t RETURNING *) TO STDOUT'],
    ['write W04', "COPY (SELECT 1) TO '/tmp/x'"],
    ['write W04', "COPY (SELECT 1) TO PROGRAM 'rm'"],
    ['write W04', 'COPY t TO STDOUT'],
    ['write W04', 'COPY t (a, b) FROM STDIN'],
    ['write W05', "COPY (SELECT nextval('s')) TO STDOUT"],
  ]);

  rows('utilities go to the primary', [
    ['write W04', 'DO $$ BEGIN END $$'],
    ['write W04', 'CALL p(1)'],
    ['write W04', 'LOCK TABLE t IN ACCESS SHARE MODE'],
    ['write W04', 'VACUUM t'],
    ['write W04', 'LISTEN a'],
    ['write W04', "NOTIFY a, 'b'"],
    ['write W04', 'REFRESH MATERIALIZED VIEW v2'],
    ['write W04', 'CREATE TEMP TABLE x (a int)'],
    ['write W04', 'GRANT SELECT ON t TO x'],
    ['write W13', 'EXECUTE p(1)'],
    ['write W16', 'PREPARE p AS SELECT 1'],
  ]);

  rows('SHOW, SET, RESET, DISCARD are session state', [
    ['session S02', 'SHOW search_path'],
    ['session S01', 'SET search_path = a'],
    ['session S01', 'SET LOCAL a = 1'],
    ['session S01', 'RESET ALL'],
    ['session S05', 'DISCARD ALL'],
    ['session S05', 'DEALLOCATE p'],
    ['session S05', 'UNLISTEN *'],
    ['session S05', 'CLOSE c'],
    ['session S04', 'FETCH 10 FROM c'],
    ['session S04', 'DECLARE c CURSOR FOR SELECT * FROM t'],
    ['write W05', "DECLARE c CURSOR FOR SELECT nextval('s')"],
    ['write W16', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'],
  ]);

  rows('dollar quotes, E strings, U& strings and nested comments hide exactly what they hold', [
    ['read R01', 'SELECT $$ ; DELETE FROM t $$'],
    ['read R01', 'SELECT $a$ $$ $b$ DELETE $a$'],
    ['write W01', 'SELECT $a$ $a$ ; DELETE FROM t'],
    ['write W01', 'SELECT a$$ FROM t; DELETE FROM t; SELECT b$$ FROM t'],
    ['read R01', "SELECT E'\\'; DELETE FROM t; --'"],
    ['write W01', "SELECT '\\'; DELETE FROM t; --'"],
    ['write W01', "SELECT E'\\\\'; DELETE FROM t; --'"],
    ['read R01', "SELECT E'a'\n'\\'; DELETE FROM t; --'"],
    ['write W01', "SELECT 'a'\n'\\'; DELETE FROM t; --'"],
    ['read R01', "SELECT E'a' -- x\n -- y\n '\\'; DELETE FROM t; --'"],
    ['read R01', "SELECT U&'\\0027; DELETE FROM t; '"],
    ['read R01', "SELECT B'1''; DELETE FROM t; --'"],
    ['read R01', 'SELECT /* /* */ DELETE FROM t */ 1'],
    ['write W01', 'SELECT /* */ 1; DELETE FROM t /* */'],
    ['write W01', 'SELECT 1 -- x\r; DELETE FROM t'],
    ['read R01', 'SELECT 1 +-- DELETE FROM t\n 2'],
    ['read R01', 'SELECT 2*/* DELETE */3'],
    ['write U01', 'SELECT 0x1$$ , $$ , 1'],
    ['write U01', 'SELECT 1e, 2'],
  ]);

  test('standard_conforming_strings = off lets backslashes escape', () => {
    const off = { standardConformingStrings: false };
    assert.equal(verdict("SELECT '\\'; DELETE FROM t; --'", off), 'read R01');
    assert.equal(verdict("SELECT N'\\'; DELETE FROM t; --'", off), 'read R01');
    assert.equal(verdict("SELECT '\\\\'; DELETE FROM t; --'", off), 'write W01');
    assert.equal(verdict("SELECT U&'a'", off), 'write U01');
  });

  test('a client_encoding whose second bytes can be ASCII goes to the primary', () => {
    for (const encoding of [
      'SJIS',
      'Shift_JIS_2004',
      'BIG5',
      'GBK',
      'UHC',
      'GB18030',
      'JOHAB',
      'win936',
      'EBCDIC',
    ]) {
      assert.equal(verdict('SELECT 1', { encoding }), 'write U02', encoding);
    }
    for (const encoding of [
      'UTF8',
      'utf-8',
      'LATIN1',
      'SQL_ASCII',
      'WIN1252',
      'EUC_JP',
      'KOI8R',
      'ISO_8859_5',
    ]) {
      assert.equal(verdict('SELECT 1', { encoding }), 'read R01', encoding);
    }
  });

  test('a name beyond ASCII means itself in UTF-8 only, and only if no folding can change it', () => {
    assert.equal(verdict('SELECT größe FROM t'), 'read R01');
    assert.equal(verdict('SELECT Größe FROM t'), 'read R01');
    assert.equal(verdict('SELECT GRÖSSE FROM t'), 'write U01');
    assert.equal(verdict('SELECT "GRÖSSE" FROM t'), 'read R01');
    assert.equal(verdict('SELECT größe FROM t', { encoding: 'LATIN1' }), 'write U01');
    assert.equal(verdict("SELECT 'größe' FROM t", { encoding: 'LATIN1' }), 'read R01');
  });

  rows('a Parse of a read and then a write in one text go to the primary together', [
    ['write W01', 'SELECT * FROM t; UPDATE t SET a = 1'],
  ]);
});
