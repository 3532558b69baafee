import type { NodeId } from '../core/node.ts';
import { factsOf } from '../core/world.ts';
import { type Case, presentNode, type Rule } from './case.ts';
import { lostSince, mayStillBePromoted, type OwnSignal, ownSignal, witness } from './guards.ts';
import { alarm, change, everyNode, hold, resume } from './moves.ts';
import type { State } from './state.ts';

/** Rules that lead from the first failed probe to a sure loss (I3). */

/** The primary, or the one that was; not one that a dispute or its own word took out of office. */
export function subject(c: Case): NodeId | undefined {
  const { conflict, last, adoptedAt } = c.state;
  if (conflict.length > 0 || last === undefined) return undefined;
  const seen = factsOf(c.world, last.node)?.seen;
  const replicaNow = seen?.role === 'replica' && seen.askedAt >= adoptedAt;
  // One that is to take writes again holds the office while that lasts.
  const returning = c.state.errands.some(({ kind, node }) => kind === 'unfence' && node === last.node);
  return replicaNow && !returning ? undefined : last.node;
}

function signalOf(c: Case): { readonly node: NodeId; readonly signal: OwnSignal } | undefined {
  const node = subject(c);
  return node === undefined ? undefined : { node, signal: ownSignal(c, node) };
}

export const suspected: Rule = {
  id: 'F20',
  reason: 'the primary does not answer: ask again, faster, and ask the replicas',
  decide(c) {
    const found = signalOf(c);
    if (found === undefined || found.signal === 'answers' || found.signal === 'unprobed') return undefined;
    const state: State = { ...c.state, phase: { name: 'suspect', since: c.at } };
    return change(state, `${found.node} does not answer`, found.node, [
      { kind: 'probe', nodes: everyNode(c) },
    ]);
  },
};

export const answered: Rule = {
  id: 'F21',
  reason: 'the primary answers again before anybody was promoted: it goes on',
  decide(c) {
    const node = subject(c);
    const seen = node === undefined ? undefined : presentNode(c, node);
    if (seen?.role !== 'primary' || seen.identity !== c.state.identity) return undefined;
    if (mayStillBePromoted(c) !== undefined) return undefined;
    return resume(c, seen, `${seen.node} answers again`);
  },
};

export const starting: Rule = {
  id: 'F22',
  reason: 'the server itself says that it is starting: it is not lost, writes wait for it',
  decide(c) {
    const found = signalOf(c);
    if (found?.signal !== 'starting' || c.state.primary === null) return undefined;
    const reason = `${found.node} is starting or recovering`;
    return change(hold(c, c.state.phase, reason), reason, found.node);
  },
};

export const gone: Rule = {
  id: 'F23',
  reason: 'this proxy finds nobody there, often and long enough: ask for the second signal',
  decide(c) {
    const found = signalOf(c);
    if (found?.signal !== 'gone') return undefined;
    const state: State = { ...c.state, phase: { name: 'confirming', since: c.at } };
    return change(state, `${found.node} is gone by this proxy's own probes`, found.node, [
      { kind: 'probe', nodes: everyNode(c) },
    ]);
  },
};

export const unclear: Rule = {
  id: 'F24',
  reason: 'a server that is there and cannot be asked is not lost',
  decide(c) {
    const found = signalOf(c);
    if (found?.signal !== 'unclear') return undefined;
    return alarm(
      c,
      `${found.node} runs but cannot be probed: mend the monitoring account or its limits`,
      found.node,
    );
  },
};

export const notGone: Rule = {
  id: 'F25',
  reason: 'the own signal no longer holds',
  decide(c) {
    const found = signalOf(c);
    if (found === undefined || found.signal === 'gone') return undefined;
    const state: State = { ...c.state, phase: { name: 'suspect', since: c.at } };
    return change(state, `${found.node} is not known to be gone any more`, found.node);
  },
};

export const confirmed: Rule = {
  id: 'F26',
  reason: 'the replicas no longer receive either: the primary is lost; close every link to it and elect',
  decide(c) {
    const old = subject(c);
    if (old === undefined) return undefined;
    const word = witness(c, old, lostSince(c, old));
    if (word.kind !== 'lost') return undefined;
    const epoch = c.state.epoch + 1;
    const state: State = {
      ...c.state,
      epoch,
      primary: null,
      holding: `${old} is lost; its successor is being elected`,
      closed: [old],
      phase: { name: 'electing', since: c.at, epoch, proof: undefined },
    };
    const detail = `${old} is lost: ${word.nodes.join(', ')} no longer receive from it`;
    return change(state, detail, old, [{ kind: 'probe', nodes: everyNode(c) }]);
  },
};

export const onlyHere: Rule = {
  id: 'F27',
  reason: 'the replicas still receive: only this proxy cannot reach the primary, no failover',
  decide(c) {
    const old = subject(c);
    if (old === undefined || witness(c, old, lostSince(c, old)).kind !== 'streaming') return undefined;
    return alarm(c, `${old} cannot be reached from here, but its replicas still receive: no failover`, old);
  },
};

export const noWitness: Rule = {
  id: 'F28',
  reason: 'no replica can be asked: the second signal is missing, no failover',
  decide(c) {
    const old = subject(c);
    if (old === undefined || witness(c, old, lostSince(c, old)).kind !== 'none') return undefined;
    return alarm(c, `${old} cannot be reached and no replica is there to confirm it: no failover`, old);
  },
};
