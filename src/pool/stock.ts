import type { Pool } from 'generic-pool';
import type { Clock, Timer } from '../core/clock.ts';
import type { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import type { Settings } from '../core/settings.ts';
import type { Target, Wire } from '../core/wire.ts';
import type { Link } from './link.ts';
import { createPhysicalPool, type PhysicalLimits, type PhysicalOwner } from './physical.ts';
import { WarmLinks } from './warm.ts';

export interface StockLimits extends PhysicalLimits {
  /** A connection older than this is not lent again, in ms. */
  readonly maxAgeMs: number;
}

/** What happens to the links of a node that others must hear of. */
export interface LinkEvents {
  opened(node: NodeId, ms: number): void;
  closed(node: NodeId, reason: string): void;
  connectFailed(node: NodeId, error: ProxyError): void;
  signal(node: NodeId, kind: 'role-changed' | 'terminated' | 'link-lost'): void;
}

/** Asks for links, and lends what comes. */
export interface StockOwner {
  /** Links are still wanted that are being opened. */
  readonly wanted: boolean;
  /** One that was asked for is open: nobody's yet. */
  linkArrived(link: Link): void;
  /** One that was asked for does not come. */
  linkMissed(): void;
  /** One was closed: there may be room for another. */
  linkGone(): void;
  connectFailed(error: ProxyError): void;
}

/**
 * The links of one node, user and database, within their limit. Keeps warm links borrowed from generic-pool and lends
 * them synchronously, most recently used first; gives them back to it when they have been idle.
 */
export class Stock implements PhysicalOwner {
  readonly node: NodeId;
  readonly #limits: StockLimits;
  readonly #clock: Clock;
  readonly #events: LinkEvents;
  readonly #owner: StockOwner;
  readonly #physical: Pool<Link>;
  readonly #ended = new AbortController();
  readonly #warm = new WarmLinks();
  /** All links borrowed from the physical pool. */
  readonly #links = new Set<Link>();
  #opening = 0;
  /** Why the last attempt to connect failed; undefined after one that did not. */
  #failure: string | undefined;
  #timer: Timer | undefined;

  constructor(
    wire: Wire,
    target: Target,
    limits: StockLimits,
    clock: Clock,
    events: LinkEvents,
    owner: StockOwner,
  ) {
    this.node = target.node;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#owner = owner;
    this.#physical = createPhysicalPool(wire, target, limits, clock, this, this.#ended.signal);
  }

  get isClosed(): boolean {
    return this.#ended.signal.aborted;
  }

  get free(): number {
    return this.#warm.length;
  }

  get busy(): number {
    return this.#links.size - this.#warm.length;
  }

  get opening(): number {
    return this.#opening;
  }

  /** Server connections that are open. */
  get open(): number {
    return this.#links.size + this.#physical.available;
  }

  /** Links beyond the limit; below 0: so many more there may be. */
  get excess(): number {
    return this.open - this.#limits.size;
  }

  /** Another one may be asked for. What has been idle for long counts against the limit, and is what comes. */
  get mayGrow(): boolean {
    return this.#links.size + this.#opening < this.#limits.size;
  }

  /** Why there are fewer links than there may be, if a failed attempt to connect is why. */
  get failure(): string | undefined {
    return this.#links.size < this.#limits.size ? this.#failure : undefined;
  }

  /** A warm link, at once. */
  take(): Link | undefined {
    const from = this.#clock.now() - this.#limits.maxAgeMs;
    for (let link = this.#warm.take(); link !== undefined; link = this.#warm.take()) {
      if (link.createdAt > from) return link;
      link.quit();
    }
    return undefined;
  }

  /** A warm link whose settings suit, at once. */
  takeLike(suits: (settings: Settings) => boolean): Link | undefined {
    return this.#warm.takeLike(suits, this.#clock.now() - this.#limits.maxAgeMs);
  }

  /** Takes back a link that owes nothing and that nothing can strike. False: it was not fit to be lent again. */
  put(link: Link): boolean {
    const now = this.#clock.now();
    const old = now - link.createdAt >= this.#limits.maxAgeMs;
    if (link.dirty || old || this.excess > 0 || this.isClosed) {
      link.quit();
      return false;
    }
    this.#warm.add(link, now);
    this.#watch();
    return true;
  }

  /** Asks for one link more: it arrives, or is missed. */
  ask(): void {
    this.#opening++;
    this.#physical.acquire().then(
      (link) => this.#arrived(link),
      () => {
        // It waited too long in there; the attempt goes on, and is asked for again if it is still wanted.
        this.#opening--;
        this.#owner.linkMissed();
      },
    );
  }

  #arrived(link: Link): void {
    this.#opening--;
    if (link.isClosed || this.isClosed) {
      link.quit();
      this.#physical.destroy(link).then(noop, noop);
      this.#owner.linkMissed();
      return;
    }
    this.#links.add(link);
    this.#owner.linkArrived(link);
  }

  /** The limit has changed: closes what is idle beyond it. */
  shrink(): void {
    while (this.excess > 0) {
      const coldest = this.#warm.takeColdest();
      if (coldest === undefined) break;
      coldest.quit();
    }
    for (let left = Math.min(this.excess, this.#physical.available); left > 0; left--) {
      this.#physical.acquire().then((link) => {
        link.quit();
        this.#physical.destroy(link).then(noop, noop);
      }, noop);
    }
  }

  /** Closes all links at once, those in use too. */
  close(error: ProxyError): void {
    this.#ended.abort();
    this.#timer?.cancel();
    this.#warm.clear();
    for (const link of [...this.#links]) link.fail(error);
    this.#physical
      .drain()
      .then(() => this.#physical.clear())
      .catch(() => undefined);
  }

  // ------------------------------------------------------------ PhysicalOwner

  get wanted(): boolean {
    return this.#owner.wanted;
  }

  linkOpened(ms: number): void {
    this.#failure = undefined;
    this.#events.opened(this.node, ms);
  }

  connectFailed(error: ProxyError): void {
    this.#failure = error.message;
    this.#events.connectFailed(this.node, error);
    this.#owner.connectFailed(error);
  }

  linkClosed(link: Link, reason: string): void {
    this.#events.closed(this.node, reason);
    if (!this.#links.delete(link)) return;
    this.#warm.remove(link);
    if (this.#physical.isBorrowedResource(link)) this.#physical.destroy(link).then(noop, noop);
    this.#owner.linkGone();
  }

  linkSignal(link: Link, kind: 'role-changed' | 'terminated' | 'link-lost'): void {
    this.#events.signal(link.target.node, kind);
  }

  // ------------------------------------------------------------ what is idle for long

  #watch(): void {
    const since = this.#warm.coldestSince;
    if (since === undefined || this.#timer !== undefined) return;
    const left = since + this.#coolAfter - this.#clock.now();
    this.#timer = this.#clock.after(Math.max(1, left), () => {
      this.#timer = undefined;
      this.#cool();
      this.#watch();
    });
  }

  /** A link unused for this long goes back to generic-pool, whose idle time-out then closes it. */
  get #coolAfter(): number {
    return Math.max(1_000, this.#limits.idleTimeoutMs / 2);
  }

  #cool(): void {
    const now = this.#clock.now();
    for (let since = this.#warm.coldestSince; since !== undefined; since = this.#warm.coldestSince) {
      const cold = since + this.#coolAfter <= now ? this.#warm.takeColdest() : undefined;
      if (cold === undefined) break;
      this.#links.delete(cold);
      this.#physical.release(cold).then(noop, noop);
    }
  }
}

const noop = (): void => undefined;
