import type { EngineName } from '../src/demo/cluster.ts';
import type { Rounds } from './contest.ts';
import type { Measured } from './results.ts';
import type { Ring } from './ring.ts';

/** What a trial found. */
export type Outcome = Pick<Measured, 'readings' | 'scores' | 'tables' | 'notes'>;

export interface TrialRounds extends Rounds {
  /** Less of everything. */
  readonly quick: boolean;
}

/** How one line or some lines of the acceptance table are measured. */
export interface Trial {
  readonly engine: EngineName;
  readonly title: string;
  readonly run: (ring: Ring, rounds: TrialRounds) => Promise<Outcome>;
}
