import { type RunningProxy, startProxy } from '../../src/app.ts';
import { type ConfigInput, configOf } from '../../src/config/config.ts';
import type { Event } from '../../src/core/events.ts';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { becomes } from './becomes.ts';
import { startCluster } from './cluster.ts';
import type { Door } from './wire-recorder.ts';

const HOST = '127.0.0.1';

export interface ProxiedOptions {
  /** Nodes that replicate; 1 if left out. */
  readonly replicas?: number;
  /** Server settings of the cluster. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the pool; two links a node and user, transaction pooling, if left out. */
  readonly pool?: NonNullable<ConfigInput['clusters'][number]['pool']>;
}

/** A real cluster with the proxy before it, in this process; `await using` or `close` leaves nothing. */
export class Proxied {
  readonly cluster: EmbeddedCluster;
  /** Straight to the primary, as the application. */
  readonly direct: Door;
  /** Through the proxy, as the application. */
  readonly through: Door;
  /** What the proxy has told so far. */
  readonly events: readonly Event[];
  readonly #proxy: RunningProxy;

  constructor(cluster: EmbeddedCluster, proxy: RunningProxy, events: readonly Event[]) {
    const { client } = cluster.credentials;
    this.cluster = cluster;
    this.events = events;
    this.#proxy = proxy;
    this.direct = { ...client, host: HOST, port: cluster.node('pg-1').port };
    this.through = { ...client, host: HOST, port: proxy.addresses[0]?.port ?? 0 };
  }

  /** Statements as the superuser on the primary, one after another. */
  async prepare(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.cluster.query('pg-1', statement);
  }

  /** Resolves when every replica shows what the primary holds now: a session that begins may read from any of them. */
  async replayed(): Promise<void> {
    const [written] = await this.cluster.query('pg-1', 'SELECT pg_current_wal_lsn()::text AS lsn');
    const there = `SELECT pg_last_wal_replay_lsn() >= '${String(written?.['lsn'])}'::pg_lsn AS there`;
    for (const { id } of this.cluster.nodes.slice(1)) {
      await becomes(
        `${id} has replayed`,
        async () => (await this.cluster.query(id, there))[0]?.['there'] === true,
      );
    }
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await this.cluster.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function startProxied(options: ProxiedOptions = {}): Promise<Proxied> {
  const { replicas = 1, settings = {}, pool = {} } = options;
  const cluster = await startCluster({ replicas, settings });
  const events: Event[] = [];
  try {
    const emit = (event: Event): void => {
      if (event.kind !== 'probed') events.push(event);
    };
    return new Proxied(cluster, await startProxy(configBefore(cluster, pool), { emit }), events);
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

function configBefore(cluster: EmbeddedCluster, pool: NonNullable<ProxiedOptions['pool']>) {
  const { client, monitor } = cluster.credentials;
  return configOf(
    {
      admin: false,
      log: { level: 'silent' },
      clusters: [
        {
          name: 'main',
          engine: 'postgres',
          listen: { host: HOST, port: 0 },
          nodes: cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, database: client.database, interval: '100ms', timeout: '1s' },
          pool: { mode: 'transaction', size: 2, waitTimeout: '20s', ...pool },
        },
      ],
    },
    { file: 'the test', env: {} },
  );
}
