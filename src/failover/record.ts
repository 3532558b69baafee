import type { Fenced } from '../core/engine.ts';
import type { NodeId, SyncRequirement } from '../core/node.ts';
import type { Position } from '../core/position.ts';

/** The node that is the primary, or was the last one, as it was last observed in that role. */
export interface LastPrimary {
  readonly node: NodeId;
  readonly branch: string;
  /** Undefined after a restart: only its name was journaled. */
  readonly position: Position | undefined;
  readonly sync: SyncRequirement;
}

/** What a restarted proxy must know (I10). Plain JSON, one line each in the journal. */
export type JournalEntry =
  /** A node was taken as the primary, however it became one. */
  | {
      readonly kind: 'primary';
      readonly epoch: number;
      readonly node: NodeId;
      readonly branch: string;
      readonly identity: string;
      /** True: this proxy promoted it; starts the cool-down. */
      readonly promoted: boolean;
    }
  /** A promotion is about to be asked for. */
  | {
      readonly kind: 'decided';
      readonly epoch: number;
      readonly old: LastPrimary;
      readonly node: NodeId;
      readonly received: Position;
      readonly proof: Fenced;
    }
  | { readonly kind: 'outcast'; readonly epoch: number; readonly node: NodeId; readonly reason: string }
  | { readonly kind: 'released'; readonly epoch: number; readonly node: NodeId };

/** An entry as read back, with its age in ms at that time. */
export interface Recorded {
  readonly entry: JournalEntry;
  readonly ageMs: number;
}
