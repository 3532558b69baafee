import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ClusterStatus, ExplainQuestion, Explanation } from './admin/sources.ts';
import type { ClusterConfig } from './config/config.ts';
import type { Clock } from './core/clock.ts';
import type { Company } from './core/company.ts';
import type { Engine, Probe } from './core/engine.ts';
import { ProxyError } from './core/errors.ts';
import type { Emit } from './core/events.ts';
import type { Endpoint, NodeId } from './core/node.ts';
import { emptyView, type Signal, type View } from './core/view.ts';
import type { Target } from './core/wire.ts';
import { engineNamed } from './engines.ts';
import { type Journal, memoryJournal, openJournal } from './failover/journal.ts';
import type { Hooks } from './failover/runner.ts';
import { poolSize } from './front.ts';
import { commandHook } from './hook.ts';
import { laneIn } from './lanes.ts';
import type { MetricSource } from './metrics/metrics.ts';
import { type ControlPlane, startControlPlane } from './plane.ts';
import { targetsOf } from './targets.ts';
import { Catalogues } from './topology/catalogues.ts';
import type { Back, Counted, Front } from './workers/front.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly hooks: Hooks;
}

/** What a cluster is made of. */
interface Parts {
  readonly engine: Engine;
  readonly probe: Probe;
  readonly journal: Journal;
  /** How this proxy names itself to servers. */
  readonly applicationName: string;
  /** A node as the account that watches it sees it. */
  readonly monitor: (node: NodeId, database?: string) => Target;
}

/** How old the catalogue of a database may become, and how often it may be read again, in ms. */
const CATALOGUE_AGE = 30_000;
const CATALOGUE_GAP = 500;
/** A unit of control on one node (promote, fence) is asked of the server at most this long, in ms. */
const CONTROL_WITHIN = 10_000;

/**
 * One replicated database behind one address: its control plane, and what that says to the data plane and hears of it.
 * The data plane may be in this process or in others.
 */
export class Cluster implements Back {
  readonly name: string;
  readonly emit: Emit;
  readonly #config: ClusterConfig;
  readonly #options: ClusterOptions;
  readonly #parts: Parts;
  readonly #catalogues: Catalogues;
  #front: Front | undefined;
  #control: ControlPlane | undefined;
  #view: View = emptyView;

