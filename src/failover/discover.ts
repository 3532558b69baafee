import type { NodeId, Seen } from '../core/node.ts';
import type { NodeFacts } from '../core/world.ts';
import {
  type Case,
  type Change,
  isMember,
  present,
  presentNode,
  presentReplicas,
  type Rule,
} from './case.ts';
import { mayStillBePromoted, ownSignal } from './guards.ts';
import { holdsAll } from './lift.ts';
import { adopt, alarm, castOut, change, hold } from './moves.ts';
import { isNewerBranch, type Place, supersedes } from './order.ts';
import { type State, withPrimary } from './state.ts';

/** Rules about who is the primary, by what the nodes show. */

/** A writable node beside the one that is, or was last, the primary. */
function rival(
  c: Case,
): { readonly seen: Seen; readonly last: Place & { readonly node: NodeId } } | undefined {
  const { last, conflict } = c.state;
  if (last === undefined || conflict.length > 0) return undefined;
  for (const facts of c.world.nodes) {
    const seen = present(facts);
    if (seen?.role === 'primary' && facts.spec.id !== last.node && isMember(c, facts)) return { seen, last };
  }
  return undefined;
}

export const outsidePromotion: Rule = {
  id: 'F10',
  reason: 'another node became writable on a newer branch: somebody promoted it, follow',
  decide(c) {
    const found = rival(c);
    if (found === undefined) return undefined;
    if (!supersedes(found.seen, found.last, c.positions) && !standsAlone(c, found)) return undefined;
    const { node, branch } = found.seen;
    // A promotion of our own that was thought to have failed, or was cut off by a restart.
    const how = c.state.failed?.nodes.includes(node) === true ? 'promoted' : 'found';
    return adopt(c, node, { branch, how }, `${node} was promoted from outside, after ${found.last.node}`);
  },
};

/**
 * Without branches a promotion shows in nothing but that the node is writable. It is believed where the former
 * primary says itself that it is a replica, or, under an outside manager, where it is gone; not of a node that
 * lacks more than may be lost (a server that was laid anew).
 */
function standsAlone(c: Case, { seen, last }: NonNullable<ReturnType<typeof rival>>): boolean {
  if (seen.branch !== '' || last.branch !== '') return false;
  const demoted = presentNode(c, last.node)?.role === 'replica';
  const gone = c.settings.mode === 'observe' && ownSignal(c, last.node) === 'gone';
  if (!demoted && !gone) return false;
  if (last.position === undefined || c.positions.compare(seen.position, last.position) !== 'before')
    return true;
  const behind = c.positions.distance(seen.position, last.position);
  return behind !== undefined && behind <= c.settings.lossBoundBytes;
}

export const staleWriter: Rule = {
  id: 'F11',
  reason: 'a node that is writable on an older branch is superseded',
  decide(c) {
    const found = rival(c);
    if (found === undefined || !supersedes(found.last, found.seen, c.positions)) return undefined;
    const { node } = found.seen;
    const reason = `it is writable, but ${found.last.node} is newer; it must be rejoined before it is used again`;
    return castOut(
      c,
      [{ node, reason }],
      change(c.state, `${node} is writable and older than ${found.last.node}`, node),
    );
  },
};

export const conflict: Rule = {
  id: 'F12',
  reason: 'two nodes are writable and their order is not known: no writes until it is',
  decide(c) {
    const found = rival(c);
    return found === undefined ? undefined : dispute(c, [found.last.node, found.seen.node]);
  },
};

function dispute(c: Case, nodes: readonly NodeId[]): Change | undefined {
  const same =
    nodes.length === c.state.conflict.length && nodes.every((node) => c.state.conflict.includes(node));
  if (same) return undefined;
  const reason = `${nodes.join(' and ')} are writable and it is not known which is the newer: stop the wrong one`;
  const held = withPrimary(c.state, null, reason);
  const state: State = { ...held, phase: { name: 'steady' }, conflict: nodes, closed: [] };
  return change(state, reason, undefined, [{ kind: 'alarm', reason }]);
}

/** Members that are writable, or were when they were last seen and still dispute the office. */
function claimants(c: Case): Seen[] {
  const found: Seen[] = [];
  for (const facts of c.world.nodes) {
    const claim = facts.seen;
    if (claim?.role !== 'primary' || !isMember(c, facts)) continue;
    if (present(facts) !== undefined || c.state.conflict.includes(facts.spec.id)) found.push(claim);
  }
  return found;
}

/** Every node has been asked once, so that no answer of a moment later can change the order. */
const allAsked = (c: Case): boolean => c.world.nodes.every((facts) => facts.last !== undefined);

