import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import { type Ack, emptyView, type NodeView, type View } from '../../../src/core/view.ts';
import { Acks } from '../../../src/workers/acks.ts';

const OLD = nodeId('pg-1');

/** A view that closes these nodes. */
function view(version: number, closed: readonly string[] = [], epoch = 1): View {
  const nodes = ['pg-1', 'pg-2'].map(
    (id): NodeView => ({
      id: nodeId(id),
      endpoint: { host: '127.0.0.1', port: 1 },
      role: 'replica',
      state: 'up',
      reason: '',
      weight: 1,
      links: !closed.includes(id),
      position: undefined,
      askedAt: 0,
      branch: '',
      version: '',
      lagBytes: undefined,
    }),
  );
  return { ...emptyView, version, epoch, nodes };
}

const ack = (version: number, unknown = 0): Ack => ({ epoch: 1, version, closed: [], unknown });

function twoWorkers(): Acks {
  const acks = new Acks();
  acks.joined(0, 0);
  acks.joined(1, 0);
  return acks;
}

describe('one acknowledgement out of those of all workers', () => {
  test('comes when the last of them has obeyed, and adds up what was lost', () => {
    const acks = twoWorkers();
    assert.equal(acks.published(view(1, ['pg-1'], 7), 0), undefined);
    assert.equal(acks.obeyed(0, ack(1, 2), 1), undefined);
    assert.deepEqual(acks.obeyed(1, ack(1, 3), 2), { epoch: 7, version: 1, closed: [OLD], unknown: 5 });
  });

  test('a worker that has ended has obeyed; one that only stands still has not', () => {
    const acks = twoWorkers();
    acks.published(view(1, ['pg-1']), 0);
    acks.obeyed(0, ack(1), 1);
    acks.published(view(2, ['pg-1']), 10);
    assert.equal(acks.obeyed(0, ack(2), 11), undefined);
    assert.deepEqual(acks.ended(1)?.closed, [OLD]);
  });

  test('without any worker there is nobody to wait for', () => {
    const acks = new Acks();
    assert.deepEqual(acks.published(view(1, ['pg-1']), 0)?.closed, [OLD]);
  });

  test('one that begins is waited for from the first view that it is told', () => {
    const acks = twoWorkers();
    acks.published(view(1), 0);
    acks.obeyed(0, ack(1), 1);
    acks.obeyed(1, ack(1), 1);
    acks.joined(2, 2);
    assert.equal(acks.published(view(2, ['pg-1']), 3), undefined);
    acks.obeyed(0, ack(2), 4);
    assert.equal(acks.obeyed(1, ack(2), 4), undefined);
    assert.deepEqual(acks.obeyed(2, ack(2), 5)?.closed, [OLD]);
  });

  test('an acknowledgement of a view after which the node was opened again proves nothing', () => {
    const acks = twoWorkers();
    acks.published(view(1, ['pg-1']), 0);
    acks.published(view(2), 1);
    acks.published(view(3, ['pg-1']), 2);
    acks.obeyed(0, ack(1), 3);
    assert.deepEqual(acks.obeyed(1, ack(3), 3)?.closed, [], 'one of them has seen the first view only');
    assert.deepEqual(acks.obeyed(0, ack(3), 4)?.closed, [OLD]);
  });

  test('a node that stays closed is proven closed by the first view that closed it', () => {
    const acks = twoWorkers();
    for (const version of [1, 2, 3]) acks.published(view(version, ['pg-1']), version);
    acks.obeyed(0, ack(3), 4);
    assert.deepEqual(acks.obeyed(1, ack(1), 4)?.closed, [OLD]);
  });

  test('it names the epoch of the view that all have obeyed, not of one that only some have', () => {
    const acks = twoWorkers();
    acks.published(view(1, [], 1), 0);
    acks.published(view(2, ['pg-1'], 2), 0);
    acks.obeyed(0, ack(2), 1);
    assert.deepEqual(acks.obeyed(1, ack(1), 1), { epoch: 1, version: 1, closed: [], unknown: 0 });
    assert.equal(acks.obeyed(1, ack(2), 2)?.epoch, 2);
  });

  test('who is late, and who may still have links that must be closed, is known', () => {
    const acks = twoWorkers();
    acks.published(view(1), 0);
    acks.obeyed(0, ack(1), 5);
    acks.obeyed(1, ack(1), 5);
    assert.deepEqual(acks.late(5), []);
    acks.published(view(2), 10);
    acks.obeyed(0, ack(2), 11);
    assert.deepEqual(acks.open(), [], 'nothing is closed');
    acks.published(view(3, ['pg-1']), 20);
    acks.obeyed(0, ack(3), 21);
    assert.deepEqual(acks.open(), [1]);
    assert.deepEqual(acks.late(10), [1]);
    assert.deepEqual(acks.late(9), []);
    acks.obeyed(1, ack(3), 22);
    assert.deepEqual([acks.open(), acks.late(100), acks.waiting], [[], [], false]);
  });
});
