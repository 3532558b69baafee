import { initDb, query, resetConnection, setOption } from '../../../support/mysql-commands.ts';
import { OLD } from '../../../support/mysql-recorder.ts';
import { asking, commanding } from '../../../support/mysql-sameness.ts';
import type { Suite } from './suite.ts';

export function settings({ same, flavour }: Suite): void {
  const isolation = flavour === 'mysql' ? 'transaction_isolation' : 'tx_isolation';
  const readOnly = flavour === 'mysql' ? 'transaction_read_only' : 'tx_read_only';

  same(
    'sql_mode follows the session, and says how its texts are read',
    asking(
      `SET sql_mode='ANSI_QUOTES'`,
      `SELECT k AS "a" FROM own WHERE k=1`,
      `SELECT @@sql_mode`,
      `SET sql_mode='NO_BACKSLASH_ESCAPES'`,
      `SELECT 'a\\' AS x, "b" AS y`,
      `SET sql_mode=DEFAULT`,
      `SELECT @@sql_mode, "x"`,
      `SET SESSION sql_mode=CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')`,
      `SELECT 'a'||'b'`,
      `SET sql_mode='NO_SUCH_MODE'`,
      `SELECT @@sql_mode`,
      `SET sql_mode=''`,
      `SELECT @@sql_mode, CAST('' AS CHAR)`,
    ),
  );

  same(
    'character sets and collations follow the session',
    asking(
      `SET NAMES latin1`,
      `SELECT 'a', @@collation_connection, @@character_set_results, COLLATION('x')`,
      `SET NAMES latin1 COLLATE latin1_german1_ci`,
      `SELECT v, @@collation_connection, COLLATION('x') FROM own WHERE k=1`,
      `SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'`,
      `SELECT v='ONE', @@collation_connection FROM own WHERE k=1`,
      `SET CHARACTER SET latin2`,
      `SELECT @@character_set_client, @@character_set_connection, @@collation_connection`,
      `SET character_set_results=NULL`,
      `SELECT @@character_set_results, v FROM own WHERE k=1`,
      `SET character_set_connection=utf8mb4`,
      `SELECT @@collation_connection, COLLATION('x')`,
      `SET collation_connection=utf8mb4_unicode_ci`,
      `SELECT @@character_set_connection, @@collation_connection, 'a'='A'`,
      `SET NAMES DEFAULT`,
      `SELECT @@character_set_client, @@collation_connection`,
      `SET NAMES nonsense`,
      `SELECT @@character_set_client, @@collation_connection`,
      `SET character_set_server=latin1, collation_database=latin2_general_ci`,
      `SELECT @@character_set_server, @@collation_server, @@character_set_database, @@collation_database`,
    ),
  );

  for (const [collation, what] of [
    [8, 'latin1'],
    [33, 'utf8mb3'],
    [46, 'utf8mb4_bin'],
    [45, 'utf8mb4_general_ci'],
    [224, 'utf8mb4_unicode_ci'],
  ] as const) {
    same(
      `a log-in with collation ${collation}, ${what}, is a session in it`,
      asking(
        `SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection`,
        `SELECT COLLATION('a'), COLLATION(v), v FROM own WHERE k=1`,
        `SHOW WARNINGS`,
      ),
      { collation },
    );
  }

  same(
    'time zone, isolation and other variables follow the session',
    asking(
      `SET time_zone='-05:00'`,
      `SELECT @@time_zone, FROM_UNIXTIME(0)`,
      `SET time_zone='nowhere'`,
      `SELECT @@time_zone`,
      `SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`,
      `SELECT @@${isolation}`,
      `SET ${isolation}='SERIALIZABLE'`,
      `SELECT v FROM own WHERE k=1`,
      `SELECT @@${isolation}`,
      `SET SESSION TRANSACTION READ ONLY`,
      `SELECT @@${readOnly}`,
      `INSERT INTO own VALUES (99, 'no')`,
      `SET SESSION TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ`,
      `SELECT @@${readOnly}, @@${isolation}`,
      `SET lc_time_names='de_DE'`,
      `SELECT DATE_FORMAT('2024-12-31', '%W %M')`,
      `SET group_concat_max_len=4, sort_buffer_size=40000, max_join_size=DEFAULT, sql_select_limit=2`,
      `SELECT * FROM own`,
      `SELECT GROUP_CONCAT(v) FROM own`,
      `SHOW WARNINGS`,
      `SET sql_select_limit=DEFAULT, SESSION group_concat_max_len=DEFAULT`,
      `SELECT k FROM own`,
      `SELECT @@group_concat_max_len, @@sort_buffer_size`,
      `SET @@session.div_precision_increment=7, @@local.foreign_key_checks=0`,
      `SELECT 1/3, @@foreign_key_checks`,
      `SET no_such_variable=1`,
      `SET sql_mode='ANSI', time_zone='nowhere'`,
      `SELECT @@sql_mode, @@time_zone`,
      `SHOW VARIABLES LIKE 'time\\_zone'`,
      `SHOW SESSION VARIABLES WHERE Variable_name IN ('div_precision_increment', 'foreign_key_checks')`,
      `SHOW GLOBAL VARIABLES LIKE 'time\\_zone'`,
      `SET GLOBAL time_zone='+01:00'`,
    ),
  );

  same(
    'the schema follows the session',
    asking(
      `SELECT DATABASE()`,
      `SELECT * FROM own`,
      `USE other`,
      `SELECT * FROM own`,
      `SELECT DATABASE(), SCHEMA()`,
      `USE nowhere`,
      `SELECT DATABASE()`,
      `SELECT * FROM demo.own WHERE k=1`,
      `SELECT k FROM own`,
      `CREATE DATABASE other2`,
      `USE demo`,
      `SHOW TABLES LIKE 'o%'`,
    ),
  );

  same(
    'COM_INIT_DB is USE',
    commanding(
      initDb('other'),
      query('SELECT * FROM own'),
      initDb('nowhere'),
      query('SELECT ROW_COUNT()'),
      query('SELECT DATABASE()'),
      initDb('demo'),
      query('SELECT ROW_COUNT()'),
      query('SELECT * FROM own'),
      initDb(''),
      query('SELECT DATABASE()'),
    ),
  );

  same(
    'a log-in without a schema has none',
    asking(
      `SELECT DATABASE()`,
      `SELECT * FROM own`,
      `SELECT * FROM demo.own`,
      `SHOW TABLES`,
      `CREATE TABLE nope (a INT)`,
      `USE demo`,
      `SELECT * FROM own`,
    ),
    { schema: '' },
  );

  same(
    'COM_RESET_CONNECTION gives back what a session has set, and keeps its schema',
    commanding(
      query(`SET NAMES latin1, time_zone='+03:00', sql_mode='ANSI'`),
      query('USE other'),
      query('SET @a=7'),
      resetConnection,
      query('SELECT @@time_zone, @@sql_mode, @a, DATABASE(), LAST_INSERT_ID()'),
      query('SELECT @@character_set_client, @@character_set_results, @@collation_connection'),
      query('SELECT * FROM own'),
      resetConnection,
      query('BEGIN'),
      query(`UPDATE own SET w='x'`),
      resetConnection,
      query('SELECT * FROM own'),
      query('SELECT ROW_COUNT()'),
    ),
  );

  for (const collation of [8, 46]) {
    same(
      `after COM_RESET_CONNECTION of a log-in with collation ${collation} the character set stays what it is then`,
      commanding(
        resetConnection,
        query('SELECT v, @@collation_connection, @@character_set_client FROM own WHERE k=1'),
        query("SET time_zone='+01:00'"),
        query('SELECT v, @@collation_connection, @@character_set_client FROM own WHERE k=1'),
        query('SET NAMES latin2'),
        resetConnection,
        query('SELECT v, @@collation_connection, @@character_set_client FROM own WHERE k=1'),
      ),
      { collation },
    );
  }

  same(
    'checks that were switched off are on again for others, which DEFAULT is not enough for in MySQL 9.7',
    asking(
      'SET foreign_key_checks=0, unique_checks=0',
      'SELECT @@foreign_key_checks, @@unique_checks',
      'SET foreign_key_checks=DEFAULT, unique_checks=DEFAULT',
      'SELECT @@foreign_key_checks, @@unique_checks',
      'SET foreign_key_checks=0, unique_checks=0',
    ),
  );

  same(
    'several statements in one text are a matter of COM_SET_OPTION: without it they fail as they do directly',
    commanding(
      query('SELECT 1; DROP TABLE own'),
      query("SELECT v FROM own WHERE k=1; DROP TABLE own -- '"),
      query('SELECT 1'),
      setOption(0),
      query('SELECT 1; SELECT k FROM own; SELECT 3'),
      query('SET @x=5; SELECT @x; SELEKT; SELECT 4'),
      query('SHOW WARNINGS'),
      query("SELECT 1; INSERT INTO own VALUES (1, 'twice'); SELECT 2"),
      query('SELECT 1;'),
      query(';'),
      query('SELECT 1;; SELECT 2'),
      query('SELECT 1'),
      setOption(1),
      query('SELECT 1; SELECT 2'),
      query('SELECT 1;'),
      setOption(5),
      setOption(0),
      resetConnection,
      query('SELECT 1; SELECT 2'),
    ),
  );

  same(
    'a client without trackers and with EOF packets is told what it would be told directly',
    commanding(
      query('SELECT * FROM own'),
      query('SELECT 1 FROM own WHERE k=99'),
      query('USE other'),
      query(`SET time_zone='+02:00', NAMES latin1`),
      query(`SET time_zone='+02:00'`),
      query('SELECT @@time_zone'),
      query('BEGIN'),
      query('SELECT * FROM own'),
      query('COMMIT'),
      query("SELECT CAST('x' AS SIGNED)"),
      query('SHOW WARNINGS'),
      setOption(0),
      query('SELECT 1; SELECT 2'),
      query('UPDATE demo.own SET v=v'),
    ),
    { capabilities: OLD },
  );
}
