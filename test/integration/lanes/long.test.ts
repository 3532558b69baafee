import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { answer, Laned, send } from '../../support/laned.ts';
import { WireClient } from '../../support/wire-recorder.ts';

/** More than the budget of rescues. */
const MANY = 800;

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: 4 });
});
after(() => laned.close());

const enter = (count: number): Promise<WireClient[]> =>
  Promise.all(Array.from({ length: count }, () => laned.enter()));
const closeAll = async (clients: readonly WireClient[]): Promise<void> => {
  await Promise.all(clients.map((client) => client.close()));
};

/** Units that follow one another on one lane, as far as they come in time: no other connection is free meanwhile. */
async function line(
  first: readonly [WireClient, string],
  others: readonly (readonly [WireClient, string])[],
): Promise<void> {
  const busy = await enter(3);
  for (const client of busy) await client.rows('BEGIN; SELECT txid_current()');
  const { units } = await laned.figures();
  await laned.board(...first);
  for (const [client, text] of others) send(client, text);
  await becomes('they wait', async () => (await laned.figures()).units > units);
  for (const client of busy) await client.rows('COMMIT');
  await closeAll(busy);
}

test('rule 3: a read that turns out long keeps nobody waiting, is demoted, and is told nobody else’s answer', async () => {
  await laned.opens(4);
  await laned.warm('SELECT v FROM kv WHERE k = 1');
  const [long, ...others] = await enter(7);
  assert.ok(long);
  let moved = 0;
  // On a busy machine the others may come when it is alone already.
  for (let attempt = 0; attempt < 8 && moved === 0; attempt++) {
    const text = (gate: number): string => `SELECT gate(${gate}) AS turns_out_${attempt}`;
    await laned.warm(text(0));
    await using bolt = await laned.bolt(1);
    const { rescues } = await laned.during(async () => {
      const reads = others.map((other, at) => [other, `SELECT v FROM kv WHERE k = ${at + 1}`] as const);
      await line([long, text(1)], reads);
      const told = await Promise.all(others.map(answer));
      assert.deepEqual(
        told,
        others.map((_, at) => `v${at + 1}`),
      );
    });
    assert.ok(rescues <= others.length, `${rescues} were moved`);
    moved += rescues;
    await bolt.open();
    // What others left behind it on its connection is dropped: the next answers are its own.
    assert.equal(await answer(long), '1');
    for (const key of [11, 12, 13]) {
      send(long, `SELECT v FROM kv WHERE k = ${key}`);
      assert.equal(await answer(long), `v${key}`);
    }
    const alone = await laned.during(async () => {
      for (let run = 0; run < 7; run++) await long.rows(text(0));
    });
    assert.equal(alone.units, 0, 'it has company again only after it was short for a while');
  }
  assert.ok(moved > 0, 'nobody was ever moved');
  await closeAll([long, ...others]);
});

test('rule 3: a lock on a table that all read makes no storm of rescues, and all are answered when it goes', async () => {
  const text = (key: number): string => `SELECT v AS locked FROM kv WHERE k = ${key}`;
  await using wide = await laned.beside({ size: 20 });
  await wide.opens(20);
  await wide.warm(text(1));
  const clients = await Promise.all(Array.from({ length: MANY }, () => wide.enter()));
  await using locker = await WireClient.open(laned.direct);
  await locker.rows('BEGIN; LOCK TABLE kv IN ACCESS EXCLUSIVE MODE');
  await wide.calm(() => {
    for (const [at, client] of clients.entries()) send(client, text(at + 1));
  });
  // Somebody else is served as long as there is a way.
  await locker.rows('ROLLBACK');
  const told = await Promise.all(clients.map(answer));
  assert.deepEqual(
    told,
    clients.map((_, at) => `v${at + 1}`),
  );
  await closeAll(clients);
});

test('rule 4: a client that does not read its large result keeps a connection, no memory, and nobody waiting', async () => {
  const text = (rows: number): string => `SELECT repeat('x', 1000) FROM generate_series(1, ${rows})`;
  await laned.warm(text(3), 'SELECT 1 AS beside_slow');
  const [slow, ...others] = await enter(9);
  assert.ok(slow);
  slow.pause();
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const figures = await laned.during(async () => {
    send(slow, text(40_000));
    for (let round = 0; round < 40; round++) {
      for (const [at, other] of others.entries()) send(other, `SELECT ${round * 10 + at} AS beside_slow`);
      const told = await Promise.all(others.map(answer));
      assert.deepEqual(
        told,
        others.map((_, at) => String(round * 10 + at)),
      );
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
  });
  assert.ok(figures.units > 100, 'they went by lanes');
  assert.ok(most < 16 * 1024 * 1024, `${most} bytes more while 40 MB waited`);
  slow.resume();
  const told = await slow.ready();
  assert.equal(told.filter(({ type }) => type === 'D').length, 40_000);
  assert.deepEqual(await slow.rows('SELECT 5 AS after_all'), [['5']]);
  await closeAll([slow, ...others]);
});

test('who leaves while its unit waits on a lane takes no answer of the others along', async () => {
  await laned.warm('SELECT gate(0) AS gone', 'SELECT v FROM kv WHERE k = 1');
  await using bolt = await laned.bolt(1);
  const [head, gone, ...others] = await enter(8);
  assert.ok(head && gone);
  await line(
    [head, 'SELECT gate(1) AS gone'],
    [
      [gone, 'SELECT v FROM kv WHERE k = 1'],
      ...others.map((other, at) => [other, `SELECT v FROM kv WHERE k = ${at + 1}`] as const),
    ],
  );
  head.destroy();
  gone.destroy();
  const told = await Promise.all(others.map(answer));
  assert.deepEqual(
    told,
    others.map((_, at) => `v${at + 1}`),
  );
  // Nobody waits for the head: it is cancelled on its server.
  await laned.waitAt(1, 0);
  await bolt.open();
  await closeAll(others);
});
