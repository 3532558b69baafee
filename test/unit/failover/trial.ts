import assert from 'node:assert/strict';
import {
  type NodeId,
  nodeId,
  type Observation,
  type ProbeFailure,
  type Seen,
} from '../../../src/core/node.ts';
import { factsOf, type World } from '../../../src/core/world.ts';
import type { Given } from '../../../src/failover/case.ts';
import type { Input, Task } from '../../../src/failover/input.ts';
import { type Fired, step } from '../../../src/failover/machine.ts';
import type { JournalEntry } from '../../../src/failover/record.ts';
import { defaultFailoverSettings } from '../../../src/failover/settings.ts';
import { initialState, type State, standingOf } from '../../../src/failover/state.ts';
import { emptyWorld, reduce } from '../../../src/topology/reduce.ts';
import { beginning, branchOf, fork, type Place, positions, textOf, write } from './history.ts';

const names = ['a', 'b', 'c'].map(nodeId);
const specs = names.map((id, index) => ({
  id,
  endpoint: { host: 'h', port: index },
  weight: 1,
  priority: index,
}));

/** Any place in the history of the cluster, and some that never were. */
export const places: readonly Place[] = [
  beginning,
  write(beginning, 100),
  write(beginning, 40 * 1024 * 1024),
  fork(beginning, 'x'),
  fork(write(beginning, 100), 'y'),
  write(fork(beginning, 'x'), 100),
  fork(fork(beginning, 'x'), 'z'),
];

/** One move of the world or of an outside hand; what the machine asked for is answered by `answer`. */
export type Move =
  | {
      kind: 'seen';
      node: number;
      role: number;
      place: number;
      /** Undefined: it is set up to receive from nobody. */
      receiving: boolean | undefined;
      sync: number;
      other: boolean;
      foreign: boolean;
    }
  | { kind: 'unseen'; node: number; failure: ProbeFailure }
  | { kind: 'signal'; node: number }
  | { kind: 'ack'; back: number; all: boolean }
  | { kind: 'answer'; which: number; ok: boolean }
  | { kind: 'command'; node: number; waive: boolean }
  | { kind: 'tick' };

export interface Timed {
  readonly move: Move;
  readonly pause: number;
}

/** A moment before which the primary is known, so that random moves have something to lose. */
const prelude: readonly Move[] = [0, 1, 2].map((index) => ({
  kind: 'seen',
  node: index,
  role: index === 0 ? 0 : 1,
  place: 0,
  receiving: index !== 0,
  sync: 0,
  other: false,
  foreign: false,
}));

/** Drives the machine and holds what it does against the invariants. */
class Trial {
  at = 1_000;
  state: State = initialState;
  world: World = emptyWorld(specs);
  readonly pending: Task[] = [];
  readonly primaries = new Map<number, NodeId>();
  /** Acks in the order in which the data plane gave them: closed nodes by epoch. */
  readonly acked: { epoch: number; closed: readonly NodeId[] }[] = [];
  readonly fired = new Set<string>();
  promotions = 0;
  /** The node of the last decision that became durable. */
  onRecord: NodeId | undefined;

  get given(): Given {
    const settings = { ...defaultFailoverSettings, mode: 'promote' as const, cooldownMs: 1_000 };
    return { world: this.world, positions, settings, canRejoin: true };
  }

