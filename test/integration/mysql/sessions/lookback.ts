import assert from 'node:assert/strict';
import { execute, ping, prepare, query, statistics } from '../../../support/mysql-commands.ts';
import { MysqlWire } from '../../../support/mysql-recorder.ts';
import { asking, commanding, onGround, type Script } from '../../../support/mysql-sameness.ts';
import type { Suite } from './suite.ts';

const table = [
  'DROP TABLE IF EXISTS ids',
  'CREATE TABLE ids (k INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(5), u INT UNIQUE)',
];

const onIds = (...texts: readonly string[]): Script => onGround(table, asking(...texts));

/** After each text: what the session knows of it. */
const lookedAt = (...texts: readonly string[]): Script =>
  onGround(table, (client) =>
    client.texts(...texts.flatMap((text) => [text, 'SHOW WARNINGS', text, 'SELECT ROW_COUNT()'])),
  );

export function lookback({ same, test, stage, flavour }: Suite): void {
  same(
    'LAST_INSERT_ID() is the session’s own',
    onIds(
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids (v) VALUES ('a')",
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids (v) VALUES ('b'), ('c'), ('d')",
      'SELECT LAST_INSERT_ID(), @@last_insert_id, @@identity',
      'SELECT * FROM own WHERE k = 1',
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids VALUES (77, 'e', NULL)",
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids (v) VALUES ('f')",
      'INSERT INTO own VALUES (1, 1)',
      'SELECT LAST_INSERT_ID()',
      'SELECT LAST_INSERT_ID(500)',
      'SELECT LAST_INSERT_ID()',
      'UPDATE ids SET k = LAST_INSERT_ID(k + 100) WHERE k = 78',
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids (v, u) VALUES ('g', 7)",
      "INSERT INTO ids (v, u) VALUES ('g', 7)",
      'SELECT LAST_INSERT_ID()',
      "INSERT INTO ids (v, u) VALUES ('h', 7) ON DUPLICATE KEY UPDATE k = LAST_INSERT_ID(k)",
      'SELECT LAST_INSERT_ID()',
      "INSERT IGNORE INTO ids (v, u) VALUES ('i', 7)",
      'SELECT LAST_INSERT_ID()',
      'INSERT INTO ids (v) SELECT v FROM own',
      'SELECT LAST_INSERT_ID()',
      "REPLACE INTO ids (v, u) VALUES ('j', 7)",
      'SELECT LAST_INSERT_ID()',
      'SET last_insert_id = 9',
      'SELECT LAST_INSERT_ID()',
      'INSERT INTO ids (u) VALUES (LAST_INSERT_ID())',
      'SELECT u FROM ids WHERE u = 9',
      'SELECT * FROM ids WHERE k IS NULL',
      'BEGIN',
      "INSERT INTO ids (v) VALUES ('k')",
      'SELECT LAST_INSERT_ID()',
      'ROLLBACK',
      'SELECT LAST_INSERT_ID()',
      'SET insert_id = 1000',
      "INSERT INTO ids (v) VALUES ('l')",
      'SELECT LAST_INSERT_ID()',
    ),
  );

  same(
    'LAST_INSERT_ID() of prepared statements',
    onGround(
      table,
      commanding(
        prepare('INSERT INTO ids (v) VALUES (?)'),
        prepare('SELECT LAST_INSERT_ID()'),
        execute(1, ['a']),
        execute(2),
        execute(1, ['b']),
        query('SELECT 1'),
        execute(2),
        prepare('SELECT LAST_INSERT_ID(?)'),
        execute(3, [40]),
        execute(2),
        query('SELECT LAST_INSERT_ID()'),
      ),
    ),
  );

  same(
    'warnings, errors and counts are those of the session’s last statement',
    lookedAt(
      "SELECT CAST('x' AS SIGNED)",
      'SELECT 1',
      'SELEKT',
      "INSERT INTO ids (v) VALUES ('far too long')",
      "INSERT IGNORE INTO ids (v) VALUES ('far too long')",
      "INSERT INTO ids VALUES (1, 'dup', NULL)",
      'SELECT * FROM nowhere',
      "UPDATE ids SET v = 'x'",
      "UPDATE ids SET v = 'x'",
      'DELETE FROM ids WHERE k > 5',
      'DROP TABLE IF EXISTS nowhere',
      'CREATE TABLE IF NOT EXISTS own (a INT)',
      "SET sql_mode = ''",
      "SELECT v + 1 FROM own WHERE v < 'p'",
      'SELECT 1/0',
      'BEGIN',
      'COMMIT',
      'USE demo',
      'SHOW TABLES LIKE "own"',
      'SET @a = CAST("y" AS SIGNED)',
      'DO CAST("z" AS SIGNED)',
      'EXPLAIN SELECT * FROM own',
    ),
  );

  same(
    'the questions about the last statement, in all their forms',
    onIds(
      "SELECT CAST('x' AS SIGNED), CAST('y' AS SIGNED)",
      'SHOW WARNINGS LIMIT 1',
      'SHOW WARNINGS LIMIT 1, 5',
      'SHOW COUNT(*) WARNINGS',
      'SHOW ERRORS',
      'SHOW COUNT(*) ERRORS',
      'SELECT @@warning_count',
      'SELECT nothing',
      'SHOW ERRORS LIMIT 1',
      'SHOW WARNINGS',
      'SELECT @@error_count',
      "INSERT INTO ids (v) VALUES ('a'), ('b')",
      'SELECT ROW_COUNT() AS n',
      'SELECT ROW_COUNT()',
      'UPDATE ids SET v = v',
      'SELECT row_count()',
      'SELECT CONNECTION_ID() > 0',
    ),
  );

  same(
    'a ping, statistics and prepared statements leave the conditions as they do directly',
    async (client) => {
      const look = async (bytes: Buffer): Promise<void> => {
        await client.texts("SELECT CAST('x' AS SIGNED)");
        await client.ask(bytes);
        await client.texts('SHOW WARNINGS');
      };
      await look(ping);
      await look(prepare('SELECT 1'));
      await look(execute(1));
      await look(prepare("SELECT CAST('q' AS SIGNED)"));
      await look(execute(2));
      await look(prepare('SELEKT'));
      client.send(statistics);
      const from = client.heard.length;
      await client.answer(statistics[4] ?? 0);
      client.heard.splice(from, 1);
      await client.texts('SHOW WARNINGS');
    },
  );

  same(
    'FOUND_ROWS() is that of the session',
    asking(
      'SELECT SQL_CALC_FOUND_ROWS * FROM own LIMIT 1',
      'SELECT FOUND_ROWS()',
      'SELECT * FROM own',
      'SELECT FOUND_ROWS()',
      'SELECT * FROM own LIMIT 2',
      'SELECT FOUND_ROWS()',
      'SELECT FOUND_ROWS()',
      'SELECT SQL_CALC_FOUND_ROWS k FROM own WHERE k > 1 LIMIT 0',
      'SELECT FOUND_ROWS() AS total',
    ),
  );

  if (flavour === 'mariadb') {
    same(
      'LAST_INSERT_ID() after RETURNING',
      onIds(
        "INSERT INTO ids (v) VALUES ('a'), ('b') RETURNING k",
        'SELECT LAST_INSERT_ID()',
        "REPLACE INTO ids (v) VALUES ('c') RETURNING v",
        'SELECT 1',
        'SELECT LAST_INSERT_ID()',
      ),
    );
    same(
      'the last value of a sequence is asked in the transaction of its NEXTVAL',
      onGround(
        ['DROP SEQUENCE IF EXISTS s', 'CREATE SEQUENCE s'],
        asking('BEGIN', 'SELECT NEXTVAL(s)', 'SELECT LASTVAL(s)', 'COMMIT'),
      ),
    );
    test('the last value of a sequence is refused where it could be another’s', async () => {
      await using client = await MysqlWire.open(stage().proxied);
      await client.texts('CREATE SEQUENCE IF NOT EXISTS s', 'SELECT NEXTVAL(s)');
      await assert.rejects(
        client.rows('SELECT LASTVAL(s)'),
        / 1235 .*\(lastval\) asks for what an earlier one did/,
      );
    });
  }
}
