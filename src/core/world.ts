import type { NodeId, NodeSpec, Observation, ProbeFailure, Seen } from './node.ts';

/** What the probes of one node have shown; nothing here is decided. Times are monotonic ms. */
export interface NodeFacts {
  readonly spec: NodeSpec;
  /** The last answer, however old. */
  readonly seen: Seen | undefined;
  /** The last probe, answered or not; undefined: none has ended yet. */
  readonly last: Observation | undefined;
  /** Probes in a row that found nobody there: refused, reset, timeout, unreachable. */
  readonly failures: number;
  /** When the first of those was begun. */
  readonly failingSince: number | undefined;
  /** When the node first said, since its last answer, that it is starting or recovering. */
  readonly startingSince: number | undefined;
}

/** All nodes in the order of the configuration. Plain JSON. */
export interface World {
  readonly nodes: readonly NodeFacts[];
}

/** What has been decided, beside what has been seen: together they make the View. */
export interface Standing {
  readonly epoch: number;
  readonly primary: NodeId | null;
  /** Why there is no primary; '' when there is one. */
  readonly holding: string;
  /** The identity that all nodes must share; '' while unknown. */
  readonly identity: string;
  /** Nodes whose links must be closed, beside the quarantined. */
  readonly closed: readonly NodeId[];
  readonly quarantined: readonly { readonly node: NodeId; readonly reason: string }[];
}

/** From when on a node that does not answer counts as gone. */
export interface Patience {
  /** Probes in a row that found nobody there. */
  readonly confirmFailures: number;
  /** Ms from the start of the first of them to the end of the last. */
  readonly confirmMs: number;
}

/** The facts of one node; undefined when it is not configured. */
export function factsOf(world: World, node: NodeId): NodeFacts | undefined {
  return world.nodes.find((facts) => facts.spec.id === node);
}

/** The server itself said that it is alive and not ready. */
export function saysStarting(failure: ProbeFailure): boolean {
  return failure === 'starting' || failure === 'recovering';
}

/** By this proxy's own probes nobody is there. One timeout is as long as several refusals, so one is enough. */
export function isGone(facts: NodeFacts, patience: Patience): boolean {
  const { last, failingSince, failures } = facts;
  if (last?.kind !== 'unseen' || failingSince === undefined) return false;
  const enough = last.failure === 'timeout' ? 1 : patience.confirmFailures;
  return failures >= enough && last.at - failingSince >= patience.confirmMs;
}
