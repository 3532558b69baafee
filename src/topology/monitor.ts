import type { Clock, Timer } from '../core/clock.ts';
import type { Probe } from '../core/engine.ts';
import type { NodeId, Observation } from '../core/node.ts';
import type { Target } from '../core/wire.ts';

export interface MonitorOptions {
  readonly clock: Clock;
  /** Owned by the caller, who closes it after the monitor. */
  readonly probe: Pick<Probe, 'observe'>;
  readonly targets: readonly Target[];
  /** From the start of one probe of a node to the start of the next, in ms. */
  readonly intervalMs: number;
  /** The same while haste is asked for. */
  readonly fastMs: number;
  /** Least time from start to start, whoever asks, in ms. */
  readonly minGapMs?: number;
  observed(observation: Observation): void;
}

/** Probes every node in turn, each node never twice at once. */
export interface Monitor {
  /** Probes a node as soon as the gap allows; while a probe runs, once more after it. */
  hurry(node: NodeId): void;
  /** Sets the pace for all nodes. */
  pace(fast: boolean): void;
  /** Starts no further probe; resolves when those under way have ended (each ends within its own bound). */
  close(): Promise<void>;
}

const MIN_GAP_MS = 20;
/** Faster probing of a node that has just stopped answering, in probes; then the usual pace again. */
const HASTE = 20;

export function startMonitor(options: MonitorOptions): Monitor {
  const shared = { fast: false, closed: false };
  const rounds = new Map(options.targets.map((target) => [target.node, new Round(target, options, shared)]));
  for (const round of rounds.values()) round.start();
  return {
    hurry: (node) => rounds.get(node)?.hurry(),
    pace(fast) {
      if (shared.fast === fast) return;
      shared.fast = fast;
      for (const round of rounds.values()) round.plan();
    },
    async close() {
      shared.closed = true;
      await Promise.all([...rounds.values()].map((round) => round.close()));
    },
  };
}

/** The probes of one node; owns its timer. */
class Round {
  readonly #target: Target;
  readonly #options: MonitorOptions;
  readonly #shared: { readonly fast: boolean; readonly closed: boolean };
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  #wanted = false;
  /** Probes in a row without an answer. */
  #misses = 0;

  constructor(
    target: Target,
    options: MonitorOptions,
    shared: { readonly fast: boolean; readonly closed: boolean },
  ) {
    this.#target = target;
    this.#options = options;
    this.#shared = shared;
  }

  start(): void {
    this.#wanted = true;
    this.plan();
  }

  hurry(): void {
    this.#wanted = true;
    this.plan();
  }

  /** Sets the timer for the next probe anew; a running probe plans when it has ended. */
  plan(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#shared.closed || this.#running !== undefined) return;
    const wait = Math.max(0, this.#startedAt + this.#gap() - this.#options.clock.now());
    this.#timer = this.#options.clock.after(wait, () => this.#run());
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#running;
  }

  #gap(): number {
    const { intervalMs, fastMs, minGapMs = MIN_GAP_MS } = this.#options;
    if (this.#wanted) return minGapMs;
    const freshLoss = this.#misses > 0 && this.#misses < HASTE;
    return Math.max(minGapMs, this.#shared.fast || freshLoss ? fastMs : intervalMs);
  }

  #run(): void {
    this.#timer = undefined;
    this.#wanted = false;
    this.#startedAt = this.#options.clock.now();
    this.#running = this.#observe().finally(() => {
      this.#running = undefined;
      this.plan();
    });
  }

  async #observe(): Promise<void> {
    const askedAt = this.#startedAt;
    let observation: Observation;
    try {
      observation = await this.#options.probe.observe(this.#target);
    } catch (error) {
      // A prober never rejects; if one does, the node counts as not judged rather than as lost.
      const message = error instanceof Error ? error.message : String(error);
      const at = this.#options.clock.now();
      observation = { kind: 'unseen', node: this.#target.node, askedAt, at, failure: 'other', message };
    }
    this.#misses = observation.kind === 'seen' ? 0 : this.#misses + 1;
    if (!this.#shared.closed) this.#options.observed(observation);
  }
}
