import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Adapter, type Client, Refusal } from '../../engine/adapter.ts';
import { mariadbServer, mysqlServer } from '../../engine/mysql.ts';
import { Scene } from '../../engine/scene.ts';
import { becomes } from '../../support/becomes.ts';
import { generated, randomFrom } from './generated.ts';
import { GROUND, TRAPS } from './trap-texts.ts';

const STATEMENTS = 5_000;
const SESSIONS = 8;
const WITHIN = 300_000;
/** A session ends after so many statements on average, and another begins. */
const LIFE = 8;
const BOSS = { user: 'boss', password: 'boss' } as const;

for (const adapter of [mysqlServer, mariadbServer]) {
  describe(`an account that passes read_only, on ${adapter.engine}`, { skip: adapter.skip }, () =>
    suite(adapter),
  );
}

function suite(adapter: Adapter): void {
  let scene: Scene;
  before(async () => {
    scene = await Scene.start(adapter, {
      proxy: {
        users: [{ name: BOSS.user, password: BOSS.password }],
        // Who promotes also fences: here nothing but the routing may keep writes from replicas.
        failover: { mode: 'observe' },
      },
    });
    for (const node of scene.nodes)
      await scene.stage.cluster.query(node, 'SET GLOBAL log_bin_trust_function_creators = ON');
    await onPrimary(`CREATE USER ${BOSS.user} IDENTIFIED BY '${BOSS.password}'`);
    await onPrimary(`GRANT ALL ON *.* TO ${BOSS.user} WITH GRANT OPTION`);
    for (const text of GROUND) await onPrimary(text);
    if (adapter.engine === 'mariadb') await onPrimary('CREATE SEQUENCE counter');
    for (const node of scene.nodes) {
      if (adapter.engine === 'mysql')
        await scene.stage.cluster.query(node, 'SET GLOBAL super_read_only = OFF');
      await scene.stage.cluster.query(node, 'SET GLOBAL innodb_lock_wait_timeout = 1');
      await scene.stage.cluster.query(node, 'SET GLOBAL lock_wait_timeout = 1');
    }
    for (const node of scene.replicas) {
      await scene.stage.cluster.query(node, 'SET GLOBAL read_only = ON');
      await passesReadOnly(node);
    }
    await readsReachReplicas();
  });
  after(() => scene?.close());

  const onPrimary = (text: string) => scene.stage.cluster.query(scene.primary, text);
  const boss = (several = false): Promise<Client> =>
    adapter.open({ ...scene.stage.proxied, ...BOSS }, { several });

  /** The account could write there: without that, nothing below would prove anything. */
  async function passesReadOnly(node: string): Promise<void> {
    const direct = await becomesOpen(node);
    await direct.query('SET SESSION sql_log_bin = 0');
    await direct.query("INSERT INTO written (id, v) VALUES (-1, 'unlogged')");
    await direct.query('DELETE FROM written WHERE id = -1');
    await direct.end();
  }

  /** As the boss past the proxy, once the node has replicated that there is one. */
  async function becomesOpen(node: string): Promise<Client> {
    let client: Client | undefined;
    await becomes(`${node} knows ${BOSS.user} and the tables`, async () => {
      client = await adapter.open({ ...scene.stage.direct(node), ...BOSS }).catch(() => undefined);
      const there = await client?.query('SELECT COUNT(*) FROM deep WHERE id < 0').catch(() => undefined);
      if (there === undefined) await client?.end();
      return there !== undefined;
    });
    assert.ok(client !== undefined);
    return client;
  }

  async function readsReachReplicas(): Promise<void> {
    await becomes('reads reach a replica', async () => {
      const client = await boss();
      await client.query('SELECT id /* on its way */ FROM plain');
      await client.end();
      return (await countOnReplicas('on its way')) > 0;
    });
  }

  async function countOnReplicas(mark: string): Promise<number> {
    const sql = `SELECT COUNT(*) AS n FROM mysql.general_log WHERE user_host LIKE '${BOSS.user}[%'
      AND command_type IN ('Query', 'Execute') AND CONVERT(argument USING utf8mb4) LIKE '%${mark}%'`;
    const counts = await Promise.all(scene.replicas.map((node) => scene.count(node, sql)));
    return counts.reduce((sum, n) => sum + n, 0);
  }

  /** Transactions of a replica that the primary has not. */
  async function foreign(node: string): Promise<string> {
    if (adapter.engine === 'mysql') {
      const sql = 'SELECT @@global.gtid_executed AS executed';
      const [replica] = await scene.stage.cluster.query(node, sql);
      const [primary] = await onPrimary(sql);
      const [left] = await scene.stage.cluster.query(
        node,
        `SELECT GTID_SUBTRACT('${replica?.['executed']}', '${primary?.['executed']}') AS gtids`,
      );
      return String(left?.['gtids']);
    }
    // Domain, server, number: what this server wrote itself carries its own number.
    const [row] = await scene.stage.cluster.query(
      node,
      'SELECT @@global.gtid_binlog_state AS state, @@server_id AS server',
    );
    return String(row?.['state'])
      .split(',')
      .filter((gtid) => gtid.split('-')[1] === String(row?.['server']))
      .join();
  }

  /** Undefined: it was carried out. A statement may fail, but it may not cost the connection. */
  async function refusalOf(client: Client, way: 'query' | 'prepared', text: string): Promise<unknown> {
    try {
      await client[way](text);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal && error.meaning === 'lost') {
        assert.fail(
          `the connection was lost (${error.code} ${error.message}) by ${way} ${JSON.stringify(text)}`,
        );
      }
      return error;
    }
  }

  async function assertNothingForeign(what: () => string): Promise<void> {
    for (const node of scene.replicas) {
      const found = await foreign(node);
      if (found !== '')
        assert.fail(`${node} has written ${found} by itself: ${what()}\n${await lastOn(node)}`);
    }
  }

  /** What the boss's sessions ran on a node at last. */
  async function lastOn(node: string): Promise<string> {
    const rows = await scene.stage.cluster.query(
      node,
      `SELECT CONVERT(argument USING utf8mb4) AS text FROM mysql.general_log
       WHERE user_host LIKE '${BOSS.user}[%' AND command_type IN ('Query', 'Execute') ORDER BY event_time DESC LIMIT 60`,
    );
    return rows.map(({ text }) => `  ${String(text)}`).join('\n');
  }

  /** The replicas are as they were set up: nobody has opened them, stopped them or changed what they hold. */
  async function assertSound(): Promise<void> {
    for (const node of scene.replicas) {
      assert.equal(await scene.count(node, 'SELECT @@global.read_only AS n'), 1, `${node} is read-only`);
      await becomes(
        `${node} receives`,
        async () => (await scene.count(node, adapter.inspections.receives)) === 1,
      );
    }
    for (const table of ['plain', 'other', 'written']) {
      const sql = `CHECKSUM TABLE ${table}`;
      const [expected] = await onPrimary(sql);
      for (const node of scene.replicas) {
        const same = async (): Promise<boolean> =>
          (await scene.stage.cluster.query(node, sql))[0]?.['Checksum'] === expected?.['Checksum'];
        await becomes(`${node} holds the same ${table}`, same);
      }
    }
  }

  test('every trap, as text and prepared: no replica writes, is opened or stopped', {
    timeout: WITHIN,
  }, async () => {
    for (const trap of TRAPS) {
      for (const way of ['query', 'prepared'] as const) {
        const client = await boss(way === 'query');
        for (const text of trap) await refusalOf(client, way, text);
        await client.end();
        await assertNothingForeign(() => `${way} ${JSON.stringify(trap)}`);
      }
    }
    await assertSound();
  });

  test(`${STATEMENTS} generated statements: no replica writes`, { timeout: WITHIN }, async () => {
    const seed = Number(process.env['POINTSMAN_SEED'] ?? Math.floor(Math.random() * 1e9));
    console.log(`  ${adapter.engine}: POINTSMAN_SEED=${seed}`);
    const random = randomFrom(seed);
    const clients: (Client | undefined)[] = [];
    let refused = 0;
    const readBefore = await countOnReplicas('');
    for (let n = 0; n < STATEMENTS; n++) {
      const seat = n % SESSIONS;
      if (random() < 1 / LIFE) {
        await clients[seat]?.end();
        clients[seat] = undefined;
      }
      const text = generated(random);
      const way = random() < 0.3 ? 'prepared' : 'query';
      const client = clients[seat] ?? (await boss(seat % 2 === 0));
      clients[seat] = client;
      if ((await refusalOf(client, way, text)) !== undefined) refused++;
      if (n % 250 === 249) await assertNothingForeign(() => `at statement ${n} of seed ${seed}`);
    }
    await Promise.all(clients.map((client) => client?.end()));
    await assertNothingForeign(() => `seed ${seed}`);
    const reads = (await countOnReplicas('')) - readBefore;
    console.log(`  ${adapter.engine}: ${refused} refused, ${reads} statements ran on replicas`);
    assert.ok(STATEMENTS - refused > STATEMENTS / 5, 'enough of them are statements');
    assert.ok(reads > STATEMENTS / 50, 'enough of them are reads');
    await assertSound();
  });
}
