import type { PinReason, Rule } from './intent.ts';
import type { NodeId, Observation } from './node.ts';
import type { View } from './view.ts';

/**
 * Everything worth counting or logging that is not per query, as one union; metrics and log subscribe.
 * (Per-query figures are plain integers, read on scrape: `Counters` below.)
 */
export type Event =
  | { readonly kind: 'client-connected'; readonly user: string; readonly database: string }
  | {
      readonly kind: 'client-closed';
      readonly user: string;
      readonly database: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'client-refused';
      readonly code: string;
      readonly reason: string;
      readonly address: string;
    }
  | { readonly kind: 'client-error'; readonly code: string; readonly message: string }
  | { readonly kind: 'pinned'; readonly reason: PinReason; readonly user: string; readonly database: string }
  | { readonly kind: 'link-opened'; readonly node: NodeId; readonly ms: number }
  | { readonly kind: 'link-closed'; readonly node: NodeId; readonly reason: string }
  | { readonly kind: 'link-failed'; readonly node: NodeId; readonly code: string; readonly message: string }
  | { readonly kind: 'retried'; readonly from: NodeId; readonly because: string }
  | { readonly kind: 'held'; readonly waiting: number }
  | { readonly kind: 'released'; readonly waitedMs: number }
  | { readonly kind: 'probed'; readonly observation: Observation }
  | { readonly kind: 'view-changed'; readonly view: View }
  | {
      readonly kind: 'failover';
      readonly rule: Rule;
      readonly state: string;
      readonly reason: string;
      readonly node: NodeId | undefined;
    }
  | { readonly kind: 'alarm'; readonly rule: Rule; readonly reason: string };

export type EventKind = Event['kind'];

/** Takes events; must not throw and must not wait. */
export type Emit = (event: Event) => void;
