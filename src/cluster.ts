import { randomBytes } from 'node:crypto';
import type { ClusterStatus, ExplainQuestion, Explanation, PoolStatus } from './admin/sources.ts';
import type { ClusterConfig } from './config/config.ts';
import type { Clock } from './core/clock.ts';
import { Counters } from './core/counters.ts';
import type { Engine, Gate, LinkKind, Probe, Target } from './core/engine.ts';
import { ProxyError } from './core/errors.ts';
import type { Emit, Event } from './core/events.ts';
import type { Endpoint, NodeId } from './core/node.ts';
import type { Signal } from './core/view.ts';
import { engineNamed } from './engines.ts';
import { type Journal, memoryJournal, openJournal } from './failover/journal.ts';
import type { Hooks } from './failover/runner.ts';
import { commandHook } from './hook.ts';
import type { MetricSource } from './metrics/metrics.ts';
import { type Listener, listen } from './net/listener.ts';
import { clientTls, serverTls } from './net/tls.ts';
import { type ControlPlane, startControlPlane } from './plane.ts';
import { DataPlane, type DataPlaneOptions } from './session/dataplane.ts';
import { Catalogues } from './topology/catalogues.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly hooks: Hooks;
}

/** How old the catalogue of a database may become, and how often it may be read again, in ms. */
const CATALOGUE_AGE = 30_000;
const CATALOGUE_GAP = 500;
/** A unit of control on one node (promote, fence) is asked of the server at most this long, in ms. */
const CONTROL_WITHIN = 10_000;

/** One replicated database behind one address: its two planes, wired together. */
export class Cluster {
  readonly name: string;
  readonly #config: ClusterConfig;
  readonly #engine: Engine;
  readonly #counters: Counters;
  readonly #data: DataPlane;
  readonly #control: ControlPlane;
  readonly #catalogues: Catalogues;
  readonly #listener: Listener;
  readonly #probe: Probe;
  #listening = true;

  constructor(parts: {
    config: ClusterConfig;
    engine: Engine;
    counters: Counters;
    data: DataPlane;
    control: ControlPlane;
    catalogues: Catalogues;
    listener: Listener;
    probe: Probe;
  }) {
    this.name = parts.config.name;
    this.#config = parts.config;
    this.#engine = parts.engine;
    this.#counters = parts.counters;
    this.#data = parts.data;
    this.#control = parts.control;
    this.#catalogues = parts.catalogues;
    this.#listener = parts.listener;
    this.#probe = parts.probe;
  }

  get address(): Endpoint {
    return this.#listener.address;
  }

  /** The figures for a scrape, with what is now brought up to date. */
  figures(): MetricSource {
    this.#data.count();
    return {
      cluster: this.name,
      engine: this.#engine.name,
      counters: this.#counters,
      view: () => this.#data.view,
    };
  }

