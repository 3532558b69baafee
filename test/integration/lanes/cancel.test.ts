import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, Laned, send } from '../../support/laned.ts';
import type { WireClient } from '../../support/wire-recorder.ts';

const CANCELS = 2_000;
const CANCELLERS = 10;
const NEIGHBOURS = 14;

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: 20 });
});
after(() => laned.close());

/** Whether a unit runs, waits or has been answered when the request comes is left to chance. */
const moment = (turns: number): Promise<void> =>
  turns === 0 ? Promise.resolve() : new Promise((resolve) => setImmediate(() => resolve(moment(turns - 1))));

test('rule 6: of thousands of cancel requests on few lanes none hits a neighbour, or a later unit', async () => {
  await laned.opens(20);
  const clients = await Promise.all(Array.from({ length: CANCELLERS + NEIGHBOURS }, () => laned.enter()));
  let cancels = 0;
  let struck = 0;
  const ask = async (client: WireClient, round: number, cancelled: boolean): Promise<void> => {
    const nap = round % 3 === 0;
    const ms = round % 4;
    const key = (round % 1_000) + 1;
    // One that was slow once shares nothing for long: so it gets another form now and then.
    const form = `form_${Math.floor(cancels / 50)}`;
    send(client, nap ? `SELECT nap(${ms}) AS ${form}` : `SELECT v AS ${form} FROM kv WHERE k = ${key}`);
    const cancelling = cancelled ? moment(round % 4).then(() => client.cancel()) : Promise.resolve();
    const told = await answer(client);
    await cancelling;
    client.told = [];
    const right = nap ? String(ms) : `v${key}`;
    // A server may be struck when the row has gone out, before it says that all is done.
    if (cancelled && (told === '!57014' || told === `${right} !57014`)) struck++;
    else assert.equal(told, right);
  };
  const { units } = await laned.during(async () => {
    let over = false;
    const cancelling = clients.slice(0, CANCELLERS).map(async (client, at) => {
      for (let round = at; cancels < CANCELS; round += 7) {
        cancels++;
        await ask(client, round, true);
        // The request was for the unit before.
        await ask(client, round + 1, false);
      }
    });
    const others = clients.slice(CANCELLERS).map(async (client, at) => {
      for (let round = at; !over; round++) await ask(client, round, false);
    });
    await Promise.all(cancelling).finally(() => {
      over = true;
    });
    await Promise.all(others);
  });
  assert.ok(units > CANCELS / 10, `${units} went by lanes`);
  assert.ok(struck > 0, `${struck} of ${CANCELS} cancelled anything`);
  await Promise.all(clients.map((client) => client.close()));
});

test('rule 6: a unit at the head is cancelled on its server, one behind it here, and nobody else', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, () => laned.enter()));
  const [head, behind, ...others] = clients;
  assert.ok(head && behind);
  for (let round = 0; round < 5; round++) {
    const [gate, read] = [`cancelled_${round}`, `beside_${round}`];
    await laned.warm(`SELECT gate(0) AS ${gate}`, `SELECT v AS ${read} FROM kv WHERE k = 1`);
    await using bolt = await laned.bolt(1);
    await laned.board(head, `SELECT gate(1) AS ${gate}`);
    for (const [at, client] of [behind, ...others].entries())
      send(client, `SELECT v AS ${read} FROM kv WHERE k = ${at + 1}`);
    await Promise.all([head.cancel(), behind.cancel()]);
    assert.equal(await answer(head), '!57014');
    assert.match(await answer(behind), /^(v1|!57014)$/);
    const told = await Promise.all(others.map(answer));
    assert.deepEqual(
      told,
      others.map((_, at) => `v${at + 2}`),
    );
    await bolt.open();
  }
  await Promise.all(clients.map((client) => client.close()));
});
