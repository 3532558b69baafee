import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { begin, type Story } from './story.ts';

const MiB = 1024 * 1024;

async function lose(story: Story): Promise<void> {
  story.cluster.log.length = 0;
  story.kill('pg-1');
  await story.until('the loss is sure', () => story.phase === 'electing' || story.phase === 'fencing');
}

describe('the decision', () => {
  test('I1: the epoch grows with every change of primary', async () => {
    await using story = await begin();
    const before = story.view.epoch;
    story.kill('pg-1');
    await story.until('nobody', () => story.primary === null);
    const between = story.view.epoch;
    await story.until('pg-2', () => story.primary === 'pg-2');
    assert.ok(before < between && between < story.view.epoch);
  });

  test('I2: nobody is promoted before every link to the old primary is closed', async () => {
    await using story = await begin();
    story.acks = 'never';
    await lose(story);
    await story.run(20_000);
    assert.equal(story.phase, 'fencing');
    assert.deepEqual(story.done, []);
    story.ackNow();
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
    assert.deepEqual(story.cluster.proofs, [{ node: 'pg-1', proof: 'links-closed' }]);
  });

  test('I2: an ack of an earlier epoch, or of other nodes, proves nothing', async () => {
    await using story = await begin();
    story.acks = 'never';
    await lose(story);
    const { epoch, version } = story.view;
    const [old, other] = story.view.nodes.map((node) => node.id);
    assert.ok(old !== undefined && other !== undefined);
    story.plane.ack({ epoch: epoch - 1, version, closed: [old], unknown: 0 });
    story.plane.ack({ epoch, version, closed: [other], unknown: 0 });
    await story.run(2_000);
    assert.deepEqual(story.cluster.proofs, []);
    story.plane.ack({ epoch, version, closed: [old], unknown: 0 });
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
  });

  test('I4: the greatest received position is promoted, whatever the priorities say', async () => {
    await using story = await begin({ priorities: [0, 100, 1] });
    story.cluster.of('pg-2').delay = 50;
    story.cluster.write('pg-1');
    await story.run(600);
    story.kill('pg-1');
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3');
    await story.until('pg-2 follows', () => story.phase === 'steady');
  });

  test('I4: priority breaks ties', async () => {
    await using story = await begin({ priorities: [0, 1, 2] });
    story.kill('pg-1');
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3');
  });

  test('I4: a candidate beyond the bound on loss is not promoted', async () => {
    await using story = await begin();
    for (const name of ['pg-2', 'pg-3']) story.cluster.of(name).delay = 17 * MiB;
    story.cluster.write('pg-1', 17 * MiB);
    await story.run(600);
    await lose(story);
    await story.run(10_000);
    assert.equal(story.primary, null);
    assert.match(story.view.holding, /pg-2 is \d+ bytes behind the last observed position of pg-1/);
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I4: a replica on another branch, or under quarantine, is not promoted', async () => {
    await using story = await begin({ rejoin: false });
    story.cluster.promoteOutside('pg-3');
    await story.until('pg-3 is followed as the newer', () => story.primary === 'pg-3');
    // pg-2 stays behind on the old branch; pg-1 is superseded, and a replica that could be promoted.
    story.cluster.of('pg-1').role = 'replica';
    story.cluster.of('pg-2').upstream = undefined;
    story.kill('pg-3');
    await story.run(10_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    assert.deepEqual(story.cluster.proofs, []);
    assert.match(story.view.holding, /no reachable replica is on the branch of pg-3/);
  });

  test('I4: in synchronous mode all but k-1 standbys must be reachable', async () => {
    await using story = await begin();
    for (const name of ['pg-1', 'pg-2', 'pg-3']) story.cluster.of(name).sync = { needed: 1, listed: 2 };
    await story.run(600);
    story.kill('pg-3');
    await lose(story);
    await story.run(5_000);
    assert.deepEqual(story.cluster.proofs, []);
    assert.match(story.view.holding, /commits wait for 1 of 2 standbys, and 1 may/);
    story.cluster.start('pg-3');
    await story.until('a promotion', () => story.primary !== null);
  });

  test('I4: in synchronous mode with k = 2 one standby may be away', async () => {
    await using story = await begin();
    for (const name of ['pg-1', 'pg-2', 'pg-3']) story.cluster.of(name).sync = { needed: 2, listed: 2 };
    await story.run(600);
    story.kill('pg-3');
    story.kill('pg-1');
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
  });

  test('I6: a primary that returns before anyone was promoted simply resumes', async () => {
    await using story = await begin();
    story.acks = 'never';
    await lose(story);
    story.cluster.start('pg-1');
    await story.until('pg-1 resumes', () => story.primary === 'pg-1');
    assert.equal(story.node('pg-1').links, true);
    story.ackNow();
    await story.run(5_000);
    assert.deepEqual(story.done, []);
    assert.equal(story.primary, 'pg-1');
  });

  test('I3: a replica that receives again takes its word back', async () => {
    await using story = await begin();
    story.acks = 'never';
    story.cluster.hang('pg-1');
    await story.until('the loss is sure', () => story.phase === 'fencing');
    story.cluster.of('pg-1').cutOff = true;
    story.cluster.of('pg-1').life = 'runs';
    await story.until('the loss is not sure', () => story.phase === 'confirming');
    assert.equal(story.primary, 'pg-1');
    assert.equal(story.node('pg-1').links, true);
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I9: no second promotion by itself within the cool-down', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2' && story.phase === 'steady');
    await story.run(1_000);
    story.kill('pg-2');
    await story.run(50_000);
    assert.equal(story.cluster.proofs.length, 1);
    assert.match(story.view.holding, /the cool-down/);
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3', 15_000);
    assert.equal(story.cluster.proofs.length, 2);
  });

  test('I9: an operator may waive the cool-down', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2' && story.phase === 'steady');
    await story.run(1_000);
    story.kill('pg-2');
    await story.run(2_000);
    assert.equal(story.primary, null);
    story.plane.command({ kind: 'waive-cooldown' });
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3', 500);
  });

  test('I12: with another uncoordinated proxy on a node nothing is promoted, and an alarm is raised', async () => {
    await using story = await begin();
    story.cluster.of('pg-3').others = ['b:77'];
    await story.run(600);
    assert.match(story.alarms.join(), /not coordinated with this one is connected to pg-3: b:77/);
    await lose(story);
    await story.run(10_000);
    assert.deepEqual(story.cluster.proofs, []);
    story.cluster.of('pg-3').others = [];
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
  });

  test('a candidate that cannot be promoted gives way to an equal one', async () => {
    await using story = await begin();
    story.cluster.of('pg-2').promotionFails = true;
    await lose(story);
    await story.until('pg-3 is promoted', () => story.primary === 'pg-3');
    assert.deepEqual(
      story.done.filter((what) => what.startsWith('promote')),
      ['promote pg-2', 'promote pg-2', 'promote pg-2', 'promote pg-3'],
    );
    await story.until('pg-2 is a replica again', () => story.node('pg-2').state === 'up');
  });

  test('I4: a candidate that cannot be promoted does not give way to one that is behind', async () => {
    await using story = await begin();
    story.cluster.of('pg-2').promotionFails = true;
    story.cluster.of('pg-3').delay = 50;
    story.cluster.write('pg-1');
    await story.run(600);
    await lose(story);
    await story.run(10_000);
    assert.equal(story.primary, null);
    assert.ok(!story.done.includes('promote pg-3'));
    story.cluster.of('pg-2').promotionFails = false;
    await story.until('pg-2 is promoted', () => story.primary === 'pg-2');
  });

  test('after failed promotions the old primary resumes, and a promotion that takes effect late is void', async () => {
    await using story = await begin({ rejoin: false });
    for (const name of ['pg-2', 'pg-3']) story.cluster.of(name).promotionFails = true;
    await lose(story);
    await story.until('both refused', () => story.plane.state.failed?.refused.length === 2);
    story.cluster.promoteOutside('pg-2');
    story.cluster.of('pg-2').cutOff = true;
    story.cluster.start('pg-1');
    await story.until('pg-1 resumes', () => story.primary === 'pg-1');
    story.cluster.of('pg-2').cutOff = false;
    await story.run(5_000);
    assert.equal(story.primary, 'pg-1');
    assert.equal(story.node('pg-2').state, 'quarantined');
    assert.equal(story.node('pg-3').state, 'up');
  });
});

