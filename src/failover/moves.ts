import type { NodeId, Seen } from '../core/node.ts';
import { factsOf } from '../core/world.ts';
import type { Case, Change } from './case.ts';
import { presentNode } from './case.ts';
import type { Action } from './input.ts';
import type { JournalEntry, LastPrimary } from './record.ts';
import { type Outcast, type State, withPrimary } from './state.ts';

/** The big moves that several rules make. All pure. */

export function change(
  state: State,
  detail: string,
  node: NodeId | undefined,
  actions: readonly Action[] = [],
): Change {
  return { state, actions, node, detail };
}

export interface Taken {
  readonly branch: string;
  /** `promoted`: by this proxy. `found`: it was writable. */
  readonly how: 'promoted' | 'found';
}

/** Takes `node` as the primary: a new epoch, all waiting ends, whoever held the office before is out. */
export function adopt(c: Case, node: NodeId, taken: Taken, detail: string): Change {
  const { state } = c;
  const seen = factsOf(c.world, node)?.seen;
  const displaced = displacedBy(c, node);
  const last: LastPrimary = {
    node,
    branch: taken.branch,
    position: seen?.received,
    sync: seen?.sync ?? { needed: 0, listed: 0 },
  };
  const promoted = taken.how === 'promoted';
  const next: State = {
    ...withPrimary(state, node, ''),
    phase: promoted ? { name: 'repointing', since: c.at } : { name: 'steady' },
    identity: state.identity === '' ? (seen?.identity ?? '') : state.identity,
    last,
    adoptedAt: c.at,
    promotedHere: promoted || (state.promotedHere && state.last?.node === node),
    lastPromotionAt: promoted ? c.at : state.lastPromotionAt,
    cooldownWaived: false,
    closed: [],
    conflict: [],
    errands: state.errands.filter((errand) => errand.kind !== 'follow'),
    failed: undefined,
    alarms: [],
  };
  const entry: JournalEntry = {
    kind: 'primary',
    epoch: next.epoch,
    node,
    branch: taken.branch,
    identity: next.identity,
    promoted: next.promotedHere,
  };
  return castOut({ ...c, state: next }, displaced, change(next, detail, node, [record(entry)]));
}

/** The former primary, all who disputed the office, and all whose promotion may yet take effect. */
function displacedBy(c: Case, node: NodeId): readonly Omit<Outcast, 'fenced'>[] {
  const { last, conflict, failed, phase } = c.state;
  const claimants = last === undefined ? conflict : [last.node, ...conflict];
  const demoted = claimants.filter((claimant) => presentNode(c, claimant)?.role !== 'replica');
  const maybe = [...(failed?.nodes ?? []), ...(phase.name === 'promoting' ? [phase.candidate] : [])];
  const reason = `it was superseded by ${node}; it must be rejoined before it is used again`;
  return [...new Set([...demoted, ...maybe])]
    .filter((claimant) => claimant !== node)
    .map((claimant) => ({ node: claimant, reason }));
}

/** Puts nodes under quarantine, on record, on top of a change. */
export function castOut(c: Case, outcasts: readonly Omit<Outcast, 'fenced'>[], base: Change): Change {
  let { state } = base;
  const actions = [...base.actions];
  for (const { node, reason } of outcasts) {
    if (c.state.outcasts.some((outcast) => outcast.node === node)) continue;
    state = {
      ...state,
      outcasts: [...state.outcasts, { node, reason, fenced: false }],
      conflict: state.conflict.filter((other) => other !== node),
      errands: state.errands.filter((errand) => errand.node !== node),
    };
    actions.push(record({ kind: 'outcast', epoch: state.epoch, node, reason }));
  }
  return { ...base, state, actions };
}

/** A record that nothing waits for: ticket 0. */
function record(entry: JournalEntry): Action {
  return { kind: 'record', ticket: 0, entry };
}

/** The primary is back before anybody was promoted: it simply goes on. */
export function resume(c: Case, seen: Seen, detail: string): Change {
  const next: State = {
    ...withPrimary(c.state, seen.node, ''),
    phase: { name: 'steady' },
    closed: [],
    failed: undefined,
    alarms: [],
  };
  const reason = `its promotion failed and may yet take effect, and ${seen.node} goes on`;
  const maybe = (c.state.failed?.nodes ?? []).map((node) => ({ node, reason }));
  return castOut({ ...c, state: next }, maybe, change(next, detail, seen.node));
}

/** No writes until something is known; links stay as they are. */
export function hold(c: Case, phase: State['phase'], holding: string): State {
  return { ...withPrimary(c.state, null, holding), phase };
}

/** An alarm that was not raised yet; undefined when it was. */
export function alarm(c: Case, reason: string, node?: NodeId): Change | undefined {
  if (c.state.alarms.includes(reason)) return undefined;
  // Bounded: were the words ever to vary, the list starts anew.
  const alarms = c.state.alarms.length < 32 ? [...c.state.alarms, reason] : [reason];
  const holding = c.state.primary === null ? reason : '';
  return change({ ...c.state, alarms, holding }, reason, node, [{ kind: 'alarm', reason }]);
}

/** All configured nodes. */
export const everyNode = (c: Case): NodeId[] => c.world.nodes.map((facts) => facts.spec.id);
