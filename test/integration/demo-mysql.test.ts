import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ClusterEvent } from '../../src/demo/cluster.ts';
import type { MysqlCluster, MysqlOptions } from '../../src/demo/mysql.ts';
import { askMysql } from '../../src/demo/mysql-ask.ts';
import type { Flavour } from '../../src/demo/mysql-programs.ts';
import { serverProcesses } from '../../src/demo/processes.ts';
import { until } from '../../src/demo/until.ts';
import { startMysqlCluster } from '../support/cluster.ts';
import { need } from '../support/need.ts';
import { spawnOwner } from '../support/owner.ts';
import { takenPort } from '../support/taken-port.ts';

const WITHIN = 20_000;

/** ER_OPTION_PREVENTS_STATEMENT: the server is read-only; ER_ACCESS_DENIED_ERROR. */
const READ_ONLY = 1290;
const DENIED = 1045;

async function holds(cluster: MysqlCluster, id: string, rows: number): Promise<boolean> {
  return until(async () => {
    const [row] = await cluster.query(id, 'SELECT COUNT(*) AS n FROM t').catch(() => []);
    return row?.['n'] === rows;
  }, WITHIN);
}

/** As the application: the superuser may write on a read-only MariaDB. */
function asClient(cluster: MysqlCluster, id: string, sql: string) {
  return askMysql({ ...cluster.credentials.client, port: cluster.node(id).port }, sql);
}

/** What a proxy does when it promotes. */
async function promote(cluster: MysqlCluster, id: string): Promise<void> {
  await cluster.query(id, 'STOP REPLICA');
  await cluster.query(id, 'RESET REPLICA ALL');
  if (cluster.flavour === 'mysql') await cluster.query(id, 'SET GLOBAL super_read_only = OFF');
  await cluster.query(id, 'SET GLOBAL read_only = OFF');
}

