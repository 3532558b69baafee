import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Explanation } from '../../src/admin/sources.ts';
import { isRunning } from '../chaos/processes.ts';
import type { Adapter, Client } from '../engine/adapter.ts';
import { mariadbServer, mysqlServer } from '../engine/mysql.ts';
import { postgres } from '../engine/postgres.ts';
import { becomes } from '../support/becomes.ts';
import { Stage, type StageOptions } from '../support/stage.ts';

const WORKERS = 2;
const CLIENTS = 8;

function start(adapter: Adapter, options: StageOptions = {}): Promise<Stage> {
  return Stage.start({ ...adapter.stage({}), workers: WORKERS, admin: true, ...options });
}

/** Which worker has a session: its number says so. */
const slotOf = (client: Client): number => (client.number - 1) % WORKERS;

/** So many sessions; both workers have some of them. */
async function sessions(adapter: Adapter, stage: Stage, count = CLIENTS): Promise<Client[]> {
  for (let tries = 0; tries < 10; tries++) {
    const clients = await Promise.all(Array.from({ length: count }, () => adapter.open(stage.proxied)));
    if (new Set(clients.map(slotOf)).size === WORKERS) return clients;
    await ended(clients);
  }
  throw new Error('all clients came to one worker, ten times');
}

const ended = (clients: readonly Client[]): Promise<unknown> =>
  Promise.all(clients.map((client) => client.end()));

/** What the admin surface says of a statement. */
async function explained(stage: Stage, sql: string): Promise<Explanation> {
  const { port } = stage.proxy.adminAddress ?? assert.fail('there is no admin surface');
  const query = new URLSearchParams({ database: stage.proxied.database, sql });
  return (await (await fetch(`http://127.0.0.1:${port}/api/explain?${query}`)).json()) as Explanation;
}

