import { rename, rm } from 'node:fs/promises';
import type { Connection } from 'mysql2/promise';
import type { Row } from './ask.ts';
import { type ClusterOptions, DatabaseCluster, type Ground, plots, prepareGround } from './cluster.ts';
import { readKept, writeKept } from './kept.ts';
import { Member } from './member.ts';
import { askMysql, connectedMysql } from './mysql-ask.ts';
import { copyServer } from './mysql-copy.ts';
import { type House, houseOf } from './mysql-house.ts';
import { isOfOneNode, layMysql } from './mysql-layout.ts';
import { type Flavour, requirePrograms } from './mysql-programs.ts';
import {
  executedBy,
  follow,
  followingOf,
  hasExecuted,
  isReadOnly,
  lead,
  synchronousReplicas,
} from './mysql-replication.ts';
import { mysqlServer } from './mysql-server.ts';
import { serverSettings } from './mysql-settings.ts';
import { quoted } from './settings.ts';
import { copyTree } from './tree.ts';
import { until } from './until.ts';

export interface MysqlOptions extends ClusterOptions {
  readonly flavour: Flavour;
}

const STREAMS_WITHIN = 30_000;

/**
 * A real MySQL or MariaDB cluster on 127.0.0.1 that replicates by GTIDs: one primary, replicas, named my-1,
 * my-2, … or maria-1, … Every server starts read-only; the cluster makes the first one writable, and after that
 * nobody but a proxy or a test does: a killed primary that starts again stays read-only.
 */
export class MysqlCluster extends DatabaseCluster {
  readonly flavour: Flavour;
  readonly #options: MysqlOptions;
  readonly #ground: Ground;
  readonly #house: House;

