import type { Pool } from 'generic-pool';
import type { Clock, Timer } from '../core/clock.ts';
import type { NodeCounters } from '../core/counters.ts';
import type { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import { type Settings, without } from '../core/settings.ts';
import type { Target, Wire } from '../core/wire.ts';
import { nobodyWaited, poolClosed, queueFull, waitedTooLong } from './complaints.ts';
import { Lanes, type LinkSource } from './lanes.ts';
import type { Link } from './link.ts';
import { createPhysicalPool, type PhysicalLimits, type PhysicalOwner } from './physical.ts';
import { Queue, type Waiter } from './queue.ts';
import type { Rescues } from './rescues.ts';
import { WarmLinks } from './warm.ts';

export interface PoolLimits extends PhysicalLimits {
  /** Requests that may wait for a connection at once. */
  readonly waiters: number;
  readonly waitTimeoutMs: number;
  /** A connection older than this is not lent again, in ms. */
  readonly maxAgeMs: number;
  /** Hears that units wait which `size` keeps from getting a connection. */
  starved?(): void;
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

/**
 * Hands out the links of one node, user and database. Keeps warm links borrowed from generic-pool and lends
 * them synchronously, most recently used first; gives them back to it when they have been idle. Serves those who
 * wait, and ends their waits in time.
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
  readonly #free = new WarmLinks();
  /** All links borrowed from the physical pool. */
  readonly #links = new Set<Link>();
  readonly #waiting = new Queue();
  /** Those who wait are being served: what comes free meanwhile is theirs. */
  #serving = false;
  #opening = 0;
  /** One more link is being opened for the lanes, which are full. */
  #widening = false;
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
      const coldest = this.#free.takeColdest();
      if (coldest === undefined) break;
      this.#drop(coldest);
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
    if (this.#excess > 0) return true;
    const { first } = this.#waiting;
    if (first === undefined) return false;
    const sharing = first.sharing();
    return sharing === undefined || !this.lanes.has(sharing.settings);
  }

  /** One link more, if there may be one. It is free when it comes. */
  widen(): void {
    // A free one would have been taken if its settings suited: nor would those of one more.
    // What has been idle for long counts against the limit, and is what comes.
    if (this.#widening || this.#opening > 0 || this.#free.length > 0 || this.#links.size >= this.#limits.size)
      return;
    this.#widening = true;
    this.#open();
  }

  boardWaiting(): void {
    if (this.#waiting.length === 0 || this.#serving) return;
    this.#serve();
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
    const from = this.#clock.now() - this.#limits.maxAgeMs;
    for (let link = this.#free.take(); link !== undefined; link = this.#free.take()) {
      if (link.createdAt > from) return link;
      this.#drop(link);
    }
    return undefined;
  }

  /** A warm link whose settings suit, at once. */
  takeLike(suits: (settings: Settings) => boolean): Link | undefined {
    return this.#free.takeLike(suits, this.#clock.now() - this.#limits.maxAgeMs);
  }

  get lanesKept(): number {
    return Math.floor(this.#limits.size / KEPT_OF);
  }

  shared(settings: Settings): Settings {
    return without(settings, this.#wire.cosmetic);
  }

  abandon(link: Link): void {
    link.abandon(this.#wire, this.#clock, nobodyWaited());
  }

  /** Joins the queue; undefined: the queue is full or the pool closed, and the error says so. */
  wait(waiter: Waiter): ProxyError | undefined {
    if (this.#ended.signal.aborted) return poolClosed(this.node);
    if (this.#waiting.length >= this.#limits.waiters) return queueFull(this.node, this.#limits);
    this.#waiting.join(waiter, this.#clock.now() + this.#limits.waitTimeoutMs);
    this.#grow();
    this.#watch();
    return undefined;
  }

  /** Leaves the queue. */
  forget(waiter: Waiter): void {
    this.#waiting.leave(waiter);
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
    this.#free.add(link, now);
    if (this.#waiting.length > 0) this.#serve();
    else this.#watch();
  }

  /** Closes all links at once, those in use too, and sends all waiters away. */
  close(error: ProxyError): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#timer?.cancel();
    this.lanes.close();
    this.#free.clear();
    for (const link of [...this.#links]) link.fail(error);
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      first.denied(error);
    }
    this.#physical
      .drain()
      .then(() => this.#physical.clear())
      .catch(() => undefined);
  }

  // ------------------------------------------------------------ PhysicalOwner

  get wanted(): boolean {
    return (this.#waiting.length > 0 || this.#widening) && this.#excess < 0;
  }

  linkOpened(ms: number): void {
    this.#failure = undefined;
    this.#events.opened(this.node, ms);
  }

  connectFailed(error: ProxyError): void {
    this.#failure = error.message;
    this.#widening = false;
    this.#events.connectFailed(this.node, error);
    // The server's final word (no such database, wrong password) ends every wait; the rest may go on waiting.
    const final = error.retry === 'no';
    for (const waiter of this.#waiting.all) {
      if (final || waiter.connectFailed(error)) {
        this.forget(waiter);
        if (final) waiter.denied(error);
      }
    }
  }

  linkClosed(link: Link, reason: string): void {
    this.#events.closed(this.node, reason);
    if (!this.#links.delete(link)) return;
    this.#free.remove(link);
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
      this.#open();
    }
    if (this.#opening < this.#waiting.length) this.#limits.starved?.();
  }

  #open(): void {
    this.#opening++;
    this.#physical.acquire().then(
      (link) => this.#arrived(link),
      () => {
        // It waited too long in there; the attempt goes on, and is asked for again if it is still wanted.
        this.#opening--;
        this.#widening = false;
        if (!this.#ended.signal.aborted) this.#grow();
      },
    );
  }

  #arrived(link: Link): void {
    this.#opening--;
    this.#widening = false;
    if (link.isClosed || this.#ended.signal.aborted) {
      link.quit();
      this.#physical.destroy(link).then(noop, noop);
      if (!this.#ended.signal.aborted) this.#grow();
      return;
    }
    this.#links.add(link);
    this.give(link);
  }

  /**
   * Those who wait are served in their order: a link for each, and whoever may share one begins a lane and is
   * followed by all who may share it too.
   */
  #serve(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      this.#board();
      while (this.#waiting.length > 0) {
        const link = this.take();
        const waiter = link && this.#waiting.shift();
        if (link === undefined || waiter === undefined) break;
        const sharing = waiter.sharing();
        if (sharing === undefined || this.shared(link.settings) !== sharing.settings) waiter.granted(link);
        else waiter.boarded(this.lanes.open(link, sharing.settings));
        this.#board();
      }
    } finally {
      this.#serving = false;
    }
    this.#watch();
  }

  #board(): void {
    this.#waiting.board(({ settings, cost }) => this.lanes.board(settings, cost));
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
    const waiter = this.#waiting.deadline;
    const since = this.#free.coldestSince;
    const coldAt = since === undefined ? undefined : since + this.#coolAfter;
    if (waiter === undefined) return coldAt;
    return coldAt === undefined ? waiter : Math.min(waiter, coldAt);
  }

  /** A link unused for this long goes back to generic-pool, whose idle time-out then closes it. */
  get #coolAfter(): number {
    return Math.max(1_000, this.#limits.idleTimeoutMs / 2);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (let late = this.#waiting.expired(now); late !== undefined; late = this.#waiting.expired(now)) {
      const failure = this.#links.size < this.#limits.size ? this.#failure : undefined;
      late.denied(waitedTooLong(this.node, this.#limits, failure));
    }
    for (let since = this.#free.coldestSince; since !== undefined; since = this.#free.coldestSince) {
      const cold = since + this.#coolAfter <= now ? this.#free.takeColdest() : undefined;
      if (cold === undefined) break;
      this.#links.delete(cold);
      this.#physical.release(cold).then(noop, noop);
    }
  }
}

const noop = (): void => undefined;
