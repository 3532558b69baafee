import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import { Counters } from '../../../src/core/counters.ts';
import type { Event } from '../../../src/core/events.ts';
import { nodeId } from '../../../src/core/node.ts';
import { type Ack, emptyView, type Signal, type View } from '../../../src/core/view.ts';
import { CrewFront, ownerOf } from '../../../src/workers/crew-front.ts';
import { figuresOf } from '../../../src/workers/figures.ts';
import type { ClusterDown } from '../../../src/workers/messages.ts';
import { Names } from '../../../src/workers/names.ts';
import { ManualClock } from '../failover/clock.ts';

const NODE = nodeId('pg-1');
const STRIKE = { session: 2, what: 'statement' } as const;

/** A catalogue that is its own content. */
const catalogueOf = (...names: string[]): Catalogue => names as unknown as Catalogue;

class Scene {
  readonly clock = new ManualClock();
  readonly sent: (readonly [slot: number, message: ClusterDown])[] = [];
  readonly killed: number[] = [];
  readonly acks: Ack[] = [];
  readonly signals: Signal[] = [];
  readonly events: Event[] = [];
  readonly stale: string[] = [];
  known: Catalogue | undefined;
  ready = [0, 1];
  silent = new Set<number>();
  readonly front: CrewFront;

  constructor() {
    const scene = this;
    this.front = new CrewFront({
      clock: this.clock,
      workers: 2,
      nodes: [NODE],
      maxClients: 10,
      pack: (catalogue) => catalogue,
      address: () => ({ host: '127.0.0.1', port: 1 }),
      crew: {
        get ready() {
          return scene.ready;
        },
        send: (slot, message) => this.sent.push([slot, message]),
        kill: (slot) => this.killed.push(slot),
        ask: () => Promise.resolve(this.silent),
      },
      back: {
        acked: (ack) => this.acks.push(ack),
        signalled: (signal) => this.signals.push(signal),
        emit: (event) => this.events.push(event),
        need: () => this.known,
        stale: (database, how) => this.stale.push(`${database} ${how}`),
      },
    });
    for (const slot of this.ready) this.front.joined(slot);
  }

  /** What was said to a worker of this kind. */
  told<Kind extends ClusterDown['kind']>(slot: number, kind: Kind): Extract<ClusterDown, { kind: Kind }>[] {
    return this.sent.flatMap(([to, message]) =>
      to === slot && message.kind === kind ? [message as Extract<ClusterDown, { kind: Kind }>] : [],
    );
  }

  apply(version: number, closes = false): void {
    const node = { id: NODE, links: !closes };
    this.front.apply({ ...emptyView, version, nodes: [node] } as unknown as View);
  }

  obeys(slot: number, version: number): void {
    this.front.said(slot, { kind: 'ack', ack: { epoch: 0, version, closed: [], unknown: 0 } });
  }
}

describe('the fronts of all workers as one', { timeout: 10_000 }, () => {
  test('a view goes to all, and to each that begins later', () => {
    const scene = new Scene();
    scene.apply(1);
    assert.deepEqual(
      [0, 1].map((slot) => scene.told(slot, 'view').length),
      [1, 1],
    );
    scene.front.ended(1);
    scene.front.joined(1);
    assert.equal(scene.told(1, 'view').at(-1)?.view.version, 1);
  });

  test('a worker that may still have links to a closed node is killed; its end, not the order, is the proof', () => {
    const scene = new Scene();
    scene.apply(1, true);
    scene.obeys(0, 1);
    scene.clock.advance(1_500);
    assert.deepEqual(scene.killed, [], 'it is looked at twice');
    scene.clock.advance(1_500);
    assert.deepEqual(scene.killed, [1]);
    assert.equal(scene.acks.length, 0);
    scene.front.ended(1);
    assert.deepEqual(scene.acks.at(-1)?.closed, [NODE]);
  });

  test('one that is merely slow with a view that closes nothing is left alone for long', () => {
    const scene = new Scene();
    scene.apply(1);
    scene.obeys(0, 1);
    scene.clock.advance(25_000);
    assert.equal(scene.killed.length, 0);
    scene.clock.advance(10_000);
    assert.ok(scene.killed.includes(1));
  });

  test('a cancel request goes to the worker that has the session', () => {
    const scene = new Scene();
    const secret = new Uint8Array([1, 2]);
    scene.front.said(0, { kind: 'cancel', session: 2, secret });
    assert.equal(ownerOf(2, 2), 1);
    assert.deepEqual(scene.told(1, 'cancel'), [{ kind: 'cancel', session: 2, secret }]);
    assert.deepEqual(scene.told(0, 'cancel'), []);
  });

  test('a strike is answered by the worker that has the session, or at once when there is none', () => {
    const scene = new Scene();
    scene.front.said(0, { kind: 'strike', ask: 5, user: 'app', strike: STRIKE });
    assert.deepEqual(scene.told(1, 'strike'), [
      { kind: 'strike', from: 0, ask: 5, user: 'app', strike: STRIKE },
    ]);
    scene.front.said(1, { kind: 'struck', to: 0, ask: 5, refused: undefined });
    assert.deepEqual(scene.told(0, 'struck'), [{ kind: 'struck', ask: 5, refused: undefined }]);
    scene.ready = [0];
    scene.front.said(0, { kind: 'strike', ask: 6, user: 'app', strike: STRIKE });
    assert.equal(scene.told(0, 'struck').at(-1)?.refused?.code, 'NO_SUCH_SESSION');
  });

  test('signals and events are passed on, in their order', () => {
    const scene = new Scene();
    const signal = { kind: 'terminated', node: NODE } as const;
    const held = { kind: 'held', waiting: 1 } as const;
    scene.front.said(1, { kind: 'signal', signal });
    scene.front.said(1, { kind: 'events', events: [held, { kind: 'released', waitedMs: 2 }] });
    assert.deepEqual(scene.signals, [signal]);
    assert.deepEqual(
      scene.events.map(({ kind }) => kind),
      ['held', 'released'],
    );
  });

  test('who asks what has been learned hears of those that answer, and waits for none that has ended', async () => {
    const scene = new Scene();
    const short = { may: 'yes', because: 'it is short' } as const;
    const asked = scene.front.learned('d', 'SELECT 1', { may: 'not yet', because: '' });
    scene.front.said(1, { kind: 'explained', ask: 1, verdict: short });
    scene.front.ended(0);
    assert.deepEqual(await asked, { ...short, workers: [{ worker: 1, ...short }] });
    const last = scene.front.learned('d', 'SELECT 1', short);
    await scene.front.close();
    assert.deepEqual((await last).workers, []);
  });

  test('figures are counted together; of a silent worker only what grows', async () => {
    const scene = new Scene();
    const counters = new Counters([NODE]);
    counters.clientsNow = 2;
    counters.bytesToClients = 5;
    for (const slot of [0, 1]) scene.front.reported(slot, figuresOf(counters, []));
    scene.silent = new Set([1]);
    const { counters: sum } = await scene.front.count();
    assert.deepEqual([sum.clientsNow, sum.bytesToClients], [2, 10]);
  });
});

