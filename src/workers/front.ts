import type { Catalogue } from '../core/catalogue.ts';
import type { Company, Verdict } from '../core/company.ts';
import type { Counters } from '../core/counters.ts';
import type { Emit } from '../core/events.ts';
import type { Endpoint } from '../core/node.ts';
import type { Ack, Signal, View } from '../core/view.ts';
import type { PoolFigures } from './figures.ts';

/**
 * The data plane of one cluster as its control plane sees it: in this process, or one in each worker. The control
 * plane lives in one process, whatever the number of fronts.
 */
export interface Front {
  readonly address: Endpoint;
  /** Somebody takes clients there. */
  readonly isOpen: boolean;
  /** Takes a view and obeys; `Back.acked` follows. */
  apply(view: View): void;
  /** What the names of a database mean from now on. */
  learn(database: string, catalogue: Catalogue): void;
  /** The schema of a database changes: what is known of it proves no read until `learn`. */
  doubt(database: string): void;
  /** What has been counted, and what is now. Bounded in time. */
  count(): Promise<Counted>;
  /**
   * Whether a statement may share a server connection, by what the processes that serve clients have learned. `own`:
   * what this process says. Bounded in time.
   */
  learned(database: string, sql: string, own: Verdict): Promise<Company>;
  /** Takes no further client, ends sessions and links; resolves when nothing is left. */
  close(): Promise<void>;
}

export interface Counted {
  readonly counters: Counters;
  readonly pools: readonly PoolFigures[];
}

/** What a front tells its control plane. Calls must not throw. */
export interface Back {
  acked(ack: Ack): void;
  signalled(signal: Signal): void;
  readonly emit: Emit;
  /** A session uses this database: what is known of it; `Front.learn` follows when more is. */
  need(database: string): Catalogue | undefined;
  /** Names of it were unknown, or have changed. */
  stale(database: string, how: 'missed' | 'changed'): void;
}
