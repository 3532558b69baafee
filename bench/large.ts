import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Contestant } from './contest.ts';
import { figure, median, pairedRatio, table, times } from './figures.ts';
import type { Aim } from './pgbench.ts';
import { Started } from './process.ts';

/** What is carried: the rows of one query, or a copy out of or into a table. */
export type Freight = 'rows' | 'copy-out' | 'copy-in';

export interface LargeOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

/** What was measured of one contestant, one value a round; NaN where there is no proxy. */
export interface LargeScore {
  readonly name: string;
  /** Megabytes a second. */
  readonly speed: number[];
  /** Processor time of the proxy in ms per gigabyte. */
  readonly cost: number[];
  /** What its resident memory grew by at the most while it was carried, in MB. */
  readonly growth: number[];
}

const MB = 1_000_000;
const LOOK_EVERY = 20;
/** What one run may take, in ms. */
const WITHIN = 300_000;

/** Carries the freight through all in turn, and again. The first time is not counted. */
export async function measureLarge(
  contestants: readonly Contestant[],
  freight: Freight,
  { megabytes, rounds }: LargeOptions,
  signal: AbortSignal,
): Promise<LargeScore[]> {
  const scores = contestants.map(({ name }): LargeScore => ({ name, speed: [], cost: [], growth: [] }));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      signal.throwIfAborted();
      const at = (turn + Math.max(0, round)) % contestants.length;
      const contestant = contestants[at];
      const score = scores[at];
      if (contestant === undefined || score === undefined) continue;
      const { speed, cost, growth } = await carry(
        contestant,
        freight,
        round < 0 ? megabytes / 10 : megabytes,
      );
      if (round < 0) continue;
      score.speed.push(speed);
      score.cost.push(cost);
      score.growth.push(growth);
    }
  }
  return scores;
}

async function carry(
  { aim, process: proxy }: Contestant,
  freight: Freight,
  megabytes: number,
): Promise<{ speed: number; cost: number; growth: number }> {
  const used = proxy?.processorMs ?? Number.NaN;
  const watch = proxy === undefined ? undefined : new Watch(proxy);
  try {
    const { bytes, ms } = await carried(aim, freight, megabytes);
    const cost = ((proxy?.processorMs ?? Number.NaN) - used) / (bytes / (1_000 * MB));
    return { speed: bytes / MB / (ms / 1_000), cost, growth: (watch?.stop() ?? Number.NaN) / MB };
  } finally {
    watch?.stop();
  }
}

async function carried(
  aim: Aim,
  freight: Freight,
  megabytes: number,
): Promise<{ bytes: number; ms: number }> {
  const { port, user, password, database } = aim;
  const file = resolve(import.meta.dirname, 'large-client.ts');
  const args = [freight, String(megabytes), String(port), user, password, database];
  await using client = new Started('a client of much', [process.execPath, file, ...args]);
  const said = await client.heard(WITHIN);
  if (isReport(said)) return said;
  throw new Error('the client of much reported no figures');
}

function isReport(said: unknown): said is { bytes: number; ms: number } {
  return typeof said === 'object' && said !== null && 'bytes' in said && 'ms' in said;
}

/** The most that the resident memory of a program's processes has grown by since it was made. */
class Watch {
  readonly #pids: readonly number[];
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #most = 0;

  constructor(program: Started) {
    this.#pids = program.pids;
    this.#before = this.#resident();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
  }

  /** Ends the looking. Bytes. */
  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#most;
  }

  #look(): void {
    this.#most = Math.max(this.#most, this.#resident() - this.#before);
  }

  #resident(): number {
    let sum = 0;
    for (const pid of this.#pids) sum += residentBytes(pid);
    return sum;
  }
}

function residentBytes(pid: number): number {
  try {
    return (
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1_024
    );
  } catch {
    // It has ended.
    return 0;
  }
}

/** All contestants beside the peer whose name begins so. */
export function largeTable(scores: readonly LargeScore[], peerName: string): string {
  const direct = scores.find(({ name }) => name === 'direct');
  const peer = scores.find(({ name }) => name.startsWith(peerName));
  const rows = scores.map(({ name, speed, cost, growth }) => [
    name,
    figure(median(speed)),
    times(pairedRatio(speed, direct?.speed ?? [])),
    times(pairedRatio(speed, peer?.speed ?? [])),
    figure(median(cost)),
    times(pairedRatio(cost, peer?.cost ?? [])),
    figure(Math.max(...growth), 1),
  ]);
  const head = [
    'contestant',
    'MB/s',
    'of direct',
    `of ${peerName}`,
    'CPU (ms/GB)',
    `of ${peerName}`,
    'growth (MB)',
  ];
  return table(head, rows);
}
