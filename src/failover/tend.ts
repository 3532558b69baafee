import type { NodeId, Seen } from '../core/node.ts';
import type { NodeFacts } from '../core/world.ts';
import {
  type Case,
  type Change,
  isMember,
  isOutcast,
  present,
  presentNode,
  type Rule,
  senderOf,
} from './case.ts';
import { otherProxies, ownSignal } from './guards.ts';
import type { Action } from './input.ts';
import { alarm, castOut, change } from './moves.ts';
import type { Errand, ErrandKind, State } from './state.ts';

/** Rules about the nodes beside the primary: they hold in every phase. */

/** Attempts to follow before a replica that shows no sign of it is copied anew. */
const FOLLOWS_BEFORE_REJOIN = 2;

export const released: Rule = {
  id: 'F01',
  reason: 'a node under quarantine that streams on the branch of the primary is a replica again',
  decide(c) {
    const outcast = c.state.outcasts.find((entry) => isGoodReplica(c, entry.node));
    if (outcast === undefined) return undefined;
    const { node } = outcast;
    const state: State = {
      ...c.state,
      outcasts: c.state.outcasts.filter((entry) => entry.node !== node),
      errands: c.state.errands.filter((errand) => errand.node !== node),
    };
    const record: Action = {
      kind: 'record',
      ticket: 0,
      entry: { kind: 'released', epoch: state.epoch, node },
    };
    const actions: Action[] = outcast.fenced ? [record, { kind: 'unfence', node }] : [record];
    return change(state, `${node} is a replica of ${state.primary} again`, node, actions);
  },
};

/** Of this cluster, receiving, on the primary's branch, and sharing its history. */
function isGoodReplica(c: Case, node: NodeId): boolean {
  const { primary, last, identity } = c.state;
  const seen = presentNode(c, node);
  if (primary === null || last === undefined || seen === undefined) return false;
  if (seen.role !== 'replica' || seen.identity !== identity || seen.branch !== last.branch) return false;
  if (!isReceiving(c, seen) || errandOf(c, 'rejoin', node)?.running === true) return false;
  return last.position === undefined || c.positions.compare(seen.position, last.position) !== 'diverged';
}

/** It receives, and not from a node under quarantine. */
function isReceiving(c: Case, seen: Seen): boolean {
  if (seen.receiving?.active !== true) return false;
  const sender = senderOf(c.world, seen);
  return sender === undefined || !isOutcast(c.state, sender);
}

export const fenced: Rule = {
  id: 'F02',
  reason: 'a superseded primary that is seen writable is fenced at first sight',
  decide(c) {
    if (c.settings.mode !== 'promote') return undefined;
    for (const { node } of c.state.outcasts) {
      if (presentNode(c, node)?.role !== 'primary' || errandOf(c, 'rejoin', node)?.running === true) continue;
      const state = begin(c, 'fence', node);
      if (state === undefined) continue;
      const outcasts = state.outcasts.map((entry) =>
        entry.node === node ? { ...entry, fenced: true } : entry,
      );
      return change({ ...state, outcasts }, `${node} is writable and superseded: fence it`, node, [
        { kind: 'fence', node },
      ]);
    }
    return undefined;
  },
};

export const rejoined: Rule = {
  id: 'F03',
  reason: 'a node under quarantine that cannot simply follow is made a fresh replica',
  decide(c) {
    const { primary } = c.state;
    if (!c.canRejoin || !tends(c) || primary === null) return undefined;
    for (const { node } of c.state.outcasts) {
      if (!needsRejoin(c, node)) continue;
      const state = begin(c, 'rejoin', node);
      if (state === undefined) continue;
      return change(state, `rejoin ${node} to ${primary}`, node, [{ kind: 'rejoin', node, primary }]);
    }
    return undefined;
  },
};

function needsRejoin(c: Case, node: NodeId): boolean {
  const seen = presentNode(c, node);
  if (seen === undefined || (c.state.identity !== '' && seen.identity !== c.state.identity)) return false;
  if (seen.role === 'primary') {
    const fence = errandOf(c, 'fence', node);
    // A node that a fence turns read-only can simply follow: its next answer tells.
    return fence !== undefined && fence.attempts > 0 && !fence.running && seen.askedAt >= fence.endedAt;
  }
  // Following is harmless and often enough; a copy discards what only this node has.
  const follow = errandOf(c, 'follow', node);
  return (
    follow !== undefined &&
    follow.attempts >= FOLLOWS_BEFORE_REJOIN &&
    !follow.running &&
    !isReceiving(c, seen)
  );
}

export const followed: Rule = {
  id: 'F04',
  reason: 'a replica that does not receive is made to follow the primary that was promoted here',
  decide(c) {
    const { primary } = c.state;
    if (!tends(c) || primary === null) return undefined;
    for (const facts of c.world.nodes) {
      const node = facts.spec.id;
      if (node === primary || !isStray(c, facts)) continue;
      const state = begin(c, 'follow', node);
      if (state === undefined) continue;
      return change(state, `${node} is to follow ${primary}`, node, [{ kind: 'follow', node, primary }]);
    }
    return undefined;
  },
};

