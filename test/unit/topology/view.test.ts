import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type NodeId,
  nodeId,
  type Observation,
  type ProbeFailure,
  type Seen,
} from '../../../src/core/node.ts';
import { emptyView, type NodeView, type View } from '../../../src/core/view.ts';
import { factsOf, isGone, type Standing, type World } from '../../../src/core/world.ts';
import { emptyWorld, reduce } from '../../../src/topology/reduce.ts';
import { createStore } from '../../../src/topology/store.ts';
import { viewOf } from '../../../src/topology/view.ts';
import { beginning, branchOf, fork, type Place, positions, textOf, write } from '../failover/history.ts';

const a = nodeId('a');
const b = nodeId('b');
const specs = [a, b].map((id) => ({ id, endpoint: { host: id, port: 1 }, weight: 1, priority: 0 }));
const patience = { confirmFailures: 2, confirmMs: 100 };

const seen = (node: NodeId, at: number, place: Place = beginning, more: Partial<Seen> = {}): Seen => ({
  kind: 'seen',
  node,
  askedAt: at,
  at: at + 1,
  role: node === a ? 'primary' : 'replica',
  identity: 'mine',
  branch: branchOf(place),
  position: textOf(place),
  received: textOf(place),
  receiving: node === a ? undefined : { active: true, from: undefined },
  sync: { needed: 0, listed: 0 },
  version: '1',
  otherProxies: [],
  ...more,
});
const unseen = (node: NodeId, at: number, failure: ProbeFailure = 'refused', took = 1): Observation => ({
  kind: 'unseen',
  node,
  askedAt: at,
  at: at + took,
  failure,
  message: 'words',
});
const worldOf = (...observations: Observation[]): World => observations.reduce(reduce, emptyWorld(specs));
const standing = (more: Partial<Standing> = {}): Standing => ({
  epoch: 1,
  primary: a,
  holding: '',
  identity: 'mine',
  closed: [],
  quarantined: [],
  ...more,
});
function nodeOf(world: World, id: NodeId, more: Partial<Standing> = {}): NodeView {
  const node = viewOf(world, standing(more), positions, patience).nodes.find((one) => one.id === id);
  assert.ok(node !== undefined);
  return node;
}

describe('the reduction', () => {
  test('failures in a row are counted from the first, and an answer ends them', () => {
    const failing = worldOf(seen(a, 0), unseen(a, 10), unseen(a, 20, 'timeout'), unseen(a, 30, 'reset'));
    const facts = factsOf(failing, a);
    assert.deepEqual([facts?.failures, facts?.failingSince, facts?.seen?.askedAt], [3, 10, 0]);
    const again = factsOf(reduce(failing, seen(a, 40)), a);
    assert.deepEqual([again?.failures, again?.failingSince, again?.startingSince], [0, undefined, undefined]);
  });

  test('a server that says it is starting ends a row of failures, and its wait counts from its first word', () => {
    const facts = factsOf(worldOf(unseen(a, 10), unseen(a, 20, 'starting'), unseen(a, 30, 'recovering')), a);
    assert.deepEqual([facts?.failures, facts?.failingSince, facts?.startingSince], [0, undefined, 20]);
    const refused = factsOf(worldOf(unseen(a, 20, 'starting'), unseen(a, 30)), a);
    assert.deepEqual([refused?.failures, refused?.failingSince, refused?.startingSince], [1, 30, 20]);
  });

  test('a refused account is no failure of the kind that means nobody is there', () => {
    assert.equal(factsOf(worldOf(unseen(a, 10, 'denied')), a)?.failures, 0);
  });

  test('an observation of a node that is not configured changes nothing', () => {
    assert.deepEqual(worldOf(seen(nodeId('x'), 1)), emptyWorld(specs));
  });

  const rows: [string, Observation[], boolean][] = [
    ['two refusals over 100 ms', [unseen(a, 0), unseen(a, 100)], true],
    ['two refusals within 100 ms', [unseen(a, 0), unseen(a, 50)], false],
    ['one refusal', [unseen(a, 0)], false],
    ['one timeout', [unseen(a, 0, 'timeout', 1_500)], true],
    ['a refusal, an answer, a refusal', [unseen(a, 0), seen(a, 50), unseen(a, 100)], false],
    ['starting', [unseen(a, 0, 'starting'), unseen(a, 500, 'starting')], false],
  ];
  for (const [what, observations, expected] of rows) {
    test(`${what}: ${expected ? 'gone' : 'not gone'}`, () => {
      const facts = factsOf(worldOf(...observations), a);
      assert.equal(facts !== undefined && isGone(facts, patience), expected);
    });
  }
});

