import type { NodeId } from '../core/node.ts';
import { elect } from './candidate.ts';
import { type Case, type Change, presentNode, type Rule } from './case.ts';
import { subject } from './detect.ts';
import { mayStillBePromoted, objection, ownSignal, witness } from './guards.ts';
import { adopt, alarm, change, everyNode, resume } from './moves.ts';
import type { JournalEntry } from './record.ts';
import type { State } from './state.ts';

/** Rules from a sure loss to a new primary (I2, I4, I9, I10, I12). */

/** Attempts to promote one candidate before the election is called again. */
const PROMOTE_ATTEMPTS = 3;
/** Ms before a decision that failed is taken once more. */
const DECIDE_AGAIN_MS = 1_000;

/** The links are closed or closing, and nothing is on record yet. */
function undecided(c: Case): Extract<State['phase'], { name: 'electing' | 'fencing' }> | undefined {
  const { phase } = c.state;
  if (phase.name === 'electing') return phase;
  if (phase.name !== 'fencing') return undefined;
  return phase.decision.kind === 'open' || phase.decision.kind === 'failed' ? phase : undefined;
}

export const returned: Rule = {
  id: 'F30',
  reason: 'the old primary is back before anybody was promoted: it simply resumes',
  decide(c) {
    const open = undecided(c);
    const old = subject(c);
    const seen = old === undefined ? undefined : presentNode(c, old);
    if (open === undefined || seen?.role !== 'primary' || seen.identity !== c.state.identity)
      return undefined;
    if (seen.askedAt < open.since || mayStillBePromoted(c) !== undefined) return undefined;
    return resume(c, seen, `${seen.node} is back, nobody was promoted`);
  },
};

export const recovering: Rule = {
  id: 'F31',
  reason: 'the old primary says that it is starting, or cannot be judged: it is not lost',
  decide(c) {
    const old = subject(c);
    if (undecided(c) === undefined || old === undefined || mayStillBePromoted(c) !== undefined)
      return undefined;
    const signal = ownSignal(c, old);
    if (signal !== 'starting' && signal !== 'unclear') return undefined;
    const holding = `${old} answers that it is not ready`;
    const state: State = { ...c.state, holding, closed: [], phase: { name: 'suspect', since: c.at } };
    return change(state, holding, old);
  },
};

export const recanted: Rule = {
  id: 'F32',
  reason: 'a replica receives from the old primary again: it is not lost',
  decide(c) {
    const open = undecided(c);
    const old = subject(c);
    if (open === undefined || old === undefined || mayStillBePromoted(c) !== undefined) return undefined;
    const word = witness(c, old, open.since);
    if (word.kind !== 'streaming') return undefined;
    const state: State = {
      ...c.state,
      epoch: c.state.epoch + 1,
      primary: old,
      holding: '',
      closed: [],
      phase: { name: 'confirming', since: c.at },
    };
    return change(state, `${word.nodes.join(', ')} receive from ${old} again`, old);
  },
};

export const forbidden: Rule = {
  id: 'F33',
  reason: 'nothing may be promoted now: outside manager, another proxy, or cool-down',
  decide(c) {
    const open = undecided(c);
    const against = open === undefined ? undefined : objection(c);
    if (against === undefined) return undefined;
    return backToElection(c) ?? alarm(c, `no promotion: ${against}`);
  },
};

/** A candidate is given up; the proof that links are closed stays good. */
function backToElection(c: Case): Change | undefined {
  const { phase } = c.state;
  if (phase.name !== 'fencing') return undefined;
  const { since, epoch, proof } = phase;
  const state: State = { ...c.state, phase: { name: 'electing', since, epoch, proof } };
  return change(state, `${phase.candidate} is no candidate any more`, phase.candidate);
}

export const elected: Rule = {
  id: 'F34',
  reason: 'the reachable replica with the greatest received position is the candidate',
  decide(c) {
    const { phase, last, failed } = c.state;
    if (phase.name !== 'electing' || last === undefined || objection(c) !== undefined) return undefined;
    const election = elect(c, last, phase.since);
    if (election.kind !== 'candidate') return undefined;
    const { node } = election.seen;
    const again = failed?.refused.includes(node) === true && c.at - failed.at < DECIDE_AGAIN_MS;
    if (again || c.at < c.state.decideAfter) return undefined;
    const { since, epoch, proof } = phase;
    const decision = { kind: 'open' } as const;
    const state: State = {
      ...c.state,
      phase: { name: 'fencing', since, epoch, proof, candidate: node, decision },
    };
    return change(state, `${node} is the candidate in the place of ${last.node}`, node);
  },
};

export const noCandidate: Rule = {
  id: 'F35',
  reason: 'nobody may be promoted: writes wait, and every new answer is judged again',
  decide(c) {
    const { phase, last } = c.state;
    if (phase.name !== 'electing' || last === undefined || objection(c) !== undefined) return undefined;
    const election = elect(c, last, phase.since);
    return election.kind === 'none'
      ? alarm(c, `no candidate in the place of ${last.node}: ${election.reason}`)
      : undefined;
  },
};

