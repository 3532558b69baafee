import { type RunningProxy, startProxy } from '../../src/app.ts';
import { type ConfigInput, configOf } from '../../src/config/config.ts';
import type { Event } from '../../src/core/events.ts';
import type { View } from '../../src/core/view.ts';
import type { DatabaseCluster, EngineName } from '../../src/demo/cluster.ts';
import type { PostgresOptions } from '../../src/demo/postgres.ts';
import { startAnyCluster } from './cluster.ts';

const HOST = '127.0.0.1';
const SETTLED_WITHIN = 15_000;

/** A connection as `pg` and `mysql2` take it. */
export interface ConnectionFacts {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface StageOptions {
  /** PostgreSQL if left out. */
  readonly engine?: EngineName;
  /** Its settings are in the engine's words; `syncNames` is PostgreSQL's alone, `synchronous` everybody's. */
  readonly cluster?: PostgresOptions;
  /** Laid over the proxy's configuration of the cluster. */
  readonly proxy?: Partial<ConfigInput['clusters'][number]>;
  /** Processes that serve clients; this one alone if left out. */
  readonly workers?: number;
  /** With an admin surface on any port. */
  readonly admin?: boolean;
}

/** Three real nodes and the proxy that promotes before them, in this process. `await using`, or `close`. */
export class Stage implements AsyncDisposable {
  readonly cluster: DatabaseCluster;
  readonly proxy: RunningProxy;
  /** All events but probes, in order. */
  readonly events: readonly Event[];
  readonly #views: { view: View | undefined };

  constructor(
    cluster: DatabaseCluster,
    proxy: RunningProxy,
    events: Event[],
    views: { view: View | undefined },
  ) {
    this.cluster = cluster;
    this.proxy = proxy;
    this.events = events;
    this.#views = views;
  }

  static async start(options: StageOptions = {}): Promise<Stage> {
    const cluster = await startAnyCluster(options.engine ?? 'postgres', options.cluster);
    const events: Event[] = [];
    const views: { view: View | undefined } = { view: undefined };
    let proxy: RunningProxy | undefined;
    try {
      proxy = await startProxy(configuration(cluster, options), {
        hooks: { rejoin: (node, primary) => cluster.rejoin(node, primary) },
        emit: (event) => {
          if (event.kind === 'view-changed') views.view = event.view;
          if (event.kind !== 'probed') events.push(event);
        },
      });
      const stage = new Stage(cluster, proxy, events, views);
      await stage.until((view) => view.primary !== null && view.nodes.every((node) => node.state === 'up'));
      return stage;
    } catch (error) {
      await proxy?.close();
      await cluster.close();
      throw error;
    }
  }

  /** The world as the proxy last said it. */
  get view(): View | undefined {
    return this.#views.view;
  }

  /** Through the proxy. */
  get proxied(): ConnectionFacts {
    return { ...this.#client, port: this.proxy.addresses[0]?.port ?? 0 };
  }

  /** Past the proxy. */
  direct(node: string): ConnectionFacts {
    return { ...this.#client, port: this.cluster.node(node).port };
  }

  /** Resolves when the proxy's view is as asked; rejects after a bound, and says what the view was. */
  async until(holds: (view: View) => boolean, within = SETTLED_WITHIN): Promise<void> {
    const end = performance.now() + within;
    for (;;) {
      const { view } = this.#views;
      if (view !== undefined && holds(view)) return;
      if (performance.now() > end) throw new Error(`the view stayed ${JSON.stringify(view)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #client(): Omit<ConnectionFacts, 'port'> {
    const { user, password, database } = this.cluster.credentials.client;
    return { host: HOST, user, password, database };
  }
}

function configuration(cluster: DatabaseCluster, options: StageOptions): ReturnType<typeof configOf> {
  const { engine, credentials } = cluster;
  const { client, monitor, replication } = credentials;
  const monitored = engine === 'postgres' ? { database: client.database } : {};
  return configOf(
    {
      admin: options.admin === true ? { listen: { host: HOST, port: 0 } } : false,
      workers: options.workers ?? 1,
      log: { level: 'silent' },
      clusters: [
        {
          name: 'test',
          engine,
          listen: { host: HOST, port: 0 },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, ...monitored, interval: '100ms', timeout: '1s' },
          failover: { mode: 'promote', cooldown: '0s', replication },
          ...options.proxy,
        },
      ],
    },
    { file: 'a test', env: {} },
  );
}
