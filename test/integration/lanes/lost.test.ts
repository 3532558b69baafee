import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { Crowd } from '../../support/crowd.ts';
import { answer, Laned, send } from '../../support/laned.ts';

const LINKS = 20;
const ROUNDS = 8;

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: LINKS });
});
after(() => laned.close());

/** Server connections of the application. */
const backends = async (): Promise<number[]> => {
  const rows = await laned.cluster.query('pg-1', "SELECT pid FROM pg_stat_activity WHERE usename = 'demo'");
  return rows.map(({ pid }) => Number(pid));
};

test('rule 5: connections that an administrator ends under full lanes cost nobody an answer', async () => {
  await laned.opens(LINKS);
  await using crowd = await Crowd.gather(laned, 32);
  const figures = await laned.during(async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await laned.cluster.query(
        'pg-1',
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'demo'",
      );
      await crowd.turn();
    }
  });
  await crowd.leave();
  // Those at the head are sent again once; where they then meet a connection that is ended too, they are told.
  assert.ok(crowd.errors.length <= (ROUNDS * LINKS) / 4, `${crowd.errors.length} errors`);
  assert.ok(figures.units > 100, `${figures.units} went by lanes`);
  const retried = laned.events.filter((event) => event.kind === 'retried' && event.because === 'link-lost');
  assert.ok(retried.length >= ROUNDS, `${retried.length} units were sent again`);
});

test('rule 5: a server process that is killed under full lanes costs at most those at the head their answer', async () => {
  await laned.opens(LINKS);
  await using crowd = await Crowd.gather(laned, 32);
  const { units } = await laned.during(async () => {
    for (let round = 0; round < 2; round++) {
      // The lanes are full of units that wait, when the process dies of something else.
      await becomes('there are connections', async () => (await backends().catch(() => [])).length > 0);
      const [pid] = await backends();
      assert.ok(pid !== undefined);
      process.kill(pid, 'SIGKILL');
      await crowd.turn();
    }
  });
  await crowd.leave();
  assert.ok(units > 100);
  // PostgreSQL ends all its processes then: each time as many heads as lanes.
  assert.ok(crowd.errors.length <= 2 * LINKS, `${crowd.errors.length} errors: ${crowd.errors.join(' ')}`);
});

test('rule 5: a read that ends its own connection runs at most twice, and takes no neighbour along', async () => {
  await laned.opens(LINKS);
  await using crowd = await Crowd.gather(laned, 16);
  const ended = (): number =>
    laned.events.filter(
      ({ kind, ...event }) =>
        kind === 'link-closed' && 'reason' in event && /administrator/.test(event.reason),
    ).length;
  for (let round = 0; round < 5; round++) {
    await laned.warm(`SELECT dies(false) AS round_${round}`);
    const before = ended();
    const killer = await laned.enter();
    send(killer, `SELECT dies(true) AS round_${round}`);
    assert.equal(
      await answer(killer).catch((error: unknown) => String(error).includes('closed') && 'closed'),
      'closed',
    );
    assert.ok(ended() - before <= 2, `${ended() - before} connections died of it`);
    await crowd.turn();
  }
  await crowd.leave();
  assert.deepEqual(crowd.errors, []);
});
