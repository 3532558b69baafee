import { type Config, configOf } from '../config/config.ts';
import type { DatabaseCluster } from './cluster.ts';
import type { DemoOptions } from './options.ts';
import { HOST } from './ports.ts';

/** The proxy's configuration before an embedded cluster: it promotes by itself. */
export function demoConfig(cluster: DatabaseCluster, options: DemoOptions): Config {
  const { client, monitor, replication } = cluster.credentials;
  const monitored = cluster.engine === 'postgres' ? { database: client.database } : {};
  return configOf(
    {
      admin: { listen: { host: HOST, port: options.adminPort } },
      log: { level: options.logLevel },
      clusters: [
        {
          name: 'demo',
          engine: cluster.engine,
          listen: { host: HOST, port: options.port },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, ...monitored, interval: '250ms', timeout: '1s' },
          // Losing the primary again and again is what a demo is for.
          failover: { mode: 'promote', cooldown: '0s', replication },
        },
      ],
    },
    { file: 'the demo', env: {} },
  );
}
