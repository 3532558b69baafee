import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { begin, Story } from './story.ts';

describe('the start', () => {
  test('the one writable node is the primary, roles are discovered', async () => {
    await using story = await begin();
    assert.equal(story.primary, 'pg-1');
    assert.deepEqual(
      story.view.nodes.map((node) => [node.id, node.role, node.state]),
      [
        ['pg-1', 'primary', 'up'],
        ['pg-2', 'replica', 'up'],
        ['pg-3', 'replica', 'up'],
      ],
    );
  });

  test('a node that is down at the start does not matter', async () => {
    await using story = await begin({ before: (cluster) => cluster.kill('pg-3') });
    assert.equal(story.primary, 'pg-1');
    assert.equal(story.node('pg-3').state, 'down');
    story.cluster.copy('pg-3', 'pg-1');
    await story.until('pg-3 is up', () => story.node('pg-3').state === 'up');
    assert.deepEqual(story.alarms, []);
  });

  test('a stale writable node that answers first is not taken before all were asked', async () => {
    await using story = await begin({
      rejoin: false,
      before: (cluster) => {
        cluster.promoteOutside('pg-2');
        cluster.follow('pg-3', 'pg-2');
      },
    });
    assert.equal(story.primary, 'pg-2');
    assert.equal(story.node('pg-1').state, 'quarantined');
    const primaries = story.events.flatMap((event) =>
      event.kind === 'view-changed' ? [event.view.primary] : [],
    );
    assert.ok(!primaries.includes(story.node('pg-1').id));
  });

  test('a writable node is not the primary while a replica knows a newer branch', async () => {
    await using story = new Story({
      before: (cluster) => {
        cluster.promoteOutside('pg-2');
        cluster.follow('pg-3', 'pg-2');
        cluster.kill('pg-2');
      },
    });
    await story.run(3_000);
    assert.equal(story.primary, null);
    assert.match(story.alarms.join(), /pg-3 is already on a newer branch/);
    story.cluster.start('pg-2');
    await story.until('pg-2 is found', () => story.primary === 'pg-2');
  });

  test('a node of another cluster is under quarantine, with the reason', async () => {
    await using story = await begin({
      before: (cluster) => {
        cluster.of('pg-3').identity = 'c-2';
      },
    });
    assert.equal(story.node('pg-3').state, 'quarantined');
    assert.match(story.node('pg-3').reason, /another cluster/);
    assert.equal(story.node('pg-3').links, false);
    assert.equal(story.primary, 'pg-1');
  });
});

