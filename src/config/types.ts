import type { NodeSpec } from '../core/node.ts';

/**
 * The configuration as the program uses it: references resolved, defaults filled in, durations in ms
 * (`…Ms`), sizes in bytes, file names absolute. Holds secrets: log or show it only through `redacted`.
 */
export interface Config {
  /** Where it came from, for messages. */
  readonly file: string;
  /** undefined: no admin surface. */
  readonly admin: { readonly listen: Address } | undefined;
  readonly log: { readonly level: LogLevel };
  /** Processes that serve clients; 1: this process alone. `auto`: as many as there are cores. */
  readonly workers: number | 'auto';
  readonly clusters: readonly ClusterConfig[];
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A replicated database and the address before it. */
export interface ClusterConfig {
  readonly name: string;
  readonly engine: string;
  readonly listen: ListenConfig;
  readonly nodes: readonly NodeSpec[];
  readonly serverTls: ServerTlsConfig;
  readonly auth: { readonly method: string };
  readonly users: readonly UserConfig[];
  /** Databases that are treated in their own way. */
  readonly databases: readonly DatabaseConfig[];
  readonly monitor: MonitorConfig;
  readonly pool: PoolConfig;
  readonly routing: RoutingConfig;
  readonly consistency: 'eventual' | 'session' | 'primary';
  readonly hold: HoldConfig;
  readonly failover: FailoverConfig;
}

export interface ListenConfig extends Address {
  /** Clients at one time; one more is refused politely. */
  readonly maxClients: number;
  /** A client must be authenticated within this. */
  readonly startupTimeoutMs: number;
  /** File names; undefined: TLS is not offered to clients. */
  readonly tls: { readonly cert: string; readonly key: string; readonly require: boolean } | undefined;
}

export interface ServerTlsConfig {
  readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** File of trusted certificates; undefined: those that Node.js trusts. */
  readonly ca: string | undefined;
  /** A client certificate for servers that ask for one: file names. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

export interface UserConfig {
  readonly name: string;
  /** Plain, or a verifier the engine knows; undefined only where clients need not prove who they are. */
  readonly password: string | undefined;
  /** Overrides the cluster's pool mode. */
  readonly pooling: 'transaction' | 'session' | undefined;
  /** Server connections per node for this user over all databases; undefined: only `pool.size` bounds. */
  readonly maxConnections: number | undefined;
  /** false: no lanes for this user; undefined: as `pool.lanes` says. Off anywhere wins. */
  readonly lanes: boolean | undefined;
}

export interface DatabaseConfig {
  readonly name: string;
  /** false: no lanes in this database. Off anywhere wins. */
  readonly lanes: boolean;
}

export interface MonitorConfig {
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly intervalMs: number;
  /** Bound of one probe, connecting included. */
  readonly timeoutMs: number;
}

export interface PoolConfig {
  readonly mode: 'transaction' | 'session';
  /** Server connections per node, user and database. */
  readonly size: number;
  /** Units that may wait for one, per node, user and database. */
  readonly waiters: number;
  readonly waitTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Plain short reads of several sessions share server connections at the same time. */
  readonly lanes: boolean;
}

export interface RoutingConfig {
  readonly reads: 'replicas' | 'primary';
  /** What becomes of a read when no replica may take it. */
  readonly noReplica: 'primary' | 'error';
  /** Function names known to have no effect, or to have one, whatever the catalogue says. */
  readonly functions: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** Texts longer than this are not classified: they go to the primary. */
  readonly scanLimitBytes: number;
  /** A replica further behind takes no reads; undefined: no bound. */
  readonly maxLagBytes: number | undefined;
}

export interface HoldConfig {
  readonly requests: number;
  readonly bytes: number;
  readonly timeoutMs: number;
}

export interface FailoverConfig {
  readonly mode: 'observe' | 'promote';
  readonly cooldownMs: number;
  readonly lossBoundBytes: number;
  readonly startWaitMs: number;
  /** Folder of the decision journal; undefined: in memory only. */
  readonly journal: string | undefined;
  /** The account replicas stream with; always there in `promote` mode. */
  readonly replication: { readonly user: string; readonly password: string | undefined } | undefined;
  /** Command that makes a superseded primary a replica again; `{node}` and `{primary}` are filled in. */
  readonly rejoin: string | undefined;
}
