import assert from 'node:assert/strict';
import { COM_CHANGE_USER, COM_QUERY } from '../../../../src/mysql/commands.ts';
import { command, uint16 } from '../../../../src/mysql/messages.ts';
import { becomes } from '../../../support/becomes.ts';
import {
  execute,
  initDb,
  longData,
  ping,
  prepare,
  processKill,
  query,
  setOption,
} from '../../../support/mysql-commands.ts';
import { MODERN, MysqlWire, OLD } from '../../../support/mysql-recorder.ts';
import { assertNothingLeft, onGround, primaryOf, type Script } from '../../../support/mysql-sameness.ts';
import type { Suite } from './suite.ts';

const tables = ['DROP TABLE IF EXISTS loaded', 'CREATE TABLE loaded (k INT, v LONGTEXT)'];
const LOAD = query("LOAD DATA LOCAL INFILE 'file.txt' INTO TABLE loaded");
const onLines = (script: Script): Script => onGround(tables, script);

const commands = [
  query('SELECT * FROM own'),
  query("SET time_zone='+01:00'"),
  ping,
  initDb('other'),
  query('SELECT * FROM own'),
  prepare('SELECT ?, @@time_zone'),
  query('SELEKT'),
  query('SELECT 1'),
  setOption(0),
  query('SELECT 1; SELECT 2'),
  query('BEGIN'),
  query('SELECT w FROM own FOR UPDATE'),
  query('COMMIT'),
  query('SHOW WARNINGS'),
];

/** The server ends the connection; it may say why. */
async function over(client: MysqlWire): Promise<void> {
  const from = client.heard.length;
  await assert.rejects(async () => {
    for (;;) await client.answer(COM_QUERY);
  }, /closed/);
  client.heard.length = from;
}

