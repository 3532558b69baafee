import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { becomes } from '../support/becomes.ts';
import { type Client, refusedAs } from './adapter.ts';
import { type Ground, LINKS } from './conformance.ts';

const CLIENTS = 50;
const QUERIES = 25;

/** Many sessions on few server connections. */
export function pooling(at: () => Ground): void {
  /** Sessions whose open transactions take every connection to the primary. */
  async function crowd(): Promise<Client[]> {
    const clients = await at().scene.sessions(LINKS);
    for (const [n, client] of clients.entries()) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO thing VALUES (${100 + n}, 'crowd')`);
    }
    return clients;
  }

  async function leave(clients: readonly Client[]): Promise<void> {
    for (const client of clients) await client.query('ROLLBACK');
    await Promise.all(clients.map((client) => client.end()));
  }

  describe('pool', () => {
    test(`${CLIENTS} clients are served by ${LINKS} server connections a node, each with its own answers`, async () => {
      const { scene } = at();
      const clients = await scene.sessions(CLIENTS);
      const work = clients.map(async (client, number) => {
        for (let n = 0; n < QUERIES; n++) {
          const value = `${number}/${n}`;
          assert.deepEqual(await client.query(`SELECT '${value}' FROM thing WHERE id = 1`), [[value]]);
          if (n % 5 === 0) await client.query(`UPDATE thing SET said = 'first' WHERE id = ${number + 1_000}`);
        }
      });
      await Promise.all(work);
      const links = scene.adapter.inspections.links(scene.user);
      for (const node of scene.nodes) {
        const n = await scene.count(node, links);
        // One more may be the proxy's own, for its questions.
        assert.ok(n > 0 && n <= LINKS + 1, `${n} connections to ${node}`);
      }
      await Promise.all(clients.map((client) => client.end()));
    });

    test('a statement waits for a server connection and goes on when one is free', async () => {
      const { scene } = at();
      const [first, ...others] = await crowd();
      await using late = await scene.session();
      let answered = false;
      const waiting = late.query("INSERT INTO thing VALUES (200, 'late')").then(() => {
        answered = true;
      });
      await using reader = await scene.session();
      assert.deepEqual(await reader.query('SELECT id FROM thing WHERE id = 1'), [['1']]);
      assert.equal(answered, false, 'it waits');
      await first?.query('ROLLBACK');
      await waiting;
      await late.query('DELETE FROM thing WHERE id = 200');
      await leave([...others, ...(first === undefined ? [] : [first])]);
    });

    test('one that has waited too long is told so, nothing was executed, and its session goes on', async () => {
      const { scene } = at();
      const clients = await crowd();
      await using late = await scene.session();
      const mark = 'waited too long';
      const waiting = late.query(`INSERT INTO thing VALUES (201, '${mark}')`);
      await assert.rejects(waiting, refusedAs('too-many'));
      await leave(clients);
      assert.deepEqual(await late.query('SELECT count(*) FROM thing'), [['1']]);
      assert.deepEqual(await scene.whoRan(mark), []);
    });

    test('a prepared statement runs on every server connection', async () => {
      const { scene } = at();
      const clients = await scene.sessions(LINKS * 2);
      const work = clients.map(async (client, number) => {
        for (let n = 0; n < QUERIES; n++) {
          const read = await client.prepared('SELECT said, id FROM thing WHERE id = ?', 1);
          assert.deepEqual(read, [['first', '1']]);
          // Each session's own text, under a name or number that the other sessions use for theirs.
          const own = `SELECT ${number} FROM thing WHERE id = ?`;
          assert.deepEqual(await client.prepared(own, 1), [[String(number)]]);
          await client.query('BEGIN');
          const inside = await client.prepared('SELECT id FROM thing WHERE said = ? FOR UPDATE', 'nobody');
          assert.deepEqual(inside, []);
          await client.query('COMMIT');
        }
      });
      await Promise.all(work);
      await Promise.all(clients.map((client) => client.end()));
    });

    test('an error of a prepared statement is its own, and it can be run again', async () => {
      const { scene } = at();
      await using client = await scene.session();
      const insert = 'INSERT INTO thing VALUES (?, ?)';
      await client.prepared(insert, 7, 'seventh');
      await assert.rejects(client.prepared(insert, 7, 'again'), refusedAs('duplicate'));
      await client.prepared(insert, 8, 'eighth');
      await assert.rejects(client.prepared('SELECT ? FROM nowhere', 1), refusedAs('no-table'));
      await client.prepared('DELETE FROM thing WHERE id > ?', 1);
      assert.deepEqual(await client.query('SELECT count(*) FROM thing'), [['1']]);
    });
  });

  describe('pin', () => {
    test('a temporary table keeps its session on one server connection, for a reason that is told', async () => {
      const { scene } = at();
      const pins = (): string[] =>
        scene.stage.events.flatMap((event) => (event.kind === 'pinned' ? [event.reason] : []));
      const before = pins().length;
      await using client = await scene.session();
      await client.query('CREATE TEMPORARY TABLE mine (a int)');
      await client.query('INSERT INTO mine VALUES (42)');
      assert.deepEqual(await client.query('SELECT a FROM mine'), [['42']]);
      assert.equal(pins()[before], 'temporary-object');
      const others = await scene.sessions(LINKS - 1);
      for (const other of others) {
        await other.query('BEGIN');
        await assert.rejects(other.query('SELECT a FROM mine'), refusedAs('no-table'));
        await other.query('ROLLBACK');
      }
      assert.deepEqual(await client.query('SELECT a FROM mine'), [['42']]);
      await Promise.all(others.map((other) => other.end()));
    });

    test('what a pinned session has left is gone from its server connection', async () => {
      const { scene } = at();
      const clients = await scene.sessions(LINKS);
      for (const client of clients) {
        await client.query('CREATE TEMPORARY TABLE mine (a int)');
      }
      await Promise.all(clients.map((client) => client.end()));
      const others = await scene.sessions(LINKS);
      for (const other of others) {
        await becomes('a place is free', () => other.query('BEGIN').then(() => true));
        await assert.rejects(other.query('SELECT a FROM mine'), refusedAs('no-table'));
      }
      for (const other of others) await other.query('ROLLBACK');
      await Promise.all(others.map((other) => other.end()));
    });
  });
}
