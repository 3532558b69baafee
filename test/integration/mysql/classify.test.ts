import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Connection, createConnection } from 'mysql2/promise';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import type { MysqlCluster } from '../../../src/demo/mysql.ts';
import { builtinsOf } from '../../../src/mysql/builtins.ts';
import {
  ROUTINES_QUERY,
  readCatalogue,
  TABLES_QUERY,
  TRIGGERS_QUERY,
} from '../../../src/mysql/catalogue-query.ts';
import { classifyText } from '../../../src/mysql/classify.ts';
import { startMysqlCluster } from '../../support/cluster.ts';
import { need } from '../../support/need.ts';
import { Dice, TRAPS, TrapWriter, trapObjects } from './traps.ts';

/** Half of them in sessions of other modes and character sets. */
const GENERATED = 5_000;
const SEED = 20_261_121;

const LISTS = { allow: new Set<string>(), deny: new Set<string>() };

interface Mode {
  readonly sqlMode: string;
  readonly charset: string;
}

const MODES: readonly [Mode, ...Mode[]] = [
  { sqlMode: '', charset: 'utf8mb4' },
  { sqlMode: '', charset: 'utf8mb4' },
  { sqlMode: 'ANSI_QUOTES', charset: 'utf8mb4' },
  { sqlMode: 'NO_BACKSLASH_ESCAPES', charset: 'utf8mb4' },
  { sqlMode: 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,IGNORE_SPACE,PIPES_AS_CONCAT', charset: 'utf8mb4' },
  { sqlMode: '', charset: 'latin1' },
];

type Rows = (string | number | null)[][];

interface Traces {
  readonly left: boolean;
  readonly rows: string;
}

/** A session of an account that may write on a replica that is only read_only. */
class Session {
  readonly connection: Connection;
  readonly #mariadb: boolean;

  constructor(connection: Connection, mariadb: boolean) {
    this.connection = connection;
    this.#mariadb = mariadb;
  }

  async rows(sql: string): Promise<Rows> {
    const [rows] = await this.connection.query({ sql, rowsAsArray: true });
    return rows as Rows;
  }

  async mode({ sqlMode, charset }: Mode): Promise<void> {
    await this.connection.query(`SET SESSION sql_mode = '${sqlMode}'; SET NAMES ${charset}`);
  }

  /** Runs a text; what a server refuses is as good as what it runs. */
  async run(text: string): Promise<boolean> {
    try {
      await this.connection.query(text);
      return true;
    } catch {
      return false;
    }
  }

  /** What was left in the session since the last time, and what there is in tables; the former is taken back. */
  async traces(): Promise<Traces> {
    const sequence = this.#mariadb ? '(SELECT next_not_cached_value FROM s)' : '0';
    const sql = `SELECT @trap, IS_USED_LOCK('trap') IS NOT NULL, LAST_INSERT_ID() = 77, (SELECT COUNT(*) FROM log), ${sequence}`;
    const [[variable, lock, id, ...rows] = []] = await this.rows(sql);
    await this.connection.query('SET @trap = NULL; DO LAST_INSERT_ID(1); DO RELEASE_ALL_LOCKS()');
    return { left: variable !== null || lock !== 0 || id !== 0, rows: rows.join() };
  }

  /** The session's variables that nothing but a statement of its own changes. */
  async variables(): Promise<readonly string[]> {
    const rows = await this.rows('SHOW SESSION VARIABLES');
    return rows.map((row) => row.join(' = ')).filter((row) => !FLEETING.test(row));
  }
}

/** Clocks, positions, and what is the server's own. */
const FLEETING =
  /^\w*(gtid|timestamp|rand_seed|insert_id|identity|warning_count|error_count|last_|_pos|statement_id)/;

for (const [flavour, program] of [['mysql', 'mysqld'] as const, ['mariadb', 'mariadbd'] as const]) {
  const mariadb = flavour === 'mariadb';

  describe(`texts that are called reads, on ${flavour} replicas that are only read_only`, {
    skip: need(program),
  }, () => {
    let cluster: MysqlCluster;
    let primary: Session;
    let replica: Session;
    let catalogue: Catalogue;
    let version: string;

    const connected = async (id: string): Promise<Session> => {
      const { superuser, client } = cluster.credentials;
      const { port } = cluster.node(id);
      const options = { ...superuser, host: '127.0.0.1', port, database: client.database };
      return new Session(await createConnection({ ...options, multipleStatements: true }), mariadb);
    };

    /** Is it a read to somebody who knows the names, or does not? */
    const isRead = (text: string, mode: Mode): boolean => {
      const facts = { ...mode, schema: 'demo', lists: LISTS, version };
      const kinds = [catalogue, undefined].map(
        (names) => classifyText(Buffer.from(text), { ...facts, catalogue: names }).kind,
      );
      return kinds.includes('read');
    };

    /** Waits until the replica has what the primary has. */
    const replicated = async (): Promise<void> => {
      const [[goal] = []] = await primary.rows(
        mariadb ? 'SELECT @@gtid_binlog_pos' : 'SELECT @@GLOBAL.gtid_executed',
      );
      const wait = mariadb ? 'MASTER_GTID_WAIT' : 'WAIT_FOR_EXECUTED_GTID_SET';
      const [[late] = []] = await replica.rows(`SELECT ${wait}('${goal}', 20)`);
      assert.equal(late, 0, 'the replica follows');
    };

    const readNames = async (): Promise<void> => {
      const [tables, routines, triggers] = await Promise.all(
        [TABLES_QUERY, ROUTINES_QUERY, TRIGGERS_QUERY].map((sql) => primary.rows(sql)),
      );
      catalogue = readCatalogue(tables ?? [], routines ?? [], triggers ?? []);
    };

    before(async () => {
      cluster = await startMysqlCluster({
        flavour,
        replicas: 1,
        settings: { 'log-bin-trust-function-creators': 'ON' },
      });
      const [first = '', second = ''] = cluster.nodes.map(({ id }) => id);
      primary = await connected(first);
      replica = await connected(second);
      version = String((await primary.rows('SELECT VERSION()'))[0]?.[0]);
      if (!mariadb) await replica.connection.query('SET GLOBAL super_read_only = OFF');
      await replica.connection.query('SET GLOBAL read_only = ON');
      for (const sql of trapObjects(flavour)) await primary.connection.query(sql);
      await readNames();
      await replicated();
    });
    after(async () => {
      await primary?.connection.end();
      await replica?.connection.end();
      await cluster?.close();
    });

    test('the account of these tests writes on the replica: only a right guess protects it', async () => {
      await replica.connection.query(
        'SET sql_log_bin = 0; CREATE TABLE foreign_ (a int); DROP TABLE foreign_; SET sql_log_bin = 1',
      );
      assert.deepEqual(await replica.rows('SELECT @@GLOBAL.read_only'), [[1]]);
    });

    test('no trap of the tables is called a read', async () => {
      const acted: string[] = [];
      for (const mode of MODES) {
        await primary.mode(mode);
        await replica.mode(mode);
        for (const text of TRAPS) {
          const { rows } = await primary.traces();
          await primary.run(text);
          const later = await primary.traces();
          if (isRead(text, mode)) await replica.run(text);
          if (!later.left && later.rows === rows) continue;
          acted.push(text);
          assert.ok(!isRead(text, mode), `${text} acts in ${JSON.stringify(mode)}`);
        }
      }
      assert.ok(new Set(acted).size > 60, `${new Set(acted).size} traps acted`);
      await primary.mode(MODES[0]);
      await replica.mode(MODES[0]);
      await replicated();
      await noForeignTransactions();
    });

    test('the functions of the allow-list are the server’s own', async () => {
      for (const name of builtinsOf(version)) {
        await primary.connection
          .query(`CREATE FUNCTION \`${name}\`() RETURNS int DETERMINISTIC RETURN 1`)
          .then(
            async () => {
              const warnings = await primary.rows('SHOW WARNINGS');
              await primary.connection.query(`DROP FUNCTION \`${name}\``);
              assert.ok(
                warnings.some(([, code]) => code === 1585),
                `${name} is a native function`,
              );
            },
            (error: unknown) => assert.match(String(error), /already exists/, name),
          );
      }
    });

    test(`what acts is never a read, and reads leave nothing: ${GENERATED} generated texts`, async (t) => {
      await replicated();
      const dice = new Dice(SEED);
      const writer = new TrapWriter(dice);
      await replica.mode(MODES[0]);
      const variables = await replica.variables();
      const counts = { reads: 0, ran: 0, acted: 0 };
      for (let mode = 0; mode < MODES.length; mode++) {
        const chosen = MODES[mode] ?? MODES[0];
        await primary.mode(chosen);
        await replica.mode(chosen);
        await primary.traces();
        await replica.traces();
        let { rows } = await primary.traces();
        for (let number = 0; number < GENERATED / MODES.length; number++) {
          const text = writer.text();
          const read = isRead(text, chosen);
          await primary.run(text);
          const later = await primary.traces();
          if (later.left || later.rows !== rows) {
            counts.acted++;
            assert.ok(!read, `${JSON.stringify(text)} acts in ${JSON.stringify(chosen)}`);
          }
          rows = later.rows;
          if (!read) continue;
          counts.reads++;
          // Behind a difference in version or flavour the other reading may be the one that acts.
          if (await replica.run(text)) counts.ran++;
          assert.ok(!(await replica.traces()).left, `${JSON.stringify(text)} leaves nothing`);
        }
      }
      await replica.mode(MODES[0]);
      await primary.mode(MODES[0]);
      await replicated();
      t.diagnostic(JSON.stringify(counts));
      assert.ok(counts.reads > 300 && counts.ran > 200 && counts.acted > 500, JSON.stringify(counts));
      const now = await replica.variables();
      assert.deepEqual(
        now.filter((row) => !variables.includes(row)),
        [],
      );
      await noForeignTransactions();
    });

    const noForeignTransactions = async (): Promise<void> => {
      if (mariadb) {
        const [[own] = []] = await replica.rows('SELECT @@server_id');
        const [[seen] = []] = await replica.rows('SELECT @@gtid_binlog_pos');
        const servers = String(seen)
          .split(',')
          .map((gtid) => gtid.split('-')[1]);
        assert.ok(!servers.includes(String(own)), `${seen} holds nothing of server ${own}`);
        return;
      }
      const [[there] = []] = await replica.rows('SELECT @@GLOBAL.gtid_executed');
      const [[foreign] = []] = await primary.rows(`SELECT GTID_SUBTRACT('${there}', @@GLOBAL.gtid_executed)`);
      assert.equal(foreign, '');
    };
  });
}
