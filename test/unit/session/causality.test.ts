import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeId } from '../../../src/core/node.ts';
import { position } from '../../../src/core/position.ts';
import { emptyView, type View } from '../../../src/core/view.ts';
import { Causality } from '../../../src/session/causality.ts';

const ONE = nodeId('one');
const seen = (askedAt: number, at: string, epoch = 1): View => ({
  ...emptyView,
  epoch,
  primary: ONE,
  nodes: [
    {
      id: ONE,
      endpoint: { host: 'h', port: 1 },
      role: 'primary',
      state: 'up',
      reason: '',
      weight: 1,
      links: true,
      position: position(at),
      askedAt,
      branch: '',
      version: '',
      lagBytes: 0,
    },
  ],
});

describe('what a session must see', () => {
  test('the floor is the first position that the primary was asked for after the acknowledgement', () => {
    const causality = new Causality();
    causality.wrote(100);
    causality.settle(seen(100, 'asked before the acknowledgement'), 110);
    assert.equal(causality.floorUnknown, true);
    causality.settle(seen(101, 'asked after it'), 120);
    assert.equal(causality.floorUnknown, false);
    assert.equal(causality.floor, 'asked after it');
    causality.settle(seen(130, 'later'), 140);
    assert.equal(causality.floor, 'asked after it');
  });

  test('a primary without a position leaves the floor unknown: it has not been asked as the primary yet', () => {
    const causality = new Causality();
    causality.wrote(100);
    const promoted = seen(150, 'replayed as a replica', 2);
    const nodes = promoted.nodes.map((node) => ({ ...node, position: undefined }));
    causality.settle({ ...promoted, nodes }, 160);
    assert.equal(causality.floorUnknown, true);
  });

  test('leaving a replica asks for the floor anew', () => {
    const causality = new Causality();
    causality.sticky = nodeId('two');
    causality.left(200);
    assert.equal(causality.sticky, undefined);
    assert.equal(causality.floorUnknown, true);
  });

  test('a new epoch makes the floor anew: the old one may lie on a branch that ended', () => {
    const causality = new Causality();
    causality.settle(seen(1, 'start'), 1);
    causality.wrote(100);
    causality.settle(seen(101, 'old branch'), 102);
    causality.settle(seen(101, 'new branch', 2), 300);
    assert.equal(causality.floor, undefined);
    assert.equal(causality.floorUnknown, true);
    causality.settle(seen(301, 'new branch', 2), 310);
    assert.equal(causality.floor, 'new branch');
  });
});
