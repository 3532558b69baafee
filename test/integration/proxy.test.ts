import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import pg from 'pg';
import { startProxy } from '../../src/app.ts';
import { configOf } from '../../src/config/config.ts';
import { becomes } from '../support/becomes.ts';
import { selfSigned } from '../support/certificate.ts';
import { Stage } from '../support/stage.ts';
import { takenPort } from '../support/taken-port.ts';

const HOST = '127.0.0.1';

describe('the proxy as a whole', () => {
  test('a node that is down does not keep the proxy from starting, and joins when it comes', async () => {
    await using stage = await Stage.start();
    await stage.cluster.stop('pg-3', 'fast');
    await using second = await beside(stage);
    const client = new pg.Client({ ...stage.proxied, port: second.port });
    await client.connect();
    assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await client.end();
    assert.equal(await second.stateOf('pg-3'), 'down');
    await stage.cluster.startNode('pg-3');
    await becomes('pg-3 is up', async () => (await second.stateOf('pg-3')) === 'up');
  });

  test('health, readiness, the view, metrics and explain over HTTP', async () => {
    await using stage = await Stage.start();
    await using second = await beside(stage);
    const get = (path: string): Promise<Response> => fetch(`http://${HOST}:${second.adminPort}${path}`);
    assert.equal((await get('/healthz')).status, 200);
    await becomes('it is ready', async () => (await get('/readyz')).status === 200);
    const client = new pg.Client({ ...stage.proxied, port: second.port });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('SELECT 1');
    const metrics = await (await get('/metrics')).text();
    assert.match(metrics, /pointsman_units_total\{cluster="test",node="pg-[23]",rule="R01"\} 1/);
    assert.match(metrics, /pointsman_clients\{cluster="test"\} 1/);
    const explained = async (sql: string): Promise<{ route: string; rule: string }> => {
      const query = new URLSearchParams({ cluster: 'test', database: 'demo', sql });
      return (await (await get(`/api/explain?${query}`)).json()) as { route: string; rule: string };
    };
    assert.equal((await explained('SELECT 1')).route, 'replica');
    assert.deepEqual((await explained('DELETE FROM t')).route, 'primary');
    await client.end();
  });

  test('one uncoordinated proxy beside another promotes nothing (I12)', async () => {
    await using stage = await Stage.start();
    await using _second = await beside(stage, 'promote');
    await becomes('an alarm is raised', async () => stage.events.some(({ kind }) => kind === 'alarm'));
  });

  test('clients come in over TLS, and only so where it is required', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pointsman-tls-'));
    const { cert, key } = selfSigned();
    const files = { cert: join(folder, 'server.crt'), key: join(folder, 'server.key') };
    await writeFile(files.cert, cert);
    await writeFile(files.key, key);
    try {
      await using stage = await Stage.start({
        proxy: { listen: { host: HOST, port: 0, tls: { ...files, require: true } } },
      });
      const client = new pg.Client({ ...stage.proxied, ssl: { ca: cert } });
      await client.connect();
      assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
      await client.end();
      const plain = new pg.Client(stage.proxied);
      plain.on('error', () => undefined);
      await assert.rejects(plain.connect(), { code: '28000' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('clients that call themselves by other names prepare statements on one connection', async () => {
    await using stage = await Stage.start({ proxy: { pool: { size: 1 } } });
    for (const application_name of ['one', 'two', 'three']) {
      const client = new pg.Client({ ...stage.proxied, application_name, query_timeout: 10_000 });
      await client.connect();
      for (let n = 0; n < 3; n++) {
        const text = `SELECT ${n} AS n`;
        assert.deepEqual((await client.query({ name: `q${n}`, text })).rows, [{ n }]);
      }
      await client.query(`SET application_name = '${application_name} renamed'`);
      assert.deepEqual((await client.query({ name: 'late', text: 'SELECT 7 AS n' })).rows, [{ n: 7 }]);
      await client.end();
    }
  });

  test('a read whose connection to a healthy primary was ended runs again there', async () => {
    await using stage = await Stage.start({ proxy: { routing: { reads: 'primary' } } });
    const client = new pg.Client({ ...stage.proxied, application_name: 'victim' });
    client.on('error', () => undefined);
    await client.connect();
    // Until the names are known, every statement with one is followed by a look at what it may have left.
    const quick = 'SELECT count(*) FROM generate_series(1, 1)';
    const last = `SELECT pid FROM pg_stat_activity WHERE query = '${quick}'`;
    await becomes('it is known to be a read', async () => {
      await client.query(quick);
      return (await stage.cluster.query('pg-1', last)).length === 1;
    });
    const slow = client.query('SELECT count(*)::int AS n FROM generate_series(1, 6000000)');
    const pids =
      "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT count(*)::int AS n FROM gen%' AND state = 'active'";
    await becomes('it runs', async () => (await stage.cluster.query('pg-1', pids)).length === 1);
    await stage.cluster.query('pg-1', `SELECT pg_terminate_backend(pid) FROM (${pids}) AS running`);
    assert.deepEqual((await slow).rows, [{ n: 6_000_000 }]);
    await client.end();
  });

  test('a taken port is a clear error that names the port and the key', async () => {
    await using taken = await takenPort();
    const config = configOf(
      {
        admin: false,
        log: { level: 'silent' },
        clusters: [
          {
            name: 'taken',
            engine: 'postgres',
            listen: { host: HOST, port: taken.port },
            nodes: [{ name: 'pg-1', host: HOST, port: 1 }],
            users: [{ name: 'u', password: 'p' }],
            monitor: { user: 'm', password: 'p' },
          },
        ],
      },
      { file: 'a test', env: {} },
    );
    await assert.rejects(startProxy(config), (error: Error & { code: string }) => {
      assert.equal(error.code, 'PORT_TAKEN');
      assert.match(error.message, new RegExp(String(taken.port)));
      return true;
    });
  });

  test('without a primary a login and a write wait, and are told so in the end', async () => {
    await using stage = await Stage.start({
      proxy: { hold: { timeout: '300ms' }, failover: { mode: 'observe' } },
    });
    const client = new pg.Client(stage.proxied);
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE kept (n int)');
    // The proxy has asked what the statement before has left.
    await client.query('SELECT 1');
    stage.cluster.kill('pg-1');
    await stage.until((view) => view.nodes.some(({ id, state }) => id === 'pg-1' && state === 'down'));
    await assert.rejects(client.query('INSERT INTO kept VALUES (1)'), { code: '57P03' });
    await client.end();
    const late = new pg.Client({ ...stage.proxied, application_name: 'late' });
    late.on('error', () => undefined);
    await stage.cluster.startNode('pg-1');
    await stage.until((view) => view.primary === 'pg-1' && view.nodes.every(({ state }) => state === 'up'));
    await late.connect();
    await late.query('INSERT INTO kept VALUES (2)');
    await late.end();
  });
});

/** A second proxy before the same cluster, with an admin surface. */
async function beside(stage: Stage, mode: 'observe' | 'promote' = 'observe') {
  const { client, monitor, replication } = stage.cluster.credentials;
  const config = configOf(
    {
      admin: { listen: { host: HOST, port: 0 } },
      log: { level: 'silent' },
      clusters: [
        {
          name: 'test',
          engine: 'postgres',
          listen: { host: HOST, port: 0 },
          nodes: stage.cluster.nodes.map(({ id, port }) => ({ name: id, host: HOST, port })),
          users: [{ name: client.user, password: client.password }],
          monitor: { ...monitor, database: client.database, interval: '100ms' },
          failover: { mode, replication },
        },
      ],
    },
    { file: 'a test', env: {} },
  );
  const proxy = await startProxy(config);
  const adminPort = proxy.adminAddress?.port ?? 0;
  return {
    port: proxy.addresses[0]?.port ?? 0,
    adminPort,
    async stateOf(node: string): Promise<string | undefined> {
      const answer = await fetch(`http://${HOST}:${adminPort}/api/view`);
      const { clusters } = (await answer.json()) as {
        clusters: { view: { nodes: { id: string; state: string }[] } }[];
      };
      return clusters[0]?.view.nodes.find(({ id }) => id === node)?.state;
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}