export function wire({ same, test, stage, flavour }: Suite): void {
  same('commands that come in one write are answered in their order', async (client) => {
    await client.ask(...commands);
    await client.ask(longData(1, 0, 'x'), execute(1, [['long']]), query('SELECT 1'));
  });

  same('commands that come byte by byte are answered as any others', async (client) => {
    for (const bytes of commands.slice(0, 9)) {
      await client.sendSlowly(bytes);
      await client.answer(bytes[4] ?? 0);
    }
  });

  for (const [capabilities, what] of [
    [MODERN, 'of today'],
    [OLD, 'with EOF packets'],
  ] as const) {
    same(
      `LOCAL INFILE streams the file of a client ${what}`,
      onLines(async (client) => {
        const load = async (file: Buffer): Promise<void> => {
          client.send(LOAD);
          await client.answer(COM_QUERY, file);
        };
        await load(Buffer.from('1\tone\n2\ttwo\n'));
        await client.texts('SELECT * FROM loaded', 'SHOW WARNINGS');
        await load(Buffer.from('x\tnot a number\n'));
        await client.texts('SHOW WARNINGS');
        await load(Buffer.alloc(0));
        await client.texts("SET sql_mode=''");
        await load(Buffer.from('y\tnot a number\n3\tthree\tmore\n'));
        await client.texts('SHOW WARNINGS', 'SELECT COUNT(*) FROM loaded');
        await load(Buffer.from(`4\t${'z'.repeat(5_000_000)}\n`));
        await client.texts('SELECT LENGTH(v) FROM loaded WHERE k = 4');
        await client.texts("LOAD DATA LOCAL INFILE 'x' INTO TABLE nowhere");
      }),
      { capabilities },
    );
  }

  same(
    'LOCAL INFILE is refused to a client that does not take part',
    onLines(async (client) => {
      await client.ask(LOAD);
      await client.texts('SELECT 1');
    }),
    { capabilities: MODERN & ~128 },
  );

  same(
    'values of 16 MB and more go both ways',
    onLines(async (client) => {
      const text = (size: number): string => `INSERT INTO loaded VALUES (1, '${'a'.repeat(size)}')`;
      for (const size of [0xff_ffff - 30, 0xff_ffff - 29, 0xff_ffff - 28, 20_000_000, 34_000_000]) {
        await client.ask(query(text(size)));
      }
      await client.texts('SELECT LENGTH(v) FROM loaded', 'SELECT v FROM loaded');
      await client.ask(prepare('SELECT ?, LENGTH(?)'));
      const large = 'b'.repeat(17_000_000);
      await client.ask(execute(1, [large, 'x']));
      await client.ask(execute(1, ['x', large], { types: false }));
    }),
  );

  same('COM_CHANGE_USER begins a session anew on the same connection', async (client) => {
    const { user, password } = client.door;
    const change = async (name: string, word: string, schema: string, collation: number): Promise<void> => {
      const plugin = flavour === 'mysql' ? 'caching_sha2_password' : 'mysql_native_password';
      client.send(
        command(
          COM_CHANGE_USER,
          `${name}\0\0${schema}\0`,
          uint16(collation),
          `${plugin}\0`,
          Buffer.from([0]),
        ),
      );
      await client.proveOurselves(word).then(
        () => client.note('changed'),
        (error: Error) => client.note(error.message.replace(/'127[^']*'/, 'host')),
      );
    };
    await client.texts("SET @a = 1, time_zone = '+01:00'", 'USE other');
    await client.ask(prepare('SELECT 1'));
    await change(user, password, 'demo', 8);
    await client.texts('SELECT @a, @@time_zone, DATABASE(), @@character_set_client, LAST_INSERT_ID()');
    await client.ask(execute(1));
    // Its number is not that of the one before.
    await client.ask(prepare('SELECT 3'), execute(1), execute(2));
    await client.texts('BEGIN', "UPDATE own SET v = 'gone' WHERE k = 1");
    await change(user, password, '', 45);
    await client.texts('SELECT DATABASE()', 'SELECT v FROM demo.own WHERE k = 1');
    await change(user, 'wrong', 'demo', 45);
    // MariaDB lets it try again.
    if (flavour === 'mysql') await over(client);
  });

  const slow = query('SELECT k FROM own WHERE SLEEP(30)');
  const runs = async (): Promise<boolean> => {
    const text =
      "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT k FROM own WHERE SLEEP%'";
    for (const { id } of stage().cluster.nodes) {
      if ((await stage().cluster.query(id, text)).length > 0) return true;
    }
    return false;
  };

  same('KILL QUERY and KILL strike the session that they name', async (client) => {
    const strike = async (kill: (id: number) => Buffer): Promise<void> => {
      await using other = await MysqlWire.open(client.door);
      await other.ask(kill(client.id));
    };
    client.send(slow);
    await becomes('it runs', runs);
    await strike((id) => query(`KILL QUERY ${id}`));
    await client.answer(COM_QUERY);
    await client.texts('SELECT 1', 'KILL QUERY 4000000000', 'KILL 4000000000', 'KILL QUERY 0');
    await strike((id) => query(`KILL QUERY ${id}`));
    await client.texts('SELECT 2');
    await strike((id) => (flavour === 'mysql' ? query(`KILL CONNECTION ${id}`) : processKill(id)));
    await over(client);
  });

  const ways: readonly [string, (client: MysqlWire) => Promise<unknown>][] = [
    [
      'a transaction',
      (client) => client.texts('BEGIN', "INSERT INTO loaded VALUES (9, 'x')", "SET time_zone='+01:00'"),
    ],
    [
      'a transaction without autocommit',
      (client) => client.texts('SET autocommit=0', "INSERT INTO loaded VALUES (9, 'x')"),
    ],
    [
      'a statement',
      async (client) => client.send(query('INSERT INTO loaded SELECT * FROM own WHERE SLEEP(60)')),
    ],
    [
      'a large result',
      async (client) => client.send(query("SELECT REPEAT('x', 10000), k FROM neighbours FOR UPDATE")),
    ],
    [
      'a file',
      async (client) => {
        client.send(LOAD);
        await client.answer(COM_QUERY);
        client.send(command(0x39, '\tx\n8\t').subarray(0, 6));
      },
    ],
    ['a command', async (client) => client.send(query("INSERT INTO loaded VALUES (9, 'x')").subarray(0, 12))],
    [
      'a large command',
      async (client) => client.send(query(`SELECT '${'x'.repeat(3_000_000)}'`).subarray(0, 2_000_000)),
    ],
    [
      'state that it holds',
      (client) =>
        client.texts(
          'CREATE TEMPORARY TABLE tt (a INT)',
          "SELECT GET_LOCK('one', 1)",
          'SET @a = 1',
          'LOCK TABLES own WRITE',
        ),
    ],
    ['a cursor', (client) => client.ask(prepare('SELECT * FROM neighbours'), execute(1, [], { flags: 1 }))],
    [
      'a two-phase transaction',
      (client) => client.texts("XA START 'v'", "INSERT INTO loaded VALUES (9, 'x')", "XA END 'v'"),
    ],
  ];
  for (const [middle, begin] of ways) {
    test(`a client that vanishes in the middle of ${middle} leaves nothing`, async () => {
      const client = await MysqlWire.open(stage().proxied);
      await client.texts(...tables);
      await begin(client);
      client.destroy();
      await becomes('nothing runs and nothing is open', async () => {
        const primary = primaryOf(stage());
        const running =
          "SELECT 1 FROM information_schema.processlist WHERE user = 'demo' AND command NOT IN ('Sleep', 'Daemon')";
        const open =
          "SELECT 1 FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'demo'";
        await new Promise((resolve) => setTimeout(resolve, 120));
        for (const text of [running, open])
          if ((await stage().cluster.query(primary, text)).length > 0) return false;
        return true;
      });
      await assertNothingLeft(stage());
      assert.deepEqual(await stage().cluster.query(primaryOf(stage()), 'SELECT k FROM loaded'), []);
    });
  }
}
