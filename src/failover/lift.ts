import type { NodeId, Seen } from '../core/node.ts';
import { factsOf } from '../core/world.ts';
import { type Case, isMember, present, presentNode, type Rule, senderOf } from './case.ts';
import { mayStillBePromoted } from './guards.ts';
import { change, hold } from './moves.ts';
import { begin, errandOf } from './tend.ts';

/** A primary whose configuration makes it start read-only. */
export const lifted: Rule = {
  id: 'F17',
  reason:
    'the primary is back read-only, follows nobody, and nobody was promoted: it is to take writes again',
  decide(c) {
    const { last, conflict } = c.state;
    if (c.settings.mode !== 'promote' || last === undefined || conflict.length > 0) return undefined;
    const facts = factsOf(c.world, last.node);
    const seen = present(facts);
    if (facts === undefined || !isMember(c, facts) || seen === undefined) return undefined;
    if (seen.role !== 'replica' || seen.receiving !== undefined || !mayReturn(c, seen)) return undefined;
    if (mayStillBePromoted(c) !== undefined || !holdsAll(c, seen)) return undefined;
    const state = begin(c, 'unfence', seen.node);
    if (state === undefined) return undefined;
    const reason = `${seen.node} is back and takes no writes; that is being lifted`;
    const held = hold({ ...c, state }, { name: 'steady' }, reason);
    return change({ ...held, closed: [] }, reason, seen.node, [{ kind: 'unfence', node: seen.node }]);
  },
};

/**
 * It was away, as this proxy saw, and no promotion is on record; or this proxy has just begun, knows from its journal
 * who was the primary, and every other node is set up to receive from it. Who turned it read-only while it was
 * watched meant to.
 */
function mayReturn(c: Case, seen: Seen): boolean {
  const { phase, primary, last } = c.state;
  switch (phase.name) {
    case 'suspect':
    case 'confirming':
      return true;
    case 'electing':
      return seen.askedAt >= phase.since;
    case 'fencing':
      return (
        seen.askedAt >= phase.since && (phase.decision.kind === 'open' || phase.decision.kind === 'failed')
      );
    case 'steady':
      if (errandOf(c, 'unfence', seen.node) !== undefined) return true;
      return primary === null && last?.position === undefined && isFollowedByAll(c, seen.node);
    default:
      return false;
  }
}

function isFollowedByAll(c: Case, node: NodeId): boolean {
  const others = c.world.nodes.filter((facts) => facts.spec.id !== node);
  return (
    others.length > 0 &&
    others.every((facts) => {
      const seen = presentNode(c, facts.spec.id);
      return seen?.role === 'replica' && isMember(c, facts) && senderOf(c.world, seen) === node;
    })
  );
}

/** Nobody who can be asked has received anything that it lacks, nor did it lose what it was seen to have. */
export function holdsAll(c: Case, seen: Seen): boolean {
  const has = (position: Seen['position']): boolean => {
    const order = c.positions.compare(position, seen.position);
    return order === 'before' || order === 'equal';
  };
  const { last } = c.state;
  if (last?.position !== undefined && last.node === seen.node && !has(last.position)) return false;
  return c.world.nodes.every((facts) => {
    const other = present(facts);
    return other === undefined || other.node === seen.node || !isMember(c, facts) || has(other.received);
  });
}
