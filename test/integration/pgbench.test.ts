import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { becomes } from '../support/becomes.ts';
import { need, pathOf } from '../support/need.ts';
import { Stage } from '../support/stage.ts';

const execute = promisify(execFile);
const CLIENTS = '32';
const TRANSACTIONS = '60';

/** Commits that a node has seen in the clients' database, its own statistics flushed. */
async function commits(stage: Stage, node: string): Promise<number> {
  const sql = "SELECT xact_commit::int AS n FROM pg_stat_database WHERE datname = 'demo'";
  const [row] = await stage.cluster.query(node, sql);
  return Number(row?.['n']);
}

/** Rows that the node itself has changed. */
async function changes(stage: Stage, node: string): Promise<number> {
  const sql = "SELECT (tup_inserted + tup_updated)::int AS n FROM pg_stat_database WHERE datname = 'demo'";
  const [row] = await stage.cluster.query(node, sql);
  return Number(row?.['n']);
}

describe('psql and pgbench through the proxy', { skip: need('pgbench') || need('psql') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.start({ cluster: { settings: { max_connections: '200' } } });
  });
  after(() => stage.close());

  async function run(tool: 'psql' | 'pgbench', ...args: string[]): Promise<string> {
    const { host, port, user, password, database } = stage.proxied;
    const env = {
      ...process.env,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
    };
    const { stdout, stderr } = await execute(pathOf(tool), args, { env, timeout: 120_000 });
    return stdout + stderr;
  }

  test('psql: several statements, a transaction, COPY both ways, \\d, an error', async () => {
    const script = [
      '\\set ON_ERROR_STOP 0',
      'CREATE TABLE fruit (name text, n int);',
      'COPY fruit FROM STDIN;\napple\t1\npear\t2\n\\.',
      "BEGIN; INSERT INTO fruit VALUES ('plum', 3); ROLLBACK;",
      'SELECT count(*) AS counted FROM fruit;',
      'COPY (SELECT name FROM fruit ORDER BY n) TO STDOUT;',
      '\\d fruit',
      'SELECT * FROM nothing;',
      'SELECT 1/0;',
    ];
    const { host, port, user, password, database } = stage.proxied;
    const env = {
      ...process.env,
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
    };
    const child = execute(pathOf('psql'), ['-X', '-q'], { env, timeout: 30_000 });
    child.child.stdin?.end(`${script.join('\n')}\n`);
    const { stdout, stderr } = await child;
    assert.match(stdout, /counted\s*\n-+\n\s+2\n/);
    assert.match(stdout, /apple\npear\n/);
    assert.match(stdout, /name\s+\| text/);
    assert.match(stderr, /relation "nothing" does not exist[\s\S]*division by zero/);
  });

  test('pgbench -i', async () => {
    assert.match(await run('pgbench', '-i', '-q', '-s', '1'), /done in/);
  });

  for (const mode of ['simple', 'extended', 'prepared']) {
    test(`pgbench -S -M ${mode}, ${CLIENTS} clients: no error`, async () => {
      await catalogued();
      allDone(await run('pgbench', '-n', '-S', '-M', mode, '-c', CLIENTS, '-j', '2', '-t', TRANSACTIONS));
    });

    test(`pgbench -M ${mode} TPC-B-like, ${CLIENTS} clients: no error`, async () => {
      allDone(await run('pgbench', '-n', '-M', mode, '-c', CLIENTS, '-j', '2', '-t', TRANSACTIONS));
    });
  }

  // An idle server session adds its figures to the statistics after ten seconds.
  test('reads were on both replicas and every write on the primary, by the nodes’ own statistics', async () => {
    const transactions = 3 * Number(CLIENTS) * Number(TRANSACTIONS);
    for (const node of ['pg-2', 'pg-3']) {
      await becomes(`reads on ${node}`, async () => (await commits(stage, node)) > transactions / 5);
      assert.equal(await changes(stage, node), 0);
    }
    await becomes(
      'four writes a transaction',
      async () => (await changes(stage, 'pg-1')) >= transactions * 4,
    );
  });

  function allDone(report: string): void {
    assert.doesNotMatch(report, /error|FATAL|aborted/i);
    const all = Number(CLIENTS) * Number(TRANSACTIONS);
    assert.match(report, new RegExp(`transactions actually processed: ${all}/${all}`));
  }

  /** The proxy knows the tables that were just made: a read-only transaction on one runs on a replica. */
  async function catalogued(): Promise<void> {
    const sql = 'BEGIN READ ONLY; SELECT aid FROM pgbench_accounts LIMIT 1; SHOW port; COMMIT;';
    const primary = String(stage.cluster.node('pg-1').port);
    const asked = (): Promise<string> =>
      run('psql', '-X', '-q', '-t', '-A', ...sql.split('; ').flatMap((one) => ['-c', one]));
    await becomes('reads leave the primary', async () => !(await asked()).split('\n').includes(primary));
  }
});
