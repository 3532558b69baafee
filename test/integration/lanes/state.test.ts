import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Crowd } from '../../support/crowd.ts';
import { answer, Laned, send } from '../../support/laned.ts';
import { record, type Script } from '../../support/sameness.ts';
import {
  bind,
  close,
  describe,
  execute,
  parse,
  query,
  run,
  sync,
  type WireClient,
} from '../../support/wire-recorder.ts';

/** How often each script is told beside its neighbours: each time they stand elsewhere. */
const TIMES = 12;

let laned: Laned;
before(async () => {
  laned = await Laned.start({ size: 8 });
  await laned.opens(8);
});
after(() => laned.close());

/** The script is told the same by the proxy, on lanes that others fill, as directly. Gives the units of lanes. */
async function assertSame(script: Script): Promise<void> {
  const direct = await record(laned.direct, script);
  await using crowd = await Crowd.gather(laned, 8);
  for (let time = 0; time < TIMES; time++) {
    assert.deepEqual(await record(laned.through, script), direct);
  }
  await crowd.leave();
  assert.deepEqual(crowd.errors, []);
}

test('rule 7: a unit that changes its session keeps that to itself, and its form has no company again', async () => {
  const shows = "SELECT '2024-06-01 12:00+00'::timestamptz::text AS poisoned";
  const others = await Promise.all(Array.from({ length: 12 }, () => laned.enter({ TimeZone: 'UTC' })));
  const changers = await Promise.all(Array.from({ length: 5 }, () => laned.enter({ TimeZone: 'UTC' })));
  let over = false;
  let units = 0;
  const reading = others.map(async (other) => {
    while (!over) {
      assert.deepEqual(await other.rows(shows), [['2024-06-01 12:00:00+00']]);
      units++;
    }
  });
  const spoiled: string[] = [];
  for (const [at, changer] of changers.entries()) {
    const text = (zone: string): string => `SELECT zone('${zone}') AS poison_${at}`;
    await laned.warmBy(text(''), () => changer.rows(text('')));
    // On a busy machine it may have to run by itself all the same.
    const { poisoned } = await laned.during(async () => {
      assert.deepEqual(await changer.rows(text('Asia/Tokyo')), [['Asia/Tokyo']]);
    });
    if (poisoned > 0) spoiled.push(text(''));
    for (let round = 0; round < 10; round++) {
      assert.deepEqual(await changer.rows('SHOW TimeZone'), [['Asia/Tokyo']]);
      assert.deepEqual(await changer.rows(shows), [['2024-06-01 21:00:00+09']]);
    }
    const wanted = units + 50;
    while (units < wanted) await new Promise((resolve) => setImmediate(resolve));
  }
  over = true;
  await Promise.all(reading);
  assert.ok(spoiled.length > 0);
  await using again = await laned.enter();
  const { units: laned_ } = await laned.during(async () => {
    for (let round = 0; round < 20; round++) for (const text of spoiled) await again.rows(text);
  });
  assert.equal(laned_, 0);
  await Promise.all([...others, ...changers].map((client) => client.close()));
});

test('rule 8: what a session sends at once is answered in order, reads behind reads behind writes', async () => {
  await laned.prepare(
    'CREATE TABLE own (k int, v text)',
    'GRANT ALL ON own TO demo',
    "INSERT INTO own VALUES (1, '')",
  );
  await assertSame(async (client) => {
    const reads = (from: number): Buffer[] =>
      Array.from({ length: 5 }, (_, at) => query(`SELECT v AS ordered FROM kv WHERE k = ${from + at}`));
    client.send(
      ...reads(1),
      query("UPDATE own SET v = 'one'"),
      query('SELECT v FROM own'),
      ...reads(6),
      query('SELECT nap(30)'),
      ...reads(11),
      query("BEGIN; UPDATE own SET v = 'two'"),
      query('SELECT v FROM own'),
      query('ROLLBACK'),
      query('SELECT v FROM own'),
      query('SELECT 1/0 AS ordered'),
      ...reads(16),
    );
    await client.ready(28);
    client.send(...reads(21), query("SET work_mem TO '3MB'"), query('SHOW work_mem'), ...reads(26));
    await client.ready(12);
  });
});

test('rule 8: a write waits until the read before it has been answered on its lane', async () => {
  await laned.prepare(
    'CREATE TABLE turns (k int, n int)',
    'GRANT ALL ON turns TO demo',
    'INSERT INTO turns VALUES (1, -1), (2, -1)',
  );
  let boarded = 0;
  for (let round = 0; round < 6; round++) {
    const read = (gate: number): string => `SELECT gate(${gate}) AS turn_${round}`;
    await laned.warm(read(0));
    await using client = await laned.enter();
    await using other = await laned.enter();
    await using bolt = await laned.bolt(1);
    const { units } = await laned.during(async () => {
      send(client, read(1), `UPDATE turns SET n = ${round} WHERE k = 1`, 'SELECT n FROM turns WHERE k = 1');
      await laned.waitAt(1);
      // As long as it would take to overtake.
      for (let time = 0; time < 3; time++) await other.rows('UPDATE turns SET n = n WHERE k = 2');
      assert.deepEqual(await other.rows('SELECT n FROM turns WHERE k = 1'), [[String(round - 1)]]);
      await bolt.open();
    });
    boarded += units;
    assert.equal(await answer(client), '1');
    assert.equal(await answer(client), '');
    assert.equal(await answer(client), String(round));
  }
  assert.ok(boarded > 0, 'none went by a lane');
});

