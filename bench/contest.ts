import type { Latency } from './figures.ts';
import { Meter } from './meter.ts';
import type { Aim, Protocol } from './pgbench.ts';
import type { Started } from './process.ts';

/** One way to the servers. */
export interface Contestant {
  readonly name: string;
  readonly aim: Aim;
  /** Whose processor time and memory count; undefined: no proxy between. */
  readonly process: Started | undefined;
  /** What it can carry; left out: everything. */
  readonly protocols?: readonly Protocol[];
}

/** What one run of a load counted. */
export interface Count {
  readonly transactions: number;
  /** Transactions a second, connecting left out. */
  readonly tps: number;
  /** How long the load itself ran, connecting left out. */
  readonly seconds: number;
  /** Where the tool gives it. */
  readonly latency?: Latency;
}

/** What was measured of one contestant: one value a round each, NaN where there is none. */
export interface Score {
  readonly name: string;
  readonly tps: number[];
  /** The proxy's processor time, user and system, log-ins left out, per transaction in µs. */
  readonly cost: number[];
  /** In ms. */
  readonly p50: number[];
  readonly p95: number[];
  readonly p99: number[];
  /** Of the proxy while it is loaded, in MB. */
  readonly memory: number[];
  /** Why rounds are missing, in words. */
  readonly failures: string[];
}

/** One load, for a time in seconds. */
export type Measure = (aim: Aim, seconds: number) => Promise<Count>;

export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  /** How long each contestant runs before it counts, in seconds; 3 if left out. */
  readonly warmUp?: number;
}

/** A program in Node is still being compiled in its first seconds. */
export const WARM_UP = 3;
const MB = 1_000_000;
/** Characters of a failure that are kept. */
const MOST_WORDS = 240;

export const emptyScore = (name: string): Score => ({
  name,
  tps: [],
  cost: [],
  p50: [],
  p95: [],
  p99: [],
  memory: [],
  failures: [],
});

/**
 * Measures all in turn, and again: A B C A B C …, so that what else the machine does meets all of them.
 * Each round begins one further on. A run that fails is a round without values; its reason is kept. `signal`
 * ends all: then it rejects.
 */
export async function contest(
  contestants: readonly Contestant[],
  measure: Measure,
  { rounds, seconds, warmUp = WARM_UP }: Rounds,
  signal?: AbortSignal,
): Promise<Score[]> {
  const entries = contestants.map((contestant) => ({ contestant, score: emptyScore(contestant.name) }));
  for (const { contestant, score } of entries)
    if (warmUp > 0) await run(contestant, score, () => measure(contestant.aim, warmUp), signal);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(turn + round) % entries.length];
      if (entry === undefined) continue;
      const { contestant, score } = entry;
      const values = await run(contestant, score, () => metered(contestant, measure, seconds), signal);
      enter(score, values);
    }
  }
  return entries.map(({ score }) => score);
}

interface Values extends Count {
  readonly cost: number;
  readonly memory: number;
}

async function run<T>(
  { name }: Contestant,
  { failures }: Score,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  signal?.throwIfAborted();
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    const reason = inShort(error);
    if (!failures.includes(reason)) failures.push(reason);
    process.stderr.write(`${name}: ${reason}\n`);
    return undefined;
  }
}

/** What a tool said of its failure: its own first words, not the command that was run. */
export function inShort(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const said = stderr !== '' ? stderr : error instanceof Error ? error.message : String(error);
  return said.trim().replaceAll(/\s+/g, ' ').slice(0, MOST_WORDS);
}

async function metered({ aim, process }: Contestant, measure: Measure, seconds: number): Promise<Values> {
  const meter = process === undefined ? undefined : new Meter(process);
  try {
    const count = await measure(aim, seconds);
    const used = meter?.stop(count.seconds) ?? Number.NaN;
    const memory = (meter?.memoryBytes ?? Number.NaN) / MB;
    return { ...count, cost: (used * 1_000) / count.transactions, memory };
  } catch (error) {
    meter?.stop(0);
    throw error;
  }
}

function enter(score: Score, values: Values | undefined): void {
  score.tps.push(values?.tps ?? Number.NaN);
  score.cost.push(values?.cost ?? Number.NaN);
  score.p50.push(values?.latency?.p50 ?? Number.NaN);
  score.p95.push(values?.latency?.p95 ?? Number.NaN);
  score.p99.push(values?.latency?.p99 ?? Number.NaN);
  score.memory.push(values?.memory ?? Number.NaN);
}
