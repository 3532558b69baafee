import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientSide, Login, Unit, Wire } from '../../../src/core/wire.ts';
import { wire as postgres } from '../../../src/postgres/wire.ts';
import { type Guest, Scene, type SceneOptions } from './scene.ts';

const READ = "SELECT 'read' AS v";
const BROKEN = "SELECT 'broken' AS v";
const WRITE = 'INSERT INTO t VALUES (1)';

const isBroken = ({ bytes }: Unit): boolean => bytes.includes('broken');

/** Cannot be followed where a unit is broken. */
function throwing(at: 'plan' | 'completed'): SceneOptions {
  const client = (login: Login): ClientSide => {
    const made = postgres.client(login);
    const plan: ClientSide['plan'] = (unit, server, behind) => {
      if (isBroken(unit)) throw new Error('cannot be planned');
      return postgresPlan(unit, server, behind);
    };
    const postgresPlan = made.plan.bind(made);
    const completed: ClientSide['completed'] = (unit) => {
      if (isBroken(unit)) throw new Error('cannot be followed');
      return undefined;
    };
    return Object.assign(made, at === 'plan' ? { plan } : { completed });
  };
  return { wire: { client } };
}

/** Session pooling, where from some time on no link can be made like a session that has settings of its own. */
function stubborn(): { options: SceneOptions; from: () => void } {
  let unlike = false;
  const server: Wire['server'] = (opened) => {
    const made = postgres.server(opened);
    const adjust = made.adjust.bind(made);
    return Object.assign(made, {
      adjust: (...given: Parameters<typeof adjust>) => (unlike ? undefined : adjust(...given)),
    });
  };
  return {
    options: { mode: 'session', wire: { server } },
    from: () => {
      unlike = true;
    },
  };
}

/** One server connection; reads are known to be short. */
async function scene(options: SceneOptions): Promise<Scene> {
  const on = new Scene(1, options);
  await on.opens(1);
  await on.learns(READ);
  return on;
}

async function finish(on: Scene): Promise<void> {
  for (let turn = 0; turn < 10; turn++) {
    for (const line of on.lines) if (!line.closed) line.answerAll();
    await on.pass();
  }
}

/** It was told an error and is gone; whoever comes next is served, on the same connection if `kept`. */
async function onlyItself(on: Scene, guest: Guest, words: readonly string[], kept = true): Promise<void> {
  await finish(on);
  assert.deepEqual(guest.told, [...words, 'closed']);
  const next = await on.enters();
  next.asks(WRITE, READ);
  await on.pass();
  await finish(on);
  assert.deepEqual(next.told, [WRITE, READ]);
  if (kept) assert.equal(on.lines.length, 1, 'its connection is as good as before');
}

describe('a fault while a unit is taken is its session’s end and nobody else’s', () => {
  const planned: readonly [when: string, text: string, settings?: Record<string, string>][] = [
    ['that waits for its turn to be sent', "INSERT INTO t VALUES ('broken')"],
    ['that waits for settings', "SELECT 'broken', 1 AS other", { timezone: 'Asia/Tokyo' }],
    ['that shares a connection', BROKEN],
  ];
  for (const [when, text, settings] of planned) {
    test(`of one ${when}`, async () => {
      using on = await scene(throwing('plan'));
      const guest = await on.enters(settings);
      // The connection is as others need it.
      await on.learns(READ);
      guest.asks(text);
      await on.pass();
      await onlyItself(on, guest, ['!08P01']);
    });
  }

  for (const [how, text] of [
    ['of its own', "SELECT 'broken', 1 AS other"],
    ['to be shared', BROKEN],
  ] as const) {
    test(`of one that has waited for a connection ${how}`, async () => {
      using on = await scene(throwing('plan'));
      const first = await on.enters();
      const guest = await on.enters();
      first.asks(WRITE);
      await on.pass();
      guest.asks(text);
      await on.pass();
      on.where(WRITE).answer();
      await on.pass();
      await onlyItself(on, guest, ['!08P01']);
      assert.deepEqual(first.told, [WRITE]);
    });
  }

  for (const [how, text] of [
    ['by itself', "SELECT 'broken', 1 AS other"],
    ['among others', BROKEN],
  ] as const) {
    test(`of one that ran ${how}, at its end`, async () => {
      using on = await scene(throwing('completed'));
      const [guest, neighbour] = [await on.enters(), await on.enters()];
      guest.asks(text);
      neighbour.asks(READ);
      await on.pass();
      on.where(text).answer();
      await on.pass();
      await finish(on);
      assert.deepEqual(neighbour.told, [READ]);
      await onlyItself(on, guest, [text, '!08P01']);
    });
  }
});

describe('session pooling: a connection that can never be like the session ends that session alone', () => {
  for (const [kind, text] of [
    ['read', READ],
    ['write', WRITE],
  ] as const) {
    test(`found at once, by a ${kind}`, async () => {
      const { options, from } = stubborn();
      using on = await scene(options);
      const guest = await on.enters({ timezone: 'Asia/Tokyo' });
      const first = await on.enters();
      first.asks(WRITE);
      await finish(on);
      first.channel.hangUp();
      await finish(on);
      from();
      guest.asks(text);
      await onlyItself(on, guest, ['!55000'], false);
    });

    test(`found after a wait, by a ${kind}`, async () => {
      const { options, from } = stubborn();
      using on = await scene(options);
      const guest = await on.enters({ timezone: 'Asia/Tokyo' });
      const first = await on.enters();
      first.asks(WRITE);
      await finish(on);
      from();
      guest.asks(text);
      await on.pass();
      assert.deepEqual(guest.told, []);
      first.channel.hangUp();
      await onlyItself(on, guest, ['!55000'], false);
    });
  }
});
