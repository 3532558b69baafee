import { dirname, resolve } from 'node:path';
import { nodeId } from '../core/node.ts';
import { engineWords } from './engines.ts';
import type { Parsed, ParsedCluster } from './schema.ts';
import type { ClusterConfig, Config } from './types.ts';

/** The checked file as the program uses it. Relative file names are taken from the file's own folder. */
export function buildConfig(parsed: Parsed, file: string): Config {
  const absolute = (name: string): string => resolve(dirname(file), name);
  return {
    file,
    admin: parsed.admin === false ? undefined : { listen: parsed.admin.listen },
    log: parsed.log,
    workers: parsed.workers,
    clusters: parsed.clusters.map((cluster) => buildCluster(cluster, absolute)),
  };
}

type Absolute = (name: string) => string;

function buildCluster(cluster: ParsedCluster, absolute: Absolute): ClusterConfig {
  const words = engineWords.get(cluster.engine);
  const optional = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : absolute(name);
  const { serverTls, monitor } = cluster;
  return {
    name: cluster.name,
    engine: cluster.engine,
    listen: buildListen(cluster, absolute),
    nodes: cluster.nodes.map(({ name, host, port, weight, priority }) => ({
      id: nodeId(name),
      endpoint: { host, port },
      weight,
      priority,
    })),
    serverTls: {
      mode: serverTls.mode,
      ca: optional(serverTls.ca),
      cert: optional(serverTls.cert),
      key: optional(serverTls.key),
    },
    auth: { method: cluster.auth.method ?? words?.methods[0] ?? '' },
    users: cluster.users.map(({ name, password, pooling, maxConnections, lanes }) => ({
      name,
      password,
      pooling,
      maxConnections,
      lanes,
    })),
    databases: cluster.databases,
    monitor: {
      user: monitor.user,
      password: monitor.password,
      database: monitor.database ?? words?.database ?? '',
      intervalMs: monitor.interval,
      timeoutMs: monitor.timeout,
    },
    ...buildBounds(cluster),
    failover: buildFailover(cluster.failover, optional),
  };
}

function buildListen({ listen }: ParsedCluster, absolute: Absolute): ClusterConfig['listen'] {
  const { host, port, maxClients, startupTimeout, tls } = listen;
  return {
    host,
    port,
    maxClients,
    startupTimeoutMs: startupTimeout,
    tls:
      tls === undefined
        ? undefined
        : { cert: absolute(tls.cert), key: absolute(tls.key), require: tls.require },
  };
}

function buildBounds(
  cluster: ParsedCluster,
): Pick<ClusterConfig, 'pool' | 'routing' | 'consistency' | 'hold'> {
  const { pool, routing, hold } = cluster;
  return {
    pool: {
      mode: pool.mode,
      size: pool.size,
      waiters: pool.waiters,
      waitTimeoutMs: pool.waitTimeout,
      maxAgeMs: pool.maxAge,
      idleTimeoutMs: pool.idleTimeout,
      connectTimeoutMs: pool.connectTimeout,
      lanes: pool.lanes,
    },
    routing: {
      reads: routing.reads,
      noReplica: routing.noReplica,
      functions: routing.functions,
      scanLimitBytes: routing.scanLimit,
      maxLagBytes: routing.maxLag,
    },
    consistency: cluster.consistency,
    hold: { requests: hold.requests, bytes: hold.bytes, timeoutMs: hold.timeout },
  };
}

function buildFailover(
  failover: ParsedCluster['failover'],
  optional: (name: string | undefined) => string | undefined,
): ClusterConfig['failover'] {
  const { mode, cooldown, lossBound, startWait, journal, replication, rejoin } = failover;
  return {
    mode,
    cooldownMs: cooldown,
    lossBoundBytes: lossBound,
    startWaitMs: startWait,
    journal: optional(journal),
    replication:
      replication === undefined ? undefined : { user: replication.user, password: replication.password },
    rejoin,
  };
}
