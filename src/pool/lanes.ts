import type { Clock, Timer } from '../core/clock.ts';
import type { Cost } from '../core/cost.ts';
import type { NodeCounters } from '../core/counters.ts';
import type { Settings } from '../core/settings.ts';
import { Lane, type LaneOwner, type LinkHome } from './lane.ts';
import type { Link } from './link.ts';
import type { Rescues } from './rescues.ts';

/** Units that are ahead of one, on average, below which one on an idle lane is sent at once. */
const FEW = 0.75;
/** How often lanes are looked after while anything is owed on them, in ms. */
const LOOK_EVERY = 10;
/**
 * Of so many units that are sent while more than so many lanes are in use, that many are sent on one lane: how long
 * they take shows how much work they are, whatever the server is busy with.
 */
const SOUNDED_EVERY = 1_024;
const NARROW = 2;
const SOUNDING = 32;
/**
 * Units that one process relays in a ms, at most: more lanes than could run so many of a kind gain nothing, and wake more
 * server processes for the same work.
 */
const RELAYED = 40;
/** Share of the newest unit in the average. */
const NEWEST = 1 / 16;

/** Where lanes get their links, and give them back to. */
export interface LinkSource extends LinkHome {
  readonly clock: Clock;
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
  /** A unit that no lane can serve is next to get a link, or there are more links than there may be. */
  readonly crowded: boolean;
  /** Lanes that may be kept while others wait. */
  readonly lanesKept: number;
  /** Somebody waits for room on a lane with these settings. */
  waitsFor(settings: Settings): boolean;
  /** A warm link at once, with settings that suit. */
  takeLike(suits: (settings: Settings) => boolean): Link | undefined;
  /** There may be room again on a lane for those who wait. */
  boardWaiting(): void;
  /** All lanes are full: one link more would be of use. */
  widen(): void;
  /** Ends what runs on a link, and the link. */
  abandon(link: Link): void;
  /** What of a link's settings matters to those who share it. */
  shared(settings: Settings): Settings;
}

/** The lanes of one node, user and database: packed one after another, flushed once a turn, watched while busy. */
export class Lanes implements LaneOwner {
  readonly clock: Clock;
  readonly rescues: Rescues;
  readonly counters: NodeCounters;
  readonly #source: LinkSource;
  /** In the order in which they are filled. */
  #lanes: Lane[] = [];
  /** Those that take nothing more, and that nobody was moved away from for want of budget. */
  #late: Lane[] = [];
  #filled: Lane[] = [];
  /** Units that are ahead of one when it is sent, on average. */
  #ahead = 0;
  /** Units until the next ones are sent on one lane, and until they are no more, below 0. */
  #untilSounding = SOUNDED_EVERY;
  #timer: Timer | undefined;

  constructor(source: LinkSource) {
    this.#source = source;
    this.clock = source.clock;
    this.rescues = source.rescues;
    this.counters = source.counters;
  }

  get home(): LinkHome {
    return this.#source;
  }

  /** Lanes with anything on them now. */
  get count(): number {
    return this.#lanes.length;
  }

  /** Units that are owed on them now. */
  get owed(): number {
    let owed = 0;
    for (const { link } of this.#lanes) owed += link.owed;
    return owed;
  }

  /** One of them is for units with these settings. */
  has(settings: Settings): boolean {
    return this.#lanes.some((lane) => lane.settings === settings);
  }

  /** A lane for a unit; undefined: it needs a link of its own. */
  board(settings: Settings, cost: Cost): Lane | undefined {
    const sounded = this.#lanes.length > NARROW ? this.#sounded(settings, cost) : undefined;
    if (sounded !== undefined) return sounded;
    let least: Lane | undefined;
    // Those who wait for a link of their own get all but a few.
    const usable = this.#source.crowded ? this.#source.lanesKept : this.#lanes.length;
    for (let at = 0; at < this.#lanes.length && at < usable; at++) {
      const lane = this.#lanes[at];
      if (lane === undefined || lane.settings !== settings || !lane.accepts(cost)) continue;
      if (!lane.isPacked(cost)) return lane;
      if (least === undefined || lane.work < least.work) least = lane;
    }
    if (this.#source.crowded) return least;
    if (least?.isLight(cost) && this.#lanes.length > 1 + RELAYED * cost.work) return least;
    const link = this.#source.takeLike((of) => this.#source.shared(of) === settings);
    if (link !== undefined) return this.open(link, settings);
    if (least !== undefined) this.#source.widen();
    return least;
  }

  #sounded(settings: Settings, cost: Cost): Lane | undefined {
    if (--this.#untilSounding > 0) return undefined;
    if (this.#untilSounding <= -SOUNDING) this.#untilSounding = SOUNDED_EVERY;
    const [lane] = this.#lanes;
    return lane?.settings === settings && lane.acceptsMore(cost) ? lane : undefined;
  }

  /** Begins a lane on a link that nobody holds. */
  open(link: Link, settings: Settings): Lane {
    const lane = new Lane(link, settings, this);
    this.#lanes.push(lane);
    this.#watch();
    return lane;
  }

  // ------------------------------------------------------------ LaneOwner

  isKept(lane: Lane): boolean {
    if (this.#source.waitsFor(lane.settings)) return false;
    return !this.#source.crowded || this.#lanes.indexOf(lane) < this.#source.lanesKept;
  }

  laneSent(lane: Lane): void {
    const ahead = lane.link.owed - 1;
    this.#ahead += (ahead - this.#ahead) * NEWEST;
    if (ahead === 0 && this.#ahead < FEW) lane.flush();
    else this.laneFilled(lane);
  }

  laneFilled(lane: Lane): void {
    if (this.#filled.length === 0) setImmediate(endTurn, this);
    if (!this.#filled.includes(lane)) this.#filled.push(lane);
  }

  laneRead(lane: Lane): void {
    this.#source.boardWaiting();
    if (lane.isDue) this.laneFilled(lane);
  }

  laneClosed(lane: Lane): void {
    this.#lanes = this.#lanes.filter((one) => one !== lane);
  }

  laneIdle(lane: Lane): void {
    this.laneClosed(lane);
    lane.link.holder = undefined;
    this.#source.give(lane.link);
  }

  laneAbandoned(lane: Lane): void {
    this.#source.abandon(lane.link);
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** All that arrived in this turn has been read: what it brought leaves together. */
  endTurn(): void {
    const filled = this.#filled;
    this.#filled = [];
    for (const lane of filled) if (lane.isDue) lane.flush();
  }

  // ------------------------------------------------------------ looking after them

  #watch(): void {
    this.#timer ??= this.clock.after(LOOK_EVERY, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  #look(): void {
    const now = this.clock.now();
    const isStuck = (lane: Lane): boolean => lane.isStuck(now);
    // This loop may have been the one that was late: what has come is read first.
    if (this.#lanes.some(isStuck) || this.#late.some(isStuck)) setImmediate(rescueStuck, this);
    this.#late = this.#late.filter((lane) => lane.isBusy);
    if (this.#lanes.length > 0 || this.#late.length > 0) this.#watch();
  }

  rescueStuck(): void {
    const now = this.clock.now();
    for (const lane of [...this.#late, ...this.#lanes]) {
      if (!lane.isStuck(now)) continue;
      this.#late = this.#late.filter((one) => one !== lane);
      if (!lane.rescue()) this.#late.push(lane);
    }
  }
}

/** One function for all: a turn costs no closure. */
function endTurn(lanes: Lanes): void {
  lanes.endTurn();
}

function rescueStuck(lanes: Lanes): void {
  lanes.rescueStuck();
}
