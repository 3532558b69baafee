import type { Clock, Timer } from '../core/clock.ts';
import type { Cost } from '../core/cost.ts';
import type { NodeCounters } from '../core/counters.ts';
import type { ProxyError } from '../core/errors.ts';
import type { NodeId } from '../core/node.ts';
import { type Settings, without } from '../core/settings.ts';
import type { Target, Wire } from '../core/wire.ts';
import { nobodyWaited, poolClosed, queueFull, waitedTooLong } from './complaints.ts';
import type { Lane } from './lane.ts';
import { Lanes, type LinkSource } from './lanes.ts';
import type { Link } from './link.ts';
import { Queue, type Waiter } from './queue.ts';
import type { Rescues } from './rescues.ts';
import { type LinkEvents, Stock, type StockLimits, type StockOwner } from './stock.ts';

export interface PoolLimits extends StockLimits {
  /** Requests that may wait for a connection at once. */
  readonly waiters: number;
  readonly waitTimeoutMs: number;
  /** Hears that units wait which `size` keeps from getting a connection. */
  starved?(): void;
}

/** What the lanes of a node need beside its links. */
export interface LaneSupport {
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
}

/** Of this many server connections one lane is kept although units wait for a connection of their own. */
const KEPT_OF = 4;

/**
 * Hands out the links of one node, user and database: to those who ask at once, to those who wait in their order, and
 * to lanes. Ends every wait in time.
 */
export class Dispatcher implements StockOwner, LinkSource {
  readonly clock: Clock;
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
  /** Links that several sessions share at the same time. */
  readonly lanes: Lanes;
  readonly #wire: Wire;
  readonly #limits: PoolLimits;
  readonly #stock: Stock;
  readonly #waiting = new Queue();
  /** Those who wait are being served: what comes free meanwhile is theirs. */
  #serving = false;
  /** One more link is being opened for the lanes, which are full. */
  #widening = false;
  /** Ends the wait that has lasted longest. */
  #timer: Timer | undefined;

  constructor(
    wire: Wire,
    target: Target,
    limits: PoolLimits,
    clock: Clock,
    events: LinkEvents,
    support: LaneSupport,
  ) {
    this.#wire = wire;
    this.clock = clock;
    this.rescues = support.rescues;
    this.counters = support.counters;
    this.lanes = new Lanes(this);
    this.#limits = limits;
    this.#stock = new Stock(wire, target, limits, clock, events, this);
  }

  get node(): NodeId {
    return this.#stock.node;
  }

  get free(): number {
    return this.#stock.free;
  }

  get busy(): number {
    return this.#stock.busy;
  }

  get opening(): number {
    return this.#stock.opening;
  }

  /** Server connections that are open, or being opened and still wanted. */
  get links(): number {
    return this.#stock.open + (this.wanted ? this.#stock.opening : 0);
  }

  /** All that counts against the limit. */
  get taken(): number {
    return this.#stock.open + this.#stock.opening;
  }

