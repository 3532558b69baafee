import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Adapter } from '../../engine/adapter.ts';
import { mariadbServer, mysqlServer } from '../../engine/mysql.ts';
import { Scene } from '../../engine/scene.ts';
import { need, pathOf } from '../../support/need.ts';

const execute = promisify(execFile);
const THREADS = 32;
const SECONDS = 3;
const TABLES = 4;
/** The only errors that it may start a transaction again for: deadlock, lock wait. */
const OWN_CONFLICTS = '1213,1205';
/** Without transactions its threads insert each other's rows again, on one server too. */
const DUPLICATE = '1062';

/** Statements that a node has run for the clients. */
interface Ran {
  readonly reads: number;
  readonly writes: number;
}

for (const adapter of [mysqlServer, mariadbServer]) {
  describe(`sysbench on ${adapter.engine}`, { skip: need('sysbench') || adapter.skip }, () => suite(adapter));
}

const WRITES = ['insert', 'update', 'delete', 'replace'];

/** Com_insert and its like count what replication applies too: on a replica only the account's own are asked for. */
async function countedByMysql(scene: Scene, node: string): Promise<Ran> {
  const status = await scene.stage.cluster.query(node, "SHOW GLOBAL STATUS LIKE 'Com\\_%'");
  const of = (name: string): number =>
    Number(status.find(({ Variable_name }) => Variable_name === `Com_${name}`)?.['Value']);
  const reads = of('select');
  if (node === scene.primary) return { reads, writes: WRITES.reduce((sum, name) => sum + of(name), 0) };
  const texts = `SELECT COALESCE(SUM(count_star), 0) AS n
    FROM performance_schema.events_statements_summary_by_user_by_event_name
    WHERE user = '${scene.user}' AND event_name REGEXP '^statement/sql/(${WRITES.join('|')})'`;
  const prepared = `SELECT COALESCE(SUM(count_execute), 0) AS n FROM performance_schema.prepared_statements_instances
    WHERE sql_text REGEXP '^(${WRITES.join('|')})'`;
  return { reads, writes: (await scene.count(node, texts)) + (await scene.count(node, prepared)) };
}

async function countedByMariadb(scene: Scene, node: string): Promise<Ran> {
  const [row] = await scene.stage.cluster.query(
    node,
    `SELECT SUM(select_commands) AS \`reads\`, SUM(update_commands) AS writes
     FROM information_schema.user_statistics WHERE user = '${scene.user}'`,
  );
  return { reads: Number(row?.['reads'] ?? 0), writes: Number(row?.['writes'] ?? 0) };
}

function suite(adapter: Adapter): void {
  let scene: Scene;
  before(async () => {
    scene = await Scene.start(adapter, { record: false });
    if (adapter.engine === 'mariadb')
      for (const node of scene.nodes) await scene.stage.cluster.query(node, 'SET GLOBAL userstat = ON');
    await sysbench('oltp_read_write', 'prepare');
    for (let table = 1; table <= TABLES; table++) await scene.readable(`sbtest${table}`);
  });
  after(() => scene?.close());

  async function sysbench(workload: string, command: string, ...options: string[]): Promise<string> {
    const { host, port, user, password, database } = scene.stage.proxied;
    const common = [
      `--mysql-host=${host}`,
      `--mysql-port=${port}`,
      `--mysql-user=${user}`,
      `--mysql-password=${password}`,
      `--mysql-db=${database}`,
      `--tables=${TABLES}`,
      '--table-size=2000',
    ];
    const { stdout, stderr } = await execute(pathOf('sysbench'), [workload, ...common, ...options, command], {
      timeout: 120_000,
    });
    return stdout + stderr;
  }

  async function counters(): Promise<Map<string, Ran>> {
    const count = adapter.engine === 'mysql' ? countedByMysql : countedByMariadb;
    const all = new Map<string, Ran>();
    for (const node of scene.nodes) all.set(node, await count(scene, node));
    return all;
  }

  /** Runs a workload and gives what it counted and what each node ran meanwhile. */
  async function measure(workload: string, ...options: string[]) {
    const before = await counters();
    const report = await sysbench(
      workload,
      'run',
      `--threads=${THREADS}`,
      `--time=${SECONDS}`,
      '--report-interval=0',
      `--mysql-ignore-errors=${OWN_CONFLICTS}${options.includes('--skip-trx=on') ? `,${DUPLICATE}` : ''}`,
      ...options,
    );
    const after = await counters();
    assert.doesNotMatch(report, /FATAL|error [0-9]|Lost connection/i);
    assert.match(report, /reconnects:\s+0 /);
    const counted = (what: string): number =>
      Number(new RegExp(`\\b${what}:\\s+(\\d+)`).exec(report)?.[1] ?? Number.NaN);
    const ran = (node: string): Ran => {
      const [was, is] = [before.get(node), after.get(node)];
      assert.ok(was !== undefined && is !== undefined);
      return { reads: is.reads - was.reads, writes: is.writes - was.writes };
    };
    for (const node of scene.replicas) assert.equal(ran(node).writes, 0, `${node} ran no write`);
    return { reads: counted('read'), writes: counted('write'), ran };
  }

  for (const mode of ['auto', 'disable']) {
    const prepared = `--db-ps-mode=${mode}`;
    test(`oltp_point_select, ${THREADS} threads, prepared statements ${mode}: no error, reads on both replicas`, async () => {
      const { reads, ran } = await measure('oltp_point_select', prepared);
      assert.ok(reads > 1_000, `${reads} reads`);
      const shares = scene.replicas.map((node) => ran(node).reads);
      for (const share of shares) assert.ok(share > reads / 5, `shares of ${reads} reads: ${shares}`);
      assert.ok(ran(scene.primary).reads < reads / 10, 'few of them are on the primary');
    });

    test(`oltp_read_only, ${THREADS} threads, prepared statements ${mode}: no error, in transactions that might write`, async () => {
      const { reads, ran } = await measure('oltp_read_only', prepared);
      assert.ok(ran(scene.primary).reads >= reads, 'a BEGIN that does not say READ ONLY is the primary’s');
    });

    test(`oltp_read_only without transactions, ${THREADS} threads, prepared statements ${mode}: reads on both replicas`, async () => {
      const { reads, ran } = await measure('oltp_read_only', '--skip-trx=on', prepared);
      const shares = scene.replicas.map((node) => ran(node).reads);
      for (const share of shares) assert.ok(share > reads / 5, `shares of ${reads} reads: ${shares}`);
    });

    test(`oltp_read_write, ${THREADS} threads, prepared statements ${mode}: no error, every write on the primary`, async () => {
      const { writes, ran } = await measure('oltp_read_write', prepared);
      assert.ok(writes > 100, `${writes} writes`);
      assert.ok(ran(scene.primary).writes >= writes, 'the primary ran them all');
    });

    test(`oltp_read_write without transactions, ${THREADS} threads, prepared statements ${mode}: writes on the primary, reads on replicas too`, async () => {
      const { reads, writes, ran } = await measure('oltp_read_write', '--skip-trx=on', prepared);
      assert.ok(ran(scene.primary).writes >= writes, 'the primary ran all writes');
      // A session that has just written reads where its write is: mostly on the primary.
      assert.ok(reads > 100);
      const shares = scene.replicas.map((node) => ran(node).reads);
      assert.ok(shares.reduce((sum, share) => sum + share, 0) > 0, `shares of ${reads} reads: ${shares}`);
    });
  }
}