function isStray(c: Case, facts: NodeFacts): boolean {
  const node = facts.spec.id;
  const seen = present(facts);
  if (seen === undefined || seen.role !== 'replica' || seen.identity !== c.state.identity) return false;
  if (errandOf(c, 'rejoin', node)?.running === true) return false;
  // The streaming of replicas under a primary that somebody else made is somebody else's.
  return (c.state.promotedHere || isOutcast(c.state, node)) && !isReceiving(c, seen);
}

/** The house is in order: work on the others may begin. */
function tends(c: Case): boolean {
  const { phase, primary } = c.state;
  if (c.settings.mode !== 'promote' || primary === null) return false;
  return (phase.name === 'steady' || phase.name === 'repointing') && ownSignal(c, primary) === 'answers';
}

export const diverged: Rule = {
  id: 'F05',
  reason: 'a replica whose history is not that of the primary takes no reads',
  decide(c) {
    const { primary } = c.state;
    const writer = primary === null ? undefined : presentNode(c, primary);
    if (writer?.role !== 'primary') return undefined;
    for (const facts of c.world.nodes) {
      const seen = present(facts);
      if (seen?.role !== 'replica' || !isMember(c, facts)) continue;
      // What it has replayed: it may have received half a record past the fork, and follows all the same.
      if (c.positions.compare(seen.position, writer.position) !== 'diverged') continue;
      // Where histories have gaps, an older answer of the primary may lack what a replica has by right.
      if (seen.branch === '' && writer.askedAt < seen.at) continue;
      const { node } = seen;
      const reason = `its history has parted from that of ${writer.node}; it must be rejoined before it is used again`;
      const detail = `${node} has diverged from ${writer.node}`;
      return castOut(
        c,
        [{ node, reason }],
        change(c.state, detail, node, [{ kind: 'alarm', reason: detail }]),
      );
    }
    return undefined;
  },
};

export const errandDone: Rule = {
  id: 'F06',
  reason: 'an errand whose node shows that it is done is over',
  decide(c) {
    const done = c.state.errands.find((errand) => !errand.running && isDone(c, errand));
    if (done === undefined) return undefined;
    const errands = c.state.errands.filter((errand) => errand !== done);
    return change({ ...c.state, errands }, `${done.kind} of ${done.node} is done`, done.node);
  },
};

function isDone(c: Case, errand: Errand): boolean {
  const seen = presentNode(c, errand.node);
  switch (errand.kind) {
    case 'follow':
      // Under quarantine it is done when it is released (F01): a receiver that is refused starts and dies in turn.
      if (isOutcast(c.state, errand.node)) return false;
      return errand.node === c.state.primary || (seen?.role === 'replica' && isReceiving(c, seen));
    case 'unfence':
      // Somebody else's business as soon as it is no longer the node that was last the primary.
      return (
        errand.node !== c.state.last?.node || isOutcast(c.state, errand.node) || seen?.role === 'primary'
      );
    case 'fence':
      return !isOutcast(c.state, errand.node);
    case 'rejoin':
      return !isOutcast(c.state, errand.node);
  }
}

export const strangers: Rule = {
  id: 'F07',
  reason: 'a proxy that promotes must be alone or coordinated',
  decide(c) {
    if (c.settings.mode !== 'promote') return undefined;
    const others = otherProxies(c);
    return others === undefined ? undefined : alarm(c, others);
  },
};

export function errandOf(c: Case, kind: ErrandKind, node: NodeId): Errand | undefined {
  return c.state.errands.find((errand) => errand.kind === kind && errand.node === node);
}

/** Starts an errand; undefined while it runs or its next attempt is not due. */
export function begin(c: Case, kind: ErrandKind, node: NodeId): State | undefined {
  const known = errandOf(c, kind, node);
  if (known !== undefined && (known.running || c.at < known.retryAt)) return undefined;
  const { attempts = 0, endedAt = Number.NEGATIVE_INFINITY } = known ?? {};
  const next: Errand = { kind, node, attempts: attempts + 1, running: true, endedAt, retryAt: c.at };
  return { ...c.state, errands: [...c.state.errands.filter((errand) => errand !== known), next] };
}

export const repointed: Rule = {
  id: 'F60',
  reason: 'every reachable replica was told to follow the new primary, and shows that it does or failed once',
  decide(c): Change | undefined {
    if (c.state.errands.some((errand) => isAwaited(c, errand))) return undefined;
    const { primary } = c.state;
    // A replica that has not been told yet is told first (F04), as soon as the primary answers.
    const untold = c.world.nodes.some(
      (facts) =>
        facts.spec.id !== primary && isStray(c, facts) && errandOf(c, 'follow', facts.spec.id) === undefined,
    );
    if (untold) return undefined;
    return change(
      { ...c.state, phase: { name: 'steady' } },
      `the replicas follow ${primary}`,
      primary ?? undefined,
    );
  },
};

/** The first attempt runs, or its effect has not shown yet; later attempts are made in quiet times. */
function isAwaited(c: Case, errand: Errand): boolean {
  return errand.kind === 'follow' && errand.attempts === 1 && (errand.running || c.at < errand.retryAt);
}
