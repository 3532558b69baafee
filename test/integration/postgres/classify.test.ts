import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import type { Catalogue } from '../../../src/core/catalogue.ts';
import type { EmbeddedCluster } from '../../../src/demo/postgres.ts';
import { HARMLESS, STEADY, TYPES } from '../../../src/postgres/builtins.ts';
import { CATALOGUE_QUERY, catalogueOf } from '../../../src/postgres/catalogue.ts';
import { classifyText } from '../../../src/postgres/classify.ts';
import { startCluster } from '../../support/cluster.ts';
import { READS, SCHEMA, WRITES } from './statements.ts';

const PORTS = [15450, 15451];
const LISTS = { allow: new Set<string>(), deny: new Set<string>() };

interface State {
  readonly settings: string;
  readonly locks: string;
  readonly temporary: string;
}

describe('against real servers', () => {
  let cluster: EmbeddedCluster;
  let primary: Client;
  let standby: Client;
  let catalogue: Catalogue;

  before(async () => {
    cluster = await startCluster({ ports: PORTS, replicas: 1 });
    primary = await superuser('pg-1');
    standby = await superuser('pg-2');
    for (const sql of SCHEMA) await primary.query(sql);
    const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
    await replayed(rows[0]?.lsn ?? '');
    catalogue = catalogueOf((await primary.query<{ kind: string; name: string }>(CATALOGUE_QUERY)).rows);
  });
  after(async () => {
    await primary?.end();
    await standby?.end();
    await cluster?.close();
  });

  async function superuser(id: string): Promise<Client> {
    const { monitor, client } = cluster.credentials;
    const connection = new Client({
      host: '127.0.0.1',
      port: cluster.node(id).port,
      ...monitor,
      database: client.database,
    });
    await connection.connect();
    return connection;
  }

  async function replayed(lsn: string): Promise<void> {
    const question = 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS there';
    for (const end = performance.now() + 20_000; performance.now() < end; ) {
      const { rows } = await standby.query<{ there: boolean }>(question, [lsn]);
      if (rows[0]?.there === true) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`the standby has not replayed ${lsn}`);
  }

  const kindOf = (sql: string): string => {
    const { kind, because, detail } = classifyText(Buffer.from(sql), {
      standardConformingStrings: true,
      encoding: 'UTF8',
      catalogue,
      lists: LISTS,
    });
    return kind === 'read' ? kind : `${kind} ${because} ${detail}`;
  };

  async function stateOf(connection: Client): Promise<State> {
    const { rows } = await connection.query<State>(`
      SELECT (SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings WHERE source = 'session') AS settings,
             (SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
             pg_my_temp_schema()::text AS temporary`);
    const [state] = rows;
    assert.ok(state);
    return state;
  }

  test('every read runs on a standby, gives what the primary gives, and leaves nothing', async () => {
    const clean = await stateOf(standby);
    for (const sql of READS) {
      assert.equal(kindOf(sql), 'read', sql);
      const [there, here] = [await standby.query(sql), await primary.query(sql)];
      const steady = !/random|gen_random|uuid|timestamp|now|timeofday|explain|current_|size/i.test(sql);
      if (steady) assert.deepEqual([there].flat().at(-1)?.rows, [here].flat().at(-1)?.rows, sql);
      assert.deepEqual(await stateOf(standby), clean, sql);
    }
  });

  test('what changes data, state or runs code of the users is no read', () => {
    for (const sql of WRITES) assert.notEqual(kindOf(sql), 'read', sql);
  });

  test('a change is audited where triggers, rules, policies or defaults can run code of the users', async () => {
    const audited = (table: string): boolean =>
      classifyText(Buffer.from(`INSERT INTO ${table} VALUES (1)`), {
        standardConformingStrings: true,
        encoding: 'UTF8',
        catalogue,
        lists: LISTS,
      }).audit;
    const tables = [
      't',
      'u',
      'parted',
      'unlogged_t',
      '"Mixed"',
      'triggered',
      'ruled',
      'secured',
      'referenced',
      'defaulted',
    ];
    assert.deepEqual(
      tables.filter((table) => audited(table)),
      ['triggered', 'ruled', 'secured', 'referenced', 'defaulted'],
    );
  });

  test('a cast or an operator class of the users sends everything to the primary', async () => {
    const catalogueWith = async (sql: string): Promise<Catalogue> => {
      await primary.query('BEGIN');
      try {
        await primary.query(sql);
        return catalogueOf((await primary.query<{ kind: string; name: string }>(CATALOGUE_QUERY)).rows);
      } finally {
        await primary.query('ROLLBACK');
      }
    };
    const facts = { standardConformingStrings: true, encoding: 'UTF8', lists: LISTS };
    for (const sql of [
      `CREATE FUNCTION as_int(mood) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
       CREATE CAST (mood AS int) WITH FUNCTION as_int(mood) AS IMPLICIT`,
      `CREATE FUNCTION order_mood(mood, mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN 0; END $$;
       CREATE OPERATOR CLASS odd FOR TYPE mood USING btree AS FUNCTION 1 order_mood(mood, mood)`,
      `CREATE FUNCTION same(mood, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
       CREATE OPERATOR = (LEFTARG = mood, RIGHTARG = int, FUNCTION = same)`,
    ]) {
      const changed = await catalogueWith(sql);
      assert.equal(
        classifyText(Buffer.from('SELECT a FROM t'), { ...facts, catalogue: changed }).because,
        'W10',
        sql,
      );
    }
  });

  test('every allowed function of pg_catalog is immutable or stable, in C or SQL; the harmless ones exist', async () => {
    const { rows } = await primary.query<{ name: string; volatile: boolean; plain: boolean }>(`
      SELECT proname AS name, bool_or(provolatile = 'v') AS volatile, bool_and(l.lanname IN ('internal', 'c', 'sql')) AS plain
        FROM pg_proc p JOIN pg_language l ON l.oid = prolang
       WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY proname`);
    const known = new Map(rows.map((row) => [row.name, row]));
    assert.deepEqual(
      [...STEADY].filter((name) => known.get(name)?.volatile === true || known.get(name)?.plain === false),
      [],
    );
    assert.ok([...STEADY].filter((name) => !known.has(name)).length < 10, 'they are names of functions');
    assert.deepEqual(
      [...HARMLESS].filter((name) => known.get(name)?.volatile !== true),
      [],
    );
  });

  test('every allowed function can be called on a standby with nothing, and leaves nothing', async () => {
    const { rows } = await standby.query<{ call: string }>(
      `
      SELECT format('SELECT %s%I(%s)', CASE WHEN proretset THEN '* FROM ' ELSE '' END, proname,
               array_to_string(ARRAY(SELECT 'NULL::' || format_type(t, NULL) FROM unnest(proargtypes) t), ', ')) AS call
        FROM pg_proc
       WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname = ANY ($1)
         AND NOT EXISTS (SELECT FROM unnest(proargtypes) t JOIN pg_type y ON y.oid = t WHERE y.typtype = 'p')`,
      [[...STEADY, ...HARMLESS]],
    );
    assert.ok(rows.length > 700, `${rows.length} functions`);
    const clean = await stateOf(standby);
    for (const { call } of rows) {
      const code = await standby.query(call).then(
        () => '',
        (error: { code: string }) => error.code,
      );
      assert.ok(!['25006', '0A000', '42601'].includes(code), `${call}: ${code}`);
    }
    assert.deepEqual(await stateOf(standby), clean);
  });

  test('every allowed type has an input function in C', async () => {
    const { rows } = await primary.query<{ name: string }>(
      `SELECT y.typname AS name FROM pg_type y JOIN pg_proc p ON p.oid = y.typinput
        WHERE y.typnamespace = 'pg_catalog'::regnamespace AND p.prolang <> 12 AND y.typname = ANY ($1)`,
      [[...TYPES]],
    );
    assert.deepEqual(rows, []);
  });

  test('a function without parentheses really runs, so the trap is real', async () => {
    await primary.query('CREATE SEQUENCE trap');
    await primary.query("SELECT r.nextval FROM to_regclass('trap') r");
    const { rows } = await primary.query<{ last: string }>('SELECT last_value::text AS last FROM trap');
    assert.deepEqual(rows, [{ last: '1' }]);
    await assert.rejects(standby.query("SELECT r.nextval FROM to_regclass('seq') r"), { code: '25006' });
  });
});
