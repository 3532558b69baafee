import { randomBytes } from 'node:crypto';
import { rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, serverAccount } from './account.ts';
import { ask, connected, type Row } from './ask.ts';
import { copyRunning, staysBehind } from './basebackup.ts';
import { type Binaries, layBinaries } from './binaries.ts';
import { type Credentials, freshCredentials } from './credentials.ts';
import { checkReach, makeFolder } from './folder.ts';
import { Guard } from './guard.ts';
import { keptPrimary, readKept, writeKept } from './kept.ts';
import { layPrimary, makeReplica } from './layout.ts';
import { Member } from './member.ts';
import { anyPorts, requireFree } from './ports.ts';
import type { StopMode } from './server.ts';
import { quoted, streamFrom } from './settings.ts';
import { copyTree } from './tree.ts';
import { until } from './until.ts';

export interface ClusterOptions {
  /** One port of 127.0.0.1 a node; left out: the system picks. */
  readonly ports?: readonly number[];
  /** Nodes that replicate; 2 if left out. */
  readonly replicas?: number;
  /** Where the data lies: made if missing, taken up again if it holds a cluster. Left out: a temporary folder. */
  readonly folder?: string;
  /** The folder outlives the cluster. */
  readonly keep?: boolean;
  /** `synchronous_standby_names` of whichever node is the primary, e.g. `ANY 1 (*)`. */
  readonly syncNames?: string;
  /** Server settings on top of the cluster's own, e.g. `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A server that dies unexpectedly is started again after so long, as a service manager would. */
  readonly supervise?: { readonly restartAfterMs: number };
  /** Hears what happens to the nodes by itself; must not throw. */
  readonly told?: (event: ClusterEvent) => void;
}

export type ClusterEvent =
  | { readonly kind: 'died' | 'restarted' | 'rejoining' | 'rejoined'; readonly node: string }
  | { readonly kind: 'restart-failed'; readonly node: string; readonly reason: string };

export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  /** The postmaster's process id; undefined while it is not running. */
  readonly pid: number | undefined;
  readonly dataFolder: string;
}

const STREAMS_WITHIN = 30_000;

/** Where and as whom a cluster runs. */
interface Place {
  readonly folder: string;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
}

/**
 * A real PostgreSQL cluster on 127.0.0.1: one primary, streaming replicas, named pg-1, pg-2, … It owns all
 * their processes and, unless kept, their folder; a guard process ends both should this process die first.
 */
