import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answer, send } from '../../support/laned.ts';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { WireClient } from '../../support/wire-recorder.ts';

const ENDED_WITHIN = 10_000;
const BACKENDS =
  "SELECT pid FROM pg_stat_activity WHERE usename = 'demo' AND backend_type = 'client backend'";

let proxied: Proxied;
before(async () => {
  proxied = await startProxied({ replicas: 0, pool: { size: 1 } });
  await proxied.prepare('CREATE TABLE kv (k int, v text)', 'GRANT ALL ON kv TO demo');
});
after(() => proxied.close());

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** As pg_terminate_backend does. Nothing is read meanwhile: the proxy is in this process. */
function terminate(pid: number): void {
  process.kill(pid, 'SIGTERM');
  const end = performance.now() + ENDED_WITHIN;
  while (isThere(pid)) if (performance.now() > end) throw new Error(`${pid} is still there`);
}

// The link is given a name and a unit: the first write meets a closed connection, and is answered by a reset; the second
// one fails, when the server's last words have arrived and nobody has read them.
for (const [what, text, told] of [
  ['a read runs again', "SELECT 'once more' AS ended", 'once more'],
  ['a write waits for another connection', "INSERT INTO kv VALUES (1, 'x') RETURNING v", 'x'],
] as const) {
  test(`where an administrator has ended the connection that it is sent on, ${what}`, async () => {
    const first = await WireClient.open(proxied.through, { application_name: 'first' });
    const second = await WireClient.open(proxied.through, { application_name: 'second' });
    await first.rows("SELECT 'first' AS named");
    const backends = await proxied.cluster.query('pg-1', BACKENDS);
    assert.equal(backends.length, 1);
    send(second, text);
    terminate(Number(backends[0]?.['pid']));
    assert.equal(await answer(second), told);
    await Promise.all([first.close(), second.close()]);
    const [written] = await proxied.cluster.query('pg-1', 'SELECT count(*)::int AS n FROM kv');
    assert.equal(written?.['n'], text.startsWith('INSERT') ? 1 : 0);
  });
}
