import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import type { SettingChange } from '../../../src/core/settings.ts';
import type { Plan, Target } from '../../../src/core/wire.ts';
import type { MysqlCluster } from '../../../src/demo/mysql.ts';
import * as com from '../../../src/mysql/commands.ts';
import { command, queryCommand, uint32 } from '../../../src/mysql/messages.ts';
import { HEADER, lengthAt, packet } from '../../../src/mysql/packets.ts';
import { type Answer, FULL_TRAITS, Reply, type Traits } from '../../../src/mysql/reply.ts';
import { COLLATION_QUESTION } from '../../../src/mysql/settings.ts';
import { startMysqlCluster } from '../../support/cluster.ts';
import { need } from '../../support/need.ts';
import { Direct, type End, Linked } from './linked.ts';

const CLIENTS: readonly (readonly [string, Traits])[] = [
  ['a client that knows nothing new', { deprecateEof: false, sessionTrack: false, localFiles: true }],
  ['a client without session tracking', { deprecateEof: true, sessionTrack: false, localFiles: true }],
  ['a client without DEPRECATE_EOF', { deprecateEof: false, sessionTrack: true, localFiles: true }],
  ['a client that knows all', { deprecateEof: true, sessionTrack: true, localFiles: true }],
];

const PROCEDURES = [
  'CREATE TABLE t(id int auto_increment primary key, v int, s longtext)',
  "INSERT INTO t(v, s) VALUES (1, NULL), (2, ''), (3, 'drei'), (4, repeat('x', 300))",
  'CREATE PROCEDURE two() BEGIN SELECT id FROM t ORDER BY id; SELECT 2 AS b; END',
  "CREATE PROCEDURE half() BEGIN SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT='half way'; END",
  'CREATE PROCEDURE marks() BEGIN SET @marked = 1; END',
  'CREATE PROCEDURE tables() BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS temp(a int); END',
  "CREATE PROCEDURE opens() BEGIN START TRANSACTION; INSERT INTO t(v) VALUES (9); SIGNAL SQLSTATE '45000'; END",
  'CREATE FUNCTION marking() RETURNS int DETERMINISTIC BEGIN SET @marked = 2; RETURN 1; END',
  'CREATE FUNCTION harmless() RETURNS int DETERMINISTIC RETURN 1',
  'CREATE TABLE watched(a int)',
  'CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW SET @watched = 1',
];

/** Texts whose answers every client must get as from the server itself. */
const TEXTS = [
  'SELECT 1 AS a',
  'SELECT id, v, s FROM t ORDER BY id',
  'SELECT id FROM t WHERE id = 0',
  'SELECT NULL AS n, 1 AS a',
  'DO 1',
  'CREATE TEMPORARY TABLE own(id int auto_increment primary key, v int)',
  'INSERT INTO own(v) VALUES (5), (6)',
  'UPDATE own SET v = v + 1 WHERE id = 1',
  'DELETE FROM own WHERE id > 1',
  'ALTER TABLE own AUTO_INCREMENT = 50',
  'SELECT nothing FROM t',
  'no statement at all',
  'SELECT id, IF(id = 3, (SELECT 1 UNION SELECT 2), 1) AS b FROM t ORDER BY id',
  'CALL two()',
  'CALL half()',
  'USE information_schema',
  'USE d',
  'SET NAMES latin1',
  'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
  "SET time_zone = '+03:00', sql_mode = ''",
  'SET autocommit = 0',
  'SELECT COUNT(*) FROM t',
  'COMMIT',
  'SET autocommit = 1',
  'BEGIN',
  'INSERT INTO own(v) VALUES (7)',
  'ROLLBACK',
  "SELECT CAST('x' AS signed) AS c",
  'SHOW WARNINGS',
  "SELECT REPEAT('long', 100000) AS r, 1 AS b",
  "SELECT t1.id, REPEAT('r', 500) AS r FROM t t1, t t2, t t3, t t4 ORDER BY 1",
];

