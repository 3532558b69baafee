import type { Event, EventKind } from '../../src/core/events.ts';
import { nodeId } from '../../src/core/node.ts';
import { position } from '../../src/core/position.ts';
import { emptyView } from '../../src/core/view.ts';

const node = nodeId('pg-1');

/** One event of each kind; the compiler keeps it complete. */
export const everyEvent: { readonly [Kind in EventKind]: Extract<Event, { kind: Kind }> } = {
  'client-connected': { kind: 'client-connected', user: 'app', database: 'shop' },
  'client-closed': { kind: 'client-closed', user: 'app', database: 'shop', reason: 'quit' },
  'client-refused': { kind: 'client-refused', code: 'TLS_REQUIRED', reason: 'no TLS', address: '10.0.0.9' },
  'client-error': { kind: 'client-error', code: 'POOL_TIMEOUT', message: 'no connection within 5 s' },
  pinned: { kind: 'pinned', reason: 'listen', user: 'app', database: 'shop' },
  'link-opened': { kind: 'link-opened', node, ms: 2 },
  'link-closed': { kind: 'link-closed', node, reason: 'maximum age' },
  'link-failed': { kind: 'link-failed', node, code: 'CONNECT_FAILED', message: 'refused' },
  retried: { kind: 'retried', from: node, because: 'read-only' },
  held: { kind: 'held', waiting: 3 },
  released: { kind: 'released', waitedMs: 120 },
  probed: {
    kind: 'probed',
    observation: {
      kind: 'seen',
      node,
      askedAt: 10,
      at: 14,
      role: 'replica',
      identity: 'c',
      branch: '1',
      position: position('1'),
      received: position('1'),
      receiving: { active: true, from: undefined },
      sync: { needed: 0, listed: 0 },
      version: '1',
      otherProxies: [],
    },
  },
  'view-changed': { kind: 'view-changed', view: emptyView },
  failover: { kind: 'failover', rule: 'F07', state: 'promoting', reason: 'it is furthest', node },
  alarm: { kind: 'alarm', rule: 'F01', reason: 'two nodes are writable' },
};
