import type { Aim, Count, Protocol } from './pgbench.ts';
import type { Started } from './process.ts';

/** One way to the servers. */
export interface Contestant {
  readonly name: string;
  readonly aim: Aim;
  /** Whose processor time counts; undefined: no proxy between. */
  readonly process: Started | undefined;
  /** What it can carry; left out: everything. */
  readonly protocols?: readonly Protocol[];
}

/** What was measured of one contestant, one value a round. */
export interface Score {
  readonly name: string;
  readonly tps: number[];
  /** The proxy's processor time, user and system, log-ins included, per transaction in µs. */
  readonly cost: number[];
}

/** One load, for a time in seconds. */
export type Measure = (aim: Aim, seconds: number) => Promise<Count>;

/** How long each contestant runs before it counts, in seconds. */
const WARM_UP = 1;

/**
 * Measures all in turn, and again: A B C A B C …, so that what else the machine does meets all of them.
 * Each round begins one further on.
 */
export async function contest(
  contestants: readonly Contestant[],
  measure: Measure,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Score[]> {
  const scores = contestants.map(({ name }): Score => ({ name, tps: [], cost: [] }));
  for (const { aim } of contestants) await measure(aim, WARM_UP);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const at = (turn + round) % contestants.length;
      const contestant = contestants[at];
      const score = scores[at];
      if (contestant === undefined || score === undefined) continue;
      const before = contestant.process?.processorMs ?? 0;
      const { transactions, tps } = await measure(contestant.aim, seconds);
      const used = (contestant.process?.processorMs ?? 0) - before;
      score.tps.push(tps);
      score.cost.push(contestant.process === undefined ? Number.NaN : (used * 1_000) / transactions);
    }
  }
  return scores;
}
