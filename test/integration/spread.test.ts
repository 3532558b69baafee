import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from '../support/stage.ts';
import { WireClient } from '../support/wire-recorder.ts';

const CLIENTS = 16;

test('sessions that come at once, before a connection is open, spread over the replicas', async () => {
  const stage = await Stage.start({ cluster: { replicas: 2 } });
  const clients: WireClient[] = [];
  try {
    for (let n = 0; n < CLIENTS; n++) clients.push(await WireClient.open(stage.proxied));
    await Promise.all(clients.map((client) => client.rows('SELECT 1')));
    const [figures] = await stage.proxy.figures();
    const replicas = figures?.counters.nodes.filter(({ node }) => node !== 'pg-1') ?? [];
    const reads = replicas.map(({ unitsByRule }) => unitsByRule.get('R01')?.count);
    assert.deepEqual(reads, [CLIENTS / 2, CLIENTS / 2]);
  } finally {
    for (const client of clients) client.destroy();
    await stage.close();
  }
});
