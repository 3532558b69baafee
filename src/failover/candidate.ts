import type { NodeSpec, Seen } from '../core/node.ts';
import { factsOf } from '../core/world.ts';
import { type Case, isMember, present, presentReplicas } from './case.ts';
import { lateNode } from './guards.ts';
import type { LastPrimary } from './record.ts';

export type Election =
  | { readonly kind: 'candidate'; readonly seen: Seen }
  /** A reachable node has not answered since the election was called. */
  | { readonly kind: 'pending' }
  /** Nobody may be promoted; the reason names what speaks against whom. */
  | { readonly kind: 'none'; readonly reason: string };

/** Who may be promoted in the place of `old` (I4). Only answers to questions asked since `since` count. */
export function elect(c: Case, old: LastPrimary, since: number): Election {
  if (lateNode(c, old.node, since) !== undefined) return { kind: 'pending' };
  const reachable = presentReplicas(c, old.node).filter((seen) => seen.askedAt >= since);
  if (reachable.length === 0) return none('no replica is reachable');
  const quorum = quorumObjection(c, old);
  if (quorum !== undefined) return none(quorum);

  const onBranch = reachable.filter((seen) => isOnBranch(c, old, seen));
  if (onBranch.length === 0) return none(`no reachable replica is on the branch of ${old.node}`);
  const foremost = onBranch.filter((seen) => onBranch.every((other) => !isBehind(c, seen, other)));
  const [first] = foremost;
  const apart = foremost.find((seen) => first !== undefined && !isEqual(c, first, seen));
  if (first === undefined || apart !== undefined) return none('the reachable replicas have diverged');

  const loss = lossObjection(c, old, first);
  if (loss !== undefined) return none(loss);
  return { kind: 'candidate', seen: preferred(c, foremost) };
}

const none = (reason: string): Election => ({ kind: 'none', reason });

function isOnBranch(c: Case, old: LastPrimary, seen: Seen): boolean {
  if (seen.branch !== '' && old.branch !== '' && seen.branch !== old.branch) return false;
  return old.position === undefined || c.positions.compare(seen.received, old.position) !== 'diverged';
}

const isBehind = (c: Case, a: Seen, b: Seen): boolean =>
  c.positions.compare(a.received, b.received) === 'before';
const isEqual = (c: Case, a: Seen, b: Seen): boolean =>
  a === b || c.positions.compare(a.received, b.received) === 'equal';

/**
 * Synchronous mode: all but k−1 listed standbys must be reachable, then any acknowledged commit is on one of
 * them. Which nodes are listed is not known here, so every unreachable node counts as a listed one, and so
 * does every listed standby that is not configured.
 */
function quorumObjection(c: Case, old: LastPrimary): string | undefined {
  const { needed, listed } = old.sync;
  if (needed === 0) return undefined;
  const others = c.world.nodes.filter((facts) => facts.spec.id !== old.node);
  const away = others.filter((facts) => present(facts)?.role !== 'replica' || !isMember(c, facts));
  const missing = away.length + Math.max(0, listed - others.length);
  if (missing <= needed - 1) return undefined;
  return `commits wait for ${needed} of ${listed} standbys, and ${missing} may have acknowledged one and cannot be asked`;
}

/**
 * The bound on loss, from the last observed position of the primary. In synchronous mode the quorum is the
 * proof that nothing acknowledged is lost; bytes nobody was told of are no loss.
 */
function lossObjection(c: Case, old: LastPrimary, seen: Seen): string | undefined {
  if (old.sync.needed > 0) return undefined;
  if (old.position === undefined) {
    return `the last position of ${old.node} is not known, so the loss cannot be bounded`;
  }
  const order = c.positions.compare(seen.received, old.position);
  if (order === 'equal' || order === 'after') return undefined;
  const behind = c.positions.distance(seen.received, old.position);
  if (behind !== undefined && behind <= c.settings.lossBoundBytes) return undefined;
  const far = behind === undefined ? 'an unknown number of' : `${behind}`;
  return `${seen.node} is ${far} bytes behind the last observed position of ${old.node}; the bound is ${c.settings.lossBoundBytes}`;
}

/** Among equals: one whose promotion has not failed yet, then the greater priority, then the order of the configuration. */
function preferred(c: Case, equals: readonly Seen[]): Seen {
  const failed = (seen: Seen): number => (c.state.failed?.refused.includes(seen.node) === true ? 1 : 0);
  const priority = (seen: Seen): number => specOf(c, seen)?.priority ?? 0;
  const sorted = [...equals].sort((a, b) => failed(a) - failed(b) || priority(b) - priority(a));
  const [best] = sorted;
  if (best === undefined) throw new Error('preferred: nobody to choose from');
  return best;
}

const specOf = (c: Case, seen: Seen): NodeSpec | undefined => factsOf(c.world, seen.node)?.spec;