  status(): ClusterStatus {
    const { host, port } = this.address;
    this.#data.count();
    const pinned: Record<string, number> = {};
    for (const [reason, { count }] of this.#counters.pinnedByReason) pinned[reason] = count;
    return {
      name: this.name,
      engine: this.#engine.name,
      address: `${host}:${port}`,
      listening: this.#listening,
      view: this.#data.view,
      sessions: {
        clients: this.#counters.clientsNow,
        pinned,
        held: this.#counters.heldNow,
        heldBytes: this.#counters.heldBytesNow,
      },
      pools: [...this.#pools()],
    };
  }

  *#pools(): Iterable<PoolStatus> {
    for (const account of this.#data.accounts.all) {
      for (const { node, busy, free, waiting } of account.dispatchers) {
        const { user, database } = account;
        yield { node, user, database, size: this.#config.pool.size, open: busy + free, busy, waiting };
      }
    }
  }

  /** Where a statement would go, by what is known of the names in it. */
  explain({ database, sql }: ExplainQuestion): Promise<Explanation> {
    const accounts = [...this.#data.accounts.all];
    const known =
      accounts.find((account) => account.database === database) ??
      // Links that go from one database to another know them all.
      accounts.find((account) => account.database === '');
    return Promise.resolve(this.#engine.explain(sql, database ?? '', known?.catalogue, this.#data.functions));
  }

  async close(): Promise<void> {
    this.#listening = false;
    await this.#listener.close();
    this.#catalogues.close();
    this.#data.close();
    await this.#control.close();
    await this.#probe.close();
  }
}

/** Starts one cluster: control plane first, then the door. A node that is down does not keep it from starting. */
export async function startCluster(config: ClusterConfig, options: ClusterOptions): Promise<Cluster> {
  const engine = engineNamed(config.engine);
  const { clock, hooks } = options;
  const counters = new Counters(config.nodes.map(({ id }) => id));
  const emit = counting(counters, options.emit);
  const reach = targets(config);
  const applicationName = `pointsman:${config.name}:${randomBytes(6).toString('hex')}`;
  const monitorTarget = (node: NodeId, database: string = config.monitor.database): Target =>
    reach(node, config.monitor.user, config.monitor.password, { database, options: '' });
  const passwords = new Map(config.users.map((user) => [user.name, user]));
  const probe = engine.probe({
    clock,
    timeoutMs: config.monitor.timeoutMs,
    applicationName,
    replicas: config.nodes.length - 1,
    promotes: config.failover.mode === 'promote',
  });
  const signals: Signal[] = [];
  let control: ControlPlane | undefined;
  const data = new DataPlane({
    wire: engine.wire,
    clock,
    gate: gateOf(config),
    startupTimeoutMs: config.listen.startupTimeoutMs,
    limits: (user) => ({ ...config.pool, size: passwords.get(user)?.maxConnections ?? config.pool.size }),
    target: (node, user, links) => reach(node, user, passwords.get(user)?.password, links),
    holds: config.hold,
    rules: {
      replicas: config.routing.reads === 'replicas',
      noReplica: config.routing.noReplica,
      maxLagBytes: config.routing.maxLagBytes,
      compare: engine.positions.compare,
    },
    level: config.consistency,
    functions: {
      allow: new Set(config.routing.functions.allow),
      deny: new Set(config.routing.functions.deny),
    },
    counters,
    emit,
    mode: (user) => passwords.get(user)?.pooling ?? config.pool.mode,
    shares: lanesOf(config),
    signal: (signal) => (control === undefined ? signals.push(signal) : control.signal(signal)),
    needs: (account) => catalogues.need(account.database),
    stale: (account, how) => {
      if (how === 'changed') catalogues.changed(account.database);
      else catalogues.missed(account.database);
    },
  });
  const catalogues = new Catalogues({
    clock,
    maxAgeMs: CATALOGUE_AGE,
    minGapMs: CATALOGUE_GAP,
    read: (database) => {
      const { primary } = data.view;
      return primary === null
        ? Promise.reject(noPrimary())
        : probe.catalogue(monitorTarget(primary, database));
    },
    apply: (database, catalogue) => {
      for (const account of data.accounts.of(database)) {
        account.catalogue = catalogue;
        account.doubted = false;
      }
    },
    doubt: (database) => {
      for (const account of data.accounts.of(database)) account.doubted = true;
    },
  });
  const journal = await journalOf(config);
  const listener = await listen({
    host: config.listen.host,
    port: config.listen.port,
    maxClients: config.listen.maxClients,
    serve: (connection) => void data.admit(connection),
    refuse: (connection) => data.refuse(connection, tooMany(config.listen.maxClients)),
    failed: (error) => emit({ kind: 'alarm', rule: 'listen', reason: `accepting failed: ${error.message}` }),
  });
  control = startControlPlane({
    clock,
    nodes: config.nodes,
    probe,
    control: engine.control({
      timeoutMs: CONTROL_WITHIN,
      applicationName,
      replication: config.failover.replication ?? config.monitor,
    }),
    positions: engine.positions,
    targetOf: (node) => monitorTarget(node),
    hooks: { ...commandHook(config.failover.rejoin), ...hooks },
    journal,
    settings: {
      mode: config.failover.mode,
      intervalMs: config.monitor.intervalMs,
      probeTimeoutMs: config.monitor.timeoutMs,
      startWaitMs: config.failover.startWaitMs,
      cooldownMs: config.failover.cooldownMs,
      lossBoundBytes: config.failover.lossBoundBytes,
    },
    emit,
  });
  const plane = control;
  plane.onView((view) => {
    const { primary } = data.view;
    plane.ack(data.apply(view));
    if (view.primary !== null && view.primary !== primary) catalogues.refresh();
  });
  for (const signal of signals) plane.signal(signal);
  return new Cluster({ config, engine, counters, data, control: plane, probe, catalogues, listener });
}

function journalOf({ name, failover }: ClusterConfig): Promise<Journal> {
  if (failover.journal === undefined) return Promise.resolve(memoryJournal());
  return openJournal({ folder: failover.journal, cluster: name, wallNow: () => Date.now() });
}

/** Whose plain reads may share server connections: off anywhere is off. */
function lanesOf({ pool, users, databases }: ClusterConfig): DataPlaneOptions['shares'] {
  const apart = new Set(users.filter(({ lanes }) => lanes === false).map(({ name }) => name));
  const closed = new Set(databases.filter(({ lanes }) => !lanes).map(({ name }) => name));
  return ({ user, database }) => pool.lanes && !apart.has(user) && !closed.has(database);
}

/** How to reach any node as anyone. */
function targets(
  config: ClusterConfig,
): (node: NodeId, user: string, password: string | undefined, links: LinkKind) => Target {
  const { mode, ca, cert, key } = config.serverTls;
  const pems = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const tls = mode === 'disable' ? undefined : clientTls(mode, pems);
  const endpoints = new Map(config.nodes.map(({ id, endpoint }) => [id, endpoint]));
  return (node, user, password, { database, options }) => {
    const endpoint = endpoints.get(node);
    if (endpoint === undefined) throw new Error(`node ${node} is not configured`);
    return { node, endpoint, user, password, database, options, tls };
  };
}

function gateOf(config: ClusterConfig): Omit<Gate, 'version'> {
  const { tls } = config.listen;
  const users = new Map(config.users.map(({ name, password }) => [name, password ?? '']));
  return {
    tls: tls === undefined ? undefined : serverTls({ cert: tls.cert, key: tls.key }),
    tlsRequired: tls?.require ?? false,
    method: config.auth.method,
    credential: (user) => users.get(user),
  };
}

/** Events that change what is counted "now". */
function counting(counters: Counters, emit: Emit): Emit {
  return (event: Event) => {
    if (event.kind === 'link-opened') counters.of(event.node).openNow++;
    else if (event.kind === 'link-closed') counters.of(event.node).openNow--;
    emit(event);
  };
}

function tooMany(maxClients: number): ProxyError {
  return new ProxyError('CLIENT_LIMIT', {
    side: 'proxy',
    retry: 'safe',
    tell: `${maxClients} clients are connected, the limit of listen.maxClients`,
  });
}

function noPrimary(): ProxyError {
  return new ProxyError('CONNECT_FAILED', {
    side: 'proxy',
    retry: 'safe',
    tell: 'there is no primary to read the catalogue from',
  });
}
