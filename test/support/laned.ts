import { type RunningProxy, startProxy } from '../../src/app.ts';
import { type ConfigInput, configOf } from '../../src/config/config.ts';
import type { Event } from '../../src/core/events.ts';
import type { EmbeddedCluster } from '../../src/demo/postgres.ts';
import { becomes } from './becomes.ts';
import { startCluster } from './cluster.ts';
import { LaneWatch } from './lane-watch.ts';
import { type Door, query, WireClient } from './wire-recorder.ts';

const HOST = '127.0.0.1';
/** A statement is known to be short when it has gone by a lane so often in a row; within so many runs. */
const WARM = 10;
const WARMED_WITHIN = 1_000;
/** Goes by no lane before it is known that kv is a plain table. */
const NAMED = 'SELECT v AS named FROM kv WHERE k = 1';
/** The first key of the locks that gates wait for. */
const GATES = 7;

type ClusterInput = ConfigInput['clusters'][number];

export interface LanedOptions {
  /** Server connections of the application; 2 if left out. */
  readonly size?: number;
  /** Nodes that replicate; none if left out. */
  readonly replicas?: number;
  /** The proxy promotes, and commits wait for a replica. */
  readonly promotes?: boolean;
  /** Laid over the proxy's configuration. */
  readonly proxy?: Partial<ClusterInput>;
}

/** Functions that a test has in its hand; the configuration declares them free of effects. */
const FUNCTIONS = {
  // Waits as long as a bolt is shut on it.
  gate: `CREATE FUNCTION gate(n int) RETURNS int LANGUAGE plpgsql STABLE AS
    'BEGIN PERFORM pg_advisory_xact_lock_shared(${GATES}, n); RETURN n; END'`,
  nap: `CREATE FUNCTION nap(ms float8) RETURNS float8 LANGUAGE plpgsql STABLE AS
    'BEGIN PERFORM pg_sleep(ms / 1000); RETURN ms; END'`,
  // Changes a setting that servers report, in words that an audit does not take for a custom one.
  zone: `CREATE FUNCTION zone(name text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN IF name <> '''' THEN EXECUTE ''S'' || ''ET TimeZone TO '' || quote_literal(name); END IF; RETURN name; END'`,
  dies: `CREATE FUNCTION dies(really boolean) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN IF really THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END IF; RETURN really; END'`,
} as const;

/** A real cluster with the proxy before it in this process, and eyes on its lanes. `await using`, or `close`. */
export class Laned extends LaneWatch implements AsyncDisposable {
  readonly cluster: EmbeddedCluster;
  readonly proxy: RunningProxy;
  /** What the proxy has told, but for probes. */
  readonly events: readonly Event[];
  /** As the application: to the primary, and through the proxy. */
  readonly direct: Door;
  readonly through: Door;

  readonly #ownsCluster: boolean;
  /** The proxy knows what names mean: what is learned of statements before is kept apart. */
  #named = false;

  private constructor(
    cluster: EmbeddedCluster,
    proxy: RunningProxy,
    events: readonly Event[],
    ownsCluster: boolean,
  ) {
    super();
    const { client } = cluster.credentials;
    this.cluster = cluster;
    this.#ownsCluster = ownsCluster;
    this.proxy = proxy;
    this.events = events;
    this.direct = { ...client, host: HOST, port: cluster.node('pg-1').port };
    this.through = { ...client, host: HOST, port: proxy.addresses[0]?.port ?? 0 };
  }

