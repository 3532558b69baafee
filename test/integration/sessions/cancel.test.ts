import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertNothingLeft } from '../../support/sameness.ts';
import { query, shown, type Told, WireClient } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
});
after(() => proxied.close());

const codeOf = (told: readonly Told[]): string => {
  const error = told.find(({ type }) => type === 'E');
  return error === undefined ? '' : (/C:(\w+)/.exec(shown(error))?.[1] ?? '');
};

/** Waits until a statement with this mark runs on the primary. */
async function running(mark: string): Promise<void> {
  const text =
    "SELECT 1 FROM pg_stat_activity WHERE usename = 'demo' AND state = 'active' AND strpos(query, $1) > 0";
  while ((await proxied.cluster.query('pg-1', text, [mark])).length === 0);
}

test('a cancel request ends the running statement of its own session, in a transaction too', async () => {
  await using client = await WireClient.open(proxied.through);
  for (const first of ['SELECT 1', 'BEGIN; SELECT 1']) {
    await client.ask(first);
    client.send(query('SELECT txid_current(), pg_sleep(60)'));
    await running('pg_sleep(60)');
    await client.cancel();
    assert.equal(codeOf(await client.ready()), '57014');
    assert.equal(codeOf(await client.ask('ROLLBACK')), '');
  }
  await assertNothingLeft(proxied);
});

test('a cancel request with a wrong secret hits nobody', async () => {
  await using client = await WireClient.open(proxied.through);
  const key = client.greeting.find(({ type }) => type === 'K');
  assert.ok(key);
  client.send(query('SELECT txid_current(), pg_sleep(0.3)'));
  await running('pg_sleep(0.3)');
  key.body.writeUInt8(key.body.readUInt8(7) ^ 1, 7);
  await client.cancel();
  assert.equal(codeOf(await client.ready()), '');
});

test('a late cancel request never hits another session', async () => {
  const others = await Promise.all([1, 2, 3].map(() => WireClient.open(proxied.through)));
  await using client = await WireClient.open(proxied.through);
  let over = false;
  const lives = others.map(async (other) => {
    const codes = new Set<string>();
    while (!over) codes.add(codeOf(await other.ask('SELECT txid_current(), pg_sleep(0.001)')));
    return [...codes];
  });
  const seen = new Set<string>();
  for (let round = 0; round < 150; round++) {
    client.send(query(`SELECT txid_current(), pg_sleep(${(round % 4) / 1_000})`));
    const [told] = await Promise.all([client.ready(), client.cancel()]);
    seen.add(codeOf(told));
    assert.equal(codeOf(await client.ask('SELECT 1')), '', 'its own next statement is not hit either');
  }
  over = true;
  assert.deepEqual(await Promise.all(lives), [[''], [''], ['']]);
  for (const code of seen) assert.ok(code === '' || code === '57014', code);
  await Promise.all(others.map((other) => other.close()));
});
