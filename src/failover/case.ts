import type { Positions } from '../core/engine.ts';
import type { NodeId, Seen } from '../core/node.ts';
import { factsOf, type NodeFacts, type World } from '../core/world.ts';
import type { Action } from './input.ts';
import type { FailoverSettings } from './settings.ts';
import type { State } from './state.ts';

/** What does not change from step to step, and what the probes have shown. */
export interface Given {
  readonly world: World;
  readonly positions: Positions;
  readonly settings: FailoverSettings;
  /** A way to rejoin nodes is configured. */
  readonly canRejoin: boolean;
}

/** All that a rule may look at. */
export interface Case extends Given {
  readonly state: State;
  readonly at: number;
}

/** What a rule makes of a case. */
export interface Change {
  readonly state: State;
  readonly actions: readonly Action[];
  readonly node: NodeId | undefined;
  /** What happened, to what, in words. The same case gives the same words. */
  readonly detail: string;
}

/** A numbered row. `decide` gives undefined where the rule does not apply; once applied, it no longer does. */
export interface Rule {
  readonly id: string;
  /** The rule as a sentence. */
  readonly reason: string;
  readonly decide: (given: Case) => Change | undefined;
}

/** The node's answer if its last probe had one. */
export function present(facts: NodeFacts | undefined): Seen | undefined {
  return facts?.last?.kind === 'seen' ? facts.last : undefined;
}

export function presentNode(c: Case, node: NodeId): Seen | undefined {
  return present(factsOf(c.world, node));
}

export function isOutcast(state: State, node: NodeId): boolean {
  return state.outcasts.some((outcast) => outcast.node === node);
}

/** Of this cluster, as far as is known, and not under quarantine. */
export function isMember(c: Case, facts: NodeFacts): boolean {
  if (isOutcast(c.state, facts.spec.id)) return false;
  const { identity } = c.state;
  return identity === '' || facts.seen === undefined || facts.seen.identity === identity;
}

/** Reachable replicas of this cluster but `except`. */
export function presentReplicas(c: Case, except: NodeId | undefined): Seen[] {
  const replicas: Seen[] = [];
  for (const facts of c.world.nodes) {
    const seen = present(facts);
    if (seen?.role === 'replica' && facts.spec.id !== except && isMember(c, facts)) replicas.push(seen);
  }
  return replicas;
}

/** `host:port` of a node, as servers name the node they receive from. */
function addressOf(world: World, node: NodeId): string | undefined {
  const endpoint = factsOf(world, node)?.spec.endpoint;
  return endpoint === undefined ? undefined : `${endpoint.host}:${endpoint.port}`;
}

/** The configured node that a replica says it receives from, where its words name one. */
export function senderOf(world: World, replica: Seen): NodeId | undefined {
  const from = replica.receiving?.from;
  if (from === undefined) return undefined;
  return world.nodes.find((facts) => addressOf(world, facts.spec.id) === from)?.spec.id;
}