  /** Starts it with table `kv`: k from 1 to 1000, and v = 'v' || k. */
  static async start(options: LanedOptions = {}): Promise<Laned> {
    const cluster = await startCluster({
      replicas: options.replicas ?? 0,
      settings: { max_connections: '300' },
      synchronous: options.promotes === true,
    });
    try {
      for (const statement of [
        ...Object.values(FUNCTIONS),
        'CREATE TABLE kv (k int PRIMARY KEY, v text)',
        "INSERT INTO kv SELECT k, 'v' || k FROM generate_series(1, 1000) k",
        'GRANT ALL ON kv TO demo',
        'GRANT ALL ON SCHEMA public TO demo',
      ]) {
        await cluster.query('pg-1', statement);
      }
      return await Laned.#before(cluster, options, true);
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  static async #before(cluster: EmbeddedCluster, options: LanedOptions, owns: boolean): Promise<Laned> {
    const events: Event[] = [];
    const emit = (event: Event): void => {
      if (event.kind !== 'probed') events.push(event);
    };
    const hooks = { rejoin: (node: string, primary: string) => cluster.rejoin(node, primary) };
    return new Laned(
      cluster,
      await startProxy(configBefore(cluster, options), { emit, hooks }),
      events,
      owns,
    );
  }

  /** Another proxy before the same cluster. */
  beside(options: LanedOptions): Promise<Laned> {
    return Laned.#before(this.cluster, options, false);
  }

  enter(parameters: Readonly<Record<string, string>> = {}): Promise<WireClient> {
    return WireClient.open(this.through, parameters);
  }

  /** Statements as the superuser on the primary, one after another. */
  async prepare(...statements: readonly string[]): Promise<void> {
    for (const statement of statements) await this.cluster.query('pg-1', statement);
  }

  /** Which node takes writes now. */
  async primary(): Promise<string> {
    const [source] = await this.proxy.figures();
    return source?.view().primary ?? 'nobody';
  }

  /** Sends statements that go by a lane; resolves when they are on it. */
  board(client: WireClient, ...texts: readonly string[]): Promise<void> {
    return this.boarded(texts, () => send(client, ...texts));
  }

  /** Opens so many server connections, by as many transactions at the same time. */
  async opens(count: number, parameters: Readonly<Record<string, string>> = {}): Promise<void> {
    const clients = await Promise.all(Array.from({ length: count }, () => this.enter(parameters)));
    await Promise.all(clients.map((client) => client.rows('BEGIN; SELECT txid_current()')));
    await Promise.all(clients.map((client) => client.rows('COMMIT')));
    await Promise.all(clients.map((client) => client.close()));
  }

  /** Runs statements alone until each of their forms goes by a lane. Rejects if one never does. */
  async warm(...texts: readonly string[]): Promise<void> {
    await using client = await this.enter();
    if (!this.#named) await this.warmBy(NAMED, () => client.ask(NAMED));
    this.#named = true;
    for (const text of texts) await this.warmBy(text, () => client.ask(text));
  }

  async warmBy(what: string, run: () => Promise<unknown>): Promise<void> {
    let warm = 0;
    for (let count = 0; count < WARMED_WITHIN && warm < WARM; count++) {
      const { units } = await this.during(run);
      warm = units > 0 ? warm + 1 : 0;
    }
    if (warm < WARM) throw new Error(`${what} never went by a lane for long`);
  }

  /** Shuts a gate: `SELECT gate(n)` waits until the bolt is opened. */
  async bolt(gate: number): Promise<Bolt> {
    const holder = await WireClient.open(this.direct);
    await holder.rows(`SELECT pg_advisory_lock(${GATES}, ${gate})`);
    return new Bolt(holder);
  }

  /** Resolves when so many wait at a gate, on the server. */
  async waitAt(gate: number, count = 1): Promise<void> {
    const text = `SELECT count(*)::int AS n FROM pg_locks
      WHERE locktype = 'advisory' AND classid = ${GATES} AND objid = ${gate} AND NOT granted`;
    await becomes(`${count} wait at gate ${gate}`, async () => {
      return (await this.cluster.query('pg-1', text))[0]?.['n'] === count;
    });
  }

  async close(): Promise<void> {
    await this.proxy.close();
    if (this.#ownsCluster) await this.cluster.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Keeps a gate shut until it is opened. */
class Bolt implements AsyncDisposable {
  readonly #holder: WireClient;

  constructor(holder: WireClient) {
    this.#holder = holder;
  }

  open(): Promise<void> {
    return this.#holder.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.open();
  }
}

/** One statement's first value, in one packet with what others of the list send; answers are awaited by the caller. */
export function send(client: WireClient, ...texts: readonly string[]): void {
  client.send(Buffer.concat(texts.map(query)));
}

/** The next answer of a client: its values, or `!` and the code of its error. */
export async function answer(client: WireClient): Promise<string> {
  const words: string[] = [];
  for (const { type, body } of await client.ready()) {
    if (type === 'D') words.push(body.toString('utf8', 6));
    if (type === 'E') words.push(`!${codeIn(body)}`);
  }
  return words.join(' ');
}

/** Of an ErrorResponse. */
export const codeIn = (body: Buffer): string => /\0C(\w+)/.exec(body.toString('latin1'))?.[1] ?? '';

function configBefore(cluster: EmbeddedCluster, options: LanedOptions): ReturnType<typeof configOf> {
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
          pool: { size: options.size ?? 2, waitTimeout: '30s' },
          routing: { functions: { allow: Object.keys(FUNCTIONS) } },
          ...(options.promotes === true
            ? {
                failover: {
                  mode: 'promote' as const,
                  cooldown: '0s',
                  replication: cluster.credentials.replication,
                },
              }
            : {}),
          ...options.proxy,
        },
      ],
    },
    { file: 'the test', env: {} },
  );
}
