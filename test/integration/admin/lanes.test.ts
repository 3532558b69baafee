import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import type { ClusterStatus, Explanation } from '../../../src/admin/sources.ts';
import { becomes } from '../../support/becomes.ts';
import { Stage, type StageOptions } from '../../support/stage.ts';

const SQL = 'SELECT 40 + 2 AS answer';

/** The clients of a stage, and what its admin surface says of them. */
class Watch implements AsyncDisposable {
  readonly #stage: Stage;
  readonly #clients: readonly pg.Client[];

  constructor(stage: Stage, clients: readonly pg.Client[]) {
    this.#stage = stage;
    this.#clients = clients;
  }

  static async start(options: StageOptions = {}): Promise<Watch> {
    const stage = await Stage.start({ ...options, admin: true });
    const clients = Array.from({ length: 8 }, () => new pg.Client(stage.proxied));
    for (const client of clients) {
      client.on('error', () => undefined);
      await client.connect();
    }
    return new Watch(stage, clients);
  }

  /** All of them ask at once. */
  async ask(): Promise<void> {
    const answers = await Promise.all(this.#clients.map((client) => client.query(SQL)));
    for (const { rows } of answers) assert.deepEqual(rows, [{ answer: 42 }]);
  }

  async #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#stage.proxy.adminAddress?.port}${path}`);
  }

  async explained(): Promise<Explanation> {
    const query = new URLSearchParams({ database: this.#stage.proxied.database, sql: SQL });
    return (await (await this.#get(`/api/explain?${query}`)).json()) as Explanation;
  }

  async status(): Promise<ClusterStatus | undefined> {
    const { clusters } = (await (await this.#get('/api/view')).json()) as { clusters: ClusterStatus[] };
    return clusters[0];
  }

  /** A metric over all nodes. */
  async sum(name: string): Promise<number> {
    const text = await (await this.#get('/metrics')).text();
    const values = [...text.matchAll(new RegExp(`^pointsman_${name}\\{[^}]*\\} (\\S+)$`, 'gm'))];
    assert.ok(values.length > 0, `no ${name} in\n${text}`);
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.end();
    await this.#stage.close();
  }
}

test('reads that share connections are seen in the metrics, in the pools, and by what explain has learned', async () => {
  await using watch = await Watch.start();
  await becomes('reads go by lanes', async () => {
    await watch.ask();
    return (await watch.sum('lane_units_total')) > 100 && (await watch.sum('lane_ahead_total')) > 0;
  });
  const [units, writes] = [await watch.sum('lane_units_total'), await watch.sum('lane_writes_total')];
  assert.ok(writes > 0 && writes <= units, `${units} requests in ${writes} writes`);
  assert.equal(await watch.sum('lane_poisonings_total'), 0);
  await becomes('it is known to be short, and known what it costs', async () => {
    await watch.ask();
    const { may, because, learned } = (await watch.explained()).lane;
    if (may !== 'yes') return false;
    assert.match(because, /^it is known to be short: \S+ ms \(\S+ ms of work\) and \d+ B on average$/);
    assert.ok(learned !== undefined && learned.ms > 0 && learned.bytes > 0 && learned.shortRunsAsked >= 1);
    return true;
  });
  // Nothing is asked any more: what was shared has been given back.
  const pools = (await watch.status())?.pools ?? [];
  assert.ok(pools.length > 0);
  for (const { lanes, laneOwed } of pools) assert.deepEqual({ lanes, laneOwed }, { lanes: 0, laneOwed: 0 });
});

test('where lanes are off, nothing is counted and explain says who turned them off', async () => {
  await using watch = await Watch.start({ proxy: { pool: { lanes: false } } });
  for (let turn = 0; turn < 20; turn++) await watch.ask();
  assert.equal(await watch.sum('lane_units_total'), 0);
  const { route, lane } = await watch.explained();
  assert.equal(route, 'replica');
  assert.deepEqual([lane.may, lane.because], ['no', 'pool.lanes is false']);
});
