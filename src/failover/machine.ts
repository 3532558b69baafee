import type { NodeId } from '../core/node.ts';
import { absorb } from './absorb.ts';
import type { Case, Given } from './case.ts';
import type { Action, Input } from './input.ts';
import { table } from './rules.ts';
import type { PhaseName, State } from './state.ts';

/** One rule that was applied, as events and logs tell it. */
export interface Fired {
  readonly rule: string;
  /** The phase after it. */
  readonly phase: PhaseName;
  readonly detail: string;
  readonly node: NodeId | undefined;
}

/** An action and the rule that asked for it; 'input' where an input did so directly. */
export type Ruled = Action & { readonly rule: string };

export interface Step {
  readonly state: State;
  /** In the order in which they are to be begun. */
  readonly actions: readonly Ruled[];
  readonly fired: readonly Fired[];
}

/** More rules in one step than any chain needs: reaching it is a defect of the rules. */
const CHAIN_LIMIT = 64;

/**
 * One step of the machine. Pure: the input is noted, then the first rule of the phase that applies is
 * applied, until none does. Throws if that does not end, which the property tests rule out.
 */
export function step(before: State, input: Input, given: Given): Step {
  const absorbed = absorb(before, input, given);
  let state = absorbed.state;
  const actions = absorbed.actions.map((action): Ruled => ({ ...action, rule: 'input' }));
  const fired: Fired[] = [];
  for (;;) {
    const next = firstChange({ ...given, state, at: input.at });
    if (next === undefined) return { state, actions, fired };
    state = next.change.state;
    for (const action of next.change.actions) actions.push({ ...action, rule: next.rule });
    fired.push({
      rule: next.rule,
      phase: state.phase.name,
      detail: next.change.detail,
      node: next.change.node,
    });
    if (fired.length > CHAIN_LIMIT) {
      throw new Error(`failover rules do not come to rest: ${fired.map((one) => one.rule).join(' ')}`);
    }
  }
}

function firstChange(c: Case) {
  for (const rule of table[c.state.phase.name]) {
    const change = rule.decide(c);
    if (change !== undefined) return { rule: rule.id, change };
  }
  return undefined;
}
