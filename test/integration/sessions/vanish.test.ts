import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { becomes } from '../../support/becomes.ts';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertNothingLeft } from '../../support/sameness.ts';
import { copyData, parse, query, run, sync, WireClient } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare('CREATE TABLE kv (k int, v text)', 'GRANT ALL ON kv TO demo');
});
after(() => proxied.close());

/** Until none of the application's connections runs anything or has a transaction open. */
async function quiet(): Promise<void> {
  const text = "SELECT 1 FROM pg_stat_activity WHERE usename = 'demo' AND state <> 'idle'";
  await becomes('nothing runs', async () => (await proxied.cluster.query('pg-1', text)).length === 0);
}

const ways: readonly [string, (client: WireClient) => Promise<unknown>][] = [
  [
    'a transaction',
    (client) => client.ask("BEGIN; INSERT INTO kv VALUES (1, 'x'); SET app.tenant TO 'gone'"),
  ],
  [
    'a COPY',
    async (client) => {
      client.send(query('COPY kv FROM STDIN'));
      await client.upTo('G');
      client.send(copyData('1\tx\n2\t'));
    },
  ],
  [
    'an extended COPY',
    async (client) => {
      client.send(run('COPY kv FROM STDIN'), sync);
      await client.upTo('G');
      client.send(copyData('1\tx\n'));
    },
  ],
  ['a query', async (client) => client.send(query('SELECT txid_current(), pg_sleep(60)'))],
  [
    'a large result',
    async (client) =>
      client.send(query("SELECT repeat('x', 1000), txid_current() FROM generate_series(1, 50000)")),
  ],
  ['a message', async (client) => client.send(query("INSERT INTO kv VALUES (1, 'x')").subarray(0, 12))],
  ['a batch', async (client) => client.send(run("INSERT INTO kv VALUES (1, 'x')"))],
  [
    'a large message',
    async (client) => client.send(parse('', `SELECT '${'x'.repeat(3_000_000)}'`).subarray(0, 2_000_000)),
  ],
  [
    'state that it holds',
    (client) =>
      client.ask('CREATE TEMP TABLE tt (); SELECT pg_advisory_lock(3); LISTEN ch; SET work_mem TO 100'),
  ],
];

for (const [middle, begin] of ways) {
  test(`a client that vanishes in the middle of ${middle} leaves nothing`, async () => {
    const client = await WireClient.open(proxied.through);
    await begin(client);
    client.destroy();
    await quiet();
    await assertNothingLeft(proxied);
    assert.deepEqual(await proxied.cluster.query('pg-1', 'SELECT * FROM kv'), []);
  });
}

test('what was sent before a goodbye is carried out, also when it had to wait', async () => {
  const others = [await WireClient.open(proxied.through), await WireClient.open(proxied.through)];
  for (const other of others) await other.ask('BEGIN; INSERT INTO kv VALUES (0)');
  const client = await WireClient.open(proxied.through);
  await client.ask('SELECT 1');
  client.send(query('INSERT INTO kv SELECT 7, pg_sleep(0.2)::text'));
  // The proxy closes its side when it has seen the end of this one.
  await client.close();
  for (const other of others) await other.ask('ROLLBACK');
  const text = 'SELECT FROM kv WHERE k = 7';
  await becomes('the row is there', async () => (await proxied.cluster.query('pg-1', text)).length === 1);
  for (const other of others) await other.close();
  await quiet();
  await assertNothingLeft(proxied);
});