for (const flavour of ['mysql', 'mariadb'] as const) {
  const skip = need(flavour === 'mysql' ? 'mysqld' : 'mariadbd');
  const name = flavour === 'mysql' ? 'my-1' : 'maria-1';

  describe(`links to ${flavour}`, { skip, timeout: 120_000 }, () => {
    let cluster: MysqlCluster;
    let target: Target;
    const opened: { close(): void }[] = [];

    before(async () => {
      cluster = await startMysqlCluster({
        flavour,
        replicas: 0,
        settings: { 'local-infile': '1', 'max-allowed-packet': String(128 * 1024 * 1024) },
      });
      const sql = (text: string): Promise<unknown> => cluster.query(name, text);
      await sql('CREATE USER nopass');
      await sql('GRANT ALL ON *.* TO nopass');
      await sql('CREATE DATABASE d');
      await sql('CREATE DATABASE `Ünïcode`');
      const endpoint = { host: '127.0.0.1', port: cluster.node(name).port };
      const kind = { user: 'nopass', password: undefined, database: '', options: '', tls: undefined };
      target = { node: nodeId(name), endpoint, ...kind };
      const link = await linked();
      for (const text of PROCEDURES) assert.equal((await ask(link, text)).error, '', text);
    });

    after(async () => {
      for (const each of opened) each.close();
      await cluster?.close();
    });

    async function linked(): Promise<Linked> {
      const link = await Linked.open(target);
      opened.push(link);
      await ask(link, 'USE d');
      return link;
    }

    async function direct(traits: Traits): Promise<Direct> {
      const client = await Direct.open(target.endpoint.port, 'nopass', traits);
      opened.push(client);
      await client.answer(queryCommand('USE d'));
      return client;
    }

    /** A text as a session's unit. */
    function ask(link: Linked, text: string, facts: { settingsOnly?: boolean } = {}): Promise<End> {
      const expect = new Reply([{ shape: 'result', take: 'forward' }], facts);
      return link.run({ bytes: queryCommand(text), expect });
    }

    /** The rows of a text. */
    async function rows(link: Linked, text: string): Promise<(string | null)[][]> {
      const expect = new Reply([{ shape: 'result', take: 'swallow' }], { capture: true });
      return (await link.run({ bytes: queryCommand(text), expect })).rows;
    }

    async function adjusted(link: Linked, changes: readonly SettingChange[]): Promise<End> {
      const plan = link.server.adjust(changes);
      assert.ok(plan !== undefined);
      return await link.run(plan);
    }

    /** Puts equal statement numbers in both answers: the proxy gives its own. */
    const numberOf = (answer: Buffer): number => answer.readUInt32LE(5);

    for (const [who, traits] of CLIENTS) {
      test(`${who} gets the server's own bytes`, async () => {
        const client = await direct(traits);
        const link = await linked();
        const same = async (what: string, bytes: Buffer, answer: Answer): Promise<void> => {
          const expected = clean(await client.answer(bytes));
          const got = clean(await link.answer(bytes, answer, traits));
          // MariaDB reports several variables in any order.
          if (what.startsWith('SET')) assert.deepEqual([...got].sort(), [...expected].sort(), what);
          else assert.deepEqual(got, expected, what);
        };
        for (const text of TEXTS) await same(text, queryCommand(text), { shape: 'result', take: 'forward' });
        await prepared(client, link, traits);
        await same('fields', command(com.COM_FIELD_LIST, 't\0'), { shape: 'columns', take: 'forward' });
        await same('ping', command(com.COM_PING), { shape: 'done', take: 'forward' });
        await same('option', command(com.COM_SET_OPTION, Buffer.from([0, 0])), {
          shape: 'done',
          take: 'forward',
        });
        const several = queryCommand('SELECT 1; UPDATE own SET v = 0; SELECT 2; no statement');
        await same('several', several, { shape: 'result', take: 'forward' });
        await same('schema', command(com.COM_INIT_DB, 'd'), { shape: 'done', take: 'forward' });
        await same('reset', command(com.COM_RESET_CONNECTION), { shape: 'done', take: 'forward' });
      });
    }

    /** Prepares, runs, and reads by a cursor, on both; the link's own numbers are those of the client. */
    async function prepared(client: Direct, link: Linked, traits: Traits): Promise<void> {
      const same = async (what: string, of: (id: number) => Buffer, answer: Answer): Promise<void> => {
        const expected = await client.answer(of(number));
        assert.deepEqual(clean(await link.answer(of(here), answer, traits)), clean(expected), what);
      };
      let number = 0;
      let here = 0;
      for (const text of [
        'SELECT id, ? AS p FROM t WHERE id > ? ORDER BY id',
        'SELECT 1 AS a',
        'DO ?',
        'DO 1',
        'no',
      ]) {
        const bytes = command(com.COM_STMT_PREPARE, text);
        const expected = await client.answer(bytes);
        number = expected.length >= 16 ? numberOf(expected) : 0;
        const keep = (id: number): void => {
          here = id;
        };
        const got = await link.answer(
          bytes,
          { shape: 'prepare', take: 'forward', number, prepared: keep },
          traits,
        );
        assert.deepEqual(clean(got), clean(expected), text);
        if (!text.includes('FROM')) continue;
        const run = (flags: number) => (id: number) => {
          const types = Buffer.from([0, 1, 3, 0, 3, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
          return command(com.COM_STMT_EXECUTE, uint32(id), Buffer.from([flags, 1, 0, 0, 0]), types);
        };
        await same('run', run(0), { shape: 'result', take: 'forward' });
        await same('cursor', run(1), { shape: 'result', take: 'forward' });
        for (const more of [2, 100, 1]) {
          const fetch = (id: number): Buffer => command(com.COM_STMT_FETCH, uint32(id), uint32(more));
          await same(`fetch ${more}`, fetch, { shape: 'rows', take: 'forward' });
        }
        await same('reset', (id) => command(com.COM_STMT_RESET, uint32(id)), {
          shape: 'done',
          take: 'forward',
        });
      }
    }

    /**
     * The EOF packet between columns and rows says on MariaDB whether an index is used, which nobody knows yet where the
     * rows are not over. Numbers of statements stand in some messages.
     */
    function clean(bytes: Buffer): string {
      for (let at = 0; at < bytes.length; at += HEADER + lengthAt(bytes, at)) {
        const eof = lengthAt(bytes, at) === 5 && bytes[at + HEADER] === 0xfe;
        if (eof) bytes[at + HEADER + 3] = (bytes[at + HEADER + 3] as number) & ~0x30;
      }
      return bytes.toString('latin1').replaceAll(/statement \(\d+\)/g, 'statement (n)');
    }

    test('values of more than 16 MB pass as they are', async () => {
      const client = await direct(FULL_TRAITS);
      const link = await linked();
      for (const length of [16_777_209, 16_777_210, 16_777_211, 40_000_000]) {
        const bytes = queryCommand(
          `SELECT REPEAT('g', ${length}) AS g, 'next' AS n UNION ALL SELECT 'a', 'b'`,
        );
        const expected = await client.answer(bytes);
        const got = await link.answer(bytes, { shape: 'result', take: 'forward' }, FULL_TRAITS);
        assert.ok(got.equals(expected), `a value of ${length} bytes`);
      }
    });

    test('a local file streams from the client; without one the server’s own words', async () => {
      const load = queryCommand("LOAD DATA LOCAL INFILE '/of/the/client' INTO TABLE t (v)");
      const file = Buffer.concat([packet(2, Buffer.from('7\n8\n')), packet(3, Buffer.alloc(0))]);
      for (const [, traits] of CLIENTS) {
        const client = await direct(traits);
        const link = await linked();
        link.file = file;
        const own = queryCommand('CREATE TEMPORARY TABLE t(v int)');
        await client.answer(own);
        await link.answer(own, { shape: 'result', take: 'forward' }, traits);
        const got = await link.answer(load, { shape: 'result', take: 'forward' }, traits);
        assert.deepEqual(got, await client.answer(load, file));
        const without = { ...traits, localFiles: false };
        const refused = await link.answer(load, { shape: 'result', take: 'forward' }, without);
        assert.deepEqual(refused, await (await direct(without)).answer(load));
        const end = await ask(link, 'SELECT 1');
        assert.equal(end.error, '', 'the link goes on');
      }
    });

    test('what changes in a session is reported as it is now', async () => {
      const link = await linked();
      const changes = async (text: string): Promise<Record<string, string | null>> => {
        const end = await ask(link, text, { settingsOnly: true });
        assert.equal(end.error, '', text);
        assert.equal(end.pin, undefined, text);
        return Object.fromEntries(end.changes.map((change) => [change.name, change.value]));
      };
      assert.deepEqual(await changes('SELECT 1'), {});
      assert.deepEqual(await changes('USE information_schema'), { ':schema': 'information_schema' });
      assert.deepEqual(await changes('USE d'), { ':schema': 'd' });
      assert.deepEqual(await changes("SET time_zone = '+03:00', autocommit = 0"), {
        time_zone: '+03:00',
        autocommit: 'OFF',
      });
      assert.deepEqual(await changes('SET autocommit = DEFAULT, time_zone = DEFAULT'), {
        time_zone: 'SYSTEM',
        autocommit: 'ON',
      });
      assert.deepEqual(await changes('SET character_set_results = NULL'), { character_set_results: '' });
      const isolation = flavour === 'mysql' ? 'transaction_isolation' : 'tx_isolation';
      assert.deepEqual(await changes('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'), {
        [isolation]: 'READ-COMMITTED',
      });
    });

    test('the collation that SET NAMES leaves unsaid is learned in the same round trip', async () => {
      const link = await linked();
      const text = 'SET NAMES utf8mb4 COLLATE utf8mb4_bin';
      const alone = await ask(link, text, { settingsOnly: true });
      assert.equal(alone.collationUnknown, true);
      const asked: Plan = {
        bytes: Buffer.concat([queryCommand(text), COLLATION_QUESTION.bytes]),
        expect: new Reply([{ shape: 'result', take: 'forward' }, COLLATION_QUESTION.answer]),
      };
      const end = await link.run(asked);
      assert.equal(end.collationUnknown, false);
      assert.deepEqual(end.changes.at(-1), { name: 'collation_connection', value: 'utf8mb4_bin' });
    });

    test('state that a function, a procedure or a trigger leaves behind pins', async () => {
      for (const text of [
        'CALL marks()',
        'CALL tables()',
        'SELECT marking()',
        'INSERT INTO watched VALUES (1)',
        'SET @a = 1',
        'CREATE TEMPORARY TABLE tt(a int)',
        "PREPARE p FROM 'SELECT 1'",
      ]) {
        const link = await linked();
        const end = await ask(link, text);
        assert.equal(end.error, '', text);
        assert.equal(end.pin, 'session-state', text);
      }
      const link = await linked();
      for (const text of [
        'SELECT harmless()',
        'SELECT 1',
        'UPDATE t SET v = 0',
        'CALL two()',
        'BEGIN',
        'COMMIT',
      ])
        assert.equal((await ask(link, text)).pin, undefined, text);
    });

    test('settings that cannot be carried over pin', async () => {
      const link = await linked();
      for (const text of ['SET timestamp = 1000', 'SET insert_id = 7', 'SET rand_seed1 = 1']) {
        const end = await ask(link, text, { settingsOnly: true });
        assert.equal(end.pin, 'session-setting', text);
        assert.deepEqual(end.changes, [], text);
      }
    });

    test('an open cursor pins', async () => {
      const link = await linked();
      let id = 0;
      const answer: Answer = {
        shape: 'prepare',
        take: 'swallow',
        prepared: (number) => {
          id = number;
        },
      };
      await link.run({
        bytes: command(com.COM_STMT_PREPARE, 'SELECT id FROM t'),
        expect: new Reply([answer]),
      });
      const run = command(com.COM_STMT_EXECUTE, uint32(id), Buffer.from([1, 1, 0, 0, 0]));
      const end = await link.run({ bytes: run, expect: new Reply([{ shape: 'result', take: 'forward' }]) });
      assert.equal(end.pin, 'cursor');
    });

    test('a link becomes as a session is, and goes back', async () => {
      const link = await linked();
      const values =
        '@@sql_mode, @@time_zone, @@character_set_client, @@character_set_results, @@collation_connection, @@autocommit, DATABASE()';
      const [before] = await rows(link, `SELECT ${values}`);
      const end = await adjusted(link, [
        { name: 'collation_connection', value: 'latin1_bin' },
        { name: 'autocommit', value: 'OFF' },
        { name: 'character_set_client', value: 'latin1' },
        { name: 'character_set_results', value: '' },
        { name: 'sql_mode', value: 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES' },
        { name: 'time_zone', value: '+03:00' },
        { name: ':schema', value: 'Ünïcode' },
        { name: ':multi', value: 'on' },
      ]);
      assert.equal(end.error, '');
      assert.deepEqual(await rows(link, `SELECT CONVERT(DATABASE() USING utf8mb4); SELECT 2`), [
        ['Ünïcode'],
        ['2'],
      ]);
      const [now] = await rows(link, `SELECT ${values}`);
      assert.deepEqual(now?.slice(1, 6), ['+03:00', 'latin1', null, 'latin1_bin', '0']);
      assert.match(now?.[0] ?? '', /ANSI_QUOTES.*NO_BACKSLASH_ESCAPES/);
      const charsets = ['character_set_client', 'character_set_results', 'collation_connection'];
      const names = ['sql_mode', 'time_zone', 'autocommit', ...charsets];
      const back = await adjusted(link, [
        ...names.map((name) => ({ name, value: null })),
        { name: ':schema', value: 'd' },
        { name: ':multi', value: null },
      ]);
      assert.equal(back.error, '');
      assert.deepEqual(await rows(link, `SELECT ${values}`), [before]);
      assert.equal((await ask(link, 'SELECT 1; SELECT 2')).error, '1064');
    });

    // MySQL has no variable that takes any text.
    if (flavour === 'mariadb')
      test('values pass into SET whatever the sql_mode is', async () => {
        const link = await linked();
        const value = "a'b\\c\\'ü";
        for (const mode of ['', 'NO_BACKSLASH_ESCAPES', 'ANSI_QUOTES']) {
          await ask(link, `SET sql_mode = '${mode}'`);
          assert.equal((await adjusted(link, [{ name: 'default_master_connection', value }])).error, '');
          assert.deepEqual(await rows(link, 'SELECT @@default_master_connection'), [[value]], mode);
        }
      });

    test('an adjustment that was carried out in part leaves the link unusable, and says so', async () => {
      const link = await linked();
      const end = await adjusted(link, [
        { name: 'time_zone', value: '+01:00' },
        { name: ':schema', value: 'nowhere' },
      ]);
      assert.equal(end.error, '1049');
      assert.equal(end.status, 'failed');
      const whole = await adjusted(link, [{ name: 'time_zone', value: 'nowhere' }]);
      assert.equal(whole.error, '1298');
      assert.equal(whole.status, 'idle');
    });

    test('a reset leaves nothing but the schema, and the trackers on', async () => {
      const link = await linked();
      for (const text of ["SET @a = 1, time_zone = '+03:00'", 'CREATE TEMPORARY TABLE tr(a int)', 'BEGIN']) {
        assert.equal((await ask(link, text)).error, '');
      }
      link.server.statements.set('key', 1);
      const end = await link.run(link.server.reset);
      assert.deepEqual([end.error, end.status, end.pin], ['', 'idle', undefined]);
      assert.equal(link.server.statements.get('key'), undefined);
      assert.deepEqual(await rows(link, 'SELECT @a, @@time_zone, DATABASE()'), [[null, 'SYSTEM', 'd']]);
      assert.equal((await ask(link, 'SET @b = 1')).pin, 'session-state');
      assert.deepEqual((await ask(link, "SET time_zone = '+01:00'")).changes, [
        { name: 'time_zone', value: '+01:00' },
      ]);
    });

    test('a statement that failed without autocommit may have begun a transaction', async () => {
      const link = await linked();
      await ask(link, 'SET autocommit = 0', { settingsOnly: true });
      const end = await ask(link, 'INSERT INTO t(id) VALUES (1)');
      assert.deepEqual([end.error, end.errorState, end.status], ['1062', '23000', 'transaction']);
      assert.equal((await link.run(link.server.ping)).status, 'transaction');
      assert.equal((await link.run(link.server.rollback)).status, 'idle');
    });

    test('the next answer tells of a transaction that a failed procedure has left open', async () => {
      const link = await linked();
      assert.equal((await ask(link, 'CALL opens()')).error, '1644');
      assert.equal((await link.run(link.server.ping)).status, 'transaction');
      assert.equal((await link.run(link.server.rollback)).status, 'idle');
    });

    test('counts, generated values and warnings are those of the forwarded answer', async () => {
      const link = await linked();
      const expect = new Reply([
        { shape: 'result', take: 'swallow' },
        { shape: 'result', take: 'forward' },
      ]);
      const bytes = Buffer.concat([
        queryCommand('UPDATE t SET v = v + 1'),
        queryCommand('INSERT INTO t(id, v) VALUES (777, 1), (778, 2)'),
      ]);
      const end = await link.run({ bytes, expect });
      assert.deepEqual([end.affectedRows, end.insertId, end.rowCount], [2n, 778n, -1]);
      const read = await ask(link, "SELECT id, CAST('x' AS signed) FROM t LIMIT 3");
      assert.deepEqual([read.rowCount, read.warnings > 0], [3, true]);
    });

    test('a link that the server ends is told so', async () => {
      const link = await linked();
      await ask(link, 'SET wait_timeout = 1', { settingsOnly: true });
      await link.gone;
      if (flavour === 'mariadb') return;
      const [aside] = link.asides;
      assert.ok(aside?.kind === 'terminating');
      assert.deepEqual([aside.code, aside.orderly], ['4031', true]);
    });

    test('a server that takes no writes says that it is no primary', async () => {
      const variable = flavour === 'mysql' ? 'super_read_only' : 'read_only';
      await cluster.query(name, 'CREATE USER plain');
      await cluster.query(name, 'GRANT SELECT, INSERT ON d.* TO plain');
      await cluster.query(name, `SET GLOBAL ${variable} = 1`);
      try {
        const link = await Linked.open({ ...target, user: 'plain' });
        opened.push(link);
        const end = await ask(link, 'INSERT INTO d.t(v) VALUES (1)');
        assert.equal(end.error, '1290');
        assert.deepEqual(link.asides, [{ kind: 'role-changed' }]);
      } finally {
        await cluster.query(name, `SET GLOBAL ${variable} = 0`);
        if (flavour === 'mysql') await cluster.query(name, 'SET GLOBAL read_only = 0');
      }
    });
  });
}
