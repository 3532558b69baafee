import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertSame } from '../../support/sameness.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare(
    'CREATE TABLE kv (k int, v text)',
    'GRANT ALL ON kv TO demo',
    "INSERT INTO kv SELECT g, 'v' || g FROM generate_series(1,10) g",
    'GRANT ALL ON SCHEMA public TO demo',
    "CREATE FUNCTION leave_lock(k int) RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(k); END'",
    "CREATE FUNCTION leave_temp() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE TEMP TABLE tmp_by_fn (a int); END'",
  );
});
after(() => proxied.close());

test('LISTEN, NOTIFY and UNLISTEN', () =>
  assertSame(
    proxied,
    asking(
      `LISTEN ch`,
      `NOTIFY ch, 'one'`,
      `BEGIN`,
      `NOTIFY ch, 'two'`,
      `COMMIT`,
      `UNLISTEN ch`,
      `NOTIFY ch, 'three'`,
      `BEGIN`,
      `LISTEN ch2`,
      `ROLLBACK`,
      `SELECT pg_notify('ch2', 'x')`,
      `LISTEN ch3`,
    ),
  ));

test('advisory locks are held until they are released, or the session ends', () =>
  assertSame(
    proxied,
    asking(
      `SELECT pg_advisory_lock(7)`,
      `SELECT 1`,
      `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
      `SELECT pg_advisory_unlock(7)`,
      `SELECT pg_try_advisory_lock(8)`,
      `SELECT pg_advisory_unlock_all()`,
      `SELECT pg_advisory_unlock(9)`,
      `SELECT leave_lock(5)`,
      `SELECT pg_advisory_unlock(5)`,
      `SELECT leave_lock(6)`,
    ),
  ));

test('temporary objects live as long as their session', () =>
  assertSame(
    proxied,
    asking(
      `CREATE TEMP TABLE tt (a int)`,
      `INSERT INTO tt VALUES (1)`,
      `SELECT * FROM tt`,
      `DROP TABLE tt`,
      `SELECT * FROM tt`,
      `CREATE TEMP SEQUENCE ts`,
      `SELECT nextval('ts')`,
      `DISCARD TEMP`,
      `SELECT nextval('ts')`,
      `SELECT 1 AS x INTO TEMP tt2`,
      `TABLE tt2`,
      `BEGIN`,
      `CREATE TEMP TABLE t3 (a int) ON COMMIT DROP`,
      `TABLE t3`,
      `COMMIT`,
      `TABLE t3`,
      `SELECT leave_temp()`,
      `SELECT * FROM tmp_by_fn`,
    ),
  ));
