import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Begin, Intent } from '../../../src/core/intent.ts';
import { type NodeId, nodeId } from '../../../src/core/node.ts';
import { type Position, position } from '../../../src/core/position.ts';
import type { NodeView, View } from '../../../src/core/view.ts';
import { type RouteFacts, type RouteRules, route } from '../../../src/routing/route.ts';

const ONE = nodeId('one');
const TWO = nodeId('two');
const THREE = nodeId('three');
const at = (n: number): Position => position(String(n));

const node = (id: NodeId, more: Partial<NodeView> = {}): NodeView => ({
  id,
  endpoint: { host: '127.0.0.1', port: 1 },
  role: 'replica',
  state: 'up',
  reason: '',
  weight: 1,
  links: true,
  position: at(10),
  askedAt: 0,
  branch: '1',
  version: '',
  lagBytes: 0,
  ...more,
});

const view = (more: Partial<View> = {}): View => ({
  epoch: 1,
  version: 1,
  primary: ONE,
  nodes: [node(ONE, { role: 'primary' }), node(TWO), node(THREE)],
  writableUntil: Number.POSITIVE_INFINITY,
  holding: '',
  ...more,
});

const intent = (kind: Intent['kind'], more: Partial<Intent> = {}): Intent => ({
  kind,
  because: 'X',
  detail: '',
  hint: undefined,
  begin: undefined,
  settings: [],
  pin: undefined,
  audit: false,
  here: false,
  names: 'known',
  ...more,
});

const facts = (more: Partial<RouteFacts> = {}): RouteFacts => ({
  level: 'session',
  floor: undefined,
  floorUnknown: false,
  sticky: undefined,
  exclude: undefined,
  primaryOnly: false,
  begin: undefined,
  ...more,
});

const rules = (more: Partial<RouteRules> = {}): RouteRules => ({
  replicas: true,
  noReplica: 'primary',
  maxLagBytes: undefined,
  compare: (a, b) => (a === b ? 'equal' : Number(a) < Number(b) ? 'before' : 'after'),
  load: () => 0,
  ...more,
});

const begin = (more: Partial<Begin> = {}): Begin => ({
  readOnly: true,
  alone: true,
  serializable: false,
  ...more,
});

const goes = (kind: Intent['kind'], f = facts(), v = view(), r = rules()): unknown => {
  const way = route(intent(kind), f, v, r);
  if ('to' in way) return way.to;
  return 'hold' in way ? 'held' : way.refuse.code;
};

describe('where a unit goes', () => {
  test('the primary, unless proven a single plain read', () => {
    for (const kind of ['write', 'begin', 'end', 'session'] as const) assert.equal(goes(kind), ONE);
    assert.equal(goes('read'), TWO);
  });

  test('reads go to the replica with the least load by weight', () => {
    const load = (id: NodeId): number => (id === TWO ? 5 : 2);
    assert.equal(goes('read', facts(), view(), rules({ load })), THREE);
    const heavy = view({ nodes: [node(ONE, { role: 'primary' }), node(TWO, { weight: 10 }), node(THREE)] });
    assert.equal(goes('read', facts(), heavy, rules({ load })), TWO);
  });

  test('a replica of weight 0, down, starting, quarantined or without links takes no reads', () => {
    for (const more of [
      { weight: 0 },
      { state: 'down' },
      { state: 'starting' },
      { state: 'quarantined' },
      { links: false },
    ] as const) {
      const nodes = [node(ONE, { role: 'primary' }), node(TWO, more), node(THREE)];
      assert.equal(goes('read', facts(), view({ nodes })), THREE, JSON.stringify(more));
    }
  });

  test('no eligible replica: the primary, or an error by configuration', () => {
    const alone = view({ nodes: [node(ONE, { role: 'primary' })] });
    assert.equal(goes('read', facts(), alone), ONE);
    assert.equal(goes('read', facts(), alone, rules({ noReplica: 'error' })), 'NO_REPLICA');
  });

  test('no primary: writes are held, reads go on', () => {
    const lost = view({
      primary: null,
      holding: 'pg-1 is lost',
      nodes: [node(ONE, { state: 'down' }), node(TWO)],
    });
    assert.equal(goes('write', facts(), lost), 'held');
    assert.equal(goes('read', facts(), lost), TWO);
  });

  test('a session reads its own writes: from the primary while their position is unknown', () => {
    assert.equal(goes('read', facts({ floorUnknown: true })), ONE);
    assert.equal(goes('read', facts({ floorUnknown: true, level: 'eventual' })), TWO);
  });

  test('a session reads its own writes: from a replica that has replayed them', () => {
    const nodes = [
      node(ONE, { role: 'primary' }),
      node(TWO, { position: at(4) }),
      node(THREE, { position: at(5) }),
    ];
    assert.equal(goes('read', facts({ floor: at(5) }), view({ nodes })), THREE);
    assert.equal(goes('read', facts({ floor: at(6) }), view({ nodes })), ONE);
    assert.equal(goes('read', facts({ floor: at(6), level: 'eventual' }), view({ nodes })), TWO);
  });

  test('a session keeps to one replica, and goes to no other one that may be behind it', () => {
    assert.equal(goes('read', facts({ sticky: THREE })), THREE);
    const down = view({ nodes: [node(ONE, { role: 'primary' }), node(TWO), node(THREE, { state: 'down' })] });
    const way = route(intent('read'), facts({ sticky: THREE }), down, rules());
    assert.deepEqual(way, { to: ONE, because: 'C02' });
  });

  test('a transaction that was begun READ ONLY starts on a replica, any other on the primary', () => {
    assert.equal(goes('read', facts({ begin: begin() })), TWO);
    assert.equal(goes('session', facts({ begin: begin() })), TWO);
    assert.equal(goes('write', facts({ begin: begin() })), ONE);
    assert.equal(goes('read', facts({ begin: begin({ readOnly: false }) })), ONE);
    assert.equal(goes('read', facts({ begin: begin({ serializable: true }) })), ONE);
  });

  test('a hint can send a read anywhere it may go, and a write nowhere but to the primary', () => {
    const to = (kind: Intent['kind'], hint: Intent['hint'], f = facts()): unknown => {
      const way = route(intent(kind, { hint }), f, view(), rules());
      return 'to' in way ? way.to : way;
    };
    assert.equal(to('read', { to: 'primary' }), ONE);
    assert.equal(to('read', { to: 'node', node: 'three' }), THREE);
    assert.equal(to('read', { to: 'node', node: 'none' }), ONE);
    assert.equal(to('write', { to: 'replica' }), ONE);
    assert.equal(to('write', { to: 'node', node: 'three' }), ONE);
    assert.equal(to('read', { to: 'replica' }, facts({ floorUnknown: true })), ONE);
  });

  test('a replica that lags more than the bound takes no reads', () => {
    const nodes = [
      node(ONE, { role: 'primary' }),
      node(TWO, { lagBytes: 100 }),
      node(THREE, { lagBytes: 10 }),
    ];
    assert.equal(goes('read', facts(), view({ nodes }), rules({ maxLagBytes: 50 })), THREE);
  });

  test('a unit that came back from a node does not go there again', () => {
    assert.equal(goes('read', facts({ exclude: TWO })), THREE);
    assert.equal(goes('read', facts({ primaryOnly: true })), ONE);
    assert.equal(goes('read', facts({ exclude: ONE, primaryOnly: true })), 'held');
  });
});
