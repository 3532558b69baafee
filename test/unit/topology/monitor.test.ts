import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type NodeId, nodeId, type Observation, type Seen } from '../../../src/core/node.ts';
import { position } from '../../../src/core/position.ts';
import type { Target } from '../../../src/core/wire.ts';
import { type Monitor, startMonitor } from '../../../src/topology/monitor.ts';
import { ManualClock } from '../failover/clock.ts';

const targets: Target[] = ['a', 'b'].map((name) => ({
  node: nodeId(name),
  endpoint: { host: name, port: 1 },
  user: 'm',
  password: undefined,
  database: 'd',
  options: '',
  tls: undefined,
}));

const answer: Omit<Seen, 'node' | 'askedAt' | 'at'> = {
  kind: 'seen',
  role: 'primary',
  identity: 'i',
  branch: '1',
  position: position('1'),
  received: position('1'),
  receiving: undefined,
  sync: { needed: 0, listed: 0 },
  version: '1',
  otherProxies: [],
};

/** Probes that take `takes` ms and find nobody, with what was asked when. */
class Bench {
  readonly clock = new ManualClock();
  readonly asked: { node: NodeId; at: number }[] = [];
  readonly observed: Observation[] = [];
  takes = 5;
  kind: 'seen' | 'unseen' | 'throws' = 'seen';
  running = 0;
  most = 0;
  readonly monitor: Monitor;

  constructor() {
    this.monitor = startMonitor({
      clock: this.clock,
      probe: { observe: (target) => this.#observe(target) },
      targets: targets.slice(0, 1),
      intervalMs: 500,
      fastMs: 50,
      observed: (observation) => this.observed.push(observation),
    });
  }

  async #observe({ node }: Target): Promise<Observation> {
    const askedAt = this.clock.now();
    this.asked.push({ node, at: askedAt - 1_000 });
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await this.clock.wait(this.takes);
    this.running -= 1;
    const at = this.clock.now();
    if (this.kind === 'throws') throw new Error('a defect');
    if (this.kind === 'unseen') return { kind: 'unseen', node, askedAt, at, failure: 'refused', message: '' };
    return { ...answer, node, askedAt, at };
  }

  get times(): number[] {
    return this.asked.map(({ at }) => at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.monitor.close();
    await this.clock.run(10_000);
    await closed;
    assert.equal(this.clock.pending, 0);
  }
}

describe('the monitor', () => {
  test('a node is probed at once and then every interval, from start to start', async () => {
    await using bench = new Bench();
    await bench.clock.run(1_600);
    assert.deepEqual(bench.times, [0, 500, 1_000, 1_500]);
  });

  test('a probe that outlasts the interval is not overtaken by another', async () => {
    await using bench = new Bench();
    bench.takes = 1_200;
    await bench.clock.run(4_000);
    assert.equal(bench.most, 1);
    assert.deepEqual(bench.times, [0, 1_200, 2_400, 3_600]);
  });

  test('a signal probes at once, but for the least gap', async () => {
    await using bench = new Bench();
    await bench.clock.run(100);
    bench.monitor.hurry(nodeId('a'));
    await bench.clock.run(0);
    assert.deepEqual(bench.times, [0, 100]);
    await bench.clock.run(6);
    bench.monitor.hurry(nodeId('a'));
    await bench.clock.run(100);
    assert.deepEqual(bench.times, [0, 100, 120]);
  });

  test('signals during a probe make one more, however many they are', async () => {
    await using bench = new Bench();
    bench.takes = 30;
    await bench.clock.run(10);
    for (let i = 0; i < 100; i += 1) bench.monitor.hurry(nodeId('a'));
    await bench.clock.run(400);
    assert.deepEqual(bench.times, [0, 30]);
  });

  test('a signal for a node that is not configured is nothing', async () => {
    await using bench = new Bench();
    bench.monitor.hurry(nodeId('nobody'));
    await bench.clock.run(10);
    assert.deepEqual(bench.times, [0]);
  });

  test('the fast pace begins at once and ends when told', async () => {
    await using bench = new Bench();
    await bench.clock.run(120);
    bench.monitor.pace(true);
    await bench.clock.run(110);
    assert.deepEqual(bench.times, [0, 120, 170, 220]);
    bench.monitor.pace(false);
    await bench.clock.run(600);
    assert.deepEqual(bench.times, [0, 120, 170, 220, 720]);
  });

  test('a node that has just stopped answering is probed faster, but not for ever', async () => {
    await using bench = new Bench();
    bench.kind = 'unseen';
    await bench.clock.run(900);
    assert.deepEqual(bench.times.slice(0, 4), [0, 50, 100, 150]);
    const before = bench.times.length;
    await bench.clock.run(10_000);
    assert.ok(bench.times.length - before <= 24, `${bench.times.length - before} probes in 10 s`);
  });

  test('a probe that throws is an observation that says nothing about the node', async () => {
    await using bench = new Bench();
    bench.kind = 'throws';
    await bench.clock.run(10);
    const [first] = bench.observed;
    assert.ok(first?.kind === 'unseen');
    assert.equal(first.failure, 'other');
    assert.match(first.message, /a defect/);
  });

  test('closing waits for the probe under way and reports nothing more', async () => {
    const bench = new Bench();
    bench.takes = 300;
    await bench.clock.run(10);
    let closed = false;
    const closing = bench.monitor.close().then(() => {
      closed = true;
    });
    await bench.clock.run(100);
    assert.equal(closed, false);
    await bench.clock.run(300);
    await closing;
    assert.deepEqual(bench.observed, []);
    await bench.clock.run(5_000);
    assert.deepEqual(bench.times, [0]);
  });
});
