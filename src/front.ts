import type { ClusterConfig } from './config/config.ts';
import type { Catalogue } from './core/catalogue.ts';
import type { Clock } from './core/clock.ts';
import type { Company, Verdict } from './core/company.ts';
import { Counters } from './core/counters.ts';
import type { Engine } from './core/engine.ts';
import { ProxyError } from './core/errors.ts';
import type { Emit, Event } from './core/events.ts';
import type { Endpoint } from './core/node.ts';
import type { View } from './core/view.ts';
import type { Gate } from './core/wire.ts';
import { lanesOf } from './lanes.ts';
import { type Listener, listen } from './net/listener.ts';
import { serverTls } from './net/tls.ts';
import { DataPlane, type DataPlaneOptions } from './session/dataplane.ts';
import type { Others } from './session/register.ts';
import { targetsOf } from './targets.ts';
import { type PoolFigures, summedPools } from './workers/figures.ts';
import type { Back, Counted, Front } from './workers/front.ts';

/** Where a front stands among those of the same cluster in other processes. */
export interface Place {
  readonly others: Others;
  /** Where all of them listen; undefined: as configured, this one is the first. */
  readonly address: Endpoint | undefined;
  readonly limits: DataPlaneOptions['limits'];
  /** Clients it may have now. */
  readonly maxClients: number;
  /** A client has come. */
  admitted(): void;
}

export interface FrontOptions {
  readonly config: ClusterConfig;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly back: Back;
  /** Left out: it is the only one. */
  readonly place?: Place;
}

/** The data plane of one cluster in this process, and its door. */
export class LocalFront implements Front {
  readonly data: DataPlane;
  readonly counters: Counters;
  isOpen = true;
  readonly #back: Back;
  readonly #listener: Listener;

  constructor(data: DataPlane, listener: Listener, back: Back) {
    this.data = data;
    this.counters = data.counters;
    this.#listener = listener;
    this.#back = back;
  }

  /** Starts one, with its door open. Rejects with a ProxyError when it cannot listen. */
  static async start({ config, engine, clock, back, place }: FrontOptions): Promise<LocalFront> {
    const counters = new Counters(config.nodes.map(({ id }) => id));
    const data = new DataPlane({
      ...settingsOf(config, engine, place?.others.workers ?? 1),
      clock,
      counters,
      emit: counting(counters, back.emit),
      limits: place?.limits ?? ((user) => ({ ...config.pool, size: poolSize(config, user) })),
      signal: (signal) => back.signalled(signal),
      needs: (account) => back.need(account.database),
      stale: (account, how) => back.stale(account.database, how),
      ...(place === undefined ? {} : { others: place.others }),
    });
    try {
      return new LocalFront(data, await openDoor(config, data, place), back);
    } catch (error) {
      data.close();
      throw error;
    }
  }

  get address(): Endpoint {
    return this.#listener.address;
  }

  /** Clients that are connected, those in their start-up too. */
  get clients(): number {
    return this.#listener.open;
  }

  apply(view: View): void {
    this.#back.acked(this.data.apply(view));
  }

  learn(database: string, catalogue: Catalogue): void {
    for (const account of this.data.accounts.of(database)) {
      account.catalogue = catalogue;
      account.doubted = false;
    }
  }

  doubt(database: string): void {
    for (const account of this.data.accounts.of(database)) account.doubted = true;
  }

  count(): Promise<Counted> {
    return Promise.resolve(this.countNow());
  }

  /** It has learned all that there is to know. */
  learned(_database: string, _sql: string, own: Verdict): Promise<Company> {
    return Promise.resolve(own);
  }

  countNow(): Counted {
    this.data.count();
    return { counters: this.counters, pools: summedPools(this.#pools()) };
  }

  *#pools(): Iterable<PoolFigures> {
    for (const { user, database, dispatchers } of this.data.accounts.all) {
      for (const { node, busy, free, waiting, lanes } of dispatchers) {
        const shared = { lanes: lanes.count, laneOwed: lanes.owed };
        yield { node, user, database, open: busy + free, busy, waiting, ...shared };
      }
    }
  }

  async close(): Promise<void> {
    this.isOpen = false;
    await this.#listener.close();
    this.data.close();
  }
}

/** Server connections of a user per node and database. */
export function poolSize({ users, pool }: ClusterConfig, user: string): number {
  return users.find(({ name }) => name === user)?.maxConnections ?? pool.size;
}

/** What may wait is divided among the processes: each has memory of its own. */
export const partOf = (whole: number, workers: number): number => Math.ceil(whole / workers);

type Settled = Pick<
  DataPlaneOptions,
  | 'wire'
  | 'gate'
  | 'startupTimeoutMs'
  | 'target'
  | 'holds'
  | 'rules'
  | 'level'
  | 'functions'
  | 'mode'
  | 'shares'
>;

/** What the configuration alone decides. */
function settingsOf(config: ClusterConfig, engine: Engine, workers: number): Settled {
  const reach = targetsOf(config);
  const users = new Map(config.users.map((user) => [user.name, user]));
  const { hold, routing } = config;
  return {
    wire: engine.wire,
    gate: gateOf(config),
    startupTimeoutMs: config.listen.startupTimeoutMs,
    target: (node, user, links) => reach(node, user, users.get(user)?.password, links),
    holds: {
      requests: partOf(hold.requests, workers),
      bytes: partOf(hold.bytes, workers),
      timeoutMs: hold.timeoutMs,
    },
    rules: {
      replicas: routing.reads === 'replicas',
      noReplica: routing.noReplica,
      maxLagBytes: routing.maxLagBytes,
      compare: engine.positions.compare,
    },
    level: config.consistency,
    functions: { allow: new Set(routing.functions.allow), deny: new Set(routing.functions.deny) },
    mode: (user) => users.get(user)?.pooling ?? config.pool.mode,
    shares: lanesOf(config),
  };
}

function openDoor(config: ClusterConfig, data: DataPlane, place: Place | undefined): Promise<Listener> {
  const { host, port, maxClients } = config.listen;
  return listen({
    host,
    port: place?.address?.port ?? port,
    reusePort: place !== undefined,
    get maxClients() {
      return place?.maxClients ?? maxClients;
    },
    serve: (connection) => {
      place?.admitted();
      void data.admit(connection);
    },
    refuse: (connection) => data.refuse(connection, tooMany(maxClients)),
    failed: (error) =>
      data.emit({ kind: 'alarm', rule: 'listen', reason: `accepting failed: ${error.message}` }),
  });
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
