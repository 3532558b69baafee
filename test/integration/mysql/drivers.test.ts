import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Adapter } from '../../engine/adapter.ts';
import { mariadbServer, mysqlServer } from '../../engine/mysql.ts';
import { Scene } from '../../engine/scene.ts';
import { argumentsOf, driverPrograms } from '../../support/drivers/programs.ts';
import { need, pathOf } from '../../support/need.ts';
import type { ConnectionFacts } from '../../support/stage.ts';

const execute = promisify(execFile);
const WITHIN = 120_000;

const SEED = `
DROP TABLE IF EXISTS crate, fruit;
CREATE TABLE fruit (id int AUTO_INCREMENT PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, price decimal(10,2),
  raw blob, picked timestamp NULL) DEFAULT CHARSET = utf8mb4;
INSERT INTO fruit (name, price, raw, picked) VALUES ('apple', 1.25, x'00ff27', '2024-02-29 12:34:56'),
  ('brünette 🍐', NULL, '', NULL), ('quote '' and \\\\ backslash', 3, NULL, NULL);
CREATE TABLE crate (id int PRIMARY KEY, fruit int, FOREIGN KEY (fruit) REFERENCES fruit (id));
INSERT INTO crate SELECT id, id FROM fruit;
CREATE VIEW cheap AS SELECT name FROM fruit WHERE price < 2;
DELIMITER //
CREATE TRIGGER dearer BEFORE UPDATE ON fruit FOR EACH ROW SET NEW.price = NEW.price + 1//
DELIMITER ;
`;

const LOOK = `
SELECT * FROM fruit ORDER BY id; SELECT * FROM crate; SELECT * FROM cheap; SHOW CREATE TABLE fruit;
START TRANSACTION; DELETE FROM crate; SELECT COUNT(*) FROM crate; ROLLBACK; SELECT COUNT(*) FROM crate;
START TRANSACTION; UPDATE fruit SET price = 1; COMMIT; SELECT name, price FROM fruit ORDER BY id;
SELECT * FROM nowhere; SELECT 1 / 0; SHOW WARNINGS; SELEKT 1;
INSERT INTO fruit (name) VALUES ('apple'); INSERT INTO fruit (name) VALUES ('plum'); SELECT ROW_COUNT(); SELECT LAST_INSERT_ID(); SELECT id FROM fruit; SELECT FOUND_ROWS();
SET @n = 2; PREPARE q FROM 'SELECT name FROM fruit WHERE id = ?'; EXECUTE q USING @n; DEALLOCATE PREPARE q;
`;

const CLEAN = 'DROP VIEW IF EXISTS cheap; DROP TABLE IF EXISTS crate, fruit;';

for (const adapter of [mysqlServer, mariadbServer])
  describe(`drivers on ${adapter.engine}, directly and through the proxy`, { skip: adapter.skip }, () =>
    suite(adapter),
  );

function suite(adapter: Adapter): void {
  let scene: Scene;
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-drivers-'));
    scene = await Scene.start(adapter, { record: false });
    // Without it an account without SUPER may make no trigger.
    for (const node of scene.nodes)
      await scene.stage.cluster.query(node, 'SET GLOBAL log_bin_trust_function_creators = ON');
  });
  after(async () => {
    await scene?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Past the proxy and through it. */
  const doors = (): readonly [ConnectionFacts, ConnectionFacts] => [
    scene.stage.direct(scene.primary),
    scene.stage.proxied,
  ];

  for (const program of driverPrograms()) {
    test(`${program.name} gets equal answers`, { skip: program.skip }, async () => {
      const env = { ...process.env, ...program.env };
      if (program.build !== undefined) {
        const [builder = '', ...args] = program.build(folder);
        await execute(builder, args, { env, timeout: WITHIN });
      }
      const told: string[] = [];
      for (const facts of doors()) {
        const [command = '', ...args] = [...program.command(folder), ...argumentsOf(facts)];
        const { stdout } = await execute(command, args, { env, timeout: WITHIN });
        told.push(stdout);
      }
      const [direct = '', proxied = ''] = told;
      assert.ok(direct.split('\n').length > 10, 'it has said something');
      assert.equal(proxied, direct);
    });
  }

  /** Runs one of the servers' own clients, and gives what it says. */
  async function say(
    tool: 'mysql' | 'mysqldump',
    facts: ConnectionFacts,
    args: string[],
    input = '',
  ): Promise<string> {
    const { host, port, user, password, database } = facts;
    const account = ['--no-defaults', '-h', host, '-P', String(port), '-u', user];
    const child = spawn(pathOf(tool), [...account, '--default-character-set=utf8mb4', ...args, database], {
      env: { ...process.env, MYSQL_PWD: password },
      timeout: WITHIN,
    });
    child.stdin.end(input);
    const [out, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return `${out}\n${complaints}`;
  }

  const skip = need('mysql') || need('mysqldump');

  test('mysql: tables, a view, a trigger, transactions, errors, warnings, variables', { skip }, async () => {
    const [direct, proxied] = doors();
    await say('mysql', direct, [], CLEAN);
    const told: string[] = [];
    for (const facts of [direct, proxied]) {
      const seeded = await say('mysql', facts, ['--force', '-t', '-vv', '--show-warnings'], SEED);
      const looked = await say('mysql', facts, ['--force', '-t', '-vv', '--show-warnings'], LOOK);
      told.push(`${seeded}${looked}`.replaceAll(/\(\d+\.\d+ sec\)/g, ''));
      await say('mysql', facts, [], CLEAN);
    }
    assert.match(told[0] ?? '', /brünette 🍐/);
    assert.equal(told[1], told[0]);
  });

  for (const options of [['--single-transaction'], ['--lock-tables']]) {
    test(`mysqldump ${options.join(' ')}: a dump and what is restored from it`, { skip }, async () => {
      const [direct, proxied] = doors();
      await say('mysql', direct, ['--binary-mode=0'], `${CLEAN}\n${SEED}`);
      const dump = (facts: ConnectionFacts): Promise<string> =>
        say('mysqldump', facts, [...options, '--skip-comments', '--hex-blob', '--no-tablespaces']);
      const before = await dump(direct);
      assert.match(before, /INSERT INTO `fruit` VALUES[\s\S]*brünette 🍐/);
      assert.match(before, /TRIGGER/);
      assert.equal(await dump(proxied), before);
      await say('mysql', proxied, [], CLEAN);
      assert.equal((await say('mysql', proxied, [], before)).trim(), '', 'it is restored without a word');
      assert.equal(await dump(proxied), before);
      assert.equal(await dump(direct), before);
      await say('mysql', direct, [], CLEAN);
    });
  }
}
