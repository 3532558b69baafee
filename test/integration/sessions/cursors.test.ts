import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertSame, batches } from '../../support/sameness.ts';
import { bind, close, execute, parse, sync } from '../../support/wire-recorder.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare(
    'CREATE TABLE kv (k int, v text)',
    'GRANT ALL ON kv TO demo',
    "INSERT INTO kv SELECT g, 'v' || g FROM generate_series(1,10) g",
    'GRANT ALL ON SCHEMA public TO demo',
  );
});
after(() => proxied.close());

test('cursors and portals with row limits live in their transaction', () =>
  assertSame(proxied, async (client) => {
    await asking(
      'BEGIN',
      'DECLARE k CURSOR FOR SELECT generate_series(1,5)',
      'FETCH 2 FROM k',
      'MOVE 1 FROM k',
    )(client);
    await asking('FETCH ALL FROM k', 'CLOSE k', 'COMMIT', 'FETCH 1 FROM k', 'BEGIN')(client);
    const portal = Buffer.concat([parse('', 'SELECT generate_series(1,5)'), bind('p', '')]);
    await batches(
      [portal, execute('p', 2)],
      [execute('p', 2)],
      [execute('p', 2), close('P', 'p')],
      [execute('p', 2)],
    )(client);
    await client.ask('ROLLBACK');
    await batches([portal, execute('p', 2)], [execute('p', 2)])(client);
    client.send(portal, execute('p', 2), execute('p', 1), execute('p', 0), sync);
    await client.ready();
    await asking(
      'BEGIN READ ONLY',
      'DECLARE k CURSOR FOR SELECT generate_series(1,5)',
      'FETCH 2 FROM k',
      'COMMIT',
    )(client);
  }));

test('a cursor WITH HOLD outlives its transaction and ends with its session', () =>
  assertSame(
    proxied,
    asking(
      `BEGIN`,
      `DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1,5)`,
      `COMMIT`,
      `FETCH 2 FROM h`,
      `SELECT 1`,
      `FETCH 2 FROM h`,
      `CLOSE h`,
      `FETCH 1 FROM h`,
      `DECLARE h2 CURSOR WITH HOLD FOR SELECT 1`,
      `FETCH ALL FROM h2`,
    ),
  ));
