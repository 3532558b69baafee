import type { Clock } from '../core/clock.ts';
import { type Cost, LONG_MS } from '../core/cost.ts';
import type { NodeCounters } from '../core/counters.ts';
import type { Settings } from '../core/settings.ts';
import type { Outcome, Plan } from '../core/wire.ts';
import { discarded } from './discarded.ts';
import type { Entry, Link, LinkHolder, Loss, ReplyOwner, Request } from './link.ts';
import type { Rescues } from './rescues.ts';

/** Units on one lane at most, and the work behind them, in ms. */
const DEPTH = 256;
const FULL_MS = 10;
/** A lane is filled up to so many units, or so much work in ms, before the next one is begun. */
const PACKED_UNITS = 32;
const PACKED_MS = 1;
/** So much work in units of one kind, in ms, where another lane would gain nothing. */
const DEEP_MS = 4;
/** What was answered is measured together when it is so much, or the lane has nothing left to do. */
const RUN = 8;

/** Has units on a lane. */
export interface Passenger extends ReplyOwner {
  /** Nobody else has units on the link any more: it is the passenger's, as a lease. */
  laneTaken(lane: Lane): void;
  /** Right after `laneTaken`: what it had wanted to cancel runs, and nobody else can be struck any more. */
  laneCleared(): void;
  /** Its units were moved away before their answers began: they run elsewhere, in this order. */
  laneLeft(lane: Lane, requests: readonly Request[]): void;
  /** The link is gone. `first`: the answer to the first of these units came next, or had begun. */
  laneLost(lane: Lane, loss: Loss, requests: readonly Request[], first: boolean): void;
}

/** Takes links back. */
export interface LinkHome {
  /** Its links that are in use. */
  readonly busy: number;
  give(link: Link): void;
}

/** What a lane tells those who keep the lanes. */
export interface LaneOwner {
  readonly clock: Clock;
  /** Where its link goes back to. */
  readonly home: LinkHome;
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
  /** Lanes that the server works on. */
  readonly count: number;
  /** False: a unit waits for this one to end, or for room on it. */
  isKept(lane: Lane): boolean;
  /** It has another unit to flush. */
  laneSent(lane: Lane): void;
  /** It is due at the end of this turn. */
  laneFilled(lane: Lane): void;
  /** What came from its server has been read. */
  laneRead(lane: Lane): void;
  /** It takes no more units, or is gone. */
  laneClosed(lane: Lane): void;
  /** Nothing is owed on it: its link may go back. */
  laneIdle(lane: Lane): void;
  /** Nobody waits for what runs on it. */
  laneAbandoned(lane: Lane): void;
}

/**
 * A link that several sessions' plain reads share at the same time: they follow one another on it without waiting for
 * answers. It ends when nothing is owed on it, when it is given to one of its passengers, or with its link.
 */
export class Lane implements LinkHolder {
  readonly link: Link;
  /** What holds for all its passengers. */
  readonly settings: Settings;
  readonly #owner: LaneOwner;
  #open = true;
  /** The work behind the units that are owed, in ms. */
  #work = 0;
  /** Since when the next answer has been awaited, in monotonic ms. */
  #since = 0;
  /** What was answered and is not measured yet: since when, in monotonic ms, and whether it was ever idle before. */
  readonly #answered: { readonly cost: Cost; readonly expected: number }[] = [];
  #began = 0;
  #fromIdle = true;
  /** The unit that took longer than was expected of it. */
  #blamed: Entry | undefined;
  /** The unit that was to be cancelled when the budget of rescues was spent. */
  #unwanted: Entry | undefined;

  constructor(link: Link, settings: Settings, owner: LaneOwner) {
    this.link = link;
    this.settings = settings;
    this.#owner = owner;
    link.holder = this;
  }

  get home(): LinkHome {
    return this.#owner.home;
  }

  /** The work that is under way here, in ms. */
  get work(): number {
    return this.#work;
  }

