import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { becomes } from '../support/becomes.ts';
import { type Client, refusedAs } from './adapter.ts';
import type { Ground } from './conformance.ts';

const SESSIONS = 6;

/** Which node does what. */
export function routing(at: () => Ground): void {
  describe('split', () => {
    test('writes run on the primary and reads on both replicas, by what the servers say they ran', async () => {
      const { scene } = at();
      const clients = await scene.sessions(SESSIONS);
      for (const client of clients) await client.query("UPDATE thing SET said = 'first' /* plain write */");
      const others = await scene.sessions(SESSIONS);
      for (const client of others) await client.query('SELECT said /* plain read */ FROM thing');
      await Promise.all([...clients, ...others].map((client) => client.end()));
      assert.deepEqual(await scene.whoRan('plain write'), [scene.primary]);
      assert.deepEqual(await scene.whoRan('plain read'), scene.replicas);
    });

    test('prepared writes run on the primary and prepared reads on both replicas', async () => {
      const { scene } = at();
      const clients = await scene.sessions(SESSIONS);
      for (const client of clients) {
        const read = 'SELECT said /* bound read */ FROM thing WHERE id = ?';
        assert.deepEqual(await client.prepared(read, 1), [['first']]);
      }
      for (const client of clients) {
        await client.prepared('UPDATE thing SET said = ? /* bound write */ WHERE id = ?', 'first', 1);
      }
      await Promise.all(clients.map((client) => client.end()));
      assert.deepEqual(await scene.whoRan('bound write'), [scene.primary]);
      assert.deepEqual(await scene.whoRan('bound read'), scene.replicas);
    });

    test('a read with a hint runs on the primary', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('/* pointsman: primary */ SELECT said /* hinted read */ FROM thing');
      assert.deepEqual(await scene.whoRan('hinted read'), [scene.primary]);
    });

    test('a locking read, a view and an unknown name run on the primary', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('CREATE VIEW seen AS SELECT id FROM thing');
      assert.deepEqual(await client.query('SELECT id /* of a view */ FROM seen'), [['1']]);
      await client.query('SELECT id /* to lock */ FROM thing FOR UPDATE');
      const unknown = client.query('SELECT id /* of nothing */ FROM nowhere');
      await assert.rejects(unknown, refusedAs('no-table'));
      for (const mark of ['of a view', 'to lock'])
        assert.deepEqual(await scene.whoRan(mark), [scene.primary]);
      assert.ok(!(await scene.whoRan('of nothing')).some((node) => scene.replicas.includes(node)));
      await client.query('DROP VIEW seen');
    });
  });

  describe('lag', () => {
    test('a session reads its own write while the replicas lag, and others still read from replicas', async () => {
      const { scene } = at();
      await using writer = await scene.session();
      await using other = await scene.session();
      const read = 'SELECT said FROM thing WHERE id = 1';
      await scene.replicated(read, 'first');
      // What the tests before have changed is known.
      await scene.readable('thing');
      await scene.lagging(scene.replicas, async () => {
        await writer.query("UPDATE thing SET said = 'second' WHERE id = 1");
        for (let n = 0; n < 50; n++) assert.deepEqual(await writer.query(read), [['second']]);
        assert.deepEqual(await writer.prepared(`${read} AND id = ?`, 1), [['second']]);
        assert.equal(await scene.nodeOf(writer), scene.primary);
        assert.ok(scene.replicas.includes(await scene.nodeOf(other)));
        assert.deepEqual(await other.query(read), [['first']]);
      });
      await becomes(
        'its reads leave the primary when a replica has the write',
        async () => (await scene.nodeOf(writer)) !== scene.primary,
      );
      assert.deepEqual(await writer.query(read), [['second']]);
      await writer.query("UPDATE thing SET said = 'first' WHERE id = 1");
    });

    test('a lagging replica takes no read of a session that has written while the other one does', async () => {
      const { scene } = at();
      const [behind = '', ahead = ''] = scene.replicas;
      await scene.lagging([behind], async () => {
        const writers = await scene.sessions(SESSIONS);
        for (const [n, writer] of writers.entries())
          await writer.query(`UPDATE thing SET said = 'write ${n}' WHERE id = 1`);
        await becomes('the other replica has the writes', async () => {
          const nodes = await Promise.all(writers.map((writer) => scene.nodeOf(writer)));
          assert.ok(!nodes.includes(behind), `${behind} lags and took a read`);
          return nodes.every((node) => node === ahead);
        });
        await Promise.all(writers.map((writer) => writer.end()));
      });
      await using client = await scene.session();
      await client.query("UPDATE thing SET said = 'first' WHERE id = 1");
      await scene.replicated('SELECT said FROM thing WHERE id = 1', 'first');
    });
  });

  describe('transactions', () => {
    const rows = async (client: Client): Promise<string | null | undefined> =>
      (await client.query('SELECT count(*) FROM thing'))[0]?.[0];

    test('a BEGIN and its end without a statement between reach no server', async () => {
      const { scene } = at();
      await using client = await scene.session();
      for (const end of ['COMMIT', 'ROLLBACK']) {
        await client.query('BEGIN /* held back */');
        await client.query(`${end} /* held back */`);
      }
      assert.deepEqual(await scene.whoRan('held back'), []);
    });

    test('a transaction that may write is on the primary from its first statement', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('BEGIN');
      await client.query('SELECT id FROM thing');
      assert.equal(await scene.nodeInside(client), scene.primary);
      await client.query("INSERT INTO thing VALUES (3, 'third')");
      assert.equal(await scene.nodeInside(client), scene.primary);
      await client.query('COMMIT');
      assert.equal(await rows(client), '2');
      await client.query('DELETE FROM thing WHERE id = 3');
    });

    test('a READ ONLY transaction is on one replica, where a write is refused and leaves nothing', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('START TRANSACTION READ ONLY');
      await client.query('SELECT id FROM thing');
      const node = await scene.nodeInside(client);
      assert.ok(scene.replicas.includes(node));
      await client.query('SELECT said FROM thing');
      assert.equal(await scene.nodeInside(client), node);
      const write = client.query("INSERT INTO thing VALUES (4, 'refused')");
      await assert.rejects(write, refusedAs('read-only'));
      await client.query('ROLLBACK');
      assert.deepEqual(await scene.whoRan("(4, 'refused')"), []);
      assert.equal(await rows(client), '1');
    });

    test('a rollback takes everything back, also after an error inside', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('BEGIN');
      await client.query("INSERT INTO thing VALUES (5, 'fifth')");
      assert.equal(await rows(client), '2');
      await client.query('ROLLBACK');
      assert.equal(await rows(client), '1');
      await client.query('BEGIN');
      await client.query("INSERT INTO thing VALUES (5, 'fifth')");
      await assert.rejects(client.query("INSERT INTO thing VALUES (5, 'again')"), refusedAs('duplicate'));
      await client.query('ROLLBACK');
      assert.equal(await rows(client), '1');
    });

    test('nobody sees what a transaction has not committed', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await using other = await scene.session();
      await client.query('BEGIN');
      await client.query("INSERT INTO thing VALUES (6, 'sixth')");
      assert.equal(await rows(other), '1');
      await client.query('COMMIT');
      assert.equal(await rows(client), '2');
      await client.query('DELETE FROM thing WHERE id = 6');
      await scene.replicated('SELECT count(*) FROM thing', '1');
    });
  });
}
