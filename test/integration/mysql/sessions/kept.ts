import { asking, onGround } from '../../../support/mysql-sameness.ts';
import type { Suite } from './suite.ts';

const routines = [
  ...['several', 'fails', 'begins', 'sets'].map((name) => `DROP PROCEDURE IF EXISTS ${name}`),
  'DROP FUNCTION IF EXISTS leaves',
];

export function kept({ same, flavour }: Suite): void {
  same(
    'user variables live as long as their session',
    asking(
      'SELECT @a',
      'SET @a = 1, @b := 2',
      'SELECT @a, @b',
      'SELECT * FROM own',
      'SELECT @a := @a + k FROM own',
      'SELECT v INTO @c FROM own WHERE k = 2',
      'SELECT @a, @c',
      'BEGIN',
      'SET @a = 99',
      'ROLLBACK',
      'SELECT @a',
      "SET @sql_mode = 'x'",
      'SET @t = NOW(), @@time_zone = "+02:00"',
      'SELECT @@time_zone, @t IS NULL',
    ),
  );

  same(
    'temporary tables live as long as their session',
    asking(
      'CREATE TEMPORARY TABLE tt (a INT)',
      'INSERT INTO tt VALUES (1), (2)',
      'SELECT * FROM tt',
      'CREATE TEMPORARY TABLE own (hidden INT)',
      'SELECT * FROM own',
      'DROP TEMPORARY TABLE own',
      'SELECT * FROM own',
      'ALTER TABLE tt ADD b INT',
      'SELECT * FROM tt',
      'DROP TABLE tt',
      'SELECT * FROM tt',
      'CREATE TEMPORARY TABLE tt SELECT * FROM own',
      'SELECT COUNT(*) FROM tt',
    ),
  );

  same(
    'table locks are held until they are released',
    asking(
      'LOCK TABLES own READ',
      'SELECT * FROM own WHERE k = 1',
      'SELECT * FROM neighbours WHERE k = 1',
      "INSERT INTO own VALUES (50, 'x')",
      'UNLOCK TABLES',
      'SELECT COUNT(*) > 0 FROM neighbours',
      'LOCK TABLES own WRITE, own AS o READ',
      "UPDATE own SET v = 'one' WHERE k = 1",
      'SELECT o.v FROM own AS o WHERE k = 1',
      'BEGIN',
      'SELECT COUNT(*) > 0 FROM neighbours',
      'ROLLBACK',
      'LOCK TABLES own READ LOCAL',
    ),
  );

  same(
    'locks by name are held until they are released, or the session ends',
    asking(
      "SELECT GET_LOCK('one', 1)",
      "SELECT IS_FREE_LOCK('one'), IS_USED_LOCK('one') = CONNECTION_ID()",
      'SELECT * FROM own WHERE k = 1',
      "SELECT RELEASE_LOCK('one')",
      "SELECT RELEASE_LOCK('one')",
      "SELECT IS_FREE_LOCK('one')",
      "SELECT GET_LOCK('one', 0), GET_LOCK('three', 0)",
      'SELECT RELEASE_ALL_LOCKS()',
      "SELECT IS_FREE_LOCK('three')",
      "DO GET_LOCK('one', 0)",
    ),
  );

  same(
    'stored procedures give several results and parameters back',
    onGround(
      routines,
      asking(
        'CREATE PROCEDURE several(IN a INT, OUT b INT, INOUT c INT) BEGIN SELECT a; SELECT k FROM own ORDER BY k; SET b = a * 2, c = c + 1; END',
        'SET @c = 5',
        'CALL several(4, @b, @c)',
        'SELECT @b, @c',
        'CALL several(1)',
        'CREATE PROCEDURE fails() BEGIN SELECT 1; SELECT 2; SELECT * FROM nowhere; SELECT 3; END',
        'CALL fails()',
        'SHOW WARNINGS',
        "CREATE PROCEDURE begins() BEGIN START TRANSACTION; UPDATE own SET v = 'x' WHERE k = 1; SELECT v FROM own WHERE k = 1; END",
        'CALL begins()',
        'SELECT v FROM own WHERE k = 1',
        'ROLLBACK',
        'SELECT v FROM own WHERE k = 1',
        "CREATE PROCEDURE sets() BEGIN SET time_zone = '+04:00', sql_mode = 'ANSI'; SET @inside = 3; END",
        'CALL sets()',
        'SELECT @@time_zone, @inside',
        "CREATE FUNCTION leaves() RETURNS INT DETERMINISTIC BEGIN SET @left = 8; RETURN GET_LOCK('two', 0); END",
        'SELECT leaves()',
        'SELECT @left',
      ),
    ),
  );

  same(
    'two-phase transactions stay on their link',
    asking(
      "XA START 'x1'",
      "UPDATE own SET v = 'xa' WHERE k = 1",
      'SELECT v FROM own WHERE k = 1',
      "XA END 'x1'",
      "XA PREPARE 'x1'",
      "XA ROLLBACK 'x1'",
      'SELECT v FROM own WHERE k = 1',
      "XA START 'x2'",
      'COMMIT',
      "XA END 'x2'",
      "XA COMMIT 'x2' ONE PHASE",
      "XA COMMIT 'never'",
    ),
  );

  same(
    'handlers, and other state that keeps its link',
    asking(
      'HANDLER own OPEN AS h',
      'HANDLER h READ FIRST',
      'HANDLER h READ NEXT',
      'HANDLER h CLOSE',
      'HANDLER h READ NEXT',
      'SET timestamp = 1000',
      'SELECT UNIX_TIMESTAMP()',
      'SET timestamp = DEFAULT',
      'SELECT UNIX_TIMESTAMP() > 5000',
      'SET rand_seed1 = 5, rand_seed2 = 6',
      'SELECT RAND()',
      'SELECT RAND(3)',
      flavour === 'mysql'
        ? 'SELECT STATEMENT_DIGEST_TEXT("SELECT 1")'
        : 'SET STATEMENT max_statement_time = 5 FOR SELECT 1',
      flavour === 'mysql' ? 'SELECT /*+ SET_VAR(sort_buffer_size = 65536) */ @@sort_buffer_size' : 'SELECT 1',
    ),
  );
}
