import { type Connection, createConnection } from 'mysql2/promise';
import type { Positions, ProbeOptions } from '../../../src/core/engine.ts';
import { nodeId, type Observation, type Seen } from '../../../src/core/node.ts';
import type { Target } from '../../../src/core/wire.ts';
import { MysqlCluster } from '../../../src/demo/mysql.ts';
import { MysqlControl } from '../../../src/mysql/control.ts';
import { positions } from '../../../src/mysql/position.ts';
import { MysqlProbe } from '../../../src/mysql/probe.ts';

export type Flavour = MysqlCluster['flavour'];

export interface Nodes {
  readonly cluster: MysqlCluster;
  /** Names of the nodes; the first begins as the primary. */
  readonly ids: readonly [string, string, string];
}

export async function startNodes(
  flavour: Flavour,
  options: Partial<Parameters<typeof MysqlCluster.start>[0]> = {},
): Promise<Nodes> {
  const cluster = await MysqlCluster.start({ ...options, flavour });
  const [a = '', b = '', c = ''] = cluster.nodes.map(({ id }) => id);
  return { cluster, ids: [a, b, c] };
}

/** A node of a cluster as its monitor account sees it. */
export function targetOf(cluster: MysqlCluster, id: string): Target {
  const { monitor } = cluster.credentials;
  const endpoint = { host: '127.0.0.1', port: cluster.node(id).port };
  return { node: nodeId(id), endpoint, ...monitor, database: '', options: '', tls: undefined };
}

export function probeWith(options: Partial<ProbeOptions> = {}): MysqlProbe {
  return new MysqlProbe({
    clock: performance,
    timeoutMs: 2_000,
    applicationName: 'pointsman:test:one',
    replicas: 2,
    promotes: true,
    ...options,
  });
}

export function controlOf(cluster: MysqlCluster, timeoutMs = 10_000): MysqlControl {
  const { replication } = cluster.credentials;
  return new MysqlControl({ timeoutMs, applicationName: 'pointsman:test:one', replication });
}

export function seen(observation: Observation): Seen {
  if (observation.kind === 'seen') return observation;
  throw new Error(`${observation.node} was not seen: ${observation.failure}, ${observation.message}`);
}

/** Observes until `holds`; rejects with the last observation when it does not come true. */
export async function observeUntil(
  probe: MysqlProbe,
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

/** Whether a node has all that another showed. */
export const reaches = (
  observation: Observation,
  goal: Seen,
  order: Positions['compare'] = positions.compare,
) => observation.kind === 'seen' && /equal|after/.test(order(observation.position, goal.position));

/** A connection as somebody. Its errors are for whoever asks it next. */
export async function connectedTo(
  cluster: MysqlCluster,
  id: string,
  as: 'client' | 'superuser' = 'client',
): Promise<Connection> {
  const { user, password } = cluster.credentials[as];
  const { database } = cluster.credentials.client;
  const { port } = cluster.node(id);
  const connection = await createConnection({ host: '127.0.0.1', port, user, password, database });
  connection.on('error', () => undefined);
  return connection;
}
