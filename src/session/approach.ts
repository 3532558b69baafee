import type { Cost } from '../core/cost.ts';
import type { ProxyError } from '../core/errors.ts';
import type { View } from '../core/view.ts';
import type { Held } from '../hold/holds.ts';
import type { Dispatcher } from '../pool/dispatcher.ts';
import type { Lane } from '../pool/lane.ts';
import type { Link, Request } from '../pool/link.ts';
import type { Sharing, Waiter } from '../pool/queue.ts';
import { type Route, route } from '../routing/route.ts';
import type { Bearings } from './bearings.ts';
import { lostTwice } from './complaints.ts';
import type { Realm } from './realm.ts';
import type { SessionState } from './state.ts';

/** A link that was found for a unit, and where it came from. */
export interface Found {
  readonly link: Link;
  readonly dispatcher: Dispatcher;
  readonly onPrimary: boolean;
}

/** What became of looking for a link: found, one to be shared, waiting for it, or the error to tell. */
export type Sought = Found | Lane | 'waits' | ProxyError;

/** Who sent out for a link hears how the wait ended. Exactly one of the four. */
export interface Seeker {
  /** At what cost the unit that waits may share a link now; undefined: it needs one of its own. */
  readonly sharesAt: Cost | undefined;
  linkFound(found: Found): void;
  laneFound(lane: Lane): void;
  /** The world has changed: the unit is to be routed anew. */
  lookAgain(): void;
  nothingFound(error: ProxyError): void;
}

/** A session's way to a link while it has none: routed, waiting at a pool, or held until there is a primary. */
export class Approach implements Waiter, Held {
  readonly #realm: Realm;
  readonly #state: SessionState;
  readonly #bearings: Bearings;
  readonly #seeker: Seeker;
  #waitsAt: Dispatcher | undefined;
  #waitingSince = 0;
  #isHeld = false;
  #toPrimary = false;
  /** When the unit under way first had to be held, in monotonic ms; 0: it has not. */
  #heldSince = 0;

  constructor(realm: Realm, state: SessionState, bearings: Bearings, seeker: Seeker) {
    this.#realm = realm;
    this.#state = state;
    this.#bearings = bearings;
    this.#seeker = seeker;
  }

  get isWaiting(): boolean {
    return this.#isHeld || this.#waitsAt !== undefined;
  }

  /** Compared each time a write is sent, not by a timer: a blocked loop runs sockets before late timers. */
  get mayWrite(): boolean {
    const { writableUntil } = this.#realm.view;
    return writableUntil === Number.POSITIVE_INFINITY || this.#realm.clock.now() <= writableUntil;
  }

  /** The unit is to run on the primary; of the last one that was sought for. */
  get toPrimary(): boolean {
    return this.#toPrimary;
  }

  /** Finds a node and a link for a unit. `cost`: it may share one. */
  seek({ unit, intent }: Request, cost: Cost | undefined): Sought {
    const { view, rules } = this.#realm;
    this.#bearings.settle(view);
    const way = route(intent, this.#bearings, view, rules);
    if ('refuse' in way) return way.refuse;
    this.#toPrimary = 'hold' in way || way.to === view.primary;
    if (this.#toPrimary && this.#bearings.neverPrimary) {
      if (!this.#anotherReplica(view)) return lostTwice();
      return this.#hold(unit.bytes.length, 'waiting for a replica that has what this session has read');
    }
    if ('hold' in way) return this.#hold(unit.bytes.length, way.hold);
    if (this.#toPrimary && intent.kind !== 'read' && !this.mayWrite) {
      return this.#hold(unit.bytes.length, 'this proxy may not write at the moment');
    }
    return this.#wait(way, cost);
  }

  /** A replica is there that can serve the unit, if not at once: its position has only to be known. */
  #anotherReplica(view: View): boolean {
    return view.nodes.some(
      ({ id, role, state, links, weight }) =>
        role === 'replica' && state === 'up' && links && weight > 0 && id !== this.#bearings.exclude,
    );
  }

  /** The unit under way was sent, or will not be. */
  over(): void {
    this.#heldSince = 0;
  }

  /** Waits no longer. */
  stop(): void {
    this.#waitsAt?.forget(this);
    this.#waitsAt = undefined;
    if (this.#isHeld) this.#realm.holds.forget(this);
    this.#isHeld = false;
  }

  #hold(bytes: number, why: string): Sought {
    if (this.#heldSince === 0) this.#heldSince = this.#realm.clock.now();
    const full = this.#realm.holds.add(this, bytes, why, this.#heldSince);
    if (full !== undefined) return full;
    this.#isHeld = true;
    return 'waits';
  }

  #wait({ to, because }: Extract<Route, { to: unknown }>, cost: Cost | undefined): Sought {
    if (because === 'C02') this.#bearings.unstick();
    this.#realm.counters.of(to).units(because).count++;
    const dispatcher = this.#realm.accounts.dispatcher(this.#state.account, to);
    const lane = cost === undefined ? undefined : dispatcher.board(this.#state.shared, cost);
    if (lane !== undefined) return lane;
    const link = dispatcher.take();
    if (link !== undefined) return { link, dispatcher, onPrimary: this.#toPrimary };
    const full = dispatcher.wait(this);
    if (full !== undefined) {
      this.#realm.counters.of(to).waitsFailed++;
      return full;
    }
    this.#waitsAt = dispatcher;
    this.#waitingSince = this.#realm.clock.now();
    this.#realm.counters.of(to).waits++;
    return 'waits';
  }

  /** The wait at a pool is over. */
  #waited(dispatcher: Dispatcher, inVain: boolean): void {
    this.#waitsAt = undefined;
    const counters = this.#realm.counters.of(dispatcher.node);
    counters.waitedMs += this.#realm.clock.now() - this.#waitingSince;
    if (inVain) counters.waitsFailed++;
  }

  // ------------------------------------------------------------ how a wait ends

  sharing(): Sharing | undefined {
    const cost = this.#seeker.sharesAt;
    return cost && { settings: this.#state.shared, cost };
  }

  boarded(lane: Lane): void {
    if (this.#waitsAt !== undefined) this.#waited(this.#waitsAt, false);
    this.#seeker.laneFound(lane);
  }

  granted(link: Link): void {
    const dispatcher = this.#waitsAt;
    if (dispatcher === undefined) return;
    this.#waited(dispatcher, false);
    this.#seeker.linkFound({ link, dispatcher, onPrimary: this.#toPrimary });
  }

  denied(error: ProxyError): void {
    if (this.#waitsAt !== undefined) this.#waited(this.#waitsAt, error.code !== 'LINK_LOST');
    // The view has changed, or a replica does not know the user or database yet: another way is looked for.
    const unknownThere = error.code === 'NODE_REFUSED' && !this.#toPrimary;
    if (unknownThere) this.#bearings.primaryOnly = true;
    if (unknownThere || error.code === 'LINK_LOST') this.#seeker.lookAgain();
    else this.#seeker.nothingFound(error);
  }

  /** A read does not wait for a replica that cannot be reached. */
  connectFailed(error: ProxyError): boolean {
    if (this.#toPrimary || this.#waitsAt === undefined) return false;
    const { node } = this.#waitsAt;
    this.#waited(this.#waitsAt, true);
    this.#bearings.exclude = node;
    this.#realm.emit({ kind: 'retried', from: node, because: error.code });
    this.#seeker.lookAgain();
    return true;
  }

  released(): void {
    this.#isHeld = false;
    this.#seeker.lookAgain();
  }

  expired(error: ProxyError): void {
    this.#isHeld = false;
    this.#seeker.nothingFound(error);
  }
}