export const candidateLost: Rule = {
  id: 'F40',
  reason: 'the candidate is no longer the best: elect again',
  decide(c) {
    const { phase, last } = c.state;
    if (phase.name !== 'fencing' || last === undefined) return undefined;
    if (undecided(c) === undefined) return isForeign(c, phase.candidate) ? backToElection(c) : undefined;
    const election = elect(c, last, phase.since);
    if (election.kind === 'candidate' && election.seen.node === phase.candidate) return undefined;
    return backToElection(c);
  },
};

/** Even a decision on record is not carried out on a node that turned out to be of another cluster. */
function isForeign(c: Case, node: NodeId): boolean {
  const seen = presentNode(c, node);
  return seen !== undefined && seen.identity !== c.state.identity;
}

export const decided: Rule = {
  id: 'F41',
  reason: 'no link to the old primary is left: put the decision on record before acting on it',
  decide(c) {
    const { phase, last } = c.state;
    if (phase.name !== 'fencing' || phase.decision.kind !== 'open' || last === undefined) return undefined;
    const received = presentNode(c, phase.candidate)?.received;
    if (phase.proof === undefined || received === undefined) return undefined;
    const ticket = c.state.nextTicket;
    const { candidate: node, proof } = phase;
    const entry: JournalEntry = { kind: 'decided', epoch: c.state.epoch, old: last, node, received, proof };
    const state: State = {
      ...c.state,
      nextTicket: ticket + 1,
      phase: { ...phase, decision: { kind: 'writing', ticket } },
    };
    return change(state, `promote ${node}: links to ${last.node} are closed`, node, [
      { kind: 'record', ticket, entry },
    ]);
  },
};

export const unrecorded: Rule = {
  id: 'F42',
  reason: 'a decision that is not on record is not acted upon',
  decide(c) {
    const { phase } = c.state;
    if (phase.name !== 'fencing' || phase.decision.kind !== 'failed') return undefined;
    const reason = `the decision to promote ${phase.candidate} could not be recorded: ${phase.decision.message}`;
    const back = backToElection({ ...c, state: { ...c.state, decideAfter: c.at + DECIDE_AGAIN_MS } });
    return back === undefined ? undefined : { ...back, detail: reason, actions: [{ kind: 'alarm', reason }] };
  },
};

export const promote: Rule = {
  id: 'F43',
  reason: 'the decision is on record: promote, with the proof',
  decide(c) {
    const { phase } = c.state;
    if (phase.name !== 'fencing' || phase.decision.kind !== 'written' || phase.proof === undefined)
      return undefined;
    const { since, epoch, proof, candidate } = phase;
    return attempt(c, { since, epoch, proof, candidate, attempt: 1 });
  },
};

type Promoting = Extract<State['phase'], { name: 'promoting' }>;

function attempt(c: Case, next: Omit<Promoting, 'name' | 'ticket' | 'result'>): Change {
  const ticket = c.state.nextTicket;
  const phase: Promoting = { name: 'promoting', ...next, ticket, result: undefined };
  const state: State = { ...c.state, nextTicket: ticket + 1, phase };
  const { candidate: node, proof } = next;
  return change(state, `promote ${node}, attempt ${next.attempt}`, node, [
    { kind: 'promote', ticket, node, proof },
  ]);
}

export const promoted: Rule = {
  id: 'F50',
  reason: 'the candidate accepts writes: it is the primary',
  decide(c) {
    const { phase } = c.state;
    if (phase.name !== 'promoting') return undefined;
    const branch = writableBranch(c, phase);
    if (branch === undefined) return undefined;
    const detail = `${phase.candidate} was promoted in the place of ${c.state.last?.node}`;
    return adopt(c, phase.candidate, { branch, how: 'promoted' }, detail);
  },
};

/** By the answer to the promotion, or by a probe that was quicker; undefined: not writable yet. */
function writableBranch(c: Case, phase: Promoting): string | undefined {
  if (phase.result?.ok === true) return phase.result.branch;
  const seen = presentNode(c, phase.candidate);
  return seen?.role === 'primary' && seen.identity === c.state.identity ? seen.branch : undefined;
}

export const promoteAgain: Rule = {
  id: 'F51',
  reason: 'a failed promotion is repeated while the candidate answers, as one of this cluster',
  decide(c) {
    const { phase } = c.state;
    if (phase.name !== 'promoting' || phase.result?.ok !== false) return undefined;
    if (phase.attempt >= PROMOTE_ATTEMPTS || presentNode(c, phase.candidate) === undefined) return undefined;
    if (isForeign(c, phase.candidate)) return undefined;
    return attempt(c, { ...phase, attempt: phase.attempt + 1 });
  },
};

export const promotionFailed: Rule = {
  id: 'F52',
  reason: 'the candidate cannot be promoted: elect again, among equals another one',
  decide(c) {
    const { phase } = c.state;
    if (phase.name !== 'promoting' || phase.result?.ok !== false) return undefined;
    const reason = `${phase.candidate} could not be promoted: ${phase.result.message}`;
    const add = (nodes: readonly NodeId[] = []) => [...new Set([...nodes, phase.candidate])];
    const { failed } = c.state;
    const state: State = {
      ...c.state,
      holding: reason,
      failed: { nodes: add(failed?.nodes), refused: add(failed?.refused), at: c.at },
      phase: { name: 'electing', since: c.at, epoch: phase.epoch, proof: phase.proof },
    };
    return change(state, reason, phase.candidate, [
      { kind: 'alarm', reason },
      { kind: 'probe', nodes: everyNode(c) },
    ]);
  },
};
