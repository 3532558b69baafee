import { after, before, test } from 'node:test';
import { type Proxied, startProxied } from '../../support/proxied.ts';
import { asking, assertSame } from '../../support/sameness.ts';

let proxied: Proxied;
before(async () => {
  proxied = await startProxied();
  await proxied.prepare(
    'CREATE ROLE other',
    'GRANT other TO demo',
    'CREATE TABLE kv (k int, v text)',
    'GRANT ALL ON kv TO demo',
    "INSERT INTO kv SELECT g, 'v' || g FROM generate_series(1,10) g",
    'GRANT ALL ON SCHEMA public TO demo',
  );
});
after(() => proxied.close());

test('SET, RESET and SET LOCAL hold and end as on one connection', () =>
  assertSame(
    proxied,
    asking(
      `SET TimeZone TO 'UTC'`,
      `SHOW TimeZone`,
      `SET search_path TO a, "B c", public`,
      `SHOW search_path`,
      `RESET search_path`,
      `SHOW search_path`,
      `SET LOCAL work_mem TO '1MB'`,
      `BEGIN`,
      `SET LOCAL work_mem TO '1MB'`,
      `SHOW work_mem`,
      `COMMIT`,
      `SHOW work_mem`,
      `SET nonsense TO 1`,
      `SET work_mem TO 'x'`,
      `SELECT set_config('work_mem','7MB',false)`,
      `SHOW work_mem`,
    ),
  ));

test('a rollback puts settings back, to a savepoint too', () =>
  assertSame(
    proxied,
    asking(
      `BEGIN`,
      `SET work_mem TO '9MB'`,
      `ROLLBACK`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET work_mem TO '9MB'`,
      `SAVEPOINT s`,
      `SET work_mem TO '10MB'`,
      `ROLLBACK TO s`,
      `SHOW work_mem`,
      `COMMIT`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET TimeZone TO 'UTC'`,
      `SELECT 1/0`,
      `COMMIT`,
      `SHOW TimeZone`,
    ),
  ));

test('settings in several statements of one query hold as the server has it', () =>
  assertSame(
    proxied,
    asking(
      `SET work_mem TO '1MB'; SELECT 1/0`,
      `SHOW work_mem`,
      `BEGIN; SET work_mem TO '2MB'; COMMIT; SELECT 1/0`,
      `SHOW work_mem`,
      `BEGIN; SET work_mem TO '3MB'; ROLLBACK`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET work_mem TO '4MB'`,
      `ROLLBACK; SELECT 1`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET work_mem TO '4MB'`,
      `ROLLBACK; BEGIN`,
      `COMMIT`,
      `SHOW work_mem`,
    ),
  ));

