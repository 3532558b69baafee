import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import { begin } from './story.ts';

const never = (): Promise<never> => new Promise(() => undefined);

describe('the runner', () => {
  test('a promotion that never answers ends within its bound, and the next best is taken', async () => {
    await using story = await begin({ settings: { promoteTimeoutMs: 1_000 } });
    const { promote } = story.cluster.control;
    story.cluster.control.promote = (target, proof) =>
      target.node === 'pg-2' ? never() : promote(target, proof);
    story.kill('pg-1');
    const took = await story.until('pg-3 is the primary', () => story.primary === 'pg-3');
    assert.ok(took >= 3_000 && took < 4_000, `it took ${took} ms`);
    assert.match(story.alarms.join(), /the promote of pg-2 failed: it did not end within 1000 ms/);
  });

  test('a promotion that a probe sees before its answer counts', async () => {
    await using story = await begin();
    const { promote } = story.cluster.control;
    story.cluster.control.promote = async (target, proof) => {
      await promote(target, proof);
      return never();
    };
    story.kill('pg-1');
    const took = await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    assert.ok(took < 400, `it took ${took} ms`);
  });

  test('a record that never becomes durable ends within its bound', async () => {
    await using story = await begin();
    story.cluster.log.length = 0;
    story.journalHangs = true;
    story.kill('pg-1');
    await story.run(12_000);
    assert.match(story.alarms.join(), /could not be recorded: it did not end within 5000 ms/);
    assert.deepEqual(story.cluster.proofs, []);
    story.journalHangs = false;
  });

  test('what arrives while a view is being published waits its turn', async () => {
    await using story = await begin();
    let depth = 0;
    let deepest = 0;
    let commands = 0;
    story.plane.onView(() => {
      depth += 1;
      deepest = Math.max(deepest, depth);
      // A command publishes at once; inside the call that publishes this view it must wait.
      if (commands < 3) {
        commands += 1;
        story.plane.command({ kind: 'release', node: nodeId('pg-2') });
      }
      depth -= 1;
    });
    await story.run(1_000);
    assert.equal(commands, 3);
    assert.equal(deepest, 2, 'one view given at once by onView, and one published inside that call');
  });

  test('a storm of signals makes no storm of probes', async () => {
    await using story = await begin();
    const before = story.probes;
    for (let i = 0; i < 1_000; i += 1) story.linkLost('pg-1');
    await story.run(100);
    assert.ok(story.probes - before <= 6, `${story.probes - before} probes`);
    assert.equal(story.phase, 'steady');
    assert.equal(story.view.epoch, 1);
  });

  test('probing is fast while a primary is missing, and calms down when that goes on', async () => {
    await using story = await begin({ settings: { mode: 'observe' } });
    story.kill('pg-1');
    await story.run(5_000);
    const before = story.probes;
    await story.run(1_000);
    assert.ok(story.probes - before >= 40, `${story.probes - before} probes in a fast second`);
    await story.run(60_000);
    const later = story.probes;
    await story.run(1_000);
    assert.ok(story.probes - later <= 10, `${story.probes - later} probes in a calm second`);
  });

  test('closed in the middle of a failover it leaves no timer and begins nothing more', async () => {
    const story = await begin();
    story.kill('pg-1');
    await story.until('fencing', () => story.phase === 'promoting');
    await story[Symbol.asyncDispose]();
    const { length } = story.done;
    await story.run(10_000);
    assert.equal(story.done.length, length);
  });
});
