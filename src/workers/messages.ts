import type { Verdict } from '../core/company.ts';
import type { ErrorCode, ErrorFacts } from '../core/errors.ts';
import type { Event } from '../core/events.ts';
import type { Strike } from '../core/intent.ts';
import type { Endpoint } from '../core/node.ts';
import type { Ack, Signal, View } from '../core/view.ts';
import type { Figures } from './figures.ts';

/** A ProxyError on its way to another process. */
export interface Told {
  readonly code: ErrorCode;
  readonly facts: Omit<ErrorFacts, 'cause'>;
}

/** The first thing a worker hears. `config` is the program's own, opaque here. */
export interface Start {
  readonly kind: 'start';
  readonly config: unknown;
  /** Its place among `workers`: 0, 1, …; a worker that replaces another one has the same. */
  readonly slot: number;
  readonly workers: number;
  /** Where each cluster listens; undefined: as configured, for the first worker to find out. */
  readonly addresses: readonly Endpoint[] | undefined;
  /** Clients it may have, by cluster. */
  readonly clients: readonly number[];
}

/** About one cluster, named by its place in the configuration. */
export type ClusterDown =
  | { readonly kind: 'view'; readonly view: View }
  /** `packed`: undefined when the worker has this edition. `doubts`: how many of its own doubts this answers. */
  | {
      readonly kind: 'catalogue';
      readonly database: string;
      readonly edition: number;
      readonly packed: unknown;
      readonly doubts: number;
    }
  | { readonly kind: 'doubt'; readonly database: string }
  | { readonly kind: 'cancel'; readonly session: number; readonly secret: Uint8Array }
  | {
      readonly kind: 'strike';
      /** The worker to be answered. */
      readonly from: number;
      readonly ask: number;
      readonly user: string;
      readonly strike: Strike;
    }
  | { readonly kind: 'struck'; readonly ask: number; readonly refused: Told | undefined }
  /** What have its runs taught? `database`: '' if none was named. */
  | { readonly kind: 'explain'; readonly ask: number; readonly database: string; readonly sql: string }
  /** The share has grown by so much. */
  | { readonly kind: 'granted'; readonly key: string; readonly more: number }
  /**
   * Others need at most `most`: give what is not in use now, and promise the rest down to `fair` for when it becomes
   * free.
   */
  | { readonly kind: 'give'; readonly key: string; readonly most: number; readonly fair: number };

/** Parent → worker. */
export type Down =
  | Start
  | { readonly kind: 'cluster'; readonly cluster: number; readonly message: ClusterDown }
  | { readonly kind: 'figures'; readonly ask: number }
  | { readonly kind: 'close' };

export type ClusterUp =
  | { readonly kind: 'ack'; readonly ack: Ack }
  | { readonly kind: 'signal'; readonly signal: Signal }
  | { readonly kind: 'events'; readonly events: readonly Event[] }
  | { readonly kind: 'need'; readonly database: string }
  | {
      readonly kind: 'stale';
      readonly database: string;
      readonly how: 'missed' | 'changed';
      readonly doubts: number;
    }
  | { readonly kind: 'cancel'; readonly session: number; readonly secret: Uint8Array }
  | { readonly kind: 'strike'; readonly ask: number; readonly user: string; readonly strike: Strike }
  | { readonly kind: 'struck'; readonly to: number; readonly ask: number; readonly refused: Told | undefined }
  /** `verdict`: undefined where nothing is known of the database. */
  | { readonly kind: 'explained'; readonly ask: number; readonly verdict: Verdict | undefined }
  /** So many more are needed of a whole of `size`. */
  | { readonly kind: 'want'; readonly key: string; readonly size: number; readonly want: number }
  /** So many are not used any more and never will be unless they are granted again; `asked`: the answer to `give`. */
  | { readonly kind: 'given'; readonly key: string; readonly count: number; readonly asked: boolean }
  /** Nobody here uses it any more, and nothing is wanted: the rest is given back. */
  | { readonly kind: 'left'; readonly key: string; readonly count: number };

/** Worker → parent. */
export type Up =
  | { readonly kind: 'ready'; readonly addresses: readonly Endpoint[] }
  | { readonly kind: 'failed'; readonly error: Told }
  | { readonly kind: 'cluster'; readonly cluster: number; readonly message: ClusterUp }
  /** `ask` 0: unasked. */
  | { readonly kind: 'figures'; readonly ask: number; readonly report: Report };

/** What one worker has counted. */
export interface Report {
  /** By cluster. */
  readonly clusters: readonly Figures[];
  /** How late its event loop was lately (99 %), in seconds. */
  readonly lag: number;
  /** Processor time since its start, in seconds, and resident memory, in bytes. */
  readonly cpu: number;
  readonly resident: number;
}