test('a chained transaction keeps or drops settings as the server does', () =>
  assertSame(
    proxied,
    asking(
      `BEGIN`,
      `SET work_mem TO '4MB'`,
      `COMMIT AND CHAIN`,
      `ROLLBACK`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET work_mem TO '6MB'`,
      `ROLLBACK AND CHAIN`,
      `COMMIT`,
      `SHOW work_mem`,
      `BEGIN`,
      `SET app.tenant TO '1'`,
      `COMMIT AND CHAIN`,
      `ROLLBACK`,
      `SHOW app.tenant`,
    ),
  ));

test('a COMMIT that fails puts settings back', () =>
  assertSame(
    proxied,
    asking(
      `CREATE TABLE cf (a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)`,
      `BEGIN`,
      `SET TimeZone TO 'UTC'`,
      `SET app.tenant TO 'z'`,
      `INSERT INTO cf VALUES (1),(1)`,
      `COMMIT`,
      `SHOW TimeZone`,
      `SELECT coalesce(current_setting('app.tenant', true), '')`,
      `DROP TABLE cf`,
    ),
  ));

test('custom settings stay with their session, through audits and rollbacks', () =>
  assertSame(
    proxied,
    asking(
      `BEGIN`,
      `SET app.tenant TO '1'`,
      `SAVEPOINT s`,
      `SET app.tenant TO '2'`,
      `ROLLBACK TO s`,
      `SHOW app.tenant`,
      `COMMIT`,
      `SHOW app.tenant`,
      `CREATE TABLE IF NOT EXISTS t_custom()`,
      `SHOW app.tenant`,
      `DROP TABLE t_custom`,
      `SHOW app.tenant`,
      `SET app.tenant TO '3'; COMMIT; SELECT 1/0`,
      `SHOW app.tenant`,
      `RESET app.tenant`,
      `SHOW app.tenant`,
    ),
  ));

test('set_config with computed values is followed', () =>
  assertSame(
    proxied,
    asking(
      `SELECT set_config('app.tenant', 'x' || 'y', false)`,
      `SHOW app.tenant`,
      `SELECT set_config('TimeZone', 'UT' || 'C', false)`,
      `SHOW TimeZone`,
      `BEGIN`,
      `SELECT set_config('app.tenant', 'x' || 'z', false)`,
      `ROLLBACK`,
      `SHOW app.tenant`,
      `DISCARD ALL`,
      `SHOW app.tenant`,
      `SELECT set_config('app.' || 'other', 'w', false)`,
      `SHOW app.other`,
    ),
  ));

test('settings made in a block of code stay with their session', () =>
  assertSame(
    proxied,
    asking(
      `DO $$ BEGIN PERFORM set_config('app.tenant', 'do', false); END $$`,
      `SHOW app.tenant`,
      `DO $$ BEGIN SET TimeZone TO 'UTC'; END $$`,
      `SHOW TimeZone`,
      `DO $$ BEGIN EXECUTE 'SET app' || '.other TO 1'; END $$`,
      `SHOW app.other`,
    ),
  ));

test('role and session authorization hold as the server has it', () =>
  assertSame(
    proxied,
    asking(
      `SET ROLE other`,
      `SELECT current_user`,
      `BEGIN`,
      `RESET ROLE`,
      `SELECT current_user`,
      `ROLLBACK`,
      `SELECT current_user`,
      `SET ROLE none`,
      `SELECT current_user`,
      `SET ROLE nobody_x`,
      `SET SESSION AUTHORIZATION other`,
      `SET SESSION AUTHORIZATION demo`,
      `SELECT session_user`,
    ),
  ));

test('values are read as the server reads them', () =>
  assertSame(
    proxied,
    asking(
      `SET SESSION work_mem = 65536`,
      `SHOW work_mem`,
      `SET search_path = ''`,
      `SHOW search_path`,
      `SET search_path TO "$user", public`,
      `SHOW search_path`,
      `SET TIME ZONE 3`,
      `SHOW TimeZone`,
      `SET TIME ZONE INTERVAL '02:00' HOUR TO MINUTE`,
      `SHOW TimeZone`,
      `SET TIME ZONE -7.5`,
      `SHOW TimeZone`,
      `SET statement_timeout TO '2s'`,
      `SHOW statement_timeout`,
      `SET datestyle = postgres, dmy`,
      `SHOW datestyle`,
      `SELECT '2024-01-02'::date`,
      `SET row_security TO off`,
      `SHOW row_security`,
      `SET transaction_timeout TO '1h'`,
      `DO $$ BEGIN END $$`,
      `SHOW transaction_timeout`,
      `RESET ALL`,
      `SHOW work_mem`,
      `SHOW search_path`,
    ),
  ));

test('encodings and application names are those of the session', () =>
  assertSame(
    proxied,
    asking(
      `SET client_encoding TO latin1`,
      `SELECT chr(233)`,
      `SHOW client_encoding`,
      `RESET client_encoding`,
      `SET NAMES 'utf8'`,
      `SELECT chr(233)`,
      `SET client_encoding TO SJIS`,
      `SELECT 'a'`,
      `RESET client_encoding`,
      `SHOW application_name`,
      `SET application_name TO 'a'`,
      `SHOW application_name`,
      `RESET application_name`,
      `SHOW application_name`,
    ),
  ));

test('defaults of transactions hold', () =>
  assertSame(
    proxied,
    asking(
      `SET default_transaction_isolation TO serializable`,
      `BEGIN`,
      `SHOW transaction_isolation`,
      `SELECT count(*) FROM kv`,
      `COMMIT`,
      `BEGIN READ ONLY`,
      `SELECT count(*) FROM kv`,
      `COMMIT`,
      `SELECT count(*) FROM kv`,
      `SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`,
      `INSERT INTO kv VALUES (1,'x')`,
      `BEGIN`,
      `SHOW transaction_read_only`,
      `COMMIT`,
      `SHOW default_transaction_read_only`,
      `SET TRANSACTION ISOLATION LEVEL SERIALIZABLE`,
      `BEGIN`,
      `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`,
      `SHOW transaction_isolation`,
      `COMMIT`,
    ),
  ));
