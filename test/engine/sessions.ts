import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { becomes } from '../support/becomes.ts';
import { refusedAs } from './adapter.ts';
import { type Ground, LINKS } from './conformance.ts';

const LARGE = 5_000_000;
const MANY = 20_000;

/** What a session may have of its own, and how it ends. */
export function sessions(at: () => Ground): void {
  describe('settings', () => {
    test('a setting holds for its session on every node, and never for another', async () => {
      const { scene } = at();
      const { phrases } = scene.adapter;
      await using plain = await scene.session();
      const [[normal = null] = []] = await plain.query(phrases.zone);
      const clients = await scene.sessions(LINKS * 3);
      const zones = clients.map((_, n) => [...phrases.zones, normal][n % 3] ?? normal);
      const settle = clients.map(async (client, n) => {
        if (zones[n] !== normal) await client.query(phrases.setZone(zones[n] ?? ''));
      });
      await Promise.all(settle);
      const work = clients.map(async (client, n) => {
        for (let round = 0; round < 10; round++) {
          assert.deepEqual(await client.query(phrases.zone), [[zones[n]]]);
          for (const begin of ['BEGIN', 'START TRANSACTION READ ONLY']) {
            await client.query(begin);
            await client.query('SELECT id FROM thing');
            assert.deepEqual(await client.query(phrases.zone), [[zones[n]]], begin);
            await client.query('COMMIT');
          }
        }
      });
      await Promise.all(work);
      await Promise.all(clients.map((client) => client.end()));
      assert.deepEqual(await plain.query(phrases.zone), [[normal]]);
    });
  });

  describe('large', () => {
    test(`texts, parameters and values of ${LARGE / 1_000_000} MB come whole`, async () => {
      const { scene } = at();
      await using client = await scene.session();
      const large = 'x'.repeat(LARGE);
      const size = String(LARGE);
      assert.deepEqual(await client.query(`SELECT length('${large}')`), [[size]]);
      const insert = 'SELECT length(?) FROM thing WHERE said = ?';
      assert.deepEqual(await client.prepared(insert, large, 'first'), [[size]]);
      const [[value] = []] = await client.query(`SELECT repeat('x', ${LARGE}) FROM thing WHERE id = 1`);
      assert.ok(value === large, 'the value is as it was');
      assert.deepEqual(await client.prepared(insert, 'short', 'first'), [['5']]);
    });

    test(`${MANY} rows come whole and in order, as text and prepared`, async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('CREATE TABLE many (n int PRIMARY KEY, filler varchar(200))');
      for (let from = 0; from < MANY; from += 5_000) {
        const values = Array.from({ length: 5_000 }, (_, n) => `(${from + n}, '${'f'.repeat(150)}')`);
        await client.query(`INSERT INTO many VALUES ${values.join(',')}`);
      }
      await scene.readable('many');
      const expected = Array.from({ length: MANY }, (_, n) => [String(n), 'f'.repeat(150)]);
      assert.deepEqual(await client.query('SELECT n, filler FROM many ORDER BY n'), expected);
      const prepared = await client.prepared('SELECT n, filler FROM many WHERE n >= ? ORDER BY n', 0);
      assert.deepEqual(prepared, expected);
      await client.query('DROP TABLE many');
    });
  });

  describe('cancel or kill', () => {
    test('a statement is ended when its own client asks for it, and its session goes on', async () => {
      const { scene } = at();
      const { inspections, phrases } = scene.adapter;
      const mark = 'to be cancelled';
      await using client = await scene.session();
      const slow = client.query(phrases.slow(60, mark));
      const cancelled = assert.rejects(slow, refusedAs('cancelled'));
      await becomes('it runs', async () => (await scene.total(inspections.running(mark))) === 1);
      await client.cancel();
      await cancelled;
      assert.equal(await scene.total(inspections.running(mark)), 0);
      assert.deepEqual(await client.query('SELECT said FROM thing WHERE id = 1'), [['first']]);
    });

    test('asking for it when nothing runs harms nobody', async () => {
      const { scene } = at();
      await using client = await scene.session();
      const others = await scene.sessions(LINKS);
      const work = others.map(async (other) => {
        for (let n = 0; n < 20; n++)
          assert.deepEqual(await other.query('SELECT said FROM thing'), [['first']]);
      });
      for (let n = 0; n < 5; n++) await client.cancel();
      await Promise.all(work);
      assert.deepEqual(await client.query('SELECT said FROM thing'), [['first']]);
      await Promise.all(others.map((other) => other.end()));
    });
  });

  describe('a client that vanishes', () => {
    test('leaves no open transaction and nothing of what it did in it', async () => {
      const { scene } = at();
      const client = await scene.session();
      await client.query('BEGIN');
      await client.query("INSERT INTO thing VALUES (9, 'vanished')");
      client.vanish();
      await scene.quiet();
      await using other = await scene.session();
      assert.deepEqual(await other.query('SELECT count(*) FROM thing'), [['1']]);
      // The row's lock is gone too.
      await other.query("INSERT INTO thing VALUES (9, 'mine')");
      await other.query('DELETE FROM thing WHERE id = 9');
    });

    test('leaves no running statement', async () => {
      const { scene } = at();
      const { inspections, phrases } = scene.adapter;
      const mark = 'to be abandoned';
      const client = await scene.session();
      const slow = client.query(phrases.slow(60, mark)).catch(() => undefined);
      await becomes('it runs', async () => (await scene.total(inspections.running(mark))) === 1);
      client.vanish();
      await becomes('it ends', async () => (await scene.total(inspections.running(mark))) === 0);
      await slow;
    });
  });
}
