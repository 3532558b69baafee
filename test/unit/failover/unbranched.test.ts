import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Recorded } from '../../../src/failover/record.ts';
import { fork, write } from './history.ts';
import { begin, Story, type StoryOptions } from './story.ts';

/** Nodes whose histories are sets of transactions, without branches, and that start read-only. */
const unbranched = (options: StoryOptions = {}): StoryOptions => ({
  rejoin: false,
  ...options,
  before: (cluster) => {
    cluster.unbranched = true;
    options.before?.(cluster);
  },
});

/** Such a cluster whose primary was found, and nothing done yet. */
async function calm(options: StoryOptions = {}): Promise<Story> {
  const story = await begin(unbranched(options));
  story.cluster.log.length = 0;
  return story;
}

describe('a primary whose configuration starts it read-only', () => {
  test('I6: it returns before anyone was promoted: it is let take writes again, and simply resumes', async () => {
    await using story = await calm();
    story.acks = 'never';
    story.kill('pg-1');
    await story.until('its successor is sought', () => story.phase === 'fencing');
    story.cluster.start('pg-1');
    await story.until('it is the primary again', () => story.primary === 'pg-1');
    assert.deepEqual(story.done, ['unfence pg-1', 'record primary pg-1']);
    assert.deepEqual(story.cluster.proofs, []);
    story.ackNow();
    await story.run(10_000);
    assert.deepEqual([story.primary, story.phase], ['pg-1', 'steady']);
    assert.equal(story.node('pg-1').links, true);
  });

  test('F17: what could not be lifted is tried again', async () => {
    await using story = await calm();
    const { cluster } = story;
    const { unfence } = cluster.control;
    let tries = 0;
    cluster.control.unfence = (target) => {
      tries += 1;
      return tries < 3 ? Promise.reject(new Error('a lock is held')) : unfence(target);
    };
    story.acks = 'never';
    story.kill('pg-1');
    await story.until('it is suspected', () => story.phase !== 'steady');
    cluster.start('pg-1');
    await story.until('it is being lifted', () => story.rules.includes('F17'));
    await story.until('it is the primary again', () => story.primary === 'pg-1', 20_000);
    assert.equal(tries, 3);
  });

  test('F17: a primary that dies while it is being lifted is lost like any other', async () => {
    await using story = await calm();
    story.cluster.control.unfence = () => Promise.reject(new Error('not now'));
    story.acks = 'never';
    story.kill('pg-1');
    await story.until('it is suspected', () => story.phase !== 'steady');
    story.cluster.start('pg-1');
    await story.until('it is being lifted', () => story.rules.includes('F17'));
    await story.run(500);
    assert.equal(story.primary, null);
    story.ackNow();
    story.kill('pg-1');
    await story.until('another is the primary', () => story.primary === 'pg-2');
  });

  test('I4: one that comes back without what its replicas have does not resume: one of them is promoted', async () => {
    await using story = await calm();
    const old = story.cluster.of('pg-1');
    const before = old.place;
    story.cluster.write('pg-1', 500);
    await story.run(1_000);
    story.acks = 'never';
    story.kill('pg-1');
    await story.until('its successor is sought', () => story.phase === 'fencing');
    old.place = before;
    story.cluster.start('pg-1');
    await story.run(2_000);
    assert.equal(story.primary, null);
    story.ackNow();
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    await story.until('pg-1 follows it', () => story.done.includes('follow pg-1 pg-2'));
  });

  test('F14: one that turns read-only while it answers was turned so by somebody, and stays', async () => {
    await using story = await calm();
    story.cluster.of('pg-1').role = 'replica';
    await story.until('writes stop', () => story.primary === null);
    await story.run(60_000);
    assert.equal(story.primary, null);
    assert.deepEqual(story.done, []);
    story.cluster.of('pg-1').role = 'primary';
    await story.until('it takes writes again', () => story.primary === 'pg-1');
  });

  const known: Recorded = {
    entry: { kind: 'primary', epoch: 4, node: 'pg-1', branch: '', identity: 'c-1', promoted: false } as never,
    ageMs: 60_000,
  };

  test('I10: proxy and servers have started anew: the primary of the journal that all follow resumes', async () => {
    await using story = new Story(
      unbranched({
        records: [known],
        before: (cluster) => {
          cluster.of('pg-1').role = 'replica';
        },
      }),
    );
    await story.until('it is the primary again', () => story.primary === 'pg-1');
    assert.ok(story.done.includes('unfence pg-1'));
  });

  test('F16: nobody takes writes and nobody follows anybody: no node is guessed, journal or not', async () => {
    for (const records of [[], [known]]) {
      await using story = new Story(
        unbranched({
          records,
          before: (cluster) => {
            for (const server of cluster.servers.values()) {
              server.role = 'replica';
              server.upstream = undefined;
            }
          },
        }),
      );
      await story.run(60_000);
      assert.equal(story.primary, null);
      assert.deepEqual(story.done, []);
      assert.match(story.alarms.join(), /no reachable node is writable/);
    }
  });

  test('F17: in observe mode an outside manager owns that', async () => {
    await using story = await calm({ settings: { mode: 'observe' } });
    story.kill('pg-1');
    await story.until('it is suspected', () => story.phase !== 'steady');
    story.cluster.start('pg-1');
    await story.run(10_000);
    assert.equal(story.primary, null);
    assert.deepEqual(story.done, []);
  });
});

