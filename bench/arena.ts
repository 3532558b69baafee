import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseCluster, EngineName } from '../src/demo/cluster.ts';
import { MysqlCluster } from '../src/demo/mysql.ts';
import { freeRun } from '../src/demo/ports.ts';
import { EmbeddedCluster } from '../src/demo/postgres.ts';
import { until } from '../src/demo/until.ts';
import type { Options } from './options.ts';
import { type Aim, layTables } from './pgbench.ts';
import { layTable } from './sysbench.ts';

const CAUGHT_UP_WITHIN = 60_000;

/** What all contestants stand before: one cluster with the tables of its load, and a folder for their configurations. */
export interface Arena extends AsyncDisposable {
  readonly engine: EngineName;
  readonly cluster: DatabaseCluster;
  /** The primary itself. */
  readonly direct: Aim;
  /** Ports of its replicas. */
  readonly replicas: readonly number[];
  /** Which server, e.g. `PostgreSQL 18.4`. */
  readonly server: string;
  /** Readable by everybody, for peers that run under another account; removed at the end. */
  readonly folder: string;
  /** Free ports for the proxies. */
  readonly ports: readonly number[];
  /** One beyond them that was not given out before. One at a time. */
  readonly nextPort: () => Promise<number>;
  readonly signal: AbortSignal;
}

/** Ports for proxies that one benchmark may need. */
const PROXY_PORTS = 8;

type Asked = Pick<Options, 'nodePort' | 'port' | 'scale'> & { readonly engine?: EngineName };

/** PostgreSQL if no engine is named. Rejects, and leaves nothing then. */
export async function openArena(options: Asked, signal: AbortSignal): Promise<Arena> {
  const engine = options.engine ?? 'postgres';
  await using opening = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const cluster = opening.use(await startCluster(engine, options.nodePort));
  const [primary, ...others] = cluster.nodes;
  const { user, password, database } = cluster.credentials.client;
  const direct = { port: primary?.port ?? 0, user, password, database };
  if (engine === 'postgres') {
    await layTables(direct, options.scale, signal);
    await caughtUp(cluster);
  } else await layTable(direct, signal);
  const server = await versionOf(cluster);
  const ports = await freeRun(options.port, PROXY_PORTS);
  let next = (ports.at(-1) ?? 0) + 1;
  const owned = opening.move();
  return {
    ...{ engine, cluster, direct, folder, signal, server, ports },
    replicas: others.map(({ port }) => port),
    nextPort: async () => {
      const [port = 0] = await freeRun(next, 1);
      next = port + 1;
      return port;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * Nobody measures a disk here; and there is room for a connection of every client, which some peers make, beside those
 * that Pgpool-II keeps of the load before.
 */
async function startCluster(engine: EngineName, firstPort: number): Promise<DatabaseCluster> {
  const ports = await freeRun(firstPort, 3);
  if (engine !== 'postgres') {
    const settings = {
      'max-connections': '1200',
      'innodb-buffer-pool-size': '256M',
      'innodb-flush-log-at-trx-commit': '2',
      'sync-binlog': '0',
    };
    return MysqlCluster.start({ flavour: engine, ports, settings });
  }
  const settings = {
    fsync: 'off',
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    autovacuum: 'off',
    max_connections: '1600',
  };
  return EmbeddedCluster.start({ ports, settings });
}

async function versionOf(cluster: DatabaseCluster): Promise<string> {
  const [primary] = cluster.nodes;
  const id = primary?.id ?? '';
  if (cluster.engine === 'postgres') {
    const [row] = await cluster.query(id, "SELECT current_setting('server_version') AS version");
    return `PostgreSQL ${row?.['version']}`;
  }
  const [row] = await cluster.query(id, 'SELECT version() AS version');
  const [, version = ''] = /^([\d.]+)/.exec(String(row?.['version'])) ?? [];
  return `${cluster.engine === 'mysql' ? 'MySQL' : 'MariaDB'} ${version}`;
}

/** Checkpoints the primary and waits until every replica has replayed all of it. */
async function caughtUp(cluster: DatabaseCluster): Promise<void> {
  await cluster.query('pg-1', 'CHECKPOINT');
  const behind =
    'SELECT count(*)::int AS behind FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()';
  const done = await until(async () => {
    const [row] = await cluster.query('pg-1', behind);
    return row?.['behind'] === 0;
  }, CAUGHT_UP_WITHIN);
  if (!done) throw new Error(`the replicas did not catch up within ${CAUGHT_UP_WITHIN / 1_000} s`);
}
