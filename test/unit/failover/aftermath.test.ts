import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import type { Recorded } from '../../../src/failover/record.ts';
import { fork, write } from './history.ts';
import { begin, Story } from './story.ts';

/** pg-1 was lost, pg-2 is the primary, and all is calm. */
async function succeeded(rejoin: boolean): Promise<Story> {
  const story = await begin({ rejoin });
  story.kill('pg-1');
  await story.until('pg-2 is the primary', () => story.primary === 'pg-2' && story.phase === 'steady');
  await story.run(1_000);
  story.cluster.log.length = 0;
  return story;
}

describe('the old primary', () => {
  test('I6: it is fenced at first sight, rejoined, and is a replica again', async () => {
    await using story = await succeeded(true);
    story.cluster.start('pg-1');
    await story.until('it is up', () => story.node('pg-1').state === 'up');
    assert.equal(story.node('pg-1').role, 'replica');
    assert.equal(story.node('pg-1').links, true);
    assert.deepEqual(story.done, ['fence pg-1', 'rejoin pg-1 pg-2', 'unfence pg-1', 'record released pg-1']);
    assert.equal(story.primary, 'pg-2');
  });

  test('I6: without a way to rejoin it stays under quarantine, fenced, with the reason', async () => {
    await using story = await succeeded(false);
    story.cluster.start('pg-1');
    await story.run(120_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    assert.match(story.node('pg-1').reason, /superseded by pg-2/);
    assert.equal(story.node('pg-1').links, false);
    assert.equal(story.cluster.of('pg-1').fenced, true);
    assert.equal(story.primary, 'pg-2');
  });

  test('I6: an operator mends it by hand, and it is released when it streams', async () => {
    await using story = await succeeded(false);
    story.cluster.copy('pg-1', 'pg-2');
    await story.until('it is up', () => story.node('pg-1').state === 'up');
  });

  test('I6: it is not released while it is still on the old branch', async () => {
    await using story = await succeeded(false);
    const old = story.cluster.of('pg-1');
    old.delay = 1_000_000;
    old.role = 'replica';
    story.cluster.follow('pg-1', 'pg-2');
    story.cluster.start('pg-1');
    await story.run(5_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    old.delay = 0;
    await story.until('it is up', () => story.node('pg-1').state === 'up');
  });

  test('I6: hung and continued, it never takes a write again', async () => {
    await using story = await begin({ rejoin: false });
    story.cluster.hang('pg-1');
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    story.cluster.start('pg-1');
    story.cluster.write('pg-1');
    await story.run(30_000);
    assert.equal(story.primary, 'pg-2');
    assert.equal(story.node('pg-1').links, false);
  });

  test('F05: a replica that has diverged is rejoined soon, though its refused receiver seems to work now and then', async () => {
    await using story = await succeeded(true);
    const server = story.cluster.of('pg-3');
    server.place = write(fork(server.place, 'elsewhere'), 50);
    server.flaps = true;
    story.cluster.write('pg-2', 500);
    await story.until('it is under quarantine', () => story.node('pg-3').state === 'quarantined');
    await story.until('it is rejoined', () => story.done.includes('rejoin pg-3 pg-2'), 60_000);
    await story.until('it is up', () => story.node('pg-3').state === 'up');
  });

  test('a failed rejoin is tried again, ever more rarely', async () => {
    await using story = await succeeded(true);
    const { cluster } = story;
    let tries = 0;
    const copy = cluster.copy.bind(cluster);
    cluster.copy = (name, from) => {
      tries += 1;
      if (tries < 3) throw new Error('no space left');
      copy(name, from);
    };
    cluster.start('pg-1');
    await story.until('it is up', () => story.node('pg-1').state === 'up', 20_000);
    assert.equal(tries, 3);
    assert.match(story.alarms.join(), /rejoining pg-1 to pg-2 failed: no space left/);
  });
});

describe('two writable nodes', () => {
  test('I6: with no known order nobody takes writes, and an alarm is raised', async () => {
    await using story = await begin({ rejoin: false });
    const rogue = story.cluster.of('pg-3');
    rogue.role = 'primary';
    await story.until('writes stop', () => story.primary === null);
    await story.run(10_000);
    assert.equal(story.primary, null);
    assert.equal(story.node('pg-1').links, false);
    assert.equal(story.node('pg-3').links, false);
    assert.equal(story.node('pg-2').links, true);
    assert.match(story.alarms.join(), /pg-1 and pg-3 are writable/);
    story.cluster.kill('pg-3');
    await story.run(10_000);
    assert.equal(story.primary, null, 'its absence says nothing about the order');
    rogue.life = 'runs';
    rogue.role = 'replica';
    await story.until('the order is known', () => story.primary === 'pg-1');
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I6: two nodes promoted to the same number have no order', async () => {
    await using story = new Story({
      rejoin: false,
      before: (cluster) => {
        cluster.kill('pg-1');
        cluster.promoteOutside('pg-2');
        cluster.promoteOutside('pg-3');
      },
    });
    await story.run(3_000);
    assert.equal(story.primary, null);
    assert.match(story.alarms.join(), /pg-2 and pg-3 are writable/);
    story.cluster.copy('pg-3', 'pg-2');
    await story.until('pg-2 is the one', () => story.primary === 'pg-2');
  });

  test('a replica whose history has parted takes no reads until it was rejoined', async () => {
    await using story = await begin({ rejoin: false });
    story.cluster.promoteOutside('pg-3');
    story.cluster.write('pg-3');
    await story.until('pg-3 is followed', () => story.primary === 'pg-3');
    story.cluster.write('pg-1');
    await story.until('pg-2 has parted', () => story.node('pg-2').state === 'quarantined');
    assert.match(story.node('pg-2').reason, /has parted from that of pg-3/);
    story.cluster.copy('pg-2', 'pg-3');
    await story.until('pg-2 is up', () => story.node('pg-2').state === 'up');
  });

  test('a replica that was away during a failover is told to follow when it returns', async () => {
    await using story = await begin();
    story.cluster.kill('pg-3');
    story.kill('pg-1');
    await story.until(
      'pg-2 is the primary',
      () => story.primary === 'pg-2' && story.phase === 'steady',
      8_000,
    );
    await story.run(2_000);
    story.cluster.start('pg-3');
    await story.until('pg-3 follows', () => story.node('pg-3').branch === '2');
    assert.ok(story.done.includes('follow pg-3 pg-2'));
  });
});

describe('a restart', () => {
  const journaled = (story: Story, ageMs = 1_000): Recorded[] =>
    story.journal.map((entry) => ({ entry, ageMs }));

  test('I10: the decision is on record before the promotion is asked for', async () => {
    await using story = await begin();
    story.cluster.log.length = 0;
    story.journalFails = true;
    story.kill('pg-1');
    await story.run(5_000);
    assert.deepEqual(story.done, []);
    assert.match(story.alarms.join(), /could not be recorded: the disk is full/);
    story.journalFails = false;
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
    assert.deepEqual(story.done.slice(0, 2), ['record decided pg-2', 'promote pg-2']);
  });

  test('I10: after a promotion the superseded node is known, even alone', async () => {
    await using before = await begin({ rejoin: false });
    before.kill('pg-1');
    await before.until('pg-2 is the primary', () => before.primary === 'pg-2' && before.phase === 'steady');
    await using story = new Story({
      rejoin: false,
      records: journaled(before),
      before: (cluster) => {
        cluster.kill('pg-2');
        cluster.kill('pg-3');
      },
    });
    await story.run(30_000);
    assert.equal(story.primary, null);
    assert.match(story.node('pg-1').reason, /superseded by pg-2/);
    assert.ok(story.view.epoch >= before.view.epoch);
  });

  test('I10: between the decision and the promotion: it is finished', async () => {
    await using before = await begin();
    before.kill('pg-1');
    await before.until('it is decided', () => before.journal.at(-1)?.kind === 'decided');
    await using story = new Story({ records: journaled(before), before: (cluster) => cluster.kill('pg-1') });
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
    await story.until('pg-3 follows', () => story.node('pg-3').branch === '2');
  });

  test('I10: a decision whose outcome nobody can tell is left to an operator', async () => {
    await using before = await begin();
    before.kill('pg-1');
    await before.until('it is decided', () => before.journal.at(-1)?.kind === 'decided');
    await using story = new Story({
      records: journaled(before),
      before: (cluster) => {
        cluster.kill('pg-1');
        cluster.kill('pg-2');
      },
    });
    await story.run(30_000);
    assert.deepEqual(story.cluster.proofs, []);
    assert.match(story.view.holding, /pg-2 was to be promoted before the restart and cannot be asked/);
    story.plane.command({ kind: 'release', node: nodeId('pg-2') });
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3');
  });

  test('I10: between the promotion and its record: it is seen, and the replicas are repointed', async () => {
    await using before = await begin();
    before.kill('pg-1');
    await before.until('it is decided', () => before.journal.at(-1)?.kind === 'decided');
    await using story = new Story({
      records: journaled(before),
      before: (cluster) => {
        cluster.kill('pg-1');
        cluster.promoteOutside('pg-2');
      },
    });
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    assert.deepEqual(story.cluster.proofs, []);
    await story.until('pg-3 follows', () => story.node('pg-3').branch === '2');
  });

  test('I10: the decision had no effect and the old primary is there: it is left as it was', async () => {
    await using before = await begin();
    before.kill('pg-1');
    await before.until('it is decided', () => before.journal.at(-1)?.kind === 'decided');
    await using story = new Story({ records: journaled(before) });
    await story.run(8_000);
    assert.equal(story.primary, null, 'the promotion may yet take effect');
    assert.match(story.view.holding, /pg-2 was to be promoted and has not shown that it was not/);
    await story.until('pg-1 goes on', () => story.primary === 'pg-1', 15_000);
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I10: the journal is lost: the order is derived from the servers', async () => {
    await using story = await begin({
      rejoin: false,
      before: (cluster) => {
        cluster.promoteOutside('pg-2');
        cluster.write('pg-1');
      },
    });
    assert.equal(story.primary, 'pg-2');
    assert.equal(story.node('pg-1').state, 'quarantined');
  });

  test('I9: the cool-down outlives a restart', async () => {
    await using before = await begin({ rejoin: false });
    before.kill('pg-1');
    await before.until('pg-2 is the primary', () => before.primary === 'pg-2' && before.phase === 'steady');
    await using story = await begin({
      rejoin: false,
      records: journaled(before, 30_000),
      before: (cluster) => {
        cluster.kill('pg-1');
        cluster.promoteOutside('pg-2');
        cluster.follow('pg-3', 'pg-2');
      },
    });
    assert.equal(story.primary, 'pg-2');
    story.kill('pg-2');
    await story.run(25_000);
    assert.deepEqual(story.cluster.proofs, []);
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3', 10_000);
  });

  test('an operator releases a node', async () => {
    await using story = await begin({ settings: { mode: 'observe' } });
    story.kill('pg-1');
    await story.until('writes are held', () => story.primary === null);
    story.cluster.promoteOutside('pg-3');
    await story.until('pg-3 is followed', () => story.primary === 'pg-3');
    story.cluster.start('pg-1');
    story.cluster.of('pg-1').role = 'replica';
    await story.run(1_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    story.plane.command({ kind: 'release', node: nodeId('pg-1') });
    assert.equal(story.node('pg-1').state, 'up');
  });
});
