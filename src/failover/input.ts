import type { Fenced } from '../core/engine.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Ack, Signal } from '../core/view.ts';
import type { JournalEntry } from './record.ts';

/** What an operator may say. */
export type Command =
  /** The node was mended by hand: let it be judged by what it shows. */
  | { readonly kind: 'release'; readonly node: NodeId }
  /** Promote despite the cool-down, this once. */
  | { readonly kind: 'waive-cooldown' };

/** Everything the machine learns. `at` is monotonic ms. */
export type Input =
  | { readonly kind: 'observation'; readonly at: number; readonly observation: Observation }
  | { readonly kind: 'signal'; readonly at: number; readonly signal: Signal }
  | { readonly kind: 'ack'; readonly at: number; readonly ack: Ack }
  | { readonly kind: 'result'; readonly at: number; readonly of: Task; readonly result: Result }
  | { readonly kind: 'command'; readonly at: number; readonly command: Command }
  | { readonly kind: 'tick'; readonly at: number };

/** What takes time and answers with a `result`; the runner bounds each. */
export type Task =
  /** Made durable before the result says ok. `ticket` tells which request a result answers. */
  | { readonly kind: 'record'; readonly ticket: number; readonly entry: JournalEntry }
  | { readonly kind: 'promote'; readonly ticket: number; readonly node: NodeId; readonly proof: Fenced }
  | { readonly kind: 'fence'; readonly node: NodeId }
  | { readonly kind: 'unfence'; readonly node: NodeId }
  | { readonly kind: 'follow'; readonly node: NodeId; readonly primary: NodeId }
  | { readonly kind: 'rejoin'; readonly node: NodeId; readonly primary: NodeId };

/** `branch`: of the promoted node; '' for every other task. */
export type Result =
  | { readonly ok: true; readonly branch: string }
  | { readonly ok: false; readonly message: string };

export type Action =
  | Task
  /** Ask these nodes at once. */
  | { readonly kind: 'probe'; readonly nodes: readonly NodeId[] }
  | { readonly kind: 'alarm'; readonly reason: string };
