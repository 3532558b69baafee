import type { Clock, Timer } from '../core/clock.ts';
import type { Control, Positions } from '../core/engine.ts';
import { asProxyError, unreachable } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Ack, Signal } from '../core/view.ts';
import type { Target } from '../core/wire.ts';
import type { Standing, World } from '../core/world.ts';
import type { Given } from './case.ts';
import type { Command, Input, Result, Task } from './input.ts';
import type { Journal } from './journal.ts';
import { type Ruled, step } from './machine.ts';
import { restore } from './restore.ts';
import type { FailoverSettings } from './settings.ts';
import { type State, standingOf } from './state.ts';

/** What an operator has configured for work on nodes. */
export interface Hooks {
  /** Makes a superseded node a replica of `primary`; resolves when that is done. */
  rejoin?(node: NodeId, primary: NodeId): Promise<void>;
}

export interface RunnerDeps {
  readonly clock: Clock;
  readonly positions: Positions;
  readonly control: Control;
  readonly hooks: Hooks;
  /** Closed by the runner. */
  readonly journal: Journal;
  readonly settings: FailoverSettings;
  readonly emit: Emit;
  /** A node with the account that may promote. */
  targetOf(node: NodeId): Target;
  /** The world as it is now. */
  world(): World;
  /** Takes what has been decided, before any action of the same step begins; must not throw. */
  publish(standing: Standing): void;
  /** Asks for a probe at once. */
  probe(node: NodeId): void;
  /** Asks for the faster pace, or the usual one. */
  pace(fast: boolean): void;
}

/** The faster pace ends here even if the trouble does not, in ms. */
const HASTE_MS = 10_000;

/**
 * The shell around the machine: feeds it one input at a time, carries its actions out within their bounds,
 * feeds the results back. Decides nothing. Owns the timers of the tasks under way.
 */
