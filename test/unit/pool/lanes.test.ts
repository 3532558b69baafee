import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Cost } from '../../../src/core/cost.ts';
import { NodeCounters } from '../../../src/core/counters.ts';
import { nodeId } from '../../../src/core/node.ts';
import { plainIntent } from '../../../src/core/plain-intent.ts';
import { noSettings, type Settings, settingsOf } from '../../../src/core/settings.ts';
import type { Lane, Passenger } from '../../../src/pool/lane.ts';
import { Lanes } from '../../../src/pool/lanes.ts';
import { Link, type Request } from '../../../src/pool/link.ts';
import { Rescues } from '../../../src/pool/rescues.ts';
import { PostgresUnit } from '../../../src/postgres/finder.ts';
import { readyForQuery } from '../../../src/postgres/messages.ts';
import { wire } from '../../../src/postgres/wire.ts';
import { MemoryChannel } from '../../support/memory-channel.ts';
import { query } from '../../support/wire-recorder.ts';
import { ManualClock } from '../failover/clock.ts';

const NODE = nodeId('pg-1');
const target = {
  node: NODE,
  endpoint: { host: '192.0.2.1', port: 1 },
  user: 'u',
  password: undefined,
  database: 'd',
  options: '',
  tls: undefined,
};

/** A cost that expects so many ms, of which all is work. */
function costing(ms: number): Cost {
  const cost = new Cost();
  cost.alone(ms, 10);
  return cost;
}

/** A passenger that hears nothing. */
const nobody: Passenger = {
  replyBytes: () => undefined,
  replyRefused: () => false,
  replyCopyIn: () => undefined,
  replyDone: () => undefined,
  laneTaken: () => undefined,
  laneCleared: () => undefined,
  laneLeft: () => undefined,
  laneLost: () => undefined,
};

function requestOf(cost: Cost): Request {
  const intent = { ...plainIntent('read', 'R01', ''), cost };
  return {
    unit: new PostgresUnit('whole', 'simple', query('SELECT 1')),
    intent,
    moved: false,
    solo: false,
    recalled: false,
  };
}

