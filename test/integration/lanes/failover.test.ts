import assert from 'node:assert/strict';
import { test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { Crowd } from '../../support/crowd.ts';
import { codeIn, Laned } from '../../support/laned.ts';
import { query } from '../../support/wire-recorder.ts';

/** A write whose fate nobody can know, or that was refused before it was sent. */
const UNKNOWN = '08007';

/** Writes row after row until it is told to stop; each is acknowledged, unknown, or never sent. */
class Writer {
  readonly acknowledged: number[] = [];
  readonly unknown: number[] = [];
  readonly #laned: Laned;
  readonly #life: Promise<void>;
  #over = false;

  constructor(laned: Laned, first: number) {
    this.#laned = laned;
    this.#life = this.#live(first);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#life;
  }

  async #live(first: number): Promise<void> {
    let client = await this.#laned.enter();
    for (let k = first; !this.#over; k++) {
      client.send(query(`INSERT INTO written VALUES (${k})`));
      let code = '';
      try {
        for (let told = await client.next(); told.type !== 'Z'; told = await client.next()) {
          if (told.type === 'E') code = codeIn(told.body);
        }
      } catch {
        code = UNKNOWN;
      }
      if (code === '') this.acknowledged.push(k);
      else if (code === UNKNOWN || code === '08006') this.unknown.push(k);
      else assert.fail(`a write was told ${code}`);
      while (client.ended && !this.#over) client = await this.#laned.enter().catch(() => client);
    }
    await client.close();
  }
}

test('the primary is killed under full lanes: no answer is lost, writes are held', async () => {
  await using laned = await Laned.start({ size: 20, replicas: 2, promotes: true });
  await laned.prepare('CREATE TABLE written (k int PRIMARY KEY)', 'GRANT ALL ON written TO demo');
  const writers = [1_000, 2_000_000, 4_000_000].map((first) => new Writer(laned, first));
  await using crowd = await Crowd.gather(laned, 32);
  const acknowledged = (): number => writers.reduce((sum, one) => sum + one.acknowledged.length, 0);
  const { units } = await laned.during(async () => {
    await laned.cluster.kill('pg-1');
    const before = acknowledged();
    await crowd.turn();
    await becomes('writes go on', () => acknowledged() > before + 20);
    await crowd.turn();
  });
  await Promise.all(writers.map((writer) => writer.stop()));
  await crowd.leave();
  assert.ok(units > 32, `${units} went by lanes`);
  // A server that is killed may have died of what stood at the head of its connections: that runs once more, elsewhere.
  assert.deepEqual(crowd.errors, []);
  // Only the new primary has all of them: the other replica may be behind.
  const rows = await laned.cluster.query(await laned.primary(), 'SELECT k FROM written');
  const there = new Set(rows.map(({ k }) => Number(k)));
  const lost = writers.flatMap((one) => one.acknowledged).filter((k) => !there.has(k));
  assert.deepEqual(lost, []);
});