export const discovered: Rule = {
  id: 'F13',
  reason: 'the one writable node, or the newest of several, is the primary',
  decide(c) {
    if (c.state.primary !== null || !allAsked(c)) return undefined;
    const cluster = ofMajority(c);
    const claims = claimants(c).filter((seen) => cluster === undefined || seen.identity === cluster);
    const [only] = claims;
    const leader =
      claims.length === 1
        ? only
        : claims.find((one) => claims.every((other) => other === one || supersedes(one, other, c.positions)));
    if (leader === undefined)
      return claims.length > 1
        ? dispute(
            c,
            claims.map((seen) => seen.node),
          )
        : undefined;
    if (presentNode(c, leader.node) === undefined) return undefined;
    const newer = newerThan(c, leader);
    if (newer !== undefined) {
      return alarm(
        c,
        `${leader.node} is writable, but ${newer} is already on a newer branch: its primary is not to be seen`,
      );
    }
    if (isContradicted(c, leader)) {
      return alarm(c, `${leader.node} is writable, but the other nodes have what it lacks: stop it, or them`);
    }
    const { node, branch } = leader;
    const maybe = node === c.state.last?.node ? mayStillBePromoted(c) : undefined;
    if (maybe !== undefined) {
      return alarm(
        c,
        `${node} is writable, but ${maybe} was to be promoted and has not shown that it was not`,
      );
    }
    const adopted = adopt(c, node, { branch, how: 'found' }, `${node} is the primary`);
    const reason = `it is writable, but ${node} is newer; it must be rejoined before it is used again`;
    const others = claims.filter((seen) => seen !== leader).map((seen) => ({ node: seen.node, reason }));
    return castOut({ ...c, state: adopted.state }, others, adopted);
  },
};

/** A member that knows a newer branch than a writable node is on. */
function newerThan(c: Case, writer: Seen): NodeId | undefined {
  const knows = (facts: NodeFacts): boolean =>
    facts.seen !== undefined &&
    facts.seen.identity === writer.identity &&
    isMember(c, facts) &&
    isNewerBranch(facts.seen.branch, writer.branch);
  return c.world.nodes.find(knows)?.spec.id;
}

/** Without branches: several nodes, and all that can be asked, have parted from a writable one. */
function isContradicted(c: Case, writer: Seen): boolean {
  if (writer.branch !== '') return false;
  const others = presentReplicas(c, writer.node);
  const parted = others.filter((seen) => c.positions.compare(seen.position, writer.position) === 'diverged');
  return parted.length >= 2 && parted.length === others.length;
}

/**
 * Before the first primary: the identity that most nodes share; of equally many, the one with a writable
 * node. Undefined: known already, or no majority, then writable nodes of two clusters dispute.
 */
function ofMajority(c: Case): string | undefined {
  if (c.state.identity !== '') return undefined;
  const votes = new Map<string, number>();
  for (const { seen } of c.world.nodes) {
    if (seen === undefined) continue;
    // A writable node weighs half a vote more: it decides between equals.
    votes.set(seen.identity, (votes.get(seen.identity) ?? 0) + (seen.role === 'primary' ? 1.5 : 1));
  }
  const greatest = Math.max(0, ...votes.values());
  const leaders = [...votes].filter(([, count]) => count === greatest);
  return leaders.length === 1 ? leaders[0]?.[0] : undefined;
}

export const steppedDown: Rule = {
  id: 'F14',
  reason: 'the primary says that it is a replica: no writes until another node is writable',
  decide(c) {
    const { last, primary, phase } = c.state;
    const seen = last === undefined ? undefined : presentNode(c, last.node);
    if (seen?.role !== 'replica' || seen.askedAt < c.state.adoptedAt) return undefined;
    if (primary === null && phase.name === 'steady') return undefined;
    // It follows nobody and lacks what others have: its successor is being elected.
    const open = phase.name === 'electing' || phase.name === 'fencing';
    if (open && seen.receiving === undefined && !holdsAll(c, seen)) return undefined;
    const reason = `${seen.node} is a replica now and no other node is writable`;
    const state = hold(c, { name: 'steady' }, reason);
    return change({ ...state, closed: [] }, reason, seen.node, [
      { kind: 'probe', nodes: everyOther(c, seen.node) },
    ]);
  },
};

const everyOther = (c: Case, node: NodeId): NodeId[] =>
  c.world.nodes.map((facts) => facts.spec.id).filter((other) => other !== node);

export const foreignPrimary: Rule = {
  id: 'F15',
  reason: 'the primary answers as a node of another cluster: no writes to it',
  decide(c) {
    const { primary, identity } = c.state;
    const seen = primary === null ? undefined : presentNode(c, primary);
    if (seen === undefined || identity === '' || seen.identity === identity) return undefined;
    const reason = `${seen.node} now belongs to another cluster (identity ${seen.identity}; it was ${identity})`;
    return change(hold(c, { name: 'steady' }, reason), reason, seen.node, [{ kind: 'alarm', reason }]);
  },
};

export const nobodyWritable: Rule = {
  id: 'F16',
  reason: 'no reachable node is writable',
  decide(c) {
    const { primary, last, conflict: disputed } = c.state;
    if (primary !== null || disputed.length > 0 || !allAsked(c) || claimants(c).length > 0) return undefined;
    // A lost primary is the business of the rules from F20 on.
    if (last !== undefined && presentNode(c, last.node) === undefined) return undefined;
    // One is about to be (F17).
    if (c.state.errands.some(({ kind, running }) => kind === 'unfence' && running)) return undefined;
    return alarm(c, 'no reachable node is writable');
  },
};