/** Lanes over so many free links. */
function lanesOver(count: number, settings: Settings = noSettings) {
  const clock = new ManualClock();
  const counters = new NodeCounters(NODE);
  const channels: MemoryChannel[] = [];
  const free: Link[] = [];
  const given: Link[] = [];
  const owner = { linkClosed: () => undefined, linkSignal: () => undefined };
  for (let at = 0; at < count; at++) {
    const channel = new MemoryChannel();
    channels.push(channel);
    const opened = { channel, greeting: { parameters: new Map<string, string>() }, key: Buffer.alloc(8) };
    const link = new Link(wire, target, opened, owner, 0);
    link.settings = settings;
    free.push(link);
  }
  const source = {
    clock,
    counters,
    rescues: new Rescues(clock),
    crowded: false,
    busy: 0,
    lanesKept: 0,
    waitsFor: () => false,
    give: (link: Link) => {
      given.push(link);
      free.push(link);
    },
    takeLike: (suits: (of: Settings) => boolean) => {
      const at = free.findIndex((link) => suits(link.settings));
      return at < 0 ? undefined : free.splice(at, 1)[0];
    },
    boardWaiting: () => undefined,
    widen: () => undefined,
    abandon: () => undefined,
    shared: (of: Settings) => of,
  };
  const lanes = new Lanes(source);
  /** Sends so many units, each by the lane that it is told. */
  const send = (cost: Cost, times = 1): (Lane | undefined)[] =>
    Array.from({ length: times }, () => {
      const lane = lanes.board(settings, cost);
      const request = requestOf(cost);
      lane?.send(request.unit, nobody, request);
      return lane;
    });
  return { lanes, source, send, channels, counters, given, clock };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('lanes', () => {
  test('are packed before they are spread: light units fill one before the next is begun', () => {
    const { lanes, send } = lanesOver(4);
    const used = send(costing(0.01), 32);
    assert.equal(new Set(used).size, 1);
    const [next] = send(costing(0.01));
    assert.notEqual(next, used[0]);
    lanes.close();
  });

  test('are spread at once where the work is heavy', () => {
    const { lanes, send } = lanesOver(4);
    assert.equal(new Set(send(costing(2), 4)).size, 4);
    lanes.close();
  });

  test('are no more than one process can keep busy with units that light, up to a bounded amount of work', () => {
    const { lanes, send } = lanesOver(8);
    assert.equal(new Set(send(costing(0.01), 200)).size, 2);
    lanes.close();
    const heavier = lanesOver(8);
    const used = new Set(heavier.send(costing(0.1), 230));
    assert.equal(used.size, 6);
    for (const lane of heavier.send(costing(0.1), 20)) used.add(lane);
    assert.equal(used.size, 7, 'there are 4 ms on each');
    heavier.lanes.close();
  });

  test('are begun for a light unit where all others have heavy ones', () => {
    const { lanes, send } = lanesOver(8);
    const heavy = send(costing(2), 3);
    const [light] = send(costing(0.01));
    assert.ok(light !== undefined && !heavy.includes(light));
    lanes.close();
  });

  test('take more than their share when there is no other link, and a bounded amount of work', () => {
    const { lanes, send } = lanesOver(1);
    assert.equal(new Set(send(costing(0.01), 100)).size, 1);
    const full = send(costing(4), 100);
    assert.ok(full.includes(undefined), 'nobody is put behind more than can be waited for');
    lanes.close();
  });

  test('are never deeper than a bound, however light their units are', () => {
    const { lanes, send } = lanesOver(1);
    const used = send(costing(0.000_001), 2_000).filter((lane) => lane !== undefined);
    assert.ok(used.length <= 256, `${used.length} on one link`);
    lanes.close();
  });

  test('rule 2: are only of links whose settings are those of their units', () => {
    const { lanes } = lanesOver(1, settingsOf([['timezone', 'UTC']]));
    assert.equal(lanes.board(noSettings, costing(0.1)), undefined);
    assert.notEqual(lanes.board(settingsOf([['timezone', 'UTC']]), costing(0.1)), undefined);
    lanes.close();
  });

  test('rule 2: take nothing more when others wait for a link of their own, but for those that are kept', () => {
    const { lanes, source, send } = lanesOver(2);
    const [first] = send(costing(2));
    const [second] = send(costing(2));
    assert.notEqual(first, second);
    Object.assign(source, { crowded: true });
    assert.deepEqual(send(costing(0.01)), [undefined]);
    Object.assign(source, { lanesKept: 1 });
    assert.deepEqual(send(costing(0.01), 2), [first, first]);
    lanes.close();
  });

  test('now and then send some units on one lane, to see what they cost where nothing else is done', () => {
    const { lanes, send, channels } = lanesOver(4);
    let deepest = 0;
    for (let round = 0; round < 200; round++) {
      const used = send(costing(1), 12);
      for (const lane of new Set(used)) {
        deepest = Math.max(deepest, used.filter((one) => one === lane).length);
        for (const one of used) if (one === lane) one?.link.bytes(readyForQuery('idle'));
      }
    }
    assert.equal(channels.length, 4);
    assert.ok(deepest >= 9, `${deepest} of 12 on one lane at most`);
    lanes.close();
  });

  test('learn what a unit costs from answers that came in a row, not from one that was late and the next', async () => {
    const { lanes, send, channels, clock } = lanesOver(1);
    const cost = costing(1);
    send(cost, 16);
    for (let run = 0; run < 2; run++) {
      await clock.run(8);
      for (let answer = 0; answer < 8; answer++) channels[0]?.push(readyForQuery('idle'));
    }
    assert.ok(cost.work > 0.9, `${cost.work}`);
    lanes.close();
  });

  test('share out what several units took together by what was expected of each', async () => {
    const { lanes, send, channels, clock } = lanesOver(1);
    const [quick, slow] = [costing(0.5), costing(2)];
    for (let round = 0; round < 20; round++) {
      for (let pair = 0; pair < 3; pair++) {
        send(quick);
        send(slow);
      }
      await clock.run(11.25);
      channels[0]?.push(Buffer.concat(Array.from({ length: 6 }, () => readyForQuery('idle'))));
    }
    assert.ok(Math.abs(slow.ms / quick.ms - 4) < 1e-6, `${slow.ms} ${quick.ms}`);
    assert.ok(Math.abs(slow.ms - 3) < 0.1, `${slow.ms}`);
    lanes.close();
  });

  test('send all that comes in one turn in one write', async () => {
    const { lanes, send, counters, channels } = lanesOver(1);
    // Few units go at once: after many in company they are gathered.
    for (let round = 0; round < 20; round++) {
      send(costing(0.01), 12);
      await turn();
      for (let unit = 0; unit < 12; unit++) channels[0]?.push(readyForQuery('idle'));
      await turn();
      if (round < 19) await turn();
    }
    assert.equal(counters.laneUnits > 0, true);
    assert.ok(
      counters.laneWrites < counters.laneUnits / 3,
      `${counters.laneWrites} writes of ${counters.laneUnits} units`,
    );
    lanes.close();
  });

  test('give their link back when nothing is owed on it, and watch no more', async () => {
    const { lanes, send, channels, given, clock } = lanesOver(1);
    send(costing(0.01), 3);
    await turn();
    for (let unit = 0; unit < 3; unit++) channels[0]?.push(readyForQuery('idle'));
    assert.equal(given.length, 1);
    assert.equal(given[0]?.holder, undefined);
    await clock.run(1_000);
    assert.equal(clock.pending, 0);
    lanes.close();
  });
});
