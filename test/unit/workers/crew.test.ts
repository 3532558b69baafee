import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import { Crew, type CrewNews, type WorkerEars, type WorkerProcess } from '../../../src/workers/crew.ts';
import type { Down } from '../../../src/workers/messages.ts';
import { ManualClock } from '../failover/clock.ts';

const ADDRESSES = [{ host: '127.0.0.1', port: 6432 }];
const REPORT = { clusters: [], lag: 0, cpu: 0, resident: 0 };

/** A process that does what the test says. */
class Puppet implements WorkerProcess {
  readonly slot: number;
  readonly pid: number;
  readonly heard: Down[] = [];
  killed = false;
  readonly ears: WorkerEars;

  constructor(slot: number, pid: number, ears: WorkerEars) {
    this.slot = slot;
    this.pid = pid;
    this.ears = ears;
  }

  send(message: Down): void {
    this.heard.push(message);
  }

  kill(): void {
    this.killed = true;
    this.ears.ended('SIGKILL');
  }

  listens(): void {
    this.ears.said({ kind: 'ready', addresses: ADDRESSES });
  }
}

class Scene {
  readonly clock = new ManualClock();
  readonly processes: Puppet[] = [];
  readonly news: CrewNews[] = [];
  readonly events: string[] = [];
  readonly crew: Crew;

  constructor(workers = 2) {
    this.crew = new Crew(
      {
        clock: this.clock,
        workers,
        spawn: (slot, ears) => {
          const process = new Puppet(slot, 100 + this.processes.length, ears);
          this.processes.push(process);
          return process;
        },
        tell: (news) => this.news.push(news),
      },
      {
        start: (slot, addresses) => ({
          kind: 'start',
          config: {},
          slot,
          workers,
          addresses,
          clients: [],
        }),
        joined: (slot) => this.events.push(`joined ${slot}`),
        said: (slot, { message }) => this.events.push(`${message.kind} of ${slot}`),
        reported: (slot) => this.events.push(`report of ${slot}`),
        ended: (slot) => this.events.push(`ended ${slot}`),
      },
    );
  }

  process(at: number): Puppet {
    return this.processes[at] ?? assert.fail(`there is no process ${at}`);
  }

  async started(): Promise<this> {
    const starting = this.crew.start();
    this.process(0).listens();
    await new Promise((resolve) => setImmediate(resolve));
    for (const process of this.processes.slice(1)) process.listens();
    await starting;
    return this;
  }
}

describe('the crew', () => {
  test('the first worker picks the ports, the others are told them', async () => {
    const scene = new Scene(3);
    const starting = scene.crew.start();
    assert.equal(scene.processes.length, 1);
    scene.process(0).listens();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(scene.processes.length, 3);
    const [told] = scene.process(2).heard;
    assert.deepEqual(told?.kind === 'start' && told.addresses, ADDRESSES);
    for (const process of scene.processes.slice(1)) process.listens();
    await starting;
    assert.deepEqual(scene.crew.ready, [0, 1, 2]);
    assert.deepEqual(scene.crew.addresses, ADDRESSES);
  });

  test('what keeps a worker from listening is what keeps the proxy from starting, and none is left', async () => {
    const scene = new Scene();
    const starting = scene.crew.start();
    scene.process(0).ears.said({
      kind: 'failed',
      error: { code: 'PORT_TAKEN', facts: { side: 'proxy', retry: 'no', tell: 'port 1 is taken' } },
    });
    scene.process(0).ears.ended('exit code 1');
    await assert.rejects(starting, (error) => error instanceof ProxyError && error.code === 'PORT_TAKEN');
    scene.clock.advance(60_000);
    assert.equal(scene.processes.length, 1);
  });

  test('one that never listens is killed', async () => {
    const scene = new Scene();
    const starting = scene.crew.start();
    scene.clock.advance(20_000);
    await assert.rejects(starting, /ended with SIGKILL before it listened/);
    assert.ok(scene.process(0).killed);
  });

  test('one that ends is replaced; one that ends early again and again, ever later', async () => {
    const scene = await new Scene().started();
    scene.clock.advance(20_000);
    const waits: number[] = [];
    scene.process(1).ears.ended('SIGSEGV');
    assert.deepEqual(scene.crew.ready, [0]);
    for (let time = 0; time < 5; time++) {
      const before = scene.processes.length;
      let waited = 0;
      for (; scene.processes.length === before; waited += 50) scene.clock.advance(50);
      waits.push(waited);
      scene.process(before).ears.ended('exit code 1');
    }
    assert.deepEqual(waits, [50, 100, 200, 400, 800]);
    assert.equal(scene.process(0).heard.length, 1, 'the other one was left alone');
    assert.equal(scene.crew.replaced, 5);
  });

  test('what a worker said that has ended is not heard any more', async () => {
    const scene = await new Scene().started();
    const { ears } = scene.process(1);
    ears.ended('SIGKILL');
    scene.events.length = 0;
    ears.said({ kind: 'cluster', cluster: 0, message: { kind: 'need', database: 'd' } });
    ears.ended('SIGKILL');
    assert.deepEqual(scene.events, []);
  });

  test('a question ends when all have answered, when one has ended, or after a bound', async () => {
    const scene = await new Scene().started();
    const answer = (at: number, ask: number): void =>
      scene.process(at).ears.said({ kind: 'figures', ask, report: REPORT });
    const first = scene.crew.ask();
    answer(0, 1);
    answer(1, 1);
    assert.deepEqual(await first, new Set());
    const second = scene.crew.ask();
    answer(0, 2);
    scene.clock.advance(1_000);
    assert.deepEqual(await second, new Set([1]));
    assert.equal(scene.crew.silences, 1);
    const third = scene.crew.ask();
    answer(0, 3);
    scene.process(1).ears.ended('SIGKILL');
    assert.deepEqual(await third, new Set());
    assert.equal(scene.crew.silences, 1);
  });

  test('a worker that does not listen yet hears what it asks for', async () => {
    const scene = await new Scene().started();
    scene.process(1).ears.ended('SIGKILL');
    scene.clock.advance(1_000);
    const message = { kind: 'granted', key: 'clients', more: 1 } as const;
    scene.crew.send(1, { kind: 'cluster', cluster: 0, message });
    assert.deepEqual(scene.process(2).heard.at(-1), { kind: 'cluster', cluster: 0, message });
    assert.deepEqual(scene.crew.ready, [0]);
  });

  test('why one could not begin is told with its end', async () => {
    const scene = await new Scene().started();
    scene.process(1).ears.said({
      kind: 'failed',
      error: { code: 'PORT_TAKEN', facts: { side: 'proxy', retry: 'no', tell: 'port 1 is taken' } },
    });
    scene.process(1).ears.ended('exit code 1');
    assert.deepEqual(scene.news.at(-1), {
      kind: 'ended',
      slot: 1,
      pid: 101,
      how: 'exit code 1: port 1 is taken',
    });
  });

  test('all end in order; one that does not is killed, and none is replaced', async () => {
    const scene = await new Scene().started();
    const closing = scene.crew.close();
    assert.deepEqual(
      scene.processes.map(({ heard }) => heard.at(-1)?.kind),
      ['close', 'close'],
    );
    scene.process(0).ears.ended('exit code 0');
    scene.clock.advance(5_000);
    await closing;
    assert.ok(scene.process(1).killed);
    scene.clock.advance(60_000);
    assert.equal(scene.processes.length, 2);
    assert.ok(!scene.news.some(({ kind }) => kind === 'ended'));
  });
});