  make(what: Move): void {
    const input = this.#inputOf(what);
    if (input === undefined) return;
    if (input.kind === 'observation') this.world = reduce(this.world, input.observation);
    const before = this.state;
    const { state, actions, fired } = step(before, input, this.given);
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'promote') this.#promoted(action);
      if (action.kind === 'record' && action.entry.kind === 'decided') this.#decided(action.entry);
      if (action.kind !== 'probe' && action.kind !== 'alarm') this.pending.push(action);
    }
    this.#published(before, input, fired);
  }

  #inputOf(what: Move): Input | undefined {
    const { at } = this;
    switch (what.kind) {
      case 'seen':
      case 'unseen':
        return { kind: 'observation', at, observation: this.#observation(what) };
      case 'signal':
        return { kind: 'signal', at, signal: { kind: 'link-lost', node: names[what.node] ?? nodeId('a') } };
      case 'ack': {
        const standing = standingOf(this.state);
        const epoch = Math.max(0, standing.epoch - what.back);
        const quarantined = standing.quarantined.map((entry) => entry.node);
        const closed = what.all ? [...standing.closed, ...quarantined] : [];
        this.acked.push({ epoch, closed });
        return { kind: 'ack', at, ack: { epoch, version: 1, closed, unknown: 0 } };
      }
      case 'answer': {
        const [task] = this.pending.splice(what.which % Math.max(1, this.pending.length), 1);
        if (task === undefined) return undefined;
        if (what.ok && task.kind === 'record' && task.entry.kind === 'decided')
          this.onRecord = task.entry.node;
        const result = what.ok
          ? ({ ok: true, branch: '9' } as const)
          : ({ ok: false, message: 'no' } as const);
        return { kind: 'result', at, of: task, result };
      }
      case 'command': {
        const name = names[what.node] ?? nodeId('a');
        return what.waive
          ? { kind: 'command', at, command: { kind: 'waive-cooldown' } }
          : this.#release(name);
      }
      case 'tick':
        return { kind: 'tick', at };
    }
  }

  #release(name: NodeId): Input {
    return { kind: 'command', at: this.at, command: { kind: 'release', node: name } };
  }

  #observation(what: Extract<Move, { kind: 'seen' | 'unseen' }>): Observation {
    const name = names[what.node] ?? nodeId('a');
    const head = { node: name, askedAt: this.at - 1, at: this.at };
    if (what.kind === 'unseen')
      return { kind: 'unseen', ...head, failure: what.failure, message: what.failure };
    const place = places[what.place] ?? beginning;
    const role = what.role === 0 ? 'primary' : 'replica';
    return {
      kind: 'seen',
      ...head,
      role,
      identity: what.foreign ? 'other' : 'mine',
      branch: branchOf(place),
      position: textOf(place),
      received: textOf(place),
      receiving:
        role === 'replica' && what.receiving !== undefined
          ? { active: what.receiving, from: undefined }
          : undefined,
      sync: { needed: what.sync, listed: 2 },
      version: '1',
      otherProxies: what.other ? ['z'] : [],
    };
  }

  /** At the moment a promotion is asked for. */
  #promoted({ node: candidate, proof }: Extract<Task, { kind: 'promote' }>): void {
    this.promotions += 1;
    const standing = standingOf(this.state);
    assert.equal(standing.primary, null, 'I1: nobody takes writes during a promotion');
    const quarantined = standing.quarantined.map((entry) => entry.node);
    const shut = [...standing.closed, ...quarantined];
    assert.ok(shut.includes(proof.node), 'I2: the links of the old primary are closed');
    assert.ok(
      this.acked.some((ack) => ack.epoch === standing.epoch && ack.closed.includes(proof.node)),
      'I2: that they are closed was acknowledged in this epoch',
    );
    assert.notEqual(candidate, proof.node);
    const shown = factsOf(this.world, candidate)?.last;
    const foreign = shown?.kind === 'seen' && shown.identity !== this.state.identity;
    assert.ok(!foreign, 'I4: a node of another cluster is never promoted');
    assert.equal(this.onRecord, candidate, 'I10: what is done is what is on record');
  }

  /** I4, in words of its own: no reachable replica of the same cluster and branch has received more. */
  #decided({ node: candidate, old }: Extract<JournalEntry, { kind: 'decided' }>): void {
    const { phase, outcasts, identity } = this.state;
    assert.ok(phase.name === 'fencing');
    const reachable = this.world.nodes.flatMap(({ last }): Seen[] =>
      last?.kind === 'seen' && last.role === 'replica' && last.askedAt >= phase.since ? [last] : [],
    );
    const mine = reachable.find((seen) => seen.node === candidate);
    assert.ok(mine !== undefined, 'I4: the candidate is reachable');
    assert.equal(mine.identity, identity);
    assert.equal(mine.branch, old.branch, 'I4: it is on the branch of the old primary');
    assert.ok(!outcasts.some((outcast) => outcast.node === candidate), 'I4: it is not under quarantine');
    for (const other of reachable) {
      if (other.node === old.node || other.identity !== identity || other.branch !== old.branch) continue;
      if (outcasts.some((outcast) => outcast.node === other.node)) continue;
      assert.notEqual(
        positions.compare(mine.received, other.received),
        'before',
        'I4: the greatest received',
      );
    }
  }

  #published(before: State, input: Input, fired: readonly Fired[]): void {
    for (const { rule } of fired) this.fired.add(rule);
    const { epoch, primary, quarantined, closed } = standingOf(this.state);
    assert.ok(epoch >= before.epoch, 'epochs grow');
    if (primary === null) return;
    const known = this.primaries.get(epoch) ?? primary;
    assert.equal(known, primary, 'I1: one primary an epoch');
    this.primaries.set(epoch, primary);
    assert.ok(!closed.includes(primary), 'the links to the primary are open');
    assert.ok(
      !quarantined.some((entry) => entry.node === primary),
      'I6: the primary is not under quarantine',
    );
    const wasOut = before.outcasts.some((outcast) => outcast.node === primary);
    const freed = fired.some(({ rule }) => rule === 'F01') || input.kind === 'command';
    assert.ok(!wasOut || freed, 'I6: a superseded node becomes a writer only after it was released');
  }
}

export function trial(moves: readonly Timed[]): Trial {
  const made = new Trial();
  for (const what of prelude) made.make(what);
  for (const { move: what, pause } of moves) {
    made.at += pause;
    made.make(what);
  }
  return made;
}
