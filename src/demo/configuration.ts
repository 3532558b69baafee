import { type Config, configOf } from '../config/config.ts';
import type { DemoOptions } from './options.ts';
import { HOST } from './ports.ts';
import type { EmbeddedCluster } from './postgres.ts';

/** The proxy's configuration before an embedded cluster: it promotes by itself. */
export function demoConfig(cluster: EmbeddedCluster, options: DemoOptions): Config {
  const { client, monitor, replication } = cluster.credentials;
  return configOf(
    {
      admin: { listen: { host: HOST, port: options.adminPort } },
      log: { level: options.logLevel },
      clusters: [
        {
          name: 'demo',
          engine: 'postgres',
          listen: { host: HOST, port: options.port },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, database: client.database, interval: '250ms', timeout: '1s' },
          // Losing the primary again and again is what a demo is for.
          failover: { mode: 'promote', cooldown: '0s', replication },
        },
      ],
    },
    { file: 'the demo', env: {} },
  );
}
