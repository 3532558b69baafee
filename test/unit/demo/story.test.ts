import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NodeId, nodeId } from '../../../src/core/node.ts';
import { emptyView, type NodeState, type NodeView, type View } from '../../../src/core/view.ts';
import { keeperLine, Story } from '../../../src/demo/story.ts';

const names = ['pg-1', 'pg-2', 'pg-3'];

function view(primary: string | null, states: Partial<Record<string, NodeState>> = {}, holding = ''): View {
  const nodes = names.map((id): NodeView => {
    const state = states[id] ?? 'up';
    return {
      id: nodeId(id),
      endpoint: { host: '127.0.0.1', port: 5432 },
      role: id === primary ? 'primary' : 'replica',
      state,
      reason: state === 'up' ? '' : 'connection refused',
      weight: 1,
      links: true,
      position: undefined,
      askedAt: 0,
      branch: '1',
      version: '18',
      lagBytes: 0,
    };
  });
  return { ...emptyView, primary: primary as NodeId | null, nodes, holding };
}

function begun(): Story {
  const story = new Story(() => undefined);
  assert.deepEqual(story.next(view('pg-1'), 0), []);
  return story;
}

test('nothing is told until the whole cluster has been seen', () => {
  const story = new Story(() => undefined);
  assert.deepEqual(story.next(emptyViewWithNodes(), 0), []);
  assert.deepEqual(story.next(view('pg-1', { 'pg-3': 'starting' }), 10), []);
  assert.equal(story.hasBegun, false);
  assert.deepEqual(story.next(view('pg-1'), 20), []);
  assert.equal(story.hasBegun, true);
});

function emptyViewWithNodes(): View {
  return view(null, { 'pg-1': 'unknown', 'pg-2': 'unknown', 'pg-3': 'unknown' });
}

test('a lost primary is told with the seconds that writes waited', () => {
  const story = begun();
  assert.deepEqual(story.next(view(null, { 'pg-1': 'down' }, 'pg-1 does not answer'), 1_000), [
    'there is no primary: pg-1 does not answer; writes wait, reads go on',
    'pg-1 is down: connection refused',
  ]);
  assert.deepEqual(story.next(view(null, { 'pg-1': 'down' }, 'promoting pg-2'), 1_100), []);
  assert.deepEqual(story.next(view('pg-2', { 'pg-1': 'down' }), 1_300), [
    'pg-1 is lost; pg-2 is the primary now (writes were held for 0.3 s)',
  ]);
});

test('the new primary is told with its process id, to be killed next', () => {
  const story = new Story((node) => (node === 'pg-2' ? 22 : 11));
  story.next(view('pg-1'), 0);
  assert.deepEqual(story.next(view('pg-2'), 1), ['pg-1 is lost; pg-2 is the primary now, process 22']);
});

test('a primary that returns before anyone was promoted is told as the same one', () => {
  const story = begun();
  story.next(view(null, { 'pg-1': 'down' }), 0);
  assert.deepEqual(story.next(view('pg-1'), 2_500), [
    'pg-1 is the primary again (writes were held for 2.5 s)',
  ]);
});

test('an old primary that comes back is told as quarantined, then as a replica', () => {
  const story = begun();
  story.next(view('pg-2', { 'pg-1': 'down' }), 0);
  assert.deepEqual(story.next(view('pg-2', { 'pg-1': 'quarantined' }), 1), [
    'pg-1 may not take part: connection refused',
  ]);
  assert.deepEqual(story.next(view('pg-2'), 2), ['pg-1 is up as a replica']);
});

test('a second loss is told as the first', () => {
  const story = begun();
  story.next(view(null, { 'pg-1': 'down' }), 0);
  story.next(view('pg-2', { 'pg-1': 'down' }), 100);
  story.next(view('pg-2'), 4_000);
  story.next(view(null, { 'pg-2': 'down' }), 5_000);
  assert.deepEqual(story.next(view('pg-3', { 'pg-2': 'down' }), 5_200), [
    'pg-2 is lost; pg-3 is the primary now (writes were held for 0.2 s)',
  ]);
});

test('what the keeper does is told, with when it starts a dead server again', () => {
  assert.equal(
    keeperLine({ kind: 'died', node: 'pg-1' }, 3_000),
    'pg-1 has died; it is started again in 3 s',
  );
  assert.equal(keeperLine({ kind: 'died', node: 'pg-1' }, undefined), 'pg-1 has died');
});
