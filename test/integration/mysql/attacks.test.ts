import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createConnection } from 'mysql2/promise';
import type { EngineName } from '../../../src/demo/cluster.ts';
import { becomes } from '../../support/becomes.ts';
import { query } from '../../support/mysql-commands.ts';
import { MysqlWire } from '../../support/mysql-recorder.ts';
import { need } from '../../support/need.ts';
import { Stage } from '../../support/stage.ts';

const READERS = 4;
const READS = 20;
/** More than is gathered of one text. */
const LARGE = `/*${'x'.repeat(1_100_000)}*/`;

const WRITES = 'CREATE VIEW moved AS SELECT writes() AS a';

/** What trackers do not report, or nobody could see in the text. */
const GROUND = [
  'CREATE TABLE written (server INT)',
  'CREATE TABLE quiet (a INT)',
  `CREATE FUNCTION writes() RETURNS INT DETERMINISTIC
   BEGIN INSERT INTO written VALUES (@@server_id); RETURN 1; END`,
  `CREATE PROCEDURE lay() BEGIN
   DROP VIEW IF EXISTS moved; DROP TABLE IF EXISTS moved; CREATE TABLE moved (a INT); END`,
  `CREATE PROCEDURE moves() BEGIN DROP TABLE moved; ${WRITES}; END`,
  'CREATE PROCEDURE has_it_moved() CALL moves()',
  `CREATE FUNCTION holds() RETURNS INT DETERMINISTIC RETURN GET_LOCK('theirs', 0)`,
  `CREATE FUNCTION gives() RETURNS INT DETERMINISTIC BEGIN SELECT 5 INTO @theirs; RETURN 1; END`,
  'CREATE TABLE settling (a INT)',
  'CREATE TRIGGER settles BEFORE INSERT ON settling FOR EACH ROW SELECT 5 INTO @theirs',
  'CREATE TABLE assigning (a INT)',
  'CREATE TRIGGER assigns BEFORE INSERT ON assigning FOR EACH ROW SET NEW.a = (@theirs := 5)',
  'CREATE TABLE locking (a INT)',
  'CREATE TRIGGER takes BEFORE INSERT ON locking FOR EACH ROW SET NEW.a = holds()',
  'CREATE VIEW beside AS SELECT a FROM settling',
];

const LEAVING = [
  'INSERT INTO settling VALUES (1)',
  'REPLACE INTO beside VALUES (1)',
  'INSERT INTO `assigning` VALUES (1)',
  'INSERT INTO locking VALUES (1)',
  'CREATE TABLE made AS SELECT gives() AS a',
  `SELECT ${LARGE} 5 INTO @theirs`,
  `INSERT INTO quiet SELECT ${LARGE} @theirs := 5`,
  `INSERT INTO quiet SELECT ${LARGE} gives()`,
  `INSERT INTO settling VALUES (${LARGE} 1)`,
];

const MOVING: readonly (readonly string[])[] = [
  ['CALL moves()'],
  ['CALL `HAS_IT_MOVED`()'],
  [`CALL ${LARGE} moves()`],
  ["PREPARE a FROM 'DROP TABLE moved'", 'EXECUTE a', `PREPARE b FROM '${WRITES}'`, 'EXECUTE b'],
  [`DROP ${LARGE} TABLE moved`, `${LARGE} ${WRITES}`],
];

for (const engine of ['mysql', 'mariadb'] as const) {
  const skip = need(engine === 'mysql' ? 'mysqld' : 'mariadbd');
  describe(`attacks on ${engine}`, { skip }, () => suite(engine));
}