  constructor(config: ClusterConfig, options: ClusterOptions, parts: Parts) {
    this.name = config.name;
    this.emit = options.emit;
    this.#config = config;
    this.#options = options;
    this.#parts = parts;
    this.#catalogues = new Catalogues({
      clock: options.clock,
      maxAgeMs: CATALOGUE_AGE,
      minGapMs: CATALOGUE_GAP,
      read: (database) => {
        const { primary } = this.#view;
        if (primary === null) return Promise.reject(noPrimary());
        return parts.probe.catalogue(parts.monitor(primary, database));
      },
      same: (a, b) => isDeepStrictEqual(parts.engine.pack(a), parts.engine.pack(b)),
      apply: (database, catalogue) => this.#front?.learn(database, catalogue),
      doubt: (database) => this.#front?.doubt(database),
    });
  }

  /** What a front is started with. */
  get facts(): { readonly config: ClusterConfig; readonly engine: Engine; readonly back: Back } {
    return { config: this.#config, engine: this.#parts.engine, back: this };
  }

  get address(): Endpoint {
    return this.#front?.address ?? this.#config.listen;
  }

  /** The door is open: now begins what tells the data plane where to send. */
  begin(front: Front): void {
    this.#front = front;
    const control = this.#startControl();
    this.#control = control;
    control.onView((view) => {
      const { primary } = this.#view;
      this.#view = view;
      front.apply(view);
      if (view.primary !== null && view.primary !== primary) this.#catalogues.refresh();
    });
  }

  #startControl(): ControlPlane {
    const { engine, probe, journal, applicationName, monitor } = this.#parts;
    const { clock, hooks } = this.#options;
    const { failover, nodes, monitor: watch } = this.#config;
    return startControlPlane({
      clock,
      nodes,
      probe,
      control: engine.control({
        timeoutMs: CONTROL_WITHIN,
        applicationName,
        replication: failover.replication ?? watch,
      }),
      positions: engine.positions,
      targetOf: (node) => monitor(node),
      hooks: { ...commandHook(failover.rejoin), ...hooks },
      journal,
      settings: {
        mode: failover.mode,
        intervalMs: watch.intervalMs,
        probeTimeoutMs: watch.timeoutMs,
        startWaitMs: failover.startWaitMs,
        cooldownMs: failover.cooldownMs,
        lossBoundBytes: failover.lossBoundBytes,
      },
      emit: this.emit,
    });
  }

  // ------------------------------------------------------------ Back

  acked(ack: Parameters<Back['acked']>[0]): void {
    this.#control?.ack(ack);
  }

  signalled(signal: Signal): void {
    this.#control?.signal(signal);
  }

  need(database: string): ReturnType<Back['need']> {
    return this.#catalogues.need(database);
  }

  stale(database: string, how: 'missed' | 'changed'): void {
    if (how === 'changed') this.#catalogues.changed(database);
    else this.#catalogues.missed(database);
  }

  // ------------------------------------------------------------ for people and scrapes

  /** The figures for a scrape, as they are now. */
  async figures(): Promise<MetricSource> {
    const { counters } = await this.#counted();
    return { cluster: this.name, engine: this.#config.engine, counters, view: () => this.#view };
  }

  async status(): Promise<ClusterStatus> {
    const { host, port } = this.address;
    const { counters, pools } = await this.#counted();
    const pinned: Record<string, number> = {};
    for (const [reason, { count }] of counters.pinnedByReason) pinned[reason] = count;
    return {
      name: this.name,
      engine: this.#config.engine,
      address: `${host}:${port}`,
      listening: this.#front?.isOpen === true,
      view: this.#view,
      sessions: {
        clients: counters.clientsNow,
        pinned,
        held: counters.heldNow,
        heldBytes: counters.heldBytesNow,
      },
      pools: pools.map((pool) => ({ ...pool, size: poolSize(this.#config, pool.user) })),
    };
  }

  #counted(): Promise<Counted> {
    if (this.#front === undefined) throw new Error(`cluster ${this.name} has not been started`);
    return this.#front.count();
  }

  /** Where a statement would go, by what is known of the names in it and, wherever it runs, of its runs. */
  async explain({ database, sql }: ExplainQuestion): Promise<Explanation> {
    const { allow, deny } = this.#config.routing.functions;
    const known =
      (database === undefined ? undefined : this.#catalogues.known(database)) ??
      // Links that go from one database to another know them all.
      this.#catalogues.known('');
    const lists = { allow: new Set(allow), deny: new Set(deny) };
    const explained = this.#parts.engine.explain(sql, database ?? '', known, lists);
    const judged = (verdict: Company): Company => laneIn(this.#config, database ?? '', verdict);
    const own = judged(explained.lane);
    if (own.may === 'no' || this.#front === undefined) return { ...explained, lane: own };
    return { ...explained, lane: judged(await this.#front.learned(database ?? '', sql, explained.lane)) };
  }

  async close(): Promise<void> {
    await this.#front?.close();
    this.#catalogues.close();
    await (this.#control ?? this.#parts.journal).close();
    await this.#parts.probe.close();
  }
}

/** Prepares one cluster; `begin` starts it. A node that is down does not keep it from starting. */
export async function openCluster(config: ClusterConfig, options: ClusterOptions): Promise<Cluster> {
  const engine = engineNamed(config.engine);
  const monitor = monitorOf(config);
  const journal = await journalOf(config);
  const applicationName = `pointsman:${config.name}:${randomBytes(6).toString('hex')}`;
  const probe = engine.probe({
    clock: options.clock,
    timeoutMs: config.monitor.timeoutMs,
    applicationName,
    replicas: config.nodes.length - 1,
    promotes: config.failover.mode === 'promote',
  });
  return new Cluster(config, options, { engine, probe, journal, applicationName, monitor });
}

function monitorOf(config: ClusterConfig): Parts['monitor'] {
  const reach = targetsOf(config);
  const { user, password } = config.monitor;
  return (node, database = config.monitor.database) => reach(node, user, password, { database, options: '' });
}

function journalOf({ name, failover }: ClusterConfig): Promise<Journal> {
  if (failover.journal === undefined) return Promise.resolve(memoryJournal());
  return openJournal({ folder: failover.journal, cluster: name, wallNow: () => Date.now() });
}

function noPrimary(): ProxyError {
  return new ProxyError('CONNECT_FAILED', {
    side: 'proxy',
    retry: 'safe',
    tell: 'there is no primary to read the catalogue from',
  });
}