/** The sum over all labels. */
async function metric(stage: Stage, name: string): Promise<number> {
  const { port } = stage.proxy.adminAddress ?? assert.fail('there is no admin surface');
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`pointsman_${name}{`) || line.startsWith(`pointsman_${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

for (const adapter of [postgres, mysqlServer, mariadbServer]) {
  describe(`two workers before ${adapter.engine}`, { skip: adapter.skip }, () => {
    let stage: Stage;
    before(async () => {
      stage = await start(adapter);
    });
    after(() => stage.close());

    test('both serve one port, and one scrape counts the clients of both', async () => {
      assert.equal(stage.proxy.workers.length, WORKERS);
      const clients = await sessions(adapter, stage);
      await becomes('all are counted', async () => (await metric(stage, 'clients')) === CLIENTS);
      const { port } = stage.proxy.adminAddress ?? assert.fail();
      const view = await (await fetch(`http://127.0.0.1:${port}/api/view`)).json();
      const [cluster] = (view as { clusters: { sessions: { clients: number } }[] }).clusters;
      assert.equal(cluster?.sessions.clients, CLIENTS);
      for (const name of [
        'worker_cpu_seconds_total',
        'worker_resident_bytes',
        'worker_eventloop_lag_p99_seconds',
      ])
        assert.ok((await metric(stage, name)) > 0, name);
      await ended(clients);
      await becomes('none is counted', async () => (await metric(stage, 'clients')) === 0);
    });

    test('a session reads its own writes, whichever worker serves it', async () => {
      const clients = await sessions(adapter, stage);
      await clients[0]?.query('CREATE TABLE own (id int PRIMARY KEY, n int)');
      for (const id of clients.keys()) await clients[0]?.query(`INSERT INTO own VALUES (${id}, 0)`);
      const before = await metric(stage, 'units_total');
      await Promise.all(
        clients.map(async (client, id) => {
          for (let n = 1; n <= 60; n++) {
            await client.query(`UPDATE own SET n = ${n} WHERE id = ${id}`);
            // In time replicas have it, and reads go there.
            await new Promise((resolve) => setTimeout(resolve, n % 12));
            assert.deepEqual(await client.query(`SELECT n FROM own WHERE id = ${id}`), [[String(n)]]);
          }
        }),
      );
      assert.ok((await metric(stage, 'units_total')) >= before + CLIENTS * 120);
      await ended(clients);
    });

    test('explain tells what workers have learned of a statement, and how many of them', async () => {
      const clients = await sessions(adapter, stage);
      await clients[0]?.query('CREATE TABLE learned (id int PRIMARY KEY)');
      const of = (slot: number): Client =>
        clients.find((client) => slotOf(client) === slot) ?? assert.fail(`worker ${slot} has no client`);
      const learn = async (slot: number, verdicts: readonly string[]): Promise<Explanation['lane']> => {
        let lane: Explanation['lane'] | undefined;
        await becomes(`worker ${slot} knows it to be short`, async () => {
          await of(slot).query('SELECT id FROM learned WHERE id = 7');
          lane = (await explained(stage, 'SELECT id FROM learned WHERE id = 8')).lane;
          return isDeepStrictEqual(
            lane.workers?.map(({ may }) => may),
            verdicts,
          );
        });
        return lane ?? assert.fail();
      };
      const short = /^it is known to be short: \S+ ms \(\S+ ms of work\) and \d+ B on average/;

      await becomes('the table is known, and no run of the statement', async () => {
        const { may, because } = (await explained(stage, 'SELECT id FROM learned WHERE id = 9')).lane;
        return may === 'not yet' && because.startsWith('no run of it is known yet');
      });
      const one = await learn(1, ['not yet', 'yes']);
      assert.equal(one.may, 'yes');
      assert.match(one.because, short);
      assert.match(one.because, / on average; so in 1 of 2 workers$/);
      assert.ok(one.learned !== undefined && one.learned.ms > 0 && one.learned.shortRuns > 0);
      assert.equal(one.workers?.[0]?.learned, undefined);
      const both = await learn(0, ['yes', 'yes']);
      assert.match(both.because, short);
      assert.match(both.because, / on average$/);
      await ended(clients);
    });

    test('what a session runs can be cancelled, whichever worker takes the request', async () => {
      const clients = await sessions(adapter, stage);
      await clients[0]?.query('CREATE TABLE thing (id int PRIMARY KEY)');
      await clients[0]?.query('INSERT INTO thing VALUES (1)');
      for (const client of clients) {
        let answer: unknown;
        const slow = client.query(adapter.phrases.slow(30, 'cancelled')).catch((error) => {
          answer = error;
        });
        // What comes before it runs strikes nothing.
        await becomes('it is cancelled', async () => {
          if (answer === undefined) await client.cancel();
          return answer !== undefined;
        });
        await slow;
        assert.equal((answer as { meaning?: string }).meaning, 'cancelled', String(answer));
        assert.equal((await client.query('SELECT 1')).length, 1);
      }
      await ended(clients);
    });

    test('together they have no more server connections than pool.size, and all clients are served', async () => {
      const size = 4;
      await using stage = await start(adapter, { proxy: { pool: { size }, routing: { reads: 'primary' } } });
      const clients = await sessions(adapter, stage, 24);
      const { user } = stage.proxied;
      const primary = stage.view?.primary ?? assert.fail();
      let most = 0;
      let over = false;
      const watch = async (): Promise<void> => {
        while (!over) {
          const [row] = await stage.cluster.query(primary, adapter.inspections.links(user));
          most = Math.max(most, Number(row?.['n']));
        }
      };
      const watching = watch();
      // First all clients, then those of one worker, then those of the other: what one has must move.
      for (const slots of [[0, 1], [0], [1], [0, 1]]) {
        const active = clients.filter((client) => slots.includes(slotOf(client)));
        await Promise.all(
          active.map(async (client) => {
            for (let n = 0; n < 15; n++) {
              await client.query('BEGIN');
              await client.query('SELECT 1');
              await client.query('COMMIT');
            }
          }),
        );
      }
      over = true;
      await watching;
      assert.ok(most <= size, `${most} server connections`);
      assert.ok(most >= 2, `${most} server connections`);
      assert.ok((await metric(stage, 'workers_granted_total')) > 0, 'what moves is counted');
      await ended(clients);
    });
  });
}

