import type { Position } from './position.ts';

declare const brand: unique symbol;

/** The name of one database server in the configuration, e.g. `pg-1`. */
export type NodeId = string & { readonly [brand]: 'node' };

export const nodeId = (text: string): NodeId => text as NodeId;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One server as configured. Roles are discovered, never configured. */
export interface NodeSpec {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
  /** Share of reads relative to the other replicas; 0 takes none. */
  readonly weight: number;
  /** Breaks ties between equally advanced candidates; the greater wins. Never overrides position. */
  readonly priority: number;
}

export type Role = 'primary' | 'replica';

/** What a replica says of the stream that it receives. */
export interface Receiving {
  readonly active: boolean;
  /** The node it receives from, where the server tells; `host:port`. */
  readonly from: string | undefined;
}

/** How many listed standbys a primary waits for before it acknowledges a commit. */
export interface SyncRequirement {
  /** Standbys whose word is awaited; 0 when commits do not wait. */
  readonly needed: number;
  /** Standbys that are listed (`*` counts the configured replicas). */
  readonly listed: number;
}

/** Why a probe got no answer. `starting` and `recovering`: the server itself said so; it is not lost. */
export type ProbeFailure =
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'unreachable'
  | 'starting'
  | 'recovering'
  | 'denied'
  | 'other';

export interface Seen {
  readonly kind: 'seen';
  readonly node: NodeId;
  /** Monotonic ms, read before the question was sent: the position is at least as new as this. */
  readonly askedAt: number;
  /** Monotonic ms when the answer was complete. */
  readonly at: number;
  readonly role: Role;
  /** Equal for all copies of one database cluster. */
  readonly identity: string;
  /** The branch of history the node is on, e.g. a timeline; '' while unknown. */
  readonly branch: string;
  /** Primary: written. Replica: replayed (what a read sees). */
  readonly position: Position;
  /** Replica: the greater of received and replayed. Primary: same as `position`. */
  readonly received: Position;
  /** Undefined on a primary, and on a node that takes no writes and is set up to receive from nobody. */
  readonly receiving: Receiving | undefined;
  readonly sync: SyncRequirement;
  readonly version: string;
  /** Names (host:pid-like ids) of other uncoordinated proxies seen on this node. */
  readonly otherProxies: readonly string[];
}

export interface Unseen {
  readonly kind: 'unseen';
  readonly node: NodeId;
  readonly askedAt: number;
  readonly at: number;
  readonly failure: ProbeFailure;
  readonly message: string;
}

/** One probe's result for one node. */
export type Observation = Seen | Unseen;