describe('catalogues for workers', () => {
  /** A worker's side, connected to the parent's. */
  function pupil(scene: Scene, slot: number) {
    const applied: Catalogue[] = [];
    const doubted: string[] = [];
    const up: (() => void)[] = [];
    const names = new Names({
      send: (message) => up.push(() => scene.front.said(slot, message)),
      unpack: (packed) => packed as Catalogue,
      apply: (_database, catalogue) => applied.push(catalogue),
      doubt: (database) => doubted.push(database),
    });
    let heard = 0;
    const down = (): void => {
      for (; heard < scene.sent.length; heard++) {
        const [to, message] = scene.sent[heard] ?? assert.fail();
        if (to !== slot) continue;
        if (message.kind === 'catalogue') names.learned(message);
        if (message.kind === 'doubt') names.doubted(message.database);
      }
    };
    const upward = (): void => {
      for (const send of up.splice(0)) send();
    };
    return { names, applied, doubted, up: upward, down };
  }

  test('one is sent to who needs it, and not again while it stays the same', () => {
    const scene = new Scene();
    const { names, applied, up, down } = pupil(scene, 0);
    assert.equal(names.need('d'), undefined);
    up();
    scene.front.learn('d', catalogueOf('t'));
    scene.front.learn('d', catalogueOf('t'));
    down();
    assert.deepEqual(applied, [['t']]);
    assert.deepEqual(names.need('d'), ['t']);
    assert.equal(scene.told(0, 'catalogue').length, 1);
    assert.equal(scene.told(1, 'catalogue').length, 0);
  });

  test('after a doubt the same one is confirmed without being sent again', () => {
    const scene = new Scene();
    const { names, applied, up, down } = pupil(scene, 0);
    names.need('d');
    up();
    scene.front.learn('d', catalogueOf('t'));
    scene.front.doubt('d');
    down();
    assert.equal(names.need('d'), undefined);
    scene.front.learn('d', catalogueOf('t'));
    down();
    assert.deepEqual(applied, [['t'], ['t']]);
    assert.equal(scene.told(0, 'catalogue').at(-1)?.packed, undefined);
  });

  test('a change of the schema in one worker is doubted in all at once', () => {
    const scene = new Scene();
    const [a, b] = [pupil(scene, 0), pupil(scene, 1)];
    for (const { names, up } of [a, b]) {
      names.need('d');
      up();
    }
    scene.front.learn('d', catalogueOf('t'));
    a.down();
    b.down();
    a.names.stale('d', 'changed');
    assert.deepEqual(a.doubted, ['d'], 'here at once');
    a.up();
    assert.deepEqual(scene.stale, ['d changed']);
    scene.front.doubt('d');
    b.down();
    assert.equal(b.names.need('d'), undefined);
  });

  test('what was read before a change that passed here is not believed, though it arrives after it', () => {
    const scene = new Scene();
    const { names, applied, up, down } = pupil(scene, 0);
    names.need('d');
    up();
    scene.front.learn('d', catalogueOf('old'));
    names.stale('d', 'changed');
    down();
    assert.deepEqual(applied, []);
    assert.equal(names.need('d'), undefined);
    up();
    scene.front.doubt('d');
    scene.front.learn('d', catalogueOf('new'));
    down();
    assert.deepEqual(applied, [['new']]);
  });

  test('a worker that takes the place of another asks anew', () => {
    const scene = new Scene();
    const first = pupil(scene, 0);
    first.names.need('d');
    first.up();
    scene.front.learn('d', catalogueOf('t'));
    scene.front.ended(0);
    scene.front.joined(0);
    const second = pupil(scene, 0);
    scene.known = catalogueOf('t');
    second.names.need('d');
    second.up();
    second.down();
    assert.deepEqual(second.names.need('d'), ['t']);
  });
});
