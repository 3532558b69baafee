import assert from 'node:assert/strict';
import type { View } from '../../src/core/view.ts';
import { becomes } from '../support/becomes.ts';
import { Stage, type StageOptions } from '../support/stage.ts';
import type { Adapter, Client, How } from './adapter.ts';

const REJOINED_WITHIN = 60_000;

export interface SceneOptions {
  /** A commit is acknowledged when a replica has it. */
  readonly synchronous?: boolean;
  readonly proxy?: StageOptions['proxy'];
  /** Processes that serve clients; 1 if left out. */
  readonly workers?: number;
  /** False: servers need not remember what they ran. */
  readonly record?: boolean;
}

/** What a test of the suite works with: real nodes, the proxy before them, and no word of their protocol. */
export class Scene {
  readonly adapter: Adapter;
  readonly stage: Stage;

  private constructor(adapter: Adapter, stage: Stage) {
    this.adapter = adapter;
    this.stage = stage;
  }

  static async start(adapter: Adapter, options: SceneOptions = {}): Promise<Scene> {
    const stage = await Stage.start({ ...adapter.stage(options), workers: options.workers ?? 1 });
    const scene = new Scene(adapter, stage);
    try {
      if (options.record !== false) await adapter.record(stage);
      return scene;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.stage.close();
  }

  /** A session through the proxy; `await using` ends it. */
  session(how: How = {}): Promise<Client> {
    return this.adapter.open(this.stage.proxied, how);
  }

  /** So many at once; the caller ends them. */
  sessions(count: number): Promise<Client[]> {
    return Promise.all(Array.from({ length: count }, () => this.session()));
  }

  /** The account that applications use. */
  get user(): string {
    return this.stage.proxied.user;
  }

  /** The node that takes writes. */
  get primary(): string {
    const { primary } = this.stage.view ?? {};
    assert.ok(primary !== null && primary !== undefined, 'there is a primary');
    return primary;
  }

  get replicas(): string[] {
    return this.nodes.filter((id) => id !== this.primary);
  }

  get nodes(): string[] {
    return this.stage.cluster.nodes.map(({ id }) => id);
  }

  /** A superuser's count on one node. */
  async count(node: string, sql: string): Promise<number> {
    const [row] = await this.stage.cluster.query(node, sql);
    return Number(row?.['n']);
  }

  /** A superuser's count over all nodes that run. */
  async total(sql: string): Promise<number> {
    const running = this.nodes.filter((id) => this.stage.cluster.isRunning(id));
    const counts = await Promise.all(running.map((node) => this.count(node, sql)));
    return counts.reduce((sum, n) => sum + n, 0);
  }

  /** The nodes that have run a statement with this text. */
  async whoRan(mark: string): Promise<string[]> {
    const who: string[] = [];
    for (const node of this.nodes) if ((await this.adapter.ran(this.stage, node, mark)) > 0) who.push(node);
    return who;
  }

  /** The node that a session is on inside a transaction. */
  async nodeInside(client: Client): Promise<string> {
    const [[port] = []] = await client.query(this.adapter.phrases.port);
    const node = this.stage.cluster.nodes.find((one) => String(one.port) === port);
    assert.ok(node !== undefined, `port ${port} is a node's`);
    return node.id;
  }

  /** The node that a session's READ ONLY transaction runs on when it begins with this read. */
  async nodeOf(client: Client, read = 'SELECT id FROM thing'): Promise<string> {
    await client.query('START TRANSACTION READ ONLY');
    await client.query(read);
    const node = await this.nodeInside(client);
    await client.query('COMMIT');
    return node;
  }

  /** What was just made is known to the proxy and there on every replica: reads of it have left the primary. */
  async readable(table: string): Promise<void> {
    await using client = await this.session();
    await becomes(
      `reads of ${table} reach a replica`,
      async () => (await this.nodeOf(client, `SELECT * FROM ${table}`)) !== this.primary,
    );
    for (const node of this.replicas) {
      await using direct = await this.adapter.open(this.stage.direct(node));
      const sees = (): Promise<boolean> =>
        direct.query(`SELECT * FROM ${table}`).then(
          () => true,
          () => false,
        );
      await becomes(`${node} has ${table}`, sees);
    }
  }

  /** Every replica shows this value. */
  async replicated(sql: string, value: string): Promise<void> {
    for (const node of this.replicas) {
      await using direct = await this.adapter.open(this.stage.direct(node));
      await becomes(`${node} shows ${value}`, async () => (await direct.query(sql))[0]?.[0] === value);
    }
  }

  /** The replicas apply nothing while `work` runs. */
  async lagging<T>(replicas: readonly string[], work: () => Promise<T>): Promise<T> {
    const { pauseReplay, resumeReplay } = this.adapter.inspections;
    for (const node of replicas) await this.stage.cluster.query(node, pauseReplay);
    try {
      return await work();
    } finally {
      for (const node of replicas) {
        if (this.stage.cluster.isRunning(node)) await this.stage.cluster.query(node, resumeReplay);
      }
    }
  }

  /** No transaction and no statement of the applications' is left on any node. */
  async quiet(): Promise<void> {
    const { transactions } = this.adapter.inspections;
    await becomes('no transaction is open', async () => (await this.total(transactions(this.user))) === 0);
  }

  /** The proxy's view says this of a node. */
  async seen(node: string, state: 'up' | 'down' | 'not up', within?: number): Promise<void> {
    await this.stage.until(
      (view) =>
        view.nodes.some(
          (one) => one.id === node && (state === 'not up' ? one.state !== 'up' : one.state === state),
        ),
      within,
    );
  }

  /** Why the proxy has a node in the state that it is in. */
  reasonOf(node: string): string {
    return this.stage.view?.nodes.find(({ id }) => id === node)?.reason ?? '';
  }

  /**
   * A superseded primary that was started again: true when it is a replica, false when it is set aside with its
   * reason and stays so. Rejects if it is written to meanwhile, or is neither in the end.
   */
  async rejoined(old: string): Promise<boolean> {
    const { primary } = this;
    const replicates = (view: View): boolean => {
      assert.equal(view.primary, primary, 'no write is routed to the old primary');
      return view.nodes.some(({ id, role, state }) => id === old && role === 'replica' && state === 'up');
    };
    try {
      await this.stage.until(replicates, REJOINED_WITHIN);
      return true;
    } catch (error) {
      const node = this.stage.view?.nodes.find(({ id }) => id === old);
      if (node?.state === 'quarantined' && node.reason !== '') return false;
      throw error;
    }
  }
}
