import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { becomes } from '../support/becomes.ts';
import { type ConnectionFacts, Stage } from '../support/stage.ts';
import { childrenOf, isRunning } from './processes.ts';
import { Reader, Writer } from './workers.ts';

/** npm run proof asks for more. */
const RUNS = Number(process.env['POINTSMAN_RUNS'] ?? 5);
const WRITERS = 16;
const READERS = 16;
/** Acknowledged writes after the loss that show that the service goes on. */
const WRITES_AFTER = 200;

async function rows<Row extends pg.QueryResultRow>(facts: ConnectionFacts, text: string): Promise<Row[]> {
  const client = new pg.Client(facts);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

describe('the primary is killed under 16 writers and 16 readers', () => {
  for (let run = 1; run <= RUNS; run++) {
    test(`run ${run}: readers see no error, waiting writers go on, no acknowledged row is missing`, async () => {
      await using stage = await Stage.start({ cluster: { syncNames: 'ANY 1 (*)' } });
      await rows(stage.proxied, 'CREATE TABLE written (writer int, n int, PRIMARY KEY (writer, n))');
      await readByReplica(stage);
      const writers = Array.from({ length: WRITERS }, (_, id) => new Writer(id, stage.proxied));
      const readers = Array.from({ length: READERS }, () => new Reader(stage.proxied));
      await Promise.all([...writers, ...readers].map((worker) => worker.start()));
      try {
        await becomes('writes begin', () => writers.every(({ acknowledged }) => acknowledged.length > 5));
        await becomes('reads begin', () => readers.every(({ reads }) => reads > 5));

        const old = stage.cluster.nodes.find(({ id }) => id === stage.view?.primary);
        assert.ok(old?.pid !== undefined);
        const backends = childrenOf(old.pid);
        stage.cluster.kill(old.id);
        const killedAt = performance.now();
        // An orphaned backend may still take what reaches it: only when the last is gone is nothing in flight there.
        await becomes('the last process of the old primary ends', () =>
          backends.every((pid) => !isRunning(pid)),
        );
        const goneAt = performance.now();

        const acknowledgedBefore = total(writers);
        await becomes('writes go on', () => total(writers) > acknowledgedBefore + WRITES_AFTER);
        await Promise.all([...writers, ...readers].map((worker) => worker.stop()));

        const failedReads = readers.flatMap(({ errors }) => errors);
        assert.deepEqual(failedReads, [], 'readers see no error');

        const failures = writers.flatMap(({ failures }) => failures);
        for (const { sentAt, message } of failures) {
          assert.ok(
            sentAt < goneAt,
            `a write sent ${sentAt - killedAt} ms after the kill failed: ${message}`,
          );
        }
        for (const { code, message } of failures) {
          assert.match(
            code,
            /^(08006|08007|57P01)$/,
            `an in-flight write gets a connection error: ${message}`,
          );
        }

        const waits = writers.flatMap(({ answers }) =>
          answers.filter(({ sentAt, at }) => sentAt < goneAt + 500 && at > killedAt && at - sentAt > 50),
        );
        const longest = median(waits.map(({ sentAt, at }) => at - sentAt));
        console.log(
          `  run ${run}: ${failures.length} in flight failed, ${waits.length} waited, median ${Math.round(longest)} ms; old backends ended after ${Math.round(goneAt - killedAt)} ms`,
        );
        assert.ok(waits.length > 0, 'some writers waited without an error');

        const { primary } = stage.view ?? {};
        assert.ok(primary !== null && primary !== undefined && primary !== old.id);
        const kept = await rows<{ writer: number; n: number }>(
          stage.direct(primary),
          'SELECT writer, n FROM written',
        );
        const there = new Set(kept.map(({ writer, n }) => `${writer}/${n}`));
        const missing = writers.flatMap(({ id, acknowledged }) =>
          acknowledged.filter((n) => !there.has(`${id}/${n}`)).map((n) => `${id}/${n}`),
        );
        assert.deepEqual(missing, [], 'no acknowledged row is missing');
        const attempted = new Set(
          writers.flatMap(({ id, attempted }) => Array.from({ length: attempted }, (_, n) => `${id}/${n}`)),
        );
        assert.deepEqual(
          [...there].filter((row) => !attempted.has(row)),
          [],
          'nothing is there that nobody wrote',
        );

        await stage.until((view) =>
          view.nodes.some(
            (node) =>
              node.id !== old.id && node.id !== primary && node.role === 'replica' && node.state === 'up',
          ),
        );
        const third = stage.cluster.nodes.find(({ id }) => id !== old.id && id !== primary);
        assert.ok(third !== undefined);
        await becomes('the third node follows', async () => {
          const sql = "SELECT count(*)::int AS n FROM pg_stat_wal_receiver WHERE status = 'streaming'";
          const [receiver] = await stage.cluster.query(third.id, sql);
          return receiver?.['n'] === 1;
        });

        await returnsAsReplica(stage, old.id, primary);
      } finally {
        await Promise.all([...writers, ...readers].map((worker) => worker.stop()));
      }
    });
  }
});

/** The proxy knows the new table: reads of it have left the primary. */
async function readByReplica(stage: Stage): Promise<void> {
  const primary = String(stage.cluster.node('pg-1').port);
  const client = new pg.Client(stage.proxied);
  await client.connect();
  try {
    await becomes('reads reach a replica', async () => {
      await client.query('BEGIN READ ONLY');
      await client.query('SELECT n FROM written LIMIT 1');
      const shown = await client.query<{ port: string }>('SHOW port');
      await client.query('COMMIT');
      return shown.rows[0]?.port !== primary;
    });
  } finally {
    await client.end();
  }
}

/** The old primary, started again as it was, takes no write of a client and is a replica in the end. */
async function returnsAsReplica(stage: Stage, old: string, primary: string): Promise<void> {
  const node = stage.cluster.nodes.find(({ id }) => id === old);
  assert.ok(node !== undefined);
  const routed = new Set<string>();
  await stage.cluster.startNode(node.id);
  await stage.until((view) => {
    if (view.primary !== null) routed.add(view.primary);
    return view.nodes.some((one) => one.id === old && one.role === 'replica' && one.state === 'up');
  }, 60_000);
  assert.deepEqual([...routed], [primary], 'no write is routed to the old primary');
  const [recovery] = await rows<{ standby: boolean }>(
    stage.direct(old),
    'SELECT pg_is_in_recovery() AS standby',
  );
  assert.equal(recovery?.standby, true);
}

const total = (writers: readonly Writer[]): number =>
  writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);
