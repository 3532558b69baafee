import { rename, rm } from 'node:fs/promises';
import { ask, connected, type Row } from './ask.ts';
import { copyRunning, staysBehind } from './basebackup.ts';
import { type Binaries, layBinaries } from './binaries.ts';
import {
  type ClusterOptions,
  DatabaseCluster,
  type Ground,
  leaveGround,
  plots,
  prepareGround,
} from './cluster.ts';
import { keptPrimary, readKept, writeKept } from './kept.ts';
import { layPrimary, makeReplica } from './layout.ts';
import { Member } from './member.ts';
import { postgresServer } from './postgres-server.ts';
import { quoted, streamFrom } from './settings.ts';
import { copyTree } from './tree.ts';
import { until } from './until.ts';

export interface PostgresOptions extends ClusterOptions {
  /** `synchronous_standby_names` of whichever node is the primary; `ANY 1 (*)` if `synchronous`, else none. */
  readonly syncNames?: string;
}

const STREAMS_WITHIN = 30_000;
const SYNCHRONOUS = 'ANY 1 (*)';

/** A real PostgreSQL cluster on 127.0.0.1: one primary, streaming replicas, named pg-1, pg-2, … */
export class EmbeddedCluster extends DatabaseCluster {
  readonly #options: PostgresOptions;
  readonly #ground: Ground;
  readonly #binaries: Binaries;

  /** Resolves when all nodes accept connections and the replicas stream; nothing is left if it rejects. */
  static async start(options: PostgresOptions = {}): Promise<EmbeddedCluster> {
    const ground = await prepareGround('postgres', options);
    const binaries = await layBinaries(ground.folder, ground.account).catch(async (error: unknown) => {
      await leaveGround(ground);
      throw error;
    });
    const cluster = new EmbeddedCluster(ground, binaries, options);
    try {
      await cluster.#lay();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  private constructor(ground: Ground, binaries: Binaries, options: PostgresOptions) {
    const { account } = ground;
    const members = plots(ground).map((plot) => {
      const software = postgresServer({ ...plot, binaries, account });
      const told: ClusterOptions['told'] = (event) => options.told?.(event);
      return new Member({ ...plot, account, software }, options.supervise?.restartAfterMs, told);
    });
    super(ground, members, options);
    this.#options = options;
    this.#ground = ground;
    this.#binaries = binaries;
  }

  async query(id: string, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { superuser, client } = this.credentials;
    return ask({ ...superuser, port: this.member(id).port, database: client.database }, sql, values);
  }

  async #lay(): Promise<void> {
    const kept = await readKept(this.folder, 'postgres').catch(() => undefined);
    if (kept !== undefined) return this.#takeUp();
    const { credentials } = this;
    const { account } = this.#ground;
    const settings = { ...this.#options.settings };
    if (this.#syncNames !== '') settings['synchronous_standby_names'] = this.#syncNames;
    const [primary, ...replicas] = this.members;
    if (primary === undefined) return;
    await layPrimary(primary.dataFolder, { binaries: this.#binaries, account, credentials, settings });
    // The copied folder was shut down in order: its WAL is part of it.
    const skip = (path: string): boolean => !path.startsWith('pg_wal') && staysBehind(path);
    for (const replica of replicas) {
      await copyTree(primary.dataFolder, replica.dataFolder, { owner: account, skip });
      await this.#pointTo(replica.dataFolder, replica.id, primary);
    }
    await writeKept(this.folder, {
      engine: 'postgres',
      credentials,
      nodes: this.members.map(({ id }) => id),
    });
    await Promise.all(this.members.map((member) => member.start()));
    await Promise.all(replicas.map((replica) => this.#streams(replica.id, primary)));
  }

  /** Starts the cluster that the folder holds, on the ports of this time. */
  async #takeUp(): Promise<void> {
    const ids = this.members.map(({ id }) => id);
    const primary = this.member(await keptPrimary(this.folder, ids));
    await primary.start();
    await this.query(primary.id, `ALTER SYSTEM SET synchronous_standby_names = ${quoted(this.#syncNames)}`);
    await this.query(primary.id, 'SELECT pg_reload_conf()');
    for (const replica of this.members) {
      if (replica !== primary) await replica.exclusively(() => this.renew(replica, primary));
    }
  }

  get #syncNames(): string {
    return this.#options.syncNames ?? (this.#options.synchronous === true ? SYNCHRONOUS : '');
  }

  /** A fresh copy of a running primary's data, started; resolves when it streams. */
  protected async renew(member: Member, primary: Member): Promise<void> {
    const fresh = `${member.dataFolder}.new`;
    const { superuser } = this.credentials;
    await connected({ ...superuser, port: primary.port, database: 'postgres' }, async (client) => {
      await rm(fresh, { recursive: true, force: true });
      await copyRunning(client, primary.dataFolder, fresh, this.#ground.account);
      this.throwIfClosing();
      await this.#pointTo(fresh, member.id, primary);
      await rm(member.dataFolder, { recursive: true, force: true });
      await rename(fresh, member.dataFolder);
      await member.startNow();
      await this.#streams(member.id, primary);
    });
  }

  async #pointTo(dataFolder: string, name: string, { port }: Member): Promise<void> {
    const conninfo = streamFrom({ ...this.credentials.replication, port, name });
    await makeReplica(dataFolder, conninfo, this.#ground.account);
  }

  async #streams(id: string, primary: Member): Promise<void> {
    const { superuser } = this.credentials;
    const sql = "SELECT 1 FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'";
    const asked = { ...superuser, port: primary.port, database: 'postgres' };
    const streams = await connected(asked, (client) =>
      until(async () => {
        this.throwIfClosing();
        return (await client.query(sql, [id])).rows.length > 0;
      }, STREAMS_WITHIN),
    );
    if (!streams)
      throw new Error(`${id} does not stream from ${primary.id} after ${STREAMS_WITHIN / 1_000} s`);
  }
}
