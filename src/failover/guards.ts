import type { NodeId } from '../core/node.ts';
import { factsOf, isGone, type NodeFacts, saysStarting } from '../core/world.ts';
import { type Case, isMember, present, presentNode, presentReplicas, senderOf } from './case.ts';

/**
 * This proxy's own signal about a node.
 * - `answers`, or `unprobed`
 * - `failing`: probes fail, too few or too short yet
 * - `starting`: the server itself says so, within its wait
 * - `unclear`: a server is there and cannot be asked (wrong password, no connection left)
 * - `gone`
 */
export type OwnSignal = 'answers' | 'unprobed' | 'failing' | 'starting' | 'unclear' | 'gone';

export function ownSignal(c: Case, node: NodeId): OwnSignal {
  const facts = factsOf(c.world, node);
  const last = facts?.last;
  if (facts === undefined || last === undefined) return 'unprobed';
  if (last.kind === 'seen') return 'answers';
  if (facts.startingSince !== undefined && c.at - facts.startingSince >= c.settings.startWaitMs)
    return 'gone';
  if (saysStarting(last.failure)) return 'starting';
  if (facts.failingSince === undefined) return 'unclear';
  return isGone(facts, c.settings) ? 'gone' : 'failing';
}

/** The replicas' word about a lost primary. */
export type Witness =
  /** A replica that was reachable has not answered since. */
  | { readonly kind: 'pending'; readonly node: NodeId }
  | { readonly kind: 'streaming'; readonly nodes: readonly NodeId[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'lost'; readonly nodes: readonly NodeId[] };

/** Only answers to questions asked at or after `since` count. */
export function witness(c: Case, old: NodeId, since: number): Witness {
  const late = lateNode(c, old, since);
  const lost: NodeId[] = [];
  const streaming: NodeId[] = [];
  for (const replica of presentReplicas(c, old)) {
    // A node that is not set up to receive has no say.
    if (replica.askedAt < since || replica.receiving === undefined) continue;
    const sender = senderOf(c.world, replica);
    // A cascade: what it receives from another replica says nothing about the primary.
    if (replica.receiving.active && sender !== undefined && sender !== old) continue;
    (replica.receiving.active ? streaming : lost).push(replica.node);
  }
  if (streaming.length > 0) return { kind: 'streaming', nodes: streaming };
  if (late !== undefined) return { kind: 'pending', node: late };
  return lost.length > 0 ? { kind: 'lost', nodes: lost } : { kind: 'none' };
}

/**
 * A node whose word is still awaited: its last probe was answered, before `since`, or it was never probed.
 * A node that already failed is not waited for. Ends with the probe that is under way.
 */
export function lateNode(c: Case, old: NodeId, since: number): NodeId | undefined {
  const late = (facts: NodeFacts): boolean => {
    if (facts.spec.id === old || !isMember(c, facts)) return false;
    if (facts.last === undefined) return true;
    const seen = present(facts);
    return seen !== undefined && seen.askedAt < since;
  };
  return c.world.nodes.find(late)?.spec.id;
}

/** When the old primary stopped answering; its replicas' word must be younger. */
export function lostSince(c: Case, old: NodeId): number {
  const facts = factsOf(c.world, old);
  return facts?.failingSince ?? facts?.startingSince ?? c.at;
}

/** Why nothing may be promoted now, whoever the candidate would be; undefined: nothing speaks against it. */
export function objection(c: Case): string | undefined {
  if (c.settings.mode === 'observe') return 'the mode is observe: an outside manager promotes';
  const unknown = otherProxies(c) ?? unknownOutcome(c);
  if (unknown !== undefined) return unknown;
  const { lastPromotionAt, cooldownWaived } = c.state;
  if (lastPromotionAt === undefined || cooldownWaived) return undefined;
  if (c.at - lastPromotionAt >= c.settings.cooldownMs) return undefined;
  const seconds = Math.round(c.settings.cooldownMs / 1000);
  return `the last promotion was less than ${seconds} s ago (the cool-down)`;
}

/**
 * After a restart between a decision and its outcome: the promotion may have taken effect, and writes with it,
 * or may yet. It did not if every such node shows itself as a replica after a promotion's time. A promotion
 * that failed in this process is another matter: nothing was ever routed to that node.
 */
export function mayStillBePromoted(c: Case): NodeId | undefined {
  const { failed } = c.state;
  if (failed === undefined) return undefined;
  const over = failed.at + c.settings.promoteTimeoutMs;
  return failed.nodes.find((node) => {
    const seen = presentNode(c, node);
    return !failed.refused.includes(node) && (seen?.role !== 'replica' || seen.askedAt < over);
  });
}

/** The same, while the node cannot be asked at all. */
function unknownOutcome(c: Case): string | undefined {
  const { failed } = c.state;
  const node = failed?.nodes.find(
    (one) => !failed.refused.includes(one) && presentNode(c, one) === undefined,
  );
  return node && `${node} was to be promoted before the restart and cannot be asked whether it was`;
}

/** I12: another proxy that is not coordinated with this one. */
export function otherProxies(c: Case): string | undefined {
  for (const facts of c.world.nodes) {
    const seen = present(facts);
    if (seen === undefined || seen.otherProxies.length === 0 || !isMember(c, facts)) continue;
    const names = [...seen.otherProxies].sort().join(', ');
    return `another proxy that is not coordinated with this one is connected to ${seen.node}: ${names}`;
  }
  return undefined;
}
