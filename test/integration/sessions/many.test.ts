import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startProxied } from '../../support/proxied.ts';
import { query, WireClient } from '../../support/wire-recorder.ts';

const CLIENTS = 2_000;
const AT_ONCE = 50;
/** Fewer than may wait for a connection at one time. */
const TOGETHER = 500;

test('2,000 clients log in, stay, and every one of them is served', async () => {
  await using proxied = await startProxied();
  await using held = new AsyncDisposableStack();
  const clients: WireClient[] = [];
  const enter = async (): Promise<void> => {
    while (clients.length < CLIENTS) {
      const at = clients.length;
      clients.length = at + 1;
      clients[at] = held.use(await WireClient.open(proxied.through));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, enter));
  const connected = proxied.events.filter(({ kind }) => kind === 'client-connected').length;
  assert.equal(connected, CLIENTS);
  for (let from = 0; from < CLIENTS; from += TOGETHER) {
    const some = clients.slice(from, from + TOGETHER);
    for (const [at, client] of some.entries()) client.send(query(`SELECT 'client ' || ${from + at}`));
    for (const [at, client] of some.entries()) {
      const row = (await client.ready()).find(({ type }) => type === 'D');
      assert.equal(row?.body.toString('latin1', 6), `client ${from + at}`);
    }
  }
});