test('rule 8: more than a lane takes of one session, and batches beside simple queries', async () => {
  await assertSame(async (client) => {
    const many = Array.from({ length: 100 }, (_, at) =>
      at % 3 === 0
        ? query(`SELECT v AS many FROM kv WHERE k = ${at + 1}`)
        : [run('SELECT $1 || v AS many FROM kv WHERE k = 7', String(at)), sync],
    );
    client.send(...many.flat());
    await client.ready(100);
  });
});

test('an error on a lane is told to its own session only, and the next answer is right', async () => {
  await laned.warm('SELECT 1 AS fails');
  await assertSame(async (client) => {
    for (const text of [
      'SELECT 1/0 AS fails',
      'SELECT v AS fails FROM kv WHERE k = 3',
      "SELECT 'x'::int AS fails",
    ]) {
      for (let round = 0; round < 4; round++) await client.ask(text);
    }
    client.send(
      query('SELECT 1/0 AS fails'),
      query('SELECT 2 AS fails'),
      query('SELECT 3/0 AS fails'),
      query('SELECT 4 AS fails'),
    );
    await client.ready(4);
  });
});

test('prepared statements on lanes: named, unnamed, described, closed, unknown, failing', async () => {
  const text = 'SELECT v AS prepared FROM kv WHERE k = $1::int';
  const use = (name: string, key: string): readonly Buffer[] => [
    bind('', name, [key]),
    describe('P', ''),
    execute(),
    sync,
  ];
  await assertSame(async (client) => {
    const batches: readonly (readonly Buffer[])[] = [
      [parse('a', text), describe('S', 'a'), sync],
      use('a', '5'),
      use('a', '6'),
      [parse('a', text), sync],
      use('b', '7'),
      [parse('', text), bind('', '', ['8']), execute(), sync],
      [bind('', '', ['9']), execute(), sync],
      [parse('bad', 'SELEKT'), sync],
      use('bad', '1'),
      [parse('b', text), bind('', 'b', ['10']), execute(), close('S', 'a'), sync],
      use('a', '11'),
      use('b', 'not a number'),
      use('b', '12'),
      [query('DEALLOCATE b')],
      use('b', '13'),
      [query('DEALLOCATE ALL')],
      [parse('a', text), bind('', 'a', ['14']), execute(), sync],
    ];
    for (const batch of batches) {
      client.send(...batch);
      await client.ready();
    }
    // And all that follows without waiting.
    client.send(
      ...use('a', '15'),
      ...use('a', '16'),
      ...use('a', '17'),
      close('S', 'a'),
      parse('', text),
      bind('', '', ['18']),
    );
    client.send(execute(), sync, ...use('a', '19'));
    await client.ready(5);
  });
});

test('sessions that prepare the same text at the same time are each told their own answers', async () => {
  for (let round = 0; round < 10; round++) {
    const text = `SELECT v AS same_${round} FROM kv WHERE k = $1::int`;
    const clients = await Promise.all(Array.from({ length: 12 }, () => laned.enter()));
    const told = async (client: WireClient, at: number): Promise<void> => {
      client.send(parse(`s${at % 3}`, text), bind('', `s${at % 3}`, [String(at + 1)]), execute(), sync);
      assert.equal(await answer(client), `v${at + 1}`);
      for (let key = at + 1; key < at + 10; key++) {
        client.send(bind('', `s${at % 3}`, [String(key)]), execute(), sync);
        assert.equal(await answer(client), `v${key}`);
      }
    };
    const { units } = await laned.during(() => Promise.all(clients.map(told)));
    assert.ok(units > 0, 'none went by a lane');
    await Promise.all(clients.map((client) => client.close()));
  }
});

test('a session that leaves settings behind it goes by lanes of those that have the same', async () => {
  const shows = "SELECT '2024-06-01 12:00+00'::timestamptz::text AS tokyo";
  const clients = await Promise.all(Array.from({ length: 4 }, () => laned.enter()));
  for (const client of clients) await client.rows("SET TimeZone TO 'Asia/Tokyo'");
  const { units } = await laned.during(async () => {
    for (let round = 0; round < 20; round++) {
      for (const client of clients) send(client, shows);
      for (const client of clients) assert.equal(await answer(client), '2024-06-01 21:00:00+09');
    }
  });
  assert.ok(units > 0, 'none went by a lane');
  await Promise.all(clients.map((client) => client.close()));
});