  /** Units that the limit alone keeps from getting a link of their own. */
  get short(): number {
    return this.taken < this.#limits.size ? 0 : Math.max(0, this.#waiting.length - this.#stock.opening);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  // ------------------------------------------------------------ links

  /** A warm link, at once; undefined: wait for one. */
  take(): Link | undefined {
    return this.#stock.take();
  }

  /** Takes a link back that owes nothing and is idle. */
  give(link: Link): void {
    if (link.isClosed) return;
    if (!link.cancels.isQuiet) {
      link.cancels.whenQuiet(() => this.give(link));
      return;
    }
    if (!this.#stock.put(link)) this.#grow();
    else if (this.#waiting.length > 0) this.#serve();
  }

  /** The limit has changed: closes what is idle beyond it, opens what is waited for within it. */
  resized(): void {
    if (this.#stock.isClosed) return;
    this.#stock.shrink();
    this.#grow();
  }

  /** Closes all links at once, those in use too, and sends all waiters away. */
  close(error: ProxyError): void {
    if (this.#stock.isClosed) return;
    this.#timer?.cancel();
    this.lanes.close();
    this.#stock.close(error);
    for (let first = this.#waiting.shift(); first !== undefined; first = this.#waiting.shift()) {
      first.denied(error);
    }
  }

  /** Asks for as many more links as waiters have none coming, within the limit. */
  #grow(): void {
    const stock = this.#stock;
    if (stock.isClosed) return;
    while (stock.opening < this.#waiting.length && stock.mayGrow) stock.ask();
    if (stock.opening < this.#waiting.length) this.#limits.starved?.();
  }

  // ------------------------------------------------------------ StockOwner

  get wanted(): boolean {
    return (this.#waiting.length > 0 || this.#widening) && this.#stock.excess < 0;
  }

  linkArrived(link: Link): void {
    this.#widening = false;
    this.give(link);
  }

  linkMissed(): void {
    this.#widening = false;
    this.#grow();
  }

  linkGone(): void {
    this.#grow();
  }

  connectFailed(error: ProxyError): void {
    this.#widening = false;
    // The server's final word (no such database, wrong password) ends every wait; the rest may go on waiting.
    const final = error.retry === 'no';
    for (const waiter of this.#waiting.all) {
      if (final || waiter.connectFailed(error)) {
        this.forget(waiter);
        if (final) waiter.denied(error);
      }
    }
  }

  // ------------------------------------------------------------ lanes

  get crowded(): boolean {
    if (this.#stock.excess > 0) return true;
    const { first } = this.#waiting;
    if (first === undefined) return false;
    const sharing = first.sharing();
    return sharing === undefined || !this.lanes.has(sharing.settings);
  }

  get lanesKept(): number {
    return Math.floor(this.#limits.size / KEPT_OF);
  }

  /** A warm link whose settings suit, at once. */
  takeLike(suits: (settings: Settings) => boolean): Link | undefined {
    return this.#stock.takeLike(suits);
  }

  /** One link more, if there may be one. It is free when it comes. */
  widen(): void {
    const stock = this.#stock;
    // A free one would have been taken if its settings suited: nor would those of one more.
    if (this.#widening || stock.opening > 0 || stock.free > 0 || !stock.mayGrow) return;
    this.#widening = true;
    stock.ask();
  }

  /** Room on a lane, at once, for one who comes now; undefined: there is none, or others wait for it. */
  board(settings: Settings, cost: Cost): Lane | undefined {
    return this.waitsFor(settings) ? undefined : this.lanes.board(settings, cost);
  }

  waitsFor(settings: Settings): boolean {
    return this.#waiting.hasSharer(settings);
  }

  boardWaiting(): void {
    if (this.#waiting.length === 0 || this.#serving) return;
    this.#serve();
  }

  shared(settings: Settings): Settings {
    return without(settings, this.#wire.cosmetic);
  }

  abandon(link: Link): void {
    link.cancels.abandon(this.#wire, this.clock, nobodyWaited());
  }

  // ------------------------------------------------------------ those who wait

  /** Joins the queue; undefined: the queue is full or the pool closed, and the error says so. */
  wait(waiter: Waiter): ProxyError | undefined {
    if (this.#stock.isClosed) return poolClosed(this.node);
    if (this.#waiting.length >= this.#limits.waiters) return queueFull(this.node, this.#limits);
    this.#waiting.join(waiter, this.clock.now() + this.#limits.waitTimeoutMs);
    this.#grow();
    this.#watch();
    return undefined;
  }

  /** Leaves the queue. */
  forget(waiter: Waiter): void {
    this.#waiting.leave(waiter);
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
  }

  #board(): void {
    this.#waiting.board(({ settings, cost }) => this.lanes.board(settings, cost));
  }

  /** All wait equally long: whoever comes later is over later. */
  #watch(): void {
    const { deadline } = this.#waiting;
    if (deadline === undefined || this.#timer !== undefined) return;
    this.#timer = this.clock.after(Math.max(1, deadline - this.clock.now()), () => {
      this.#timer = undefined;
      this.#expire();
      this.#watch();
    });
  }

  #expire(): void {
    const now = this.clock.now();
    for (let late = this.#waiting.expired(now); late !== undefined; late = this.#waiting.expired(now)) {
      late.denied(waitedTooLong(this.node, this.#limits, this.#stock.failure));
    }
  }
}
