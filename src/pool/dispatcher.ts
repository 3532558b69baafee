import type { Pool } from 'generic-pool';
import type { Clock, Timer } from '../core/clock.ts';
import type { NodeCounters } from '../core/counters.ts';
import { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import { type Settings, without } from '../core/settings.ts';
import type { Target, Wire } from '../core/wire.ts';
import { Lanes, type LinkSource } from './lanes.ts';
import type { Link } from './link.ts';
import { createPhysicalPool, type PhysicalLimits, type PhysicalOwner } from './physical.ts';
import type { Rescues } from './rescues.ts';

export interface PoolLimits extends PhysicalLimits {
  /** Requests that may wait for a connection at once. */
  readonly waiters: number;
  readonly waitTimeoutMs: number;
  /** A connection older than this is not lent again, in ms. */
  readonly maxAgeMs: number;
  /** Hears that units wait which `size` keeps from getting a connection. */
  starved?(): void;
}

/** Waits for a link. Exactly one of the two ends the wait. */
export interface Waiter {
  granted(link: Link): void;
  denied(error: ProxyError): void;
  /** An attempt to connect failed. True: it leaves the queue (and goes elsewhere). */
  connectFailed(error: ProxyError): boolean;
}

/** What happens to the links of a node that others must hear of. */
export interface DispatcherEvents {
  opened(node: NodeId, ms: number): void;
  closed(node: NodeId, reason: string): void;
  connectFailed(node: NodeId, error: ProxyError): void;
  signal(node: NodeId, kind: 'role-changed' | 'terminated' | 'link-lost'): void;
}

/** What the lanes of a node need beside its links. */
export interface LaneSupport {
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
}

/** Of this many server connections one lane is kept although units wait for a connection of their own. */
const KEPT_OF = 4;

interface Queued {
  readonly waiter: Waiter;
  readonly deadline: number;
}

/**
 * Hands out the links of one node, user and database. Keeps warm links borrowed from generic-pool and lends
 * them synchronously, most recently used first; gives them back to it when they have been idle. Owns the
 * waiters and their deadlines.
 */
export class Dispatcher implements PhysicalOwner, LinkSource {
  readonly clock: Clock;
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
  /** Links that several sessions share at the same time. */
  readonly lanes: Lanes;
  readonly #wire: Wire;
  readonly #target: Target;
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  readonly #events: DispatcherEvents;
  readonly #physical: Pool<Link>;
  readonly #ended = new AbortController();
  /** Warm and idle, the most recently used last. */
  readonly #free: { link: Link; since: number }[] = [];
  /** All links borrowed from the physical pool. */
  readonly #links = new Set<Link>();
  readonly #waiting: Queued[] = [];
  #opening = 0;
  /** Why the last attempt to connect failed; undefined after one that did not. */
  #failure: string | undefined;
  #timer: Timer | undefined;
  /** When it goes off. */
  #dueAt = 0;

  constructor(
    wire: Wire,
    target: Target,
    limits: PoolLimits,
    clock: Clock,
    events: DispatcherEvents,
    support: LaneSupport,
  ) {
    this.#wire = wire;
    this.clock = clock;
    this.rescues = support.rescues;
    this.counters = support.counters;
    this.lanes = new Lanes(this);
    this.#target = target;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#physical = createPhysicalPool(wire, target, limits, clock, this, this.#ended.signal);
  }

  get node(): NodeId {
    return this.#target.node;
  }

  get free(): number {
    return this.#free.length;
  }

  get busy(): number {
    return this.#links.size - this.#free.length;
  }

  /** Server connections that are open or being opened. */
  get links(): number {
    return this.#links.size + this.#physical.available + (this.wanted ? this.#opening : 0);
  }

  get opening(): number {
    return this.#opening;
  }

  /** All that counts against the limit. */
  get taken(): number {
    return this.#links.size + this.#physical.available + this.#opening;
  }

  /** Units that the limit alone keeps from getting a link of their own. */
  get short(): number {
    return this.taken < this.#limits.size ? 0 : Math.max(0, this.#waiting.length - this.#opening);
  }

  /** The limit has changed: closes what is idle beyond it, opens what is waited for within it. */
  resized(): void {
    if (this.#ended.signal.aborted) return;
    while (this.#excess > 0) {
      const coldest = this.#free.shift();
      if (coldest === undefined) break;
      this.#drop(coldest.link);
    }
    for (let left = Math.min(this.#excess, this.#physical.available); left > 0; left--) {
      this.#physical.acquire().then((link) => {
        link.quit();
        this.#physical.destroy(link).then(noop, noop);
      }, noop);
    }
    this.#grow();
  }

  get crowded(): boolean {
    return this.#waiting.length > 0 || this.#excess > 0;
  }

  /** Links beyond the limit. */
  get #excess(): number {
    return this.#links.size + this.#physical.available - this.#limits.size;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** A warm link, at once; undefined: wait for one. */
  take(): Link | undefined {
    const now = this.#clock.now();
    for (let warm = this.#free.pop(); warm !== undefined; warm = this.#free.pop()) {
      if (now - warm.link.createdAt < this.#limits.maxAgeMs) return warm.link;
      this.#drop(warm.link);
    }
    return undefined;
  }

  /** A warm link whose settings suit, at once. */
  takeLike(suits: (settings: Settings) => boolean): Link | undefined {
    const now = this.#clock.now();
    for (let at = this.#free.length - 1; at >= 0; at--) {
      const link = this.#free[at]?.link;
      if (link === undefined || !suits(link.settings) || now - link.createdAt >= this.#limits.maxAgeMs)
        continue;
      this.#free.splice(at, 1);
      return link;
    }
    return undefined;
  }

  get lanesKept(): number {
    return Math.floor(this.#limits.size / KEPT_OF);
  }

  shared(settings: Settings): Settings {
    return without(settings, this.#wire.cosmetic);
  }

  abandon(link: Link): void {
    link.abandon(this.#wire, this.#clock, abandonedError());
  }

  /** Joins the queue; undefined: the queue is full or the pool closed, and the error says so. */
  wait(waiter: Waiter): ProxyError | undefined {
    if (this.#ended.signal.aborted) return this.#closedError();
    if (this.#waiting.length >= this.#limits.waiters) return this.#fullError();
    this.#waiting.push({ waiter, deadline: this.#clock.now() + this.#limits.waitTimeoutMs });
    this.#grow();
    this.#watch();
    return undefined;
  }

  /** Leaves the queue. */
  forget(waiter: Waiter): void {
    const at = this.#waiting.findIndex((queued) => queued.waiter === waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** Takes a link back that owes nothing and is idle. */
  give(link: Link): void {
    if (link.isClosed) return;
    if (!link.isQuiet) {
      link.whenQuiet(() => this.give(link));
      return;
    }
    const now = this.#clock.now();
    const old = now - link.createdAt >= this.#limits.maxAgeMs;
    if (link.dirty || old || this.#excess > 0 || this.#ended.signal.aborted) {
      this.#drop(link);
      this.#grow();
      return;
    }
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.waiter.granted(link);
      return;
    }
    this.#free.push({ link, since: now });
    this.#watch();
  }

  /** Closes all links at once, those in use too, and sends all waiters away. */
  close(error: ProxyError): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#timer?.cancel();
    this.lanes.close();
    this.#free.length = 0;
    for (const link of [...this.#links]) link.fail(error);
    for (const { waiter } of this.#waiting.splice(0)) waiter.denied(error);
    this.#physical
      .drain()
      .then(() => this.#physical.clear())
      .catch(() => undefined);
  }

  // ------------------------------------------------------------ PhysicalOwner

  get wanted(): boolean {
    return this.#waiting.length > 0 && this.#excess < 0;
  }

  linkOpened(ms: number): void {
    this.#failure = undefined;
    this.#events.opened(this.node, ms);
  }

  connectFailed(error: ProxyError): void {
    this.#failure = error.message;
    this.#events.connectFailed(this.node, error);
    // The server's final word (no such database, wrong password) ends every wait; the rest may go on waiting.
    const final = error.retry === 'no';
    for (const queued of [...this.#waiting]) {
      if (final || queued.waiter.connectFailed(error)) {
        this.forget(queued.waiter);
        if (final) queued.waiter.denied(error);
      }
    }
  }

  linkClosed(link: Link, reason: string): void {
    this.#events.closed(this.node, reason);
    if (!this.#links.delete(link)) return;
    const at = this.#free.findIndex((warm) => warm.link === link);
    if (at >= 0) this.#free.splice(at, 1);
    if (this.#physical.isBorrowedResource(link)) this.#physical.destroy(link).then(noop, noop);
    if (!this.#ended.signal.aborted) this.#grow();
  }

  linkSignal(link: Link, kind: 'role-changed' | 'terminated' | 'link-lost'): void {
    this.#events.signal(link.target.node, kind);
  }

  // ------------------------------------------------------------ private

  /** Borrows as many more links as waiters have none coming, within the limit. */
  #grow(): void {
    while (this.#opening < this.#waiting.length && this.#links.size + this.#opening < this.#limits.size) {
      this.#opening++;
      this.#physical.acquire().then(
        (link) => this.#arrived(link),
        () => {
          // It waited too long in there; the attempt goes on, and is asked for again if it is still wanted.
          this.#opening--;
          if (!this.#ended.signal.aborted) this.#grow();
        },
      );
    }
    if (this.#opening < this.#waiting.length) this.#limits.starved?.();
  }

  #arrived(link: Link): void {
    this.#opening--;
    if (link.isClosed || this.#ended.signal.aborted) {
      link.quit();
      this.#physical.destroy(link).then(noop, noop);
      if (!this.#ended.signal.aborted) this.#grow();
      return;
    }
    this.#links.add(link);
    this.give(link);
  }

  /** Ends a link that nobody holds. */
  #drop(link: Link): void {
    link.quit();
  }

  /** One timer for the earliest deadline of a waiter or the next link that has been idle for long. */
  #watch(): void {
    const next = this.#nextEvent();
    if (next === undefined || (this.#timer !== undefined && this.#dueAt <= next)) return;
    this.#timer?.cancel();
    this.#dueAt = next;
    this.#timer = this.#clock.after(Math.max(1, next - this.#clock.now()), () => {
      this.#timer = undefined;
      this.#expire();
      this.#watch();
    });
  }

  #nextEvent(): number | undefined {
    const waiter = this.#waiting[0]?.deadline;
    const idle = this.#free[0];
    const coldAt = idle === undefined ? undefined : idle.since + this.#coolAfter;
    if (waiter === undefined) return coldAt;
    return coldAt === undefined ? waiter : Math.min(waiter, coldAt);
  }

  /** A link unused for this long goes back to generic-pool, whose idle time-out then closes it. */
  get #coolAfter(): number {
    return Math.max(1_000, this.#limits.idleTimeoutMs / 2);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (
      let first = this.#waiting[0];
      first !== undefined && first.deadline <= now;
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      first.waiter.denied(this.#timeoutError());
    }
    for (let first = this.#free[0]; first !== undefined; first = this.#free[0]) {
      if (first.since + this.#coolAfter > now) break;
      this.#free.shift();
      this.#links.delete(first.link);
      this.#physical.release(first.link).then(noop, noop);
    }
  }

  #closedError(): ProxyError {
    return new ProxyError('SHUTDOWN', {
      side: 'proxy',
      retry: 'safe',
      tell: `connections to ${this.node} are closed`,
    });
  }

  #fullError(): ProxyError {
    return new ProxyError('POOL_FULL', {
      side: 'proxy',
      retry: 'safe',
      tell: `${this.#limits.waiters} requests already wait for a connection to ${this.node}; raise pool.size or pool.waiters`,
    });
  }

  #timeoutError(): ProxyError {
    const { size, waitTimeoutMs } = this.#limits;
    const failure = this.#failure;
    if (failure !== undefined && this.#links.size < size) {
      const tell = `no connection to ${this.node} could be opened within ${waitTimeoutMs} ms: ${failure}`;
      return new ProxyError('CONNECT_FAILED', { side: 'server', retry: 'safe', tell });
    }
    return new ProxyError('POOL_TIMEOUT', {
      side: 'proxy',
      retry: 'safe',
      tell: `none of the ${size} connections to ${this.node} became free within ${waitTimeoutMs} ms; raise pool.size or look for long transactions`,
    });
  }
}

const noop = (): void => undefined;

function abandonedError(): ProxyError {
  return new ProxyError('LINK_LOST', {
    side: 'proxy',
    retry: 'no',
    tell: 'nobody waited for what ran on the connection any more',
  });
}
