import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connected } from '../../src/demo/ask.ts';
import type { ClusterEvent } from '../../src/demo/cluster.ts';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { serverProcesses } from '../../src/demo/processes.ts';
import { until } from '../../src/demo/until.ts';
import { startCluster } from '../support/cluster.ts';
import { spawnOwner } from '../support/owner.ts';
import { takenPort } from '../support/taken-port.ts';

const WITHIN = 20_000;

/** The word by which all processes of a cluster are found, from its own servers. */
async function markOf(cluster: EmbeddedCluster): Promise<string> {
  const [row] = await cluster.query('pg-1', 'SHOW cluster_name');
  return String(row?.['cluster_name']).replace(/-pg-1$/, '');
}

/** proc(5): the letter after the name in parentheses; T is stopped. */
function stateOf(pid: number): string | undefined {
  return /\) (\w) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
}

async function holds(cluster: EmbeddedCluster, id: string, rows: number): Promise<boolean> {
  return until(async () => {
    const [row] = await cluster.query(id, 'SELECT count(*)::int AS n FROM t').catch(() => []);
    return row?.['n'] === rows;
  }, WITHIN);
}

test('a cluster replicates, a killed primary comes back as a replica of the promoted one, and nothing is left', async () => {
  const cluster = await startCluster();
  const mark = await markOf(cluster);
  assert.equal(new Set(cluster.nodes.map(({ pid }) => pid)).size, 3);

  await cluster.query('pg-1', 'CREATE TABLE t AS SELECT 1 AS i');
  assert.ok(await holds(cluster, 'pg-2', 1), 'pg-2 replicates');
  assert.ok(await holds(cluster, 'pg-3', 1), 'pg-3 replicates');
  await assert.rejects(cluster.query('pg-2', 'INSERT INTO t VALUES (2)'), { code: '25006' });

  await cluster.kill('pg-1');
  assert.equal(cluster.isRunning('pg-1'), false);
  await cluster.query('pg-2', 'SELECT pg_promote()');
  await cluster.rejoin('pg-3', 'pg-2');
  await cluster.rejoin('pg-1', 'pg-2');
  await cluster.query('pg-2', 'INSERT INTO t VALUES (2)');
  assert.ok(await holds(cluster, 'pg-1', 2), 'the old primary replicates');
  assert.ok(await holds(cluster, 'pg-3', 2), 'the third node replicates');

  await cluster.close();
  assert.deepEqual(serverProcesses(mark), []);
  assert.equal(existsSync(cluster.folder), false);
});

test('a primary that is written to all the time can be copied', async () => {
  await using cluster = await startCluster({ replicas: 1 });
  await cluster.query('pg-1', 'CREATE TABLE t (i int, filler text)');
  let writing = true;
  let written = 0;
  const writes = (async (): Promise<void> => {
    while (writing) {
      await cluster.query('pg-1', "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 200) i");
      written += 200;
      if (written % 1_000 === 0) await cluster.query('pg-1', 'CREATE TABLE gone (i int); DROP TABLE gone');
    }
  })();
  await cluster.rejoin('pg-2', 'pg-1');
  writing = false;
  await writes;
  assert.ok(await holds(cluster, 'pg-2', written));
});

test('a cluster whose primary stands still, and orphans of a killed postmaster, end with it', async () => {
  const cluster = await startCluster({ replicas: 1 });
  const mark = await markOf(cluster);
  const { client } = cluster.credentials;
  await connected({ ...client, port: cluster.node('pg-1').port }, async (session) => {
    await session.query('SELECT 1');
    cluster.pause('pg-1');
    await cluster.kill('pg-1');
    assert.notDeepEqual(serverProcesses(`${mark}-pg-1`), [], 'stopped children outlive their postmaster');
    await cluster.close();
  });
  assert.deepEqual(serverProcesses(mark), []);
  assert.equal(existsSync(cluster.folder), false);
});

test('every process of a paused node stands still, and goes on where it was', async () => {
  await using cluster = await startCluster({ replicas: 0 });
  const pids = serverProcesses(await markOf(cluster));
  cluster.pause('pg-1');
  assert.ok(await until(() => pids.every((pid) => stateOf(pid) === 'T'), WITHIN));
  const answer = cluster.query('pg-1', 'SELECT 1 AS one');
  cluster.resume('pg-1');
  assert.deepEqual(await answer, [{ one: 1 }]);
});