export class EmbeddedCluster {
  readonly credentials: Credentials;
  readonly folder: string;
  readonly #options: ClusterOptions;
  readonly #place: Place;
  readonly #members: readonly Member[];
  readonly #guard: Guard;
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  /** Resolves when all nodes accept connections and the replicas stream; nothing is left if it rejects. */
  static async start(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
    const cluster = await EmbeddedCluster.#prepare(options);
    try {
      await cluster.#lay();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  static async #prepare(options: ClusterOptions): Promise<EmbeddedCluster> {
    const kept = options.folder === undefined ? undefined : await readKept(options.folder);
    const count = kept?.nodes.length ?? (options.replicas ?? 2) + 1;
    const ports = options.ports ?? (await anyPorts(count));
    if (ports.length < count) throw new RangeError(`${count} nodes need ${count} ports`);
    const account = await serverAccount();
    const folder = await makeFolder(options.folder, account);
    const mark = `pointsman-${randomBytes(4).toString('hex')}`;
    const guard = new Guard({ mark, folder, keep: options.keep === true });
    try {
      for (const [index, port] of ports.slice(0, count).entries()) await requireFree(port, `pg-${index + 1}`);
      await checkReach(folder, account);
      const binaries = await layBinaries(folder, account);
      const place = { folder, account, binaries };
      const credentials = kept?.credentials ?? freshCredentials();
      return new EmbeddedCluster(options, { place, credentials, guard, mark, ports: ports.slice(0, count) });
    } catch (error) {
      await guard.close();
      await rmdir(folder).catch(() => undefined);
      throw error;
    }
  }

  private constructor(
    options: ClusterOptions,
    given: { place: Place; credentials: Credentials; guard: Guard; mark: string; ports: readonly number[] },
  ) {
    const { place } = given;
    this.#options = options;
    this.#place = place;
    this.#guard = given.guard;
    this.credentials = given.credentials;
    this.folder = place.folder;
    this.#members = given.ports.map((port, index) => {
      const id = `pg-${index + 1}`;
      const dataFolder = join(place.folder, id);
      const logFile = join(place.folder, `${id}.log`);
      const { account, binaries } = place;
      const server = { id, port, dataFolder, logFile, mark: `${given.mark}-${id}`, account, binaries };
      return new Member(server, options.supervise?.restartAfterMs, (event) => options.told?.(event));
    });
  }

  /** All nodes, pg-1 first. */
  get nodes(): readonly ClusterNode[] {
    return this.#members.map(({ id, port, pid, dataFolder }) => ({ id, port, pid, dataFolder }));
  }

  /** The node of that name. Throws if there is none. */
  node(id: string): ClusterNode {
    const { port, pid, dataFolder } = this.#member(id);
    return { id, port, pid, dataFolder };
  }

  isRunning(id: string): boolean {
    return this.#member(id).isRunning;
  }

  /** Signals the postmaster alone; with SIGKILL resolves when it has ended. Its children end by themselves. */
  async kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#member(id).kill(signal);
  }

  /** Stops a node in order and keeps it stopped. */
  async stop(id: string, mode: StopMode = 'fast'): Promise<void> {
    await this.#member(id).stop(mode);
  }

  /** Starts a node on the data it has; resolves when it accepts connections. */
  async startNode(id: string): Promise<void> {
    await this.#member(id).start();
  }

  /** Stops every process of a node where it stands (SIGSTOP), until `resume`. */
  pause(id: string): void {
    this.#member(id).pause();
  }

  resume(id: string): void {
    this.#member(id).resume();
  }

  /** One statement on one node, as the superuser, in the client's database. */
  async query(id: string, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { superuser, client } = this.credentials;
    return ask({ ...superuser, port: this.#member(id).port, database: client.database }, sql, values);
  }

  /**
   * Ends a node, whatever it was, and makes it a fresh copy of `primary` that replicates; resolves when it
   * streams. If that fails the node is stopped, or started again on what it has if it is supervised.
   */
  async rejoin(id: string, primary: string): Promise<void> {
    const member = this.#member(id);
    const source = this.#member(primary);
    await member.exclusively(async () => {
      this.#options.told?.({ kind: 'rejoining', node: id });
      await member.endNow();
      try {
        await this.#copyFrom(source, member);
      } catch (error) {
        member.restartLater();
        throw error;
      }
      this.#options.told?.({ kind: 'rejoined', node: id });
    });
  }

  /** Ends every process and removes the folder unless it is kept. Can be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(): Promise<void> {
    this.#ending.abort(new Error('the cluster is closing'));
    // The data of a kept cluster is stopped in order; the guard ends what does not obey.
    const mode = this.#options.keep === true ? 'fast' : 'immediate';
    await Promise.allSettled(this.#members.map((member) => member.close(mode)));
    await this.#guard.close();
  }

  async #lay(): Promise<void> {
    const kept = await readKept(this.folder).catch(() => undefined);
    if (kept !== undefined) return this.#takeUp();
    const { credentials } = this;
    const { syncNames } = this.#options;
    const settings = {
      ...this.#options.settings,
      ...(syncNames === undefined ? {} : { synchronous_standby_names: syncNames }),
    };
    const [primary, ...replicas] = this.#members;
    if (primary === undefined) return;
    await layPrimary(primary.dataFolder, { ...this.#place, credentials, settings });
    const options = { owner: this.#place.account, skip: staysBehind };
    // The copied folder was shut down in order: its WAL is part of it.
    const whole = { ...options, skip: (path: string) => !path.startsWith('pg_wal') && staysBehind(path) };
    for (const replica of replicas) {
      await copyTree(primary.dataFolder, replica.dataFolder, whole);
      await this.#pointTo(replica.dataFolder, replica.id, primary);
    }
    await writeKept(this.folder, { credentials, nodes: this.#members.map(({ id }) => id) });
    await Promise.all(this.#members.map((member) => member.start()));
    await Promise.all(replicas.map((replica) => this.#streams(replica.id, primary)));
  }

  /** Starts the cluster that the folder holds, on the ports of this time. */
  async #takeUp(): Promise<void> {
    const ids = this.#members.map(({ id }) => id);
    const primary = this.#member(await keptPrimary(this.folder, ids));
    await primary.start();
    const names = quoted(this.#options.syncNames ?? '');
    await this.query(primary.id, `ALTER SYSTEM SET synchronous_standby_names = ${names}`);
    await this.query(primary.id, 'SELECT pg_reload_conf()');
    for (const replica of this.#members) {
      if (replica !== primary) await replica.exclusively(() => this.#copyFrom(primary, replica));
    }
  }

  /** A fresh copy of a running primary's data, started; resolves when it streams. */
  async #copyFrom(primary: Member, member: Member): Promise<void> {
    const fresh = `${member.dataFolder}.new`;
    const { superuser } = this.credentials;
    await connected({ ...superuser, port: primary.port, database: 'postgres' }, async (client) => {
      await rm(fresh, { recursive: true, force: true });
      await copyRunning(client, primary.dataFolder, fresh, this.#place.account);
      this.#ending.signal.throwIfAborted();
      await this.#pointTo(fresh, member.id, primary);
      await rm(member.dataFolder, { recursive: true, force: true });
      await rename(fresh, member.dataFolder);
      await member.startNow();
      await this.#streams(member.id, primary);
    });
  }

  async #pointTo(dataFolder: string, name: string, { port }: Member): Promise<void> {
    const conninfo = streamFrom({ ...this.credentials.replication, port, name });
    await makeReplica(dataFolder, conninfo, this.#place.account);
  }

  async #streams(id: string, primary: Member): Promise<void> {
    const { superuser } = this.credentials;
    const sql = "SELECT 1 FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'";
    const asked = { ...superuser, port: primary.port, database: 'postgres' };
    const streams = await connected(asked, (client) =>
      until(async () => {
        this.#ending.signal.throwIfAborted();
        return (await client.query(sql, [id])).rows.length > 0;
      }, STREAMS_WITHIN),
    );
    if (!streams)
      throw new Error(`${id} does not stream from ${primary.id} after ${STREAMS_WITHIN / 1_000} s`);
  }

  #member(id: string): Member {
    const found = this.#members.find((member) => member.id === id);
    if (found === undefined) throw new RangeError(`the cluster has no node ${id}`);
    return found;
  }
}
