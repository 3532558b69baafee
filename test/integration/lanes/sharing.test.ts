import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, Laned, type LanedOptions, send } from '../../support/laned.ts';
import type { WireClient } from '../../support/wire-recorder.ts';

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: 2 });
});
after(() => laned.close());

const closeAll = async (clients: readonly WireClient[]): Promise<void> => {
  await Promise.all(clients.map((client) => client.close()));
};

test('many sessions share few server connections, and each is told its own answers', async () => {
  await using wide = await laned.beside({ size: 20 });
  await wide.opens(20);
  const clients = await Promise.all(Array.from({ length: 64 }, () => wide.enter()));
  const figures = await wide.during(() =>
    Promise.all(
      clients.map(async (client, at) => {
        for (let round = 0; round < 20; round++) {
          const key = ((at * 20 + round) % 1_000) + 1;
          assert.deepEqual(await client.rows(`SELECT v FROM kv WHERE k = ${key}`), [[`v${key}`]]);
        }
      }),
    ),
  );
  assert.ok(figures.units > 64, `${figures.units} of 1280 went by a lane`);
  const text = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'demo'";
  assert.ok(Number((await laned.cluster.query('pg-1', text))[0]?.['n']) <= 20 + 2);
  await closeAll(clients);
});

test('rule 1: a write waits behind nobody’s read, and a read of unknown cost has nobody behind it', async () => {
  await laned.opens(2);
  await laned.warm('SELECT gate(0) AS known', 'SELECT 1 AS near');
  const [reader, writer, neighbour] = await Promise.all([laned.enter(), laned.enter(), laned.enter()]);
  for (const text of ['SELECT gate(1) AS known', 'SELECT gate(1) AS never_run_before']) {
    await using bolt = await laned.bolt(1);
    const figures = await laned.during(async () => {
      if (text.endsWith('known')) await laned.board(reader, text);
      else send(reader, text);
      await laned.waitAt(1);
      assert.deepEqual(await writer.rows('UPDATE kv SET v = v WHERE k = 1 RETURNING k'), [['1']]);
    });
    assert.equal(figures.rescues, 0, 'nobody was behind it');
    if (text.endsWith('before')) {
      const { rescues } = await laned.during(async () => {
        send(neighbour, 'SELECT 1 AS near');
        assert.equal(await answer(neighbour), '1');
      });
      assert.equal(rescues, 0, 'it was not put behind it');
    }
    await bolt.open();
    assert.equal(await answer(reader), '1');
  }
  await closeAll([reader, writer, neighbour]);
});

test('rule 2: sessions whose settings differ never share; the name of the application is not counted', async () => {
  await using wide = await laned.beside({ size: 20 });
  const zones = ['UTC', 'Asia/Tokyo', 'America/New_York'];
  const shows = "SELECT '2024-06-01 12:00+00'::timestamptz::text";
  const expected = ['2024-06-01 12:00:00+00', '2024-06-01 21:00:00+09', '2024-06-01 08:00:00-04'];
  await wide.opens(20);
  await wide.warm(shows);
  const clients = await Promise.all(
    Array.from({ length: 24 }, (_, at) =>
      wide.enter({ TimeZone: zones[at % 3] ?? '', application_name: `app ${at}` }),
    ),
  );
  const { units } = await wide.during(() =>
    Promise.all(
      clients.map(async (client, at) => {
        for (let round = 0; round < 30; round++) {
          assert.deepEqual(await client.rows(shows), [[expected[at % 3]]]);
          if (round % 10 === at % 10) {
            assert.deepEqual(await client.rows('SHOW application_name'), [[`app ${at}`]]);
            assert.deepEqual(await client.rows('SHOW TimeZone'), [[zones[at % 3]]]);
          }
        }
      }),
    ),
  );
  assert.ok(units > 0, 'none went by a lane');
  await closeAll(clients);
});

for (const size of [1, 2, 4]) {
  test(`rule 2: in a pool of ${size} transactions get their connections although readers fill the lanes`, async () => {
    await using small = await laned.beside({ size });
    await small.opens(size);
    await small.warm('SELECT v FROM kv WHERE k = 1');
    const readers = await Promise.all(Array.from({ length: 24 }, () => small.enter()));
    const writers = await Promise.all(Array.from({ length: 4 }, () => small.enter()));
    let over = false;
    const { units } = await small.during(async () => {
      const reading = readers.map(async (client) => {
        while (!over) assert.deepEqual(await client.rows('SELECT v FROM kv WHERE k = 5'), [['v5']]);
      });
      await Promise.all(
        writers.map(async (client, at) => {
          for (let round = 0; round < 25; round++) {
            await client.rows('BEGIN');
            await client.rows(`UPDATE kv SET v = v WHERE k = ${900 + at}`);
            await client.rows('COMMIT');
          }
        }),
      );
      over = true;
      await Promise.all(reading);
    });
    assert.ok(units > 0);
    const text = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = 'demo'";
    const [counted] = await laned.cluster.query('pg-1', text);
    assert.ok(Number(counted?.['n']) <= 2 + size, 'lanes count as connections of the pool');
    await closeAll([...readers, ...writers]);
  });
}

test('rule 9: lanes are off where the pool, the user or the database says so, and on if nobody does', async () => {
  const { client } = laned.cluster.credentials;
  const user = { name: client.user, password: client.password };
  const switches: readonly (readonly [string, boolean, LanedOptions['proxy']])[] = [
    ['pool', false, { pool: { size: 2, lanes: false } }],
    ['user', false, { users: [{ ...user, lanes: false }] }],
    ['database', false, { databases: [{ name: client.database, lanes: false }] }],
    ['another database', true, { databases: [{ name: 'elsewhere', lanes: false }] }],
  ];
  for (const [what, on, proxy] of switches) {
    await using switched = await laned.beside({ ...(proxy === undefined ? {} : { proxy }) });
    await switched.opens(2);
    const clients = await Promise.all(Array.from({ length: 8 }, () => switched.enter()));
    for (let round = 0; round < 20; round++) {
      const told = await Promise.all(clients.map((one) => one.rows('SELECT 7 AS switched')));
      assert.deepEqual(
        told.flat(2),
        clients.map(() => '7'),
      );
    }
    const { units } = await switched.figures();
    assert.equal(units > 0, on, `${what}: ${units} went by a lane`);
    await closeAll(clients);
  }
});
