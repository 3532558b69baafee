import { becomes } from '../../../support/becomes.ts';
import { fieldList, query } from '../../../support/mysql-commands.ts';
import { MysqlWire, OLD } from '../../../support/mysql-recorder.ts';
import { asking, onGround, type Script } from '../../../support/mysql-sameness.ts';
import type { Suite } from './suite.ts';

const table = [
  'DROP TABLE IF EXISTS acc',
  'CREATE TABLE acc (k INT PRIMARY KEY, v INT)',
  'INSERT INTO acc VALUES (1, 10), (2, 20), (3, 30)',
  'DROP TABLE IF EXISTS made',
];

const onAccounts = (...texts: readonly string[]): Script => onGround(table, asking(...texts));
const ground = onGround(table, async () => undefined);

export function transactions({ same, flavour }: Suite): void {
  const isolation = flavour === 'mysql' ? 'transaction_isolation' : 'tx_isolation';

  same(
    'transactions begin and end as they do directly',
    onAccounts(
      'BEGIN',
      'COMMIT',
      'BEGIN',
      'ROLLBACK',
      'COMMIT',
      'START TRANSACTION',
      'SELECT * FROM acc WHERE k = 1',
      'UPDATE acc SET v = v + 1 WHERE k = 1',
      'SELECT v FROM acc WHERE k = 1',
      'ROLLBACK',
      'SELECT v FROM acc WHERE k = 1',
      'BEGIN WORK',
      'UPDATE acc SET v = v + 1 WHERE k = 1',
      'BEGIN',
      'SELECT v FROM acc WHERE k = 1',
      'ROLLBACK WORK',
      'SELECT v FROM acc WHERE k = 1',
      'BEGIN',
      'SELEKT',
      'SELECT * FROM nowhere',
      'SELECT v FROM acc WHERE k = 1',
      'COMMIT WORK',
      'BEGIN',
      'SET time_zone = "+07:00"',
      'ROLLBACK',
      'SELECT @@time_zone',
    ),
  );

  same(
    'savepoints, chains and release',
    onAccounts(
      'SAVEPOINT outside',
      'ROLLBACK TO outside',
      'BEGIN',
      'SAVEPOINT a',
      'UPDATE acc SET v = 0 WHERE k = 1',
      'SAVEPOINT b',
      'UPDATE acc SET v = 1 WHERE k = 1',
      'ROLLBACK TO SAVEPOINT b',
      'SELECT v FROM acc WHERE k = 1',
      'RELEASE SAVEPOINT a',
      'ROLLBACK TO a',
      'COMMIT AND CHAIN',
      'UPDATE acc SET v = 5 WHERE k = 2',
      'ROLLBACK AND CHAIN',
      'SELECT v FROM acc',
      'COMMIT AND NO CHAIN NO RELEASE',
      'SELECT v FROM acc',
      'SET completion_type = CHAIN',
      'BEGIN',
      'UPDATE acc SET v = 6 WHERE k = 2',
      'COMMIT',
      'UPDATE acc SET v = 7 WHERE k = 2',
      'ROLLBACK',
      'SET completion_type = NO_CHAIN',
      'ROLLBACK',
      'SELECT v FROM acc',
    ),
  );

  same(
    'modes of the next transaction hold for it alone',
    onAccounts(
      'SET TRANSACTION READ ONLY',
      'BEGIN',
      'UPDATE acc SET v = 0',
      'SELECT v FROM acc',
      'COMMIT',
      'UPDATE acc SET v = v + 1',
      'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
      'SET TRANSACTION READ ONLY',
      `SELECT @@${isolation}`,
      'START TRANSACTION',
      'INSERT INTO acc VALUES (9, 9)',
      'SET TRANSACTION READ WRITE',
      'ROLLBACK',
      'INSERT INTO acc VALUES (9, 9)',
      'SET TRANSACTION ISOLATION LEVEL NONSENSE',
      'SET TRANSACTION READ ONLY',
      'UPDATE acc SET v = 1 WHERE k = 9',
      'UPDATE acc SET v = 2 WHERE k = 9',
      'SELECT * FROM acc',
      'START TRANSACTION WITH CONSISTENT SNAPSHOT',
      'SELECT * FROM acc WHERE k = 1',
      'COMMIT',
      'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE',
      'UPDATE acc SET v = 3 WHERE k = 9',
      'COMMIT',
      'START TRANSACTION READ WRITE, READ ONLY',
      'SELECT v FROM acc WHERE k = 9',
    ),
  );

  same(
    'a write in a READ ONLY transaction is refused, and the transaction goes on',
    asking(
      'START TRANSACTION READ ONLY',
      'SELECT v FROM own WHERE k = 1',
      "INSERT INTO own VALUES (8, 'x')",
      'SELECT v FROM own WHERE k = 2',
      'SAVEPOINT s',
      'ROLLBACK TO s',
      "UPDATE own SET v = 'y'",
      'SELECT ROW_COUNT()',
      'COMMIT',
      'SELECT * FROM own',
    ),
  );

  same(
    'without autocommit everything is a transaction',
    onAccounts(
      'SET autocommit = 0',
      'SELECT @@autocommit',
      'SELECT * FROM acc',
      'ROLLBACK',
      'INSERT INTO acc VALUES (4, 40)',
      'SELECT COUNT(*) FROM acc',
      'ROLLBACK',
      'SELECT COUNT(*) FROM acc',
      'INSERT INTO acc VALUES (4, 40)',
      'COMMIT',
      'SELECT * FROM nowhere',
      'UPDATE acc SET v = 41 WHERE k = 4',
      'SET autocommit = 1',
      'ROLLBACK',
      'SELECT v FROM acc WHERE k = 4',
      'SET @@session.autocommit = OFF',
      'BEGIN',
      'DELETE FROM acc',
      'ROLLBACK',
      'DELETE FROM acc WHERE k = 4',
      'SET SESSION autocommit = ON',
      'SELECT * FROM acc',
    ),
  );

  same(
    'definitions commit what is open',
    onAccounts(
      'BEGIN',
      'INSERT INTO acc VALUES (5, 50)',
      'CREATE TABLE made (a INT)',
      'ROLLBACK',
      'SELECT COUNT(*) FROM acc',
      'BEGIN',
      'TRUNCATE acc',
      'ROLLBACK',
      'SELECT COUNT(*) FROM acc',
      'BEGIN',
      'INSERT INTO acc VALUES (5, 50)',
      'LOCK TABLES acc WRITE',
      'UNLOCK TABLES',
      'ROLLBACK',
      'SELECT COUNT(*) FROM acc',
      'BEGIN',
      'DROP TABLE made',
      'SELECT * FROM acc',
      'COMMIT',
      'BEGIN',
      'ANALYZE TABLE acc',
      'COMMIT',
    ),
  );

  same('columns of a table by COM_FIELD_LIST', async (client) => {
    await ground(client);
    await client.ask(fieldList('acc'));
    await client.ask(fieldList('acc', 'v%'));
    await client.ask(fieldList('nowhere'));
    await client.ask(query('SELECT 1'));
  });

  same(
    'columns of a table by COM_FIELD_LIST, for a client with EOF packets',
    async (client) => {
      await client.ask(fieldList('own'));
      await client.ask(fieldList('nowhere'));
      await client.ask(query('SELECT 1'));
    },
    { capabilities: OLD },
  );

  const locking =
    (script: (one: MysqlWire, two: MysqlWire) => Promise<void>): Script =>
    async (one) => {
      const two = await MysqlWire.open(one.door);
      try {
        await script(one, two);
      } finally {
        await two.close();
      }
      for (const words of two.heard) one.note(`the other: ${words}`);
    };

  same(
    'a deadlock rolls back all of its victim',
    locking(async (one, two) => {
      await ground(one);
      await one.texts('BEGIN', 'UPDATE acc SET v = 100 WHERE k = 1');
      await two.texts('BEGIN', 'UPDATE acc SET v = 200 WHERE k = 2', 'INSERT INTO acc VALUES (8, 8), (9, 9)');
      two.send(query('UPDATE acc SET v = 201 WHERE k = 1'));
      await waits(one);
      await one.texts('UPDATE acc SET v = 101 WHERE k = 2', 'SELECT 1', 'SELECT v FROM acc', 'COMMIT');
      await two.answer(3);
      await two.texts('SELECT v FROM acc', 'COMMIT');
    }),
  );

  same(
    'a lock that is not given in time fails its statement alone',
    locking(async (one, two) => {
      await ground(one);
      await two.texts('BEGIN', 'UPDATE acc SET v = 200 WHERE k = 2');
      await one.texts('SET innodb_lock_wait_timeout = 1', 'BEGIN', 'UPDATE acc SET v = 100 WHERE k = 1');
      await one.texts('UPDATE acc SET v = 101 WHERE k = 2', 'SELECT v FROM acc', 'COMMIT');
      await two.texts('ROLLBACK');
      await one.texts('SELECT v FROM acc');
    }),
  );

  /** Until the other one waits for a row. */
  async function waits(client: MysqlWire): Promise<void> {
    const text =
      "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE acc SET v = 201%'";
    const length = client.heard.length;
    await becomes('the other one waits for a row', async () => (await client.rows(text))[0]?.[0] !== '0');
    client.heard.length = length;
  }
}