  /** Resolves when all nodes accept connections and the replicas stream; nothing is left if it rejects. */
  static async start(options: MysqlOptions): Promise<MysqlCluster> {
    const programs = requirePrograms(options.flavour);
    const ground = await prepareGround(options.flavour, options);
    const house = houseOf(programs, ground.folder, ground.account);
    const cluster = new MysqlCluster(ground, house, options);
    try {
      await cluster.#lay();
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  private constructor(ground: Ground, house: House, options: MysqlOptions) {
    const { flavour } = options;
    const synchronous = options.synchronous === true;
    const settings = serverSettings(flavour, { synchronous, own: options.settings ?? {} });
    const members = plots(ground).map((plot) => {
      const software = mysqlServer({ ...plot, house, settings });
      const told: ClusterOptions['told'] = (event) => options.told?.(event);
      const { account } = ground;
      return new Member({ ...plot, account, software }, options.supervise?.restartAfterMs, told);
    });
    super(ground, members, options);
    this.flavour = flavour;
    this.#options = options;
    this.#ground = ground;
    this.#house = house;
  }

  async query(id: string, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { superuser, client } = this.credentials;
    return askMysql({ ...superuser, port: this.member(id).port, database: client.database }, sql, values);
  }

  async #lay(): Promise<void> {
    const kept = await readKept(this.folder, this.flavour).catch(() => undefined);
    if (kept !== undefined) return this.#takeUp(kept.primary);
    const [primary, ...replicas] = this.members;
    if (primary === undefined) return;
    const { account, folder, mark } = this.#ground;
    const { credentials } = this;
    const own = this.#options.settings ?? {};
    const house = this.#house;
    await layMysql(primary.dataFolder, { house, folder, account, credentials, own, mark: `${mark}-lay` });
    for (const { dataFolder } of replicas)
      await copyTree(primary.dataFolder, dataFolder, { owner: account, skip: isOfOneNode });
    await writeKept(folder, { engine: this.flavour, credentials, nodes: this.members.map(({ id }) => id) });
    await Promise.all(this.members.map((member) => member.start()));
    await this.#lead(primary);
    await Promise.all(replicas.map((replica) => this.#follow(replica, primary)));
    await this.#awaitAcknowledgers(primary, replicas.length);
  }

  /** Starts the cluster that the folder holds, on the ports of this time. */
  async #takeUp(last: string | undefined): Promise<void> {
    await Promise.all(this.members.map((member) => member.start()));
    const primary = last === undefined ? await this.#furthest() : this.member(last);
    const replicas = this.members.filter((member) => member !== primary);
    await this.#lead(primary);
    await Promise.all(
      replicas.map((replica) => replica.exclusively(() => this.#renewStarted(replica, primary))),
    );
    await this.#awaitAcknowledgers(primary, replicas.length);
  }

  /** A node that has executed what every other one has; of several that have not, the first. */
  async #furthest(): Promise<Member> {
    for (const member of this.members) {
      const others = this.members.filter((other) => other !== member);
      const behind = await Promise.all(others.map((other) => this.#sharesHistory(other, member)));
      if (behind.every(Boolean)) return member;
    }
    return this.member(this.members[0]?.id ?? '');
  }

  protected override async bequeath(): Promise<void> {
    for (const { id, port, isRunning } of this.members) {
      if (!isRunning) continue;
      const writes = await this.#as(port, async (connection) => !(await isReadOnly(connection)));
      if (!writes) continue;
      const nodes = this.members.map((member) => member.id);
      const { credentials } = this;
      return writeKept(this.folder, { engine: this.flavour, credentials, nodes, primary: id });
    }
  }

  /** On the data it has where it shares the primary's history, else on a fresh copy. */
  protected async renew(member: Member, primary: Member): Promise<void> {
    const started = await member.startNow().then(
      () => true,
      () => false,
    );
    if (started) await this.#renewStarted(member, primary);
    else await this.#copy(member, primary);
  }

  async #renewStarted(member: Member, primary: Member): Promise<void> {
    if (await this.#sharesHistory(member, primary)) {
      const failure = await this.#follow(member, primary).catch((error: unknown) => error);
      if (failure === undefined) return;
      this.throwIfClosing();
    }
    await member.endNow();
    await this.#copy(member, primary);
  }

  /** Whether `primary` has executed all that `member` has. */
  async #sharesHistory(member: Member, primary: Member): Promise<boolean> {
    const executed = await this.#as(member.port, (connection) => executedBy(connection, this.flavour));
    return this.#as(primary.port, (connection) => hasExecuted(connection, this.flavour, executed));
  }

  async #copy(member: Member, primary: Member): Promise<void> {
    const fresh = `${member.dataFolder}.new`;
    await rm(fresh, { recursive: true, force: true });
    const from = {
      superuser: this.credentials.superuser,
      port: primary.port,
      dataFolder: primary.dataFolder,
    };
    const position = await copyServer(this.#house, from, fresh, this.#ground.account);
    this.throwIfClosing();
    await rm(member.dataFolder, { recursive: true, force: true });
    await rename(fresh, member.dataFolder);
    await member.startNow();
    if (position !== undefined)
      await this.#as(member.port, (connection) =>
        connection.query(`SET GLOBAL gtid_slave_pos = ${quoted(position)}`),
      );
    await this.#follow(member, primary);
  }

  async #lead(member: Member): Promise<void> {
    const synchronous = this.#options.synchronous === true;
    await this.#as(member.port, (connection) => lead(connection, this.flavour, synchronous));
  }

  /** Resolves when the member streams from the primary. */
  async #follow(member: Member, { id, port }: Member): Promise<void> {
    const source = { ...this.credentials.replication, port };
    let failure = '';
    const streams = await this.#as(member.port, async (connection) => {
      await follow(connection, this.flavour, source);
      return until(async () => {
        this.throwIfClosing();
        const following = await followingOf(connection, port);
        failure = following.failure;
        return following.streams || failure !== '';
      }, STREAMS_WITHIN);
    });
    if (!streams || failure !== '')
      throw new Error(`${member.id} does not stream from ${id}: ${failure || 'it has not connected'}`);
  }

  /** Until then a commit would wait, or be acknowledged by fewer than there are. */
  async #awaitAcknowledgers({ id, port }: Member, count: number): Promise<void> {
    if (this.#options.synchronous !== true) return;
    const there = await this.#as(port, (connection) =>
      until(async () => {
        this.throwIfClosing();
        return (await synchronousReplicas(connection, this.flavour)) >= count;
      }, STREAMS_WITHIN),
    );
    if (!there) throw new Error(`fewer than ${count} replicas acknowledge the commits of ${id}`);
  }

  #as<T>(port: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    return connectedMysql({ ...this.credentials.superuser, port }, work);
  }
}
