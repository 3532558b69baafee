import type { AdminSources, ClusterStatus } from '../../../src/admin/sources.ts';
import { nodeId } from '../../../src/core/node.ts';
import { emptyView, type NodeView } from '../../../src/core/view.ts';

export const replica: NodeView = {
  id: nodeId('pg-2'),
  endpoint: { host: '10.0.0.2', port: 5432 },
  role: 'replica',
  state: 'up',
  reason: '',
  weight: 1,
  links: true,
  position: undefined,
  askedAt: 0,
  branch: '1',
  version: '18.0',
  lagBytes: 42,
};

export const main: ClusterStatus = {
  name: 'main',
  engine: 'an engine',
  address: '127.0.0.1:6432',
  listening: true,
  view: { ...emptyView, epoch: 3, primary: nodeId('pg-1'), nodes: [replica] },
  sessions: { clients: 2, pinned: { listen: 1 }, held: 0, heldBytes: 0 },
  pools: [
    {
      node: 'pg-2',
      user: 'app',
      database: 'shop',
      size: 20,
      open: 3,
      busy: 1,
      waiting: 0,
      lanes: 1,
      laneOwed: 17,
    },
  ],
};

export function sourcesOf(clusters: readonly ClusterStatus[]): AdminSources {
  return {
    version: '1.2.3',
    metrics: async () => ({ text: 'pointsman_up 1\n', contentType: 'text/plain; version=0.0.4' }),
    clusters: () => clusters,
    explain: async ({ cluster, database, sql }) => ({
      kind: 'read',
      route: 'replica',
      rule: 'R01',
      detail: `${cluster} ${database}`,
      reason: sql,
      lane: { may: 'no', because: 'it is no plain read' },
    }),
  };
}
