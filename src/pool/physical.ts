import { createPool, type Factory, type Pool } from 'generic-pool';
import type { Clock } from '../core/clock.ts';
import { asProxyError, type ProxyError } from '../core/errors.ts';
import type { Target, Wire } from '../core/wire.ts';
import { Link, type LinkOwner } from './link.ts';

export interface PhysicalLimits {
  /** Server connections at most. May change from one look to the next. */
  readonly size: number;
  /** What `size` may ever become; undefined: it never changes. */
  readonly most?: number;
  /** How long an unused connection is kept, in ms. */
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
}

/** First and longest wait between attempts to connect, in ms. */
const BACKOFF_FIRST = 100;
const BACKOFF_MOST = 3_000;

/** Who owns the pool: hears of each attempt, and says whether another is wanted. */
export interface PhysicalOwner extends LinkOwner {
  /** Somebody waits for a link. */
  readonly wanted: boolean;
  linkOpened(ms: number): void;
  connectFailed(error: ProxyError): void;
}

/** Nothing waits longer inside generic-pool, so that a pool that was closed meanwhile can end, in ms. */
const ACQUIRE_WITHIN = 2_000;

/** How often a create that nobody waits for looks again, in ms. */
const LOOK_AGAIN = 250;

/**
 * The life of the physical connections of one node, user and database: generic-pool creates, keeps, evicts and
 * drains them. It would retry a failing create at once and for ever, so one create here is a loop of attempts
 * with backoff, which rests while nobody waits and never settles once the pool has ended.
 */
export function createPhysicalPool(
  wire: Wire,
  target: Target,
  limits: PhysicalLimits,
  clock: Clock,
  owner: PhysicalOwner,
  ended: AbortSignal,
): Pool<Link> {
  const backoff = new Backoff(clock, ended);
  const attempt = async (): Promise<Link | undefined> => {
    const began = clock.now();
    try {
      const bound = AbortSignal.any([ended, AbortSignal.timeout(limits.connectTimeoutMs)]);
      const opened = await wire.connect(target, bound);
      backoff.succeeded();
      owner.linkOpened(clock.now() - began);
      return new Link(wire, target, opened, owner, clock.now());
    } catch (thrown) {
      backoff.failed();
      if (!ended.aborted) owner.connectFailed(asProxyError(thrown, 'CONNECT_FAILED', 'server'));
      return undefined;
    }
  };
  const factory: Factory<Link> = {
    create: async () => {
      for (;;) {
        await backoff.wait();
        // A promise of its own: one for all would keep every pool that ever ended.
        if (ended.aborted) return await new Promise<never>(() => undefined);
        const link = await attempt();
        if (link !== undefined) return link;
        while (!owner.wanted && !ended.aborted) await backoff.pause(LOOK_AGAIN);
      }
    },
    destroy: async (link) => link.quit(),
  };
  return createPool(factory, {
    max: limits.most ?? limits.size,
    min: 0,
    autostart: false,
    fifo: false,
    acquireTimeoutMillis: ACQUIRE_WITHIN,
    idleTimeoutMillis: limits.idleTimeoutMs,
    softIdleTimeoutMillis: -1,
    evictionRunIntervalMillis: Math.max(1_000, limits.idleTimeoutMs / 4),
    numTestsPerEvictionRun: limits.most ?? limits.size,
  });
}

/** One attempt after another, each later than the one before while they fail. Shared by all creates of a pool. */
class Backoff {
  readonly #clock: Clock;
  readonly #ended: AbortSignal;
  #delay = 0;
  #notBefore = 0;

  constructor(clock: Clock, ended: AbortSignal) {
    this.#clock = clock;
    this.#ended = ended;
  }

  async wait(): Promise<void> {
    for (;;) {
      const left = this.#notBefore - this.#clock.now();
      if (left <= 0 || this.#ended.aborted) return;
      await this.pause(left);
    }
  }

  failed(): void {
    this.#delay = Math.min(BACKOFF_MOST, Math.max(BACKOFF_FIRST, this.#delay * 2));
    this.#notBefore = this.#clock.now() + this.#delay;
  }

  succeeded(): void {
    this.#delay = 0;
    this.#notBefore = 0;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#ended.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#clock.after(ms, done);
      this.#ended.addEventListener('abort', done);
    });
  }
}
