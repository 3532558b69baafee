import type { Clock, Timer } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';

export interface HoldLimits {
  /** Requests held at once. */
  readonly requests: number;
  /** Bytes of those requests. */
  readonly bytes: number;
  readonly timeoutMs: number;
}

/** A request that waits for a primary. Exactly one of the two ends the wait. */
export interface Held {
  released(): void;
  expired(error: ProxyError): void;
}

/** Requests let out in one turn of the event loop, so that a new primary is not met by all at once. */
const LET_OUT = 64;

interface Waiting {
  readonly held: Held;
  readonly bytes: number;
  readonly since: number;
  readonly why: string;
}

/**
 * Requests that wait for a primary to exist again: bounded in count, bytes and time; let out in the order they
 * came. Owns its timers.
 */
export class Holds {
  readonly #limits: HoldLimits;
  readonly #clock: Clock;
  readonly #emit: Emit;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #deadline: Timer | undefined;
  #letting: Timer | undefined;

  constructor(limits: HoldLimits, clock: Clock, emit: Emit) {
    this.#limits = limits;
    this.#clock = clock;
    this.#emit = emit;
  }

  get count(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds a request; undefined: it is held. The error says why it cannot be. `since`: monotonic ms when it
   * first had to wait, so that coming back does not prolong it.
   */
  add(held: Held, bytes: number, why: string, since: number): ProxyError | undefined {
    const { requests, bytes: limit } = this.#limits;
    if (this.#waiting.length >= requests || this.#bytes + bytes > limit) {
      return new ProxyError('HOLD_FULL', {
        side: 'proxy',
        retry: 'safe',
        tell: `${this.#waiting.length} requests already wait (${why}); nothing was executed, try again shortly`,
      });
    }
    this.#waiting.push({ held, bytes, since, why });
    this.#bytes += bytes;
    this.#emit({ kind: 'held', waiting: this.#waiting.length });
    this.#watch();
    return undefined;
  }

  forget(held: Held): void {
    const at = this.#waiting.findIndex((waiting) => waiting.held === held);
    if (at < 0) return;
    this.#bytes -= this.#waiting[at]?.bytes ?? 0;
    this.#waiting.splice(at, 1);
  }

  /** The world has changed: every request that waits is looked at again, in order, some in each turn. */
  release(): void {
    if (this.#letting !== undefined || this.#waiting.length === 0) return;
    // Those that find no primary come back behind the mark, and wait for the next change.
    let left = this.#waiting.length;
    const letOut = (): void => {
      this.#letting = undefined;
      const some = this.#waiting.splice(0, Math.min(LET_OUT, left));
      left -= some.length;
      for (const { held, bytes, since } of some) {
        this.#bytes -= bytes;
        this.#emit({ kind: 'released', waitedMs: this.#clock.now() - since });
        held.released();
      }
      if (left > 0 && this.#waiting.length > 0) this.#letting = this.#clock.after(0, letOut);
    };
    letOut();
  }

  /** Ends every wait. */
  close(): void {
    this.#deadline?.cancel();
    this.#letting?.cancel();
    for (const { held } of this.#waiting.splice(0)) {
      held.expired(
        new ProxyError('SHUTDOWN', { side: 'proxy', retry: 'safe', tell: 'the proxy is shutting down' }),
      );
    }
    this.#bytes = 0;
  }

  #watch(): void {
    const first = this.#waiting[0];
    if (this.#deadline !== undefined || first === undefined) return;
    const left = first.since + this.#limits.timeoutMs - this.#clock.now();
    this.#deadline = this.#clock.after(Math.max(1, left), () => {
      this.#deadline = undefined;
      this.#expire();
      this.#watch();
    });
  }

  #expire(): void {
    const now = this.#clock.now();
    const over = this.#waiting.filter(({ since }) => since + this.#limits.timeoutMs <= now);
    for (const { held, why } of over) {
      this.forget(held);
      held.expired(
        new ProxyError('HOLD_TIMEOUT', {
          side: 'proxy',
          retry: 'safe',
          tell: `it could not be sent for ${this.#limits.timeoutMs} ms (${why}); nothing was executed, try again`,
        }),
      );
    }
  }
}