export class Runner {
  readonly #deps: RunnerDeps;
  #state: State;
  readonly #inputs: Input[] = [];
  #stepping = false;
  #closed = false;
  #ticker: Timer | undefined;
  readonly #timers = new Set<Timer>();
  readonly #tasks = new Set<Promise<void>>();
  /** When the phase last left calm. */
  #troubledAt: number | undefined;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    this.#state = restore(deps.journal.records, deps.clock.now());
    this.#tickLater();
  }

  get state(): State {
    return this.#state;
  }

  get standing(): Standing {
    return standingOf(this.#state);
  }

  observed(observation: Observation): void {
    this.#feed({ kind: 'observation', at: this.#deps.clock.now(), observation });
  }

  signalled(signal: Signal): void {
    this.#feed({ kind: 'signal', at: this.#deps.clock.now(), signal });
  }

  acked(ack: Ack): void {
    this.#feed({ kind: 'ack', at: this.#deps.clock.now(), ack });
  }

  command(command: Command): void {
    this.#feed({ kind: 'command', at: this.#deps.clock.now(), command });
  }

  /**
   * Takes no further input. Waits for what is on its way to a server or to the journal, each within its
   * bound; a rejoin is left to its hook.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ticker?.cancel();
    await Promise.all(this.#tasks);
    for (const timer of this.#timers) timer.cancel();
    await this.#deps.journal.close();
  }

  #tickLater(): void {
    this.#ticker = this.#deps.clock.after(this.#deps.settings.intervalMs, () => {
      if (this.#closed) return;
      this.#feed({ kind: 'tick', at: this.#deps.clock.now() });
      this.#tickLater();
    });
  }

  /** One step at a time: what a step causes at once (an ack of its view) waits its turn. */
  #feed(input: Input): void {
    if (this.#closed) return;
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next);
    } finally {
      this.#stepping = false;
    }
  }

  #step(input: Input): void {
    const { settings, positions, hooks, emit } = this.#deps;
    const canRejoin = hooks.rejoin !== undefined;
    const given: Given = { world: this.#deps.world(), positions, settings, canRejoin };
    const { state, actions, fired } = step(this.#state, input, given);
    this.#state = state;
    for (const { rule, phase, detail, node } of fired) {
      emit({ kind: 'failover', rule, state: phase, reason: detail, node });
    }
    // Positions move with every observation; everything else only when a rule was applied.
    if (input.kind === 'observation' || input.kind === 'command' || fired.length > 0) {
      this.#deps.publish(standingOf(state));
    }
    this.#pace(input.at);
    for (const action of actions) this.#act(action);
  }

  #pace(at: number): void {
    const { name } = this.#state.phase;
    const calm = this.#state.primary !== null && (name === 'steady' || name === 'repointing');
    this.#troubledAt = calm ? undefined : (this.#troubledAt ?? at);
    this.#deps.pace(this.#troubledAt !== undefined && at - this.#troubledAt < HASTE_MS);
  }

  #act(action: Ruled): void {
    switch (action.kind) {
      case 'probe':
        for (const node of action.nodes) this.#deps.probe(node);
        return;
      case 'alarm':
        this.#deps.emit({ kind: 'alarm', rule: action.rule, reason: action.reason });
        return;
      case 'rejoin':
        void this.#carryOut(action);
        return;
      default: {
        const done = this.#carryOut(action).finally(() => this.#tasks.delete(done));
        this.#tasks.add(done);
      }
    }
  }

  /** Never rejects. */
  async #carryOut(task: Task & Ruled): Promise<void> {
    let result: Result;
    try {
      const branch = await this.#bounded(task, this.#begin(task));
      result = { ok: true, branch };
    } catch (error) {
      const { message } = asProxyError(error, 'NODE_REFUSED', 'server');
      result = { ok: false, message };
      this.#deps.emit({ kind: 'alarm', rule: task.rule, reason: `${wording(task)} failed: ${message}` });
    }
    this.#feed({ kind: 'result', at: this.#deps.clock.now(), of: task, result });
  }

  async #begin(task: Task): Promise<string> {
    const { control, targetOf, journal, hooks } = this.#deps;
    switch (task.kind) {
      case 'record':
        await journal.append(task.entry);
        return '';
      case 'promote':
        return (await control.promote(targetOf(task.node), task.proof)).branch;
      case 'fence':
        await control.fence(targetOf(task.node));
        return '';
      case 'unfence':
        await control.unfence(targetOf(task.node));
        return '';
      case 'follow':
        await control.follow(targetOf(task.node), targetOf(task.primary));
        return '';
      case 'rejoin':
        await hooks.rejoin?.(task.node, task.primary);
        return '';
      default:
        throw unreachable(task);
    }
  }

  /** The engine bounds its own calls; this bound holds even if it does not. */
  #bounded(task: Task, work: Promise<string>): Promise<string> {
    const ms = boundOf(task, this.#deps.settings);
    return new Promise((resolve, reject) => {
      const timer = this.#deps.clock.after(ms, () => {
        this.#timers.delete(timer);
        reject(new Error(`it did not end within ${ms} ms`));
      });
      this.#timers.add(timer);
      const settle = (): void => {
        timer.cancel();
        this.#timers.delete(timer);
      };
      work.then(resolve, reject).finally(settle);
    });
  }
}

const RECORD_WITHIN_MS = 5_000;

function boundOf(task: Task, settings: FailoverSettings): number {
  switch (task.kind) {
    case 'record':
      return RECORD_WITHIN_MS;
    case 'promote':
      return settings.promoteTimeoutMs;
    case 'fence':
    case 'unfence':
      return settings.fenceTimeoutMs;
    case 'follow':
      return settings.followTimeoutMs;
    case 'rejoin':
      return settings.rejoinTimeoutMs;
  }
}

function wording(task: Task): string {
  switch (task.kind) {
    case 'record':
      return `recording a decision about ${task.entry.node}`;
    case 'follow':
      return `letting ${task.node} follow ${task.primary}`;
    case 'rejoin':
      return `rejoining ${task.node} to ${task.primary}`;
    default:
      return `the ${task.kind} of ${task.node}`;
  }
}
