import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startProxied } from '../../support/proxied.ts';
import { query, WireClient } from '../../support/wire-recorder.ts';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Bytes of buffers that somebody holds. */
function heldBytes(): number {
  if (typeof collect === 'function') collect();
  return process.memoryUsage().arrayBuffers;
}

const ROWS = 60_000;

test('60 MB for a client that does not read: the proxy holds less than one of them', async () => {
  await using proxied = await startProxied();
  await using client = await WireClient.open(proxied.through);
  await client.ask('SELECT 1');
  const before = heldBytes();
  client.send(query(`SELECT repeat('x', 1000) FROM generate_series(1, ${ROWS})`));
  client.pause();
  const waits = "SELECT 1 FROM pg_stat_activity WHERE usename = 'demo' AND wait_event = 'ClientWrite'";
  while ((await proxied.cluster.query('pg-1', waits)).length === 0);
  const held = heldBytes() - before;
  assert.ok(held < 1_000_000, `${held} bytes are held`);
  client.resume();
  const rows = (await client.ready()).filter(({ type, body }) => type === 'D' && body.length > 1_000);
  assert.equal(rows.length, ROWS);
});
