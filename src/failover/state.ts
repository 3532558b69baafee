import type { Fenced } from '../core/engine.ts';
import type { NodeId } from '../core/node.ts';
import type { Standing } from '../core/world.ts';
import type { Result } from './input.ts';
import type { LastPrimary } from './record.ts';

/** A failover between the sure loss and the decision. */
interface Open {
  /** When the election was called: only answers to later questions count. */
  readonly since: number;
  /** The epoch that closed the links to the old primary; an ack of it is the proof. */
  readonly epoch: number;
  readonly proof: Fenced | undefined;
}

export type Phase =
  | { readonly name: 'steady' }
  | { readonly name: 'suspect'; readonly since: number }
  | { readonly name: 'confirming'; readonly since: number }
  | (Open & { readonly name: 'electing' })
  | (Open & { readonly name: 'fencing'; readonly candidate: NodeId; readonly decision: Decision })
  | (Open & {
      readonly name: 'promoting';
      readonly proof: Fenced;
      readonly candidate: NodeId;
      readonly ticket: number;
      readonly attempt: number;
      readonly result: Result | undefined;
    })
  | { readonly name: 'repointing'; readonly since: number };

export type PhaseName = Phase['name'];

/** `open`: nothing is on record. From `writing` on the promotion goes ahead, whatever the old primary does. */
export type Decision =
  | { readonly kind: 'open' }
  | { readonly kind: 'writing'; readonly ticket: number }
  | { readonly kind: 'written' }
  | { readonly kind: 'failed'; readonly message: string };

/** A node to which nothing is routed until it has been rejoined. */
export interface Outcast {
  readonly node: NodeId;
  readonly reason: string;
  /** `fence` was asked for at least once. */
  readonly fenced: boolean;
  /** Why the last attempt to make it a replica again failed. */
  readonly obstacle?: string;
}

export type ErrandKind = 'fence' | 'unfence' | 'follow' | 'rejoin';

/** Work on a node that is repeated, ever more rarely, until the node shows that it is done. */
export interface Errand {
  readonly kind: ErrandKind;
  readonly node: NodeId;
  readonly attempts: number;
  readonly running: boolean;
  /** When the last attempt that has ended did so. */
  readonly endedAt: number;
  /** Not again before. */
  readonly retryAt: number;
}

/** Promotions without a known end: each may have taken effect, or may yet. */
export interface Failed {
  readonly nodes: readonly NodeId[];
  /** Those of them that were refused: tried again only after others. */
  readonly refused: readonly NodeId[];
  readonly at: number;
}

export interface State {
  readonly phase: Phase;
  readonly epoch: number;
  readonly primary: NodeId | null;
  readonly holding: string;
  readonly identity: string;
  readonly last: LastPrimary | undefined;
  /** When the present primary was taken. */
  readonly adoptedAt: number;
  /** This proxy promoted the present primary, so the replicas are its business. */
  readonly promotedHere: boolean;
  readonly lastPromotionAt: number | undefined;
  readonly cooldownWaived: boolean;
  readonly closed: readonly NodeId[];
  readonly outcasts: readonly Outcast[];
  /** Writable nodes of which nobody knows which is the newer. */
  readonly conflict: readonly NodeId[];
  readonly errands: readonly Errand[];
  readonly failed: Failed | undefined;
  /** No decision before, because the last one could not be recorded. */
  readonly decideAfter: number;
  /** Alarms that were raised since the last time all was well: each is raised once. */
  readonly alarms: readonly string[];
  readonly nextTicket: number;
}

export const initialState: State = {
  phase: { name: 'steady' },
  epoch: 0,
  primary: null,
  holding: 'no writable node has been seen yet',
  identity: '',
  last: undefined,
  adoptedAt: Number.NEGATIVE_INFINITY,
  promotedHere: false,
  lastPromotionAt: undefined,
  cooldownWaived: false,
  closed: [],
  outcasts: [],
  conflict: [],
  errands: [],
  failed: undefined,
  decideAfter: Number.NEGATIVE_INFINITY,
  alarms: [],
  nextTicket: 1,
};

/** What of the state the world outside acts upon. */
export function standingOf(state: State): Standing {
  const disputed = state.conflict.map((node) => ({
    node,
    reason: 'it is writable beside another node, and it is not known which is the newer',
  }));
  return {
    epoch: state.epoch,
    primary: state.primary,
    holding: state.primary === null ? state.holding : '',
    identity: state.identity,
    closed: state.closed,
    quarantined: [...state.outcasts.map(shown), ...disputed],
  };
}

function shown({ node, reason, obstacle }: Outcast): { node: NodeId; reason: string } {
  return { node, reason: obstacle === undefined ? reason : `${reason} (${obstacle})` };
}

/** Moves the primary; every change of it is a new epoch. */
export function withPrimary(state: State, primary: NodeId | null, holding: string): State {
  const epoch = state.primary === primary ? state.epoch : state.epoch + 1;
  return { ...state, epoch, primary, holding };
}