function suite(engine: Exclude<EngineName, 'postgres'>): void {
  let stage: Stage;
  let primary: string;
  let replica: string;

  before(async () => {
    stage = await Stage.start({
      engine,
      cluster: { replicas: 1, settings: { 'log-bin-trust-function-creators': 'ON' } },
      proxy: { pool: { size: 1, waitTimeout: '10s' }, failover: { mode: 'observe' } },
    });
    [primary = '', replica = ''] = stage.cluster.nodes.map(({ id }) => id);
    // An account that passes read_only.
    await stage.cluster.query(primary, `GRANT ALL ON *.* TO ${stage.proxied.user}@'%'`);
    if (engine === 'mysql') await stage.cluster.query(replica, 'SET GLOBAL super_read_only = OFF');
    await stage.cluster.query(replica, 'SET GLOBAL read_only = ON');
    for (const text of GROUND) await stage.cluster.query(primary, text);
  });
  after(() => stage?.close());

  const count = async (node: string, text: string): Promise<number> =>
    Number(Object.values((await stage.cluster.query(node, text))[0] ?? {})[0]);

  async function caughtUp(): Promise<void> {
    const goal = engine === 'mysql' ? '@@GLOBAL.gtid_executed' : '@@gtid_binlog_pos';
    const waits = engine === 'mysql' ? 'WAIT_FOR_EXECUTED_GTID_SET' : 'MASTER_GTID_WAIT';
    const [row = {}] = await stage.cluster.query(primary, `SELECT ${goal} AS goal`);
    assert.equal(await count(replica, `SELECT ${waits}('${Object.values(row)[0]}', 20)`), 0);
  }

  /** The replica has what the primary has, and the proxy knows what names mean: a table is read on the replica. */
  async function settle(): Promise<void> {
    await caughtUp();
    // A row that only the replica has.
    const other = await createConnection({ ...stage.direct(replica) });
    await other.query('SET sql_log_bin = 0');
    await other.query('INSERT INTO moved VALUES (1)');
    await other.end();
    await using reader = await MysqlWire.open(stage.proxied);
    await becomes('a table is read on the replica', async () => {
      return (await reader.rows('SELECT a FROM moved')).length === 1;
    });
  }

  async function lay(): Promise<void> {
    await using client = await MysqlWire.open(stage.proxied);
    await client.texts('CALL lay()');
    // A call keeps the only link.
    await client.close();
    await settle();
  }

  async function assertNothingForeign(): Promise<void> {
    assert.equal(await count(replica, 'SELECT COUNT(*) FROM written WHERE server = @@server_id'), 0);
  }

  for (const texts of MOVING) {
    const name = texts.map((text) => text.replace(LARGE, '/* more than 1 MiB */')).join('; ');
    test(`a table that becomes a view with an effect is not read on a replica: ${name}`, async () => {
      await lay();
      await using mover = await MysqlWire.open(stage.proxied);
      await mover.texts(...texts);
      assert.deepEqual(mover.heard.filter(isError), []);
      await mover.close();
      await using reader = await MysqlWire.open(stage.proxied);
      for (let at = 0; at < READS; at++) assert.equal((await reader.rows('SELECT a FROM moved')).length, 1);
      await assertNothingForeign();
    });
  }

  test('a read that waited for a replica while names changed is judged anew', async () => {
    await lay();
    await using keeper = await MysqlWire.open(stage.proxied);
    await keeper.texts('START TRANSACTION READ ONLY', 'SELECT * FROM quiet');
    const readers = await Promise.all(Array.from({ length: READERS }, () => MysqlWire.open(stage.proxied)));
    for (const reader of readers) reader.send(query('SELECT a FROM moved'));
    await using mover = await MysqlWire.open(stage.proxied);
    await mover.texts('DROP TABLE moved', WRITES);
    await becomes('the replica has the view', async () => {
      const views = "SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_NAME = 'moved'";
      return (await count(replica, views)) === 1;
    });
    await keeper.texts('COMMIT');
    for (const reader of readers) {
      await reader.answer(0x03);
      await reader.close();
    }
    await assertNothingForeign();
  });

  for (const text of LEAVING) {
    const name = text.replace(LARGE, '/* more than 1 MiB */');
    test(`nobody finds what stored code or a large text leaves behind: ${name}`, async () => {
      await lay();
      await using client = await MysqlWire.open(stage.proxied);
      const before = stage.events.length;
      await client.texts(text);
      assert.deepEqual(client.heard.filter(isError), []);
      // The only link to the primary is the client's as long as it keeps something there.
      await using next = await MysqlWire.open(stage.proxied);
      next.send(query("SELECT @theirs, IS_FREE_LOCK('theirs')"));
      await becomes('the session is pinned', () =>
        stage.events.slice(before).some((event) => event.kind === 'pinned'),
      );
      await client.close();
      await next.answer(0x03);
      assert.deepEqual(next.lastRows, [[null, '1']]);
      await next.texts('DROP TABLE IF EXISTS made');
    });
  }
}

const isError = (words: string): boolean => / ERR /.test(words);