test('a worker whose connections are busy with reads all the time gives up what another one needs', async () => {
  const pool = { size: 2, waitTimeout: '20s' };
  await using stage = await start(postgres, { proxy: { pool, routing: { reads: 'primary' } } });
  const clients = await sessions(postgres, stage, 24);
  await clients[0]?.query('CREATE TABLE short (id int PRIMARY KEY)');
  const busy = clients.filter((client) => slotOf(client) === 0);
  const late = clients.find((client) => slotOf(client) === 1) ?? assert.fail();
  let over = false;
  let reads = 0;
  const reading = busy.map(async (client) => {
    while (!over) {
      await client.query('SELECT id FROM short WHERE id = 1');
      reads++;
    }
  });
  await becomes('reads go on', () => reads > 500);
  await late.query('BEGIN');
  await late.query('INSERT INTO short VALUES (1)');
  await late.query('COMMIT');
  const before = reads;
  await becomes('reads still go on', () => reads > before + 100);
  over = true;
  await Promise.all(reading);
  await ended(clients);
});

describe('a worker is killed', () => {
  test('the sessions of the others go on, another takes its place, and the cluster stays as it was', async () => {
    await using stage = await start(postgres);
    const clients = await sessions(postgres, stage);
    await clients[0]?.query('CREATE TABLE kept (n int)');
    const pids = [...stage.proxy.workers];
    const [victim = 0] = pids;
    const lost = clients.filter((client) => slotOf(client) === 0);
    const others = clients.filter((client) => slotOf(client) !== 0);
    for (const client of others) await client.query('BEGIN');
    const units = await metric(stage, 'units_total');
    const connected = await metric(stage, 'clients_connected_total');
    const { epoch, primary } = stage.view ?? assert.fail();
    const failovers = stage.events.filter(({ kind }) => kind === 'failover').length;

    process.kill(victim, 'SIGKILL');
    await becomes('it is replaced', () => {
      const { workers } = stage.proxy;
      return workers.length === WORKERS && !workers.includes(victim);
    });
    assert.equal(isRunning(victim), false);
    assert.ok(stage.proxy.workers.includes(pids[1] ?? 0), 'the other worker was left alone');
    for (const client of others) {
      await client.query('INSERT INTO kept VALUES (1)');
      await client.query('COMMIT');
    }
    for (const client of lost) await assert.rejects(client.query('SELECT 1'));
    await becomes('the new one has clients', async () => {
      const client = await postgres.open(stage.proxied);
      const served = (await client.query('SELECT count(*) AS n FROM kept'))[0]?.[0];
      assert.equal(served, String(others.length));
      await client.end();
      return slotOf(client) === 0;
    });
    assert.ok((await metric(stage, 'units_total')) >= units + others.length);
    assert.ok((await metric(stage, 'clients_connected_total')) > connected);
    assert.equal(await metric(stage, 'workers_replaced_total'), 1);
    assert.equal(stage.view?.epoch, epoch);
    assert.equal(stage.view?.primary, primary);
    assert.equal(stage.events.filter(({ kind }) => kind === 'failover').length, failovers);
    await ended(clients);
  });

  test('one that stands still while the primary is lost is ended before anybody is promoted', async () => {
    await using stage = await start(postgres);
    const [frozen = 0] = stage.proxy.workers;
    const { primary } = stage.view ?? assert.fail();
    process.kill(frozen, 'SIGSTOP');
    await stage.cluster.kill(primary ?? assert.fail());
    await stage.until((view) => view.primary !== null && view.primary !== primary);
    assert.equal(isRunning(frozen), false, 'no worker that may still write is left');
    await becomes('it is replaced', () => stage.proxy.workers.length === WORKERS);
  });
});
