import type { Observation, ProbeFailure, Seen, Unseen } from '../core/node.ts';
import type { Target } from '../core/wire.ts';
import { within } from './deadline.ts';

/** A connection that is kept, and the target it leads to. Engines extend it with what they know of the server. */
export interface KeptConnection {
  readonly connection: {
    readonly broken: boolean;
    destroy(): void;
    close(): Promise<void>;
  };
  readonly target: Target;
}

export interface ObserverOptions {
  readonly clock: { now(): number };
  /** Bound of one observation, connecting included, in ms. */
  readonly timeoutMs: number;
}

/**
 * Observes one node. Owns its connection: kept while it answers, closed when it fails or a question takes too
 * long. Questions follow one another.
 */
export abstract class NodeObserver<Kept extends KeptConnection> {
  readonly #options: ObserverOptions;
  readonly #closed: AbortSignal;
  #kept: Kept | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ObserverOptions, closed: AbortSignal) {
    this.#options = options;
    this.#closed = closed;
  }

  /** Connects; what it gives is kept. Leaves nothing open if it rejects. */
  protected abstract open(target: Target, signal: AbortSignal): Promise<Kept>;
  protected abstract ask(kept: Kept, signal: AbortSignal): Promise<Seen>;
  /** What went wrong, and the words for it. */
  protected abstract failure(error: unknown): { readonly failure: ProbeFailure; readonly message: string };
  /** A kept connection may have died of an earlier fault (a restart, a fence): a fresh one tells the present. */
  protected abstract mayBeStale(failure: ProbeFailure): boolean;

  /** Never rejects. */
  observe(target: Target): Promise<Observation> {
    const observation = this.#turn.then(() => this.#observe(target));
    this.#turn = observation;
    return observation;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#kept?.connection.close();
  }

  /** More is known of the server behind the connection that is kept. */
  protected keep(kept: Kept): Kept {
    this.#kept = kept;
    return kept;
  }

  async #observe(target: Target): Promise<Observation> {
    const { clock, timeoutMs } = this.#options;
    const askedAt = clock.now();
    try {
      return await within(timeoutMs, this.#closed, (signal) => this.#askTwice(target, signal));
    } catch (error) {
      this.#drop();
      const { failure, message } = this.failure(error);
      const unseen: Unseen = {
        kind: 'unseen',
        node: target.node,
        askedAt,
        at: clock.now(),
        failure: this.#closed.aborted ? 'other' : failure,
        message,
      };
      return unseen;
    }
  }

  async #askTwice(target: Target, signal: AbortSignal): Promise<Seen> {
    const kept = this.#usable(target);
    if (kept === undefined) return await this.#askAfresh(target, signal);
    try {
      return await this.ask(kept, signal);
    } catch (error) {
      if (signal.aborted || !this.mayBeStale(this.failure(error).failure)) throw error;
      this.#drop();
      return await this.#askAfresh(target, signal);
    }
  }

  async #askAfresh(target: Target, signal: AbortSignal): Promise<Seen> {
    return await this.ask(this.keep(await this.open(target, signal)), signal);
  }

  #usable(target: Target): Kept | undefined {
    const kept = this.#kept;
    if (kept !== undefined && !kept.connection.broken && sameTarget(kept.target, target)) return kept;
    this.#drop();
    return undefined;
  }

  #drop(): void {
    this.#kept?.connection.destroy();
    this.#kept = undefined;
  }
}

function sameTarget(a: Target, b: Target): boolean {
  return (
    a.endpoint.host === b.endpoint.host &&
    a.endpoint.port === b.endpoint.port &&
    a.user === b.user &&
    a.password === b.password &&
    a.database === b.database &&
    a.tls === b.tls
  );
}