  /** It has its share; another lane may be begun. */
  isPacked(cost: Cost): boolean {
    return this.link.owed >= PACKED_UNITS || (this.link.owed > 0 && this.#work + cost.work > PACKED_MS);
  }

  /** What is on it is no more work than as many units of this kind, or not by much. */
  isLight({ work }: Cost): boolean {
    return this.#work + work <= DEEP_MS && this.#work <= 2 * work * this.link.owed;
  }

  /** May take a unit. */
  accepts(cost: Cost): boolean {
    return this.#open && this.link.owed < DEPTH && this.#work + cost.work <= FULL_MS;
  }

  /** May take one more unit of a session that has some on it. */
  acceptsMore(cost: Cost): boolean {
    return this.accepts(cost) && this.#owner.isKept(this);
  }

  /** Sends a unit behind all others. `ahead`: only what must come before it. */
  send(plan: Plan, passenger: Passenger, request: Request, ahead = false): void {
    const { counters, clock } = this.#owner;
    const { link } = this;
    if (link.owed === 0 && this.#answered.length === 0) {
      this.#since = this.#began = clock.now();
      this.#fromIdle = true;
    }
    const work = request.intent.cost?.work ?? 0;
    counters.laneUnits++;
    counters.laneDepth += link.owed;
    counters.laneBehindMs += this.#work;
    this.#work += work;
    link.gather({ plan, owner: passenger, request, passenger, ahead, work });
    this.#owner.laneSent(this);
  }

  /** It was boarded, and nothing was sent. */
  unused(): void {
    if (this.link.owed === 0) this.#owner.laneIdle(this);
  }

  flush(): void {
    if (this.link.flush()) this.#owner.counters.laneWrites++;
  }

  /**
   * What was gathered is to leave now: the server has little left to do. Until then it would only wait there, and what
   * comes meanwhile can leave with it.
   */
  get isDue(): boolean {
    const { sent, owed } = this.link;
    return sent < owed && sent <= Math.max(1, owed >> 2);
  }

  // ------------------------------------------------------------ answers

  linkAnswered(_link: Link, entry: Entry, outcome: Outcome): void {
    const cost = entry.request?.intent.cost;
    this.#work = Math.max(0, this.#work - entry.work);
    if (cost !== undefined && !entry.ahead) this.#answered.push({ cost, expected: cost.ms });
    if (outcome.status === 'idle' && leavesNoState(outcome)) return;
    // State of one session on a link that others share: nobody else may stay on it.
    if (cost !== undefined) cost.never = true;
    this.#owner.counters.lanePoisoned++;
    const { passenger } = entry;
    this.#giveTo(passenger);
    if (passenger === undefined) this.link.dirty = true;
  }

  /** A chunk has been read. */
  linkRead(): void {
    const { link } = this;
    if (this.#answered.length > 0) {
      this.#since = this.#owner.clock.now();
      if (this.#answered.length >= RUN || link.owed === 0) this.#measure();
    }
    this.#owner.laneRead(this);
    if (link.owed === 0 && link.holder === this) this.#owner.laneIdle(this);
  }

  /**
   * What was answered took the time since the answer before it, shared out by what was expected of each. A few that
   * did not find the lane idle may have been done for the most part when that answer was read.
   */
  #measure(): void {
    const took = this.#since - this.#began;
    const isWhole = this.#fromIdle || this.#answered.length >= RUN;
    this.#began = this.#since;
    this.#fromIdle = false;
    let all = 0;
    for (const { expected } of this.#answered) all += expected;
    const busy = isWhole ? Math.max(1, this.#owner.count) : 0;
    for (const { cost, expected } of this.#answered) cost.together((took * expected) / (all || 1), busy);
    this.#answered.length = 0;
  }

  // ------------------------------------------------------------ who must leave

  /** Something is owed on it, and it is nobody's own. */
  get isBusy(): boolean {
    return this.link.holder === this && this.link.owed > 0;
  }

  /** Is the answer late that comes next? Nothing came for so long although what is expected is short. */
  isStuck(now: number): boolean {
    const { patience = 1 } = this.link.running?.request?.intent.cost ?? {};
    return this.isBusy && now - this.#since > LONG_MS * patience;
  }

  /**
   * The unit at the head takes longer than was expected of it. Those behind it are moved away, as far as the budget
   * of all rescues goes; the link is then its own. False: the budget is spent.
   */
  rescue(): boolean {
    const head = this.link.running;
    if (head === undefined) return true;
    const { passenger } = head;
    if (this.#blamed !== head) head.request?.intent.cost?.demote();
    this.#blamed = head;
    this.#close();
    const behind = this.#behind(passenger);
    if (!this.#owner.rescues.spend(behind)) return false;
    this.#owner.counters.laneRescues += behind;
    this.#giveTo(passenger);
    if (passenger === undefined) this.#owner.laneAbandoned(this);
    return true;
  }

  /**
   * Moves all others away, so that what runs can be cancelled. False: they are ahead, or the budget of all rescues is
   * spent; `laneCleared` follows if there is some again before the answer ends, which is late then.
   */
  clearFor(passenger: Passenger): boolean {
    const { running } = this.link;
    if (running?.passenger !== passenger) return false;
    const behind = this.#behind(passenger);
    if (!this.#owner.rescues.spend(behind)) {
      this.#unwanted = running;
      return false;
    }
    this.#unwanted = undefined;
    this.#owner.counters.laneRescues += behind;
    this.#giveTo(passenger);
    return true;
  }

  /** The client of the answer that is being read does not take it: those behind cannot wait for it. */
  stalledBy(passenger: Passenger): void {
    if (this.link.running?.passenger === passenger) this.#giveTo(passenger);
  }

  /** A passenger is gone: its answers are dropped. */
  leave(passenger: Passenger): void {
    for (const entry of this.link.entries) if (entry.passenger === passenger) drop(entry);
  }

  /** The oldest unit of a passenger is answered by somebody else: what the server says of it is dropped. */
  dropOldest(passenger: Passenger): void {
    const entry = this.link.entries.find((one) => one.passenger === passenger);
    if (entry !== undefined) drop(entry);
  }

  /** Units of others than the given one. */
  #behind(passenger: Passenger | undefined): number {
    let count = 0;
    for (const entry of this.link.entries) {
      if (entry.passenger !== undefined && entry.passenger !== passenger) count++;
    }
    return count;
  }

  /** All others leave; the passenger takes the link, or nobody does: then it goes back when nothing is owed. */
  #giveTo(passenger: Passenger | undefined): void {
    this.#close();
    this.flush();
    const moved = new Map<Passenger, Request[]>();
    for (const entry of this.link.entries) {
      const { passenger: one } = entry;
      if (one === undefined || one === passenger) continue;
      const requests = moved.get(one) ?? [];
      moved.set(one, requests);
      if (entry.request !== undefined && !entry.ahead) requests.push(entry.request);
      drop(entry);
    }
    const isUnwanted = this.link.running !== undefined && this.link.running === this.#unwanted;
    passenger?.laneTaken(this);
    if (isUnwanted) passenger?.laneCleared();
    for (const [one, requests] of moved) one.laneLeft(this, requests);
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#owner.laneClosed(this);
  }

  // ------------------------------------------------------------ the link

  linkLost(_link: Link, loss: Loss): void {
    this.#close();
    const lost = new Map<Passenger, Request[]>();
    for (const { passenger, request, ahead } of loss.owed) {
      if (passenger === undefined) continue;
      const requests = lost.get(passenger) ?? [];
      lost.set(passenger, requests);
      if (request !== undefined && !ahead) requests.push(request);
    }
    const first = loss.owed[0]?.passenger;
    for (const [passenger, requests] of lost) passenger.laneLost(this, loss, requests, passenger === first);
  }

  /** Nobody's: what a server says unasked is for a session that holds the link. */
  linkAside(): void {}

  linkDrained(): void {}

  linkIdle(): void {}
}

/** Nothing of the unit stays behind on the link, but perhaps an open transaction. */
export const leavesNoState = ({ settingChanged, changes, pin }: Outcome): boolean =>
  !settingChanged && changes.length === 0 && pin === undefined;

function drop(entry: Entry): void {
  entry.owner = discarded;
  entry.passenger = undefined;
}
