import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, Writer } from '../chaos/workers.ts';
import { becomes } from '../support/becomes.ts';
import type { Ground } from './conformance.ts';

const WORKERS = 4;

/** Nodes are lost and come back. */
export function failures(at: () => Ground): void {
  describe('lose a replica', () => {
    test('a replica that is killed under its readers costs them no error, and is used again when it is back', async () => {
      const { scene } = at();
      // What the tests before have changed is known.
      await scene.readable('thing');
      const [victim = ''] = scene.replicas;
      const readers = Array.from(
        { length: 8 },
        () => new Reader(() => scene.session(), 'SELECT id FROM thing'),
      );
      await Promise.all(readers.map((reader) => reader.start()));
      const reads = (): number => readers.reduce((sum, reader) => sum + reader.reads, 0);
      await becomes('readers read', () => reads() > 200);
      await scene.stage.cluster.kill(victim);
      await scene.seen(victim, 'down');
      const before = reads();
      await becomes('readers go on', () => reads() > before + 200);
      await Promise.all(readers.map((reader) => reader.stop()));
      assert.deepEqual(
        readers.flatMap(({ errors }) => errors),
        [],
      );
      await scene.stage.cluster.startNode(victim);
      await scene.seen(victim, 'up', 30_000);
      await becomes('it takes reads again', async () => {
        await using client = await scene.session();
        return (await scene.nodeOf(client)) === victim;
      });
    });

    test('a session never goes back in time when its replica is lost', async () => {
      const { scene } = at();
      await using reader = await scene.session();
      await using writer = await scene.session();
      const read = 'SELECT said FROM thing WHERE id = 1';
      await scene.readable('thing');
      const first = await scene.nodeOf(reader);
      const behind = scene.replicas.find((node) => node !== first) ?? '';
      await scene.lagging([behind], async () => {
        await writer.query("UPDATE thing SET said = 'newer' WHERE id = 1");
        await becomes(
          'its replica has the write',
          async () => (await reader.query(read))[0]?.[0] === 'newer',
        );
        await scene.stage.cluster.stop(first);
        await scene.seen(first, 'not up');
        for (let n = 0; n < 20; n++) assert.deepEqual(await reader.query(read), [['newer']]);
      });
      await becomes('the other one has caught up and is used', async () => {
        return (await scene.nodeOf(reader)) === behind;
      });
      await scene.stage.cluster.startNode(first);
      await scene.seen(first, 'up', 30_000);
    });
  });

  describe('lose the primary', () => {
    test('writes wait and go on at another node, reads go on, and the old one returns as a replica or is set aside with its reason', async () => {
      const { scene } = at();
      await using client = await scene.session();
      await client.query('CREATE TABLE written (writer int, n int, PRIMARY KEY (writer, n))');
      await scene.readable('written');
      const old = scene.primary;
      const open = () => scene.session();
      const writers = Array.from({ length: WORKERS }, (_, id) => new Writer(id, open));
      const readers = Array.from({ length: WORKERS }, () => new Reader(open));
      const workers = [...writers, ...readers];
      await Promise.all(workers.map((worker) => worker.start()));
      const written = (): number => writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
      const reads = (): number => readers.reduce((sum, reader) => sum + reader.reads, 0);
      try {
        await becomes('writes and reads run', () => written() > 50 && reads() > 50);
        await scene.stage.cluster.kill(old);
        await scene.stage.until((view) => view.primary !== null && view.primary !== old, 30_000);
        const before = { written: written(), reads: reads() };
        await becomes(
          'writes and reads go on',
          () => written() > before.written + 50 && reads() > before.reads + 50,
        );
      } finally {
        await Promise.all(workers.map((worker) => worker.stop()));
      }
      assert.deepEqual(
        readers.flatMap(({ errors }) => errors),
        [],
      );
      for (const { meaning, message } of writers.flatMap(({ failures }) => failures))
        assert.equal(meaning, 'lost', `what was in flight is reported as lost: ${message}`);
      assert.ok(
        writers.every(({ failures }) => failures.length <= 2),
        'a writer loses what it had in flight, no more',
      );

      await scene.stage.cluster.startNode(old);
      if (await scene.rejoined(old)) {
        const rows = 'SELECT count(*) FROM written';
        const [[expected = ''] = []] = await client.query(rows);
        await scene.replicated(rows, String(expected));
      } else assert.match(scene.reasonOf(old), /\w/, 'it is set aside, and the view says why');
    });
  });
}