function clusterTests(flavour: Flavour, server: 'mysqld' | 'mariadbd', name: string): void {
  const start = (options: Omit<MysqlOptions, 'flavour'> = {}) => startMysqlCluster({ ...options, flavour });
  const [first, second, third] = [`${name}-1`, `${name}-2`, `${name}-3`];

  describe(`a cluster of ${flavour}`, { skip: need(server) }, () => {
    test('it replicates by GTIDs, a killed primary comes back read-only and follows the promoted one, and nothing is left', async () => {
      const cluster = await start();
      const mark = cluster.mark;
      assert.equal(serverProcesses(mark).length, 3);
      const begun = flavour === 'mysql' ? '@@global.gtid_executed' : '@@global.gtid_binlog_pos';
      assert.deepEqual(await cluster.query(second, `SELECT ${begun} AS own`), [{ own: '' }]);

      await cluster.query(first, 'CREATE TABLE t AS SELECT 1 AS i');
      assert.ok(await holds(cluster, second, 1), 'the second replicates');
      assert.ok(await holds(cluster, third, 1), 'the third replicates');
      await assert.rejects(asClient(cluster, second, 'INSERT INTO demo.t VALUES (2)'), { errno: READ_ONLY });

      await cluster.kill(first);
      assert.equal(cluster.isRunning(first), false);
      await promote(cluster, second);
      await cluster.query(second, 'INSERT INTO t VALUES (2)');
      await cluster.startNode(first);
      await assert.rejects(asClient(cluster, first, 'INSERT INTO demo.t VALUES (3)'), { errno: READ_ONLY });
      await cluster.rejoin(third, second);
      await cluster.rejoin(first, second);
      assert.ok(await holds(cluster, first, 2), 'the old primary replicates');
      assert.ok(await holds(cluster, third, 2), 'the third replicates');

      await cluster.close();
      assert.deepEqual(serverProcesses(mark), []);
      assert.equal(existsSync(cluster.folder), false);
    });

    test('a node whose history is another becomes a copy of the primary, while that is written to', async () => {
      await using cluster = await start({ replicas: 1 });
      await cluster.query(first, 'CREATE TABLE t (i INT, filler TEXT)');
      assert.ok(await holds(cluster, second, 0));
      await promote(cluster, second);
      await cluster.query(second, "INSERT INTO t VALUES (-1, 'nobody else has it')");
      let writing = true;
      let written = 0;
      const writes = (async (): Promise<void> => {
        for (; writing; written += 1)
          await cluster.query(first, "INSERT INTO t VALUES (1, REPEAT('x', 500))");
      })();
      await cluster.rejoin(second, first);
      writing = false;
      await writes;
      assert.ok(await holds(cluster, second, written));
      assert.deepEqual(await cluster.query(second, 'SELECT i FROM t WHERE i < 0'), []);
    });

    test('with synchronous replication a commit waits until a replica is there', async () => {
      await using cluster = await start({ replicas: 1, synchronous: true });
      await cluster.query(first, 'CREATE TABLE t AS SELECT 1 AS i');
      await cluster.stop(second);
      let acknowledged = false;
      const commit = cluster.query(first, 'INSERT INTO t VALUES (2)').then(() => {
        acknowledged = true;
      });
      const waits =
        "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for semi-sync ACK%'";
      assert.ok(await until(async () => (await cluster.query(first, waits)).length === 1, WITHIN));
      assert.equal(acknowledged, false);
      await cluster.startNode(second);
      await commit;
      assert.ok(await holds(cluster, second, 2));
    });

    test('a paused server stands still and goes on where it was; a supervised one that dies is started again', async () => {
      const events: ClusterEvent['kind'][] = [];
      await using cluster = await start({
        replicas: 0,
        supervise: { restartAfterMs: 50 },
        told: ({ kind }) => {
          events.push(kind);
        },
      });
      cluster.pause(first);
      const answer = cluster.query(first, 'SELECT 1 AS one');
      cluster.resume(first);
      assert.deepEqual(await answer, [{ one: 1 }]);
      const before = cluster.node(first).pid;
      await cluster.kill(first);
      assert.ok(await until(() => events.includes('restarted'), WITHIN));
      assert.notEqual(cluster.node(first).pid, before);
      assert.deepEqual(events, ['died', 'restarted']);
    });

    test('no account comes in without its password, and a taken port is an error that names it', async () => {
      await using cluster = await start({ replicas: 0 });
      const { port } = cluster.node(first);
      for (const user of ['root', 'demo', 'pointsman', 'replicator', '']) {
        const denied = { errno: DENIED };
        await assert.rejects(askMysql({ user, password: 'wrong', port }, 'SELECT 1'), denied, user);
        await assert.rejects(askMysql({ user, password: '', port }, 'SELECT 1'), denied, user);
      }
      await using taken = await takenPort();
      await assert.rejects(start({ replicas: 0, ports: [taken.port] }), {
        code: 'PORT_TAKEN',
        message: new RegExp(`port ${taken.port} `),
      });
    });

    test('a kept folder is taken up again with the last primary and the same data; not while it is in use', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'pointsman-kept-'));
      const kept = { folder, keep: true, replicas: 1 };
      try {
        {
          await using cluster = await start(kept);
          await cluster.query(first, 'CREATE TABLE t AS SELECT 1 AS i');
          assert.ok(await holds(cluster, second, 1));
          // Both go on from there: only the cluster knows whose history counts.
          await promote(cluster, second);
          await cluster.query(first, 'INSERT INTO t VALUES (8), (9)');
          await cluster.kill(first);
          await cluster.query(second, 'INSERT INTO t VALUES (2)');
          await assert.rejects(start(kept), { message: new RegExp(`in use.*${second}`) });
        }
        await using again = await start(kept);
        assert.ok(await holds(again, first, 2), 'the killed node follows the promoted one');
        await asClient(again, second, 'INSERT INTO demo.t VALUES (3)');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });

    test('when the owner is killed without a word, the guard ends its servers and removes their folder', async () => {
      const { child, folder, mark } = await spawnOwner(flavour);
      assert.notDeepEqual(serverProcesses(mark), []);
      child.kill('SIGKILL');
      assert.ok(await until(() => serverProcesses(mark).length === 0 && !existsSync(folder), WITHIN));
    });
  });
}

clusterTests('mysql', 'mysqld', 'my');
clusterTests('mariadb', 'mariadbd', 'maria');
