import type { Endpoint, NodeId, ProbeFailure, Role } from './node.ts';
import type { Position } from './position.ts';

/**
 * `up`: probed and usable. `down`: no answer. `starting`: it answered that it is not ready.
 * `quarantined`: reachable or not, nothing may be routed to it until it has been rejoined.
 */
export type NodeState = 'up' | 'down' | 'starting' | 'quarantined' | 'unknown';

export interface NodeView {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
  readonly role: Role | 'unknown';
  readonly state: NodeState;
  /** Why it is in this state, in words for an operator. */
  readonly reason: string;
  readonly weight: number;
  /** False: the data plane closes every link to it, leases included, and acknowledges. */
  readonly links: boolean;
  /** Last seen position (a replica's replayed one) and the monotonic ms before it was asked for. */
  readonly position: Position | undefined;
  readonly askedAt: number;
  readonly branch: string;
  readonly version: string;
  /** Bytes behind the primary's last seen position, where the engine can say. */
  readonly lagBytes: number | undefined;
}

/** Control plane → data plane: what the world is. Plain JSON. */
export interface View {
  /** Grows with every change of primary. */
  readonly epoch: number;
  /** Grows with every view. */
  readonly version: number;
  /** Where writes go; null: hold them. */
  readonly primary: NodeId | null;
  readonly nodes: readonly NodeView[];
  /** Monotonic ms past which no write is sent; Infinity when this proxy needs no lease. */
  readonly writableUntil: number;
  /** Why there is no primary, in words; '' when there is one. */
  readonly holding: string;
}

/** Data plane → control plane: something seen while moving bytes. Starts a probe, decides nothing. */
export type Signal =
  | { readonly kind: 'connect-failed'; readonly node: NodeId; readonly failure: ProbeFailure }
  | { readonly kind: 'link-lost'; readonly node: NodeId }
  | { readonly kind: 'terminated'; readonly node: NodeId }
  | { readonly kind: 'read-only'; readonly node: NodeId }
  | { readonly kind: 'role-changed'; readonly node: NodeId };

/** Data plane → control plane: a view has been applied. */
export interface Ack {
  readonly epoch: number;
  readonly version: number;
  /** Nodes to which no link is left, of those the view closed. */
  readonly closed: readonly NodeId[];
  /** Requests that were in flight on those links and were reported to their clients as unknown. */
  readonly unknown: number;
}

export const emptyView: View = {
  epoch: 0,
  version: 0,
  primary: null,
  nodes: [],
  writableUntil: Number.POSITIVE_INFINITY,
  holding: 'no node has been probed yet',
};
