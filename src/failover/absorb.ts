import { unreachable } from '../core/errors.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Ack } from '../core/view.ts';
import type { Given } from './case.ts';
import type { Action, Command, Input, Result, Task } from './input.ts';
import type { Errand, Outcast, State } from './state.ts';

export interface Absorbed {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** Ms before an errand is repeated: doubled with every attempt, up to the greatest. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** Notes an input down. Decides nothing: the rules look at what is noted. */
export function absorb(state: State, input: Input, given: Given): Absorbed {
  switch (input.kind) {
    case 'observation':
      return only(observed(state, input.observation));
    case 'signal':
      // A signal starts a probe and decides nothing.
      return { state, actions: [{ kind: 'probe', nodes: [input.signal.node] }] };
    case 'ack':
      return only(acknowledged(state, input.ack));
    case 'result':
      return { state: ended(state, input.of, input.result, input.at), actions: afterwards(input.of) };
    case 'command':
      return commanded(state, input.command, given);
    case 'tick':
      return only(state);
    default:
      throw unreachable(input);
  }
}

const only = (state: State): Absorbed => ({ state, actions: [] });

/** What the primary is like is remembered from its own answers alone. */
function observed(state: State, observation: Observation): State {
  const { last } = state;
  if (observation.kind !== 'seen' || observation.role !== 'primary') return state;
  if (last === undefined || observation.node !== last.node) return state;
  if (state.outcasts.some((outcast) => outcast.node === last.node)) return state;
  if (state.identity !== '' && observation.identity !== state.identity) return state;
  const { branch, position, sync } = observation;
  return {
    ...state,
    last: { node: last.node, branch: branch === '' ? last.branch : branch, position, sync },
  };
}

/** The proof of I2: the links to the old primary are closed, in the epoch that closed them or a later one. */
function acknowledged(state: State, ack: Ack): State {
  const { phase, last } = state;
  if (phase.name !== 'electing' && phase.name !== 'fencing') return state;
  if (last === undefined || phase.proof !== undefined) return state;
  if (ack.epoch < phase.epoch || !ack.closed.includes(last.node)) return state;
  return { ...state, phase: { ...phase, proof: { node: last.node, proof: 'links-closed' } } };
}

function ended(state: State, task: Task, result: Result, at: number): State {
  switch (task.kind) {
    case 'record':
      return recorded(state, task.ticket, result);
    case 'promote': {
      const { phase } = state;
      if (phase.name !== 'promoting' || phase.ticket !== task.ticket) return state;
      return { ...state, phase: { ...phase, result } };
    }
    case 'fence':
    case 'unfence':
    case 'follow':
    case 'rejoin':
      return {
        ...state,
        errands: state.errands.map((errand) => afterAttempt(errand, task, at)),
        outcasts: state.outcasts.map((outcast) => hindered(outcast, task, result)),
      };
    default:
      throw unreachable(task);
  }
}

/** What was done to a node shows in its next answer. */
function afterwards(task: Task): readonly Action[] {
  return task.kind === 'record' ? [] : [{ kind: 'probe', nodes: [task.node] }];
}

function recorded(state: State, ticket: number, result: Result): State {
  const { phase } = state;
  if (phase.name !== 'fencing' || phase.decision.kind !== 'writing') return state;
  if (phase.decision.ticket !== ticket) return state;
  const decision = result.ok
    ? ({ kind: 'written' } as const)
    : ({ kind: 'failed', message: result.message } as const);
  return { ...state, phase: { ...phase, decision } };
}

/** Done or not, the node itself must show it; until then the errand is repeated ever more rarely. */
function afterAttempt(errand: Errand, task: Task, at: number): Errand {
  if (errand.kind !== task.kind || !('node' in task) || errand.node !== task.node) return errand;
  const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, errand.attempts));
  return { ...errand, running: false, endedAt: at, retryAt: at + wait };
}

/** What keeps a node under quarantine is shown with it. */
function hindered(outcast: Outcast, task: Task, result: Result): Outcast {
  if (task.kind === 'record' || task.node !== outcast.node || result.ok) return outcast;
  return { ...outcast, obstacle: result.message };
}

function commanded(state: State, command: Command, given: Given): Absorbed {
  switch (command.kind) {
    case 'release': {
      const next = without(state, command.node);
      const entry = { kind: 'released', epoch: state.epoch, node: command.node } as const;
      return { state: next, actions: [{ kind: 'record', ticket: 0, entry }] };
    }
    case 'waive-cooldown':
      return {
        state: { ...state, cooldownWaived: true },
        actions: [{ kind: 'probe', nodes: given.world.nodes.map((facts) => facts.spec.id) }],
      };
    default:
      throw unreachable(command);
  }
}

/** The node is neither under quarantine nor in dispute nor thought to be promoted any more. */
function without(state: State, node: NodeId): State {
  const other = (one: NodeId): boolean => one !== node;
  const { failed } = state;
  return {
    ...state,
    outcasts: state.outcasts.filter((outcast) => outcast.node !== node),
    conflict: state.conflict.filter(other),
    failed: failed && { ...failed, nodes: failed.nodes.filter(other), refused: failed.refused.filter(other) },
  };
}
