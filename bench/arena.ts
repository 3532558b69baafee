import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeRun } from '../src/demo/ports.ts';
import { EmbeddedCluster } from '../src/demo/postgres.ts';
import { until } from '../src/demo/until.ts';
import type { Options } from './options.ts';
import { type Aim, layTables } from './pgbench.ts';

const CAUGHT_UP_WITHIN = 60_000;

/** What all contestants stand before: one cluster with pgbench's tables, and a folder for their configurations. */
export interface Arena extends AsyncDisposable {
  readonly engine: 'postgres';
  readonly cluster: EmbeddedCluster;
  /** The primary itself. */
  readonly direct: Aim;
  readonly serverVersion: string;
  /** Readable by everybody, for peers that run under another account; removed at the end. */
  readonly folder: string;
  /** Free ports for the proxies. */
  readonly ports: readonly number[];
  readonly signal: AbortSignal;
}

/** Ports for proxies that one benchmark may need. */
const PROXY_PORTS = 8;

export async function openArena(options: Options, signal: AbortSignal): Promise<Arena> {
  await using opening = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  opening.defer(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const cluster = opening.use(
    await EmbeddedCluster.start({
      ports: await freeRun(options.nodePort, 3),
      settings: { fsync: 'off', shared_buffers: '256MB', max_wal_size: '4GB', autovacuum: 'off' },
    }),
  );
  const { user, password, database } = cluster.credentials.client;
  const direct = { port: cluster.node('pg-1').port, user, password, database };
  await layTables(direct, options.scale, signal);
  await caughtUp(cluster);
  const [version] = await cluster.query('pg-1', "SELECT current_setting('server_version') AS version");
  const owned = opening.move();
  return {
    engine: 'postgres',
    cluster,
    direct,
    folder,
    signal,
    serverVersion: String(version?.['version']),
    ports: await freeRun(options.port, PROXY_PORTS),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Checkpoints the primary and waits until every replica has replayed all of it. */
async function caughtUp(cluster: EmbeddedCluster): Promise<void> {
  await cluster.query('pg-1', 'CHECKPOINT');
  const behind =
    'SELECT count(*)::int AS behind FROM pg_stat_replication WHERE replay_lsn < pg_current_wal_lsn()';
  const done = await until(async () => {
    const [row] = await cluster.query('pg-1', behind);
    return row?.['behind'] === 0;
  }, CAUGHT_UP_WITHIN);
  if (!done) throw new Error(`the replicas did not catch up within ${CAUGHT_UP_WITHIN / 1_000} s`);
}