describe('a superseded primary without branches', () => {
  const succeeded = async (rejoin: boolean): Promise<Story> => {
    const story = await calm({ rejoin });
    story.kill('pg-1');
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2' && story.phase === 'steady');
    await story.run(1_000);
    story.cluster.log.length = 0;
    return story;
  };

  test('I6: it comes back read-only and follows: no fence, no copy', async () => {
    await using story = await succeeded(true);
    story.cluster.start('pg-1');
    await story.until('it is up', () => story.node('pg-1').state === 'up');
    assert.deepEqual(story.done, ['follow pg-1 pg-2', 'record released pg-1']);
    assert.equal(story.cluster.of('pg-1').role, 'replica');
  });

  test('I6: it comes back writable: it is fenced, which makes it read-only, and follows without a copy', async () => {
    await using story = await succeeded(true);
    const old = story.cluster.of('pg-1');
    old.life = 'runs';
    assert.equal(old.role, 'primary');
    await story.until('it is up', () => story.node('pg-1').state === 'up');
    assert.deepEqual(story.done, ['fence pg-1', 'follow pg-1 pg-2', 'unfence pg-1', 'record released pg-1']);
    assert.equal(old.role, 'replica', 'lifting the fence does not make a replica writable');
  });

  test('I6: with transactions that the new one lacks it stays under quarantine, and the view says which', async () => {
    await using story = await succeeded(false);
    const old = story.cluster.of('pg-1');
    old.place = write(old.place, 50);
    story.cluster.start('pg-1');
    await story.run(30_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    assert.match(story.node('pg-1').reason, /superseded by pg-2.*it has what pg-2 lacks/);
    assert.equal(story.node('pg-1').links, false);
    assert.equal(story.primary, 'pg-2');
  });

  test('I6: with transactions that the new one lacks it is made a fresh copy where there is a way', async () => {
    await using story = await succeeded(true);
    const old = story.cluster.of('pg-1');
    old.place = write(old.place, 50);
    story.cluster.start('pg-1');
    await story.until('it is up', () => story.node('pg-1').state === 'up', 60_000);
    assert.ok(story.done.includes('rejoin pg-1 pg-2'));
  });
});

describe('histories without branches', () => {
  test('I4: a replica that has written itself is not promoted', async () => {
    await using story = await calm();
    const errant = story.cluster.of('pg-2');
    errant.place = write(fork(errant.place, 'errant'), 50);
    story.cluster.write('pg-1', 500);
    await story.until('it is under quarantine', () => story.node('pg-2').state === 'quarantined');
    assert.match(story.alarms.join(), /pg-2 has diverged from pg-1/);
    story.kill('pg-1');
    await story.until('pg-3 is the primary', () => story.primary === 'pg-3');
  });

  test('F10: in observe mode a promotion that loses a little is followed once the old primary is gone', async () => {
    await using story = await calm({ settings: { mode: 'observe' } });
    story.cluster.of('pg-2').delay = 100;
    story.cluster.write('pg-1', 100);
    await story.run(1_000);
    story.kill('pg-1');
    await story.run(300);
    story.cluster.promoteOutside('pg-2');
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    story.cluster.of('pg-1').life = 'runs';
    await story.run(5_000);
    assert.equal(story.primary, 'pg-2');
    assert.equal(story.node('pg-1').state, 'quarantined');
  });

  test('F10: an outside manager turns the primary read-only, then another writable: it is followed', async () => {
    await using story = await calm({ settings: { mode: 'observe' } });
    story.cluster.of('pg-1').role = 'replica';
    await story.until('writes stop', () => story.primary === null);
    story.cluster.of('pg-2').role = 'primary';
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    assert.deepEqual(
      story.alarms.filter((alarm) => alarm.includes('are writable')),
      [],
    );
  });

  test('I6: a writable node that all others contradict is not taken at the start', async () => {
    await using story = new Story(
      unbranched({
        before: (cluster) => {
          const old = cluster.of('pg-1');
          cluster.promoteOutside('pg-2');
          cluster.write('pg-2', 100);
          cluster.follow('pg-3', 'pg-2');
          old.place = write(old.place, 70);
          const gone = cluster.of('pg-2');
          gone.role = 'replica';
        },
      }),
    );
    await story.run(5_000);
    assert.equal(story.primary, null);
    assert.match(story.alarms.join(), /pg-1 is writable, but the other nodes have what it lacks/);
  });
});
