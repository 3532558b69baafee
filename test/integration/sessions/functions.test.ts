import { test } from 'node:test';
import { startProxied } from '../../support/proxied.ts';
import { asking, assertNothingLeft, assertSame, record } from '../../support/sameness.ts';

test('settings that functions make stay with their session', async () => {
  // Where functions may set what no view shows, sessions may keep their links: one for each neighbour, too.
  await using proxied = await startProxied({ pool: { size: 8 } });
  await proxied.prepare(
    "CREATE FUNCTION leave_setting(n text, v text) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM set_config(n, v, false); END'",
  );
  const script = asking(
    "SELECT leave_setting('app.tenant', 'x')",
    'SHOW app.tenant',
    "SELECT leave_setting('TimeZone', 'UTC')",
    'SHOW TimeZone',
  );
  await assertSame(proxied, script);
});

test('what a function leaves where no audit can see it is taken away before another session comes', async () => {
  await using proxied = await startProxied();
  await proxied.prepare(
    "CREATE FUNCTION leave(t text) RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE t; END'",
  );
  await record(proxied.through, async (client) => {
    await client.rows("SELECT leave('SE' || 'T app.tenant TO 1')");
    await assertNothingLeft(proxied);
  });
});
