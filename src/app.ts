import { startAdmin } from './admin/server.ts';
import type { AdminSources } from './admin/sources.ts';
import { monotonicClock, sharedClock } from './clock.ts';
import { type Cluster, openCluster } from './cluster.ts';
import type { Config } from './config/config.ts';
import { ProxyError } from './core/errors.ts';
import type { Emit, Event } from './core/events.ts';
import type { Endpoint, NodeId } from './core/node.ts';
import { LocalFront } from './front.ts';
import { type Log, startLog } from './log/log.ts';
import { createMetrics, type MetricSource } from './metrics/metrics.ts';
import { Staff, workersOf } from './staff.ts';
import { version } from './version.ts';

export interface ProxyOptions {
  readonly hooks?: { rejoin?(node: NodeId, primary: NodeId): Promise<void> };
  /** Hears every event beside the log and the metrics. */
  readonly emit?: (event: Event) => void;
}

export interface RunningProxy {
  /** Where clients connect, one address a cluster, in the order of the configuration. */
  readonly addresses: readonly Endpoint[];
  readonly adminAddress: Endpoint | undefined;
  /** Processes that serve clients beside this one; none when this one serves them itself. */
  readonly workers: readonly number[];
  /** What a scrape reads, one of each cluster, as it is now. */
  figures(): Promise<readonly MetricSource[]>;
  /** Refuses new clients, ends sessions and links, and resolves when nothing is left. */
  close(): Promise<void>;
}

/** Starts everything a configuration names. Rejects with a ProxyError, and leaves nothing behind then. */
export async function startProxy(config: Config, options: ProxyOptions = {}): Promise<RunningProxy> {
  const workers = workersOf(config);
  const clock = workers === 1 ? monotonicClock : sharedClock('early');
  const log = startLog({ level: config.log.level, clock });
  const clusters: Cluster[] = [];
  const staff = workers === 1 ? undefined : new Staff({ config, workers, clock, logger: log.logger });
  const metrics = createMetrics({
    version,
    sources: () => Promise.all(clusters.map((cluster) => cluster.figures())),
    ...(staff === undefined ? {} : { workers: () => staff.usage() }),
  });
  try {
    for (const settings of config.clusters) {
      const emit = together(log.emitFor(settings.name), metrics.emitFor(settings.name), options.emit);
      const cluster = await openCluster(settings, { clock, emit, hooks: options.hooks ?? {} });
      clusters.push(cluster);
    }
    await staff?.start(clusters);
    for (const cluster of clusters) {
      cluster.begin(staff?.frontOf(cluster) ?? (await LocalFront.start({ ...cluster.facts, clock })));
    }
    const admin = await startAdminOf(config, {
      clusters,
      metrics: async () => {
        return { text: await metrics.render(), contentType: metrics.contentType };
      },
    });
    const addresses = clusters.map((cluster) => cluster.address);
    log.logger.info(
      { event: 'proxy.started', addresses, admin: admin?.address, workers },
      'ready for clients',
    );
    return {
      addresses,
      adminAddress: admin?.address,
      get workers() {
        return staff?.pids ?? [];
      },
      figures: () => Promise.all(clusters.map((cluster) => cluster.figures())),
      close: async () => {
        await admin?.close();
        await closeAll(clusters, staff, log);
      },
    };
  } catch (error) {
    await closeAll(clusters, staff, log);
    throw error;
  }
}
async function startAdminOf(
  config: Config,
  given: { clusters: readonly Cluster[]; metrics: AdminSources['metrics'] },
): Promise<{ address: Endpoint; close(): Promise<void> } | undefined> {
  if (config.admin === undefined) return undefined;
  return startAdmin(config.admin.listen, {
    version,
    metrics: given.metrics,
    clusters: () => Promise.all(given.clusters.map((cluster) => cluster.status())),
    explain: (question) => {
      const cluster = given.clusters.find(({ name }) => name === question.cluster);
      if (cluster === undefined) return Promise.reject(noCluster(question.cluster));
      return cluster.explain(question);
    },
  });
}

async function closeAll(clusters: readonly Cluster[], staff: Staff | undefined, log: Log): Promise<void> {
  await staff?.close();
  await Promise.all(clusters.map((cluster) => cluster.close()));
  log.logger.info({ event: 'proxy.stopped' }, 'stopped');
  log.close();
}

/** One emitter of several; each hears every event. */
function together(...emits: readonly (Emit | undefined)[]): Emit {
  const all = emits.filter((emit) => emit !== undefined);
  return (event) => {
    for (const emit of all) emit(event);
  };
}

function noCluster(name: string): ProxyError {
  return new ProxyError('CONFIG', {
    side: 'client',
    retry: 'no',
    tell: `there is no cluster named ${JSON.stringify(name)} in the configuration`,
  });
}
