import type { EngineName } from '../src/demo/cluster.ts';
import type { Measure, Rounds } from './contest.ts';
import type { Measured } from './results.ts';
import type { Ring } from './ring.ts';

/** What a trial found. */
export type Outcome = Pick<Measured, 'readings' | 'scores' | 'tables' | 'notes'>;

export interface TrialRounds extends Rounds {
  /** Less of everything. */
  readonly quick: boolean;
}

/** A load, and where the proxy sends its reads. */
export interface ProfiledLoad {
  readonly reads: 'primary' | 'replicas';
  readonly measure: (signal: AbortSignal) => Measure;
}

/** How one line or some lines of the acceptance table are measured. */
export interface Trial {
  readonly engine: EngineName;
  readonly title: string;
  readonly run: (ring: Ring, rounds: TrialRounds) => Promise<Outcome>;
  /** What a profile is taken under; left out: it would tell nothing. */
  readonly profiled?: ProfiledLoad;
}
