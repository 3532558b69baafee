import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertSame, batches } from '../../support/sameness.ts';
import { bind, call, describe, execute, parse, run } from '../../support/wire-recorder.ts';

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

test("errors, notices and warnings are the server's own", () =>
  assertSame(
    proxied,
    asking(
      ``,
      `;`,
      `--x`,
      `SELECT 1/0`,
      `SELEKT`,
      `DO $$ BEGIN RAISE NOTICE 'n %', 1; RAISE WARNING 'w'; END $$`,
      `DO $$ BEGIN RAISE EXCEPTION 'boom' USING DETAIL='d', HINT='h', ERRCODE='P0042'; END $$`,
      `BEGIN`,
      `BEGIN`,
      `SELECT 1/0`,
      `SELECT 1`,
      `BEGIN`,
      `COMMIT`,
      `COMMIT`,
      `ROLLBACK`,
      `SAVEPOINT x`,
      `SELECT 'x''y'`,
      `SELECT * FROM nope`,
      `ABORT`,
      `END`,
      `DROP TABLE IF EXISTS nope`,
      `SELECT 1; SELECT 'x' ; SELECT 1/0; SELECT 3`,
      `BEGIN`,
      `PREPARE TRANSACTION 'x'`,
      `ROLLBACK`,
    ),
  ));

test('the extended protocol answers message by message', () =>
  assertSame(
    proxied,
    batches(
      [],
      [parse('', ''), bind('', ''), describe('P', ''), execute()],
      [parse('', 'SELECT 1; SELECT 2')],
      [run('BEGIN')],
      [run('SELECT 1')],
      [run('COMMIT')],
      [run('BEGIN'), run('SELECT 2'), run('COMMIT')],
      [run('COMMIT')],
      [run('INSERT INTO kv VALUES ($1, $2)', '900', 'x')],
      [run('DELETE FROM kv WHERE k = 900')],
      [execute('nope')],
      [describe('P', 'nope')],
      [run('SELECT $1::int', 'abc')],
      [parse('', 'SELECT $1'), describe('S', '')],
      [run('SET LOCAL work_mem TO 100')],
      [run("SET TimeZone TO 'UTC'"), run('SHOW TimeZone')],
      [run('SHOW TimeZone')],
      [run("SET TimeZone TO 'Asia/Tokyo'"), run('SELECT 1/0')],
      [run('SHOW TimeZone')],
    ),
  ));

test('the function call protocol works', () =>
  assertSame(proxied, async (client) => {
    // 870 is lower(text).
    for (const message of [call(870, 'ABC'), call(99_999)]) {
      client.send(message);
      await client.ready();
    }
    await client.ask('BEGIN');
    client.send(call(870, 'ABC'));
    await client.ready();
    await client.ask('ROLLBACK');
  }));
