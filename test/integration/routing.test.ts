import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { becomes } from '../support/becomes.ts';
import { Stage } from '../support/stage.ts';

describe('reads and writes over real replicas', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.start();
    await using client = await session();
    await client.query('CREATE TABLE thing (id int PRIMARY KEY, said text)');
    await client.query("INSERT INTO thing VALUES (1, 'first')");
    await readByReplica();
  });
  after(() => stage.close());

  /** A session through the proxy; `await using` ends it. */
  async function session(): Promise<pg.Client & AsyncDisposable> {
    const client = new pg.Client(stage.proxied);
    await client.connect();
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
  }

  /** Which node a read-only transaction runs on. */
  async function nodeOf(client: pg.Client, first = 'SELECT id FROM thing'): Promise<string> {
    await client.query('BEGIN READ ONLY');
    await client.query(first);
    const { rows } = await client.query<{ port: string }>('SHOW port');
    await client.query('COMMIT');
    const node = stage.cluster.nodes.find(({ port }) => String(port) === rows[0]?.port);
    assert.ok(node !== undefined);
    return node.id;
  }

  const readByReplica = (): Promise<void> =>
    becomes('reads reach a replica', async () => {
      await using client = await session();
      return (await nodeOf(client)) !== 'pg-1';
    });

  async function replay(action: 'pause' | 'resume'): Promise<void> {
    for (const node of ['pg-2', 'pg-3']) await stage.cluster.query(node, `SELECT pg_wal_replay_${action}()`);
  }

  test('sessions spread over both replicas', async () => {
    const nodes = new Set<string>();
    const open = await Promise.all(Array.from({ length: 6 }, session));
    for (const client of open) nodes.add(await nodeOf(client));
    await Promise.all(open.map((client) => client.end()));
    assert.deepEqual([...nodes].sort(), ['pg-2', 'pg-3']);
  });

  test('a session reads its own write while the replicas lag, and others still read from replicas', async () => {
    await using writer = await session();
    await using other = await session();
    await replay('pause');
    try {
      await writer.query("UPDATE thing SET said = 'second' WHERE id = 1");
      for (let n = 0; n < 50; n++) {
        const { rows } = await writer.query('SELECT said FROM thing WHERE id = 1');
        assert.deepEqual(rows, [{ said: 'second' }]);
      }
      assert.equal(await nodeOf(writer), 'pg-1');
      assert.notEqual(await nodeOf(other), 'pg-1');
      const { rows } = await other.query('SELECT said FROM thing WHERE id = 1');
      assert.deepEqual(rows, [{ said: 'first' }]);
    } finally {
      await replay('resume');
    }
    await becomes('the replica is past the write', async () => (await nodeOf(writer)) !== 'pg-1');
    const { rows } = await writer.query('SELECT said FROM thing WHERE id = 1');
    assert.deepEqual(rows, [{ said: 'second' }]);
  });

  test('a session never goes back in time when its replica is lost', async () => {
    await using reader = await session();
    await using writer = await session();
    const first = await nodeOf(reader);
    const behind = first === 'pg-2' ? 'pg-3' : 'pg-2';
    await stage.cluster.query(behind, 'SELECT pg_wal_replay_pause()');
    try {
      await writer.query("UPDATE thing SET said = 'third' WHERE id = 1");
      await becomes('the first replica has the write', async () => {
        const [row] = await stage.cluster.query(first, 'SELECT said FROM thing WHERE id = 1');
        return row?.['said'] === 'third';
      });
      assert.deepEqual((await reader.query('SELECT said FROM thing WHERE id = 1')).rows, [{ said: 'third' }]);
      await stage.cluster.stop(first, 'fast');
      await stage.until((view) => view.nodes.some(({ id, state }) => id === first && state !== 'up'));
      for (let n = 0; n < 20; n++) {
        assert.deepEqual((await reader.query('SELECT said FROM thing WHERE id = 1')).rows, [
          { said: 'third' },
        ]);
      }
      await stage.cluster.query(behind, 'SELECT pg_wal_replay_resume()');
      await becomes(
        'the other replica has caught up and is used',
        async () => (await nodeOf(reader)) === behind,
      );
    } finally {
      await stage.cluster.query(behind, 'SELECT pg_wal_replay_resume()');
      await stage.cluster.startNode(first);
      await stage.until((view) => view.nodes.every(({ state }) => state === 'up'));
    }
  });

  test('a READ ONLY transaction on a replica refuses what is not proven a read, and has failed then', async () => {
    await using client = await session();
    await client.query('BEGIN READ ONLY');
    await client.query('SELECT id FROM thing');
    await assert.rejects(client.query("INSERT INTO thing VALUES (2, 'no')"), { code: '25006' });
    await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
    const ended = await client.query('COMMIT');
    assert.equal(ended.command, 'ROLLBACK');
    assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM thing')).rows, [{ n: 1 }]);
  });

  test('a transaction that may write is on the primary from its first statement', async () => {
    await using client = await session();
    await client.query('BEGIN');
    const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    await client.query('COMMIT');
    assert.deepEqual(rows, [{ standby: false }]);
  });

  test('BEGIN and its end without a statement between need no server', async () => {
    await using client = await session();
    assert.equal((await client.query('BEGIN')).command, 'BEGIN');
    assert.equal((await client.query('COMMIT')).command, 'COMMIT');
    assert.equal((await client.query('START TRANSACTION READ ONLY')).command, 'START');
    assert.equal((await client.query('ROLLBACK')).command, 'ROLLBACK');
  });

  test('a replica that dies under its readers costs them no error', async () => {
    const open = await Promise.all(Array.from({ length: 8 }, session));
    const victim = await nodeOf(open[0] as pg.Client);
    let stop = false;
    let reads = 0;
    const loops = open.map(async (client) => {
      while (!stop) {
        await client.query('SELECT id FROM thing WHERE id = 1');
        reads++;
      }
    });
    await becomes('readers read', async () => reads > 200);
    stage.cluster.kill(victim);
    const before = reads;
    await stage.until((view) => view.nodes.some(({ id, state }) => id === victim && state === 'down'));
    await becomes('readers go on', async () => reads > before + 200);
    stop = true;
    await Promise.all(loops);
    await Promise.all(open.map((client) => client.end()));
    await stage.cluster.startNode(victim);
    await stage.until((view) => view.nodes.every(({ state }) => state === 'up'));
  });

  test('a view, a function with an effect and an unknown name run on the primary', async () => {
    await using client = await session();
    await client.query('CREATE VIEW seen AS SELECT id FROM thing');
    await client.query('CREATE SEQUENCE counter');
    assert.equal((await client.query("SELECT nextval('counter') AS n")).rows[0]?.n, '1');
    assert.equal((await client.query('SELECT count(*)::int AS n FROM seen')).rows[0]?.n, 1);
    await assert.rejects(client.query('SELECT * FROM nowhere'), { code: '42P01' });
  });
});