describe('the observe mode', () => {
  test('nothing is promoted, fenced or repointed: what the outside manager promotes is followed', async () => {
    await using story = await begin({ settings: { mode: 'observe' } });
    story.kill('pg-1');
    await story.until('writes are held', () => story.primary === null);
    await story.run(5_000);
    assert.match(story.view.holding, /an outside manager promotes/);
    story.cluster.promoteOutside('pg-3');
    const took = await story.until('pg-3 is followed', () => story.primary === 'pg-3');
    assert.ok(took <= 250, `it took ${took} ms`);
    story.cluster.start('pg-1');
    await story.run(5_000);
    assert.equal(story.node('pg-1').state, 'quarantined');
    const others = story.done.filter((what) => !what.startsWith('record'));
    assert.deepEqual(others, []);
  });

  test('a switchover by an outside manager is followed, and the former primary is a replica', async () => {
    await using story = await begin({ settings: { mode: 'observe' } });
    const old = story.cluster.of('pg-1');
    old.role = 'replica';
    story.plane.signal({ kind: 'read-only', node: old.spec.id });
    await story.until('writes are held', () => story.primary === null);
    story.cluster.promoteOutside('pg-2');
    const took = await story.until('pg-2 is followed', () => story.primary === 'pg-2');
    assert.ok(took <= 250, `it took ${took} ms`);
    story.cluster.follow('pg-1', 'pg-2');
    story.cluster.follow('pg-3', 'pg-2');
    await story.run(1_200);
    assert.deepEqual(
      story.view.nodes.map((node) => [node.role, node.state]),
      [
        ['replica', 'up'],
        ['primary', 'up'],
        ['replica', 'up'],
      ],
    );
  });
});
