import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { assertNothingLeft, assertSame } from '../../support/sameness.ts';
import { bind, execute, parse, query, run, sync, WireClient } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
});
after(() => proxied.close());

const LARGE = 'x'.repeat(5_000_000);

test('texts, parameters and values of 5 MB pass, with named and unnamed statements of earlier batches', () =>
  assertSame(proxied, async (client) => {
    const batch = async (...messages: Buffer[]): Promise<void> => {
      client.send(...messages, sync);
      await client.ready();
    };
    await client.ask(`SELECT length('${LARGE}')`);
    await batch(run('SELECT length($1)', LARGE));
    await batch(parse('big', 'SELECT length($1)'));
    await batch(bind('', 'big', [LARGE]), execute(), bind('', 'big', ['ab']), execute());
    await batch(bind('', 'big', ['abc']), execute());
    await batch(parse('', 'SELECT length($1) + 1'));
    await batch(bind('', '', [LARGE]), execute());
    await batch(bind('', '', ['ab']), execute());
    await batch(parse('text', `SELECT length('${LARGE}')`), bind('', 'text'), execute());
    await batch(bind('', 'text'), execute());
    await batch(run("SELECT repeat('y', 3000000)"));
  }));

test('20 MB for a client that does not read wait at the server, and come whole', async () => {
  await using client = await WireClient.open(proxied.through);
  client.send(query("SELECT repeat('x', 1000), txid_current() FROM generate_series(1, 20000)"));
  client.pause();
  const waits = "SELECT 1 FROM pg_stat_activity WHERE usename = 'demo' AND wait_event = 'ClientWrite'";
  while ((await proxied.cluster.query('pg-1', waits)).length === 0);
  client.resume();
  const told = await client.ready();
  assert.equal(told.filter(({ type, body }) => type === 'D' && body.length > 1_000).length, 20_000);
  await assertNothingLeft(proxied);
});