describe('the view', () => {
  test('a primary stays up through a lost probe and is down when it is surely gone', () => {
    const once = worldOf(seen(a, 0), unseen(a, 10));
    assert.equal(nodeOf(once, a).state, 'up');
    assert.match(nodeOf(once, a).reason, /refused: words/);
    assert.equal(nodeOf(reduce(once, unseen(a, 120)), a).state, 'down');
  });

  test('a replica is down with its first lost probe: others take its reads', () => {
    assert.equal(nodeOf(worldOf(seen(b, 0), unseen(b, 10)), b).state, 'down');
    assert.equal(nodeOf(worldOf(seen(b, 0), unseen(b, 10, 'starting')), b).state, 'starting');
    assert.equal(nodeOf(worldOf(), b).state, 'unknown');
  });

  test('a replica that receives nothing is still readable', () => {
    const idle = seen(b, 0, beginning, { receiving: { active: false, from: undefined } });
    assert.deepEqual([nodeOf(worldOf(idle), b).state, nodeOf(worldOf(idle), b).links], ['up', true]);
  });

  test('links are closed to nodes under quarantine, of another cluster, and being fenced', () => {
    const world = worldOf(seen(a, 0), seen(b, 0));
    assert.equal(nodeOf(world, b).links, true);
    assert.equal(nodeOf(world, b, { closed: [b] }).links, false);
    const quarantined = nodeOf(world, b, { quarantined: [{ node: b, reason: 'superseded' }] });
    assert.deepEqual(
      [quarantined.state, quarantined.reason, quarantined.links],
      ['quarantined', 'superseded', false],
    );
    const foreign = nodeOf(reduce(world, seen(b, 1, beginning, { identity: 'other' })), b);
    assert.deepEqual([foreign.state, foreign.links], ['quarantined', false]);
  });

  test('lag is counted against the last position of the primary; ahead of that is no lag', () => {
    const ahead = write(beginning, 70);
    assert.equal(nodeOf(worldOf(seen(a, 0, ahead), seen(b, 0)), b).lagBytes, 70);
    assert.equal(nodeOf(worldOf(seen(a, 0), seen(b, 5, ahead)), b).lagBytes, 0);
    assert.equal(nodeOf(worldOf(seen(b, 0)), b).lagBytes, undefined);
    const apart = write(fork(beginning, 'x'), 5);
    assert.equal(nodeOf(worldOf(seen(a, 0, ahead), seen(b, 0, apart)), b).lagBytes, undefined);
  });

  test('a node just promoted is shown as the primary before a probe has seen it so', () => {
    assert.equal(nodeOf(worldOf(seen(b, 0)), b, { primary: b }).role, 'primary');
  });

  test('a node just promoted has no position before it has said one as the primary: nobody’s own writes are proven by it', () => {
    const replayed = write(beginning, 1);
    const promoted = standing({ primary: b, epoch: 2 });
    const before = worldOf(seen(a, 1, write(beginning, 3)), seen(b, 5, replayed));
    const shown = viewOf(before, promoted, positions, patience).nodes;
    assert.deepEqual(
      shown.map(({ position, lagBytes }) => [position, lagBytes]),
      [
        [textOf(write(beginning, 3)), undefined],
        [undefined, undefined],
      ],
    );
    const after = reduce(before, seen(b, 9, replayed, { role: 'primary' }));
    const [, now] = viewOf(after, promoted, positions, patience).nodes;
    assert.deepEqual([now?.position, now?.askedAt, now?.lagBytes], [textOf(replayed), 9, 0]);
  });

  test('a view is plain JSON but for the endless lease', () => {
    const view = viewOf(worldOf(seen(a, 0), seen(b, 0)), standing(), positions, patience);
    assert.equal(view.writableUntil, Number.POSITIVE_INFINITY);
    assert.deepEqual(
      JSON.parse(JSON.stringify(view.nodes)),
      view.nodes.map((node) => ({ ...node })),
    );
  });
});

describe('the store', () => {
  const at = (time: number, more: Partial<Standing> = {}) =>
    viewOf(worldOf(seen(a, time), seen(b, time)), standing(more), positions, patience);

  test('every view has a greater version, and a listener gets the present one at once', () => {
    const store = createStore();
    const got: View[] = [];
    const end = store.onView((view) => got.push(view));
    store.publish(at(1));
    store.publish(at(2));
    end();
    store.publish(at(3));
    assert.deepEqual(
      got.map((view) => view.version),
      [0, 1, 2],
    );
    assert.equal(got[0], emptyView);
    assert.equal(store.view.version, 3);
  });

  test('a time or position that moved is a view but no news; a role, state or epoch is', () => {
    const store = createStore();
    assert.equal(store.publish(at(1)), true);
    assert.equal(store.publish(at(2)), false);
    assert.equal(store.publish(at(2, { closed: [b] })), true);
    assert.equal(store.publish(at(2, { closed: [b], primary: null, holding: 'x', epoch: 2 })), true);
    assert.equal(store.publish(at(3, { closed: [b], primary: null, holding: 'x', epoch: 2 })), false);
  });
});
