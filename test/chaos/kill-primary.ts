import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Adapter } from '../engine/adapter.ts';
import { Scene } from '../engine/scene.ts';
import { becomes } from '../support/becomes.ts';
import { childrenOf, isRunning } from './processes.ts';
import { Reader, Writer } from './workers.ts';

/** npm run proof asks for more. */
const RUNS = Number(process.env['POINTSMAN_RUNS'] ?? 5);
const WRITERS = 16;
const READERS = 16;
/** Acknowledged writes after the loss that show that the service goes on. */
const WRITES_AFTER = 200;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const total = (writers: readonly Writer[]): number =>
  writers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

/** Commits wait for a replica; the primary is killed, and it comes back. In the same words for every engine. */
export function killPrimary(adapter: Adapter, { workers = 1, runs = RUNS } = {}): void {
  const served = workers === 1 ? '' : `, ${workers} workers`;
  describe(`the primary is killed under 16 writers and 16 readers: ${adapter.engine}${served}`, {
    skip: adapter.skip,
  }, () => {
    for (let run = 1; run <= runs; run++) {
      test(`run ${run}: readers see no error, waiting writers go on, no acknowledged row is missing`, async () => {
        const scene = await Scene.start(adapter, { synchronous: true, record: false, workers });
        const clients: (Writer | Reader)[] = [];
        try {
          await makeTable(scene);
          const open = () => scene.session();
          const writers = Array.from({ length: WRITERS }, (_, id) => new Writer(id, open));
          const readers = Array.from({ length: READERS }, () => new Reader(open));
          clients.push(...writers, ...readers);
          await Promise.all(clients.map((client) => client.start()));
          await becomes('writes begin', () => writers.every(({ acknowledged }) => acknowledged.length > 5));
          await becomes('reads begin', () => readers.every(({ reads }) => reads > 5));

          const old = scene.primary;
          const loss = await lose(scene, old);
          const before = total(writers);
          await becomes('writes go on', () => total(writers) > before + WRITES_AFTER);
          await Promise.all(clients.map((client) => client.stop()));

          judgeAnswers(writers, readers, loss);
          console.log(`  ${adapter.engine}, run ${run}: ${measured(writers, loss)}`);
          assert.notEqual(scene.primary, old);
          await judgeRows(scene, writers);
          await thirdFollows(scene, old);
          await returns(scene, old);
        } finally {
          await Promise.all(clients.map((client) => client.stop()));
          await scene.close();
        }
      });
    }
  });
}

async function makeTable(scene: Scene): Promise<void> {
  await using client = await scene.session();
  await client.query('CREATE TABLE written (writer int, n int, PRIMARY KEY (writer, n))');
  await scene.readable('written');
}

interface Loss {
  readonly killedAt: number;
  /** When the last process of the old primary had ended: nothing is in flight there any more. */
  readonly goneAt: number;
}

async function lose(scene: Scene, old: string): Promise<Loss> {
  const { cluster } = scene.stage;
  const { pid } = cluster.node(old);
  assert.ok(pid !== undefined);
  const processes = [pid, ...childrenOf(pid)];
  const killing = cluster.kill(old);
  const killedAt = performance.now();
  // Its first thread may be gone while another still answers; so may an orphaned process.
  await killing;
  await becomes('the last process of the old primary ends', () =>
    processes.every((process) => !isRunning(process)),
  );
  return { killedAt, goneAt: performance.now() };
}

function judgeAnswers(writers: readonly Writer[], readers: readonly Reader[], loss: Loss): void {
  const failedReads = readers.flatMap(({ errors }) => errors);
  assert.deepEqual(failedReads, [], 'readers see no error');
  for (const { sentAt, meaning, message } of writers.flatMap(({ failures }) => failures)) {
    const after = `${sentAt - loss.goneAt} ms after the last process had ended`;
    assert.ok(sentAt < loss.goneAt, `a write sent ${after} failed: ${message}`);
    assert.equal(meaning, 'lost', `an in-flight write gets a connection error: ${message}`);
  }
  assert.ok(waits(writers, loss).length > 0, 'some writers waited without an error');
}

/** Of writes that were answered later, how long they took. */
function waits(writers: readonly Writer[], { killedAt, goneAt }: Loss): number[] {
  return writers.flatMap(({ answers }) =>
    answers
      .filter(({ sentAt, at }) => sentAt < goneAt + 500 && at > killedAt && at - sentAt > 50)
      .map(({ sentAt, at }) => at - sentAt),
  );
}

function measured(writers: readonly Writer[], loss: Loss): string {
  const failed = writers.flatMap(({ failures }) => failures).length;
  const waited = waits(writers, loss);
  const gone = Math.round(loss.goneAt - loss.killedAt);
  return `${failed} in flight failed, ${waited.length} waited, median ${Math.round(median(waited))} ms; the old processes ended after ${gone} ms`;
}

async function judgeRows(scene: Scene, writers: readonly Writer[]): Promise<void> {
  await using direct = await scene.adapter.open(scene.stage.direct(scene.primary));
  const rows = await direct.query('SELECT writer, n FROM written');
  const there = new Set(rows.map(([writer, n]) => `${writer}/${n}`));
  const missing = writers.flatMap(({ id, acknowledged }) =>
    acknowledged.map((n) => `${id}/${n}`).filter((row) => !there.has(row)),
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
}

async function thirdFollows(scene: Scene, old: string): Promise<void> {
  const third = scene.replicas.find((id) => id !== old) ?? '';
  await scene.seen(third, 'up');
  const { receives } = scene.adapter.inspections;
  await becomes(`${third} follows`, async () => (await scene.count(third, receives)) === 1);
}

/** The old primary, started again as it was, takes no write of a client and is a replica that has all rows. */
async function returns(scene: Scene, old: string): Promise<void> {
  const { primary, stage, adapter } = scene;
  await stage.cluster.startNode(old);
  if (!(await scene.rejoined(old))) {
    console.log(`  ${old} is quarantined: ${scene.reasonOf(old)}`);
    return;
  }
  await becomes(`${old} follows`, async () => (await scene.count(old, adapter.inspections.receives)) === 1);
  const rows = 'SELECT count(*) AS n FROM written';
  const expected = await scene.count(primary, rows);
  await becomes(`${old} has all rows`, async () => (await scene.count(old, rows)) === expected);
}