test('a supervised server that dies is started again; one that was stopped is not', async () => {
  const events: ClusterEvent['kind'][] = [];
  const supervise = { restartAfterMs: 50 };
  await using cluster = await startCluster({
    replicas: 0,
    supervise,
    told: ({ kind }) => {
      events.push(kind);
    },
  });
  const before = cluster.node('pg-1').pid;
  await cluster.kill('pg-1');
  assert.ok(await until(() => events.includes('restarted'), WITHIN));
  assert.notEqual(cluster.node('pg-1').pid, before);
  await cluster.stop('pg-1');
  await cluster.startNode('pg-1');
  assert.deepEqual(events, ['died', 'restarted']);
});

test('a supervised node whose copying fails is started again on what it has', async () => {
  const events: ClusterEvent['kind'][] = [];
  await using cluster = await startCluster({
    replicas: 1,
    supervise: { restartAfterMs: 50 },
    told: ({ kind }) => {
      events.push(kind);
    },
  });
  await cluster.stop('pg-1');
  await assert.rejects(cluster.rejoin('pg-2', 'pg-1'), { code: 'ECONNREFUSED' });
  assert.ok(await until(() => events.includes('restarted'), WITHIN));
  assert.deepEqual(await cluster.query('pg-2', 'SELECT pg_is_in_recovery() AS replica'), [{ replica: true }]);
});

test('with a synchronous standby a commit waits until a replica is there', async () => {
  await using cluster = await startCluster({ replicas: 1, syncNames: 'ANY 1 (*)' });
  await cluster.query('pg-1', 'CREATE TABLE t AS SELECT 1 AS i');
  await cluster.stop('pg-2');
  const commit = cluster.query('pg-1', 'INSERT INTO t VALUES (2)');
  const waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  assert.ok(await until(async () => (await cluster.query('pg-1', waits)).length === 1, WITHIN));
  await cluster.startNode('pg-2');
  await commit;
});

test('no role comes in without its password, a replica neither', async () => {
  await using cluster = await startCluster({ replicas: 0 });
  const { port } = cluster.node('pg-1');
  for (const user of ['postgres', 'demo', 'pointsman', 'replicator']) {
    const asked = { user, password: 'wrong', port, database: 'demo' };
    await assert.rejects(
      connected(asked, async () => undefined),
      { code: '28P01' },
    );
  }
});

test('a taken port is a clear error that names it, and leaves nothing', async () => {
  await using taken = await takenPort();
  const folder = join(tmpdir(), `pointsman-taken-${process.pid}`);
  await assert.rejects(startCluster({ replicas: 0, ports: [taken.port], folder }), {
    code: 'PORT_TAKEN',
    message: new RegExp(`port ${taken.port} `),
  });
  assert.equal(existsSync(folder), false);
});

test('a kept folder is taken up again, on other ports and with the same data; not while it is in use', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pointsman-kept-'));
  try {
    {
      await using cluster = await startCluster({ folder, keep: true, replicas: 1 });
      await cluster.query('pg-1', 'CREATE TABLE t AS SELECT 1 AS i');
      await cluster.kill('pg-1');
      await cluster.query('pg-2', 'SELECT pg_promote()');
      await cluster.query('pg-2', 'INSERT INTO t VALUES (2)');
      await assert.rejects(startCluster({ folder, keep: true, replicas: 1 }), { message: /in use.*pg-2/ });
    }
    await using again = await startCluster({ folder, keep: true, replicas: 1 });
    assert.ok(await holds(again, 'pg-1', 2), 'the killed node follows the promoted one');
    await assert.rejects(again.query('pg-1', 'INSERT INTO t VALUES (3)'), { code: '25006' });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('when the owner is killed without a word, the guard ends its servers and removes their folder', async () => {
  const { child, folder, mark } = await spawnOwner('postgres');
  assert.notDeepEqual(serverProcesses(mark), []);
  child.kill('SIGKILL');
  assert.ok(await until(() => serverProcesses(mark).length === 0 && !existsSync(folder), WITHIN));
});
