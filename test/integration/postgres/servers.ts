import { Client } from 'pg';
import type { ProbeOptions } from '../../../src/core/engine.ts';
import { nodeId, type Observation, type Seen } from '../../../src/core/node.ts';
import type { Target } from '../../../src/core/wire.ts';
import type { EmbeddedCluster } from '../../../src/demo/postgres.ts';
import { PostgresControl } from '../../../src/postgres/control.ts';
import { PostgresProbe } from '../../../src/postgres/probe.ts';

/** A node of an embedded cluster as its monitor account sees it. */
export function targetOf(cluster: EmbeddedCluster, id: string): Target {
  const { monitor, client } = cluster.credentials;
  const endpoint = { host: '127.0.0.1', port: cluster.node(id).port };
  return { node: nodeId(id), endpoint, ...monitor, database: client.database, options: '', tls: undefined };
}

export function probeWith(options: Partial<ProbeOptions> = {}): PostgresProbe {
  return new PostgresProbe({
    clock: performance,
    timeoutMs: 2_000,
    applicationName: 'pointsman:test:one',
    replicas: 2,
    promotes: true,
    ...options,
  });
}

export function controlOf(cluster: EmbeddedCluster, timeoutMs = 10_000): PostgresControl {
  const { replication } = cluster.credentials;
  return new PostgresControl({ timeoutMs, applicationName: 'pointsman:test:one', replication });
}

export function seen(observation: Observation): Seen {
  if (observation.kind === 'seen') return observation;
  throw new Error(`${observation.node} was not seen: ${observation.failure}, ${observation.message}`);
}

/** Observes until `holds`; rejects with the last observation when it does not come true. */
export async function observeUntil(
  probe: PostgresProbe,
  target: Target,
  holds: (observation: Observation) => boolean,
): Promise<Observation> {
  const end = performance.now() + 20_000;
  for (;;) {
    const observation = await probe.observe(target);
    if (holds(observation)) return observation;
    if (performance.now() > end) throw new Error(`never so: ${JSON.stringify(observation)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The application's own connection. Its errors are for whoever asks it next. */
export async function clientOf(cluster: EmbeddedCluster, id: string): Promise<Client> {
  const { client } = cluster.credentials;
  const connection = new Client({ host: '127.0.0.1', port: cluster.node(id).port, ...client });
  connection.on('error', () => undefined);
  await connection.connect();
  return connection;
}