describe('a loss', () => {
  test('the primary is killed: a replica is promoted and the other one follows it', async () => {
    await using story = await begin();
    story.cluster.log.length = 0;
    story.kill('pg-1');
    const took = await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    assert.ok(took <= 300, `it took ${took} ms`);
    await story.until('pg-3 follows', () => story.phase === 'steady');
    assert.deepEqual(story.done, [
      'record decided pg-2',
      'promote pg-2',
      'follow pg-3 pg-2',
      'record primary pg-2',
      'record outcast pg-1',
    ]);
    assert.equal(story.node('pg-1').links, false);
    assert.deepEqual(story.alarms, []);
    await story.run(1_000);
    assert.equal(story.node('pg-3').branch, '2');
  });

  test('the primary hangs: lost within 3 s, once its replicas have given up on it', async () => {
    await using story = await begin();
    story.cluster.hang('pg-1');
    const took = await story.until('a new primary', () => story.primary === 'pg-2');
    assert.ok(took <= 3_000, `it took ${took} ms`);
  });

  test('the new primary is published before the others have been repointed', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    assert.equal(story.phase, 'repointing');
    assert.equal(story.view.holding, '');
  });

  test('I3: a proxy that alone cannot reach the primary does not fail over', async () => {
    await using story = await begin();
    story.cluster.of('pg-1').cutOff = true;
    const epoch = story.view.epoch;
    await story.run(60_000);
    assert.equal(story.primary, 'pg-1');
    assert.equal(story.view.epoch, epoch);
    assert.equal(story.node('pg-1').links, true);
    assert.equal(story.node('pg-1').state, 'down');
    assert.deepEqual(story.cluster.proofs, []);
    assert.match(story.alarms.join(), /its replicas still receive: no failover/);
    story.cluster.of('pg-1').cutOff = false;
    await story.until('all is well', () => story.phase === 'steady' && story.node('pg-1').state === 'up');
    assert.equal(story.view.epoch, epoch);
  });

  test('I3: without a replica that can be asked there is no second signal', async () => {
    await using story = await begin();
    for (const name of ['pg-1', 'pg-2', 'pg-3']) story.kill(name);
    await story.run(20_000);
    assert.deepEqual(story.cluster.proofs, []);
    assert.match(story.alarms.join(), /no replica is there to confirm it/);
    story.cluster.start('pg-2');
    await story.until('pg-2 confirms and is promoted', () => story.primary === 'pg-2');
  });

  test('I3: the word of every replica that can be asked is awaited', async () => {
    await using story = await begin();
    story.cluster.of('pg-3').latency = 4_000;
    await story.run(10_000);
    story.cluster.of('pg-2').upstream = undefined;
    story.cluster.of('pg-1').cutOff = true;
    await story.run(30_000);
    assert.equal(story.primary, 'pg-1');
    assert.deepEqual(story.cluster.proofs, []);
    assert.equal(story.view.epoch, 1);
  });

  test('a primary that somebody made a replica is not failed over when it stops', async () => {
    await using story = await begin();
    story.cluster.of('pg-1').role = 'replica';
    await story.until('writes are held', () => story.primary === null);
    story.kill('pg-1');
    await story.run(30_000);
    assert.deepEqual(story.cluster.proofs, []);
    story.cluster.promoteOutside('pg-2');
    await story.until('pg-2 is followed', () => story.primary === 'pg-2');
  });

  test('I3: one lost probe is no loss', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('suspicion', () => story.phase === 'suspect');
    assert.equal(story.node('pg-1').state, 'up');
    story.cluster.start('pg-1');
    await story.until('steady', () => story.phase === 'steady');
    await story.run(1_000);
    assert.equal(story.view.epoch, 1);
    assert.deepEqual(story.alarms, []);
  });

  test('I3: a server that says it is starting has its own wait, and then resumes', async () => {
    await using story = await begin();
    story.cluster.of('pg-1').life = 'starting';
    await story.run(9_000);
    assert.equal(story.primary, null);
    assert.match(story.view.holding, /pg-1 is starting/);
    assert.equal(story.node('pg-1').links, true);
    story.cluster.start('pg-1');
    await story.until('pg-1 resumes', () => story.primary === 'pg-1');
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I3: a server that never ends starting is lost after the wait', async () => {
    await using story = await begin();
    story.cluster.of('pg-1').life = 'starting';
    const took = await story.until('pg-2 is promoted', () => story.primary === 'pg-2', 15_000);
    assert.ok(took >= 10_000 && took <= 11_500, `it took ${took} ms`);
  });

  test('I3: a server that refuses the monitoring account is not lost', async () => {
    await using story = await begin();
    story.cluster.probe.observe = async (target) => ({
      kind: 'unseen',
      node: target.node,
      askedAt: story.clock.now(),
      at: story.clock.now(),
      failure: 'denied',
      message: 'wrong password',
    });
    await story.run(20_000);
    assert.equal(story.primary, 'pg-1');
    assert.deepEqual(story.cluster.proofs, []);
  });

  test('I5: what is in flight on the old primary is settled before anybody is promoted', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('pg-2 is the primary', () => story.primary === 'pg-2');
    const views = story.events.flatMap((event) => (event.kind === 'view-changed' ? [event.view] : []));
    const closing = views.findIndex((view) => view.nodes[0]?.links === false);
    const writing = views.findIndex((view) => view.primary === 'pg-2');
    assert.ok(closing >= 0 && closing < writing);
    assert.equal(views[closing]?.primary, null);
  });

  test('I11: replicas are not taken for diverged while they change branches', async () => {
    // An engine that may not read where a branch began cannot tell a replica on the old one from a diverged one.
    await using story = await begin({ blindToForks: true });
    story.kill('pg-1');
    await story.until('pg-3 follows pg-2', () => story.primary === 'pg-2' && story.phase === 'steady');
    await story.run(2_000);
    const views = story.events.flatMap((event) => (event.kind === 'view-changed' ? [event.view] : []));
    for (const view of views) assert.notEqual(view.nodes[2]?.state, 'quarantined');
    assert.equal(story.node('pg-3').branch, '2');
  });

  test('I11: replicas keep their links and stay eligible all the way', async () => {
    await using story = await begin();
    story.kill('pg-1');
    await story.until('pg-3 follows pg-2', () => story.primary === 'pg-2' && story.phase === 'steady');
    for (const event of story.events) {
      if (event.kind !== 'view-changed' || event.view.epoch < 1) continue;
      for (const node of event.view.nodes.slice(1)) assert.deepEqual([node.state, node.links], ['up', true]);
    }
  });
});
